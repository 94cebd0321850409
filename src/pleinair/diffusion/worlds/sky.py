"""The upper half: sky, sun, moon, stars, clouds and what shines or flies far above.

Every function takes directions that may be mirrored by water, so reflections agree with the sky.
"""

import torch
from torch import Tensor

from pleinair.diffusion.worlds.field import cover, dice, mix, noise, step
from pleinair.diffusion.worlds.palette import Light
from pleinair.diffusion.worlds.view import View

Layout = dict[str, Tensor]  # name -> (B, 1, 1, 1, 1)


def gradient(view: View, light: Light, layout: Layout) -> Tensor:
    """Horizon to zenith, with the glow and the disk of the sun."""
    azimuth, elevation = view.azimuth, view.elevation
    sky = mix(light.horizon, light.zenith, step(-0.02, 0.75, elevation.clamp(min=0) ** 0.8))
    near = (azimuth - layout["sun"]) ** 2 + (elevation - light.sun_elevation) ** 2
    glow = 0.55 * torch.exp(-near * 9) + 0.35 * torch.exp(-near * 70)
    sky = mix(sky, light.sun, (glow * light.sun_strength).clamp(0, 0.9))
    disk = cover(near.clamp(min=1e-6).sqrt() - 0.055, torch.full_like(near[..., :1, :1], 0.02))
    return sky + light.sun * disk * light.sun_strength


def stars(sky: Tensor, view: View, light: Light, layout: Layout) -> Tensor:
    """Stars where it is dark enough; each twinkles at its own pace."""
    azimuth, elevation = view.azimuth, view.elevation
    u, v = azimuth * 26 + layout["offset"] * 40, elevation * 26
    cell = u.floor() * 57 + v.floor() * 113
    du, dv = u - u.floor() - 0.2 - 0.6 * dice(cell, 0), v - v.floor() - 0.2 - 0.6 * dice(cell, 1)
    size = 0.08 + 0.16 * dice(cell, 2) ** 3
    twinkle = 0.75 + 0.25 * torch.sin(view.time * 5 + dice(cell, 3) * 60)
    bright = torch.exp(-(du * du + dv * dv) / (size * size)) * (0.35 + size * 3) * twinkle
    lit = bright * step(0.04, 0.2, elevation) * (dice(cell, 3) > 0.55)
    return sky + lit * (light.darkness - 0.45).clamp(min=0) * 1.9


def clouds(sky: Tensor, view: View, light: Light, layout: Layout) -> Tensor:
    """Clouds on a curved ceiling, lit from the side of the sun, over ``sky``."""
    azimuth, elevation = view.azimuth, view.elevation
    high = elevation.clamp(min=0)
    near = 1 / (0.35 + high)
    u = azimuth * near * 0.115 + layout["offset"] + view.time * layout["wind"] * 0.006
    v = near * 0.42 + layout["offset"] * 1.7
    density = noise(u, v) + 0.16 * (noise(u * 3.1, v * 3.1 + 0.3, 1.4) - 0.5)
    toward = torch.sign(layout["sun"])
    lit = noise(u + toward * 0.014, v - 0.02)
    amount = step(0.0, 0.3, density - layout["clear"]) * step(0.015, 0.14, elevation)
    shade = step(-0.12, 0.35, density - lit * 0.65 - layout["clear"] * 0.35)
    white = mix(light.light, light.sun, 0.45 * light.sun_strength.clamp(min=0.1))
    dark = mix(light.zenith, light.horizon, torch.full_like(light.darkness, 0.55)) * 0.86
    return mix(sky, mix(white, dark, shade * layout["heavy"]), amount * layout["veil"])


def moon(sky: Tensor, view: View, light: Light, layout: Layout) -> Tensor:
    """A full moon with seas, and its halo."""
    azimuth, elevation = view.azimuth, view.elevation
    u = (azimuth - layout["moon_azimuth"]) / 0.1
    v = (elevation - layout["moon_elevation"]) / 0.1
    near = (u * u + v * v).sqrt()
    face = 0.96 - 0.22 * step(0.5, 0.75, noise(u * 0.09 + 0.3, v * 0.09))
    colour = face * torch.tensor((1.0, 0.97, 0.88), device=sky.device).view(1, 3, 1, 1, 1)
    sky = sky + 0.32 * torch.exp(-near * 0.85) * colour
    return mix(sky, colour, cover(near - 1, torch.full_like(near[..., :1, :1], 0.18)))


def aurora(sky: Tensor, view: View, light: Light, layout: Layout) -> Tensor:
    """Green curtains with a violet fringe that fold and wander."""
    azimuth, elevation = view.azimuth, view.elevation
    device = sky.device
    green = torch.tensor((0.10, 0.95, 0.45), device=device).view(1, 3, 1, 1, 1)
    violet = torch.tensor((0.55, 0.20, 0.80), device=device).view(1, 3, 1, 1, 1)
    for ribbon in range(2):
        drift = azimuth * 0.16 + layout["offset"] * (ribbon + 1) + view.time * 0.006
        fold = noise(drift, layout["offset"] + 0.37 * ribbon + view.time * 0.008, 2.4)
        up = elevation - (0.12 + 0.13 * ribbon + 0.22 * fold)
        rays = 0.55 + 0.45 * noise(
            azimuth * 1.1 + fold * 0.3, layout["offset"] + view.time * 0.02, 1.4
        )
        body = step(-0.03, 0.03, up) * torch.exp(-up.clamp(min=0) * 5.0) * rays
        sky = sky + mix(green, violet, step(0.08, 0.4, up)) * body * (0.8 - 0.25 * ribbon)
    return sky


def rainbow(sky: Tensor, view: View, light: Light, layout: Layout) -> Tensor:
    """One bow opposite the sun, red outside."""
    azimuth, elevation = view.azimuth, view.elevation
    near = ((azimuth - layout["bow"]) ** 2 + (elevation + 0.12) ** 2).sqrt()
    across = (near - 0.56) / 0.12  # 0 violet inside, 1 red outside
    hue = torch.cat(
        [(1 - (across - place).abs() / 0.34).clamp(0, 1) for place in (0.86, 0.52, 0.18)], 1
    )
    band = cover((across - 0.5).abs() - 0.5, torch.full_like(across[..., :1, :1], 0.35))
    inside = 0.07 * step(0.0, -1.0, across)
    return mix(sky, hue * 0.95 + 0.25, band * 0.62) + inside


def shooting_star(sky: Tensor, view: View, light: Light, layout: Layout) -> Tensor:
    """A meteor that crosses again and again, one crossing in 1.5 seconds."""
    azimuth, elevation = view.azimuth, view.elevation
    phase = (view.time / 1.5 + layout["phase"]) % 1
    toward = torch.where(layout["phase"] > 0.5, 1.0, -1.0)
    u = (azimuth - (phase - 0.5) * 1.1 * toward) * toward
    v = elevation - (0.52 - 0.26 * phase)
    along, aside = u * 0.97 - v * 0.23, u * 0.23 + v * 0.97
    tail = step(-0.42, 0.0, along) * (along < 0.012)
    streak = tail * torch.exp(-((aside / (0.004 + 0.012 * tail)) ** 2))
    head = torch.exp(-(along**2 + aside**2) / 0.0005)
    return sky + (streak * 1.1 + head * 1.2).clamp(max=1.2)
