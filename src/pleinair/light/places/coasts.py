"""Places at the sea: open water, islands, a beach, cliffs."""

import math

import torch
from torch import Tensor

from pleinair.light.erosion import Carving
from pleinair.light.noise import Window, smoothstep
from pleinair.light.places.place import Palette, Place, Shore, bump, terraced


class Sea(Place):
    """Open water; with relief, an islet or a far coast."""

    palette = Palette(trees=0.4, stones=0.6, sand_top_m=0.8)
    carving = Carving(exponent=0.33, power=0.4)

    def plain(self, window: Window) -> Tensor:
        """The sea's floor."""
        deep = self.site.scene.water.depth_m
        return torch.full((window.size, window.size), -deep, device=window.device)

    wet = True

    def raised(self, window: Window, carved: Tensor) -> Tensor:
        """What rises clears the depth first."""
        deep = self.site.scene.water.depth_m
        return carved * self.relief + deep * (1.06 - 0.06 * carved) * smoothstep(0, 0.05, carved)

    def uplift(self, window: Window) -> Tensor:
        """By chance an islet or the end of a far coast."""
        x, z = window.plane()
        if self.relief < 1:
            return super().uplift(window)
        wide = self.distance
        warp = self.noise.fractal(window, wide * 0.25, 4, 21) * wide * 0.06
        far = self.site.chance("far coast") < 0.5
        long, deep = (0.6, 0.16) if far else (0.14, 0.1)
        east, north = self.site.subject
        at = (east + self.site.side * long * wide * (0.75 if far else 0), north)
        return (bump(x + warp, z + warp, at, wide * long, wide * deep) - 0.12).clamp(min=0)

    def sculpt(self, window: Window, height: Tensor) -> Tensor:
        """As the sea finds it."""
        return height


class Islands(Sea):
    """Islands in sight of a small shore."""

    palette = Palette(trees=1.1, stones=0.6, sand_top_m=1.2, sand=(0.36, 0.32, 0.25))

    def uplift(self, window: Window) -> Tensor:
        """The chief island off the middle, lesser ones about it."""
        x, z = window.plane()
        wide = self.distance
        warp_x = self.noise.fractal(window, wide * 0.3, 4, 21) * wide * 0.07
        warp_z = self.noise.fractal(window, wide * 0.3, 4, 26) * wide * 0.07
        total = bump(x + warp_x, z + warp_z, self.site.subject, wide * 0.26, wide * 0.17)
        for n in range(7):
            angle = math.radians(self.site.chance("isle", str(n), low=-48, high=48))
            far = wide * self.site.chance("isle far", str(n), low=0.55, high=3.0)
            size = wide * self.site.chance("isle size", str(n), low=0.04, high=0.16)
            at = (far * math.sin(angle), far * math.cos(angle))
            isle = bump(x + 0.5 * warp_x, z + 0.5 * warp_z, at, size * 1.5, size)
            total = total + isle * min(1.0, 5 * size / wide)
        return (total - 0.2).clamp(min=0) * smoothstep(0.1 * wide, 0.3 * wide, z)

    def sculpt(self, window: Window, height: Tensor) -> Tensor:
        """A spit of sand and stones under the viewer's feet."""
        x, z = window.plane()
        wander = self.noise.fractal(window, 70, 5, 43)
        inland = 9 - z - 0.004 * x * x + 4 * wander * smoothstep(4, 40, self.away(window))
        inland = torch.minimum(inland, 60 + z)
        spit = 1.9 * (1 - torch.exp(inland.clamp(min=0) * -0.09)) + 0.1 * inland.clamp(max=0)
        return torch.maximum(height, spit)


class Beach(Shore):
    """Sand and sea; the waterline runs into the depth of the picture."""

    palette = Palette(trees=0.5, stones=0.0, sand_top_m=5.0, flowers=0.0, meadow=0.85)
    carving = Carving(exponent=0.3, power=0.4, smooth=3)
    rough = (0.004, 0.05)

    def coast(self, window: Window) -> Tensor:
        """A long bay with cusps."""
        x, z = window.plane()
        side = self.site.side
        angle = math.radians(self.site.chance("coast", low=24, high=40))
        along = x * (side * math.sin(angle)) + z * math.cos(angle)
        inland = side * x * math.cos(angle) - z * math.sin(angle)
        bay = (0.2 + 0.5 * self.site.chance("bay")) * along.clamp(min=0) ** 2 / self.distance
        bay = bay.clamp(max=0.5 * self.distance)
        far = smoothstep(25, 500, along.abs())
        wander = self.noise.fractal(window, 1400, 4, 44) * 14 * far
        cusps = self.noise.octave(window, 34, 49) * 1.0 + self.noise.octave(window, 9, 50) * 0.25
        return inland + 17 + bay + wander + cusps

    def profile(self, inland: Tensor, window: Window) -> Tensor:
        """The face that the waves run up, a berm, dunes with grass behind, a shelving floor."""
        deep = self.site.scene.water.depth_m
        under = deep * (torch.exp(inland.clamp(max=0) * (0.035 / deep)) - 1)
        face, berm = 0.07 * inland, 1.5 + 0.01 * inland
        sand = -torch.logaddexp(-face * 5, -berm * 5) / 5
        sand = sand.clamp(min=0)
        tall = 3.4 + 2.2 * self.noise.fractal(window, 70, 6, 47, gain=0.45)
        dunes = smoothstep(58, 96, inland + 6 * self.noise.octave(window, 60, 53)) * tall
        return torch.where(inland > 0, sand + dunes.clamp(min=0), under)

    def plain(self, window: Window) -> Tensor:
        """Low ground behind the dunes."""
        return 2 + 2 * self.noise.fractal(window, 800, 3, 11)

    def uplift(self, window: Window) -> Tensor:
        """Hills inland, and a headland that ends the bay."""
        x, z = window.plane()
        wide = self.distance
        inland = self.coast(window)
        hills = smoothstep(wide * 0.12, wide * 0.7, inland) * self.swell(window, wide * 0.6, 0.05)
        head = bump(x, z, self.site.subject, wide * 0.3, wide * 0.3)
        return (0.5 * hills + 0.8 * head * smoothstep(-20, 250, inland)) * smoothstep(
            0.1 * wide, 0.5 * wide, z
        )


class Cliffs(Shore):
    """A rocky coast seen along from the top of a headland."""

    palette = Palette(
        rock=(0.25, 0.22, 0.18),
        rock_dark=(0.12, 0.105, 0.09),
        trees=0.25,
        stones=0.7,
        strata_m=7,
        strata=0.55,
        sand=(0.2, 0.185, 0.16),
        sand_top_m=1.2,
        flowers=0.5,
        bare=(0.6, 0.95),
    )
    rough = (0.01, 0.09)
    gullied = 0.08

    def coast(self, window: Window) -> Tensor:
        """A bay before the viewer, a headland beyond it, stacks off its end."""
        x, z = window.plane()
        side, wide = self.site.side, self.distance
        phase = z * (math.pi / (0.62 * wide))
        bay = (0.16 * wide) * (1 - torch.cos(phase.clamp(0, 2 * math.pi))) * 0.5
        out = 0.3 * wide * torch.exp(-(((z - wide) / (0.22 * wide)) ** 2))
        far = smoothstep(20, 220, self.away(window))
        wander = self.noise.fractal(window, 420, 7, 44, gain=0.55) * (26 * far)
        inland = side * x + 0.24 * self.wall + 7 - bay + out + wander
        for n in range(4):
            east = -side * (0.3 * wide + self.site.chance("stack", str(n), low=25, high=120))
            north = wide * self.site.chance("stack north", str(n), low=0.8, high=1.2)
            size = self.site.chance("stack size", str(n), low=9, high=24)
            off = torch.sqrt((x - east) ** 2 + (z - north) ** 2)
            inland = torch.maximum(inland, size - off + 0.12 * wander)
        return inland

    def profile(self, inland: Tensor, window: Window) -> Tensor:
        """Blocks at the foot, a face in beds, a rim."""
        deep = self.site.scene.water.depth_m
        under = deep * (torch.exp(inland.clamp(max=0) * (0.25 / deep)) - 1)
        wall = self.wall
        tall = wall * (1 + 0.16 * self.noise.fractal(window, 500, 3, 71))
        ribs = 2.4 * self.noise.fractal(window, 26, 4, 81)
        climb = smoothstep(0, 0.24 * wall, inland + ribs * smoothstep(0, 8, inland))
        beds = 6.0
        level = climb * tall * 0.94 / beds + 0.12 * self.noise.octave(window, 60, 77)
        face = terraced(level.clamp(min=0), 0.34, 0.78) * beds
        crest = 0.06 * tall * smoothstep(0.24 * wall, 2.5 * wall, inland)
        return torch.where(
            inland > 0, face.clamp(min=0.1) * smoothstep(-1, 3, inland) + crest, under
        )

    @property
    def wall(self) -> float:
        """Height of the cliffs, m."""
        return min(max(self.relief, 12.0), 120.0)

    def plain(self, window: Window) -> Tensor:
        """Downs behind the rim."""
        return 3 + 3 * self.noise.fractal(window, 500, 4, 11)

    rise_m = 160.0
