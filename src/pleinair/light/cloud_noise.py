"""Noise that clouds are carved from: billows in space, and the plan of where clouds stand.

Billows are cellular noise (Worley, "A Cellular Texture Basis Function", 1996) turned upside down:
round caps with creases between them, as Schneider and Vos ("The Real-time Volumetric Cloudscapes
of Horizon: Zero Dawn", 2015) use it. The plan is a Gaussian random field made by its spectrum.
Everything repeats, so that a table has no edge.
"""

import functools
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.seeds import generator

BILLOWS, CRUMBS = 64, 32
"""Voxels along a side of the tables."""
PLAN = 512
"""Texels along a side of the plan."""


def worley(size: int, cells: int, made: torch.Generator) -> Tensor:
    """Distance to the nearest of the points that lie one to a cell, in cells: (S, S, S).

    Args:
        size: voxels along a side.
        cells: along a side; a divisor of ``size``.
        made: where the points come from.
    """
    points = torch.rand(3, cells, cells, cells, generator=made)
    within = size // cells
    at = (torch.arange(within) + 0.5) / within
    nearest = torch.full((cells, within) * 3, 9.0)
    for offset in torch.cartesian_prod(*[torch.arange(-1, 2)] * 3).tolist():
        moved = points.roll([-step for step in offset], (1, 2, 3))
        square = torch.zeros(())
        for axis in range(3):
            shape = [1, 1, 1, 1, 1, 1]
            shape[2 * axis + 1] = within
            apart = moved[axis].view(cells, 1, cells, 1, cells, 1) + offset[axis] - at.view(shape)
            square = square + apart * apart
        torch.minimum(nearest, square, out=nearest)
    return nearest.sqrt_().view(size, size, size)


def billowed(size: int, cells: tuple[int, ...], made: torch.Generator) -> Tensor:
    """Octaves of billows, each 0.55 of the one before, mean 0 and deviation 1: (S, S, S)."""
    total = torch.zeros(size, size, size)
    for octave, count in enumerate(cells):
        total -= 0.55**octave * worley(size, count, made)
    return (total - total.mean()) / total.std()


@dataclass(frozen=True)
class Billows:
    """Tables of billows, wrapped by one voxel on every side.

    Attributes:
        large: (1, 1, B + 2, B + 2, B + 2): a tile of 4 large caps along a side.
        small: (1, 1, C + 2, C + 2, C + 2): a tile of 4 of the crumbs that sit on them.
    """

    large: Tensor
    small: Tensor

    @classmethod
    @functools.lru_cache(maxsize=4)
    def of(cls, seed: int, device: torch.device) -> "Billows":
        """The tables of a scene."""
        made = generator(seed, "clouds", "billows")
        large = billowed(BILLOWS, (4, 8, 16), made)
        small = billowed(CRUMBS, (4, 8), made)
        return cls(*(wrapped(table[None, None]).to(device) for table in (large, small)))


def wrapped(table: Tensor) -> Tensor:
    """A periodic table (1, C, …) with one more texel on every side."""
    return F.pad(table, (1, 1) * (table.dim() - 2), mode="circular")


def look(table: Tensor, *turns: Tensor) -> Tensor:
    """Reads a `wrapped` table between its texels.

    Args:
        table: (1, C, …, n + 2, n + 2).
        turns: (P,) for each axis from the last to the first, in periods.

    Returns:
        (C, P).
    """
    at = torch.empty(*turns[0].shape, len(turns), device=table.device)
    for axis, turn in enumerate(turns):
        size = table.shape[-1 - axis]
        share = turn - turn.floor()
        torch.mul(share, 2 * (size - 2) / size, out=at[..., axis])
        at[..., axis] += 2 / size - 1
    shape = (1,) * (len(turns)) + (-1, len(turns))
    got = F.grid_sample(table, at.view(shape), align_corners=False, padding_mode="border")
    return got.view(table.shape[1], *turns[0].shape)


class Plan:
    """A Gaussian random field of mean 0 and deviation 1 that repeats and slowly changes.

    Its waves keep their size while their phases drift, small ones faster, as eddies turn over.

    Args:
        made: where its phases come from.
        longest: wavelength above which there is little, in periods.
        slope: how the amplitude falls with the wavenumber.
        shortest: wavelength below which there is nothing, in periods.
        stretch: how much longer than wide its shapes are.
        along: rad, azimuth along which they are long.
        lasts: s, time over which the largest change altogether.
    """

    def __init__(
        self,
        made: torch.Generator,
        *,
        longest: float,
        slope: float,
        shortest: float = 0.0,
        stretch: float = 1.0,
        along: float = 0.0,
        lasts: float = 900.0,
        size: int = PLAN,
    ) -> None:
        z = torch.fft.fftfreq(size, 1 / size)[:, None]
        x = torch.fft.rfftfreq(size, 1 / size)[None, :]
        lengthwise = (x * math.sin(along) + z * math.cos(along)) * math.sqrt(stretch)
        across = (x * math.cos(along) - z * math.sin(along)) / math.sqrt(stretch)
        wave = (lengthwise**2 + across**2).sqrt() * longest
        size_ = wave.clamp(min=1e-3) ** -slope * torch.exp(-((0.75 / wave.clamp(min=1e-3)) ** 3))
        size_ = size_ * torch.exp(-((wave * shortest / longest) ** 2))
        size_[0, 0] = 0
        twice = torch.full_like(size_, 2)
        twice[:, 0] = 1
        twice[:, -1] = 1
        self._size = size_ / (size_.square() * twice).sum().sqrt() * size**2
        self._phase = torch.rand(size_.shape, generator=made) * (2 * math.pi)
        spin = torch.randn(size_.shape, generator=made)
        self._spin = spin * wave.clamp(min=0.3) ** 0.5 / lasts
        self._grid = size

    def at(self, seconds: float) -> Tensor:
        """The field at a time, (N, N), rows north, columns east."""
        phase = torch.remainder(self._spin.double() * seconds + self._phase, 2 * math.pi).float()
        field: Tensor = torch.fft.irfft2(torch.polar(self._size, phase), s=(self._grid, self._grid))
        return field
