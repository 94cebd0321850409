"""The schedules and samplers that Wan is drawn with, beside those of `pleinair.dit.sampler`."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pleinair.dit.sampler import Progress, Velocity, euler, shifted, where_free

STEPS = 1000  # noise levels that Wan was trained on


def levels(steps: int, *, shift: float) -> Tensor:
    """Noise levels from nearly 1 to 0, (steps + 1,) float64, as Wan's UniPC takes them.

    Even down to one training step above 0, then shifted; see `pleinair.dit.sampler.schedule`.
    """
    t = torch.linspace(1, 1 / STEPS, steps + 1, dtype=torch.float64)[:-1]
    sigmas = shifted(t, shift)
    sigmas[0] -= 1e-6  # at 1 itself the signal's logarithm has no value
    return torch.cat([sigmas, sigmas.new_zeros(1)])


def euler_levels(steps: int, *, shift: float) -> Tensor:
    """Noise levels from 1 to 0, (steps + 1,) float64, as diffusers' flow-matching Euler takes them.

    Even from 1 down to the shifted level of one training step, and shifted once more.
    """
    least = shift / STEPS / (1 + (shift - 1) / STEPS)
    t = torch.linspace(1, least, steps, dtype=torch.float64)
    sigmas = shifted(t, shift)
    return torch.cat([sigmas, sigmas.new_zeros(1)])


@dataclass(frozen=True)
class _Step:
    """From a level ``a`` to a lower ``b``: what UniPC needs of their logarithmic distance."""

    a: float
    b: float

    @property
    def h(self) -> float:
        """Minus the step in the logarithm of signal over noise."""
        return _log_ratio(self.a) - _log_ratio(self.b)

    @property
    def grown(self) -> float:
        """Of the bh2 variant: ``exp(h) - 1``."""
        return math.expm1(self.h)

    def back(self, before: float) -> float:
        """How far the level before ``a`` lies, in steps of this length; negative."""
        return (_log_ratio(before) - _log_ratio(self.a)) / -self.h

    def carry(self, x: Tensor, clean: Tensor) -> Tensor:
        """The first-order step of latents towards a clean estimate."""
        return self.b / self.a * x - (1 - self.b) * self.grown * clean

    def bend(self, x: Tensor, slope: Tensor) -> Tensor:
        """What differences between estimates add to that."""
        return x - (1 - self.b) * self.grown * slope


def unipc(
    velocity: Velocity,
    latents: Tensor,
    sigmas: Tensor,
    *,
    held: Tensor | None = None,
    progress: Progress | None = None,
) -> Tensor:
    """UniPC of order 2, one evaluation a step: each one also corrects the step that led to it.

    Zhao et al., arXiv 2302.04867, algorithm 1 with B(h) = exp(h) - 1, on clean estimates. The model
    is told whole training steps, as it was in training.

    Args:
        velocity: the model.
        latents: (B, C, F, h, w), noise, and clean latents in the held frames.
        sigmas: (steps + 1,) from `levels`.
        held: (F,), True where a frame is given.
        progress: called with the number of steps done and their total after each step.
    """
    told = [math.floor(level * STEPS) / STEPS for level in sigmas.double().tolist()]
    sigma = sigmas.float().tolist()
    total = len(sigma) - 1
    free = where_free(latents, held)
    given, came = latents, latents
    cleans: list[Tensor] = []  # the newest last
    for i in range(total):
        at = (told[i] * free.double()).expand(len(latents), -1)
        clean = latents - sigma[i] * velocity(latents, at)
        if cleans:
            step = _Step(sigma[i - 1], sigma[i])
            latents = _correct(step, came, [*cleans, clean], sigma[i - 2] if i > 1 else None)
        cleans = [*cleans[-1:], clean]
        came, step = latents, _Step(sigma[i], sigma[i + 1])
        latents = step.carry(latents, clean)
        if len(cleans) > 1 and i + 1 < total:
            slope = (cleans[0] - clean) / step.back(sigma[i - 1])
            latents = step.bend(latents, slope / 2)
        latents = torch.where(free[:, None, None] > 0, latents, given)
        if progress:
            progress(i + 1, total)
    return latents


def _correct(step: _Step, came: Tensor, cleans: list[Tensor], before: float | None) -> Tensor:
    """The step from ``came`` done again, now that the clean estimate at its end is known."""
    *earlier, start, end = cleans
    latents = step.carry(came, start)
    if before is None:
        return step.bend(latents, (end - start) / 2)
    r, h, grown = step.back(before), step.h, step.grown
    phi = grown / h - 1
    first, second = phi / grown, 2 * (phi / h - 0.5) / grown
    # The two weights w of the differences: w₀ + w₁ = first, r·w₀ + w₁ = second.
    weight = (second - first) / (r - 1)
    slope = weight * (earlier[-1] - start) / r + (first - weight) * (end - start)
    return step.bend(latents, slope)


def _log_ratio(level: float) -> float:
    """Logarithm of signal over noise; infinite where there is no noise."""
    return math.log((1 - level) / level) if level else math.inf


SAMPLERS = {"unipc": (unipc, levels), "euler": (euler, euler_levels)}
"""Samplers, each with its schedule."""
