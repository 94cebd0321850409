"""Foam: how much of it the wind makes, and what it looks like."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.seeds import generator

SIZE = 256
CELLS = 18
LACE_M = 3.7
"""Side of the tile of lace when it is looked at from near, m."""
RATIO = 6.0
"""How much larger the same lace is when its threads are too thin for a pixel."""
ALBEDO = 0.72
"""Of thick foam."""
EDGE = 0.65
"""How gradually foam grows with how near waves are to breaking, in standard deviations."""


def coverage(wind: float) -> float:
    """Share of the open sea that is white (Monahan and O'Muircheartaigh 1980).

    Args:
        wind: m/s; below 3.5 nothing breaks.
    """
    return min(3.84e-6 * wind**3.41, 0.5) if wind > 3.5 else 0.0


def threshold(share: float) -> float:
    """What a normal number exceeds in that share of cases if its edge is soft; see `EDGE`."""
    if share <= 0:
        return 9.0
    exceeded = float(torch.special.ndtri(torch.tensor(1 - share, dtype=torch.float64)))
    return exceeded * math.hypot(1, EDGE)


class Lace:
    """A tile of foam's threads and holes, 0 where it lasts longest and 1 where it goes first.

    Args:
        seed: of the scene.
        device: where it lives.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        made = generator(seed, "lace")
        wide, fine = _web(CELLS, made), _web(CELLS * 3, made)
        rough = torch.rand(1, 1, 16, 16, generator=made)
        rough = F.interpolate(F.pad(rough, (2, 2, 2, 2), mode="circular"), scale_factor=16,
                              mode="bicubic")[0, 0, 32:-32, 32:-32]  # fmt: skip
        value = 0.5 * wide + 0.3 * fine + 0.5 * (rough - 0.5)
        order = value.flatten().argsort().argsort().view(SIZE, SIZE)
        value = order / (SIZE * SIZE)  # equally often every value from 0 to 1
        self._tile = F.pad(value[None, None], (0, 1, 0, 1), mode="circular").to(device)

    def thin(self, foam: Tensor, x: Tensor, z: Tensor, footprint: Tensor) -> Tensor:
        """Foam torn to lace: the mean stays, (P,).

        Args:
            foam: (P,) share of the place that is white, 0 to 1.
            x, z, footprint: (P,) m.
        """
        far = (footprint * (RATIO / 0.09)).log2_().mul_(1 / math.log2(RATIO)).clamp_(0, 2)
        near = self._at(x, z, LACE_M)
        wide = self._at(z, x, LACE_M * RATIO)
        value = torch.lerp(near, wide, far.clamp(max=1))
        soft = 0.3 + 0.7 * (far - 1).clamp_(min=0)
        keep = (foam * (1 + soft) - value * 1.0).div_(soft).clamp_(0, 1)
        return torch.lerp(keep, foam, (far - 1).clamp_(min=0))

    def _at(self, x: Tensor, z: Tensor, size: float) -> Tensor:
        u, v = x * (1 / size), z * (1 / size)
        grid = torch.stack((u - u.floor(), v - v.floor()), -1).mul_(2).sub_(1)
        return F.grid_sample(self._tile, grid.view(1, 1, -1, 2), align_corners=True).view(-1)


def _web(cells: int, made: torch.Generator) -> Tensor:
    """(N, N): 0 on the borders of irregular cells, 1 in their middles (Worley 1996)."""
    jitter = torch.rand(2, cells, cells, generator=made)
    line = (torch.arange(SIZE) + 0.5) * (cells / SIZE)
    index = line.long()
    off = line - index
    near: list[Tensor] = []
    for row in (-1, 0, 1):
        for column in (-1, 0, 1):
            rows, columns = (index + row) % cells, (index + column) % cells
            dz = jitter[0][rows][:, columns] + (row - off)[:, None]
            dx = jitter[1][rows][:, columns] + (column - off)[None, :]
            near.append(dx * dx + dz * dz)
    two = torch.stack(near).topk(2, dim=0, largest=False).values.sqrt()
    return ((two[1] - two[0]) * 1.6).clamp(0, 1)
