"""Places of high ground: mountains, valley, hills, forest, meadow, snowfield."""

import math

import torch
from torch import Tensor

from pleinair.light.erosion import Carving
from pleinair.light.noise import Window, smoothstep
from pleinair.light.places.desert import waves_of_wind
from pleinair.light.places.place import Palette, Place, bump, dry


class Mountains(Place):
    """An alpine range behind a foreland of meadows and woods."""

    palette = Palette(stones=0.15)
    carving = Carving(exponent=0.38, power=0.6)

    def plain(self, window: Window) -> Tensor:
        """A foreland that rolls and rises toward the range."""
        _, z = window.plane()
        away = self.away(window)
        rolling = self.noise.fractal(window, 700, 4, 11, gain=0.45)
        far = smoothstep(50, 1200, away)
        rise = 0.02 * self.relief * smoothstep(0, self.distance, z)
        return 25 + rise + (1.2 + 0.012 * self.relief * far) * rolling

    def uplift(self, window: Window) -> Tensor:
        """A range across the view and its highest peak off the middle."""
        x, z = window.plane()
        wide = self.distance
        north = z + self.noise.fractal(window, wide * 1.6, 4, 21) * wide * 0.12
        across = (north - wide * 1.25) / (wide * 0.62)
        peak = bump(x, north, self.site.subject, wide * 0.38, wide * 0.38)
        rise = 0.6 * torch.exp(-across * across) * self.swell(window, wide * 0.9) + 0.5 * peak
        return rise * smoothstep(wide * 0.16, wide * 0.6, north.clamp(min=0) + 0.2 * x.abs())


class Valley(Place):
    """A trough that ice has left between two flanks, closed by a peak."""

    palette = Palette(stones=0.1, flowers=0.6)
    carving = Carving(exponent=0.36, power=0.5)

    def plain(self, window: Window) -> Tensor:
        """The floor, which rises slowly upstream."""
        _, z = window.plane()
        rolling = self.noise.fractal(window, 400, 4, 11, gain=0.42)
        return (
            22 + 0.012 * z.clamp(min=0) + (1 + 3 * smoothstep(40, 700, self.away(window))) * rolling
        )

    def uplift(self, window: Window) -> Tensor:
        """Two flanks along the way to the peak."""
        x, z = window.plane()
        wide = self.distance
        east, north = self.site.subject
        bend = self.noise.fractal(window, wide * 0.8, 4, 21) * wide * 0.07
        curve = self.site.side * 0.12 * wide * torch.sin(z * (math.pi / wide))
        off = (x - z * (east / north) + curve + bend).abs()  # from the trough's axis
        flank = smoothstep(wide * 0.09, wide * 0.42, off) * self.swell(window, wide * 0.5, 0.4)
        end = bump(x, z, (east, north * 1.1), wide * 0.5, wide * 0.42)
        gone = smoothstep(wide * 2.4, wide * 1.6, self.away(window))
        return (0.75 * flank + 0.6 * end) * gone


class Hills(Place):
    """Rounded hills, with pastures and copses."""

    palette = Palette(bare=(0.9, 1.3), trees=0.85, stones=0.05, flowers=0.4, dry=(0.13, 0.12, 0.05))
    carving = Carving(steps=(10, 6, 1), exponent=0.28, power=0.25, smooth=8)
    rough = (0.008, 0.02)
    gullied = 0.02

    def plain(self, window: Window) -> Tensor:
        """A low rise to stand on."""
        x, z = window.plane()
        rolling = self.noise.fractal(window, 330, 4, 11, gain=0.4)
        own = 0.05 * self.relief * bump(x, z, (0, -0.1 * self.distance), 160, 160)
        return (
            25 + own + (1 + 0.02 * self.relief * smoothstep(40, 500, self.away(window))) * rolling
        )

    def uplift(self, window: Window) -> Tensor:
        """Hills behind hills, the highest off the middle."""
        x, z = window.plane()
        wide = self.distance
        away = self.away(window)
        warp = self.noise.fractal(window, wide * 0.5, 2, 21) * wide * 0.08
        peak = bump(x + warp, z + warp, self.site.subject, wide * 0.42, wide * 0.3)
        swell = (0.45 + 0.4 * self.noise.fractal(window, wide * 0.55, 2, 31)).clamp(min=0.02)
        fore = smoothstep(0.12 * wide, 0.75 * wide, away + 0.2 * z)
        return 0.02 + fore * (0.75 * swell * (0.7 + 0.3 * smoothstep(0, 3 * wide, z)) + 0.6 * peak)


class Forest(Hills):
    """Wooded hills from a lookout."""

    palette = Palette(bare=(0.9, 1.3), trees=1.7, stones=0.2, flowers=0.1)

    def plain(self, window: Window) -> Tensor:
        """The lookout stands clear of the crowns around it."""
        x, z = window.plane()
        return super().plain(window) + 30 * bump(x, z, (0, 0), 85, 85)


class Meadow(Place):
    """Rolling grass, hills far off."""

    palette = Palette(bare=(0.9, 1.4), trees=0.75, stones=0.03, flowers=1.0)
    carving = Carving(exponent=0.3, power=0.35, smooth=4)
    rough = (0.008, 0.03)
    gullied = 0.04

    def plain(self, window: Window) -> Tensor:
        """Swells of the ground, slighter at the viewer's feet."""
        rolling = self.noise.fractal(window, 420, 4, 11, gain=0.4)
        return 30 + (1.2 + 7 * smoothstep(25, 500, self.away(window))) * rolling

    def uplift(self, window: Window) -> Tensor:
        """Hills beyond."""
        x, z = window.plane()
        wide = self.distance
        north = z + self.noise.fractal(window, wide, 3, 21) * wide * 0.15
        far = smoothstep(wide * 0.3, wide * 1.05, north)
        peak = bump(x, north, self.site.subject, wide * 0.45, wide * 0.3)
        return 0.75 * far * self.swell(window, wide * 0.8) + 0.5 * peak


class Snowfield(Place):
    """A field of snow under far peaks."""

    palette = Palette(trees=0.6, stones=0.0, flowers=0.0, bare=(1.0, 1.6))
    carving = Carving(exponent=0.36, power=0.5)
    rough = (0.002, 0.05)

    def plain(self, window: Window) -> Tensor:
        """Soft drifts."""
        drifts = self.noise.fractal(window, 380, 3, 11, gain=0.35)
        return 25 + (1.0 + 5 * smoothstep(30, 600, self.away(window))) * drifts

    def uplift(self, window: Window) -> Tensor:
        """Peaks beyond."""
        x, z = window.plane()
        wide = self.distance
        north = z + self.noise.fractal(window, wide, 4, 21) * wide * 0.13
        far = smoothstep(wide * 0.4, wide * 1.1, north)
        peak = bump(x, north, self.site.subject, wide * 0.35, wide * 0.35)
        return 0.65 * far * self.swell(window, wide * 0.8) + 0.55 * peak

    def sculpt(self, window: Window, height: Tensor) -> Tensor:
        """Sastrugi: what the wind has cut into the snow."""
        flat = smoothstep(0.25 * self.distance, 0.02 * self.distance, self.away(window))
        field = self.noise.fractal(window, 60, 2, 171)
        cut = waves_of_wind(self.noise, self.site.wind(), window, 5.5, 0.2, 181)
        cut = cut + 0.4 * waves_of_wind(self.noise, self.site.wind(), window, 1.7, 0.08, 191)
        return dry(height) + cut * (0.11 * flat * smoothstep(-0.8, 1.2, field))
