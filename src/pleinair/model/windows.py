"""A clip of any length, window by window: what the model sees at a time, and what came of it."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

WINDOW = 5  # latent frames that the model sees at a time: 17 frames, about two seconds
OVERLAP = 2  # of them given from the window before


def windows(frames: int) -> list[slice]:
    """Overlapping windows over the latent frames of a clip."""
    starts = range(0, max(1, frames - OVERLAP), WINDOW - OVERLAP)
    return [slice(start, min(start + WINDOW, frames)) for start in starts]


def denoise(
    sample: Callable[..., Tensor],
    velocity: Callable[..., Tensor],
    latents: Tensor,
    held: Tensor,
    sigmas: Tensor,
    tick: Callable[..., None],
) -> Tensor:
    """Latents (1, C, F, h, w) at the first noise level to clean ones, window by window.

    Args:
        sample: a function of `pleinair.model.sampler`.
        velocity: the model, as the sampler wants it.
        latents: noise, or what `pleinair.model.start` made of it.
        held: (F,), True where a frame is given.
        sigmas: noise levels, from that of the latents to 0.
        tick: called after each step.
    """
    latents, held = latents.clone(), held.clone()
    for window in windows(latents.shape[2]):
        piece = latents[:, :, window]
        latents[:, :, window] = sample(velocity, piece, sigmas, held=held[window], progress=tick)
        held[window] = True
    return latents


class Watched:
    """A velocity that keeps what it was last asked and what it said, for whoever wants a look."""

    def __init__(self, velocity: Callable[..., Tensor]) -> None:
        self.velocity = velocity
        self.last: tuple[Tensor, Tensor, Tensor] | None = None

    def __call__(self, latents: Tensor, sigma: Tensor, *more: Any) -> Tensor:  # noqa: ANN401
        """The velocity, (1, C, F, h, w)."""
        velocity = self.velocity(latents, sigma, *more)
        self.last = latents, sigma, velocity
        return velocity


def clean_estimate(latents: Tensor, sigma: Tensor, velocity: Tensor) -> Tensor:
    """What the model takes for the clean clip, (B, C, F, h, w), at the levels (B, F)."""
    return latents - sigma[:, None, :, None, None] * velocity
