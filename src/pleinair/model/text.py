"""Text: a prompt becomes ids of words, and the ids become vectors for the video transformer.

The vocabulary is closed: it holds the words of the captions that the model was trained on. A
word outside it is never passed over in silence; its name goes back to the person who typed it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pleinair.errors import ModelError
from pleinair.words import split_words

PAD, BEGIN, UNKNOWN = 0, 1, 2
MAX_WORDS = 96
_FIRST_WORD = 3  # ids below it are PAD, BEGIN and UNKNOWN
_SHORTEST_INFLECTED = 4  # "as" is no plural of "a"


@dataclass(frozen=True)
class Encoded:
    """A prompt as ids.

    Attributes:
        ids: BEGIN, then one id a word.
        unknown: words that mean nothing to the model, as typed, each once, in order.
        cut: number of words dropped from the end of a prompt that is too long.
    """

    ids: tuple[int, ...]
    unknown: tuple[str, ...] = ()
    cut: int = 0


class Vocabulary:
    """The words a model knows.

    Args:
        words: normalised words, each once, as ``split_words`` makes them.

    Raises:
        ModelError: a word twice, or something that is not one normalised word.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._words = tuple(words)
        self._ids = {word: _FIRST_WORD + place for place, word in enumerate(self._words)}
        if len(self._ids) < len(self._words):
            raise ModelError(f"vocabulary: {len(self._words) - len(self._ids)} words occur twice")

    def __len__(self) -> int:
        """Number of ids, PAD, BEGIN and UNKNOWN among them."""
        return _FIRST_WORD + len(self._words)

    def encode(self, text: str) -> Encoded:
        """The ids of a prompt of any length; at most MAX_WORDS words are kept."""
        words = split_words(text)
        ids = [BEGIN]
        unknown: dict[str, str] = {}
        for word in words[:MAX_WORDS]:
            ids.append(self._find(word.normal))
            if ids[-1] == UNKNOWN:
                unknown.setdefault(word.normal, word.spelling)
        spellings = tuple(dict.fromkeys(unknown.values()))
        return Encoded(tuple(ids), spellings, cut=max(0, len(words) - MAX_WORDS))

    def suggest(self, word: str) -> str | None:
        """The known word that looks most like an unknown one, or None if none comes close."""
        parts = split_words(word)
        if len(parts) != 1:
            return None
        close = get_close_matches(parts[0].normal, self._words, n=1, cutoff=0.75)
        return close[0] if close else None

    def null_ids(self) -> Tensor:
        """The prompt that asks for nothing, (1, 1): BEGIN alone."""
        return self.batch([Encoded((BEGIN,))])

    @staticmethod
    def batch(encodings: Sequence[Encoded]) -> Tensor:
        """Ids (B, L) of several prompts, int64; L is the longest, shorter ones end in PAD."""
        rows = [torch.tensor(encoded.ids) for encoded in encodings]
        return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD)

    def to_list(self) -> list[str]:
        """The words in the order of their ids, for a checkpoint."""
        return list(self._words)

    @classmethod
    def from_list(cls, words: object) -> "Vocabulary":
        """The vocabulary that ``to_list`` gave.

        Raises:
            ModelError: not a list of different words.
        """
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise ModelError("vocabulary: not a list of words")
        return cls(words)

    def _find(self, normal: str) -> int:
        if normal in self._ids:
            return self._ids[normal]
        if len(normal) >= _SHORTEST_INFLECTED:
            for form in _other_numbers(normal):
                if form in self._ids:
                    return self._ids[form]
        return UNKNOWN


def _other_numbers(word: str) -> Iterator[str]:
    """What may be the singular or plural of a word, English and French, likeliest first."""
    for plural, singular in (("s", ""), ("ies", "y"), ("es", ""), ("aux", "al"), ("x", "")):
        if word.endswith(plural):
            yield word.removesuffix(plural) + singular
    yield from (word + "s", word + "x", word + "es")


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
