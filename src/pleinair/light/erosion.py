"""Landscapes carved by rivers: uplift against stream power, solved without a loop over cells.

The implicit scheme of Braun & Willett (2013) on the steepest-descent forest, as Cordonnier et al.
(2016) raise mountains with it. Sums and recurrences along the rivers are taken by pointer doubling:
log2 of the longest river steps, each a gather over the whole grid.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

STEP = 3.0  # of time; long against what the rivers need

_NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))


@dataclass(frozen=True)
class Carving:
    """How a landscape is carved.

    Attributes:
        steps: solutions at each of the sizes, from a quarter of the grid to the whole.
        power: of the rivers against the uplift; small leaves the uplift's own shape.
        exponent: of the drained area; 0.5 is usual, less makes steeper head walls.
        smooth: passes of soil creep that round the crests.
    """

    steps: tuple[int, ...] = (16, 10, 3)
    power: float = 1.0
    exponent: float = 0.45
    smooth: int = 0


def slope(height: Tensor, cell: float) -> tuple[Tensor, Tensor]:
    """Rise to the east and to the north, (N, N) each."""
    padded = F.pad(height[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    east = (padded[1:-1, 2:] - padded[1:-1, :-2]) * (0.5 / cell)
    north = (padded[2:, 1:-1] - padded[:-2, 1:-1]) * (0.5 / cell)
    return east, north


def bulge(height: Tensor, step: int) -> Tensor:
    """How far the ground around, ``step`` texels away, lies above each texel, (N, N)."""
    padded = F.pad(height[None, None], (step,) * 4, mode="replicate")[0, 0]
    inner, first, last = slice(step, -step), slice(0, -2 * step), slice(2 * step, None)
    around = padded[inner, first] + padded[inner, last]
    around = around.add_(padded[first, inner]).add_(padded[last, inner])
    return around.mul_(0.25).sub_(height)


def carve(uplift: Tensor, noise: Tensor, carving: Carving) -> Tensor:
    """Raise the ground and let rivers carve it until both are in balance.

    Args:
        uplift: (N, N) how fast it rises; 0 where it stays, which is what the rivers run down to.
        noise: (N, N) of deviation 1: makes the rivers wander.
        carving: see there.

    Returns:
        Height above what stays, (N, N), 1 at the highest.
    """
    size = uplift.shape[0]
    height = torch.zeros(1, 1, device=uplift.device)
    for n, steps in enumerate(carving.steps):
        small = size >> (len(carving.steps) - 1 - n)
        rise, rough = (_resize(field, small) for field in (uplift, noise))
        first = rise * (1 + 0.3 * rough).clamp(min=0.1)
        height = _resize(height, small) if n else first
        height = height + height.amax() * (0.01 / (n + 1)) * rough * (rise > 0.02)
        wander = 1 + 0.25 * torch.sin(rough * 40 + 2.4 * torch.arange(8).view(8, 1, 1).to(rough))
        for _ in range(steps):
            height = _step(height, rise, size / small, wander, carving)
    for _ in range(carving.smooth):
        height = height + bulge(height, 1) * 0.5
    return height / height.amax().clamp(min=1e-6)


def _step(height: Tensor, uplift: Tensor, scale: float, wander: Tensor, carving: Carving) -> Tensor:
    """One long step of time: uplift, then the implicit solution from the mouths upstream."""
    size = height.shape[0]
    fixed = uplift <= 0.004
    receiver, distance, stays = _receivers(height, wander, fixed)
    pointers = [receiver]
    for _ in range(math.ceil(math.log2(3 * size)) - 1):
        pointers.append(pointers[-1].index_select(0, pointers[-1]))
    area = torch.ones_like(receiver)  # cells upstream; wrong in the roots alone, where unused
    for pointer in pointers:
        area = area.index_add(0, pointer, area)
    strength = torch.exp(torch.log(area.float() * (scale * scale)) * carving.exponent)
    factor = strength.mul_(STEP * carving.power / scale) / distance
    share = factor / (1 + factor) * (1 - stays)
    rise = (height + uplift * STEP).view(-1) * (uplift > 0.004).view(-1)
    own = rise * (1 - share)
    for pointer in pointers:
        own = torch.addcmul(own, share, own.index_select(0, pointer))
        share = share * share.index_select(0, pointer)
    return own.view(size, size)


def _receivers(height: Tensor, wander: Tensor, fixed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where each cell drains: the neighbour down the steepest way, or itself.

    Returns:
        Its index, (N²,), the distance to it in cells, and 1 where it is the cell itself.
    """
    size = height.shape[0]
    around = F.pad(height[None, None], (1, 1, 1, 1), value=math.inf)[0, 0]
    best = torch.zeros(size, size, dtype=torch.int32, device=height.device)
    for n, (i, j) in enumerate(_NEIGHBOURS):
        fall = height - around[1 + i : 1 + i + size, 1 + j : 1 + j + size]
        fall = (fall * wander[n]).mul_(1 / math.hypot(i, j)).clamp_(min=0)
        # Floats above 0 are ordered as their bits are; the last of those carry the neighbour.
        code = fall.view(torch.int32).bitwise_and_(-8).bitwise_or_(n)
        best = torch.maximum(best, code)
    stays = (best < 8) | fixed
    which = best.bitwise_and_(7).view(-1).long()
    steps = torch.tensor([i * size + j for i, j in _NEIGHBOURS], device=height.device)
    lengths = torch.tensor([math.hypot(i, j) for i, j in _NEIGHBOURS], device=height.device)
    moves = stays.view(-1).logical_not()
    index = torch.arange(size * size, device=height.device)
    receiver = index + steps.index_select(0, which) * moves
    return receiver, lengths.index_select(0, which), stays.view(-1).float()


def _resize(field: Tensor, size: int) -> Tensor:
    if field.shape[-1] == size:
        return field
    if field.shape[-1] > size:
        return F.adaptive_avg_pool2d(field[None, None], size)[0, 0]
    return F.interpolate(field[None, None], (size, size), mode="bicubic", align_corners=False)[0, 0]
