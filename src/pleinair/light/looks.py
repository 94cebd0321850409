"""How a film is printed or painted: the stock of each look, and the hand that paints it."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from pleinair.light.painting import ink, watercolour

Rows = tuple[tuple[float, float, float], ...]
_NONE: Rows = ((1, 0, 0), (0, 1, 0), (0, 0, 1))


@dataclass(frozen=True)
class Stock:
    """A film stock with its filter and its paper.

    Attributes:
        filter: (3, 3) what each layer of the film sees of red, green and blue.
        contrast, saturation: factors; warmth, grain: added to the film's own.
        black, white: of the paper, per channel, 0..1.
        gamma: of each layer; above 1 is darker.
    """

    filter: Rows = _NONE
    contrast: float = 1.0
    saturation: float = 1.0
    warmth: float = 0.0
    grain: float = 0.0
    black: tuple[float, float, float] = (0, 0, 0)
    white: tuple[float, float, float] = (1, 1, 1)
    gamma: tuple[float, float, float] = (1, 1, 1)


STOCKS = {
    "natural": Stock(saturation=1.22),
    "vivid": Stock(contrast=1.12, saturation=1.55),
    # panchromatic film behind an orange filter: skies darken, clouds and snow stand out
    "black and white": Stock(
        filter=((0.66, 0.36, -0.02),) * 3, contrast=1.18, saturation=0.0, grain=0.12
    ),
    # a faded print: lifted blue shadows, yellowed lights, less colour
    "vintage": Stock(
        contrast=0.9,
        saturation=0.72,
        warmth=0.25,
        grain=0.25,
        black=(0.075, 0.06, 0.095),
        white=(0.985, 0.94, 0.82),
        gamma=(0.96, 1.0, 1.06),
    ),
    "watercolour": Stock(contrast=0.92, saturation=1.3),
    "ink": Stock(filter=((0.35, 0.5, 0.15),) * 3, saturation=0.0),
}
Painter = Callable[[Tensor, int, Tensor | None, Tensor | None], Tensor]
"""From a picture (3, H, W) of 0 to 255, a seed, depth and normal to a picture of the same kind."""
PAINTERS: dict[str, Painter] = {"watercolour": watercolour, "ink": ink}
