"""Stars and the Milky Way, as a long exposure shows them."""

import functools
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.atmosphere import WAVELENGTHS, colours
from pleinair.light.camera import View
from pleinair.light.celestial import heavens
from pleinair.light.seeds import generator
from pleinair.scenes.scene import Scene

BRIGHT, FAINT = 6000, 24000
"""Stars that an eye sees, and those that only a camera does, most of them in the Milky Way."""
EYE_MAGNITUDE, CAMERA_MAGNITUDE = 6.2, 8.6
GROWTH = 0.51
"""log₁₀ of how many more stars there are for each magnitude fainter (Allen, 1973)."""
VEGA_KLX = 2.54e-9
"""Illuminance of a star of magnitude 0."""
STAR_WIDTH = 0.00075
"""Standard deviation of a star's image, as a share of the picture's shorter side."""
GALAXY = 1.0e-6
"""Radiance of the bright parts of the Milky Way, kcd/m²."""
EXTINCTION = (0.09, 0.14, 0.26)
"""Optical depth of the air above for red, green and blue."""
COARSE = 4
"""Pixels to one sample of the Milky Way, which is soft."""


@dataclass(frozen=True)
class Catalogue:
    """All stars of a scene.

    Attributes:
        directions: (3, N) unit, at scene time 0.
        light: (3, N) klx outside the air.
        galaxy: (3, 3), rows: across the middle of the Milky Way, its pole, and its middle.
        noise: (1, 2, D, D, D) that the Milky Way's clouds and dust are made of; it repeats.
    """

    directions: Tensor
    light: Tensor
    galaxy: Tensor
    noise: Tensor


def stars(scene: Scene, view: View, image_shape: tuple[int, int]) -> Tensor:
    """Light of stars and Milky Way in a picture, kcd/m², (3, H, W), to be added to the sky's.

    Nothing hides them but the air near the horizon.

    Args:
        scene: whose sky it is.
        view: the camera.
        image_shape: rows and columns.
    """
    device = view.eye.device
    known = catalogue(scene.seed, device)
    turn = heavens(scene, view.scene_s, device).turn
    if scene.sky.milky_way:
        picture = _milky_way(known, turn, view, scene.sky.milky_way)
    else:
        picture = torch.zeros(3, *image_shape, device=device)
    if scene.sky.stars:
        _splat(picture, turn @ known.directions, known.light * scene.sky.stars, view)
    return picture


@functools.lru_cache(maxsize=4)
def catalogue(seed: int, device: torch.device) -> Catalogue:
    """The stars of a seed: how many, how bright and how warm they are is true, where is not."""
    chance = generator(seed, "stars")

    def random(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=chance)

    tilt = math.radians(28 + 24 * float(random(1))) * (1 if float(random(1)) < 0.5 else -1)
    azimuth, elevation = (
        math.radians(50 * float(random(1)) - 25),
        math.radians(8 + 14 * float(random(1))),
    )
    middle = torch.tensor(
        [
            math.cos(elevation) * math.sin(azimuth),
            math.sin(elevation),
            math.cos(elevation) * math.cos(azimuth),
        ]
    )
    side = torch.linalg.cross(middle, torch.tensor([0.0, 1.0, 0.0]))
    side = side / side.norm()
    pole = math.cos(tilt) * side + math.sin(tilt) * torch.linalg.cross(side, middle)
    galaxy = torch.stack((torch.linalg.cross(pole, middle), pole, middle))
    count = BRIGHT + FAINT
    spread = torch.randn(3, count, generator=chance)
    thin = torch.where(random(count) < torch.tensor([0.2] * BRIGHT + [0.75] * FAINT), 0.13, 1.0)
    spread[1] *= thin  # many lie near the plane of the galaxy, the more the fainter they are
    spread[2] += (thin < 1) * 0.5
    spread = spread / spread.norm(dim=0)
    magnitude = EYE_MAGNITUDE + torch.log10(random(BRIGHT)) / GROWTH
    more = 10 ** (GROWTH * (EYE_MAGNITUDE - CAMERA_MAGNITUDE))
    faint = CAMERA_MAGNITUDE + torch.log10(more + (1 - more) * random(FAINT)) / GROWTH
    magnitude = torch.cat((magnitude, faint)).clamp(min=-1.4)
    hot = random(count) < 0.45
    index = torch.where(hot, 0.08, 0.95) + torch.where(hot, 0.2, 0.35) * torch.randn(
        count, generator=chance
    )  # B − V: white stars and orange ones
    index = index.clamp(-0.3, 1.8)
    kelvin = 4600 * (1 / (0.92 * index + 1.7) + 1 / (0.92 * index + 0.62))  # Ballesteros 2012
    light = _glow(kelvin) * (VEGA_KLX * 10 ** (-0.4 * magnitude))
    parts = (
        galaxy.T @ spread,
        light,
        galaxy,
        _periodic(torch.randn(2, 32, 32, 32, generator=chance)),
    )
    return Catalogue(*(part.to(device) for part in parts))


def _periodic(noise: Tensor) -> Tensor:
    """(1, C, D + 1, D + 1, D + 1) whose last layers are the first again."""
    for axis in (1, 2, 3):
        noise = torch.cat((noise, noise.narrow(axis, 0, 1)), axis)
    return noise[None]


def _glow(kelvin: Tensor) -> Tensor:
    """(3, N): colours of black bodies, of luminance 1."""
    nm = torch.tensor(WAVELENGTHS)[:, None]

    def planck(at: Tensor) -> Tensor:
        return 1 / torch.expm1(1.4388e7 / (nm * at))

    rgb = colours(torch.device("cpu")) @ (planck(kelvin[None]) / planck(torch.tensor(5800.0)))
    rgb = rgb.clamp(min=0)
    return rgb / (torch.tensor([0.2126, 0.7152, 0.0722]) @ rgb)


def _through(up: Tensor) -> Tensor:
    """(3, …): what the air lets through, by the sine of the elevation; nothing below 0."""
    high = up.clamp(min=0)
    mass = 1 / (high + 0.025 * torch.exp(-11 * high))  # Rozenberg 1966
    depth = torch.tensor(EXTINCTION, device=up.device).view(3, *[1] * up.dim())
    return torch.exp(-depth * mass) * (up > 0)


def _splat(picture: Tensor, directions: Tensor, light: Tensor, view: View) -> None:
    """Adds the stars' images to a picture: each a small bell, wherever between pixels it falls."""
    height, width = picture.shape[1:]
    sigma = max(0.6, STAR_WIDTH * min(height, width))
    reach = math.ceil(3.2 * sigma)
    column, row, depth = view.project(directions)
    seen = (depth > 0.05) & (directions[1] > 0)
    seen &= (column > -reach) & (column < width + reach) & (row > -reach) & (row < height + reach)
    column, row, depth = column[seen], row[seen], depth[seen]
    light = light[:, seen] * _through(directions[1, seen])
    # a pixel away from the middle covers less of the sky
    light = light * (view.focal**2 / depth**3 / (2 * math.pi * sigma**2))
    around = torch.arange(-reach, reach + 1, device=picture.device)
    x = column.floor().long()[:, None] + around  # (N, K)
    y = row.floor().long()[:, None] + around
    bell_x = torch.exp((x + 0.5 - column[:, None]).square() / (-2 * sigma**2))
    bell_y = torch.exp((y + 0.5 - row[:, None]).square() / (-2 * sigma**2))
    bell_x *= (x >= 0) & (x < width)
    bell_y *= (y >= 0) & (y < height)
    bell = bell_y[:, :, None] * bell_x[:, None, :]  # (N, K, K)
    place = y.clamp(0, height - 1)[:, :, None] * width + x.clamp(0, width - 1)[:, None, :]
    flat = picture.view(3, -1)
    for channel in range(3):
        flat[channel].index_add_(
            0, place.flatten(), (light[channel][:, None, None] * bell).flatten()
        )


def _milky_way(known: Catalogue, turn: Tensor, view: View, strength: float) -> Tensor:
    """(3, H, W): its clouds of stars, and the dust in front of them."""
    rows, columns = -(-view.height // COARSE) + 2, -(-view.width // COARSE) + 2
    device = view.eye.device
    # one sample stands beyond each border, so that all pixels lie between samples
    y = (view.height / 2 + COARSE / 2 - torch.arange(rows, device=device) * COARSE) / view.focal
    x = (torch.arange(columns, device=device) * COARSE - COARSE / 2 - view.width / 2) / view.focal
    right, up, ahead = (part.view(3, 1, 1) for part in view.basis)
    ray = ahead + right * x + up * y[:, None]
    ray = ray * torch.rsqrt((ray * ray).sum(0))
    light = galaxy_light(known, (known.galaxy @ turn.T @ ray.flatten(1)).view(3, rows, columns))
    light *= _through(ray[1]) * strength
    fine = F.interpolate(light[None], scale_factor=COARSE, mode="bilinear")[0]
    end = (view.height + COARSE, view.width + COARSE)
    return fine[:, COARSE : end[0], COARSE : end[1]].contiguous()


def galaxy_light(known: Catalogue, at: Tensor) -> Tensor:
    """Radiance of the Milky Way outside the air, kcd/m², (3, H, W).

    Args:
        known: whose noise is used.
        at: (3, H, W) unit directions in the galaxy's own frame, `Catalogue.galaxy`.
    """
    side, across, ahead = at

    def noise(scale: float, stretch: float, octaves: int, shift: float = 0.0) -> Tensor:
        total = torch.zeros(2, *side.shape, device=side.device)
        place = torch.stack((side, across * stretch, ahead), -1) * scale + shift
        for octave in range(octaves):
            wrapped = (place * 2**octave + 0.37 * octave) % 2 - 1
            got = F.grid_sample(
                known.noise, wrapped[None, None], padding_mode="border", align_corners=True
            )
            total += got[0, :, 0] * 0.55**octave
        return total

    warp, clouds = noise(0.3, 1.0, 4)
    lanes, knots = noise(0.55, 1.8, 6, 0.7)
    middle = ((1 + ahead) / 2) ** 3
    lat = across + 0.02 * warp
    width = 0.075 + 0.05 * middle
    band = torch.exp(-((lat / width).abs() ** 1.5))
    bulge = torch.exp(-((side / 0.26) ** 2) - (lat / 0.13) ** 2) * (ahead > 0)
    halo = torch.exp(-(lat / 0.28).abs()) * 0.12
    glow = (band * (0.3 + 0.5 * middle) + halo) * torch.exp(0.4 * clouds + 0.15 * knots)
    glow += 0.9 * bulge
    ridge = (1 - (lanes + 0.25 * warp).abs() * 1.5).clamp(min=0)
    plane = torch.exp(-(((across + 0.035 * warp + 0.012) / 0.055) ** 2))
    dust = plane * (0.35 + 0.65 * middle) * (1.6 * ridge + 0.9 * (0.5 * knots + 0.35).clamp(min=0))
    dust += 0.9 * band * ridge * (0.8 * knots + 0.2 * clouds).clamp(min=0)
    warm = middle + 0.5 * bulge
    colour = torch.stack((0.90 + 0.26 * warm, 0.95 + 0.03 * warm, 1.14 - 0.36 * warm))
    redden = torch.tensor([1.5, 1.8, 2.15], device=at.device)[:, None, None]
    light: Tensor = GALAXY * glow * colour * torch.exp(-redden * dust)
    nebula = (knots - 1.3).clamp(min=0) * plane * 0.6
    light += GALAXY * nebula * redden.new_tensor([0.9, 0.25, 0.4])[:, None, None]
    return light
