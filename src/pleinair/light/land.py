"""The solid ground of a scene: nested squares of height and reflectance, finest at the camera.

Three layers make the land: a place's big shape, raised and carved by rivers once on a grid of some
30 km; octaves of noise that each finer square adds, rougher where it is steep; and what the place
sculpts as a function of the point alone (dunes, a beach, a river's bed). All are pure functions of
the point, so a square moves with the camera and the land stays.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.erosion import carve
from pleinair.light.materials import cover, slope
from pleinair.light.noise import Noise, Window, resample, smoothstep
from pleinair.light.places.kinds import KINDS
from pleinair.light.places.place import Site
from pleinair.scenes.scene import Scene

CELLS = (0.25, 1.0, 4.0, 16.0, 64.0)
SIZE = 512
CARVED = 512


@dataclass(frozen=True)
class Grid:
    """A square of ground; rows go north, columns east.

    Attributes:
        x0, z0: middle of the first texel, m.
        cell: spacing of the texels, m.
        height: (N, N) of what one sees, ground and plants, m above the water.
        albedo: (3, N, N) linear reflectance of what is seen there, 0..1.
        leaf: (N, N) share of plants, 0..1.
        snow: (N, N) share of snow, 0..1.
    """

    x0: float
    z0: float
    cell: float
    height: Tensor
    albedo: Tensor
    leaf: Tensor
    snow: Tensor


class Land:
    """The ground of a scene.

    Args:
        scene: whose ground it is.
        device: where its tensors live.
    """

    def __init__(self, scene: Scene, device: torch.device) -> None:
        self.scene = scene
        self.device = device
        self.noise = Noise(scene.seed, device)
        self.place = KINDS[scene.land.place](Site(scene, self.noise, device))
        self._carved = Window(-CARVED // 2, -CARVED // 2, CARVED, self.place.cell, device)
        self._base = self.place.plain(self._carved)
        uplift = self.place.uplift(self._carved)
        if bool((uplift > 0).any()):
            rough = self.noise.fractal(self._carved, 16 * self.place.cell, 4, 5)
            raised, _ = carve(uplift, rough, self.place.carving)
            self._base = self._base + raised * scene.land.relief_m

    def grids(self, x: float, z: float) -> tuple[Grid, ...]:
        """The ground around a point: squares of `CELLS`, finest first.

        Args:
            x, z: the middle, m; taken to whole cells of each square.
        """
        smooth, window = None, None
        coarse: list[tuple[Window, Tensor]] = []
        for cell in reversed(CELLS):
            target = Window(
                round(x / cell) - SIZE // 2, round(z / cell) - SIZE // 2, SIZE, cell, self.device
            )
            smooth = self._smooth(
                target, (window, smooth) if window and smooth is not None else None
            )
            window = target
            coarse.append((target, smooth))
        grids: list[Grid] = []
        for target, smooth in reversed(coarse):
            grid = self._grid(target, smooth)
            grids.append(_with_middle(grid, grids[-1]) if grids else grid)
        return tuple(grids)

    def ground(self, x: float, z: float) -> float:
        """Height of the bare ground at a point, m."""
        smooth, window = None, None
        for cell in reversed(CELLS):
            target = Window(round(x / cell) - 12, round(z / cell) - 12, 25, cell, self.device)
            smooth = self._smooth(
                target, (window, smooth) if window and smooth is not None else None
            )
            window = target
        if smooth is None or window is None:
            return 0.0
        return float(self.place.sculpt(window, smooth)[12, 12])

    def _smooth(self, window: Window, coarser: tuple[Window, Tensor] | None) -> Tensor:
        """The land before it is sculpted, (N, N), from the square four times as large."""
        cell = window.cell
        if coarser is None or cell >= self.place.cell:
            return resample(self._base, self._carved, window)
        height = resample(coarser[1], coarser[0], window)
        east, north = slope(height, cell)
        steep = torch.sqrt(east * east + north * north)
        rugged = 0.4 + 1.2 * self.scene.land.roughness
        share = rugged * (0.006 + 0.075 * smoothstep(0.15, 0.9, steep))
        for n, wavelength in enumerate((8 * cell, 4 * cell)):
            octave = self.noise.octave(window, wavelength, 700 + round(cell * 8) + 3 * n)
            ridged = 0.7 - octave.abs() * 0.9
            rock = smoothstep(0.3, 0.8, steep)
            height = height + share * wavelength * torch.lerp(octave, ridged, rock)
        return height

    def _grid(self, window: Window, smooth: Tensor) -> Grid:
        ground = self.place.sculpt(window, smooth)
        found = cover(window, ground, self.scene, self.place.palette, self.noise)
        return Grid(
            float(window.x[0]),
            float(window.z[0]),
            window.cell,
            ground + found.canopy,
            found.albedo,
            found.leaf,
            found.snow,
        )


def _with_middle(grid: Grid, finer: Grid) -> Grid:
    """A square whose middle is the mean of the finer one, so that both are the same land."""
    return grid
