"""The world at one time, around the camera of one frame: what ground, water and sky look like."""

from functools import cached_property

import torch
from torch import Tensor

from pleinair.light.camera import View
from pleinair.light.fog import fog
from pleinair.light.lightning import flash_at
from pleinair.light.sky import Lamp
from pleinair.light.sweep import Fan, Horizon, fan_of
from pleinair.light.water import Glance, Reflect, shade_water
from pleinair.light.waves import Surface
from pleinair.light.weather import CLEAR_M
from pleinair.light.world import World

WAVES_M = 300.0
"""How far away waves have a height; farther they have slopes alone."""


def moment_at(world: World, view: View) -> "Moment":
    """The world as a camera finds it."""
    x, _, z = view.eye.tolist()
    return Moment(world, view.scene_s, (x, z), world.key(view.scene_s))


class Moment:
    """The world at one time, around the camera of one frame; see `moment_at`.

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
            places = (part.index_select(0, shore) for part in (x, z, footprint, ground))
            water.index_copy_(0, shore, self.surface.height(*places))
        return water

    def rise(self, x: Tensor, z: Tensor, ground: Tensor, scale: Tensor) -> Tensor:
        """Slope of the ground eastward and northward where surf may run over it, (2, P)."""
        slope = torch.zeros(2, len(x), device=x.device)
        shore = (ground.abs() < self.world.waves.lift).nonzero()[:, 0]
        if shore.numel():
            x, z, scale = (part.index_select(0, shore) for part in (x, z, scale))
            for axis, (dx, dz) in enumerate(((1.0, 0.0), (0.0, 1.0))):
                ahead, behind = (self.ground(x + s * dx, z + s * dz, scale) for s in (1, -1))
                slope[axis].index_copy_(0, shore, (ahead - behind) / 2)
        return slope

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
        relief = relief.mul_(maps[6]).mul_(0.4).add_(1).mul_(shade).clamp_(min=0)
        radiance = torch.addcmul(maps[3:6], maps[:3], relief)
        for _, flash in self.flashes:  # lit from everywhere under the clouds
            radiance.addcmul_(maps[3:6], flash * 0.3 / self.ambient.view(3, 1))
        return radiance.mul_(tone.mul_(maps[6]).mul_(0.2).add_(1).clamp_(min=0.2))

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
        light = self._between(*(part.hazed(light) for part in self.lights))
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
                light.add_(self.lights[0].flash(ray, direction.to(ray), strength, self.scene_s))
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
