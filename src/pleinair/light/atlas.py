"""Maps of the ground at every scale in one texture: one lookup finds place and scale.

Nested squares around the camera, finest first, with their halvings between them: a pyramid whose
every level covers as much as the eye can resolve of it (a clipmap: Tanner, Migdal and Jones 1998).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

SHARP = 0.6
"""Share of a square, by the logarithm of the distance, in which nothing coarser is mixed in."""
BORDER = 2
"""Texels between levels, so that no filter reaches from one into the next."""


@dataclass(frozen=True)
class Level:
    """One square of a map.

    Attributes:
        values: (C, N, N); rows go north, columns east.
        x, z: middle of its first texel, m.
        cell: from texel to texel, m.
    """

    values: Tensor
    x: float
    z: float
    cell: float

    @property
    def size(self) -> int:
        """Texels along a side."""
        return self.values.shape[-1]

    def split(self, channels: int) -> tuple["Level", "Level"]:
        """Its first channels, and the others."""
        first, rest = self.values[:channels], self.values[channels:]
        return Level(first, self.x, self.z, self.cell), Level(rest, self.x, self.z, self.cell)

    def halved(self) -> "Level":
        """The same at twice the cell."""
        half = F.avg_pool2d(self.values[None], 2)[0]
        return Level(half, self.x + self.cell / 2, self.z + self.cell / 2, self.cell * 2)


class Atlas:
    """A pyramid of maps in one texture.

    Args:
        squares: finest first, each with four times the cell of the one before; all of the same
            number of channels.
        x, z: the point around which they lie, m.
        reach: share of a square's half side within which it is used.
    """

    def __init__(self, squares: Sequence[Level], x: float, z: float, reach: float = 0.95) -> None:
        levels = [level for square in squares for level in (square, square.halved())]
        side = max(level.size for level in levels)
        rows = sum(level.size + 2 * BORDER for level in levels)
        channels, device = levels[0].values.shape[0], levels[0].values.device
        self.texture = torch.zeros(channels, rows, side + 2 * BORDER, device=device)
        table, row = [], 0
        for level in levels:
            padded = F.pad(level.values[None], (BORDER,) * 4, mode="replicate")[0]
            self.texture[:, row : row + padded.shape[1], : padded.shape[2]] = padded
            table.append((level.x, level.z, 1 / level.cell, level.size - 1.0, row + BORDER))
            row += padded.shape[1]
        self.levels = tuple(levels)
        self.table = torch.tensor(table, device=device).T.contiguous()  # (5, L)
        self.cell = squares[0].cell
        self.last = len(levels) - 1
        half = squares[0].size * self.cell / 2
        offset = max(abs(squares[0].x + half - x), abs(squares[0].z + half - z))
        self.reach = max(half - offset, self.cell) * reach
        """Metres around the camera within which the finest square is whole."""
        self.highest = max(float(square.values[0].amax()) for square in squares)
        """Greatest value of the first channel."""
        height, width = self.texture.shape[1:]
        self._scale = (2 / width, 2 / height)

    def scale(self, footprint: Tensor, distance: Tensor) -> Tensor:
        """Level to look at, as a real number: by what a pixel covers, and by what there is.

        Args:
            footprint: size of a pixel on the ground, m.
            distance: from the camera, m.
        """
        beyond = distance.mul(4 / self.reach).clamp_(min=1e-3).log2_().mul_(0.5)  # of the squares
        square = beyond.floor()
        rest = beyond.sub_(square).sub_(SHARP).mul_(1 / (1 - SHARP)).clamp_(min=0)
        coarse = square.add_(rest).mul_(2)
        fine = footprint.mul(1 / self.cell).clamp_(min=1e-3).log2_()
        return torch.maximum(fine, coarse).clamp_(0, self.last - 1e-3)

    def look(self, x: Tensor, z: Tensor, scale: Tensor) -> Tensor:
        """What the maps hold at places of the world, filtered to a scale.

        Args:
            x, z, scale: (P,) each.

        Returns:
            (C, P).
        """
        lower = scale.floor()
        level = lower.int()
        found = self._at(x, z, level)  # (C, P)
        return found.lerp_(self._at(x, z, level + 1), scale - lower)

    def fan(self, x: Tensor, z: Tensor, scale: Tensor) -> Tensor:
        """The same for rows of places whose scale is that of their column, and grows.

        Args:
            x, z: (C, K) m.
            scale: (K,).

        Returns:
            The first channel, (C, K).
        """
        found = torch.empty_like(x)
        bounds = torch.searchsorted(scale, torch.arange(1.0, self.last + 1, device=scale.device))
        first = 0
        for level, last in enumerate([*bounds.tolist(), len(scale)]):
            if last > first:
                part = slice(first, last)
                fine = self._whole(x[:, part], z[:, part], level)
                coarse = self._whole(x[:, part], z[:, part], min(level + 1, self.last))
                torch.lerp(fine, coarse, scale[part] - level, out=found[:, part])
            first = last
        return found

    def _whole(self, x: Tensor, z: Tensor, level: int) -> Tensor:
        """Bilinear values of the first channel of one level, (C, K)."""
        square = self.levels[level]
        turn = 2 / (square.size * square.cell)
        place = torch.empty(1, *x.shape, 2, device=x.device)
        for axis, (value, start) in enumerate(((x, square.x), (z, square.z))):
            torch.mul(value, turn, out=place[0, ..., axis])
            place[0, ..., axis] += (square.cell / 2 - start) * turn - 1
        values = square.values[:1][None]
        return F.grid_sample(values, place, padding_mode="border", align_corners=False)[0, 0]

    def _at(self, x: Tensor, z: Tensor, level: Tensor) -> Tensor:
        """Bilinear values of one level for each place, (C, P)."""
        x0, z0, inverse, most, row = self.table.index_select(1, level)
        column = torch.minimum(((x - x0) * inverse).clamp_(min=0), most)
        line = torch.minimum(((z - z0) * inverse).clamp_(min=0), most).add_(row)
        u = column.add_(BORDER + 0.5).mul_(self._scale[0]).sub_(1)
        v = line.add_(0.5).mul_(self._scale[1]).sub_(1)
        grid = torch.stack((u, v), -1).view(1, 1, -1, 2)
        return F.grid_sample(self.texture[None], grid, align_corners=False)[0, :, 0]  # (C, P)


def snapped(value: float, step: float) -> float:
    """The multiple of ``step`` nearest to a value."""
    return math.floor(value / step + 0.5) * step
