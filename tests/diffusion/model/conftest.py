"""A whole model so small that a clip takes milliseconds; its weights are random, not empty."""

import pytest
import torch

from pleinair.diffusion.model.autoencoder import Autoencoder, AutoencoderConfig
from pleinair.diffusion.model.checkpoint import Model
from pleinair.diffusion.model.text import TextConfig, TextEncoder
from pleinair.diffusion.model.vocabulary import Vocabulary
from pleinair.dit.transformer import Transformer
from tests.dit import tiny


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    torch.manual_seed(0)


@pytest.fixture
def autoencoder() -> Autoencoder:
    config = AutoencoderConfig(channels=8, quarter=8, eighth=8, group=8, latent=8, half=8)
    return Autoencoder(config).eval()


@pytest.fixture
def transformer() -> Transformer:
    return tiny.transformer()


@pytest.fixture
def model(autoencoder: Autoencoder, transformer: Transformer) -> Model:
    vocabulary = Vocabulary(["a", "at", "boat", "lac", "lake", "night", "red"])
    text = TextEncoder(TextConfig(len(vocabulary), dim=16, layers=1, heads=2)).eval()
    return Model(autoencoder, text, transformer, vocabulary, {"shift": 2.0, "recipe": "none"})
