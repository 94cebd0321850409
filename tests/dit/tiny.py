"""A transformer so small that a step takes milliseconds."""

from torch import nn

from pleinair.dit.transformer import Transformer, TransformerConfig


def transformer() -> Transformer:
    """pleinair-1's kind with random weights, those of the head not empty."""
    config = TransformerConfig(channels=8, dim=32, layers=2, heads=2, hidden=64, text=16)
    network = Transformer(config).eval()
    nn.init.normal_(network.head.head.weight, std=0.1)  # else every velocity is zero
    return network
