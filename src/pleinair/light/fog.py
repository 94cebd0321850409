"""Fog, haze, mist and the veil of far rain and snow, in front of land and sky."""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.seeds import generator
from pleinair.light.weather import KOSCHMIEDER, haze, rain_veil, snow_veil, wind
from pleinair.scenes.scene import Scene

_MIST_M = 260.0  # visibility in the thickest mist
_MIST_HEIGHT = 16.0  # m over which mist thins to 1/e
_PATCH_M = 3000.0  # the pattern of the mist repeats after it
_PATCHES = 256


def fog(
    scene: Scene,
    distance: Tensor,
    y_eye: float,
    y_point: Tensor,
    ambient: Tensor,
    key: Tensor,
    key_direction: Tensor,
    direction: Tensor,
    *,
    scene_s: float = 0.0,
    eye_xz: tuple[float, float] = (0.0, 0.0),
    floor: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """What the fog between the eye and each point lets through, and the light it adds.

    Haze and fog are homogeneous near the ground and thin out above; mist lies low, in patches that
    the wind moves slowly. The light is that of ambient light and key lamp, the lamp's scattered
    forward: a glow around it (Henyey & Greenstein 1941, two lobes).

    Args:
        scene: whose weather it is.
        distance: (P,) m; infinite for the sky.
        y_eye, y_point: height of the eye and of each point (P,), m; what ``y_point`` says of the
            sky is not used.
        ambient: (3,) irradiance of the sky on level ground, klx.
        key: (3,) irradiance of the key lamp across its rays, klx.
        key_direction: (3,) towards the lamp.
        direction: (3, P) unit, from the eye.
        scene_s: the scene's time, s.
        eye_xz: where the eye is, m.
        floor: height of the low places, where mist lies, m.

    Returns:
        Transmittance (P,) and light (3, P) in kcd/m²: ``seen * transmittance + light``.
    """
    weather = scene.weather
    device = distance.device
    layers = [(haze(weather), _haze_height(weather.visibility_m))]
    layers.append((rain_veil(weather) + snow_veil(weather), 2000.0))
    thick = sum(beta for beta, _ in layers)
    if not thick and not weather.mist:
        return torch.ones_like(distance), torch.zeros((3, *distance.shape), device=device)
    sky = distance > 1e6
    distance = distance.clamp(max=1e6)
    y_point = torch.where(sky, direction[1] * 1e6 + y_eye, y_point)
    tau = torch.zeros_like(distance)
    above = 0.0  # optical depth from the eye to the top
    if thick:
        height = sum(beta * reach for beta, reach in layers) / thick
        tau = _depth(distance, y_eye, y_point, thick, height)
        if weather.visibility_m < 2000:  # banks of fog
            banks = _patches(scene, distance, direction, scene_s, eye_xz, 60.0)
            tau *= banks.mul_(0.35).add_(0.65)
        above = thick * height * math.exp(-max(y_eye, 0.0) / height)
    if weather.mist:
        beta = weather.mist * KOSCHMIEDER / _MIST_M
        low = _depth(distance, y_eye - floor, y_point - floor, beta, _MIST_HEIGHT)
        tau += low * _patches(scene, distance, direction, scene_s, eye_xz, _MIST_HEIGHT)
        above += beta * _MIST_HEIGHT * math.exp(-max(y_eye - floor, 0.0) / _MIST_HEIGHT)
    through = tau.neg_().exp_()  # (P,)

    rise = float(key_direction[1])
    path = above / max(rise, 0.06)  # of the lamp's light down to the eye
    cosine = torch.mv(direction.reshape(3, -1).t(), key_direction.to(direction)).view_as(distance)
    straight, spread = math.exp(-0.5 * path), math.exp(-0.15 * path)
    glow = _lobe(cosine, 0.86).mul_(0.35 * straight) + _lobe(cosine, 0.55).mul_(0.4 * spread)
    diffuse = (0.9 * ambient + (0.75 - 0.35 * straight) * max(rise, 0.0) * key) / math.pi
    caught = 1 - through
    lamps = torch.stack([diffuse, key], 1).to(distance)  # (3, 2)
    light = lamps @ torch.stack([caught, caught * glow]).view(2, -1)
    return through, light.view(3, *distance.shape)


def _haze_height(visibility_m: float) -> float:
    """Height over which it thins to 1/e: dense fog is shallow, haze fills the lower air."""
    return min(max(200.0 * math.pow(visibility_m / 500, 0.45), 120.0), 1500.0)


def _depth(distance: Tensor, y_eye: float, y_point: Tensor, beta: float, height: float) -> Tensor:
    """Optical depth along rays through air that thins as exp(−y / height) above y = 0, (P,)."""
    start = max(y_eye, 0.0) / height
    end = y_point.clamp(min=0).mul_(1 / height)
    lower = end.clamp(max=start)
    span = end.sub_(start).abs_().clamp_(min=1e-3)  # of the climb, in heights
    mean = torch.expm1(-span).div_(span).mul_(torch.exp(-lower))  # of the density, negative
    return mean.mul_(distance).mul_(-beta)


def _lobe(cosine: Tensor, g: float) -> Tensor:
    """Henyey–Greenstein phase function, 1/sr."""
    near = torch.rsqrt((1 + g * g) - 2 * g * cosine)
    return (near * near * near).mul_((1 - g * g) / (4 * math.pi))


def _patches(
    scene: Scene,
    distance: Tensor,
    direction: Tensor,
    scene_s: float,
    eye_xz: tuple[float, float],
    height: float,
) -> Tensor:
    """Density of mist that is ``height`` thick along each ray, (P,): 0.2 to 2, mean about 1."""
    pattern = _pattern(scene.seed, distance.device)
    east, north = wind(scene.weather, 2.0)
    x0 = (eye_xz[0] - 0.4 * east * scene_s) % _PATCH_M
    z0 = (eye_xz[1] - 0.4 * north * scene_s) % _PATCH_M
    leave = 3 * height / direction[1].clamp(min=0.01)
    reach = torch.minimum(distance, leave)  # (P,): the part of the ray in the mist
    cells = _PATCHES / _PATCH_M
    total = torch.zeros_like(distance)
    for part in (0.35, 0.9):
        x = (direction[0] * reach * part + x0).mul_(cells)
        z = (direction[2] * reach * part + z0).mul_(cells)
        # mirrored at the borders of the tile, so that it has no seams
        at = torch.stack([_mirror(x), _mirror(z)], -1).view(1, 1, -1, 2)
        total += F.grid_sample(pattern, at, padding_mode="border", align_corners=False).view(-1)
    return total.mul_(0.5).view_as(distance)


def _mirror(cells: Tensor) -> Tensor:
    """Fold positions in cells to −1..1 as in a hall of mirrors."""
    turns = cells.mul_(1 / (2 * _PATCHES))
    return turns.sub_(turns.floor()).mul_(4).sub_(2).abs_().sub_(1)


@lru_cache(maxsize=4)
def _pattern(seed: int, device: torch.device) -> Tensor:
    """Billows, (1, 1, N, N): mean about 1."""
    size = _PATCHES
    noise = torch.randn(size, size, generator=generator(seed, "mist"))
    f = torch.fft.fftfreq(size) * size
    radius2 = f[:, None] ** 2 + f**2
    shape = torch.fft.fft2(noise) * (radius2 + 9) ** -0.8 * torch.exp(-radius2 / 60**2)
    billows: Tensor = torch.fft.ifft2(shape).real
    billows = (billows / billows.std()).mul_(0.6).exp_()
    return (billows / billows.mean()).clamp(0.15, 3)[None, None].to(device)
