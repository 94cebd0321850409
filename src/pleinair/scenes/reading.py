"""Reading a prompt: which phrases of the vocabulary it holds, and what they say.

All phrases that occur are taken, the longest first; where two overlap, the shorter counts only for
topics that the longer leaves open: "stormy sea" gives the weather, and "sea" in it the place.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product

from pleinair.scenes import vocabulary

MOST_CHARACTERS = 4000
_TABLES = ("PLACES", "SEASONS", "HOURS", "WEATHER", "CAMERA")
_LITTLE = f"{vocabulary.LITTLE} {vocabulary.NEGATORS} {vocabulary.SKIPPED}"
_JOINERS = frozenset({"or", "nor", "and", "ni", "ou", "et"})
_REACH = 2
"""Words that a negation reaches; a joining word carries it on."""
# Plurals and feminines, once the "s" is gone.
_ENDINGS = (
    ("ie", "y"),
    ("che", "ch"),
    ("she", "sh"),
    ("eaux", "eau"),
    ("euse", "eux"),
    ("ee", "e"),
)
_NUMBERS = (
    (re.compile(r"\b(\d{1,4}(?:\.\d+)?) ?mm\b", re.I), "camera.lens_mm", 8, 1200),
    (re.compile(r"\bf ?/ ?(\d{1,2}(?:\.\d+)?)\b", re.I), "camera.f_number", 0.7, 64),
)


@dataclass(frozen=True)
class Setting:
    """One thing that a prompt says.

    Attributes:
        topic, value: as `vocabulary` has them.
        words: of the prompt, that say so.
        sure: said outright, not only likely.
    """

    topic: str
    value: str
    words: str
    sure: bool = True


@dataclass(frozen=True)
class Heard:
    """What a prompt says.

    Attributes:
        settings: in the order of the prompt.
        unknown: words that nothing came of.
        absent: for words among them, the kinds of things that cannot be drawn yet.
    """

    settings: tuple[Setting, ...]
    unknown: tuple[str, ...]
    absent: tuple[str, ...]


@dataclass(frozen=True)
class _Word:
    stem: str
    start: int
    end: int
    negator: str = ""


@dataclass(frozen=True)
class _Match:
    places: tuple[int, ...]
    settings: tuple[str, ...]


def read(prompt: str) -> Heard:
    """What a prompt in English or French says of a landscape."""
    text = prompt[:MOST_CHARACTERS]
    settings = []
    for pattern, topic, low, high in _NUMBERS:
        for found in pattern.finditer(text):
            if low <= float(found[1]) <= high:
                settings.append(Setting(topic, found[1], found[0]))
        text = pattern.sub(lambda found: " " * len(found[0]), text)
    words = _words(text)
    used: set[int] = set()
    taken: set[tuple[int, str]] = set()
    chosen = []
    for match in sorted(_matches(words), key=lambda match: -len(match.places)):
        topics = {setting.partition("=")[0] for setting in match.settings}
        spots = {(place, topic) for place in match.places for topic in topics}
        if not spots & taken:
            taken |= spots
            if not match.settings[0].endswith("=-"):
                used.update(match.places)
                chosen.append(match)
    for match in sorted(chosen, key=lambda match: match.places):
        settings += _settings(match, words, text)
    left = [word for i, word in enumerate(words) if i not in used and _says_much(word)]
    absent = [kind for word in left if (kind := _absent().get(word.stem)) is not None]
    unknown = dict.fromkeys(text[word.start : word.end] for word in left)
    return Heard(tuple(settings), tuple(unknown), tuple(dict.fromkeys(absent)))


def _settings(match: _Match, words: list[_Word], text: str) -> Iterator[Setting]:
    first, last = words[match.places[0]], words[match.places[-1]]
    said = text[first.start : last.end]
    for setting in match.settings:
        topic, _, value = setting.partition("=")
        sure = not value.endswith("?")
        if first.negator:
            opposite = vocabulary.OPPOSITES.get(topic, "")
            if opposite and sure:
                topic, _, value = opposite.partition("=")
                yield Setting(topic, value, f"{first.negator} {said}")
        else:
            yield Setting(topic, value.removesuffix("?"), said, sure)


def _matches(words: list[_Word]) -> Iterator[_Match]:
    phrases, longest = _phrases()
    for start, first in enumerate(words):
        everything = range(start, min(start + 2 * longest, len(words)))
        without = [
            i for i in everything if i == start or words[i].stem not in _stems(vocabulary.SKIPPED)
        ]
        for run in (list(everything), without) if first.stem else ():
            for length in range(1, min(longest, len(run)) + 1):
                places = tuple(run[:length])
                settings = phrases.get(tuple(words[i].stem for i in places))
                if settings:
                    yield _Match(places, settings)


def _words(text: str) -> list[_Word]:
    """The words of a prompt without articles; a mark of punctuation is a word without a stem."""
    words, reach, negator = [], 0, ""
    for found in re.finditer(r"[^\W_]+|[,.;:!?()]", text):
        stem = _stem(found[0])
        if stem in _stems(vocabulary.ARTICLES):
            continue
        if not stem:
            reach = 0
        elif stem in _stems(vocabulary.NEGATORS):
            words.append(_Word(stem, *found.span()))
            reach, negator = _REACH, found[0]
            continue
        elif reach and stem in _JOINERS:
            reach = _REACH + 1
        words.append(_Word(stem, *found.span(), negator if reach else ""))
        reach = max(0, reach - 1)
    return words


def _stem(word: str) -> str:
    """A word without capitals, accents and endings; empty for punctuation."""
    bare = unicodedata.normalize("NFKD", word.lower())
    bare = "".join(letter for letter in bare if letter.isalnum())
    if len(bare) < 4 or bare.endswith(("ss", "us", "is")):
        return bare
    bare = bare.removesuffix("s")
    for ending, instead in _ENDINGS:
        if bare.endswith(ending) and len(bare) > 3:
            return bare.removesuffix(ending) + instead
    return bare


def _says_much(word: _Word) -> bool:
    little = not word.stem or word.stem in _stems(_LITTLE) or word.stem.isdecimal()
    refused = word.negator and word.stem in _absent()
    return not little and not refused


@cache
def _stems(words: str) -> frozenset[str]:
    return frozenset(map(_stem, words.split()))


@cache
def _absent() -> dict[str, str]:
    return {_stem(w): kind for kind, words in vocabulary.ABSENT.items() for w in words.split()}


@cache
def _phrases() -> tuple[dict[tuple[str, ...], tuple[str, ...]], int]:
    """Settings by the stems of each phrase, and the length of the longest phrase."""
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    for name in _TABLES:
        for settings, phrases in getattr(vocabulary, name).items():
            for phrase in re.split(r"[,;]", phrases):
                for words in _spelled_out(phrase):
                    known = found.get(words, ())
                    found[words] = known + tuple(_split(settings, known))
    return found, max(map(len, found))


def _spelled_out(phrase: str) -> Iterator[tuple[str, ...]]:
    """Stems of every wording of a phrase with its alternatives in brackets."""
    pieces = [piece.strip("()").split("|") for piece in re.findall(r"\([^)]*\)|[^()]+", phrase)]
    for choice in product(*pieces):
        stems = [word.stem for word in _words(" ".join(choice))]
        if stems:
            yield tuple(stems)


def _split(settings: str, known: tuple[str, ...]) -> Iterator[str]:
    """Each setting; a value may hold spaces, as "black and white" does."""
    for setting in re.findall(r"[\w.]+=[^=]+?(?= [\w.]+=|$)", settings):
        if setting not in known:
            yield setting
