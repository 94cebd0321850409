"""Text: the ids of a prompt's words become vectors for the video transformer."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pleinair.diffusion.model.vocabulary import MAX_WORDS, PAD, Encoded


def batch(encodings: Sequence[Encoded]) -> Tensor:
    """Ids (B, L) of several prompts, int64; L is the longest, shorter ones end in PAD."""
    rows = [torch.tensor(encoded.ids) for encoded in encodings]
    return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD)


@dataclass(frozen=True)
class TextConfig:
    """Sizes of a text encoder.

    Attributes:
        vocabulary: number of ids.
        dim: width of the vectors.
        layers, heads: of attention.
        max_length: most words in a prompt; BEGIN comes on top.
    """

    vocabulary: int
    dim: int = 256
    layers: int = 2
    heads: int = 4
    max_length: int = MAX_WORDS


class TextEncoder(nn.Module):
    """Embedded words, then a few pre-norm transformer layers that see the whole prompt.

    Trained together with the video transformer, so it learns just the language of the captions.
    """

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        self.words = nn.Embedding(config.vocabulary, config.dim)
        self.places = nn.Parameter(torch.empty(config.max_length + 1, config.dim))
        self.layers = nn.ModuleList(_Layer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.dim)
        nn.init.normal_(self.words.weight, std=0.5)
        nn.init.normal_(self.places, std=0.1)

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors for the words of each prompt.

        Args:
            ids: (B, L) int64, L at most ``max_length + 1``; PAD after the end.

        Returns:
            context: (B, L, dim); what stands at PAD means nothing.
            mask: (B, L) bool, True where there is a word.
        """
        mask = ids != PAD
        x = self.words(ids) + self.places[: ids.shape[1]]  # (B, L, dim)
        for layer in self.layers:
            x = layer(x, mask)
        return self.norm(x), mask


class _Layer(nn.Module):
    """Attention among the words, then a small network on each."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        dim = config.dim
        self.heads = config.heads
        self.attention_norm = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)
        self.network = nn.Sequential(
            nn.LayerNorm(dim), nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim)
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        B, L, D = x.shape
        qkv = self.qkv(self.attention_norm(x)).view(B, L, 3, self.heads, D // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (B, heads, L, D / heads)
        mixed = F.scaled_dot_product_attention(query, key, value, mask[:, None, None, :])
        x = x + self.out(mixed.transpose(1, 2).reshape(B, L, D))
        return torch.add(x, self.network(x))
