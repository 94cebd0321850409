"""From a prompt to a scene: what was said, by which words; what was not understood, by name."""

import math
from dataclasses import dataclass

from pleinair.errors import InputError
from pleinair.scenes.compose import compose
from pleinair.scenes.field import One
from pleinair.scenes.reading import MOST_CHARACTERS, Setting, read
from pleinair.scenes.scene import Clouds, Move, Scene

# Where several kinds of land are named, the first of these is the place; the others colour it.
_RANK = (
    "beach",
    "lake",
    "river",
    "cliffs",
    "islands",
    "volcano",
    "glacier",
    "canyon",
    "snowfield",
    "desert",
    "badlands",
    "sea",
    "meadow",
    "valley",
    "mountains",
    "hills",
    "forest",
)
# The fields that a topic decides.
_FIELDS = {
    "place": ("land.place",),
    "snow": ("land.snow_line_m",),
    "hour": ("sky.sun_elevation_deg",),
    "moon": ("sky.moon_elevation_deg", "sky.moon_phase"),
    "milky": ("sky.milky_way",),
    "aurora": ("sky.aurora",),
    "sky": ("weather.clouds",),
    "rain": ("weather.rain_mm_h",),
    "snowing": ("weather.snow_mm_h",),
    "lightning": ("weather.lightning_per_min",),
    "air": ("weather.visibility_m", "weather.mist"),
    "rainbow": ("weather.rainbow",),
    "wind": ("weather.wind_mps",),
    "sea": ("water.swell_m",),
    "view": ("camera.height_m", "camera.pitch_deg"),
    "hand": ("camera.shake",),
    "lens": ("camera.lens_mm",),
    "move": ("camera.moves",),
    "speed": ("camera.moves",),
    "pace": ("time.pace",),
}


@dataclass(frozen=True)
class Reading:
    """One thing that the prompt decided.

    Attributes:
        field: of the scene, as in ``land.place``.
        value: that it has; clouds and moves in words.
        words: of the prompt, that say so.
    """

    field: str
    value: float | str
    words: str


@dataclass(frozen=True)
class Draft:
    """A scene with where it comes from.

    Attributes:
        scene: complete; what the prompt left open is chosen by the seed.
        said: what the prompt decided, in its order.
        unknown: words that nothing came of.
        notes: what a reader should know besides, a sentence each.
    """

    scene: Scene
    said: tuple[Reading, ...]
    unknown: tuple[str, ...]
    notes: tuple[str, ...]


def draft(prompt: str, seed: int, *, aspect: float = 16 / 9, seconds: float = 4.0) -> Draft:
    """A scene from a prompt in English or French.

    Args:
        prompt: any words; an empty one leaves everything to the seed.
        seed: chooses what the prompt leaves open: another seed, another scene.
        aspect: width of the picture over its height.
        seconds: length of the film, which the camera's moves fill.

    Raises:
        InputError: a seed, aspect or length that no film has.
    """
    for name, value, most in (("aspect", aspect, 100), ("seconds", seconds, 3600)):
        if not (math.isfinite(value) and 0 < value <= most):
            raise InputError(name, value, f"numbers above 0, up to {most}")
    heard = read(prompt)
    kept, notes = _settled(heard.settings)
    said: dict[str, str] = {}
    for setting in kept:
        values = said.get(setting.topic, "").split() if setting.topic in ("place", "move") else []
        said[setting.topic] = " ".join(dict.fromkeys([*values, setting.value]))
    if "place" in said:
        said["place"] = " ".join(sorted(said["place"].split(), key=_RANK.index))
    scene = compose(said, seed, aspect=aspect, seconds=seconds)
    if "place" not in said:
        notes.append(f"No place was named; the seed chose {scene.land.place}.")
    notes += [f"pleinair-2 does not draw {kind} yet." for kind in heard.absent]
    if len(prompt) > MOST_CHARACTERS:
        notes.append(f"Only the first {MOST_CHARACTERS:,} characters were read.")
    readings = [
        Reading(path, _value(scene, path), setting.words)
        for setting in kept
        for path in _FIELDS.get(setting.topic, (setting.topic,))
    ]
    return Draft(scene, tuple(readings), heard.unknown, tuple(notes))


def explain(made: Draft) -> str:
    """What the prompt decided and by which words, what it did not, and what the seed chose."""
    lines = [f"{reading.field} = {reading.value}  ← “{reading.words}”" for reading in made.said]
    if made.unknown:
        lines.append("not understood: " + ", ".join(made.unknown))
    lines += made.notes
    decided = {reading.field for reading in made.said}
    lines.append("chosen by the seed:")
    for item, rule in Scene.rules():
        if isinstance(rule, One):
            part = getattr(made.scene, item.name)
            chosen = [
                f"{each.name} {_value(made.scene, f'{item.name}.{each.name}')}"
                for each, _ in part.rules()
                if f"{item.name}.{each.name}" not in decided
                and getattr(part, each.name) != each.default
            ]
            if chosen:
                lines.append(f"  {item.name}: " + ", ".join(chosen))
    return "\n".join(lines)


def _settled(settings: tuple[Setting, ...]) -> tuple[list[Setting], list[str]]:
    """One setting a topic, but for places and moves; what is sure goes before what is likely."""
    kept: list[Setting] = []
    notes: list[str] = []
    for setting in sorted(settings, key=lambda setting: not setting.sure):
        rival = next((other for other in kept if other.topic == setting.topic), None)
        if rival is None:
            kept.append(setting)
        elif rival.value == setting.value:
            continue
        elif setting.sure and setting.topic in ("place", "move"):
            kept.append(setting)
        elif setting.topic == "sky" and rival.value in ("clear", "sunny") and setting.sure:
            kept[kept.index(rival)] = setting  # "a blue sky with white clouds"
        elif setting.sure and (setting.topic, setting.value) != ("sky", "clear"):
            notes.append(f"“{setting.words}” was left aside for “{rival.words}”.")
    return [setting for setting in settings if setting in kept], notes


def _value(scene: Scene, path: str) -> float | str:
    """A field's value; clouds and moves in words."""
    part, name = path.split(".")
    value = getattr(getattr(scene, part), name)
    if not isinstance(value, tuple):
        return value  # type: ignore[no-any-return]
    return ", ".join(map(_in_words, value)) or "none"


def _in_words(part: Clouds | Move) -> str:
    if isinstance(part, Clouds):
        return f"{part.kind} {part.cover:g}"
    return part.kind if part.kind == "focus" else f"{part.kind} {part.amount:+g}"
