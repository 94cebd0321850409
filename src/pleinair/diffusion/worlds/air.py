"""What is in the air before everything: fog, rain, snow, lightning."""

import torch
from torch import Tensor

from pleinair.diffusion.worlds.field import dice, mix, noise, step
from pleinair.diffusion.worlds.palette import Light
from pleinair.diffusion.worlds.sky import Layout
from pleinair.diffusion.worlds.view import View


def fog(canvas: Tensor, view: View, light: Light, layout: Layout) -> Tensor:
    """Mist that lies along the horizon and drifts."""
    drift = noise(
        view.azimuth * 0.22 + layout["wind"] * view.time * 0.012,
        view.elevation * 0.5 + layout["offset"],
        2.2,
    )
    low = torch.exp(-view.elevation.abs() * 3.2) * (0.72 + 0.34 * drift)
    return mix(canvas, light.fog, (layout["haze"] * (0.22 + 0.86 * low)).clamp(0, 0.93))


def rain(canvas: Tensor, view: View, light: Light, layout: Layout) -> Tensor:
    """Streaks in two depths, slanted by the wind."""
    slant = view.x + 0.14 * view.y * torch.sign(layout["wind"])
    for layer, (size, speed) in enumerate(((19.0, 2.6), (11.0, 3.2))):
        lane = slant * size + 31 * layer
        cell = lane.floor()
        fall = view.y * 1.15 + view.time * speed * (0.8 + 0.4 * dice(cell, 0)) + 9 * dice(cell, 1)
        drop = fall - fall.floor()
        streak = step(0.42, 0.0, (drop - 0.5).abs()) * step(0.5, 0.1, (lane - cell - 0.5).abs())
        streak = streak * (dice(cell + 3 * fall.floor(), 2) > 0.58)
        canvas = mix(canvas, light.fog * 0.55 + 0.45, streak * (0.30 - 0.12 * light.darkness))
    return canvas


def snowflakes(canvas: Tensor, view: View, light: Light, layout: Layout) -> Tensor:
    """Flakes in two depths that fall and sway."""
    for layer, (size, speed) in enumerate(((3.6, 0.50), (6.0, 0.34))):
        u = (
            view.x * size
            + layout["wind"] * view.time * 0.5
            + 0.35 * torch.sin(view.time * 2 + view.y * 3 + layer)
        )
        v = view.y * size + view.time * speed * size
        cell = u.floor() * 37 + v.floor() * 91 + 1000 * layer
        du, dv = (
            u - u.floor() - 0.25 - 0.5 * dice(cell, 0),
            v - v.floor() - 0.25 - 0.5 * dice(cell, 1),
        )
        flake = step(0.26, 0.08, (du * du + dv * dv).sqrt()) * (dice(cell, 2) > 0.58)
        canvas = mix(
            canvas, 0.35 + 0.65 * light.light.clamp(min=0.45), flake * (0.92 - 0.15 * layer)
        )
    return canvas


def lightning(canvas: Tensor, view: View, light: Light, layout: Layout) -> Tensor:
    """Two flashes every two seconds, the first with its bolt."""
    beat = (view.time + 2 * layout["phase"]) % 2.0
    flash = ((beat < 0.26) + 0.6 * ((beat > 0.37) & (beat < 0.51))).to(canvas.dtype)
    strike = layout["bow"] * 1.6 + 0.16 * (
        noise(view.elevation * 0.55 + layout["offset"], layout["phase"], 1.2) - 0.5
    )
    bolt = torch.exp(-(((view.azimuth - strike) / (view.pixel * 0.9)) ** 2)) * step(
        0.0, 0.02, view.elevation
    )
    glow = 0.30 * torch.exp(-((view.azimuth - strike) ** 2) * 5) * step(-0.35, 0.15, view.elevation)
    return canvas + flash * (0.10 + glow + 0.95 * bolt * step(0.62, 0.5, view.elevation))
