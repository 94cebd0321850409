"""Light that leaves the water toward the eye: mirrored sky, glitter, the water's own colour, bed.

A pixel sees many facets. Their slopes are normal about the mean that `Surface` resolves, and the
eye sees those more that face it: ∫ (g + s)₊ p(s) ds weighs them, with g the slope at which the eye
looks down. Near, it keeps facets that face away out of the picture; far away, it makes the sea
darker than the sky above it, as its seen facets mirror the sky higher up. The same integral is
Smith's shadowing (1967) in the glitter of the sun (Cox and Munk 1954; Bruneton et al. 2010).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pleinair.light.foam import ALBEDO
from pleinair.light.shore import Surf
from pleinair.light.sky import Lamp
from pleinair.light.waves import Surface, chunks
from pleinair.scenes.scene import Scene

MIRROR = 0.02
"""Share of the light that water throws back head-on."""
INDEX = 1.34
PURE_ABSORPTION = (0.30, 0.06, 0.012)
"""Of pure water in red, green and blue, 1/m (Pope and Fry 1997)."""
PURE_SCATTERING = (0.0006, 0.0011, 0.0022)
"""Backward, 1/m (Morel 1974)."""
STAIN = (0.10, 0.42, 1.0)
"""Absorption of algae and humus relative to blue."""
FLOUR = ("glacier", "mountains", "valley")
"""Places whose rivers bring rock flour: it scatters and does not stain."""
FAINT = -40.0
"""Exponent below which nothing counts: much lower ones are slow to compute."""
DAMP = 0.6
"""What wetness leaves of the light of a bed."""

Reflect = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Glance:
    """What the pixels that see water look at.

    Attributes:
        ray: (3, P) unit, from the eye.
        x, z: (P,) where they meet the water, m.
        distance: (P,) from the eye, m.
        footprint: (P,) size of a pixel there, across the ray, m.
        depth: (P,) of the water, m.
        bed: (3, P) radiance of the bottom as if it were dry, kcd/m²; None where it is too deep.
        shade: (P,) share of the lamp's light that arrives, 0..1.
        ground: (P,) height of the ground above the still water, m, for surf; None far from shores.
        rise: (2, P) slope of the ground eastward and northward, smooth over some metres; None
            where surf needs no relief.
    """

    ray: Tensor
    x: Tensor
    z: Tensor
    distance: Tensor
    footprint: Tensor
    depth: Tensor
    bed: Tensor | None
    shade: Tensor
    ground: Tensor | None = None
    rise: Tensor | None = None

    def part(self, of: slice) -> "Glance":
        """Some of its pixels."""
        return Glance(
            self.ray[:, of],
            self.x[of],
            self.z[of],
            self.distance[of],
            self.footprint[of],
            self.depth[of],
            None if self.bed is None else self.bed[:, of],
            self.shade[of],
            None if self.ground is None else self.ground[of],
            None if self.rise is None else self.rise[:, of],
        )


@dataclass(frozen=True)
class Column:
    """What happens to light in the water.

    Attributes:
        reflectance: share of the light from above that very deep water sends back up through its
            surface, by colour.
        loss: diffuse attenuation, 1/m, by colour.
    """

    reflectance: tuple[float, float, float]
    loss: tuple[float, float, float]

    @classmethod
    def of(cls, scene: Scene) -> "Column":
        """The water of a scene, by how deep one sees into it (Poole and Atkins 1929)."""
        extra = max(1.7 / scene.water.clarity_m - 0.055, 0.0)  # 1/m, over pure water's green
        flour = 0.85 if scene.land.place in FLOUR else 0.0
        stain = extra * (1 - flour)
        mud = extra * (0.09 + 0.25 * flour)
        found, loss = [], []
        for absorbed, scattered, colour in zip(
            PURE_ABSORPTION, PURE_SCATTERING, STAIN, strict=True
        ):
            a = absorbed + stain * colour
            b = scattered + mud * 0.12
            found.append(0.54 * 0.33 * b / (a + b))
            loss.append(a + 4 * b)
        return cls((found[0], found[1], found[2]), (loss[0], loss[1], loss[2]))


def shade_water(
    scene: Scene, surface: Surface, glance: Glance, reflect: Reflect, lamp: Lamp, sky: Tensor
) -> Tensor:
    """Radiance that leaves the water toward the eye, (3, P) kcd/m².

    Args:
        scene: whose water it is.
        surface: its waves at the moment.
        glance: the pixels, in the picture's order: from row to row.
        reflect: radiance from a unit direction above the horizon, (3, P), and the variance of the
            mirror's slopes (P,) by which it is blurred; without the discs of sun and moon.
        lamp: sun or moon, whichever is stronger.
        sky: (3,) irradiance of the sky on level water, klx.
    """
    column = Column.of(scene)
    radiance = torch.empty_like(glance.ray)
    for part in chunks(len(glance.x)):
        radiance[:, part] = _shade(surface, glance.part(part), reflect, lamp, sky, column)
    return radiance


def _shade(
    surface: Surface, seen: Glance, reflect: Reflect, lamp: Lamp, sky: Tensor, column: Column
) -> Tensor:
    """`shade_water` of a few thousand pixels."""
    vx, vy, vz = seen.ray
    level = torch.rsqrt((vx * vx).addcmul_(vz, vz).clamp_(min=1e-8))
    ex, ez = vx * level, vz * level  # (P,) unit, away from the eye
    flat = level.reciprocal()
    down = (-vy * level).clamp_(min=1e-5)  # rise over run of the eye's ray

    shallow = float(seen.depth.min()) < surface.waves.shoaling
    found = surface.glimpse(
        seen.x, seen.z, seen.footprint, ex, ez, down, seen.depth if shallow else None
    )
    _, sx, sz, near_breaking, hidden_along, hidden_across, unsure = found
    surf = _surf(surface, seen, sx, sz) if shallow else None
    toward = sx * ex + sz * ez  # slope that faces the eye
    aside = sz * ex - sx * ez
    wx, wz = math.sin(surface.waves.sea.toward), math.cos(surface.waves.sea.toward)
    turn = (ex * wx).add_(ez, alpha=wz).square_()
    var_e = torch.lerp(hidden_across, hidden_along, turn)
    var_c = hidden_along + hidden_across - var_e
    std = var_e.sqrt()

    # Facets that face the eye, each by the area that it shows
    tilt = ((down + toward) / std).clamp_(min=-6)
    density = torch.exp((tilt * tilt * -0.5).clamp_(min=FAINT)) * (1 / math.sqrt(2 * math.pi))
    below = torch.erf(tilt * math.sqrt(0.5)).add_(1).mul_(0.5).clamp_(min=1e-9)
    area = torch.addcmul(density, tilt, below).clamp_(min=1e-10)  # in units of std
    shift = below / area * std
    spread = ((tilt * below).add_(density, alpha=2) / area * var_e - shift * shift).clamp_(min=0)
    slope = toward + shift
    slope = torch.maximum(slope, 1e-3 - down)

    # Flatter facets mirror more of the light: two of them stand for all (Gauss's rule)
    apart = spread.sqrt()
    level_out = (aside * aside).add_(1)
    steep_part = _mirrored(slope + apart, level_out, down, flat)
    flat_part = _mirrored(torch.maximum(slope - apart, 1e-3 - down), level_out, down, flat)
    both = steep_part + flat_part
    mirrored = both * 0.5
    slope = slope.addcmul_(apart, (steep_part - flat_part).div_(both))
    up = torch.rsqrt(torch.addcmul(level_out, slope, slope))
    cosine = ((slope + down) * flat * up).clamp_(0, 1)

    # The sky in the mean seen facet; what would come from below the horizon comes from above it
    twice = cosine * up * 2
    ry = (vy + twice).abs_().add_(2e-3)
    rx = torch.addcmul(vx, twice, aside * ez - slope * ex)
    rz = torch.addcmul(vz, twice, (slope * ez).addcmul_(aside, ex), value=-1)
    length = torch.rsqrt((rx * rx).addcmul_(ry, ry).addcmul_(rz, rz))
    direction = torch.stack((rx, ry, rz)).mul_(length)
    radiance = reflect(direction, spread + var_c).mul(mirrored)

    # Glitter
    x, y, z = lamp.direction.tolist()
    if y > -0.02:
        hx, hy, hz = x - vx, (y - vy).clamp_(min=1e-4), z - vz
        steep = hy.reciprocal()
        off_e = (hx * ex + hz * ez) * steep + toward
        off_c = (hz * ex - hx * ez) * steep + aside
        disc = lamp.radius**2 / 16
        wide_e, wide_c = var_e + disc, var_c + disc
        power = (off_e * off_e / wide_e).addcmul_(off_c * off_c, wide_c.reciprocal())
        squared = (hx * hx).addcmul_(hz, hz).addcmul_(hy, hy)  # |h|²
        half = torch.rsqrt(squared)
        facing = ((hx * x).add_(hy, alpha=y).add_(hz, alpha=z) * half).clamp_(0, 1)
        steepness = squared * steep * steep  # 1 / cos² of the facet
        glitter = (
            torch.exp(power.mul_(-0.5).clamp_(min=FAINT))
            * torch.rsqrt(wide_e * wide_c)
            * (1 / (2 * math.pi))
        )
        glitter = glitter * steepness.square_() * _fresnel(facing)
        glitter = glitter / (flat * std * area * 4) * (seen.shade * _lit(surface, y))
        radiance.addcmul_(lamp.irradiance[:, None], glitter)

    # Light from within
    arriving = lamp.irradiance[:, None] * (seen.shade * max(y, 0.0)) + sky[:, None]  # (3, P)
    body = sky.new_tensor(column.reflectance)[:, None]
    own = arriving * (body * (1 / math.pi))
    if seen.bed is not None and float(seen.depth.min()) < 4 / min(column.loss):
        own = _bed(seen, own, cosine, y, column)
    radiance.addcmul_(own, 1 - mirrored)
    if surf is not None and seen.bed is not None:  # sand that dries mirrors no more, yet is dark
        near, water = surf
        matt = seen.bed.index_select(1, near) * (1 - (1 - DAMP) * water.wet)
        part = torch.lerp(matt, radiance.index_select(1, near), water.sheen)
        radiance.index_copy_(1, near, part)
    if surface.waves.crest < 8 or surf is not None:
        white = surface.white(near_breaking, unsure).mul_(0.8)
        if surf is not None:
            white.index_copy_(0, surf[0], surf[1].foam)
        sunny = 1 - (sx * x + sz * z) / max(y, 0.1)  # facets that face the lamp are brighter
        _foam(surface, seen, radiance, white, arriving * sunny.clamp_(0.55, 1.5))
    return radiance


def _surf(surface: Surface, seen: Glance, sx: Tensor, sz: Tensor) -> tuple[Tensor, Surf] | None:
    """The surf among pixels, and which of them it is; its slopes are added to theirs."""
    if seen.ground is None:
        return None
    near = surface.waves.shore.near(seen.ground)
    if not near.numel():
        return None
    x, z, ground = (part.index_select(0, near) for part in (seen.x, seen.z, seen.ground))
    surf = surface.waves.shore.look(x, z, ground, surface.seconds)
    if seen.rise is not None:
        rise = seen.rise.index_select(1, near)
        slope = surf.slope * torch.rsqrt((rise * rise).sum(0).clamp_(min=1e-8))
        sx.index_add_(0, near, -rise[0] * slope)
        sz.index_add_(0, near, -rise[1] * slope)
    return near, surf


def _foam(
    surface: Surface, seen: Glance, radiance: Tensor, white: Tensor, arriving: Tensor
) -> None:
    """Lays foam over radiance, (3, P), where there is some of it, (P,)."""
    some = (white > 0.03).nonzero()[:, 0]
    if not some.numel():
        return
    places = (part.index_select(0, some) for part in (white, seen.x, seen.z, seen.footprint))
    share = surface.waves.lace.thin(*places)
    light = arriving.index_select(1, some).mul_(ALBEDO / math.pi)
    under = radiance.index_select(1, some)
    radiance.index_copy_(1, some, torch.lerp(under, light, share))


def _bed(seen: Glance, own: Tensor, cosine: Tensor, high: float, column: Column) -> Tensor:
    """Light from within shallow water, (3, P): its own and that of its bed."""
    view = (1 - (1 - cosine * cosine) / INDEX**2).rsqrt_()  # path over depth
    sun = 1 / math.sqrt(1 - (1 - max(high, 0.0) ** 2) / INDEX**2)
    loss = own.new_tensor(column.loss)[:, None]
    path = seen.depth.clamp(min=0) * view
    out = torch.exp((-loss * path).clamp_(min=FAINT))
    through = out * torch.exp((-loss * (seen.depth.clamp(min=0) * sun)).clamp_(min=FAINT))
    bed = seen.bed if seen.bed is not None else torch.zeros_like(own)
    return torch.addcmul(own * (1 - out), bed, through, value=DAMP)


def _mirrored(slope: Tensor, level: Tensor, down: Tensor, flat: Tensor) -> Tensor:
    """Share of the light that a facet of a slope toward the eye throws back, (P,)."""
    up = torch.rsqrt(torch.addcmul(level, slope, slope))
    return _fresnel((slope + down).mul_(up).mul_(flat).clamp_(0, 1))


def _fresnel(cosine: Tensor) -> Tensor:
    """Share of the light that water throws back (Schlick 1994)."""
    flatter = 1 - cosine
    fourth = (flatter * flatter).square_()
    return fourth.mul_(flatter).mul_(1 - MIRROR).add_(MIRROR)


def _lit(surface: Surface, high: float) -> float:
    """Share of the facets that see a lamp of this height over the waves, its sine (Smith 1967)."""
    run = math.sqrt(max(1 - high * high, 1e-9))
    std = math.sqrt(surface.waves.sea.steepness / 2)
    tilt = max(high, 0.003) / run / std
    below = 0.5 * (1 + math.erf(tilt / math.sqrt(2)))
    area = math.exp(-tilt * tilt / 2) / math.sqrt(2 * math.pi) + tilt * below
    return tilt / area
