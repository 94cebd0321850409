import pytest
import torch

from pleinair.dit.transformer import Transformer
from tests.dit import tiny


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    torch.manual_seed(0)


@pytest.fixture
def transformer() -> Transformer:
    return tiny.transformer()
