"""A scene made ready to be drawn: what is worked out once, and what it is at a moment.

A `World` holds the land, the waves and the clouds of a scene, and keeps what was worked out for a
place or a time as long as frames near it are drawn. A `Moment` is all of that at one time: it
answers what the ground, the water and the sky look like. Nothing here depends on which frame was
drawn before.
"""

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.atlas import Atlas, Level, snapped
from pleinair.light.bake import lit
from pleinair.light.camera import SENSOR_MM, View, pose_at, view_at
from pleinair.light.clouds import CloudLayers
from pleinair.light.detail import Detail
from pleinair.light.fog import fog
from pleinair.light.land import Grid, Land
from pleinair.light.lightning import flash_at
from pleinair.light.sky import Lamp, Sky, sky_at
from pleinair.light.sweep import Fan, Horizon, distances, fan_of
from pleinair.light.water import Glance, Reflect, shade_water
from pleinair.light.waves import Surface, Waves
from pleinair.light.weather import CLEAR_M
from pleinair.scenes.scene import Scene

T = TypeVar("T")
FAR_M = 80_000.0
BUMP_M = 6.0
"""Size of the bumps that a travelling camera does not follow."""
WAVES_M = 300.0
"""How far away waves have a height; farther they have slopes alone."""
TURN_DEG = 0.75
"""How far the sun may turn before its light is worked out anew."""


class Memory:
    """What was worked out, by key: the last few stay, and no key is worked out twice at a time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()
        self._busy: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What ``make`` gives for this key."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]  # type: ignore[no-any-return]
            busy = self._busy.setdefault(key, threading.Lock())
        with busy:
            with self._lock:
                if key in self._kept:
                    return self._kept[key]  # type: ignore[no-any-return]
            made = make()
            with self._lock:
                self._kept[key] = made
                self._busy.pop(key, None)
                while len(self._kept) > self._most:
                    self._kept.popitem(last=False)
        return made


@dataclass(frozen=True)
class Span:
    """What of the world a film shows: for what its tables need to be fine.

    Attributes:
        low, high: azimuths of what comes into view, rad.
        pixel_angle: of the finest pixel, rad.
        nearest: least distance of the eye from the ground, m.
        first_s, last_s: scene time, s.
    """

    low: float
    high: float
    pixel_angle: float
    nearest: float
    first_s: float
    last_s: float


def span_of(scene: Scene, width: int, height: int, seconds: float) -> Span:
    """What a film of a scene shows."""
    camera, time = scene.camera, scene.time
    poses = [pose_at(camera, scene.seed, seconds * part / 16) for part in range(17)]
    headings = [math.radians(pose.heading_deg) for pose in poses]
    widest = min(pose.lens_mm for pose in poses)
    longest = max(pose.lens_mm for pose in poses)
    diagonal = math.hypot(width, height) / max(width, height)
    half = math.atan(diagonal * SENSOR_MM / 2 / widest)
    steepest = max(abs(math.radians(pose.pitch_deg)) for pose in poses)
    slack = math.radians(6 * camera.shake)
    if steepest + half > 1.3 or max(headings) - min(headings) + 2 * half > 5.5:
        low, high = headings[0] - math.pi, headings[0] + math.pi
    else:
        half = math.asin(min(1.0, math.sin(half) / math.cos(steepest)))
        low, high = min(headings) - half - slack, max(headings) + half + slack
    ends = (time.start_s, time.start_s + time.pace * seconds)
    return Span(
        low=low,
        high=high,
        pixel_angle=SENSOR_MM / longest / max(width, height),
        nearest=min(pose.height_m for pose in poses),
        first_s=min(ends),
        last_s=max(ends),
    )


class World:
    """A scene made ready.

    Args:
        scene: what to draw.
        width, height: of the picture, pixels.
        seconds: length of the film.
        device: where it is drawn.
        full: the world of which this is a coarse one; see `smaller`.
    """

    def __init__(
        self,
        scene: Scene,
        width: int,
        height: int,
        seconds: float,
        device: torch.device,
        *,
        full: "World | None" = None,
    ) -> None:
        self.scene, self.device, self.seconds = scene, device, seconds
        self.span = span_of(scene, width, height, seconds)
        self._full = full
        self._memory = Memory(12)
        length = self.span.last_s - self.span.first_s
        turn = length * 15 / 3600
        self.period = math.inf if turn < TURN_DEG / 3 else TURN_DEG * 240
        self.distances = distances(max(0.5, self.span.nearest * 0.3), FAR_M, device)
        gaps = torch.diff(self.distances, append=self.distances[-1:] * 1.02)
        self.gaps = gaps
        self.land: Land
        self.waves: Waves
        self.land, self.waves = (full.land, full.waves) if full else self._prepared()

    def _prepared(self) -> tuple[Land, Waves]:
        """Land and waves; the light of the first frame is made beside them."""
        camera, device = self.scene.camera, self.device
        first = view_at(self.scene, 2, 2, 0.0, 0.0, device)

        def ground() -> Land:
            with torch.inference_mode():
                land = Land(self.scene, device)
                middle = self.middle(camera.x_m, camera.z_m)
                self._memory.get(("grids", *middle), lambda: land.grids(*middle))
                return land

        with ThreadPoolExecutor(1) as pool:
            land = pool.submit(ground)
            self.light(self.key(first.scene_s))
            waves = Waves(self.scene, device)
            return land.result(), waves

    def stand(self) -> float:
        """Height of what the camera stands on at first, m: the ground, or a deck over the waves."""
        camera = self.scene.camera
        ground = self.land.ground(camera.x_m, camera.z_m)
        return max(ground, 0.0) if ground > -self.waves.lift else 0.8 * self.waves.lift

    def over(self, eye: Tensor, room: float) -> Tensor:
        """Height of the eye, (3,) m, or as much as it needs to stay above the ground by ``room``.

        Bumps of a few metres are not followed, and hills without a jolt.
        """
        x, y, z = (part[None] for part in eye)
        heights = self.heights(*self.middle(float(x), float(z)))
        scale = heights.scale(torch.full_like(x, BUMP_M), torch.zeros_like(x))
        least = heights.look(x, z, scale)[0].clamp_(min=0) + room
        gap = y - least
        kept: Tensor = (y + least + (gap * gap + 0.1).sqrt()) / 2
        return kept[0]

    @property
    def clear(self) -> float:
        """Depth of water, m, through which its bed is seen."""
        return 3 * self.scene.water.clarity_m + self.waves.lift

    def key(self, scene_s: float) -> int | None:
        """The key moment of the light before a time; None where it stands still."""
        return None if math.isinf(self.period) else math.floor(scene_s / self.period)

    # What is kept ------------------------------------------------------------------------------

    def smaller(self, width: int, height: int) -> "World":
        """The same world for small pictures: a coarser ground, that of the film's first frame."""
        return World(self.scene, width, height, self.seconds, self.device, full=self)

    def grids(self, x: float, z: float) -> tuple[Grid, ...]:
        """The ground around a point."""
        if self._full is not None:
            camera, full = self.scene.camera, self._full
            fine = full.grids(*full.middle(camera.x_m, camera.z_m))
            return tuple(thinned(grid, 4) for grid in fine)
        return self._memory.get(("grids", x, z), lambda: self.land.grids(x, z))

    def heights(self, x: float, z: float) -> Atlas:
        """Its height alone."""

        def make() -> Atlas:
            levels = [
                Level(grid.height[None], grid.x0, grid.z0, grid.cell) for grid in self.grids(x, z)
            ]
            return Atlas(levels, x, z)

        return self._memory.get(("heights", x, z), make)

    def light(self, key: int | None) -> "Light":
        """Sky and clouds at a key moment."""
        return self._memory.get(("light", key), lambda: Light.at(self, self.key_s(key)))

    def atlas(self, x: float, z: float, key: int | None) -> Atlas:
        """The lit ground around a point, (7,) of `bake.lit`."""
        return self._lit(x, z, key)[0]

    def open(self, x: float, z: float, key: int | None) -> Atlas:
        """The share of the lamp that is seen over the land, (1,), of the coarsest squares."""
        return self._lit(x, z, key)[1]

    def _lit(self, x: float, z: float, key: int | None) -> tuple[Atlas, Atlas]:
        def make() -> tuple[Atlas, Atlas]:
            light = self.light(key)
            levels = lit(self.grids(x, z), light.sky.key, light.irradiance, light.bounce)
            ground, share = zip(*(level.split(7) for level in levels), strict=True)
            return Atlas(ground, x, z), Atlas(share[-2:], x, z)

        return self._memory.get(("lit", x, z, key), make)

    @property
    def detail(self) -> Detail:
        """The grain of the ground."""
        return self._memory.get("detail", self._detail)

    def _detail(self) -> Detail:
        lamp = self.light(self.key(self.scene.time.start_s)).sky.key
        return Detail(self.scene.seed, lamp, self.device)

    def sky(self, scene_s: float) -> Sky:
        """The clear sky at a time."""
        return self._memory.get(("sky", scene_s), lambda: sky_at(self.scene, scene_s, self.device))

    def key_s(self, key: int | None) -> float:
        """Scene time of a key moment: of the film's middle where the light stands still."""
        if key is None:
            return (self.span.first_s + self.span.last_s) / 2
        return key * self.period

    def middle(self, x: float, z: float) -> tuple[float, float]:
        """The point around which the ground is known when the camera is at (x, z)."""
        step = max(self.span.nearest, 16.0)
        return snapped(x, step), snapped(z, step)

    def at(self, view: View) -> "Moment":
        """The world as a camera finds it."""
        x, _, z = view.eye.tolist()
        return Moment(self, view.scene_s, (x, z), self.key(view.scene_s))


def thinned(grid: Grid, times: int) -> Grid:
    """A square of ground at a coarser cell."""

    def mean(values: Tensor) -> Tensor:
        small = F.avg_pool2d(values.reshape(1, -1, *values.shape[-2:]), times)[0]
        return small.view(*values.shape[:-2], *small.shape[-2:])

    shift = grid.cell * (times - 1) / 2
    return Grid(
        grid.x0 + shift,
        grid.z0 + shift,
        grid.cell * times,
        *(mean(values) for values in (grid.height, grid.albedo, grid.leaf, grid.snow)),
    )


@dataclass(frozen=True)
class Light:
    """Sky and clouds at one time.

    Attributes:
        sky: beyond the clouds.
        clouds: None in a clear sky.
        open: share of the lamp's light that gets through the clouds.
        bounce: what the ground around throws back of the lamp's light.
    """

    sky: Sky
    clouds: CloudLayers | None
    open: float
    bounce: float

    @classmethod
    def at(cls, world: World, scene_s: float) -> "Light":
        """The light at a time of the scene."""
        sky = sky_at(world.scene, scene_s, world.device)
        clouds = None
        if any(layer.cover > 0 for layer in world.scene.weather.clouds):
            clouds = CloudLayers(
                world.scene,
                sky,
                span=(world.span.low, world.span.high),
                pixel_angle=world.span.pixel_angle,
                device=world.device,
            )
        share = 1.0 if clouds is None else float(clouds.sun_share)
        return cls(sky, clouds, share, 0.5 * share)

    def irradiance(self, normal: Tensor) -> Tensor:
        """Of the sky on a facet, (3, …) klx."""
        return (self.clouds or self.sky).irradiance(normal)

    def shadow(self, x: Tensor, z: Tensor, scene_s: float) -> Tensor:
        """Share of the lamp's light that the clouds let through to places, (P,)."""
        return torch.ones_like(x) if self.clouds is None else self.clouds.shadow(x, z, scene_s)

    def seen(self, ray: Tensor, scene_s: float) -> tuple[Tensor, Tensor]:
        """Light of the clouds, (3, P), and what they let through, (P,), by directions (3, P)."""
        if self.clouds is None:
            return torch.zeros_like(ray), torch.ones_like(ray[0])
        return self.clouds.seen(ray, scene_s)

    def flash(self, ray: Tensor, direction: Tensor, strength: float) -> Tensor:
        """What a stroke of lightning in a direction lights up in the clouds, (3, P) kcd/m²."""
        clouds = self.clouds
        return torch.zeros_like(ray) if clouds is None else clouds.flash(ray, direction, strength)


class Moment:
    """The world at one time, around the camera of one frame; see `World.at`.

    Args:
        world: whose moment it is.
        scene_s: scene time, s.
        eye: east and north of the camera, m.
        key: of the light; None where it stands still.
    """

    def __init__(
        self, world: World, scene_s: float, eye: tuple[float, float], key: int | None
    ) -> None:
        self.world, self.scene, self.scene_s = world, world.scene, scene_s
        self.eye = eye
        x, z = world.middle(*eye)
        keys = (None,) if key is None else (key, key + 1)
        self.lights = tuple(world.light(number) for number in keys)
        self._atlases = tuple(world.atlas(x, z, number) for number in keys)
        self._open = tuple(world.open(x, z, number) for number in keys)
        self.share = 0.0 if key is None else scene_s / world.period - key
        """How far from the first key moment to the next."""
        self.sky = self.lights[0].sky if key is None else world.sky(scene_s)
        self.cloudy = self.lights[0].clouds is not None
        self.atlas, self._heights = self._atlases[0], world.heights(x, z)

    def _between(self, first: Tensor, *second: Tensor) -> Tensor:
        """Values of one key moment, or between those of two."""
        return first.lerp_(second[0], self.share) if second else first

    @cached_property
    def drowned(self) -> bool:
        """Whether all land lies too deep below the water to be seen: the open sea."""
        deepest = -self.world.clear
        return self._heights.highest < deepest and self.scene.water.depth_m > -deepest

    @cached_property
    def surface(self) -> Surface:
        """The waves."""
        return self.world.waves.at(self.scene_s)

    # Shape -------------------------------------------------------------------------------------

    def fan(self, view: View) -> Fan:
        """Directions of the compass that a picture needs."""
        return fan_of(view, self.world.distances)

    def heights(self, x: Tensor, z: Tensor, gaps: Tensor, distances: Tensor) -> Tensor:
        """Height of the ground at (C, K) places, low-passed to the gaps between them, m."""
        if self.drowned:
            return torch.full_like(x, -self.scene.water.depth_m)
        return self._heights.fan(x, z, self._heights.scale(gaps * 0.5, distances))

    def horizon(self, view: View, fan: Fan) -> Horizon:
        """What the camera may see of ground and waves."""
        eye = view.eye.tolist()
        x, z = fan.places(eye[0], eye[2])
        ground = self.heights(x, z, self.world.gaps, fan.distances)
        water = torch.zeros_like(ground)
        reach = min(WAVES_M, self.world.waves.lift * view.focal)  # beyond, a pixel at most
        near = int((fan.distances < reach).sum())
        low = (ground[:, :near] < self.world.waves.lift).view(-1).nonzero()[:, 0]
        if low.numel():
            gaps = self.world.gaps[:near].expand(len(x), -1)
            places = (
                part.reshape(-1).index_select(0, low) for part in (x[:, :near], z[:, :near], gaps)
            )
            part = water[:, :near].reshape(-1)
            part.index_copy_(0, low, self.surface.height(*places))
            water[:, :near] = part.view(-1, near)
        return Horizon(fan, torch.maximum(ground, water), eye[1])

    def ground(self, x: Tensor, z: Tensor, scale: Tensor) -> Tensor:
        """Height of the ground at places, (P,) m."""
        if self.drowned:
            return torch.full_like(x, -self.scene.water.depth_m)
        return self._heights.look(x, z, scale)[0]

    def level(self, x: Tensor, z: Tensor, footprint: Tensor, ground: Tensor) -> Tensor:
        """Height of the water at places, (P,) m: of waves where they decide what is wet."""
        water = torch.zeros_like(x)
        shore = (ground.abs() < self.world.waves.lift).nonzero()[:, 0]
        if shore.numel():
            places = (part.index_select(0, shore) for part in (x, z, footprint))
            water.index_copy_(0, shore, self.surface.height(*places))
        return water

    # Light -------------------------------------------------------------------------------------

    def shade(self, x: Tensor, z: Tensor) -> Tensor:
        """Share of the lamp's light that the clouds let through to the ground, (P,)."""
        if not self.cloudy:
            return torch.ones_like(x)
        return self._between(*(light.shadow(x, z, self.scene_s) for light in self.lights))

    def afloat(self, x: Tensor, z: Tensor, length: Tensor, footprint: Tensor) -> Tensor:
        """Share of the lamp that water sees over the land, (P,)."""
        if self.drowned:
            return torch.ones_like(x)
        scale = self._open[0].scale(footprint, length)
        return self._between(*(part.look(x, z, scale)[0] for part in self._open))

    def matt(
        self,
        x: Tensor,
        z: Tensor,
        scale: Tensor,
        height: Tensor,
        length: Tensor,
        shade: Tensor,
        pixel: float,
    ) -> Tensor:
        """Radiance of the ground, (3, P) kcd/m².

        Args:
            x, z: (P,) m.
            scale: (P,) of the atlas.
            height: (P,) of the ground, m.
            length: (P,) from the eye, m.
            shade: (P,) of `shade`.
            pixel: radians across a pixel.
        """
        maps = self._between(*(atlas.look(x, z, scale) for atlas in self._atlases))  # (7, P)
        tone, relief = self.world.detail.look(x, z, height, length, pixel)
        relief = relief.mul_(maps[6]).mul_(0.45).add_(1).mul_(shade).clamp_(min=0)
        radiance = torch.addcmul(maps[3:6], maps[:3], relief)
        for _, flash in self.flashes:  # lit from everywhere under the clouds
            radiance.addcmul_(maps[3:6], flash * 0.3 / self.ambient.view(3, 1))
        return radiance.mul_(tone.mul_(0.13).add_(1).clamp_(min=0.2))

    def wet(self, seen: Glance, reflect: Reflect) -> Tensor:
        """Radiance of water, (3, P) kcd/m²."""
        return shade_water(self.scene, self.surface, seen, reflect, self.lamp, self.ambient)

    def aired(
        self, radiance: Tensor, ray: Tensor, length: Tensor, start: float, end: Tensor
    ) -> Tensor:
        """Radiance after the air on its way to the eye, (3, P).

        Args:
            radiance: (3, P) where it sets out.
            ray: (3, P) from the eye.
            length: (P,) m.
            start, end: heights of the eye and of what is seen, m.
        """
        through, light = self.sky.air(length, ray)
        radiance = radiance.mul_(through).add_(light)
        if not self.foggy:
            return radiance
        return self._fogged(radiance, ray, length, start, end)

    def heaven(self, ray: Tensor, view: View, beyond: Tensor | None) -> Tensor:
        """Radiance of the sky with all that stands in it, (3, P).

        Args:
            ray: (3, P) directions.
            view: the camera.
            beyond: (3, P) what is farther than the air, such as stars.
        """
        light = self.sky.along(ray).add_(self.sky.discs(ray, view.pixel_angle))
        if beyond is not None:
            light.add_(beyond)
        light = self._clouded(light, ray)
        for direction, strength in self.flashes:
            if self.cloudy:
                light.add_(self.lights[0].flash(ray, direction.to(ray), strength))
        if self.foggy:
            far = torch.full_like(ray[0], 1e6)
            start = float(view.eye[1])
            light = self._fogged(light, ray, far, start, ray[1] * far + start)
        return light

    def mirrored(self, ray: Tensor) -> Tensor:
        """Radiance of the sky without the discs, which glitter adds, (3, P)."""
        light = self._clouded(self.sky.along(ray), ray)
        if self.foggy:
            far = torch.full_like(ray[0], 1e6)
            light = self._fogged(light, ray, far, 0.0, ray[1] * far)
        return light

    @cached_property
    def foggy(self) -> bool:
        """Whether there is more between things and the eye than clear air."""
        weather = self.scene.weather
        falls = weather.rain_mm_h > 0 or weather.snow_mm_h > 0
        return weather.visibility_m < CLEAR_M or weather.mist > 0 or falls

    def _fogged(
        self, radiance: Tensor, ray: Tensor, length: Tensor, start: float, end: Tensor
    ) -> Tensor:
        lamp = self.lamp
        through, light = fog(
            self.scene,
            length,
            start,
            end,
            self.ambient,
            lamp.irradiance * self.open,
            lamp.direction,
            ray,
            scene_s=self.scene_s,
            eye_xz=self.eye,
        )
        return radiance.mul_(through).add_(light)

    def _clouded(self, light: Tensor, ray: Tensor) -> Tensor:
        if not self.cloudy:
            return light
        seen = [part.seen(ray, self.scene_s) for part in self.lights]
        through = self._between(*(part[1] for part in seen))
        return light.mul_(through).add_(self._between(*(part[0] for part in seen)))

    @cached_property
    def ambient(self) -> Tensor:
        """Irradiance of the sky on level ground, (3,) klx."""
        up = torch.tensor([[0.0], [1.0], [0.0]], device=self.world.device)
        return self._between(*(light.irradiance(up)[:, 0] for light in self.lights))

    @property
    def white(self) -> Tensor:
        """Irradiance of lamp and sky together on level ground, (3,) klx."""
        rise = self.lamp.direction[1].clamp(min=0)
        return self.ambient + self.lamp.irradiance * (self.open * rise)

    @cached_property
    def open(self) -> float:
        """Share of the lamp's light that gets through the clouds."""
        first, last = self.lights[0].open, self.lights[-1].open
        return first + (last - first) * self.share

    @cached_property
    def flashes(self) -> list[tuple[Tensor, float]]:
        """Directions and strengths, klx, of the lightning."""
        return flash_at(self.scene, self.scene_s)

    @property
    def lamp(self) -> Lamp:
        """Sun or moon, whichever is brighter."""
        return self.sky.key
