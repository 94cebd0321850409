"""Random fields of the plane: smooth noise by spline from lattices, scattered grains, gullies.

A field is a pure function of the seed, its key and the place in the world, however the window that
asks for it lies. Windows are regular, so an octave is two products of matrices, not a gather.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pleinair.light.seeds import generator

_TABLE = 512  # lattice points until an octave repeats; windows span fewer
_SPREAD = 0.6  # of the grains within their cells


@dataclass(frozen=True)
class Window:
    """A regular window of the plane: N × N texels, rows go north, columns east.

    Attributes:
        column, row: of the first texel, counted in cells from the middle of the world.
        size: texels along a side, N.
        cell: distance between texels, m.
    """

    column: int
    row: int
    size: int
    cell: float
    device: torch.device

    @property
    def x(self) -> Tensor:
        """Eastings of the columns, (N,) of double precision, m."""
        return self._axis(self.column)

    @property
    def z(self) -> Tensor:
        """Northings of the rows, (N,) of double precision, m."""
        return self._axis(self.row)

    def _axis(self, first: int) -> Tensor:
        index = torch.arange(first, first + self.size, dtype=torch.float64, device=self.device)
        return index * self.cell

    def plane(self) -> tuple[Tensor, Tensor]:
        """Eastings (1, N) and northings (N, 1), m."""
        return self.x.float()[None, :], self.z.float()[:, None]


class Noise:
    """Octaves of noise of mean 0 and deviation 1; see the module.

    Args:
        seed: of the scene.
        device: where the fields live.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        white = torch.randn(_TABLE, _TABLE, generator=generator(seed, "land", "noise"))
        around = sum(white.roll((i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)) / 9
        self._table = ((white - 0.9 * around) * 2.75).to(device)  # (T, T): a band, not a blur
        self._uniform = torch.rand(
            2, _TABLE, _TABLE, generator=generator(seed, "land", "grains")
        ).to(device)

    def octave(self, window: Window, wavelength: float, key: int) -> Tensor:
        """One octave of smooth noise, (N, N).

        Args:
            window: where.
            wavelength: spacing of the lattice, m; at least two cells.
            key: another key, another field.
        """
        down, across = self._factors(window, wavelength, key)
        return down @ across

    def fractal(
        self, window: Window, longest: float, octaves: int, key: int, gain: float = 0.5
    ) -> Tensor:
        """Fractal Brownian motion from the wavelength ``longest`` down, (N, N), deviation 1."""
        total = torch.zeros(window.size, window.size, device=window.device)
        power = math.sqrt(sum(gain ** (2 * n) for n in range(octaves)))
        for n in range(octaves):
            wavelength = longest / 2**n
            if wavelength < 2 * window.cell:
                break
            down, across = self._factors(window, wavelength, key + n)
            total.addmm_(down, across, alpha=gain**n / power)
        return total

    def _factors(self, window: Window, wavelength: float, key: int) -> tuple[Tensor, Tensor]:
        """Two matrices, (N, m) and (m, N), whose product is an octave."""
        shift = _shift(key)
        rows, down = _spline(window.z / wavelength + shift[0])
        columns, across = _spline(window.x / wavelength + shift[1])
        lattice = self._table[rows % _TABLE][:, columns % _TABLE]
        return down @ lattice, across.T

    def grains(
        self, window: Window, spacing: float, key: int, spread: float = 0.45
    ) -> tuple[Tensor, Tensor]:
        """Round grains, one in each cell of a jittered lattice: crowns, boulders, tufts.

        Args:
            window: where.
            spacing: of the lattice, m.
            key: another key, other grains.
            spread: how much smaller than the largest the smallest are, 0 to 1.

        Returns:
            Height of the cap over each place, 0 between the grains to 1 at a middle, and a random
            number of the grain that is seen there, both (N, N).
        """
        shift = _shift(key)
        v, u = window.z / spacing + shift[0], window.x / spacing + shift[1]
        best = torch.zeros(window.size, window.size, device=window.device)
        mark = torch.zeros_like(best)
        for i in (0, 1):
            for j in (0, 1):
                row, column = (v - 0.5).floor() + i, (u - 0.5).floor() + j
                jitter_x, jitter_z = self._random(row, column, 2)  # (N, N) each
                own = jitter_x.mul(5.31).add_(jitter_z, alpha=8.73).frac_()
                dx = (u - column - 0.2).float()[None, :] - jitter_x * _SPREAD
                dz = (v - row - 0.2).float()[:, None] - jitter_z * _SPREAD
                size = 1 - spread * jitter_x  # jitter serves as a size, too
                cap = 1 - (dx * dx).addcmul_(dz, dz) * (2.4 / (size * size))
                cap = cap.clamp_(min=0).mul_(size)
                mark = torch.lerp(mark, own, (cap > best).float())
                best = torch.maximum(best, cap)
        return best, mark

    def gullies(
        self, window: Window, east: Tensor, north: Tensor, wavelength: float, key: int
    ) -> Tensor:
        """Ribs and gullies that run down the slope, (N, N), about −1 to 1, sharp along the ribs.

        Waves across the slope with a phase of their own around each point of a lattice, blended
        there: phasor noise (Tricard et al., 2019) that takes its direction from the ground.

        Args:
            window: where.
            east, north: rise of the ground, (N, N) each.
            wavelength: from rib to rib, m.
            key: another key, other gullies.
        """
        shift = _shift(key)
        v, u = window.z / wavelength + shift[0], window.x / wavelength + shift[1]
        turn = torch.rsqrt(east * east + north * north + 1e-6) * (2 * math.pi)
        across_x, across_z = north * -turn, east * turn  # radians for each wavelength
        cosine, sine = torch.zeros_like(east), torch.zeros_like(east)
        for i in (0, 1):
            for j in (0, 1):
                row, column = v.floor() + i, u.floor() + j
                (phase,) = self._random(row, column, 1)
                dx, dz = (u - column).float()[None, :], (v - row).float()[:, None]
                near = _fade(1 - dx.abs()) * _fade(1 - dz.abs())
                angle = torch.addcmul(phase * (2 * math.pi), across_x, dx).addcmul_(across_z, dz)
                cosine.addcmul_(near, angle.cos())
                sine.addcmul_(near, angle.sin())
        size = torch.sqrt(cosine * cosine + sine * sine + 1e-8)
        wave = (cosine / size).clamp_(-1, 1)
        return (1 - torch.sqrt(2 - 2 * wave)).mul_(size.mul_(1.6).clamp_(max=1))

    def _random(self, row: Tensor, column: Tensor, count: int) -> Tensor:
        """Uniform numbers of each lattice cell, (count, N, N)."""
        rows, columns = row.long() % _TABLE, column.long() % _TABLE
        return self._uniform[:count].index_select(1, rows).index_select(2, columns)


def resample(values: Tensor, source: Window, target: Window) -> Tensor:
    """A field at the texels of another window, by a cubic (Mitchell & Netravali, 1988).

    Places outside the source take the value of its edge.

    Args:
        values: (M, M), at the texels of ``source``.
        source, target: windows.

    Returns:
        (N, N) at the texels of ``target``.
    """
    down = _within(target.z / source.cell - source.row, source.size)
    across = _within(target.x / source.cell - source.column, source.size)
    (top, rows), (left, columns) = down, across
    part = values[top : top + rows.shape[1], left : left + columns.shape[1]]
    return rows @ part @ columns.T


def _within(u: Tensor, size: int) -> tuple[int, Tensor]:
    """First index and weights (N, m) of a cubic at fractional indices of an axis with edges."""
    first = u.clamp(0, size - 1).floor()
    index, weights = _weights(u.clamp(0, size - 1) - first, 1 / 3, 1 / 3)
    index = (first.long()[:, None] + index).clamp(0, size - 1)
    low = int(index.min())
    dense = torch.zeros(len(u), int(index.max()) - low + 1, device=u.device)
    return low, dense.scatter_add_(1, index - low, weights.float())


def _spline(u: Tensor) -> tuple[Tensor, Tensor]:
    """Lattice indices (m,) and weights (N, m) of the cubic B-spline at places u."""
    first = u.floor()
    t = (u - first).float()
    s, t2 = 1 - t, t * t
    t3 = t2 * t
    weights = torch.stack((s * s * s, 3 * t3 - 6 * t2 + 4, 3 * (t2 + t - t3) + 1, t3), 1) / 6
    low, high = int(first[0]) - 1, int(first[-1]) + 2  # u grows
    index = first.long()[:, None] + torch.arange(-1 - low, 3 - low, device=u.device)
    dense = torch.zeros(len(u), high - low + 1, device=u.device)
    return torch.arange(low, high + 1, device=u.device), dense.scatter_(1, index, weights)


def _weights(t: Tensor, b: float, c: float) -> tuple[Tensor, Tensor]:
    """Offsets (4,) and weights (N, 4) of the cubics of Mitchell & Netravali (B, C)."""
    offsets = torch.arange(-1, 3, device=t.device)
    d = (t[:, None] - offsets).abs()
    near = (12 - 9 * b - 6 * c) * d**3 + (-18 + 12 * b + 6 * c) * d**2 + (6 - 2 * b)
    far = (-b - 6 * c) * d**3 + (6 * b + 30 * c) * d**2 + (-12 * b - 48 * c) * d + 8 * b + 24 * c
    weights = torch.where(d < 1, near, torch.where(d < 2, far, torch.zeros_like(d))) / 6
    return offsets, weights


def _shift(key: int) -> tuple[float, float]:
    """Where in the table the lattice of a key begins: far from the others."""
    return (key * 137.508) % _TABLE, (key * 211.317 + 91.7) % _TABLE


def _fade(t: Tensor) -> Tensor:
    return t * t * (3 - 2 * t)


def smoothstep(low: float, high: float, x: Tensor) -> Tensor:
    """0 below ``low``, 1 above ``high``, smooth between; ``low`` may be the greater."""
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)
