"""The renderer: scenes in, clips out, in torch on any device.

Read it from the bottom: ``render`` lays out each scene, places the camera and paints from far to
near. A batch may mix scenes of every kind; each layer works only on the clips that have it.
Tensors are (B, C, T, H, W) and every layer broadcasts what does not vary.
"""

import random
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from pleinair.errors import InputError
from pleinair.worlds import land, sky
from pleinair.worlds.field import dice, mix, noise, step
from pleinair.worlds.looks import FINISH
from pleinair.worlds.palette import PAINTS, Light
from pleinair.worlds.placing import Placed, place_things
from pleinair.worlds.scene import Scene
from pleinair.worlds.sky import Layout
from pleinair.worlds.things import PAINTERS, Brush
from pleinair.worlds.view import View, look

# What no caption says, drawn from the scene's own seed: name -> lowest, highest.
_CHANCE = {
    "offset": (0.0, 1.0),
    "sun": (-0.5, 0.5),
    "pitch": (0.05, 0.15),
    "speed": (0.85, 1.2),
    "wind": (-1.6, 1.6),
    "phase": (0.0, 1.0),
    "moon_azimuth": (-0.38, 0.38),
    "moon_elevation": (0.28, 0.46),
    "bow": (-0.22, 0.22),
    "scale": (0.85, 1.2),
}
# For each weather: share of clear sky, weight of the clouds' shade, how opaque, patches of shadow.
_CLOUDS = {
    "clear": (1.02, 0.5, 0.6, 0.0),
    "scattered clouds": (0.42, 0.55, 0.95, 1.0),
    "overcast": (-0.30, 0.8, 1.0, 0.0),
    "fog": (0.45, 0.5, 0.5, 0.0),
    "rain": (-0.25, 0.95, 1.0, 0.0),
    "snowfall": (-0.30, 0.4, 0.8, 0.0),
    "storm": (0.0, 1.3, 1.0, 0.0),
}
_SWELL = {"clear": 0.8, "scattered clouds": 0.9, "overcast": 1.0, "storm": 2.0, "rain": 1.2}
_HAZE = {"fog": 1.0, "rain": 0.22, "snowfall": 0.28, "storm": 0.15}


def _layout(scenes: Sequence[Scene], device: torch.device) -> Layout:
    rows = []
    for scene in scenes:
        rng = random.Random(scene.seed)
        row = {name: rng.uniform(*span) for name, span in _CHANCE.items()}
        clear, heavy, veil, patchy = _CLOUDS[scene.weather]
        calm = {"lake": 0.35, "city": 0.45}.get(scene.place, 1.0)
        row |= {
            "clear": clear + rng.uniform(-0.03, 0.03),
            "heavy": heavy,
            "veil": veil,
            "patchy": patchy,
            "swell": _SWELL.get(scene.weather, 0.7) * calm,
            "gloss": 0.9 if calm < 1 else 0.72,
            "haze": _HAZE.get(scene.weather, 0.0),
        }
        rows.append(row)
    return {
        name: torch.tensor([row[name] for row in rows]).view(-1, 1, 1, 1, 1).to(device)
        for name in rows[0]
    }


def _backdrop(
    scene: Scene, azimuth: Tensor, elevation: Tensor, light: Light, layout: Layout, time: Tensor
) -> Tensor:
    """Everything above the horizon in these directions; a mirrored one gives a reflection."""
    canvas = sky.gradient(azimuth, elevation, light, layout)
    if scene.weather in ("clear", "scattered clouds") and scene.hour in ("dusk", "night"):
        canvas = canvas + sky.stars(azimuth, elevation, light, layout, time)
    if scene.has("aurora"):
        canvas = sky.aurora(canvas, azimuth, elevation, layout, time)
    if scene.has("moon"):
        canvas = sky.moon(canvas, azimuth, elevation, layout)
    if scene.has("shooting star"):
        canvas = sky.shooting_star(canvas, azimuth, elevation, layout, time)
    if scene.weather != "clear":
        canvas = sky.clouds(canvas, azimuth, elevation, light, layout, time)
    if scene.has("rainbow"):
        canvas = sky.rainbow(canvas, azimuth, elevation, layout)
    return _skyline(scene, canvas, azimuth, elevation, light, layout)


def _skyline(
    scene: Scene, canvas: Tensor, azimuth: Tensor, elevation: Tensor, light: Light, layout: Layout
) -> Tensor:
    hills = partial(land.ridges, canvas, azimuth, elevation, light, layout)

    match scene.place:
        case "mountains":
            return hills(
                kind=2, heights=(0.66, 0.50, 0.20), colour=(0.40, 0.39, 0.46), haze=0.40, snow=0.50
            )
        case "snow field":
            return hills(
                kind=0, heights=(0.14, 0.07), colour=(0.90, 0.94, 1.05), haze=0.35, icy=True
            )
        case "meadow":
            return hills(kind=0, heights=(0.13, 0.08), colour=(0.26, 0.42, 0.16), haze=0.5)
        case "desert":
            return hills(kind=1, heights=(0.26, 0.17), colour=(0.98, 0.66, 0.30), haze=0.25)
        case "lake":
            canvas = hills(kind=1, heights=(0.19,), colour=(0.32, 0.38, 0.36), haze=0.55)
            return land.pines(canvas, azimuth, elevation, light, layout, rows=1, height=0.075)
        case "forest":
            return land.pines(canvas, azimuth, elevation, light, layout, rows=3, height=0.52)
        case "coast":
            headland = step(0.0, 0.5, azimuth * torch.sign(layout["wind"]) + 0.05)
            cliff = land.ridges(
                canvas, azimuth, elevation, light, layout,
                kind=1, heights=(0.20,), colour=(0.52, 0.44, 0.34), haze=0.3, low=0.06,
            )  # fmt: skip
            return mix(
                canvas,
                cliff,
                (headland - elevation * 3 > 0.12).float() * (elevation < 0.26 * headland),
            )
        case "city":
            return land.buildings(canvas, azimuth, elevation, light, layout)
    return canvas


def _surface(scene: Scene, view: View, light: Light, layout: Layout) -> Tensor:
    """The backdrop and the ground or water under it."""
    horizon = view.elevation
    if scene.place in land.GROUND:
        upper = _backdrop(scene, view.azimuth, horizon, light, layout, view.time)
        rough = 0.10 if scene.place == "snow field" else 0.35
        lower = land.ground(
            view,
            light,
            layout,
            colours=land.GROUND[scene.place],
            rough=rough,
            icy=scene.place == "snow field",
        )
    else:
        height = land.waves(view, layout)
        bent = (-horizon + 0.16 * layout["swell"] * height).clamp(min=0.003)
        aside = view.azimuth + 0.03 * layout["swell"] * height
        below = horizon < 0
        upper = _backdrop(
            scene,
            torch.where(below, aside, view.azimuth),
            torch.where(below, bent, horizon),
            light,
            layout,
            view.time,
        )
        lower = land.water(upper, height, view, light, layout, colour=land.WATER[scene.place])
        lower = mix(lower, light.horizon, torch.exp(horizon.clamp(max=0) * 55) * 0.5)
        if scene.place in land.SHORE:
            lower = land.shore(lower, view, light, layout, scene.place)
    return mix(lower, upper, step(-1.0, 1.0, horizon / view.pixel))


def _fog(canvas: Tensor, view: View, light: Light, layout: Layout) -> Tensor:
    drift = noise(
        view.azimuth * 0.22 + layout["wind"] * view.time * 0.012,
        view.elevation * 0.5 + layout["offset"],
        2.2,
    )
    low = torch.exp(-view.elevation.abs() * 3.2) * (0.72 + 0.34 * drift)
    return mix(canvas, light.fog, (layout["haze"] * (0.22 + 0.86 * low)).clamp(0, 0.93))


def _rain(canvas: Tensor, view: View, light: Light, layout: Layout) -> Tensor:
    slant = view.x + 0.14 * view.y * torch.sign(layout["wind"])
    for layer, (size, speed) in enumerate(((19.0, 2.6), (11.0, 3.2))):
        lane = slant * size + 31 * layer
        cell = lane.floor()
        fall = view.y * 1.15 + view.time * speed * (0.8 + 0.4 * dice(cell, 0)) + 9 * dice(cell, 1)
        drop = fall - fall.floor()
        streak = step(0.42, 0.0, (drop - 0.5).abs()) * step(0.5, 0.1, (lane - cell - 0.5).abs())
        streak = streak * (dice(cell + 3 * fall.floor(), 2) > 0.58)
        canvas = mix(canvas, light.fog * 0.55 + 0.45, streak * (0.30 - 0.12 * light.darkness))
    return canvas


def _snowflakes(canvas: Tensor, view: View, light: Light, layout: Layout) -> Tensor:
    for layer, (size, speed) in enumerate(((3.6, 0.50), (6.0, 0.34))):
        u = (
            view.x * size
            + layout["wind"] * view.time * 0.5
            + 0.35 * torch.sin(view.time * 2 + view.y * 3 + layer)
        )
        v = view.y * size + view.time * speed * size
        cell = u.floor() * 37 + v.floor() * 91 + 1000 * layer
        du, dv = (
            u - u.floor() - 0.25 - 0.5 * dice(cell, 0),
            v - v.floor() - 0.25 - 0.5 * dice(cell, 1),
        )
        flake = step(0.26, 0.08, (du * du + dv * dv).sqrt()) * (dice(cell, 2) > 0.58)
        canvas = mix(
            canvas, 0.35 + 0.65 * light.light.clamp(min=0.45), flake * (0.92 - 0.15 * layer)
        )
    return canvas


def _lightning(canvas: Tensor, view: View, light: Light, layout: Layout) -> Tensor:
    beat = (view.time + 2 * layout["phase"]) % 2.0
    flash = ((beat < 0.26) + 0.6 * ((beat > 0.37) & (beat < 0.51))).to(canvas.dtype)
    strike = layout["bow"] * 1.6 + 0.16 * (
        noise(view.elevation * 0.55 + layout["offset"], layout["phase"], 1.2) - 0.5
    )
    bolt = torch.exp(-(((view.azimuth - strike) / (view.pixel * 0.9)) ** 2)) * step(
        0.0, 0.02, view.elevation
    )
    glow = 0.30 * torch.exp(-((view.azimuth - strike) ** 2) * 5) * step(-0.35, 0.15, view.elevation)
    return canvas + flash * (0.10 + glow + 0.95 * bolt * step(0.62, 0.5, view.elevation))


def _thing(canvas: Tensor, thing: Placed, view: View, light: Light, layout: Layout) -> Tensor:
    away = (thing.distance - view.travel).clamp(min=1.2)
    near = thing.distance / away  # (1, 1, T, 1, 1): how much larger than at mid-clip
    mid = view.time - view.time.mean()
    azimuth = (thing.azimuth + thing.speed * mid) * near
    elevation = (
        (thing.elevation - (view.height - 1) / thing.distance) * near
        if thing.flies
        else -view.height / away
    )
    size = thing.size * near
    paint = torch.tensor(PAINTS[thing.colour], device=canvas.device).view(1, 3, 1, 1, 1)
    brush = Brush(
        u=(view.azimuth - azimuth) / size,
        v=(view.elevation - elevation) / size,
        soft=view.pixel / size,
        time=view.time,
        paint=paint * light.light.clamp(min=0.42),
        phase=torch.full_like(layout["phase"], thing.phase),
        toward=torch.full_like(layout["phase"], 1.0 if thing.speed > 0 else -1.0),
        air=(layout["haze"] * (1 - torch.exp(-away / 9))).clamp(0, 0.62),
        light=light,
    )
    return PAINTERS[thing.kind](brush, canvas)


_WEATHER: dict[str, Callable[[Tensor, View, Light, Layout], Tensor]] = {
    "rain": _rain,
    "storm": _rain,
    "snowfall": _snowflakes,
}


def _paint(scene: Scene, view: View, light: Light, layout: Layout) -> Tensor:
    """One clip, (1, 3, T, H, W) in [0, 1], from far to near."""
    canvas = _surface(scene, view, light, layout)
    if scene.weather == "storm":
        canvas = _lightning(canvas, view, light, layout)
    if scene.weather in _HAZE:
        canvas = _fog(canvas, view, light, layout)
    for thing in place_things(scene):
        canvas = _thing(canvas, thing, view, light, layout)
    if scene.weather in _WEATHER:
        canvas = _WEATHER[scene.weather](canvas, view, light, layout)
    return FINISH[scene.look](canvas.clamp(0, 1), view, layout["offset"]).clamp(0, 1)


def render(
    scenes: Sequence[Scene],
    *,
    frames: int = 17,
    width: int = 144,
    height: int = 80,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Draw scenes.

    Returns:
        (B, 3, frames, height, width) float in [-1, 1], 8 frames a second, on ``device``. The same
        scene gives the same clip in any batch.

    Raises:
        InputError: no scenes, or frames, width or height below 1.
    """
    if not scenes:
        raise InputError("scenes", scenes, "at least one scene")
    for name, value in (("frames", frames), ("width", width), ("height", height)):
        if value < 1:
            raise InputError(name, value, "1 or more")
    device = torch.device(device)
    clips = []
    for scene in scenes:
        layout = _layout([scene], device)
        view = look([scene.camera], layout["pitch"], layout["speed"], frames, width, height)
        layout["pixel"] = view.pixel.mean().view(1, 1, 1, 1, 1)
        light = Light([scene.hour], [scene.weather], device)
        clips.append(_paint(scene, view, light, layout))
    return torch.cat(clips) * 2 - 1
