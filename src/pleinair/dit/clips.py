"""What comes of a prompt, and how a pipeline reports on the way there."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

Progress = Callable[[int, int, str], None]

Preview = Callable[[Callable[[], Tensor]], None]
"""Called after a step with a function that decodes a small look at how far the clip is."""


@dataclass(frozen=True)
class Clips:
    """What came of a prompt.

    Attributes:
        video: (N, 3, T, H, W) float32 in [-1, 1], T = 1 + 4k frames at the rate of the model.
        unknown: words that mean nothing to the model, as typed.
        cut: words dropped from the end of a prompt that is too long.
        timings: seconds spent on "text", "denoise" and "decode".
    """

    video: Tensor
    unknown: tuple[str, ...]
    cut: int
    timings: dict[str, float]
