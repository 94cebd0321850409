"""The map that the sky is kept in: one picture of the upper half of the world.

The unit direction (x, y, z) lies at (x, z) / (r + k √y) with r = √(1 − y²). So the zenith is the
middle and the horizon a circle around it, no angle is ever computed for a pixel, texels crowd at
the horizon, where the sky changes most, and no pole shows.
"""

import functools
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

SPREAD = 0.7
"""k: less of it gives the horizon less room."""
HORIZON = 0.005
"""Height y that is seen on the horizon and below it: the last third of a degree, where all the air
of the way takes part, is narrower than what one can tell from haze."""
SIZE = 320
"""Texels across."""
RIM = 1 / (1 + SPREAD * HORIZON**0.5)
"""Distance of the horizon from the middle, by the formula."""
_SCALE = (1 - 4 / SIZE) / RIM


def place(direction: Tensor) -> Tensor:
    """Where unit directions (3, …) lie in the map: (P, 2) from −1 to 1, as `grid_sample` has it.

    Those below the horizon fall on what stands a little above it, in the middle of the map only
    where one looks straight down.
    """
    x, y, z = direction
    up = y.clamp(min=HORIZON)
    scale = (1.000001 - up * up).sqrt_().add_(up.sqrt_(), alpha=SPREAD).reciprocal_().mul_(_SCALE)
    at = torch.empty(*x.shape, 2, device=x.device)
    torch.mul(x, scale, out=at[..., 0])
    torch.mul(z, scale, out=at[..., 1])
    return at.view(-1, 2)


def look(table: Tensor, direction: Tensor) -> Tensor:
    """(C, …) of a map (1, C, N, N) in unit directions (3, …)."""
    got = F.grid_sample(table, place(direction)[None, None], align_corners=False)
    return got.view(-1, *direction.shape[1:])


def height(out: Tensor) -> Tensor:
    """Height y by the distance from the middle, which `RIM` bounds."""
    spread, rest = (SPREAD * out) ** 2, 2 * (1 - out) ** 2
    return rest / (spread + (spread * spread + rest * rest).sqrt())


@dataclass(frozen=True)
class Texels:
    """What the map's texels look at.

    Attributes:
        out: (N, N) their distance from the middle, bounded by `RIM`.
        rays: (3, N, N) unit directions; beyond the horizon those upon it.
        angle: (N, N) solid angle of each, sr, 0 beyond the horizon.
    """

    out: Tensor
    rays: Tensor
    angle: Tensor


@functools.lru_cache(maxsize=8)
def texels(size: int, device: torch.device) -> Texels:
    """The texels of the map, or of one with fewer of them across."""
    at = ((torch.arange(size, dtype=torch.float64) * 2 + 1) / size - 1) / _SCALE
    z, x = torch.meshgrid(at, at, indexing="ij")
    whole = (x * x + z * z).sqrt().clamp(min=1e-9)
    out = whole.clamp(max=RIM)
    up = height(out)
    flat = (1 - up * up).sqrt() / whole
    nudge = 1e-4
    slope = (height(out - nudge) - height(out + nudge)) / (2 * nudge)
    # a texel on the circle counts by the part of it within
    texel = 2 / size / _SCALE
    within = ((RIM - whole) / texel + 0.5).clamp(0, 1)
    rays = torch.stack((x * flat, up, z * flat))
    parts = (out, rays, slope / out * texel**2 * within)
    return Texels(*(part.float().to(device) for part in parts))
