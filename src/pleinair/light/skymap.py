"""The map that the sky is kept in: one picture of the upper half of the world.

The unit direction (x, y, z) lies at (x, z) / (r + k √y) with r = √(1 − y²). So the zenith is the
middle and the horizon a circle around it, no angle is ever computed for a pixel, texels crowd at
the horizon, where the sky changes most, and no pole shows. What is smooth in y is an even function
of the distance from the circle: mirrored there, the map runs on smoothly.
"""

import functools
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

SPREAD = 0.7
"""k: less of it gives the horizon less room."""
COARSE, FINER = 64, 5
"""Texels across the map that is marched, and how often finer the one is that is looked up."""
EDGE = 1 - 4 / COARSE
"""Where the horizon lies in the map, whose border is at 1."""


def place(direction: Tensor) -> Tensor:
    """Where unit directions (3, …) lie in the map: (P, 2) from −1 to 1, as `grid_sample` has it.

    Those below the horizon fall on what stands a little above it, in the middle of the map only
    where one looks straight down.
    """
    x, y, z = direction
    up = y.clamp(min=0)
    scale = (1.000001 - up * up).sqrt_().add_(up.sqrt_(), alpha=SPREAD).reciprocal_().mul_(EDGE)
    at = torch.empty(*x.shape, 2, device=x.device)
    torch.mul(x, scale, out=at[..., 0])
    torch.mul(z, scale, out=at[..., 1])
    return at.view(-1, 2)


def look(table: Tensor, direction: Tensor) -> Tensor:
    """(C, …) of a map (1, C, N, N) in unit directions (3, …)."""
    got = F.grid_sample(table, place(direction)[None, None], align_corners=False)
    return got.view(-1, *direction.shape[1:])


@dataclass(frozen=True)
class Texels:
    """What the map's texels look at.

    Attributes:
        rays: (3, N, N) unit directions; beyond the horizon those mirrored there.
        inside: (N, N) which of them are ever looked at.
        angle: (N, N) solid angle of each, sr, 0 beyond the horizon.
    """

    rays: Tensor
    inside: Tensor
    angle: Tensor


@functools.lru_cache(maxsize=8)
def texels(size: int, device: torch.device) -> Texels:
    """The texels of a map of so many across."""
    at = (torch.arange(size, dtype=torch.float64) * 2 + 1) / size - 1
    z, x = torch.meshgrid(at, at, indexing="ij")
    out = ((x * x + z * z).sqrt() / EDGE).clamp(min=1e-9)  # 1 at the horizon
    up = _height(torch.where(out > 1, 2 - out, out).clamp(min=0))
    flat = (1 - up * up).clamp(min=0).sqrt() / (out * EDGE)
    nudge = 1e-4
    slope = (_height(out - nudge) - _height(out + nudge)) / (2 * nudge)
    # a texel on the circle counts by the part of it within
    within = ((1 - out) * size * EDGE / 2 + 0.5).clamp(0, 1)
    angle = slope / out * (2 / size / EDGE) ** 2 * within
    rays = torch.stack((x * flat, up, z * flat)).float()
    return Texels(rays.to(device), (out < 1 + 6 / size).to(device), angle.float().to(device))


def _height(out: Tensor) -> Tensor:
    """Height y by the distance from the middle of the map, 1 at the horizon."""
    spread, rest = (SPREAD * out) ** 2, 2 * (1 - out) ** 2
    return rest / (spread + (spread * spread + rest * rest).sqrt())
