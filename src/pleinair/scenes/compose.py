"""Composition: what a prompt leaves open is chosen by the seed, as a photographer would.

The sun stands where it serves: from the side by day, low and aside at the golden hour, in the
picture when it rises or sets. The horizon is off the middle. Nights have a moon or the Milky Way.
Each choice is made by its own name, so that one more word in a prompt leaves the others as they
are.
"""

import math
from collections.abc import Mapping
from typing import Any, TypeVar

from pleinair.scenes.dice import Dice
from pleinair.scenes.field import Choice, Part
from pleinair.scenes.framing import Frame, camera, framed
from pleinair.scenes.habits import HOURS, PLACES, TALL, UNSAID_HOURS, Span
from pleinair.scenes.scene import Camera, Clouds, Film, Land, Scene, Sky, Time, Water, Weather

P = TypeVar("P", bound=Part)

# Layers of each kind of sky: kind, cover, base m, thickness m, density.
_Layer = tuple[str, Span, Span, Span, Span]
_VEIL: _Layer = ("cirrus", (0.1, 0.3), (7500, 10000), (400, 900), (0.5, 0.9))
_STREAKS: _Layer = ("cirrus", (0.3, 0.55), (7500, 10000), (500, 1200), (0.7, 1.1))
_PUFFS: _Layer = ("cumulus", (0.1, 0.22), (1100, 1800), (400, 800), (0.9, 1.2))
_HEAPS: _Layer = ("cumulus", (0.25, 0.4), (1100, 1700), (600, 1200), (0.9, 1.2))
_BANKS: _Layer = ("cumulus", (0.55, 0.72), (900, 1400), (900, 1800), (1, 1.3))
_SHEET: _Layer = ("stratus", (0.93, 1), (600, 1100), (450, 900), (0.8, 1.2))
_TOWERS: _Layer = ("storm", (0.6, 0.85), (600, 1000), (6000, 9500), (1, 1.4))
SKIES: dict[str, tuple[_Layer, ...]] = {
    "none": (),
    "veil": (_VEIL,),
    "cirrus": (_STREAKS,),
    "few": (_PUFFS,),
    "scattered": (_HEAPS,),
    "mixed": (_PUFFS, _STREAKS),
    "cloudy": (_BANKS, _VEIL),
    "overcast": (_SHEET,),
    "storm": (_TOWERS,),
}
_UNSAID_SKIES = {
    "clear": {"none": 3.0, "veil": 2.0},
    "sunny": {"none": 1.0, "veil": 1.0, "few": 1.0},
    "day": {"few": 3.0, "scattered": 2.0, "mixed": 2.0, "cirrus": 2.0, "veil": 1.0},
    "low sun": {"mixed": 3.0, "cirrus": 3.5, "few": 1.5, "scattered": 1.0, "veil": 1.0},
    "night": {"none": 3.0, "veil": 2.0, "few": 3.0, "scattered": 1.0},
}
_VISIBILITY: dict[str, Span] = {
    "fog": (500, 950),
    "mist": (14000, 28000),
    "haze": (9000, 16000),
    "drizzle": (9000, 15000),
    "rain": (8000, 14000),
    "heavy": (5000, 9000),
    "snow": (6000, 12000),
    "heavy snow": (500, 1200),
    "storm": (16000, 28000),
}
_RAIN = {"shower": 1.5, "drizzle": 0.6, "rain": 4.0, "heavy": 10.0}
_SNOW = {"snow": 0.35, "heavy": 3.0}
_WIND: dict[str, Span] = {"calm": (0.2, 0.8), "windy": (9, 13), "gale": (20, 26)}
_SWELL: dict[str, Span] = {
    "calm": (0.05, 0.2),
    "": (0.4, 1.5),
    "waves": (1.4, 2.6),
    "rough": (2.8, 4.2),
    "storm": (4.5, 7),
}
_COASTS = ("sea", "beach", "cliffs", "islands")
_LAPSES = {"sunrise": 30.0, "sunset": 30.0, "dawn": 40.0, "dusk": 40.0, "night": 120.0}
"""Minutes of the scene that a time-lapse shows; else an hour."""


def compose(said: Mapping[str, str], seed: int, *, aspect: float, seconds: float) -> Scene:
    """A scene of what was said, the rest chosen by the seed.

    Args:
        said: topics with their values, as `vocabulary` has them; ``move`` and ``place`` may hold
            several words, the place that counts first. With a dot, a field and its value.
        seed: of the scene.
        aspect: width of the picture over its height.
        seconds: length of the film, which the moves fill.
    """
    dice = Dice(seed)
    hour = said.get("hour") or ("day" if said.get("sky") == "sunny" else "")
    hour = hour or ("golden" if "rainbow" in said else dice.pick("hour", UNSAID_HOURS))
    land = _land(said, dice)
    frame = framed(said, land, hour, dice, aspect)
    return Scene(
        seed=seed,
        land=land,
        water=_water(said, land, frame, dice),
        sky=_sky(said, land, frame, hour, dice),
        weather=_weather(said, land, frame, hour, dice),
        camera=_made(Camera, said, camera(said, frame, dice, seconds).as_dict()),
        film=_made(Film, said, {"grain": dice.between("grain", 0.05, 0.12)}),
        time=_made(Time, said, {"pace": _pace(said, hour, seconds)}),
    )


def _made(part: type[P], said: Mapping[str, str], composed: Mapping[str, Any]) -> P:
    """A part as composed, except for the fields that were said themselves."""
    own = {}
    for item, rule in part.rules():
        value = said.get(f"{part.label()}.{item.name}")
        if value is not None:
            own[item.name] = value if isinstance(rule, Choice) else float(value)
    return part.from_dict({**composed, **own}, part.label())


def _land(said: Mapping[str, str], dice: Dice) -> Land:
    place, *others = said.get("place", "").split() or [_unsaid_place(said, dice)]
    habit = PLACES[place]
    relief = dice.between("relief", *habit.relief)
    distance = dice.between("distance", *habit.distance)
    forest = dice.between("forest", *habit.forest)
    for other in others:  # as in "a lake in the mountains", "a beach by the forest"
        if other in ("mountains", "valley", "volcano", "hills") and other != place:
            relief = max(relief, dice.between("relief", *PLACES[other].relief) * 0.8)
            distance = max(distance, dice.between("distance", *PLACES[other].distance) * 0.8)
        if other == "forest":
            forest = max(forest, 0.5 if place == "meadow" else 0.85)
    season = said.get("land.season") or dice.pick(
        "season", {"spring": 0.25, "summer": 0.55, "autumn": 0.2}
    )
    relief = float(said.get("land.relief_m", relief))
    composed = {
        "place": place,
        "relief_m": relief,
        "roughness": dice.between("roughness", *habit.roughness),
        "erosion": dice.between("erosion", *habit.erosion),
        "snow_line_m": _snow_line(said, relief, season, habit.snow, dice),
        "forest": forest,
        "season": season,
        "wetness": {"none": 0.0, "drizzle": 0.5}.get(said.get("rain", "none"), 0.85),
        "distance_m": distance,
    }
    return _made(Land, said, composed)


def _snow_line(
    said: Mapping[str, str], relief: float, season: str, usual: Span | None, dice: Dice
) -> float:
    """Height above which snow lies, m."""
    snow = said.get("snow") or ("usual" if usual else "none")
    share = dice.between("snow", *((0.35, 0.5) if snow == "caps" else usual or (0, 0)))
    if snow == "none":
        return 6000
    if snow == "ground" or share < 0:
        return -100
    earlier = {"summer": 1.0, "winter": 0.3}.get(season, 0.85)
    return float(f"{min(share * relief * earlier, 6000):.3g}")


def _unsaid_place(said: Mapping[str, str], dice: Dice) -> str:
    if "sea" in said:
        return "sea"
    if said.get("snow") == "ground" or "aurora" in said:
        return dice.pick("place", {"snowfield": 1, "mountains": 2, "lake": 1, "valley": 1})
    if "land.forest" in said and said["land.forest"] != "0":
        return dice.pick("place", {"forest": 2, "hills": 1, "valley": 1, "lake": 1})
    places = ("mountains", "lake", "hills", "valley", "meadow", "beach", "cliffs", "islands")
    return dice.pick("place", dict.fromkeys(places, 1.0))


def _water(said: Mapping[str, str], land: Land, frame: Frame, dice: Dice) -> Water:
    depth, fetch, clarity = PLACES[land.place].water
    sea = said.get("sea", "calm" if said.get("wind") == "calm" else "")
    swell = dice.between("swell", *_SWELL[sea]) if land.place in _COASTS else 0.0
    period = dice.between("period", 8, 12) if swell < 2.5 else dice.between("period", 10, 14)
    composed = {
        "depth_m": depth,
        "fetch_m": fetch,
        "clarity_m": clarity,
        "swell_m": swell,
        "swell_period_s": period,
        "swell_from_deg": _turned(frame, dice.side("swell side") * dice.between("swell", 10, 50)),
    }
    return _made(Water, said, composed)


def _sky(said: Mapping[str, str], land: Land, frame: Frame, hour: str, dice: Dice) -> Sky:
    light = HOURS[hour]
    side = light.side or dice.side("sun side")
    elevation = dice.between("sun height", *light.elevation)
    heights = land.relief_m / land.distance_m > TALL
    if hour == "golden" and heights and dice.chance("glow", 0.75):
        aside = dice.between("sun", 80, 125)  # heights glow where the light falls on them
    elif light.aside is not None:
        aside = dice.between("sun", *light.aside)
    elif heights and dice.chance("alpenglow", 0.35):
        aside = dice.between("sun", 60, 95)  # the sun itself would be behind the heights
    else:
        aside = frame.aside(dice.between("sun", 0.25, 0.42))
    if "rainbow" in said:  # around the point opposite to the sun
        elevation, aside = dice.between("sun height", 8, 22), 180 - dice.between("sun", 12, 24)
    composed = {
        "sun_elevation_deg": elevation,
        "sun_azimuth_deg": _turned(frame, side * aside),
        "turbidity": dice.between(
            "turbidity", *((5, 7) if said.get("air") == "haze" else (2, 3.2))
        ),
        "latitude_deg": dice.between("latitude", *PLACES[land.place].latitude),
        "aurora": dice.between("aurora", 0.6, 0.9) if "aurora" in said else 0,
    }
    if said.get("pace") == "lapse" and hour in ("sunrise", "sunset"):
        composed["latitude_deg"] = dice.between("latitude", 3, 15)  # where it sets steeply
    if hour in ("night", "dusk"):
        composed |= _moon(said, frame, hour, dice)
    return _made(Sky, said, composed)


def _moon(said: Mapping[str, str], frame: Frame, hour: str, dice: Dice) -> dict[str, float]:
    """The moon of a night: in the picture if it was said, else for its light, or not at all."""
    moonless = any(topic in said for topic in ("milky", "aurora")) or hour == "dusk"
    kind = said.get("moon") or ("none" if moonless or dice.chance("starry", 0.45) else "lit")
    if kind == "none":
        stars = "milky" in said or "aurora" not in said
        return {"moon_elevation_deg": -30, "milky_way": 1.5 if stars else 1, "stars": 1.2}
    phase = {"full": 0.5, "half": 0.27, "crescent": 0.1}.get(kind, dice.between("phase", 0.4, 0.6))
    side = dice.side("moon side")
    if kind == "lit":
        height, aside = dice.between("moon height", 25, 42), dice.between("moon", 40, 75)
    else:
        height = max(4.0, frame.above(dice.between("moon height", 0.5, 0.72)))
        aside = frame.aside(dice.between("moon", 0.28, 0.42))
    return {
        "moon_elevation_deg": float(f"{min(height, 80):.3g}"),
        "moon_azimuth_deg": _turned(frame, side * aside),
        "moon_phase": phase,
    }


def _weather(said: Mapping[str, str], land: Land, frame: Frame, hour: str, dice: Dice) -> Weather:
    rain, snow, air = said.get("rain", "none"), said.get("snowing", "none"), said.get("air", "")
    if "rainbow" in said and rain != "none":
        rain = "shower"  # the sun must come through
    kind = _kind_of_sky(said, hour, dice)
    causes = [air, rain, "heavy snow" if snow == "heavy" else snow, kind]
    seen = [dice.between("visibility", *_VISIBILITY[c]) for c in causes if c in _VISIBILITY]
    if "wind" in said:
        wind = dice.between("wind", *_WIND[said["wind"]])
    elif kind == "storm":
        wind = dice.between("wind", 10, 15)
    else:
        wind = dice.between("wind", *((4, 8) if land.place in _COASTS else (1.2, 4.5)))
    towards = dice.between("wind from", 25, 70)  # waves come on, clouds cross the picture
    composed = {
        "clouds": [_layer(layer, dice).as_dict() for layer in SKIES[kind]],
        "wind_mps": wind,
        "wind_from_deg": _turned(frame, dice.side("wind side") * towards),
        "visibility_m": min(seen, default=dice.between("visibility", 45000, 110000)),
        "mist": dice.between("mist", 0.6, 0.9) if air == "mist" else 0,
        "rain_mm_h": _RAIN.get(rain, 1.5 if "rainbow" in said else 0),
        "snow_mm_h": _SNOW.get(snow, 0),
        "lightning_per_min": 12 if said.get("lightning") == "yes" else 0,
        "rainbow": 1 if "rainbow" in said else 0,
    }
    return _made(Weather, said, composed)


def _kind_of_sky(said: Mapping[str, str], hour: str, dice: Dice) -> str:
    kind = said.get("sky", "")
    if not kind and "rainbow" in said:
        return "scattered"
    if not kind and (said.get("rain", "none") != "none" or said.get("snowing", "none") != "none"):
        return "overcast"
    if not kind:
        light = HOURS[hour].elevation[1]
        kind = "night" if hour == "night" else "day" if light > 10 else "low sun"
    return dice.pick("sky", _UNSAID_SKIES[kind]) if kind in _UNSAID_SKIES else kind


def _layer(layer: _Layer, dice: Dice) -> Clouds:
    kind, cover, base, thickness, density = layer
    return Clouds(
        kind,
        dice.between(f"{kind} cover", *cover),
        dice.between(f"{kind} base", *base),
        dice.between(f"{kind} thickness", *thickness),
        dice.between(f"{kind} density", *density),
    )


def _pace(said: Mapping[str, str], hour: str, seconds: float) -> float:
    if said.get("pace") == "lapse":
        minutes = _LAPSES.get(hour, 60.0)
        return float(f"{max(60.0, min(60 * minutes / max(seconds, 0.1), 1800.0)):.3g}")
    return {"slow": 0.25, "super": 0.08, "fast": 8.0}.get(said.get("pace", ""), 1.0)


def _turned(frame: Frame, degrees: float) -> float:
    """An azimuth so far right of where the camera looks, from −180 to 180."""
    return float(f"{math.remainder(frame.heading + degrees, 360):.3g}")
