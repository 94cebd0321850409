"""Places of high ground: mountains, hills, valley, forest, meadow."""

import torch
from torch import Tensor

from pleinair.light.erosion import Carving
from pleinair.light.noise import Window, smoothstep
from pleinair.light.places.place import Palette, Place, bump


class Mountains(Place):
    """An alpine range behind a foreland of meadows and woods."""

    palette = Palette(trees=1.0, stones=0.4)
    carving = Carving(exponent=0.38, power=0.6)

    def uplift(self, window: Window) -> Tensor:
        x, z = window.plane()
        wide = self.distance
        bend = self.noise.fractal(window, wide * 1.6, 4, 21)
        north = z + bend * wide * 0.12
        range_ = torch.exp(-(((north - wide * 1.25) / (wide * 0.62)) ** 2))
        peak = bump(x, north, self.site.subject, wide * 0.38, wide * 0.38)
        swell = (0.62 + 0.34 * self.noise.fractal(window, wide * 0.9, 3, 31)).clamp(0.18, 1.3)
        return (0.62 * range_ * swell + 0.5 * peak) * smoothstep(
            wide * 0.16, wide * 0.6, north.clamp(min=0) + 0.2 * x.abs()
        )


class Meadow(Place):
    """Rolling grass, hills far off."""

    palette = Palette(meadow=1.0, bare=(0.9, 1.4), trees=0.7, stones=0.05, flowers=1.0)
    carving = Carving(exponent=0.3, power=0.4, smooth=6)

    def plain(self, window: Window) -> Tensor:
        away = self.away(window)
        rolling = self.noise.fractal(window, 520, 4, 11, gain=0.42)
        return 9 + (2.2 + 6 * smoothstep(60, 900, away)) * rolling

    def uplift(self, window: Window) -> Tensor:
        x, z = window.plane()
        wide = self.distance
        north = z + self.noise.fractal(window, wide, 3, 21) * wide * 0.15
        swell = (0.6 + 0.4 * self.noise.fractal(window, wide * 0.8, 3, 31)).clamp(0.1, 1.4)
        far = smoothstep(wide * 0.35, wide * 1.1, north)
        return far * swell + 0.5 * bump(x, north, self.site.subject, wide * 0.4, wide * 0.3)
