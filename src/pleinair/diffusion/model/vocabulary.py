"""The words a model knows, and a prompt as their ids; torch is not needed to ask.

The vocabulary is closed: it holds the words of the captions that the model was trained on. A
word outside it is never passed over in silence; its name goes back to the person who typed it.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from safetensors import SafetensorError, safe_open

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

    def to_list(self) -> list[str]:
        """The words in the order of their ids, for a checkpoint."""
        return list(self._words)

    @property
    def words(self) -> tuple[str, ...]:
        """All of them, normalised."""
        return self._words

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


@cache
def vocabulary_of(path: Path) -> Vocabulary:
    """The words of a model file, read from its head alone.

    Raises:
        ModelError: there is no file, or it is not a model's.
    """
    if not path.is_file():
        raise ModelError(f"{path}: there are no weights here")
    try:
        with safe_open(path, "np") as file:
            words = json.loads((file.metadata() or {})["pleinair"])["vocabulary"]
    except (KeyError, OSError, SafetensorError, ValueError) as error:
        raise ModelError(f"{path}: not a model of Pleinair") from error
    return Vocabulary.from_list(words)
