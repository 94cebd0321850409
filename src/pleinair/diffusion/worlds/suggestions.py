"""What can be asked for, in the words of captions: for whoever does not know what to write."""

from pleinair.diffusion.worlds.captions import LANGUAGES
from pleinair.diffusion.worlds.phrases import Noun, agree
from pleinair.diffusion.worlds.telling import Draw
from pleinair.errors import InputError

GROUPS = ("things", "places", "hours", "weathers", "cameras", "looks")


def suggestions(language: str = "en") -> dict[str, dict[str, str]]:
    """For each of `GROUPS`, each value of the scenes with the plainest words for it.

    The words stand by themselves, as in a caption of keywords: "sailboat", "dawn", "pan left".

    Raises:
        InputError: an unknown language.
    """
    if language not in LANGUAGES:
        raise InputError("language", language, " or ".join(LANGUAGES))
    phrases = LANGUAGES[language]
    return {
        "things": {name: _noun(found.nouns[0]) for name, found in phrases.things.items()},
        "places": {name: _noun(found.nouns[0]) for name, found in phrases.places.items()},
        "hours": {name: _noun(found.nouns[0]) for name, found in phrases.hours.items()},
        "weathers": {name: _said(found.nouns) for name, found in phrases.weathers.items()},
        "cameras": {name: _said(found.moves) for name, found in phrases.cameras.items()},
        "looks": {name: _said(found.styles) for name, found in phrases.looks.items()},
    }


def _noun(noun: Noun) -> str:
    return _said((agree(noun.text, feminine=noun.feminine, plural=noun.plural),))


def _said(options: tuple[str, ...]) -> str:
    return " ".join(Draw(None).say(options).split())
