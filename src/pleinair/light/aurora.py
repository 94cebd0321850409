"""The aurora: folded curtains of light from 100 km upward.

A curtain is a curve on the map, drawn upward along the (nearly upright) field of the Earth. In
polar coordinates with the logarithm of the distance ρ, what one sees under an elevation e is the
curve's brightness along ln ρ, convolved with how the air glows by height, since ρ = h / tan e. So
one convolution replaces marching each ray.
"""

import functools
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.seeds import generator
from pleinair.scenes.scene import Scene

COLUMNS = 2048
"""Azimuths around the whole horizon."""
NEAREST_KM, FARTHEST_KM = 25.0, 1500.0
ROWS = 320
"""Distances between those, evenly in their logarithms."""
BLOCK = 4
"""Texels of that table to one sample of a curtain's course."""
LOWEST_KM, HIGHEST_KM = 92.0, 420.0
BRIGHTNESS = 9e-6
"""Radiance of a bright curtain, kcd/m²: some 50 kilorayleigh."""
GREEN = (0.20, 1.0, 0.12)
RED = (1.0, 0.08, 0.16)
VIOLET = (0.60, 0.18, 1.0)
"""Colours of the lines at 557.7 and 630 nm and of ionised nitrogen, within sRGB."""
_PER_LOG = (ROWS - 1) / math.log(FARTHEST_KM / NEAREST_KM)


@dataclass(frozen=True)
class Curtain:
    """One arc.

    Attributes:
        north: of it at x = 0, km.
        slope: how much farther north it lies for each km east.
        fold: how far its folds swing to both sides, km.
        width: thickness, km.
        light: relative brightness.
    """

    north: float
    slope: float
    fold: float
    width: float
    light: float


def aurora(scene: Scene, seconds: float, direction: Tensor) -> Tensor:
    """Light of the aurora, kcd/m², (3, P), to be added to that of the sky.

    Args:
        scene: whose sky it is.
        seconds: the scene's time.
        direction: (3, P) unit.
    """
    if not scene.sky.aurora:
        return torch.zeros_like(direction)
    x, y, z = direction
    middle = round(math.atan2(float(x.mean()), float(z.mean())) * COLUMNS / math.tau)
    turn = math.tau * middle / COLUMNS  # azimuths are counted from here, so that none is cut in two
    across = x * math.cos(turn) - z * math.sin(turn)
    ahead = z * math.cos(turn) + x * math.sin(turn)
    column = torch.atan2(across, ahead).mul_(COLUMNS / math.tau)  # (P,)
    least, most = (float(part) for part in column.aminmax())
    first = (math.floor(least) + middle) // BLOCK * BLOCK - middle
    count = math.ceil((most - first + 2) / BLOCK) * BLOCK
    table = _table(scene, seconds, first + middle, count, direction.device)  # (3, ROWS, count)
    at = torch.empty(*x.shape, 2, device=x.device)
    torch.mul(column.sub_(first), 2 / (count - 1), out=at[..., 0])
    # the row is where a ray meets the lowest glow, by the logarithm of cot e
    up = y.clamp(min=1e-3)
    cot = (1.000001 - up * up).sqrt_().div_(up).mul_(LOWEST_KM / NEAREST_KM).log_()
    torch.mul(cot, 2 * _PER_LOG / (ROWS - 1), out=at[..., 1])
    at = at.sub_(1).view(1, 1, -1, 2)
    light = F.grid_sample(table[None], at, padding_mode="border", align_corners=True)
    fade = (y * 12).clamp_(0, scene.sky.aurora)  # thick air at the horizon
    return light.view(direction.shape).mul_(fade)


def glow(height: Tensor) -> Tensor:
    """(3, …): light by height in km, relative to the brightest green."""
    above = (height - 104).clamp(min=0)
    edge = torch.sigmoid((height - 101) / 1.6)
    green = edge * (0.8 * torch.exp(-above / 16) + 0.2 * torch.exp(-above / 55))
    red = 0.075 * torch.exp(-(((height - 225) / 65) ** 2))
    violet = 0.22 * torch.exp(-(((height - 98.5) / 3.2) ** 2))
    violet = violet + 0.03 * torch.exp(-(((height - 165) / 45) ** 2))
    lines = torch.tensor([GREEN, RED, VIOLET], device=height.device).T  # (3, 3)
    return lines @ torch.stack((green, red, violet))


def _table(scene: Scene, seconds: float, first: int, count: int, device: torch.device) -> Tensor:
    """(3, ROWS, count) light by row and azimuth, columns ``first`` on."""
    taps = math.ceil(math.log(HIGHEST_KM / LOWEST_KM) * _PER_LOG)
    rows = -(-(ROWS + taps - 1) // BLOCK)
    sheet = _sheets(scene.seed, seconds, first, rows, count // BLOCK, device)  # (rows, count)
    height = LOWEST_KM * torch.exp(torch.arange(taps, device=device) / _PER_LOG)
    kernel = BRIGHTNESS * glow(height) / (_PER_LOG / 20)  # (3, taps)
    seen = F.conv1d(sheet.T[:, None], kernel[:, None])  # (count, 3, rows)
    return seen[:, :, :ROWS].permute(1, 2, 0)


@functools.lru_cache(maxsize=4)
def _chance(seed: int, device: torch.device) -> tuple[Tensor, tuple[Curtain, ...]]:
    """(1, 2, 257, 257) of noise that repeats, and the arcs of a seed."""
    chance = generator(seed, "aurora")
    cells = torch.randn(1, 2, 256, 256, generator=chance)
    cells = F.pad(cells, (0, 1, 0, 1), mode="circular")
    slope = float(torch.rand(1, generator=chance)) * 0.7 - 0.35
    arcs = []
    for north, light in ((150.0, 1.0), (260.0, 0.7), (450.0, 0.5)):
        moved, bent, fold = torch.rand(3, generator=chance).tolist()
        arcs.append(
            Curtain(
                north=north * (0.8 + 0.4 * moved),
                slope=slope + 0.3 * (bent - 0.5),
                fold=north * (0.14 + 0.14 * fold),
                width=1.8 + north / 90,
                light=light,
            )
        )
    return cells.to(device), tuple(arcs)


def _sheets(
    seed: int, seconds: float, first: int, rows: int, columns: int, device: torch.device
) -> Tensor:
    """Brightness of all curtains, (rows · BLOCK, columns · BLOCK) by distance and azimuth.

    Their course is followed in blocks and read between them; their rays are found for each texel.
    """
    cells, arcs = _chance(seed, device)
    middle = (BLOCK - 1) / 2
    angle = (torch.arange(columns, device=device) * BLOCK + middle + first) * (math.tau / COLUMNS)
    away = (torch.arange(rows, device=device) * BLOCK + middle) / _PER_LOG
    far = NEAREST_KM * torch.exp(away)[:, None]  # (rows, 1)
    x, z = far * angle.sin(), far * angle.cos()  # (rows, columns) km

    def noise(u: Tensor, v: Tensor) -> Tensor:
        """(2, …): smooth, one feature to each unit."""
        at = torch.empty(1, *u.shape, 2, device=device)
        at[0, ..., 0], at[0, ..., 1] = u, v
        at = at.mul_(1 / 256).remainder_(1).mul_(2).sub_(1)
        return F.grid_sample(cells, at, padding_mode="border", align_corners=True)[0]

    total = torch.zeros(rows * BLOCK, columns * BLOCK, device=device)
    for number, arc in enumerate(arcs):
        shift = 37.0 * number
        wide = noise(x / 150 + (shift + seconds / 90), z / 260 + seconds / 140)
        tight = noise((x + 25 * wide[1]) / 38 + (shift - seconds / 28), z / 90 + seconds / 50)
        north = arc.north + arc.slope * x + arc.fold * (1.5 * wide[0] + 0.5 * tight[0])
        along = x + 18 * wide[1] + 9 * tight[1]
        band = noise(along / 75 + (shift - seconds / 16), z * 0 + (shift + seconds / 21))
        strength = torch.exp(1.1 * band[0] - 0.3) * (arc.light / arc.width**0.5 * far / 100)
        course = torch.stack(((z - north) / arc.width, along, strength))[None]
        course = F.interpolate(course, scale_factor=BLOCK, mode="bilinear")[0]
        rays = noise(course[1] / 3.1 + seconds / 2.2, course[1] / 41 + (shift + seconds / 7))[0]
        sheet = course[0].square().neg_().exp_()
        # light that has scattered into the dark side of the curtain
        sheet += course[0].abs_().mul_(-1 / 7).exp_().mul_(0.07)
        total += sheet.mul_(course[2]).mul_(rays.mul_(0.45).exp_())
    return total
