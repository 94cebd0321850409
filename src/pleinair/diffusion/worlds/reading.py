"""Reading: what a prompt speaks of, found by the phrases that captions tell it with."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TypeAlias

from pleinair.diffusion.worlds.captions import LANGUAGES, vocabulary_words, words_of
from pleinair.diffusion.worlds.phrases import SLOT, Phrases, WeatherPhrases, agree
from pleinair.words import split_words

ASPECTS = ("place", "hour", "weather", "camera", "look", "things")
Meaning: TypeAlias = tuple[tuple[str, str], ...]
"""What a phrase says: pairs of an aspect and its value, empty where the value stays open."""

_CHOICE = re.compile(r"\(([^()]*)\)")
_LITTLE = frozenset(
    word.normal
    for word in split_words(
        "a an the at in on by with under as of to and it is when while through during from among "
        "along out against across without into l d un une des de du le la les au aux en dans sur "
        "sous par avec et pendant quand parmi entre qu il tandis que"
    )
)
"""Words at either end of a phrase without which it says the same."""
# Words that speak of something without saying what.
_HINTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("camera", "pan", "panning", "zoom", "zooming", "tilt", "drone"), ("camera",)),
    **dict.fromkeys(("panoramique", "travelling", "tracking", "dolly"), ("camera",)),
    **dict.fromkeys(("cloud", "clouds", "nuage", "nuages", "weather", "temps"), ("weather",)),
}
# Words that a phrase has for one thing, and people for more.
_UNCLEAR: dict[tuple[str, ...], Meaning] = {
    (word,): (("place", "snow field"), ("weather", "")) for word in ("snow", "neige")
}
_LONGEST = 8
_PLURALS = (("s", ""), ("es", ""), ("ies", "y"), ("x", ""), ("aux", "al"))


@dataclass(frozen=True)
class Said:
    """What a prompt speaks of.

    Attributes:
        language: "en" or "fr", whichever more of its words are of.
        values: for each aspect that it speaks of, the values that it may mean; none where it is
            clear only that it speaks of it.
    """

    language: str
    values: dict[str, frozenset[str]] = field(default_factory=dict)


def read(prompt: str) -> Said:
    """What a prompt speaks of.

    Longer phrases go before shorter ones, so that "the setting sun" is an hour and no weather.
    Words that captions do not have may name things, and count as if they did.
    """
    words = [word.normal for word in split_words(prompt)]
    language = _language(words)
    found: dict[str, set[str]] = {}
    own = _words(language)
    left = _match(words, language, found)
    for other in LANGUAGES:
        if other != language:  # a phrase in the other language counts if it is none in this one
            strange = [word if _known(word, own) is None else "" for word in left]
            _match(strange, other, found, whole=True)
    for word in left:
        for aspect in _HINTS.get(word, ()):
            found.setdefault(aspect, set())
    every = frozenset(vocabulary_words())
    if any(word and _known(word, every) is None for word in words):
        found.setdefault("things", set())
    return Said(language, {aspect: frozenset(values) for aspect, values in found.items()})


def _match(
    words: list[str], language: str, found: dict[str, set[str]], *, whole: bool = False
) -> list[str]:
    """Put what is said, if need be in ``whole`` phrases, into ``found``; the words left over."""
    index, known = _index(language, whole), _words(language)
    words = [_known(word, known) or word for word in words]
    left, place = list(words), 0
    while place < len(words):
        for length in range(min(_LONGEST, len(words) - place), 0, -1):
            meaning = index.get(tuple(words[place : place + length]))
            if meaning is not None:
                for aspect, value in meaning:
                    found.setdefault(aspect, set()).update((value,) if value else ())
                left[place : place + length] = [""] * length
                place += length
                break
        else:
            place += 1
    return left


def _language(words: list[str]) -> str:
    """The language that most words are of; the first where that is open."""
    counts = {
        name: sum(_known(word, _words(name)) is not None for word in words) for name in LANGUAGES
    }
    return max(counts, key=lambda name: counts[name])


def _known(word: str, known: Iterable[str]) -> str | None:
    """The word, or its singular, as captions have it."""
    if word in known:
        return word
    for plural, singular in _PLURALS:
        form = word.removesuffix(plural) + singular
        if len(word) > 3 and word.endswith(plural) and form in known:
            return form
    return None


@cache
def _words(language: str) -> frozenset[str]:
    return frozenset(words_of(LANGUAGES[language]))


@cache
def _index(language: str, only_whole: bool) -> dict[tuple[str, ...], Meaning]:
    """What each phrase means; a phrase as it stands goes before the core of a longer one."""
    whole: dict[tuple[str, ...], dict[tuple[str, str], None]] = {}
    core: dict[tuple[str, ...], dict[tuple[str, str], None]] = {}
    for text, meaning in _meanings(LANGUAGES[language]):
        for phrase in _forms(text):
            words = tuple(word.normal for word in split_words(phrase))
            for table, key in ((whole, words), (core, _without_little(words))):
                if key:
                    table.setdefault(key, {}).update(dict.fromkeys(meaning))
    index = whole if only_whole else {**core, **whole, **_UNCLEAR}
    return {key: tuple(meaning) for key, meaning in index.items()}


def _without_little(words: tuple[str, ...]) -> tuple[str, ...]:
    start, stop = 0, len(words)
    while start < stop and words[start] in _LITTLE:
        start += 1
    while start < stop and words[stop - 1] in _LITTLE:
        stop -= 1
    return words[start:stop]


def _meanings(phrases: Phrases) -> Iterator[tuple[str, Meaning]]:
    """Every phrase that says something, and what."""
    for value, place in phrases.places.items():
        yield from ((text, (("place", value),)) for text in _all(place.nouns, place.on))
    for value, hour in phrases.hours.items():
        yield from ((text, (("hour", value),)) for text in _all(hour.nouns, hour.at))
    for value, weather in phrases.weathers.items():
        yield from ((text, (("weather", value),)) for text in _weather(weather))
    for (hour_name, value), weather in phrases.suns.items():
        both = (("hour", hour_name), ("weather", value))
        yield from ((text, both) for text in _weather(weather))
    for value, camera in phrases.cameras.items():
        yield from ((text, (("camera", value),)) for text in (*camera.acts, *camera.moves))
    for value, look in phrases.looks.items():
        yield from ((text, (("look", value),)) for text in (*look.openers, *look.styles))
    for value, thing in phrases.things.items():
        yield from ((noun.text, (("things", value),)) for noun in thing.nouns)
        yield from ((text, (("things", ""),)) for text in (*thing.acts, *thing.doing))


def _all(nouns: Iterable[object], texts: Iterable[str]) -> Iterator[str]:
    yield from (str(getattr(noun, "text")) for noun in nouns)  # noqa: B009
    yield from texts


def _weather(weather: WeatherPhrases) -> Iterator[str]:
    yield from (*weather.nouns, *weather.under, *weather.adjectives)


def _forms(phrase: str) -> Iterator[str]:
    """The phrase with its choices made in every way, in all numbers and genders."""
    choice = _CHOICE.search(phrase)
    if choice is None:
        plain = SLOT.sub(" ", phrase)
        for feminine in (False, True):
            for plural in (False, True):
                yield agree(plain, feminine=feminine, plural=plural)
        return
    for option in choice[1].split("|"):
        yield from _forms(phrase[: choice.start()] + option + phrase[choice.end() :])
