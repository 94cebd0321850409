"""Rays through the layers of cloud: what they gather, and what they let through.

Most of a sky holds no cloud, and where it does the eye does not look far into it. So rays first
ask a coarse map along their way, then look closely only where it says so, front to back, and those
that see nothing any more drop out.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.atmosphere import EARTH_KM
from pleinair.light.cloud_field import CELLS, Density, Lit
from pleinair.light.cloud_light import Scattering, Surroundings, source

EARTH_M = EARTH_KM * 1000
FAR_M = 110_000.0
"""How far clouds are seen."""
OPAQUE = 0.02
"""Below this nothing behind is looked for."""
FINE = 3
"""Samples in a step that may hold cloud."""
COARSE = 4
"""Rays along a side that share one look at the coarse map."""


@dataclass(frozen=True)
class Gathered:
    """What rays found in one layer.

    Attributes:
        light: (3, R, C) kcd/m² before the air on the way.
        through: (R, C) share that passes.
        distance: (R, C) m to the middle of what was seen; where nothing was, to the layer.
    """

    light: Tensor
    through: Tensor
    distance: Tensor


def reach(height: float, up: Tensor) -> Tensor:
    """Distance to a height over the round Earth, m, by the sine of the elevation."""
    start = EARTH_M * up
    return (start * start + height * (2 * EARTH_M + height)).sqrt() - start


def march(
    lit: Lit,
    around: Surroundings,
    optics: Scattering,
    direction: Tensor,
    offset: tuple[float, float],
) -> Gathered:
    """Light and transmittance of one layer along rays.

    Args:
        lit: the layer and its light volume.
        around: what lights it.
        optics: of its droplets.
        direction: (3, R, C) unit.
        offset: how far the wind has moved it, m.
    """
    density = lit.density
    steps, fine = density.kind.steps, FINE
    shape = direction.shape[1:]
    up = direction[1].clamp(min=1e-4)
    near = reach(density.base, up).clamp(max=FAR_M)
    far = reach(density.base + density.thickness, up).clamp(max=FAR_M)
    growth = (far / near).log_().div_(steps)  # (R, C): steps are longer farther away
    may = _may(density, direction, near, growth, offset, steps)
    direction = direction.flatten(1)
    near, growth = near.flatten(), growth.flatten()
    ratio, start = growth.exp(), near.clone()
    size = near.numel()
    light = torch.zeros(3, size, device=near.device)
    through = torch.ones(size, device=near.device)
    moment = torch.zeros(size, device=near.device)
    part = (torch.arange(fine, device=near.device)[:, None] + 0.5) / fine
    tau = density.extinction / fine
    cosine = around.direction @ direction
    for index in range(steps):
        active = (may[index] & (through > OPAQUE)).nonzero()[:, 0]
        if index:
            start *= ratio
        if not active.numel():
            continue
        ray = direction.index_select(1, active)  # (3, A)
        first = start.index_select(0, active)
        length = first * (ratio.index_select(0, active) - 1)
        way = torch.addcmul(first, part, length)  # (fine, A)
        x, z, height = _places(density, ray, way, offset)
        depth = density.at(x.flatten(), z.flatten(), height.flatten()).view_as(way)
        depth = depth * (tau * length)
        if not bool((depth > 0).any()):
            continue
        seen = torch.exp(-(depth.cumsum(0) - depth))
        weight = seen * -torch.expm1(-depth)  # (fine, A)
        found = weight.sum(0)
        some = (found > 1e-4).nonzero()[:, 0]
        if not some.numel():
            continue
        weight, found = weight.index_select(1, some), found.index_select(0, some)
        middle = (weight * way.index_select(1, some)).sum(0) / found
        left = torch.exp(-depth.index_select(1, some).sum(0))
        active, ray = active.index_select(0, some), ray.index_select(1, some)
        radiance = _lit(lit, around, optics, ray, middle, cosine.index_select(0, active), offset)
        before = through.index_select(0, active)
        gain = before * found
        light.index_add_(1, active, radiance * gain)
        moment.index_add_(0, active, middle * gain)
        through.index_copy_(0, active, before * left)
    solid = 1 - through
    typical = near * (0.3 * steps * growth).exp_()
    distance = (moment + 0.02 * typical) / (solid + 0.02)
    # what is left at the end would go on into the cloud
    light = light / solid.clamp(min=1e-4) * ((solid / (1 - OPAQUE)).clamp(max=1))
    through = ((through - OPAQUE) / (1 - OPAQUE)).clamp(min=0)
    return Gathered(light.view(3, *shape), through.view(shape), distance.view(shape))


def _places(
    density: Density, ray: Tensor, way: Tensor, offset: tuple[float, float]
) -> tuple[Tensor, Tensor, Tensor]:
    """Places in a layer along rays: x, z in m and height as a share of its thickness."""
    flat = way * way
    flat = flat.mul_((1 - ray[1] * ray[1]) / (2 * EARTH_M))
    height = torch.addcmul(flat, way, ray[1])
    height = (height - density.base) / density.thickness
    return way * ray[0] - offset[0], way * ray[2] - offset[1], height


def _lit(
    lit: Lit,
    around: Surroundings,
    optics: Scattering,
    ray: Tensor,
    way: Tensor,
    cosine: Tensor,
    offset: tuple[float, float],
) -> Tensor:
    """Radiance sent to the eye from places along rays, (3, A)."""
    density = lit.density
    x, z, height = _places(density, ray, way, offset)
    to_x, to_y, to_z = lit.direction
    scale = density.kind.scale
    depth = torch.zeros_like(x)
    for away, span in ((22.0 * scale, 45.0 * scale), (75.0 * scale, 65.0 * scale)):
        there = density.at(
            x + to_x * away,
            z + to_z * away,
            height + to_y * (away / density.thickness),
            fine=away < 50 * scale,
        )
        depth.add_(there, alpha=span * density.extinction)
    away = 110.0 * scale
    towards, above = lit.at(
        x + to_x * away, z + to_z * away, height + to_y * (away / density.thickness)
    )
    lamp = around.lamp_at(x + offset[0], z + offset[1])
    return source(around, optics, cosine, depth + towards, above, height.clamp(0, 1), lamp)


def _may(
    density: Density,
    direction: Tensor,
    near: Tensor,
    growth: Tensor,
    offset: tuple[float, float],
    steps: int,
) -> Tensor:
    """Which steps of which rays may hold cloud, (steps, R C)."""
    rows, columns = near.shape
    ray = F.avg_pool2d(direction[None], COARSE, ceil_mode=True)[0]
    first, growth = (F.avg_pool2d(part[None], COARSE, ceil_mode=True)[0] for part in (near, growth))
    share = torch.arange(0.25, steps, 0.5, device=near.device)[:, None, None]
    way = first * (share * growth).exp_()  # (2 steps, r, c)
    x, z, height = _places(density, ray, way, offset)
    cell, slices = CELLS / density.field.tile, len(density.occupied)
    index = (height * slices).int().clamp_(0, slices - 1).mul_(CELLS * CELLS)
    index += torch.remainder((z * cell).floor_().int(), CELLS).mul_(CELLS)
    index += torch.remainder((x * cell).floor_().int(), CELLS)
    found = density.occupied.flatten().float().index_select(0, index.flatten()).view_as(way)
    found = found.view(steps, 2, *way.shape[1:]).amax(1)
    found = F.max_pool2d(found[None], 3, 1, 1)[0]
    wide = found.repeat_interleave(COARSE, 1).repeat_interleave(COARSE, 2)
    return wide[:, :rows, :columns].flatten(1) > 0
