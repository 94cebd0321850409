"""A clip of any length, window by window: what the model sees at a time, and what came of it."""

import itertools
from collections.abc import Callable, Collection, Sequence
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


def windows(frames: int, given: Collection[int] = ()) -> list[Window]:
    """Overlapping windows over the latent frames of a clip, in the order of drawing.

    What lies before all that is given is drawn backward from it, what lies between, inward from
    both sides, and what comes after it, forward.

    Args:
        frames: of the whole clip.
        given: which of them are there.
    """
    order: list[Window] = []
    low = 0
    while (low := _next(low, frames, given, there=False)) < frames:
        high = _next(low, frames, given, there=True)
        end = _next(high, frames, given, there=False)  # of what is there after the gap
        if high == frames:
            order += forward(low, frames)
        else:
            order += inward(low, high, end) if low else backward(high, end)
        low = end
    return order or forward(0, frames)


def forward(low: int, frames: int) -> list[Window]:
    """To the end, each window given the last frames before it."""
    first = max(0, low - OVERLAP)
    starts = range(first, max(first + 1, frames - OVERLAP), WINDOW - OVERLAP)
    seen = [slice(start, min(start + WINDOW, frames)) for start in starts]
    return [Window(frames, frames) for frames in seen]


def backward(high: int, end: int) -> list[Window]:
    """From what is there from ``high`` to ``end`` to the start, each window given what follows it.

    The first latent frame that the model sees is a single picture to it. So, but for that of the
    clip, the first one of a window is drawn and not kept.
    """
    order = []
    while high > 0:
        stop = min(end, high + OVERLAP)
        start = max(0, stop - WINDOW)
        order.append(Window(slice(start, stop), slice(start + 1 if start else 0, high)))
        high = order[-1].new.start
    return order


def inward(low: int, high: int, end: int) -> list[Window]:
    """From both sides of a gap in turn, until one window sees both sides of what is left."""
    order: list[Window] = []
    while end > WINDOW and high - low > BRIDGE:
        half = -(-(high - low - BRIDGE) // 2)
        if len(order) % 2 == 0:
            start = max(0, low - OVERLAP)
            new = slice(low, low + min(half, WINDOW - OVERLAP))
            low = new.stop
        else:
            start = max(0, min(end, high + OVERLAP) - WINDOW)
            new = slice(high - min(half, WINDOW - OVERLAP - 1), high)
            high = new.start
        order.append(Window(slice(start, min(start + WINDOW, end)), new))
    start = max(0, min(low - 1, end - WINDOW))
    order.append(Window(slice(start, min(start + WINDOW, end)), slice(low, high)))
    return order


def _next(start: int, frames: int, given: Collection[int], *, there: bool) -> int:
    """The next frame from ``start`` on that is given, or is not; ``frames`` if there is none."""
    return next((i for i in range(start, frames) if (i in given) == there), frames)


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
        sample: a function of `pleinair.dit.sampler`.
        velocity: the model, as the sampler wants it.
        latents: noise, or what `pleinair.dit.start` made of it.
        held: (F,), True where a frame is given.
        sigmas: noise levels, from that of the latents to 0.
        tick: called after each step.
        order: of the windows; forward if None.
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
