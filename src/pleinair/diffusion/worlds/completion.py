"""Completion: what a prompt leaves unsaid is drawn as the renderer draws its scenes, and told."""

import random
from dataclasses import dataclass

from pleinair.diffusion.worlds.captions import LANGUAGES
from pleinair.diffusion.worlds.reading import ASPECTS, Said, read
from pleinair.diffusion.worlds.scene import (
    CAMERAS,
    HOURS,
    NUMBER_ODDS,
    PLACES,
    THINGS,
    WEATHER_ODDS,
    WEATHERS,
    Scene,
    Thing,
    draw_thing,
    is_held_out,
    may_stand,
)
from pleinair.diffusion.worlds.telling import Draw, Telling, Told, are_aloft

USUAL_LOOK = "photo"
"""What a picture is unless somebody says otherwise: it is told, but no other look is drawn."""
_TRIES = 200


@dataclass(frozen=True)
class Completed:
    """A prompt with nothing left to say.

    Attributes:
        prompt: as it was, and what was added behind it.
        added: in words, what had been left unsaid; empty if nothing had.
    """

    prompt: str
    added: str


def complete(prompt: str, seed: int) -> Completed:
    """Add what a prompt leaves unsaid: place, things, hour, weather, camera and look.

    What is said stays as it stands, and what is added agrees with it by the rules of scenes:
    no snow falls in a desert, no aurora is there by day. It is told in the language of the
    prompt, in the plain words of captions.

    Args:
        prompt: in English or French.
        seed: decides what is drawn; the same prompt and seed give the same.
    """
    said = read(prompt)
    unsaid = set(ASPECTS) - said.values.keys()
    rng = random.Random(f"pleinair completion {seed} {prompt}")
    scene = _draw(said, rng)
    told = [Told(thing) for thing in scene.things]
    kinds = said.values.get("things", frozenset())
    telling = Telling(scene, LANGUAGES[said.language], Draw(None), unsaid - {"things"}, told)
    parts = telling.additions(
        onto_things="things" in said.values, aloft=bool(kinds) and are_aloft(kinds)
    )
    added = ", ".join(parts)
    return Completed(_joined(prompt, added), added) if added else Completed(prompt, "")


def _joined(prompt: str, added: str) -> str:
    start = prompt.rstrip()
    if start.endswith((".", "!", "?", "…")):
        return f"{start} {added[:1].upper()}{added[1:]}."
    return f"{start}{' ' if start.endswith((',', ';', ':')) else ', '}{added}"


def _draw(said: Said, rng: random.Random) -> Scene:
    """A scene that has what is said; its things are those that were not."""
    for _ in range(_TRIES):
        scene = _once(said, rng)
        if not is_held_out(scene):  # training never saw those
            break
    return scene


def _once(said: Said, rng: random.Random) -> Scene:
    settings = _settings(said)
    place, hour, weather = rng.choices(list(settings), list(settings.values()))[0]
    camera = rng.choice(_values(said, "camera", CAMERAS))
    look = rng.choice(_values(said, "look", (USUAL_LOOK,)))
    things: tuple[Thing, ...] = ()
    if "things" not in said.values:
        candidates = [kind for kind in THINGS if may_stand(kind, place, hour, weather)]
        wanted = rng.choices(range(len(NUMBER_ODDS)), NUMBER_ODDS)[0]
        kinds = rng.sample(candidates, min(wanted, len(candidates)))
        things = tuple(draw_thing(rng, kind, look) for kind in THINGS if kind in kinds)
    return Scene(place, hour, weather, camera, look, things, seed=0)


def _settings(said: Said) -> dict[tuple[str, str, str], float]:
    """Places, hours and weathers that agree with what is said, and how often scenes have them.

    Where nothing agrees, as with an aurora at noon, what is said of things is left out of account.
    """
    settings = {
        (place, hour, weather): WEATHER_ODDS[WEATHERS.index(weather)]
        for place in _values(said, "place", PLACES)
        for hour in _values(said, "hour", HOURS)
        for weather in _values(said, "weather", WEATHERS)
        if (place, weather) != ("desert", "snowfall") or said.values.keys() >= {"place", "weather"}
    }
    kinds = said.values.get("things", frozenset())
    agreeing = {at: odds for at, odds in settings.items() if all(may_stand(k, *at) for k in kinds)}
    return agreeing or settings


def _values(said: Said, aspect: str, otherwise: tuple[str, ...]) -> tuple[str, ...]:
    """The values that a prompt may mean, sorted, or those that may be drawn."""
    return tuple(sorted(said.values.get(aspect, ()))) or otherwise
