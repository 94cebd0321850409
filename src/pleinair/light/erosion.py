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

_NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))


@dataclass(frozen=True)
class Carving:
    """How a landscape is carved.

    Attributes:
        steps: solutions at each of the sizes, from an eighth of the grid to the whole.
        power: of the rivers against the uplift; small leaves the uplift's own shape.
        exponent: of the drained area; 0.5 is usual, less makes steeper head walls.
        talus: slope that no hillside exceeds, tangent.
        smooth: passes of soil creep that round the crests.
    """

    steps: tuple[int, ...] = (16, 10, 4)
    power: float = 1.0
    exponent: float = 0.45
    talus: float = 1.0
    smooth: int = 0


def carve(uplift: Tensor, noise: Tensor, carving: Carving) -> tuple[Tensor, Tensor]:
    """Raise the ground and let rivers carve it until both are in balance.

    Args:
        uplift: (N, N) how fast it rises; 0 where it stays, which is what the rivers run down to.
        noise: (N, N) of deviation 1: makes the rivers wander.
        carving: see there.

    Returns:
        Height above what stays, 1 at the highest, (N, N), and the drained area in cells, (N, N).
    """
    size = uplift.shape[0]
    height = torch.zeros(1, 1, device=uplift.device)
    flow = torch.ones_like(uplift)
    for n, steps in enumerate(carving.steps):
        small = size >> (len(carving.steps) - 1 - n)
        rise, rough = (_resize(field, small) for field in (uplift, noise))
        if n == 0:
            height = rise * (1 + 0.3 * rough).clamp(min=0.1)
        else:
            height = _resize(height, small)
        scale = size / small
        height = height + height.amax() * (0.01 / (n + 1)) * rough * (rise > 0.02)
        for _ in range(steps):
            height, flow = _step(height, rise, scale, rough, carving)
    return height / height.amax().clamp(min=1e-6), flow


def _step(
    height: Tensor, uplift: Tensor, scale: float, rough: Tensor, carving: Carving
) -> tuple[Tensor, Tensor]:
    """One long step of time: uplift, then the implicit solution downstream first."""
    size = height.shape[0]
    fixed = uplift <= 0.004
    receiver, distance = _receivers(height, rough, fixed)
    area = _accumulate(receiver)
    strength = carving.power * (area.float() * scale * scale) ** carving.exponent
    factor = strength / (distance * scale) * 3
    root = receiver == torch.arange(size * size, device=height.device)
    rise = uplift.reshape(-1) * 3
    share = torch.where(root, torch.zeros_like(factor), factor / (1 + factor))
    own = torch.where(fixed.view(-1), torch.zeros_like(rise), height.view(-1) + rise) * (1 - share)
    pointer = receiver
    for _ in range(_doublings(size)):
        own = torch.addcmul(own, share, own[pointer])
        share = share * share[pointer]
        pointer = pointer[pointer]
    return own.view(size, size), area.view(size, size).float() * scale * scale


def _receivers(height: Tensor, rough: Tensor, fixed: Tensor) -> tuple[Tensor, Tensor]:
    """Index of the neighbour down the steepest way, itself in a pit, and the distance to it."""
    size = height.shape[0]
    around = F.pad(height[None, None], (1, 1, 1, 1), value=math.inf)[0, 0]
    index = torch.arange(size * size, device=height.device).view(size, size)
    steepest = torch.full_like(height, 1e-7)
    receiver, distance = index.clone(), torch.ones_like(height)
    for n, (i, j) in enumerate(_NEIGHBOURS):
        length = math.hypot(i, j)
        fall = height - around[1 + i : 1 + i + size, 1 + j : 1 + j + size]
        fall = fall * ((1 + 0.25 * torch.sin(rough * 40 + n * 2.4)) / length)
        steeper = fall > steepest
        steepest = torch.where(steeper, fall, steepest)
        receiver = torch.where(steeper, index + (i * size + j), receiver)
        distance = torch.where(steeper, torch.full_like(distance, length), distance)
    receiver = torch.where(fixed, index, receiver)
    return receiver.view(-1), distance.view(-1)


def _accumulate(receiver: Tensor) -> Tensor:
    """Cells that drain through each cell, itself among them; whole numbers, so in any order."""
    count = receiver.numel()
    nowhere = torch.full_like(receiver, count)
    index = torch.arange(count, device=receiver.device)
    pointer = torch.where(receiver == index, nowhere, receiver)
    pointer = torch.cat([pointer, nowhere[:1]])
    area = torch.ones(count + 1, dtype=torch.int64, device=receiver.device)
    area[-1] = 0
    for _ in range(_doublings(math.isqrt(count))):
        area = area.index_add(0, pointer, area)
        area[-1] = 0
        pointer = pointer[pointer]
    return area[:-1]


def _doublings(size: int) -> int:
    """Steps of doubling that follow the longest river of a grid."""
    return math.ceil(math.log2(4 * size))


def _resize(field: Tensor, size: int) -> Tensor:
    if field.shape[-1] == size:
        return field
    if field.shape[-1] > size:
        return F.adaptive_avg_pool2d(field[None, None], size)[0, 0]
    return F.interpolate(field[None, None], (size, size), mode="bicubic", align_corners=False)[0, 0]
