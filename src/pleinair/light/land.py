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

from pleinair.light.erosion import carve, slope
from pleinair.light.materials import cover
from pleinair.light.noise import Noise, Window, resample, smoothstep
from pleinair.light.places.kinds import KINDS
from pleinair.light.places.place import Site
from pleinair.scenes.scene import Scene

CELLS = (0.25, 1.0, 4.0, 16.0, 64.0)
SIZE = 512
CARVED = 512
PLAIN = 16.0  # cells at least as large ask the place for its plain, finer ones refine it


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


@dataclass(frozen=True)
class _Smooth:
    """The land of a window before it is sculpted: its height and what noise added to the base."""

    window: Window
    height: Tensor
    detail: Tensor | None


class Land:
    """The ground of a scene.

    Args:
        scene: whose ground it is.
        device: where its tensors live.
        size: texels along a side of a square; a multiple of 8.
    """

    def __init__(self, scene: Scene, device: torch.device, size: int = SIZE) -> None:
        self.scene = scene
        self.size = size
        self.device = device
        self.noise = Noise(scene.seed, device)
        self.place = KINDS[scene.land.place](Site(scene, self.noise, device))
        self._carved = Window(-CARVED // 2, -CARVED // 2, CARVED, self.place.cell, device)
        uplift = self.place.uplift(self._carved)
        self._raised: Tensor | None = None
        if scene.land.relief_m > 0 and bool((uplift > 0).any()):
            rough = self.noise.fractal(self._carved, 16 * self.place.cell, 4, 5)
            self._raised = self.place.raised(self._carved, carve(uplift, rough, self.place.carving))
        self._stand: float | None = None
        self._stand = self.ground(0, 0)

    def grids(self, x: float, z: float) -> tuple[Grid, ...]:
        """The ground around a point: squares of `CELLS`, finest first.

        Args:
            x, z: the middle, m; taken to whole cells of each square.
        """
        found: list[_Smooth] = []
        smooth: _Smooth | None = None
        for cell in reversed(CELLS):
            smooth = self._smooth(self._window(x, z, cell, self.size), smooth)
            found.append(smooth)
        grids: list[Grid] = []
        for smooth in reversed(found):
            grid = self._grid(smooth)
            grids.append(_with_middle(grid, grids[-1]) if grids else grid)
        return tuple(grids)

    def ground(self, x: float, z: float) -> float:
        """Height of the bare ground at a point, m."""
        smooth: _Smooth | None = None
        for cell in reversed(CELLS[1:]):
            smooth = self._smooth(self._window(x, z, cell, 24), smooth)
        last = self._smooth(self._window(x, z, CELLS[0], 24), smooth)
        return float(self._sculpted(last)[12, 12])

    def _sculpted(self, smooth: _Smooth) -> Tensor:
        """The ground, (N, N), m; low where it would stand before the viewer's eyes."""
        ground = self.place.sculpt(smooth.window, smooth.height)
        if self._stand is None or smooth.window.cell > 4:
            return ground
        over = (ground - (self._stand + 0.3)).clamp(min=0)
        return ground - over * smoothstep(70, 25, self.place.away(smooth.window)) * 0.8

    def _window(self, x: float, z: float, cell: float, size: int) -> Window:
        """The window around a point, taken to whole cells."""
        column, row = round(x / cell) - size // 2, round(z / cell) - size // 2
        return Window(column, row, size, cell, self.device)

    def _smooth(self, window: Window, coarser: _Smooth | None) -> _Smooth:
        """The land before it is sculpted, from the square four times as large."""
        cell, place = window.cell, self.place
        detail: Tensor | None = None
        if coarser is not None and coarser.detail is not None:
            detail = resample(coarser.detail, coarser.window, window)
        if coarser is None or cell >= PLAIN or coarser.window.cell > place.cell:
            height = place.plain(window)
            if self._raised is not None:
                height = height + resample(self._raised, self._carved, window)
            if detail is not None:
                height = height + detail
        else:
            height = resample(coarser.height, coarser.window, window)
        if cell > place.cell:
            return _Smooth(window, height, None)
        added = self._roughness(window, height)
        return _Smooth(window, height + added, added if detail is None else detail + added)

    def _roughness(self, window: Window, height: Tensor) -> Tensor:
        """What a square adds to the coarser ones: gullies, waves, crags; m, (N, N)."""
        cell, place, land = window.cell, self.place, self.scene.land
        east, north = slope(height, cell)
        steep = torch.sqrt(east * east + north * north)
        rock = smoothstep(0.25, 0.75, steep)
        flat, crag = place.rough
        share = (flat + (crag - flat) * rock) * (0.4 + 1.2 * land.roughness)
        key = 700 + round(cell * 16)
        added = torch.zeros_like(height)
        if place.gullied and cell >= 1:
            apart = min(7 * cell, 300.0)
            ribs = self.noise.gullies(window, east, north, apart, key + 7)
            tall = place.gullied * (0.3 + 1.4 * land.erosion) * apart
            added += ribs * steep.clamp(max=1.2) * tall
        for n, wavelength in enumerate((8 * cell, 4 * cell)):
            octave = self.noise.octave(window, min(wavelength, 240.0 - 90 * n), key + n)
            ridged = 0.7 - 0.9 * octave.abs()
            added += share * wavelength * torch.lerp(octave, ridged, rock)
        return added

    def _grid(self, smooth: _Smooth) -> Grid:
        window, ground = smooth.window, self._sculpted(smooth)
        found = cover(window, ground, self.scene, self.place, self.noise)
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
    ratio = round(grid.cell / finer.cell)
    margin = 4 * ratio  # finer texels at the edge that are not used
    first = [
        round((getattr(finer, axis) + margin * finer.cell - getattr(grid, axis)) / grid.cell) + 1
        for axis in ("z0", "x0")
    ]

    def joined(wide: Tensor, fine: Tensor) -> Tensor:
        offsets = [
            round((getattr(grid, axis) + k * grid.cell - getattr(finer, axis)) / finer.cell)
            - ratio // 2
            for axis, k in zip(("z0", "x0"), first, strict=True)
        ]
        count = (fine.shape[-1] - max(offsets) - margin) // ratio
        length = count * ratio + 1
        part = fine[..., offsets[0] : offsets[0] + length, offsets[1] : offsets[1] + length]
        part = part.reshape(1, -1, length, length)
        part = part[..., :-1, :] + part[..., 1:, :]
        part = part[..., :-1] + part[..., 1:]
        mean = F.avg_pool2d(part, ratio)[0] * 0.25
        made = wide.clone()
        rows, columns = (slice(k, k + count) for k in first)
        made[..., rows, columns] = mean.view(*wide.shape[:-2], count, count)
        return made

    return Grid(
        grid.x0,
        grid.z0,
        grid.cell,
        *(
            joined(getattr(grid, name), getattr(finer, name))
            for name in ("height", "albedo", "leaf", "snow")
        ),
    )
