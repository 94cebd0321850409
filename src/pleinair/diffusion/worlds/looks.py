"""Looks: how the finished picture is toned: photograph, film, watercolour or ink."""

import torch
from torch import Tensor
from torch.nn import functional as F

from pleinair.diffusion.worlds.field import mix, noise, step
from pleinair.diffusion.worlds.palette import Light
from pleinair.diffusion.worlds.sky import Layout
from pleinair.diffusion.worlds.view import View

_WASHES = (0.16, 0.30, 0.43, 0.55, 0.67, 0.80)  # tones below which one more wash is laid
_LUMA = (0.30, 0.59, 0.11)


def luminance(picture: Tensor) -> Tensor:
    """(B, 3, T, H, W) to (B, 1, T, H, W)."""
    weight = torch.tensor(_LUMA, device=picture.device).view(1, 3, 1, 1, 1)
    return (picture * weight).sum(1, keepdim=True)


def photo(picture: Tensor, view: View, light: Light, layout: Layout) -> Tensor:
    """A slight darkening of the corners."""
    return picture * (1 - 0.07 * (view.x**2 + view.y**2))


def black_and_white(picture: Tensor, view: View, light: Light, layout: Layout) -> Tensor:
    """Grey with strong contrast, grain that changes with every frame and dark corners."""
    grey = step(0.0, 1.0, luminance(picture).clamp(0, 1) ** 0.85)
    frame = (view.time * 8).round() * 0.377
    grain = noise(view.x * 0.9 + frame + layout["offset"], view.y * 0.9 + frame * 1.7, 0.4) - 0.5
    edge = 1 - 0.20 * (view.x**2 + view.y**2)
    return ((grey + 0.07 * grain) * edge).expand_as(picture)


def watercolour(picture: Tensor, view: View, light: Light, layout: Layout) -> Tensor:
    """Pale washes in a few tones on rough paper, with a white border."""
    blurred = F.avg_pool3d(picture, (1, 3, 3), 1, (0, 1, 1), count_include_pad=False)
    paper = noise(view.x * 0.4 + layout["offset"], view.y * 0.4, 1.2)
    bloom = noise(view.x * 0.09 + layout["offset"], view.y * 0.09 + 0.4, 2.0)
    tone = luminance(blurred)
    washed = blurred * (0.95 + 0.20 * (bloom - 0.5))
    levels = (washed * 6 + 0.5).floor() / 6
    washed = torch.lerp(washed, levels, 0.4)
    vivid = tone + (washed - tone) * 1.3
    page = (0.26 + 0.78 * vivid.clamp(0, 1)) * (0.95 + 0.08 * paper)
    border = torch.maximum(
        view.x.abs() - view.x.abs().amax(),
        view.y.abs() - view.y.abs().amax(),
    )
    white = step(-0.17, -0.06, border + 0.14 * (bloom - 0.5))
    return mix(page, torch.full_like(page, 0.98), white)


def ink(picture: Tensor, view: View, light: Light, layout: Layout) -> Tensor:
    """Brush and ink on cream paper: outlines over washes."""
    tone = luminance(picture).clamp(0, 1) ** 0.75
    soft = F.avg_pool3d(tone, (1, 3, 3), 1, (0, 1, 1), count_include_pad=False)
    dx = F.pad(soft.diff(dim=-1), (0, 1))
    dy = F.pad(soft.diff(dim=-2), (0, 0, 0, 1))
    line = step(0.035, 0.13, (dx.square() + dy.square()).sqrt())
    wobble = 0.10 * (noise(view.x * 0.2 + layout["offset"], view.y * 0.2, 1.6) - 0.5)
    washes = [step(edge + 0.04, edge - 0.04, soft + wobble) for edge in _WASHES]
    wash = torch.stack(washes).sum(0) * (0.84 / len(_WASHES))
    amount = torch.maximum(0.85 * line, wash).clamp(0, 0.92)
    paper = torch.tensor((0.96, 0.92, 0.82), device=picture.device).view(1, 3, 1, 1, 1)
    black = torch.tensor((0.09, 0.09, 0.15), device=picture.device).view(1, 3, 1, 1, 1)
    return mix(paper, black, amount)


FINISH = {
    "photo": photo,
    "black and white": black_and_white,
    "watercolour": watercolour,
    "ink": ink,
}
