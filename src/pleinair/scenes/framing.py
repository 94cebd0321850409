"""The camera of a composed scene: where it stands, what its frame holds, how it moves."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pleinair.scenes.dice import Dice
from pleinair.scenes.habits import PLACES, TALL, Span
from pleinair.scenes.scene import Camera, Land, Move

LENSES: dict[str, Span] = {
    "ultra": (12, 14),
    "wide": (16, 20),
    "normal": (45, 50),
    "tele": (120, 180),
    "macro": (90, 100),
    "sky": (15, 18),
    "rainbow": (17, 21),
    "aerial": (20, 28),
}
SKYFUL = frozenset({"dawn", "sunrise", "sunset", "dusk", "night"})
"""Hours at which the sky is what one looks at."""


@dataclass(frozen=True)
class Frame:
    """What the camera sees while it stands still.

    Attributes:
        north: of the middle of the land, m.
        heading, pitch: degrees.
        lens: mm.
        height: of the eye above the ground, m.
        wide, tall: tangents of half its angles.
    """

    north: float
    heading: float
    pitch: float
    lens: float
    height: float
    wide: float
    tall: float

    def aside(self, share: float) -> float:
        """Angle from the middle of what stands at a share of half the width, degrees."""
        return math.degrees(math.atan(self.wide * share))

    def above(self, share: float) -> float:
        """Elevation of what stands at a share of half the height, degrees."""
        return self.pitch + math.degrees(math.atan(self.tall * share))


def framed(said: Mapping[str, str], land: Land, hour: str, dice: Dice, aspect: float) -> Frame:
    """A frame whose horizon is off the middle and whose heights have room.

    Args:
        said: topics of the prompt with their values.
        land: what there is to see.
        hour: one of `habits.HOURS`.
        dice: the seed's choices.
        aspect: width of the picture over its height.
    """
    habit, view = PLACES[land.place], said.get("view", "")
    sky = any(topic in said for topic in ("aurora", "milky"))
    kind = said.get("lens") or _lens_for(said, view, sky)
    lens = dice.between("lens", *LENSES.get(kind, habit.lens))
    top = habit.rises * land.relief_m / land.distance_m
    lower = dice.chance("horizon", 0.8 if hour in SKYFUL else habit.low)
    lower = lower or sky or "rainbow" in said or view == "low" or top > TALL
    horizon = dice.between("thirds", *((0.27, 0.37) if lower else (0.6, 0.67)))
    if sky:
        horizon = dice.between("thirds", 0.16, 0.26)
    if not kind and "camera.lens_mm" not in said:  # short enough for the heights and some sky
        lens = max(min(lens, 36 * (1 - horizon) * min(1, 1 / aspect) / (1.4 * top + 1e-6)), 17)
    lens = float(said.get("camera.lens_mm", f"{lens:.3g}"))
    wide, tall = 18 / lens * min(1, aspect), 18 / lens * min(1, 1 / aspect)
    pitch = math.atan(max((1 - 2 * horizon) * tall, top - 0.75 * tall))
    height = dice.between("eye", *habit.eye)
    north = 0.0
    if view in ("aerial", "top", "high", "low"):
        height, pitch = _viewed(view, dice, pitch)
    if view == "aerial" and top > TALL:  # high up and close to the heights
        height = _round(land.relief_m * dice.between("eye", 0.4, 0.55))
        north = _round(0.15 * land.distance_m)
        seen = (land.relief_m - height) / (land.distance_m - north)
        pitch = min(math.atan(seen - 0.7 * tall), math.radians(-4))
    if said.get("lens") == "macro":
        height = 0.3
    heading = dice.side("heading") * dice.between("turn", 2, 13)
    return Frame(north, heading, _round(math.degrees(pitch)), lens, height, wide, tall)


def camera(said: Mapping[str, str], frame: Frame, dice: Dice, seconds: float) -> Camera:
    """The camera of a frame, with its moves: those of the prompt, or a gentle one of the seed."""
    names = said.get("move", "").split() or [_unsaid_move(said, dice)]
    made = Camera(
        z_m=frame.north,
        height_m=frame.height,
        heading_deg=frame.heading,
        pitch_deg=frame.pitch,
        lens_mm=frame.lens,
        exposure_ev=-0.7 if said.get("sky") == "storm" else 0,  # storms are dark
        shake={"held": 0.15, "shaking": 0.8}.get(said.get("hand", ""), 0),
    )
    if said.get("lens") == "macro":
        made = replace(made, f_number=2.8, focus_m=1.2)
    speed = {"slow": 0.5, "fast": 2.0}.get(said.get("speed", ""), 1.0)
    for name in names:
        if name != "static":
            made = _moved(made, name, speed, seconds)
    return made


# What a move does in a second, at most in all, and how it sets off.
_MOVES = {
    "pan-left": ("pan", -5.0, 60.0, "in-out"),
    "pan-right": ("pan", 5.0, 60.0, "in-out"),
    "drift-left": ("pan", -2.2, 30.0, "linear"),
    "drift-right": ("pan", 2.2, 30.0, "linear"),
    "tilt-up": ("tilt", 3.5, 25.0, "in-out"),
    "tilt-down": ("tilt", -3.5, 25.0, "in-out"),
    "roll": ("roll", 4.0, 30.0, "in-out"),
    "forward": ("forward", 1.4, 12.0, "linear"),
    "back": ("forward", -1.4, 12.0, "linear"),
    "fly": ("forward", 9.0, 600.0, "linear"),
    "truck-left": ("truck", -1.1, 12.0, "linear"),
    "truck-right": ("truck", 1.1, 12.0, "linear"),
    "rise": ("rise", 1.0, 30.0, "in-out"),
    "sink": ("rise", -1.0, 30.0, "in-out"),
    "orbit": ("orbit", 5.0, 180.0, "linear"),
}
_FOOTING = {"forward": 2.5, "back": 2.5, "truck-left": 2.2, "truck-right": 2.2, "orbit": 18.0}
"""Least height of the eye for moves that leave the spot, m."""


def _moved(made: Camera, name: str, speed: float, seconds: float) -> Camera:
    """A camera with one more move; what is framed is seen in its midst or at its end."""
    span = min(max(seconds, 0.1), 3600)
    if name in ("zoom-in", "zoom-out"):
        factor = min(1 + 0.13 * speed * span, 2.5)
        if name == "zoom-in":
            return _with(made, Move("zoom", _round(factor), seconds=span))
        longer = replace(made, lens_mm=min(_round(made.lens_mm * factor), 1200))
        return _with(longer, Move("zoom", _round(1 / factor), seconds=span))
    if name == "focus":
        near = replace(made, f_number=1.8, focus_m=2.5, lens_mm=max(made.lens_mm, 50))
        return _with(near, Move("focus", 0, 0.2 * span, 0.6 * span, distance_m=100000))
    if name == "pan":
        name = "pan-right" if made.heading_deg < 0 else "pan-left"
    if name == "forward" and made.height_m > 50:
        name = "fly"
    kind, rate, most, ease = _MOVES[name]
    amount = _round(math.copysign(min(abs(rate) * speed * span, most), rate))
    move = Move(kind, amount, seconds=span, ease=ease, distance_m=60 + made.height_m * 2)
    made = replace(made, height_m=max(made.height_m, _FOOTING.get(name, 0)))
    match name:
        case "pan-left" | "pan-right" | "drift-left" | "drift-right":
            made = replace(made, heading_deg=_round(made.heading_deg - amount / 2))
        case "tilt-up" | "tilt-down":
            made = replace(made, pitch_deg=_round(max(-90.0, made.pitch_deg - amount)))
        case "sink":
            made = replace(made, height_m=_round(made.height_m - amount))
    return _with(made, move)


def _with(made: Camera, move: Move) -> Camera:
    return replace(made, moves=(*made.moves, move))


def _unsaid_move(said: Mapping[str, str], dice: Dice) -> str:
    if said.get("view") in ("aerial", "top"):
        return "fly"
    if "hand" in said or said.get("lens") in ("tele", "macro"):
        return "static"
    if said.get("pace") == "lapse":
        return dice.pick("move", {"static": 3, "drift-left": 1, "drift-right": 1})
    odds = {"truck": 3.0, "drift": 2.0, "forward": 3.0, "rise": 1.5, "static": 1.0}
    name = dice.pick("move", odds)
    side = "left" if dice.side("way") < 0 else "right"
    return f"{name}-{side}" if name in ("truck", "drift") else name


def _lens_for(said: Mapping[str, str], view: str, sky: bool) -> str:
    if sky:
        return "sky"
    if "rainbow" in said:
        return "rainbow"
    return "aerial" if view in ("aerial", "top") else ""


def _viewed(view: str, dice: Dice, pitch: float) -> tuple[float, float]:
    """Height of the eye, m, and pitch, radians, of a view that the prompt asks for."""
    if view == "aerial":
        return dice.between("eye", 60, 250), math.radians(dice.between("down", -28, -11))
    if view == "top":
        return dice.between("eye", 90, 250), -math.pi / 2
    if view == "high":
        return dice.between("eye", 25, 70), min(pitch, math.radians(dice.between("down", -9, -4)))
    return dice.between("eye", 0.3, 0.6), pitch


def _round(value: float) -> float:
    return float(f"{value:.3g}")
