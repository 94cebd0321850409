"""The rainbow: sunlight turned back by drops, once and twice reflected inside."""

import math
from functools import lru_cache

import torch
from torch import Tensor

from pleinair.light.seeds import generator
from pleinair.light.sky import Lamp
from pleinair.light.weather import wet
from pleinair.scenes.scene import Scene

HIGHEST_SUN_DEG = 42.0
"""The primary bow is below the horizon while the sun stands higher."""
_BINS = 4096  # of the cosine, from 0.5 (60°) to 1 (the antisolar point)


def rainbow(scene: Scene, sun: Lamp, direction: Tensor, distance: Tensor | None = None) -> Tensor:
    """Light of primary and secondary bow, as a share of the sun's irradiance.

    Args:
        scene: `Weather.rainbow` says how strong, rain makes it stronger.
        sun: the sun, not the moon; nothing where it gives no light or stands above 42°.
        direction: (3, P) unit.
        distance: (P,) m to what is seen there: rain shows before what is far away.

    Returns:
        (3, P) 1/sr; times the sun's irradiance (3,) it is the radiance to add.
    """
    rise = math.degrees(math.asin(max(-1.0, min(1.0, float(sun.direction[1])))))
    strength = scene.weather.rainbow * (1 + wet(scene.weather))
    if not (strength and 0 < rise < HIGHEST_SUN_DEG and float(sun.irradiance.max()) > 0):
        return torch.zeros_like(direction)
    flat = direction.reshape(3, -1)
    cosine = -torch.mv(flat.t(), sun.direction.to(flat))  # to the antisolar point
    place = cosine.sub_(0.5).mul_(2 * _BINS).clamp_(0, _BINS - 1).int()
    seen = strength * _showers(scene.seed, flat)
    if distance is None:
        seen *= flat[1].mul(25).add_(0.6).clamp_(0, 1)
    else:
        seen *= 1 - torch.exp(distance.reshape(-1) * (-1 / 2500))
    seen *= min(1.0, rise / 1.5)
    light = torch.stack([row.index_select(0, place) for row in bow_table(direction.device)])
    return light.mul_(seen).view_as(direction)


@lru_cache(maxsize=2)
def bow_table(device: torch.device) -> Tensor:
    """Light of a thin sheet of drops over the cosine of the angle to the antisolar point.

    Rays are traced through a sphere at all distances from its axis and for all colours (Descartes
    1637), with Fresnel's losses and the sun's own width. Alexander's dark band and the bright sky
    within the bow come of themselves.

    Returns:
        (3, 4096) linear sRGB, 1/sr, from cosine 0.5 to 1.
    """
    wavelength = torch.linspace(0.39, 0.70, 63, dtype=torch.float64)[:, None]  # µm
    index = 1.324 + 0.00309 / wavelength**2  # of water; Cauchy
    across = (torch.arange(6000, dtype=torch.float64) + 0.5) / 6000  # sin of incidence
    into, inside = across.asin(), (across / index).asin()
    reflected = (
        (torch.sin(into - inside) / torch.sin(into + inside)) ** 2
        + (torch.tan(into - inside) / torch.tan(into + inside)) ** 2
    ) / 2
    caught = 2 * across / 6000 * (1 - reflected) ** 2 * reflected
    once = 4 * inside - 2 * into  # angle to the antisolar point
    twice = (math.pi + 2 * into - 6 * inside).abs()
    cells = 3600  # of 0.025° up to 90°
    light = torch.zeros(len(wavelength), cells, dtype=torch.float64)
    for angle, power in ((once, caught), (twice, caught * reflected)):
        cell = (angle / (math.pi / 2) * cells).long()
        light.scatter_add_(1, cell.clamp(0, cells - 1), torch.where(cell < cells, power, 0.0))
    light[:, -1] = 0
    angle = (torch.arange(cells, dtype=torch.float64) + 0.5) * (math.pi / 2 / cells)
    light /= 2 * math.pi * angle.sin() * (math.pi / 2 / cells)  # per steradian
    light = _convolved(light, math.radians(0.30) / (math.pi / 2 / cells))
    colours = _colours(wavelength[:, 0]).t() @ light  # (3, cells)
    cosine = (torch.arange(_BINS, dtype=torch.float64) + 0.5) / (2 * _BINS) + 0.5
    place = cosine.acos() / (math.pi / 2) * cells - 0.5
    low = place.floor().clamp(0, cells - 2).long()
    table = torch.lerp(colours[:, low], colours[:, low + 1], (place - low).clamp(0, 1))
    return table.clamp(min=0).float().to(device)


def _convolved(light: Tensor, radius: float) -> Tensor:
    """Spread over the sun's disc (seen edge-on a half circle) and the drops' own diffraction."""
    reach = math.ceil(radius)
    off = torch.arange(-reach, reach + 1, dtype=torch.float64) / radius
    kernel = (1 - off * off).clamp(min=0).sqrt()
    padded = torch.nn.functional.pad(light[:, None], (reach, reach), mode="replicate")
    spread: Tensor = torch.nn.functional.conv1d(padded, (kernel / kernel.sum())[None, None])
    return spread[:, 0]


def _colours(wavelength: Tensor) -> Tensor:
    """Linear sRGB of each colour of white light, (N, 3), their sum white (Wyman et al. 2013)."""

    def bell(middle: float, left: float, right: float) -> Tensor:
        off = wavelength * 1000 - middle
        return torch.exp(-0.5 * (off * torch.where(off < 0, left, right)) ** 2)

    x = 0.362 * bell(442, 0.0624, 0.0374) + 1.056 * bell(599.8, 0.0264, 0.0323)
    x -= 0.065 * bell(501.1, 0.0490, 0.0382)
    y = 0.821 * bell(568.8, 0.0213, 0.0247) + 0.286 * bell(530.9, 0.0613, 0.0322)
    z = 1.217 * bell(437, 0.0845, 0.0278) + 0.681 * bell(459, 0.0385, 0.0725)
    to_rgb = torch.tensor(
        [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
    ).double()
    colours = torch.stack([x, y, z], 1) @ to_rgb.t()
    return colours / colours.sum(0)


def _showers(seed: int, direction: Tensor) -> Tensor:
    """How much rain falls in each direction, (P,): the bow is rarely whole."""
    turn, side = (torch.rand(2, generator=generator(seed, "showers")) * 6).tolist()
    x, z = direction[0], direction[2]
    wave = torch.sin(3.1 * x + turn) * torch.cos(2.7 * z + side) + torch.sin(7 * x - side)
    return wave.mul_(0.15).add_(0.6)
