"""A scene: everything that a film of a landscape is drawn from, in one frozen document.

Lengths are in metres, times in seconds, angles in degrees, directions as on a compass (0 is north,
90 east; the camera of a composed scene looks about north). The world is flat but for the fall of
the horizon, x runs east, y up, z north; the water lies at y = 0 and the camera stands near x = z =
0. What the document does not say follows from `Scene.seed` alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from pleinair.errors import InputError
from pleinair.scenes.field import MOST_SEED, Part, choice, number, one, parts, shown, whole

VERSION = 1
PLACES = (
    "sea",  # open water to the horizon
    "beach",  # sand, waves that lap
    "cliffs",  # a rocky coast
    "lake",  # among hills or mountains
    "river",  # winding through its valley
    "desert",  # dunes
    "badlands",  # desert of rock
    "meadow",
    "hills",
    "valley",
    "forest",  # wooded hills
    "mountains",
    "canyon",
    "volcano",
    "snowfield",
    "glacier",
    "islands",
)
CLOUDS = ("cumulus", "stratus", "cirrus", "storm")
SEASONS = ("spring", "summer", "autumn", "winter")
MOVES = (
    "pan",  # turns; amount in degrees, right is positive
    "tilt",  # nods; degrees, up is positive
    "roll",  # degrees, clockwise is positive
    "zoom",  # the lens grows longer; amount is the factor of its length, below 1 is wider
    "forward",  # metres along the heading, back is negative
    "truck",  # metres to the right
    "rise",  # metres upward
    "orbit",  # degrees around the point ``distance_m`` ahead, seen on; anticlockwise is positive
    "focus",  # the focus is racked to ``distance_m``
)
EASES = ("linear", "in", "out", "in-out")
LOOKS = ("natural", "vivid", "black and white", "vintage", "watercolour", "ink")


@dataclass(frozen=True)
class Land(Part):
    """The solid ground."""

    place: str = choice("mountains", PLACES, "what kind of land it is")
    relief_m: float = number(900, 0, 6000, "m", "height of its heights above its lows")
    roughness: float = number(0.5, 0, 1, "", "0 smooth, 1 rugged")
    erosion: float = number(0.5, 0, 1, "", "how far water has carved it")
    snow_line_m: float = number(6000, -100, 6000, "m", "height above which snow lies")
    forest: float = number(0.4, 0, 1, "", "share of the ground fit for trees that is wooded")
    season: str = choice("summer", SEASONS, "what the plants wear")
    wetness: float = number(0, 0, 1, "", "how wet the ground is, as after rain")
    distance_m: float = number(4000, 50, 30000, "m", "how far away its main heights are")


@dataclass(frozen=True)
class Water(Part):
    """Sea, lake or river; its waves are raised by the wind of `Weather`."""

    depth_m: float = number(40, 0.2, 6000, "m", "where it is deep")
    fetch_m: float = number(200000, 100, 2000000, "m", "how far the wind has blown over it")
    swell_m: float = number(0, 0, 15, "m", "significant height of the swell from afar")
    swell_period_s: float = number(11, 3, 25, "s", "time between its crests")
    swell_from_deg: float = number(0, -360, 360, "°", "where the swell comes from")
    clarity_m: float = number(8, 0.1, 60, "m", "how deep one sees into it")
    ice: float = number(0, 0, 1, "", "share of it that is frozen over")


@dataclass(frozen=True)
class Sky(Part):
    """Sun, moon, stars and the clear air."""

    sun_elevation_deg: float = number(35, -90, 90, "°", "height of the sun's centre")
    sun_azimuth_deg: float = number(60, -360, 360, "°", "where the sun stands")
    moon_elevation_deg: float = number(-30, -90, 90, "°", "height of the moon's centre")
    moon_azimuth_deg: float = number(20, -360, 360, "°", "where the moon stands")
    moon_phase: float = number(0.5, 0, 1, "", "0 new, 0.25 first quarter, 0.5 full, 1 new again")
    turbidity: float = number(2.5, 1, 10, "", "haze: 2 clear, 3 usual, 6 hazy")
    stars: float = number(1, 0, 3, "", "how bright the stars are; 1 as they are")
    milky_way: float = number(1, 0, 5, "", "how bright the Milky Way is; 1 as it is")
    aurora: float = number(0, 0, 1, "", "how strong the aurora is")
    latitude_deg: float = number(47, -90, 90, "°", "decides how sun and stars turn")


@dataclass(frozen=True)
class Clouds(Part):
    """One layer of clouds."""

    kind: str = choice("cumulus", CLOUDS, "what they are")
    cover: float = number(0.35, 0, 1, "", "share of the sky that they cover")
    base_m: float = number(1500, 100, 14000, "m", "height of their base above the water")
    thickness_m: float = number(900, 50, 12000, "m", "from base to top")
    density: float = number(1, 0.05, 4, "", "1 as such clouds are")


@dataclass(frozen=True)
class Weather(Part):
    """What the air carries, and the wind that moves clouds, waves, rain and snow together."""

    clouds: tuple[Clouds, ...] = parts(Clouds, 4, "layers of clouds, lowest first")
    wind_mps: float = number(5, 0, 45, "m/s", "speed of the wind at 10 m")
    wind_from_deg: float = number(250, -360, 360, "°", "where the wind comes from")
    visibility_m: float = number(60000, 20, 300000, "m", "how far dark things are seen: fog, haze")
    mist: float = number(0, 0, 1, "", "mist that lies in the low places and over water")
    rain_mm_h: float = number(0, 0, 120, "mm/h", "rain")
    snow_mm_h: float = number(0, 0, 30, "mm/h", "snowfall, as water")
    lightning_per_min: float = number(0, 0, 60, "", "strokes of lightning a minute")
    rainbow: float = number(0, 0, 1, "", "how strong a rainbow is where the sun allows one")


@dataclass(frozen=True)
class Move(Part):
    """One movement of the camera over a span of time; several add up."""

    kind: str = choice("pan", MOVES, "what moves")
    amount: float = number(0, -100000, 100000, "", "degrees, metres or the factor, by kind")
    start_s: float = number(0, 0, 3600, "s", "when it begins, in the film's time")
    seconds: float = number(4, 0.01, 3600, "s", "how long it takes")
    ease: str = choice("in-out", EASES, "how it sets off and comes to rest")
    distance_m: float = number(100, 0.1, 100000, "m", "of the pivot of an orbit, or of the focus")


@dataclass(frozen=True)
class Camera(Part):
    """Where the camera stands, its lens and how it moves."""

    x_m: float = number(0, -20000, 20000, "m", "east of the middle")
    z_m: float = number(0, -20000, 20000, "m", "north of the middle")
    height_m: float = number(1.7, 0.05, 12000, "m", "above the ground or water it stands on")
    heading_deg: float = number(0, -360, 360, "°", "where it looks")
    pitch_deg: float = number(0, -90, 90, "°", "up is positive, −90 straight down")
    roll_deg: float = number(0, -180, 180, "°", "clockwise is positive")
    lens_mm: float = number(28, 8, 1200, "mm", "focal length for a frame 36 mm wide")
    f_number: float = number(8, 0.7, 64, "", "aperture: small numbers blur what is out of focus")
    focus_m: float = number(100000, 0.1, 100000, "m", "distance that is sharp")
    shutter_deg: float = number(180, 0, 360, "°", "share of the frame's time that it is open")
    exposure_ev: float = number(0, -3, 3, "EV", "brighter or darker than measured")
    shake: float = number(0, 0, 1, "", "0 on a tripod, 0.15 in the hand, 1 intense shaking")
    moves: tuple[Move, ...] = parts(Move, 32, "how it moves")


@dataclass(frozen=True)
class Film(Part):
    """What becomes of the light: tone, grain and look."""

    look: str = choice("natural", LOOKS, "how it is printed or painted")
    contrast: float = number(1, 0.5, 2, "", "1 as it is")
    saturation: float = number(1, 0, 2, "", "1 as it is, 0 grey")
    warmth: float = number(0, -1, 1, "", "below 0 bluer, above 0 more golden")
    bloom: float = number(0.5, 0, 1, "", "glow around what is bright")
    grain: float = number(0.15, 0, 1, "", "grain of the film")
    vignette: float = number(0.2, 0, 1, "", "how far the corners darken")


@dataclass(frozen=True)
class Time(Part):
    """How the scene's time runs while the film does."""

    pace: float = number(1, -100000, 100000, "s/s", "1 as it is, 0.2 slow motion, 600 time-lapse")
    start_s: float = number(0, -10000000, 10000000, "s", "time of the scene at the first frame")


@dataclass(frozen=True)
class Scene(Part):
    """A whole scene; see the module for its units and axes.

    Attributes:
        seed: what the rest leaves open: another seed is another place of the same kind.
    """

    seed: int = whole(0, 0, MOST_SEED, "", "what the rest leaves open")
    land: Land = field(default_factory=Land, metadata=one(Land, "the solid ground"))
    water: Water = field(default_factory=Water, metadata=one(Water, "sea, lake or river"))
    sky: Sky = field(default_factory=Sky, metadata=one(Sky, "sun, moon, stars and the clear air"))
    weather: Weather = field(default_factory=Weather, metadata=one(Weather, "clouds, wind, rain"))
    camera: Camera = field(default_factory=Camera, metadata=one(Camera, "place, lens and moves"))
    film: Film = field(default_factory=Film, metadata=one(Film, "what becomes of the light"))
    time: Time = field(default_factory=Time, metadata=one(Time, "how the scene's time runs"))

    def as_dict(self) -> dict[str, Any]:
        """The document as plain values, its version first."""
        return {"version": VERSION} | super().as_dict()

    @classmethod
    def from_dict(cls, values: object, name: str = "") -> Self:
        """The scene of a document of plain values; see `Part.from_dict`.

        Raises:
            InputError: also where a later Pleinair wrote the document.
        """
        if not isinstance(values, Mapping):
            return super().from_dict(values, name)
        version = values.get("version", VERSION)
        if type(version) is not int or not 1 <= version <= VERSION:
            allowed = f"up to {VERSION}, the newest that this Pleinair knows"
            raise InputError("version", shown(version), allowed)
        return super().from_dict({k: v for k, v in values.items() if k != "version"}, name)
