"""From noise to latents: free functions over a velocity, after k-diffusion's `sampling.py`.

A clip is (B, C, F, h, w). The noise level sigma runs from 1 (noise) to 0 (clean) and the model
returns the velocity ``noise - clean``, so a step from ``a`` to ``b`` adds ``(b - a) · velocity``.
Frames that are given are held: they enter clean, at level 0, and no step changes them.
"""

import itertools
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

Progress = Callable[[int, int], None]


class Velocity(Protocol):
    """What a sampler needs of a model: velocity of (B, C, F, h, w) at the levels (B, F)."""

    def __call__(self, latents: Tensor, sigma: Tensor) -> Tensor:
        """Velocity, (B, C, F, h, w)."""
        ...


class MeanVelocity(Protocol):
    """What `leaps` needs: the mean velocity on the way from the levels (B, F) to lower ones."""

    def __call__(self, latents: Tensor, sigma: Tensor, until: Tensor) -> Tensor:
        """Velocity, (B, C, F, h, w)."""
        ...


def schedule(steps: int, *, shift: float = 1.0, start: float = 1.0) -> Tensor:
    """Noise levels from 1 to 0, (steps + 1,); from a level ``start`` on, those that are below it.

    A shift above 1 spends more steps at high noise: ``s·t / (1 + (s - 1)·t)``; Esser et al.,
    Scaling Rectified Flow Transformers, arXiv 2403.03206, equation 23.
    """
    t = torch.linspace(1, 0, steps + 1, dtype=torch.float64)
    levels = shifted(t, shift).float()
    return torch.cat([levels.new_tensor([start]), levels[levels < start]])


def shifted(t: Tensor, shift: float) -> Tensor:
    """Noise levels moved up: ``s·t / (1 + (s - 1)·t)``; see `schedule`."""
    return shift * t / (1 + (shift - 1) * t)


def guided(
    conditional: Velocity,
    unconditional: Velocity,
    scale: float,
    *,
    interval: tuple[float, float] = (0.0, 1.0),
) -> Velocity:
    """Classifier-free guidance, ``u + scale · (c - u)``, where the noise is within an interval.

    Ho and Salimans, arXiv 2207.12598. Outside the interval the unguided velocity is as good and
    costs half: Kynkäänniemi et al., arXiv 2404.07724.
    """

    def velocity(latents: Tensor, sigma: Tensor) -> Tensor:
        towards = conditional(latents, sigma)
        level = float(sigma.max())
        if scale == 1 or not interval[0] <= level <= interval[1]:
            return towards
        return torch.lerp(unconditional(latents, sigma), towards, scale)

    return velocity


def euler(
    velocity: Velocity,
    latents: Tensor,
    sigmas: Tensor,
    *,
    held: Tensor | None = None,
    progress: Progress | None = None,
) -> Tensor:
    """First order, one evaluation a step.

    Args:
        latents: (B, C, F, h, w), noise, and clean latents in the held frames.
        sigmas: (steps + 1,) from `schedule`.
        held: (F,), True where a frame is given.
        progress: called with the number of steps done and their total after each step.
    """
    for i, (a, b) in enumerate(_pairs(sigmas)):
        latents = latents + (b - a) * _free(velocity, latents, a, held)
        if progress:
            progress(i + 1, len(sigmas) - 1)
    return latents


def adams(
    velocity: Velocity,
    latents: Tensor,
    sigmas: Tensor,
    *,
    held: Tensor | None = None,
    progress: Progress | None = None,
) -> Tensor:
    """Second order, one evaluation a step: Adams-Bashforth over uneven steps; see `euler`.

    The velocity is extended along the line through the last two: half the steps of `euler` for
    the same error.
    """
    before: Tensor | None = None
    width = 0.0
    for i, (a, b) in enumerate(_pairs(sigmas)):
        now = _free(velocity, latents, a, held)
        slope = now if before is None else now + (b - a) / (2 * width) * (now - before)
        latents = latents + (b - a) * slope
        before, width = now, b - a
        if progress:
            progress(i + 1, len(sigmas) - 1)
    return latents


def heun(
    velocity: Velocity,
    latents: Tensor,
    sigmas: Tensor,
    *,
    held: Tensor | None = None,
    progress: Progress | None = None,
) -> Tensor:
    """Second order, two evaluations a step but the last; see `euler`.

    Karras et al., Elucidating the Design Space of Diffusion-Based Generative Models,
    arXiv 2206.00364, algorithm 1.
    """
    for i, (a, b) in enumerate(_pairs(sigmas)):
        slope = _free(velocity, latents, a, held)
        if b > 0:
            ahead = latents + (b - a) * slope
            slope = (slope + _free(velocity, ahead, b, held)) / 2
        latents = latents + (b - a) * slope
        if progress:
            progress(i + 1, len(sigmas) - 1)
    return latents


def leaps(
    mean_velocity: MeanVelocity,
    latents: Tensor,
    sigmas: Tensor,
    *,
    held: Tensor | None = None,
    progress: Progress | None = None,
) -> Tensor:
    """A flow map: from each level to the next in one go, one evaluation each; see `euler`.

    Boffi et al., Flow Map Matching, arXiv 2406.07507.
    """
    for i, (a, b) in enumerate(_pairs(sigmas)):
        free = where_free(latents, held)
        sigma, until = ((level * free).expand(len(latents), latents.shape[2]) for level in (a, b))
        latents = latents + (b - a) * mean_velocity(latents, sigma, until) * free[:, None, None]
        if progress:
            progress(i + 1, len(sigmas) - 1)
    return latents


SAMPLERS = {"adams": adams, "euler": euler, "heun": heun}


def _pairs(sigmas: Tensor) -> list[tuple[float, float]]:
    levels = sigmas.tolist()
    return list(itertools.pairwise(levels))


def _free(velocity: Velocity, latents: Tensor, level: float, held: Tensor | None) -> Tensor:
    """Velocity with every frame at this level; where held, level and velocity are 0."""
    free = where_free(latents, held)
    sigma = (level * free).expand(len(latents), latents.shape[2])
    return velocity(latents, sigma) * free[:, None, None]


def where_free(latents: Tensor, held: Tensor | None) -> Tensor:
    """(F,), 0 where a frame is held, 1 elsewhere, for latents (B, C, F, h, w)."""
    free = torch.ones(latents.shape[2], device=latents.device)
    return free if held is None else (~held).to(free)
