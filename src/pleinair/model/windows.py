"""A clip of any length, window by window: what the model sees at a time, and what came of it."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

WINDOW = 5  # latent frames that the model sees at a time: 17 frames, about two seconds
OVERLAP = 2  # of them given from the window before
BRIDGE = 2  # latent frames that the last window between two clips draws: both sides are in view


class Window(NamedTuple):
    """A step of drawing: the latent frames that the model sees, and those of them that it draws."""

    seen: slice
    new: slice


def windows(frames: int, head: int = 0, tail: int = 0) -> list[Window]:
    """Overlapping windows over the latent frames of a clip, in the order of drawing.

    Args:
        frames: of the whole clip.
        head: how many at its start are given.
        tail: how many at its end are those of a clip that follows.
    """
    if not tail:
        return forward(frames)
    return inward(frames, head, tail) if head else backward(frames, tail)


def forward(frames: int) -> list[Window]:
    """From the start, each window given the end of the one before."""
    starts = range(0, max(1, frames - OVERLAP), WINDOW - OVERLAP)
    seen = [slice(start, min(start + WINDOW, frames)) for start in starts]
    return [Window(frames, frames) for frames in seen]


def backward(frames: int, tail: int) -> list[Window]:
    """From the end, each window given the start of the one that follows.

    The first latent frame that the model sees is a single picture to it. So, but for that of the
    clip, the first one of a window is drawn and not kept.
    """
    found, stop = [], frames - tail
    while stop > 0:
        end = min(frames, stop + OVERLAP)
        start = max(0, end - WINDOW)
        found.append(Window(slice(start, end), slice(start + 1 if start else 0, stop)))
        stop = found[-1].new.start
    return found


def inward(frames: int, head: int, tail: int) -> list[Window]:
    """From both ends in turn, until one window sees both sides of what is left."""
    found: list[Window] = []
    low, high = head, frames - tail
    while frames > WINDOW and high - low > BRIDGE:
        half = -(-(high - low - BRIDGE) // 2)
        if len(found) % 2 == 0:
            start = max(0, low - OVERLAP)
            new = slice(low, low + min(half, WINDOW - OVERLAP))
            low = new.stop
        else:
            start = max(0, min(frames, high + OVERLAP) - WINDOW)
            new = slice(high - min(half, WINDOW - OVERLAP - 1), high)
            high = new.start
        found.append(Window(slice(start, min(start + WINDOW, frames)), new))
    start = max(0, min(low - 1, frames - WINDOW))
    found.append(Window(slice(start, min(start + WINDOW, frames)), slice(low, high)))
    return found


def denoise(
    sample: Callable[..., Tensor],
    velocity: Callable[..., Tensor],
    latents: Tensor,
    held: Tensor,
    sigmas: Tensor,
    tick: Callable[..., None],
    order: Sequence[Window] | None = None,
) -> Tensor:
    """Latents (1, C, F, h, w) at the first noise level to clean ones, window by window.

    Args:
        sample: a function of `pleinair.model.sampler`.
        velocity: the model, as the sampler wants it.
        latents: noise, or what `pleinair.model.start` made of it.
        held: (F,), True where a frame is given.
        sigmas: noise levels, from that of the latents to 0.
        tick: called after each step.
        order: of the windows, forward if None.
    """
    latents, held = latents.clone(), held.clone()
    for seen, new in order or windows(latents.shape[2]):
        piece = latents[:, :, seen]
        drawn = sample(velocity, piece, sigmas, held=held[seen], progress=tick)
        latents[:, :, new] = drawn[:, :, new.start - seen.start : new.stop - seen.start]
        held[new] = True
    return latents


def ring(velocity: Callable[..., Tensor], frames: int) -> Callable[..., Tensor]:
    """A velocity of clips whose last latent frame leads into the first.

    Windows all around overlap by more than half and their velocities are averaged at each step,
    so that all of the clip is drawn at once: Bar-Tal et al., MultiDiffusion, arXiv 2302.08113,
    with windows that go on past the end and move on from step to step as in Mobius, Bi et al.,
    arXiv 2502.20307.

    Args:
        velocity: the model, as a sampler wants it.
        frames: latent frames of the clip.
    """
    calls = itertools.count()
    length = min(WINDOW, frames + 1)

    def around(latents: Tensor, *levels: Tensor) -> Tensor:
        total, seen = torch.zeros_like(latents), latents.new_zeros(frames)
        first = next(calls)
        for start in range(first, first + frames, 2):
            window = [(start + i) % frames for i in range(length)]
            made = velocity(latents[:, :, window], *(level[:, window] for level in levels))
            for i, frame in enumerate(window[1:], 1):  # the first is one picture to the model
                total[:, :, frame] += made[:, :, i]
                seen[frame] += 1
        return total / seen[:, None, None]

    return around


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
