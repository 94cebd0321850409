"""Places at the water: sea, beach, lake."""

import math

import torch
from torch import Tensor

from pleinair.light.erosion import Carving
from pleinair.light.noise import Window, smoothstep
from pleinair.light.places.place import Palette, Place, Shore, bump, dry


class Sea(Place):
    """Open water; with relief, an islet or a far coast."""

    wet = True
    palette = Palette(trees=0.3, stones=0.6)
    carving = Carving(exponent=0.35, power=0.5)

    def plain(self, window: Window) -> Tensor:
        depth = self.site.scene.water.depth_m
        return torch.full((window.size, window.size), -depth, device=window.device)

    def uplift(self, window: Window) -> Tensor:
        x, z = window.plane()
        if self.relief < 1:
            return torch.zeros(window.size, window.size, device=window.device)
        wide = self.distance
        warp = self.noise.fractal(window, wide * 0.25, 4, 21) * wide * 0.06
        return bump(x + warp, z + warp, self.site.subject, wide * 0.2, wide * 0.1) - 0.1

    def sculpt(self, window: Window, height: Tensor) -> Tensor:
        return height


class Lake(Shore):
    """A lake from the viewer's feet to the mountains."""

    palette = Palette(trees=1.0, stones=0.8, sand=(0.22, 0.2, 0.17), sand_top_m=1.0)
    carving = Carving(exponent=0.36, power=0.6)

    def coast(self, window: Window) -> Tensor:
        x, z = window.plane()
        long = min(self.distance * 0.62, 9000.0)
        middle = 14 + long * 0.5
        wide = long * self.site.chance("lake", low=0.5, high=0.8)
        bays = self.noise.fractal(window, long * 0.35, 9, 41, gain=0.5) * long * 0.07
        calm = smoothstep(20, long * 0.3, self.away(window))  # the viewer's shore stays put
        lean = self.site.side * 0.25 * (z - middle)
        radius = torch.sqrt(((x + lean) / wide) ** 2 + ((z - middle) / (long * 0.5)) ** 2)
        near = self.noise.fractal(window, 90, 5, 61) * 5
        return (radius - 1) * long * 0.5 + bays * calm + near

    def uplift(self, window: Window) -> Tensor:
        x, z = window.plane()
        wide = self.distance
        bend = self.noise.fractal(window, wide * 1.2, 4, 21) * wide * 0.12
        inland = self.coast(window)
        walls = smoothstep(wide * 0.02, wide * 0.5, inland) * (
            0.25 + 0.75 * smoothstep(-0.1 * wide, 0.8 * wide, z)
        )
        peak = bump(x, z + bend, self.site.subject, wide * 0.4, wide * 0.4)
        swell = (0.65 + 0.35 * self.noise.fractal(window, wide * 0.8, 3, 31)).clamp(0.2, 1.3)
        gone = smoothstep(wide * 2.4, wide * 1.5, self.away(window))
        return (0.6 * walls * swell + 0.55 * peak * smoothstep(0, wide * 0.2, inland)) * gone


class Beach(Shore):
    """Sand and sea; the waterline runs into the depth of the picture."""

    palette = Palette(trees=0.5, stones=0.05, sand_top_m=4.5, flowers=0.0, meadow=0.8)
    carving = Carving(exponent=0.3, power=0.4, smooth=4)

    def coast(self, window: Window) -> Tensor:
        x, z = window.plane()
        side = self.site.side
        angle = math.radians(self.site.chance("coast", low=14, high=30))
        along = x * (side * math.sin(angle)) + z * math.cos(angle)
        inland = side * x * math.cos(angle) - z * math.sin(angle)
        bay = 0.00006 * self.site.chance("bay") * along.clamp(min=0) ** 2
        cusps = self.noise.octave(window, 60, 43) * 0.8
        wander = self.noise.fractal(window, 1600, 4, 44) * 24 * smoothstep(30, 900, along.abs())
        return inland + 26 - bay.clamp(max=1500) + cusps + wander

    def profile(self, inland: Tensor, window: Window) -> Tensor:
        deep = self.site.scene.water.depth_m
        under = -deep * (1 - torch.exp(inland.clamp(max=0) * (0.035 / deep)))
        face = 0.065 * inland
        berm = 1.7 + 0.012 * (inland - 26)
        sand = -torch.logaddexp(-face * 6, -berm * 6) / 6
        dunes = smoothstep(60, 105, inland) * (
            3.6
            + 2.0 * self.noise.fractal(window, 60, 5, 47)
            + 0.5 * self.noise.octave(window, 170, 53)
        ).clamp(min=0)
        return torch.where(inland > 0, sand + dunes, under)

    def plain(self, window: Window) -> Tensor:
        return 3 + 2 * self.noise.fractal(window, 800, 3, 11)

    def uplift(self, window: Window) -> Tensor:
        wide = self.distance
        inland = self.coast(window)
        swell = (0.5 + 0.5 * self.noise.fractal(window, wide * 0.6, 3, 31)).clamp(0.05, 1.4)
        return (
            smoothstep(wide * 0.1, wide * 0.6, inland)
            * swell
            * smoothstep(0.2 * wide, wide, window.plane()[1])
        )
