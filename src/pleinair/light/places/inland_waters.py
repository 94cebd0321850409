"""A lake among heights and a river that winds through its valley."""

import math

import torch
from torch import Tensor

from pleinair.light.erosion import Carving
from pleinair.light.noise import Window, smoothstep
from pleinair.light.places.place import Palette, Shore, bump


class Lake(Shore):
    """A lake from the viewer's feet to the mountains."""

    palette = Palette(trees=1.25, stones=0.9, sand=(0.2, 0.185, 0.16), sand_top_m=0.9)
    carving = Carving(exponent=0.36, power=0.55)

    def coast(self, window: Window) -> Tensor:
        """Bays and points; the shore before the viewer stays where it is."""
        x, z = window.plane()
        long = min(self.distance * 0.62, 9000.0)
        wide = long * self.site.chance("lake", low=0.55, high=0.85)
        middle = 9 + long * 0.5
        bays = self.noise.fractal(window, long * 0.4, 8, 41) * long * 0.075
        calm = smoothstep(15, long * 0.3, self.away(window))
        lean = self.site.side * 0.25 * (z - middle)
        radius = torch.sqrt(((x + lean) / wide) ** 2 + ((z - middle) / (long * 0.5)) ** 2)
        near = self.noise.fractal(window, 60, 6, 61) * 2.5
        return (radius - 1) * long * 0.5 + bays * calm + near

    def plain(self, window: Window) -> Tensor:
        """Meadows and moraines about the water."""
        away = self.away(window)
        rolling = self.noise.fractal(window, 500, 4, 11, gain=0.45)
        return 3 + 4 * smoothstep(60, 900, away) * (1.2 + rolling) + 0.6 * rolling

    def uplift(self, window: Window) -> Tensor:
        """Heights beyond and beside the water."""
        x, z = window.plane()
        wide = self.distance
        north = z + self.noise.fractal(window, wide * 1.2, 4, 21) * wide * 0.12
        inland = self.coast(window)
        ring = 0.22 + 0.78 * smoothstep(-0.1 * wide, 0.8 * wide, z)
        walls = smoothstep(wide * 0.015, wide * 0.45, inland) * ring
        peak = bump(x, north, self.site.subject, wide * 0.4, wide * 0.4)
        gone = smoothstep(wide * 2.4, wide * 1.5, self.away(window))
        chief = peak * smoothstep(0, wide * 0.2, inland)
        return (0.6 * walls * self.swell(window, wide * 0.8) + 0.55 * chief) * gone


class River(Shore):
    """A river that meanders from the heights past the viewer's bank."""

    palette = Palette(trees=1.0, stones=0.8, sand=(0.235, 0.22, 0.19), sand_top_m=0.75, flowers=0.5)
    carving = Carving(exponent=0.36, power=0.5)
    rise_m = 40.0

    @property
    def half(self) -> float:
        """Half of the river's width at the viewer, m."""
        return self.site.chance("river", low=13, high=24)

    def middle(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Where the river's middle is at a northing, and its slope dx/dz."""
        side, half = self.site.side, self.half
        east, north = self.site.subject
        waves = []
        for n, (long, share) in enumerate(((26 * half, 0.15), (61 * half, 0.16))):
            turn = 2 * math.pi / long
            phase = self.site.chance("bend", str(n), low=-0.5, high=0.5)
            phase += math.pi / 2 if n else math.pi
            waves.append((turn, phase, share * long * side))
        start = sum(size * turn * math.cos(phase) for turn, phase, size in waves)
        offset = side * (half + 9) * math.hypot(1, start)
        x = offset + (east / north) * z * smoothstep(0, 0.5 * self.distance, z)
        lean = (east / north) * smoothstep(0, 0.5 * self.distance, z)
        for turn, phase, size in waves:
            x = x + size * (torch.sin(z * turn + phase) - math.sin(phase))
            lean = lean + size * turn * torch.cos(z * turn + phase)
        return x, lean

    def coast(self, window: Window) -> Tensor:
        """Distance from the river's edges; gravel lies inside its bends."""
        x, z = window.plane()
        middle, lean = self.middle(z)
        off = (x - middle) * torch.rsqrt(1 + lean * lean)
        half = self.half * smoothstep(1.5 * self.distance, 0.9 * self.distance, z).clamp(min=0.15)
        wander = self.noise.fractal(window, 55, 6, 43) * 3.2 * smoothstep(2, 25, self.away(window))
        return off.abs() - half + wander

    def profile(self, inland: Tensor, window: Window) -> Tensor:
        """Low banks, here a bar of gravel, there a step of turf."""
        deep = min(self.site.scene.water.depth_m, 3.5)
        under = deep * (torch.exp(inland.clamp(max=0) * (0.22 / deep)) - 1)
        bar = smoothstep(-0.7, 0.7, self.noise.octave(window, 120, 47))
        low = 1.5 * (1 - torch.exp(inland.clamp(min=0) * -0.05))
        step = 1.5 * (1 - torch.exp(inland.clamp(min=0) * -0.5))
        return under + torch.lerp(step, low, bar)

    def plain(self, window: Window) -> Tensor:
        """The floor of the valley."""
        rolling = self.noise.fractal(window, 260, 4, 11, gain=0.42)
        return 0.5 + 1.4 * smoothstep(30, 500, self.away(window)) * rolling

    def uplift(self, window: Window) -> Tensor:
        """Flanks beside the river, heights where it comes from."""
        x, z = window.plane()
        wide = self.distance
        middle, _ = self.middle(z)
        east, north = self.site.subject
        axis = middle * smoothstep(wide * 2, 0, z) + east / north * z * smoothstep(0, wide * 2, z)
        off = (x - axis).abs() + self.noise.fractal(window, wide * 0.7, 4, 21) * wide * 0.06
        narrow = 0.3 - 0.24 * smoothstep(0, wide, z)
        flank = smoothstep(0, wide * 0.5, off - wide * narrow)
        rising = 0.35 + 0.65 * smoothstep(0, wide, z)
        peak = bump(x, z, (east, north * 1.15), wide * 0.4, wide * 0.35)
        free = smoothstep(0, 60, off - 3 * self.half)
        gone = smoothstep(wide * 2.4, wide * 1.5, self.away(window))
        return (0.65 * flank * rising * self.swell(window, wide * 0.6) + 0.5 * peak) * free * gone
