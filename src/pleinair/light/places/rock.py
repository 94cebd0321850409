"""Places of bare rock: canyon, badlands, volcano."""

import math
from dataclasses import replace

import torch
from torch import Tensor

from pleinair.light.erosion import Carving
from pleinair.light.noise import Window, smoothstep
from pleinair.light.places.place import Palette, Place, Shore, Site, bump, dry, terraced

DESERT_ROCK = Palette(
    rock=(0.33, 0.215, 0.145),
    rock_dark=(0.185, 0.105, 0.07),
    soil=(0.255, 0.185, 0.13),
    grass=(0.1, 0.1, 0.06),
    dry=(0.22, 0.17, 0.1),
    sand=(0.3, 0.21, 0.14),
    meadow=0.25,
    trees=0.25,
    stones=0.22,
    flowers=0.0,
    strata=0.85,
    bare=(0.35, 0.7),
)


class Canyon(Shore):
    """A river's canyon in a plateau, seen along from its rim."""

    carving = Carving(exponent=0.42, power=0.5)
    rough = (0.006, 0.05)
    gullied = 0.06
    rise_m = 1.0

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.palette = replace(DESERT_ROCK, strata_m=self.relief / 9)

    @property
    def half(self) -> float:
        """From the river to the rim, m."""
        return min(1.15 * self.relief, 0.6 * self.distance) + 20

    def middle(self, z: Tensor) -> Tensor:
        """Easting of the river at a northing: from afar it crosses the view and passes by."""
        side, half = self.site.side, self.half
        bend = torch.sin(z * (2 * math.pi / (7 * half)) + self.site.chance("bend") * 2)
        bend = bend - math.sin(self.site.chance("bend") * 2)
        return (
            side * (half * 0.55 - 0.42 * z + 0.1 * z.clamp(min=0) ** 2 / (8 * half))
            + 0.5 * half * bend
        )

    def coast(self, window: Window) -> Tensor:
        """Distance from the river's edge."""
        x, z = window.plane()
        near = self.noise.fractal(window, 160, 5, 43) * 9
        return (x - self.middle(z)).abs() * 0.88 - 0.045 * self.half - 12 + near

    def uplift(self, window: Window) -> Tensor:
        """All rises alike but the river's bed."""
        return smoothstep(0, 60, self.coast(window)) * (
            1 + 0.05 * self.noise.octave(window, 900, 31)
        )

    def raised(self, window: Window, carved: Tensor) -> Tensor:
        """The plateau is what rivers have not reached: 1 at its rim."""
        inland, half = self.coast(window), self.half
        rim = smoothstep(0.5 * half, half, inland) * smoothstep(2 * half, half, inland)
        return carved * (self.relief * rim.sum() / (carved * rim).sum())

    def plain(self, window: Window) -> Tensor:
        """Nothing but what is carved."""
        return torch.zeros(window.size, window.size, device=window.device)

    def sculpt(self, window: Window, height: Tensor) -> Tensor:
        """Beds of rock: cliffs and benches, and a flat plateau."""
        inland = self.coast(window)
        wander = self.noise.fractal(window, 420, 6, 51, gain=0.55)
        edge = 0.55 + 0.45 * smoothstep(0, self.half, inland + 0.1 * self.half * wander)
        height = height / max(self.relief, 1)
        deep = (height * 1.15 * edge + 0.06 * wander * smoothstep(0.02, 0.2, height)).clamp(min=0)
        x, z = window.plane()
        edge_m = 256 * self.cell  # of what was carved
        outside = smoothstep(0.75 * edge_m, 0.95 * edge_m, torch.maximum(x.abs(), z.abs()))
        deep = torch.lerp(deep, (inland / self.half + 0.12 * wander).clamp(0, 1.2), outside)
        near = self.away(window)
        deep = torch.lerp(deep, torch.full_like(deep, 1.02), smoothstep(46, 12, near))
        top = deep.clamp(max=1)
        beds = 6.0
        level = terraced(top * beds + 0.1 * wander * smoothstep(0, 0.1, top), 0.22, 0.72)
        level = level.clamp(max=beds) / beds
        roll = self.noise.fractal(window, 300, 4, 11, gain=0.45)
        ground = level * self.relief + 2.0 * roll * smoothstep(0.9, 1, top) * smoothstep(
            5, 150, near
        )
        return dry(ground) * smoothstep(0, 25, inland) + self.profile(inland, window)


class Badlands(Place):
    """Bare clay hills in bands of colour, and mesas, about a dry plain."""

    carving = Carving(exponent=0.3, power=0.45)
    rough = (0.005, 0.05)
    gullied = 0.2

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.palette = replace(
            DESERT_ROCK,
            rock=(0.42, 0.31, 0.22),
            rock_dark=(0.24, 0.115, 0.075),
            soil=(0.31, 0.23, 0.165),
            strata_m=max(self.relief / 7, 3),
            strata=1.0,
            bare=(0.16, 0.4),
            meadow=0.35,
            trees=0.0,
        )

    def plain(self, window: Window) -> Tensor:
        """A wash."""
        away = self.away(window)
        return 15 + (0.5 + 2 * smoothstep(30, 500, away)) * self.noise.fractal(window, 300, 4, 11)

    def uplift(self, window: Window) -> Tensor:
        """Blocks of high ground, the chief one off the middle."""
        x, z = window.plane()
        wide = self.distance
        warp = self.noise.fractal(window, wide * 0.5, 4, 21) * wide * 0.12
        peak = bump(x + warp, z - warp, self.site.subject, wide * 0.4, wide * 0.3)
        blocks = self.noise.fractal(window, wide * 0.75, 4, 31) * 0.5 + 0.02
        rise = smoothstep(0.1, 0.75, torch.maximum(blocks, peak - 0.2))
        return rise * smoothstep(0.08 * wide, 0.3 * wide, self.away(window) + 0.25 * z)

    def raised(self, window: Window, carved: Tensor) -> Tensor:
        """Tops are cut flat where a hard bed lies."""
        top = 0.55
        over = (carved - top).clamp(min=0)
        return (
            (torch.minimum(carved, torch.full_like(carved, top)) + 0.12 * over) * self.relief * 1.6
        )

    def sculpt(self, window: Window, height: Tensor) -> Tensor:
        """Hard beds stand out as steps."""
        bed = max(self.relief / 7, 3)
        wander = self.noise.fractal(window, 260, 4, 51) * 0.3
        stepped = (terraced(height / bed + wander, 0.3, 0.6) - wander) * bed
        return dry(torch.lerp(height, stepped, smoothstep(6, 16, height) * 0.7))


class Volcano(Place):
    """A cone with its crater, gullies down its sides and lava about its foot."""

    palette = Palette(
        rock=(0.13, 0.115, 0.105),
        rock_dark=(0.06, 0.052, 0.048),
        soil=(0.1, 0.085, 0.075),
        trees=1.0,
        stones=0.5,
        bare=(0.34, 0.6),
        tree_line_m=1100,
    )
    rough = (0.008, 0.05)
    gullied = 0.16

    def choose_cell(self) -> float:
        """Nothing is carved."""
        return 64.0

    def plain(self, window: Window) -> Tensor:
        """A concave cone over rolling ground."""
        x, z = window.plane()
        away = self.away(window)
        rolling = self.noise.fractal(window, 800, 5, 11, gain=0.48)
        ground = 25 + (1 + 0.012 * self.relief * smoothstep(60, 1500, away)) * rolling
        east, north = self.site.subject
        foot = 0.42 * self.distance
        high = min(self.relief, 1.3 * foot)
        dx, dz = x - east, z - north
        ragged = 0.05 * self.noise.fractal(window, foot * 0.5, 5, 21)
        off = torch.sqrt(dx * dx + dz * dz) / foot * (1 + ragged)
        rim, crater = 0.085, 0.55
        cone = 1.19 * torch.exp(-2.35 * off) - 0.02
        lip = 1.19 * math.exp(-2.35 * rim) - 0.02
        notch = 0.5 + 0.5 * self.noise.octave(window, foot * 0.16, 29)
        bowl = lip - crater * 0.3 * (1 - (off / rim) ** 2) + 0.03 * notch
        cone = torch.minimum(cone, bowl) if rim else cone
        flank = 0.03 * self.noise.fractal(window, foot * 0.4, 5, 25) * smoothstep(1.6, 0.3, off)
        return ground + high / lip * (cone.clamp(min=0) + flank * smoothstep(rim, 3 * rim, off))

    def paint(self, window: Window, ground: Tensor) -> tuple[Tensor, Tensor]:
        """Fields of young lava, nearly black."""
        x, z = window.plane()
        east, north = self.site.subject
        dx, dz = (x - east) / self.distance, (z - north) / self.distance
        off = torch.sqrt(dx * dx + dz * dz)
        streams = self.noise.fractal(window, 0.22 * self.distance, 5, 151)
        share = smoothstep(0.55, 0.9, streams - 1.1 * (off - 0.35).abs())
        grain = self.noise.octave(window, 3 * window.cell, 157)
        colour = torch.tensor((0.035, 0.032, 0.031), device=window.device).view(3, 1, 1)
        return share, colour * (1 + 0.3 * grain)
