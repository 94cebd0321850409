"""The shape of a language's phrases: what its tables hold and the small notation they use.

In every phrase

- ``(big|small|)`` is a choice, here of "big", "small" or nothing;
- ``drifts/drift`` agrees in number, ``vert/verte/verts/vertes`` in gender and number:
  masculine, feminine, masculine plural, feminine plural;
- ``{slot}`` is filled in by the grammar in ``captions``.

Earlier choices are said more often, and the first of everything makes the complete caption.
"""

import re
from dataclasses import dataclass

SLOT = re.compile(r"\{(\w+)\}")
_AGREEING = re.compile(r"[^\s/]+(?:/[^\s/]+)+")


@dataclass(frozen=True)
class Noun:
    """A noun, or a noun with all that belongs to it.

    Attributes:
        text: in the notation above; with one form only where number never changes.
        feminine: its gender.
        plural: whether it is plural by itself, like "mountains".
        definite: whether it usually takes "the".
    """

    text: str
    feminine: bool = False
    plural: bool = False
    definite: bool = False


def nouns(*texts: str) -> tuple[Noun, ...]:
    """Nouns from short forms: ``mer:fd`` is feminine and definite; ``p`` stands for plural."""
    parted = [text.partition(":") for text in texts]
    return tuple(Noun(text, "f" in tags, "p" in tags, "d" in tags) for text, _, tags in parted)


def agree(phrase: str, *, feminine: bool, plural: bool) -> str:
    """The phrase with each ``a/b`` or ``a/b/c/d`` in it reduced to the form that agrees."""

    def form(match: re.Match[str]) -> str:
        forms = match[0].split("/")
        return forms[plural] if len(forms) == 2 else forms[2 * plural + feminine]

    return _AGREEING.sub(form, phrase)


@dataclass(frozen=True)
class PlacePhrases:
    """A place: as a noun, and where things on its ground are."""

    nouns: tuple[Noun, ...]
    on: tuple[str, ...]


@dataclass(frozen=True)
class HourPhrases:
    """An hour: as a noun, and as a time."""

    nouns: tuple[Noun, ...]
    at: tuple[str, ...]


@dataclass(frozen=True)
class WeatherPhrases:
    """A weather: as a bare word, as a circumstance, and as an adjective where there is one."""

    nouns: tuple[str, ...]
    under: tuple[str, ...]
    adjectives: tuple[str, ...] = ()


@dataclass(frozen=True)
class CameraPhrases:
    """A motion of the camera: as a clause, and as a noun."""

    acts: tuple[str, ...]
    moves: tuple[str, ...]


@dataclass(frozen=True)
class LookPhrases:
    """A look: what opens a caption, and what may follow it."""

    openers: tuple[str, ...]
    styles: tuple[str, ...]


@dataclass(frozen=True)
class ThingPhrases:
    """A kind of thing.

    Attributes:
        nouns: its names.
        acts: finite verbs; with a direction behind them when the kind moves.
        doing: the same as participles or relative clauses.
        tints: where the colour goes, if not the usual place; ``{voiles}`` is the colour in
            the feminine plural.
        groups: extra ways to say a number of them.
    """

    nouns: tuple[Noun, ...]
    acts: tuple[str, ...]
    doing: tuple[str, ...]
    tints: tuple[str, ...] = ()
    groups: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Phrases:
    """All that one language can say.

    Attributes:
        suns: what may be said of some weathers at some hours only, by (hour, weather).
        indefinite, definite: articles, in the four forms of the notation.
        numbers: by number; ``some`` leaves the number open, from a least number on.
        qualified, tinted: where an adjective and a colour stand by a noun.
        going: verbs of motion for every kind, only with a direction; ``going_doing`` alike.
        praise: adjectives that say nothing.
        above: what stands between a thing in the sky and the place under it.
        onto: what stands between a motion of the camera and what it shows.
        openers: what may open a caption of any look.
        nominal: frames that read like a noun, so that an opener may precede them.
        clausal: frames that do not.
        bare: frames for when no place is said.
        filmed: frames that add the camera.
        merged: pairs of words that become one.
        before_vowel: words that change, or lose their space, before a vowel,
            which is what the pattern ``vowel`` finds.
    """

    places: dict[str, PlacePhrases]
    hours: dict[str, HourPhrases]
    weathers: dict[str, WeatherPhrases]
    suns: dict[tuple[str, str], WeatherPhrases]
    cameras: dict[str, CameraPhrases]
    looks: dict[str, LookPhrases]
    things: dict[str, ThingPhrases]
    colours: dict[str, tuple[str, ...]]
    directions: dict[str, tuple[str, ...]]
    indefinite: tuple[str, str, str, str]
    definite: tuple[str, str, str, str]
    numbers: dict[int, tuple[str, ...]]
    some: tuple[tuple[int, str], ...]
    qualified: str
    tinted: str
    going: tuple[str, ...]
    going_doing: tuple[str, ...]
    praise: tuple[str, ...]
    above: tuple[str, ...]
    onto: tuple[str, ...]
    conjunction: str
    openers: tuple[str, ...]
    nominal: tuple[str, ...]
    clausal: tuple[str, ...]
    bare: tuple[str, ...]
    filmed: tuple[str, ...]
    merged: dict[str, str]
    before_vowel: dict[str, str]
    vowel: str
