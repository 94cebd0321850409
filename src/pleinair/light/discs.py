"""The faces of sun and moon."""

import functools
import math

import torch
from torch import Tensor

LIMB = (0.50, 0.60, 0.75)
"""How far the sun darkens from its middle to its limb, in red, green and blue."""
MARIA = (  # east, north, radius, darkness, in radii of the moon
    (-0.25, 0.53, 0.30, 0.42),  # Imbrium
    (0.27, 0.46, 0.17, 0.48),  # Serenitatis
    (0.46, 0.14, 0.21, 0.50),  # Tranquillitatis
    (0.80, 0.29, 0.10, 0.48),  # Crisium
    (0.74, -0.09, 0.16, 0.40),  # Fecunditatis
    (0.53, -0.26, 0.10, 0.38),  # Nectaris
    (-0.22, -0.33, 0.19, 0.36),  # Nubium
    (-0.60, -0.40, 0.11, 0.42),  # Humorum
    (-0.70, 0.22, 0.26, 0.36),  # Procellarum
    (-0.55, -0.05, 0.22, 0.34),
    (0.00, 0.83, 0.13, 0.25),  # Frigoris
    (-0.14, -0.68, 0.07, -0.25),  # Tycho and Copernicus, which are bright
    (-0.33, 0.17, 0.06, -0.2),
)
EARTHSHINE = 6e-5
"""Light of the moon's dark side at new moon, to the full moon's."""


def frame(middle: Tensor) -> tuple[Tensor, Tensor]:
    """Unit vectors to the right and upward across a disc, (3,) each."""
    flat = math.hypot(float(middle[0]), float(middle[2]))
    if flat < 1e-6:
        return middle.new_tensor([1.0, 0, 0]), middle.new_tensor([0, 0, 1.0])
    right = torch.stack((middle[2], torch.zeros_like(middle[1]), -middle[0])) / flat
    up = torch.stack(
        (-middle[1] * middle[0] / flat, middle[0].new_tensor(flat), -middle[1] * middle[2] / flat)
    )
    return right, up


def sun_face(away: Tensor) -> Tensor:
    """(3, N): brightness by the distance from the middle in radii; its mean over the disc is 1."""
    limb = torch.tensor(LIMB, device=away.device)[:, None]
    height = (1 - away * away).clamp(min=0).sqrt()
    return (1 - limb * (1 - height)) / (1 - limb / 3)


def moon_face(right: Tensor, up: Tensor, phase: float, side: float) -> Tensor:
    """(N,): brightness in places of the disc, relative to its mean.

    Args:
        right, up: (N,) place in radii.
        phase: 0 new, 0.5 full, 1 new again.
        side: where the sun stands seen across the disc, rad, from right towards up.
    """
    angle = abs(1 - 2 * phase) * math.pi  # between sun and eye, as the moon sees them
    inward = torch.rsqrt((right * right + up * up).clamp(min=1)) * 0.999
    right, up = right * inward, up * inward
    mean = _mean(round(math.degrees(angle)))
    lit = _lit(right, up, angle, side) / mean
    dark = torch.zeros_like(right)
    for east, north, size, depth in MARIA:
        spot = ((right - east).square() + (up - north).square()) / size**2
        dark += depth * torch.exp(-spot.square())
    shine = EARTHSHINE * (1 - math.cos(angle)) / 2 / max(mean, 0.01)
    return (lit + shine) * (1.15 - dark.clamp(-0.3, 0.55))


def _lit(right: Tensor, up: Tensor, angle: float, bright_side: float) -> Tensor:
    """Lommel and Seeliger's law of dust: μ₀ / (μ₀ + μ)."""
    out = (1 - right * right - up * up).clamp(min=0).sqrt()  # cosine to the eye
    across = right * math.cos(bright_side) + up * math.sin(bright_side)
    sun = (math.cos(angle) * out + math.sin(angle) * across).clamp(min=0)
    return 2 * sun / (sun + out + 1e-3)


@functools.lru_cache(maxsize=256)
def _mean(degrees: int) -> float:
    """Mean over the disc of the light of a phase."""
    line = (torch.arange(128) * 2 + 1) / 128 - 1
    right, up = torch.meshgrid(line, line, indexing="ij")
    inside = right * right + up * up < 1
    return max(float(_lit(right[inside], up[inside], math.radians(degrees), 0.0).mean()), 2e-3)
