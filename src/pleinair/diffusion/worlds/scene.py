"""What is in a scene: the truth the renderer draws, captions describe and evaluation asks for."""

import random
from dataclasses import dataclass

PLACES = ("sea", "lake", "desert", "meadow", "snow field", "mountains", "forest", "coast", "city")
HOURS = ("dawn", "day", "golden hour", "sunset", "dusk", "night")
WEATHERS = ("clear", "scattered clouds", "overcast", "fog", "rain", "snowfall", "storm")
CAMERAS = (
    "static",
    "pan left",
    "pan right",
    "tilt up",
    "tilt down",
    "zoom in",
    "zoom out",
    "forward",
    "rise",
)
LOOKS = ("photo", "black and white", "watercolour", "ink")
GREY_LOOKS = ("black and white", "ink")
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "white")
DIRECTIONS = ("left", "right")
WEATHER_ODDS = (4, 4, 2, 2, 2, 2, 1.5)
NUMBER_ODDS = (2, 5, 3, 1)
"""How often scenes have each of WEATHERS, and things of 0, 1, 2 or 3 kinds."""


@dataclass(frozen=True)
class Kind:
    """What may be said of one kind of thing, and where it may stand.

    Attributes:
        most: largest number of them in one scene; 1 means that number is never said.
        coloured: whether it has one of COLOURS.
        moving: whether it drifts left or right.
        places, hours, weathers: where and when it may occur.
    """

    most: int = 1
    coloured: bool = False
    moving: bool = False
    places: tuple[str, ...] = PLACES
    hours: tuple[str, ...] = HOURS
    weathers: tuple[str, ...] = WEATHERS


_WATER = ("sea", "lake", "coast")
_LAND = ("meadow", "snow field", "mountains", "forest", "lake")
_OPEN_SKY = ("clear", "scattered clouds")
_DRY = ("clear", "scattered clouds", "overcast", "fog")

KINDS: dict[str, Kind] = {
    "sailboat": Kind(most=3, coloured=True, moving=True, places=_WATER),
    "balloon": Kind(
        most=3,
        coloured=True,
        moving=True,
        hours=("dawn", "day", "golden hour", "sunset", "dusk"),
        weathers=("clear", "scattered clouds", "overcast", "snowfall"),
    ),
    "bird": Kind(most=5, moving=True, hours=HOURS[:5]),
    "lighthouse": Kind(places=("sea", "lake", "coast")),
    "pine": Kind(most=5, places=_LAND),
    "cabin": Kind(places=(*_LAND, "coast")),
    "windmill": Kind(places=("meadow", "snow field", "coast", "lake")),
    "campfire": Kind(places=(*_LAND, "desert", "coast"), weathers=_DRY),
    "aurora": Kind(hours=("night",), weathers=_OPEN_SKY),
    "shooting star": Kind(hours=("night", "dusk"), weathers=_OPEN_SKY),
    "rainbow": Kind(hours=("day", "golden hour"), weathers=("scattered clouds", "rain")),
    "moon": Kind(hours=("night", "dusk", "dawn"), weathers=_OPEN_SKY),
}
THINGS = tuple(KINDS)


@dataclass(frozen=True)
class Thing:
    """Some things of one kind.

    ``colour`` and ``direction`` are None where the kind has none, or where the look hides them:
    what cannot be seen is not part of the truth.
    """

    kind: str
    count: int = 1
    colour: str | None = None
    direction: str | None = None


@dataclass(frozen=True)
class Scene:
    """The exact truth of one clip; ``seed`` decides everything that no caption mentions."""

    place: str
    hour: str
    weather: str
    camera: str
    look: str
    things: tuple[Thing, ...]
    seed: int

    def has(self, kind: str) -> Thing | None:
        """The things of that kind, or None."""
        return next((thing for thing in self.things if thing.kind == kind), None)


def may_stand(kind: str, place: str, hour: str, weather: str) -> bool:
    """Whether the renderer can put this kind of thing there."""
    rule = KINDS[kind]
    return place in rule.places and hour in rule.hours and weather in rule.weathers


def is_held_out(scene: Scene) -> bool:
    """Whether the scene shows a combination that training never sees.

    Each part occurs in training, the combination does not: evaluation asks for these to see
    whether the model puts known parts together in new ways.
    """
    if (scene.place, scene.hour) in (("desert", "dusk"), ("lake", "golden hour")):
        return True
    if (scene.place, scene.weather) in (("meadow", "fog"), ("city", "snowfall")):
        return True
    if (scene.place, scene.camera) in (("sea", "rise"), ("mountains", "pan left")):
        return True
    balloon = scene.has("balloon")
    if balloon and (balloon.colour == "purple" or scene.place == "snow field"):
        return True
    boat = scene.has("sailboat")
    return bool(boat and boat.colour == "red" and boat.count == 2)


def sample_scene(seed: int, index: int, *, held_out: bool | None = False) -> Scene:
    """Scene number ``index`` of the endless series ``seed``.

    Args:
        held_out: False for training scenes, True for held-out combinations, None for both.
    """
    rng = random.Random(f"pleinair scene {seed} {index}")
    while True:
        scene = _draw(rng)
        if held_out is None or is_held_out(scene) is held_out:
            return scene


def _draw(rng: random.Random) -> Scene:
    place = rng.choice(PLACES)
    hour = rng.choice(HOURS)
    weather = rng.choices(WEATHERS, WEATHER_ODDS)[0]
    if place == "desert" and weather == "snowfall":
        weather = "clear"
    look = rng.choices(LOOKS, (7, 1, 1, 1))[0]
    candidates = [kind for kind in THINGS if may_stand(kind, place, hour, weather)]
    wanted = rng.choices(range(len(NUMBER_ODDS)), NUMBER_ODDS)[0]
    kinds = rng.sample(candidates, min(wanted, len(candidates)))
    things = tuple(draw_thing(rng, kind, look) for kind in THINGS if kind in kinds)
    return Scene(place, hour, weather, rng.choice(CAMERAS), look, things, rng.getrandbits(48))


def draw_thing(rng: random.Random, kind: str, look: str) -> Thing:
    """Some things of a kind, with all that can be seen of them in that look."""
    rule = KINDS[kind]
    colour = rng.choice(COLOURS) if rule.coloured else None
    return Thing(
        kind,
        count=rng.randint(1, rule.most),
        colour=None if look in GREY_LOOKS else colour,
        direction=rng.choice(DIRECTIONS) if rule.moving else None,
    )
