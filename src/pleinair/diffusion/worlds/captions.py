"""Captions: a grammar that tells a scene in English or French, in thousands of ways, truthfully.

Here is decided what of the scene is told; ``telling`` words it out of the tables of
``phrases_en`` and ``phrases_fr``.
"""

import dataclasses
import random
from collections.abc import Iterator
from functools import cache

from pleinair.diffusion.worlds.phrases import SLOT, Phrases
from pleinair.diffusion.worlds.phrases_en import ENGLISH
from pleinair.diffusion.worlds.phrases_fr import FRENCH
from pleinair.diffusion.worlds.scene import Scene
from pleinair.diffusion.worlds.telling import Draw, Telling, Told
from pleinair.errors import InputError
from pleinair.words import split_words

LANGUAGES: dict[str, Phrases] = {"en": ENGLISH, "fr": FRENCH}
_FRENCH_SHARE = 0.4
# What a picture is unless somebody says otherwise, and how often captions say it all the same.
_USUAL = {"camera": "static", "look": "photo"}
_USUAL_TOLD = 0.25


def caption(
    scene: Scene,
    rng: random.Random,
    *,
    language: str | None = None,
    detail: float | None = None,
) -> str:
    """One of the thousands of true captions of a scene.

    Args:
        rng: decides the wording.
        language: "en" or "fr"; None draws one.
        detail: from 0 (very terse) to 1 (tells everything but what is usual, a photograph by a
            camera that stands still, which only some captions mention); None draws it, and half
            of the captions then tell everything.

    Raises:
        InputError: an unknown language, or a detail outside 0 to 1.
    """
    if language is None:
        language = "fr" if rng.random() < _FRENCH_SHARE else "en"
    if detail is None:
        detail = 1.0 if rng.random() < 0.5 else rng.uniform(0.2, 1.0)
    if not 0 <= detail <= 1:
        raise InputError("detail", detail, "0 to 1")
    phrases = _phrases(language)
    left = {part for part in ("hour", "weather", "camera", "look") if rng.random() < detail}
    for part, usual in _USUAL.items():
        if getattr(scene, part) == usual and rng.random() > _USUAL_TOLD:
            left.discard(part)
    told = [
        Told(thing, *(rng.random() < detail for _ in range(3)))
        for thing in scene.things
        if rng.random() < 0.3 + 0.7 * detail
    ]
    if rng.random() < 0.4 + 0.6 * detail or not (left or told):
        left.add("place")
    rng.shuffle(told)
    telling = Telling(scene, phrases, Draw(rng), left, told)
    return telling.keywords() if rng.random() < 0.4 - 0.3 * detail else telling.sentence()


def complete_caption(scene: Scene, language: str = "en") -> str:
    """The caption that tells everything, always in the same plain words.

    Raises:
        InputError: an unknown language.
    """
    left = {"place", "hour", "weather", "camera", "look"}
    told = [Told(thing) for thing in scene.things]
    return Telling(scene, _phrases(language), Draw(None), left, told).sentence()


@cache
def vocabulary_words() -> tuple[str, ...]:
    """Every normalised word that a caption in any language can hold, sorted."""
    return tuple(sorted(set().union(*map(words_of, LANGUAGES.values()))))


def words_of(phrases: Phrases) -> set[str]:
    """Every normalised word that a caption in one language can hold."""
    return {word.normal for text in _texts(phrases) for word in split_words(text)}


def _phrases(language: str) -> Phrases:
    if language not in LANGUAGES:
        raise InputError("language", language, " or ".join(LANGUAGES))
    return LANGUAGES[language]


def _texts(table: object) -> Iterator[str]:
    """Every phrase in a table, without its slots."""
    if isinstance(table, str):
        yield SLOT.sub(" ", table)
    elif isinstance(table, tuple):
        for entry in table:
            yield from _texts(entry)
    elif isinstance(table, dict):
        yield from _texts(tuple(table.values()))
    elif dataclasses.is_dataclass(table):
        for field in dataclasses.fields(table):
            if field.name != "vowel":  # a pattern, not a phrase
                yield from _texts(getattr(table, field.name))
