"""A whole model so small that a clip takes milliseconds; its weights are random, not empty."""

import pytest
import torch
from torch import nn

from pleinair.model.autoencoder import Autoencoder, AutoencoderConfig
from pleinair.model.checkpoint import Model
from pleinair.model.text import TextConfig, TextEncoder
from pleinair.model.transformer import Transformer, TransformerConfig
from pleinair.model.vocabulary import Vocabulary


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    torch.manual_seed(0)


@pytest.fixture
def autoencoder() -> Autoencoder:
    config = AutoencoderConfig(channels=8, quarter=8, eighth=8, group=8, latent=8, half=8)
    return Autoencoder(config).eval()


@pytest.fixture
def transformer() -> Transformer:
    config = TransformerConfig(channels=8, dim=32, layers=2, heads=2, hidden=64, text=16)
    network = Transformer(config).eval()
    nn.init.normal_(network.head.head.weight, std=0.1)  # else every velocity is zero
    return network


@pytest.fixture
def model(autoencoder: Autoencoder, transformer: Transformer) -> Model:
    vocabulary = Vocabulary(["a", "at", "boat", "lac", "lake", "night", "red"])
    text = TextEncoder(TextConfig(len(vocabulary), dim=16, layers=1, heads=2)).eval()
    return Model(autoencoder, text, transformer, vocabulary, {"shift": 2.0, "recipe": "none"})
