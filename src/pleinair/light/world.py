"""A scene made ready to be drawn: what is worked out once, and kept for the frames near by.

Nothing here depends on which frame was drawn before: what was worked out for a place or a time is
kept while frames near it are drawn, and worked out anew, to the same bits, if it was forgotten.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.atlas import Atlas, Level, snapped
from pleinair.light.bake import lit
from pleinair.light.camera import view_at
from pleinair.light.clouds import CloudLayers
from pleinair.light.detail import Detail
from pleinair.light.land import Grid, Land
from pleinair.light.memory import Memory
from pleinair.light.sky import Sky, sky_at
from pleinair.light.span import span_of
from pleinair.light.sweep import distances
from pleinair.light.waves import Waves
from pleinair.scenes.scene import Scene

FAR_M = 80_000.0
SIDES = (192, 512)
"""Texels along a square of the ground for tiny pictures and for others."""
TINY = 160
BUMP_M = 6.0
"""Size of the bumps that a travelling camera does not follow."""
TURN_DEG = 0.75
"""How far the sun may turn before its light is worked out anew."""


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
    def at(cls, world: "World", scene_s: float) -> "Light":
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

    def hazed(self, light: Tensor) -> Tensor:
        """Light of the clear air (3, P) as it is under these clouds."""
        return light if self.clouds is None else self.clouds.hazed(light)

    def flash(self, ray: Tensor, direction: Tensor, strength: float, scene_s: float) -> Tensor:
        """What a stroke of lightning in a direction lights up in the clouds, (3, P) kcd/m²."""
        if self.clouds is None:
            return torch.zeros_like(ray)
        return self.clouds.flash(ray, direction, strength, scene_s)


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
        self._side = SIDES[max(width, height) > TINY]
        self.land: Land
        self.waves: Waves
        self.land, self.waves = (full.land, full.waves) if full else self._prepared()

    def _prepared(self) -> tuple[Land, Waves]:
        """Land and waves; the light of the first frame is made beside them."""
        camera, device = self.scene.camera, self.device
        first = view_at(self.scene, 2, 2, 0.0, 0.0, device)

        def ground() -> Land:
            with torch.inference_mode():
                land = Land(self.scene, device, size=self._side)
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

    def light(self, key: int | None) -> Light:
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
