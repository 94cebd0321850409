"""Light on the ground, worked out once for a height of the sun: radiance for each texel.

Matt ground looks the same from everywhere, so its light is a property of the place and may be
filtered as a picture is: far ground neither aliases nor shimmers. The sun's share and the sky's
stay apart, as clouds move over the first alone.
"""

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.atlas import Level
from pleinair.light.land import Grid
from pleinair.light.sky import Lamp

Ambient = Callable[[Tensor], Tensor]
"""Irradiance of the sky on facets by their unit normals, (3, …) klx."""
STEPS = 14
SKIN = 0.06
"""Share of the light that plants pass on behind the terminator: leaves let some of it through."""


def slopes(height: Tensor, cell: float) -> tuple[Tensor, Tensor]:
    """Rise eastward and northward of a height field, (N, N) each."""
    padded = F.pad(height[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    east = (padded[1:-1, 2:] - padded[1:-1, :-2]) * (0.5 / cell)
    north = (padded[2:, 1:-1] - padded[:-2, 1:-1]) * (0.5 / cell)
    return east, north


def sunlit(grid: Grid, coarse: Level | None, lamp: Lamp) -> Tensor:
    """Share of a lamp's disc that each texel sees over the ground around it, (N, N).

    Marches toward the lamp with growing steps; how far the ground stays below the line of sight,
    as an angle against the lamp's radius, gives the penumbra.

    Args:
        grid: the ground.
        coarse: the share on the square four times as large, for what is beyond this one's reach.
        lamp: sun or moon.
    """
    height, cell = grid.height.clamp(min=0), grid.cell  # what lies under water, on its surface
    size = height.shape[0]
    east, up, north = lamp.direction.tolist()
    run = math.hypot(east, north)
    if up <= -0.01:
        return torch.zeros_like(height)
    if run < 1e-3:
        return torch.ones_like(height)
    rise, east, north = up / run, east / run, north / run
    line = torch.arange(size, device=height.device, dtype=torch.float32)
    column, row = line[None, :], line[:, None]
    reach = size / 3 if coarse is None else size / 12
    ratio = (reach / 1.0) ** (1 / (STEPS - 1))
    softness = max(lamp.radius, 0.004) * 2
    seen = torch.full_like(height, 1.0)
    for step in range(STEPS):
        far = ratio**step  # texels
        x, y = column + east * far, row + north * far
        inside = ((x >= 0) & (x < size)) & ((y >= 0) & (y < size))
        place = torch.stack(
            torch.broadcast_tensors((x + 0.5) * (2 / size) - 1, (y + 0.5) * (2 / size) - 1), -1
        )
        hill = F.grid_sample(height[None, None], place[None], align_corners=False)[0, 0]
        clear = (height - hill).add_(far * cell * rise).mul_(1 / (far * cell * softness)).add_(0.5)
        seen = torch.where(inside, torch.minimum(seen, clear), seen)
    seen = seen.clamp_(0, 1)
    if coarse is not None:
        around = _spread(coarse, grid, size, height.device)
        seen = torch.minimum(seen, around)
    return seen


def visibility(grid: Grid, coarse: Level | None) -> Tensor:
    """Share of the sky's light that each texel gets: less in hollows and at the foot of slopes."""
    height, cell = grid.height[None, None], grid.cell
    seen = torch.ones_like(height)
    blurred, size = height, grid.height.shape[0]
    for level in range(5):
        blurred = F.avg_pool2d(blurred, 2)
        wide = F.interpolate(blurred, size=(size, size), mode="bilinear", align_corners=False)
        depth = (wide - height).mul_(1 / (cell * 2.0 ** (level + 1)))  # how deep against how wide
        seen.mul_(1 - 0.35 * depth.clamp_(0, 1.2).div_(1.2))
    found = seen[0, 0]
    if coarse is not None:
        found = torch.minimum(found, _spread(coarse, grid, size, height.device))
    return found


def lit(grids: Sequence[Grid], lamp: Lamp, ambient: Ambient, spread: float) -> tuple[Level, ...]:
    """The ground's radiance, for `Atlas`.

    Args:
        grids: the ground, finest first.
        lamp: what casts shadows.
        ambient: irradiance of the sky on a facet, klx.
        spread: share of the lamp's light that reaches the ground around, for what it throws back.

    Returns:
        For each grid (8, N, N): radiance by the lamp (3) and by the sky (3), kcd/m²; how rough it
        is, 0 to 1; the share of the lamp that is seen from there, or from the water above it.
    """
    found: list[Level] = []
    shadow: Level | None = None
    sky: Level | None = None
    for grid in reversed(grids):
        east, north = slopes(grid.height, grid.cell)
        up = torch.rsqrt(1 + east * east + north * north)  # (N, N)
        x, y, z = lamp.direction.tolist()
        facing = (y - east * x - north * z) * up
        soft = (facing * 0.6 + 0.4 * max(y, 0.0)).clamp(min=0)  # crowns: all leaves' mean
        plant = torch.lerp(facing.clamp(min=0), soft, grid.leaf * 0.7) + grid.leaf * SKIN
        share = sunlit(grid, shadow, lamp)
        open_sky = visibility(grid, sky)
        shadow = Level(share[None], grid.x0, grid.z0, grid.cell)
        sky = Level(open_sky[None], grid.x0, grid.z0, grid.cell)
        normal = torch.stack((-east * up, up, -north * up))  # (3, N, N)
        albedo = grid.albedo * (1 / math.pi)
        direct = albedo * (plant * share) * lamp.irradiance.view(3, 1, 1)
        back = (1 - up) * 0.5 * spread * max(y, 0.0)  # what the ground around throws at a slope
        around = grid.albedo.mean((1, 2), keepdim=True) * lamp.irradiance.view(3, 1, 1) * back
        scattered = albedo * (ambient(normal) * open_sky + around)
        rough = torch.maximum(1 - up, 0.3 + 0.3 * grid.leaf) * (1 - grid.snow * 0.6)
        values = torch.cat((direct, scattered, rough[None], share[None]))
        found.append(Level(values, grid.x0, grid.z0, grid.cell))
    return tuple(reversed(found))


def _spread(level: Level, grid: Grid, size: int, device: torch.device) -> Tensor:
    """A coarse map at the texels of a finer grid, (N, N)."""
    line = torch.arange(size, device=device, dtype=torch.float32)
    x = (line * grid.cell + (grid.x0 - level.x)) / level.cell
    z = (line * grid.cell + (grid.z0 - level.z)) / level.cell
    scale = 2 / level.size
    place = torch.stack(
        torch.broadcast_tensors(((x + 0.5) * scale - 1)[None, :], ((z + 0.5) * scale - 1)[:, None]),
        -1,
    )
    return F.grid_sample(
        level.values[None], place[None], padding_mode="border", align_corners=False
    )[0, 0]
