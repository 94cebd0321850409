"""Words: how text is cut before the model or the grammar of captions looks at it."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae"})


@dataclass(frozen=True)
class Word:
    """One word of a text.

    Attributes:
        spelling: as the person typed it.
        normal: lower case, without accents; what vocabularies hold.
    """

    spelling: str
    normal: str


def split_words(text: str) -> list[Word]:
    """The words of a text, in order.

    Anything but letters, digits and pictographs separates words, so ``l'aube`` is two and
    ``black-and-white`` three. An emoji is a word of its own: it asks for something too.
    """
    return [
        Word(spelling, normal)
        for spelling in _runs(unicodedata.normalize("NFC", text))
        for normal in _normalise(spelling)
    ]


def _runs(text: str) -> Iterator[str]:
    for kind, letters in groupby(text, _kind):
        if kind == "letter":
            yield "".join(letters)
        elif kind == "pictograph":
            yield from letters


def _kind(letter: str) -> str:
    category = unicodedata.category(letter)
    if letter.isalnum() or category.startswith("M"):  # marks belong to the letter they follow
        return "letter"
    return "pictograph" if category == "So" else "between"


def _normalise(spelling: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", spelling.casefold().translate(_LIGATURES))
    kept = (letter for letter in plain if not unicodedata.combining(letter))
    return list(_runs("".join(kept)))
