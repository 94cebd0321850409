"""The renderer: scenes in, clips out, in torch on any device.

Read it from the bottom: ``render`` lays out the scenes, places the cameras and paints from far to
near. A batch may mix scenes of every kind; each layer works only on the clips that have it.
Tensors are (B, C, T, H, W) and every layer broadcasts what does not vary.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from pleinair.diffusion.worlds import air, land, sky
from pleinair.diffusion.worlds.field import mix, step
from pleinair.diffusion.worlds.looks import FINISH
from pleinair.diffusion.worlds.palette import PAINTS, Light
from pleinair.diffusion.worlds.placing import Placed, place_things
from pleinair.diffusion.worlds.scene import Scene
from pleinair.diffusion.worlds.sky import Layout
from pleinair.diffusion.worlds.things import PAINTERS, Brush
from pleinair.diffusion.worlds.view import View, look
from pleinair.errors import InputError

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


@dataclass(frozen=True)
class Batch:
    """Scenes that are painted together, with their cameras, light and layout."""

    scenes: Sequence[Scene]
    view: View
    light: Light
    layout: Layout

    def pick(self, index: list[int]) -> "Batch":
        """The scenes at ``index``."""
        at = torch.tensor(index, device=self.view.azimuth.device)
        layout = {name: value[at] for name, value in self.layout.items()}
        scenes = [self.scenes[i] for i in index]
        return Batch(scenes, self.view.pick(at), self.light.pick(at), layout)


Layer = Callable[[Tensor, View, Light, Layout], Tensor]
Wanted = Callable[[Scene], object]


def _over(canvas: Tensor, batch: Batch, wanted: Wanted, layer: Layer) -> Tensor:
    """Paint ``layer`` on the clips whose scene is ``wanted``, (B, 3, T, H, W)."""
    index = [i for i, scene in enumerate(batch.scenes) if wanted(scene)]
    if not index:
        return canvas
    if len(index) == len(batch.scenes):
        return layer(canvas, batch.view, batch.light, batch.layout)
    part = batch.pick(index)
    canvas[index] = layer(canvas[index], part.view, part.light, part.layout)
    return canvas


# What is above the horizon, far to near: which scenes have it, and how it is painted.
_STARRY = ("clear", "scattered clouds")
_ABOVE: tuple[tuple[Wanted, Layer], ...] = (
    (lambda s: s.weather in _STARRY and s.hour in ("dusk", "night"), sky.stars),
    (lambda s: s.has("aurora"), sky.aurora),
    (lambda s: s.has("moon"), sky.moon),
    (lambda s: s.has("shooting star"), sky.shooting_star),
    (lambda s: s.weather != "clear", sky.clouds),
    (lambda s: s.has("rainbow"), sky.rainbow),
)
# What hangs in the air before the land, and what falls before everything.
_AIR: tuple[tuple[Wanted, Layer], ...] = (
    (lambda s: s.weather == "storm", air.lightning),
    (lambda s: s.weather in _HAZE, air.fog),
)
_FALLING: tuple[tuple[Wanted, Layer], ...] = (
    (lambda s: s.weather in ("rain", "storm"), air.rain),
    (lambda s: s.weather == "snowfall", air.snowflakes),
)


def _backdrop(place: str, batch: Batch) -> Tensor:
    """Everything above the horizon in the view's directions; a mirrored view gives a reflection."""
    view, light, layout = batch.view, batch.light, batch.layout
    canvas = sky.gradient(view, light, layout)
    for wanted, layer in _ABOVE:
        canvas = _over(canvas, batch, wanted, layer)
    return land.skyline(canvas, view, light, layout, place)


def _surface(place: str, batch: Batch) -> Tensor:
    """The backdrop over the ground, or over the water that mirrors it, of one place."""
    view, light, layout = batch.view, batch.light, batch.layout
    horizon = view.elevation
    if place in land.GROUND:
        upper = _backdrop(place, batch)
        lower = land.ground(view, light, layout, place)
    else:
        height = land.waves(view, layout)
        bent = (-horizon + 0.16 * layout["swell"] * height).clamp(min=0.003)
        aside = view.azimuth + 0.03 * layout["swell"] * height
        below = horizon < 0
        mirrored = replace(
            view,
            azimuth=torch.where(below, aside, view.azimuth),
            elevation=torch.where(below, bent, horizon),
        )
        upper = _backdrop(place, replace(batch, view=mirrored))
        lower = land.water(upper, height, view, light, layout, place)
        if place in land.SHORE:
            lower = land.shore(lower, view, light, layout, place)
    return mix(lower, upper, step(-1.0, 1.0, horizon / view.pixel))


def _thing(kind: str, things: list[Placed], canvas: Tensor, batch: Batch) -> Tensor:
    """Paint one thing of ``kind`` on each clip."""
    view, light, layout = batch.view, batch.light, batch.layout

    def each(name: str) -> Tensor:
        values = [float(getattr(thing, name)) for thing in things]
        return torch.tensor(values, device=canvas.device).view(-1, 1, 1, 1, 1)

    away = (each("distance") - view.travel).clamp(min=1.2)
    near = each("distance") / away  # (B, 1, T, 1, 1): how much larger than at mid-clip
    mid = view.time - view.time.mean()
    azimuth = (each("azimuth") + each("speed") * mid) * near
    aloft = (each("elevation") - (view.height - 1) / each("distance")) * near
    elevation = aloft if things[0].flies else -view.height / away
    size = each("size") * near
    paint = torch.tensor([PAINTS[thing.colour] for thing in things], device=canvas.device)
    brush = Brush(
        u=(view.azimuth - azimuth) / size,
        v=(view.elevation - elevation) / size,
        soft=view.pixel / size,
        time=view.time,
        paint=paint[:, :, None, None, None] * light.light.clamp(min=0.42),
        phase=each("phase"),
        toward=torch.where(each("speed") > 0, 1.0, -1.0),
        air=(layout["haze"] * (1 - torch.exp(-away / 9))).clamp(0, 0.62),
        light=light,
    )
    return PAINTERS[kind](brush, canvas)


def _things(canvas: Tensor, batch: Batch) -> Tensor:
    """Paint every thing, far ones first: the farthest of each clip, then the next."""
    placed = [place_things(scene) for scene in batch.scenes]
    for rank in range(max(map(len, placed))):
        for kind in PAINTERS:
            index = [
                i for i, row in enumerate(placed) if rank < len(row) and row[rank].kind == kind
            ]
            if index:
                chosen = [placed[i][rank] for i in index]
                canvas[index] = _thing(kind, chosen, canvas[index], batch.pick(index))
    return canvas


def _paint(batch: Batch) -> Tensor:
    """The clips, (B, 3, T, H, W) in [0, 1], from far to near."""
    view = batch.view
    frames, height, width = view.time.shape[2], view.elevation.shape[3], view.azimuth.shape[4]
    canvas = torch.empty(len(batch.scenes), 3, frames, height, width, device=view.azimuth.device)
    for place in {scene.place for scene in batch.scenes}:
        index = [i for i, scene in enumerate(batch.scenes) if scene.place == place]
        canvas[index] = _surface(place, batch.pick(index))
    for wanted, layer in _AIR:
        canvas = _over(canvas, batch, wanted, layer)
    canvas = _things(canvas, batch)
    for wanted, layer in _FALLING:
        canvas = _over(canvas, batch, wanted, layer)
    canvas = canvas.clamp(0, 1)
    for name, finish in FINISH.items():
        canvas = _over(canvas, batch, partial(_has_look, name), finish)
    return canvas.clamp(0, 1)


def _has_look(name: str, scene: Scene) -> bool:
    return scene.look == name


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
        (B, 3, frames, height, width) float in [-1, 1], 8 frames a second, on ``device``. A scene
        gives the same clip in any batch, to rounding. On a CPU one at a time is fastest.

    Raises:
        InputError: no scenes, or frames, width or height below 1.
    """
    if not scenes:
        raise InputError("scenes", scenes, "at least one scene")
    for name, value in (("frames", frames), ("width", width), ("height", height)):
        if value < 1:
            raise InputError(name, value, "1 or more")
    device = torch.device(device)
    layout = _layout(scenes, device)
    cameras = [scene.camera for scene in scenes]
    view = look(cameras, layout["pitch"], layout["speed"], frames, width, height)
    layout["pixel"] = view.pixel.mean(2, keepdim=True)
    light = Light.of([scene.hour for scene in scenes], [scene.weather for scene in scenes], device)
    return _paint(Batch(scenes, view, light, layout)) * 2 - 1
