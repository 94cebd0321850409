"""Things that stand, float or fly: each drawn as coverage of simple shapes in its own square.

A brush gets local coordinates: ``u`` to the right and ``v`` up from the foot (or the middle of
what flies), 1 being the thing's size; ``soft`` is a pixel in that unit. It paints on ``canvas``
(B, 3, T, H, W) and returns the result.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pleinair.diffusion.worlds.field import cover, mix, noise, step
from pleinair.diffusion.worlds.land import rgb
from pleinair.diffusion.worlds.palette import Light


@dataclass(frozen=True)
class Brush:
    """What a painter knows of one thing in each clip of a batch.

    Attributes:
        u, v: (B, 1, T, 1, W) and (B, 1, T, H, 1) local coordinates.
        soft: (B, 1, T, 1, 1) a pixel in local units.
        time: (1, 1, T, 1, 1) seconds.
        paint: (B, 3, 1, 1, 1) its colour, lit.
        phase: (B, 1, 1, 1, 1) in [0, 1), so that two of a kind do not move alike.
        toward: (B, 1, 1, 1, 1) +1 when it heads right, -1 left.
        air: (B, 1, T, 1, 1) how much of it the air hides.
        light: of the scene.
    """

    u: Tensor
    v: Tensor
    soft: Tensor
    time: Tensor
    paint: Tensor
    phase: Tensor
    toward: Tensor
    air: Tensor
    light: Light

    def lay(self, canvas: Tensor, colour: Tensor, mask: Tensor, hide: float = 1.0) -> Tensor:
        """Paint ``colour`` where ``mask`` is 1, seen through the air."""
        return mix(canvas, mix(colour, self.light.fog, self.air * hide), mask)

    def lit(self, colour: tuple[float, float, float], least: float = 0.16) -> Tensor:
        """A colour under the light of the scene, never quite black."""
        return rgb(colour, self.paint) * self.light.light.clamp(min=least)


def _box(u: Tensor, v: Tensor, width: float, height: float) -> Tensor:
    """Signed distance (roughly) to a box centred at 0."""
    return torch.maximum(u.abs() - width, v.abs() - height)


def balloon(b: Brush, canvas: Tensor) -> Tensor:
    """An envelope in gores, a basket, and a burner that shows as it darkens."""
    u, v = b.u, b.v - 0.12 + 0.02 * torch.sin(b.time * 1.5 + b.phase * 6)
    radius = (u * u + v * v).sqrt() - 0.36
    cone = torch.maximum(u.abs() * 0.80 + (-v) * 0.56 - 0.345, -v - 0.52)
    shape = torch.minimum(radius, torch.maximum(cone, v))
    gore = torch.sin(u / (0.40**2 - v * v).clamp(min=0.01).sqrt() * 7.5)
    shade = 1.0 + 0.16 * gore - 0.45 * u.clamp(0, 0.4) - 0.22 * (v < -0.1)
    canvas = b.lay(canvas, b.paint * shade, cover(shape, b.soft))
    basket = _box(u, v + 0.60, 0.075, 0.055)
    canvas = b.lay(canvas, b.lit((0.42, 0.26, 0.13)), cover(basket, b.soft))
    flame = torch.exp(-(u * u + (v + 0.42) ** 2) * 70) * (
        0.5 + 0.5 * torch.sin(b.time * 5 + b.phase * 9)
    )
    return canvas + rgb((1.0, 0.6, 0.2), canvas) * flame.clamp(min=0) * b.light.darkness * 0.7


def bird(b: Brush, canvas: Tensor) -> Tensor:
    """A gull: two wings that beat."""
    flap = torch.sin(b.time * 9 + b.phase * 6.3)
    side = b.u.abs()
    line = (0.26 + 0.30 * flap) * side - 0.42 * side * side * (1.2 + 0.5 * flap)
    wing = (b.v - line).abs() - 0.10 * (1.12 - side)
    shape = torch.maximum(wing, side - 1)
    body = ((b.u * 0.75) ** 2 + (b.v * 1.9) ** 2).sqrt() - 0.24
    dark = torch.where(
        b.light.darkness > 0.5, b.light.horizon * 0.22, b.lit((0.13, 0.13, 0.16), 0.1)
    )
    return b.lay(canvas, dark, cover(torch.minimum(shape, body), b.soft), 0.7)


def sailboat(b: Brush, canvas: Tensor) -> Tensor:
    """Two sails over a hull, rolling, mirrored in the water."""
    u, v = b.u * b.toward, b.v
    roll = 0.06 * torch.sin(b.time * 1.8 + b.phase * 6.3)
    u, v = u + v * roll, v - 0.02 * torch.sin(b.time * 2.2 + b.phase * 5)
    main = torch.maximum(torch.maximum(-u - 0.40 + 0.40 * v, u - 0.02), 0.17 - v)
    jib = torch.maximum(torch.maximum(u - 0.34 + 0.38 * v, 0.05 - u), 0.20 - v)
    hull = torch.maximum(torch.maximum(v - 0.13, -v - 0.02), u.abs() - 0.38 - 0.6 * v)
    below = -v * 1.25 + 0.02  # the sail mirrored in the water, broken by ripples
    broken = 0.05 * torch.sin(v * 70 + b.time * 7)
    mirror = torch.maximum(torch.maximum((u + broken).abs() - 0.36 + 0.36 * below, v), below - 0.9)
    canvas = b.lay(canvas, b.paint * 0.8, cover(mirror, b.soft) * 0.32)
    canvas = b.lay(canvas, b.paint, cover(torch.maximum(main, v - 1.0), b.soft))
    canvas = b.lay(canvas, b.paint * 0.82, cover(jib, b.soft))
    return b.lay(canvas, b.lit((0.20, 0.13, 0.10)), cover(hull, b.soft))


def lighthouse(b: Brush, canvas: Tensor) -> Tensor:
    """A banded tower on a rock; its beam turns."""
    u, v = b.u, b.v
    rock = ((u / 0.42) ** 2 + ((v + 0.01) / 0.13) ** 2).sqrt() - 1
    canvas = b.lay(canvas, b.lit((0.25, 0.23, 0.22)), cover(rock * 0.13, b.soft) * (v > -0.06))
    tower = torch.maximum(u.abs() - 0.105 + 0.035 * v, _box(u, v - 0.42, 1.0, 0.36))
    band = (torch.sin(v * 19) > 0.1).float()
    stone = mix(b.lit((0.96, 0.95, 0.92), 0.22), b.lit((0.82, 0.10, 0.08), 0.22), band)
    stone = stone * (1.0 - 1.6 * u.clamp(0, 0.2))
    canvas = b.lay(canvas, stone, cover(tower, b.soft))
    canvas = b.lay(
        canvas,
        b.lit((0.55, 0.08, 0.07)),
        cover(torch.maximum(u.abs() * 1.1 + v - 1.06, 0.92 - v), b.soft),
    )
    turn = b.time * 2.4 + b.phase * 6.3
    lamp = cover(_box(u, v - 0.85, 0.06, 0.065), b.soft)
    canvas = b.lay(canvas, rgb((1.0, 0.93, 0.62), canvas), lamp, 0.2)
    glow = torch.exp(-(u * u + (v - 0.85) ** 2) * 26) * (0.25 + 0.55 * b.light.darkness)
    reach = torch.cos(turn)  # > 0: the beam points right; foreshortened as it turns to us
    along = u * torch.sign(reach)
    spread = 0.03 + 0.13 * along.clamp(min=0)
    beam = torch.exp(-(((v - 0.85) / spread) ** 2)) * step(0.0, 0.06, along)
    beam = beam * torch.exp(-along.clamp(min=0) / (0.12 + 1.9 * reach.abs()))
    shine = glow + beam * reach.abs() ** 0.5 * (0.20 + 0.55 * b.light.darkness)
    return mix(canvas, rgb((1.0, 0.95, 0.74), canvas), shine.clamp(0, 0.9))


def pine(b: Brush, canvas: Tensor) -> Tensor:
    """Tiers of branches that sway a little."""
    sway = b.u + 0.012 * b.v * torch.sin(b.time * 1.6 + b.phase * 6)
    trunk = _box(sway, b.v - 0.06, 0.03, 0.10)
    canvas = b.lay(canvas, b.lit((0.24, 0.15, 0.09)), cover(trunk, b.soft))
    tier = (b.v - 0.12) / 0.88 * 4
    inside = tier - tier.floor()
    width = (0.30 * (1 - (b.v - 0.12) / 0.88)) * (1.12 - 0.45 * inside) + 0.01
    shape = torch.maximum(sway.abs() - width, torch.maximum(0.12 - b.v, b.v - 1.0))
    shade = 0.85 + 0.35 * step(0.25, -0.25, b.u) - 0.25 * inside
    return b.lay(canvas, b.lit((0.09, 0.27, 0.14), 0.10) * shade, cover(shape, b.soft))


def cabin(b: Brush, canvas: Tensor) -> Tensor:
    """Logs, a roof, and windows that are always lit."""
    u, v = b.u, b.v
    log = 0.9 + 0.12 * torch.sin(v * 60)
    canvas = b.lay(
        canvas, b.lit((0.50, 0.30, 0.17)) * log, cover(_box(u, v - 0.20, 0.42, 0.20), b.soft)
    )
    chimney = _box(u - 0.22, v - 0.66, 0.05, 0.10)
    canvas = b.lay(canvas, b.lit((0.35, 0.28, 0.26)), cover(chimney, b.soft))
    roof = torch.maximum(u.abs() * 0.62 + v - 0.74, 0.38 - v)
    canvas = b.lay(canvas, b.lit((0.40, 0.13, 0.10)), cover(roof, b.soft))
    pane = torch.minimum(_box(u.abs() - 0.24, v - 0.22, 0.075, 0.08), _box(u, v - 0.15, 0.06, 0.14))
    canvas = b.lay(canvas, rgb((1.0, 0.80, 0.36), canvas), cover(pane, b.soft), 0.4)
    glow = torch.exp(-((u / 0.6) ** 2 + ((v - 0.2) / 0.35) ** 2) * 2.5) * 0.34 * b.light.darkness
    return mix(canvas, rgb((1.0, 0.75, 0.35), canvas), glow)


def windmill(b: Brush, canvas: Tensor) -> Tensor:
    """A tower with four turning sails."""
    u, v = b.u, b.v
    tower = torch.maximum(u.abs() - 0.16 + 0.10 * v, _box(u, v - 0.31, 1.0, 0.31))
    canvas = b.lay(
        canvas, b.lit((0.92, 0.88, 0.80), 0.2) * (1 - 1.3 * u.clamp(0, 0.2)), cover(tower, b.soft)
    )
    cap = ((u / 0.13) ** 2 + ((v - 0.62) / 0.09) ** 2).sqrt() - 1
    canvas = b.lay(canvas, b.lit((0.45, 0.20, 0.14)), cover(cap * 0.09, b.soft))
    canvas = b.lay(canvas, b.lit((0.25, 0.18, 0.14)), cover(_box(u, v - 0.09, 0.045, 0.09), b.soft))
    turn = b.time * 1.9 + b.phase * 6.3
    du, dv = u, v - 0.64
    for blade in range(2):
        angle = turn + blade * torch.pi / 2
        along = du * torch.cos(angle) + dv * torch.sin(angle)
        aside = dv * torch.cos(angle) - du * torch.sin(angle)
        sail = torch.maximum(along.abs() - 0.46, (aside - 0.03 * torch.sign(along)).abs() - 0.052)
        canvas = b.lay(canvas, b.lit((0.78, 0.70, 0.58), 0.2), cover(sail, b.soft))
    return canvas


def campfire(b: Brush, canvas: Tensor) -> Tensor:
    """Flames, their glow, and smoke that leans and curls."""
    u, v = b.u, b.v
    drift = v.clamp(min=0)
    curl = noise(u * 0.16 + b.phase, v * 0.10 - b.time * 0.11, 1.6)
    bend = u - 0.14 * drift + 0.16 * (curl - 0.5) * drift
    column = (
        torch.exp(-((bend / (0.07 + 0.16 * drift)) ** 2)) * step(0.15, 0.5, v) * step(2.6, 0.7, v)
    )
    smoke = (b.light.light * 0.75).clamp(min=0.22)
    canvas = mix(canvas, smoke, (column * (0.35 + 0.55 * curl)).clamp(max=0.75))
    glow = torch.exp(-((u / 0.75) ** 2 + ((v - 0.12) / 0.45) ** 2)) * (
        0.25 + 0.5 * b.light.darkness
    )
    canvas = mix(canvas, rgb((1.0, 0.52, 0.14), canvas), glow)
    lick = noise(u * 0.25 + b.phase, v * 0.18 - b.time * 0.22, 1.4) - 0.5
    flame = (u + 0.22 * lick * v.clamp(min=0)).abs() - 0.23 * (1 - v / (0.62 + 0.25 * lick)) * step(
        -0.08, 0.12, v
    )
    flame = torch.maximum(flame, -v)
    heat = mix(rgb((1.0, 0.93, 0.55), canvas), rgb((1.0, 0.38, 0.06), canvas), step(0.0, 0.5, v))
    canvas = mix(canvas, heat, cover(flame, b.soft))
    return b.lay(canvas, b.lit((0.18, 0.10, 0.06)), cover(_box(u, v + 0.01, 0.28, 0.045), b.soft))


# Far kinds first. What flies has its middle, what stands its foot, at (0, 0).
PAINTERS: dict[str, Callable[[Brush, Tensor], Tensor]] = {
    "lighthouse": lighthouse,
    "windmill": windmill,
    "cabin": cabin,
    "sailboat": sailboat,
    "pine": pine,
    "campfire": campfire,
    "balloon": balloon,
    "bird": bird,
}
