"""Gusts on the water: patches that the wind ruffles, the cat's paws of a calm day."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.seeds import generator
from pleinair.light.spectrum import Sea

SIZE = 128
TILES_M = (610.0, 2770.0)
"""Sides of the tiles of patches."""
PACE = 0.7
"""Of the gusts, in the wind's speed at 10 m."""


class Gusts:
    """How much stronger or weaker the short waves are from place to place.

    Args:
        seed: of the scene.
        sea: whose wind blows.
        device: where its tensors live.
    """

    def __init__(self, seed: int, sea: Sea, device: torch.device) -> None:
        self._strength = min(max(0.95 - 0.1 * sea.wind, 0.14), 0.75)
        self._speed, self._toward = sea.wind * PACE, sea.toward
        made = generator(seed, "gusts")
        line = torch.fft.fftfreq(SIZE) * SIZE
        wave = torch.hypot(line[:, None], line[None, : SIZE // 2 + 1] * 2.2)  # long down the wind
        power = torch.where(wave > 1.5, wave.clamp(min=1) ** -1.5, 0.0)
        power = power * torch.exp(-((wave / 28) ** 2))
        tile = torch.fft.irfft2(torch.fft.rfft2(torch.randn(SIZE, SIZE, generator=made)) * power)
        tile = torch.tanh(tile / tile.std() * 1.2)
        self._tile = F.pad(tile[None, None], (0, 1, 0, 1), mode="circular").to(device)

    def at(
        self, x: Tensor, z: Tensor, footprint: Tensor, down: Tensor | None, seconds: float
    ) -> Tensor:
        """Factors of the short waves' height, (P,); their mean square is about 1.

        Args:
            x, z, footprint: (P,) m.
            down: (P,) rise over run of the eye's ray; None from above.
            seconds: the scene's time.
        """
        long = footprint if down is None else footprint / down
        found = torch.ones_like(x)
        for order, size in enumerate(TILES_M):
            turn = -self._toward + 0.3 * (order - 0.5)  # rows lie along the wind
            cos, sin = math.cos(turn) / size, math.sin(turn) / size
            moved = (seconds * self._speed / size) % 1
            u = (x * cos).add_(z, alpha=sin)
            v = (z * cos).add_(x, alpha=-sin).sub_(moved)
            grid = torch.stack((u - u.floor(), v - v.floor()), -1).mul_(2).sub_(1)
            value = F.grid_sample(self._tile, grid.view(1, 1, -1, 2), align_corners=True).view(-1)
            seen = (long * (9 / size)).square_().add_(1).reciprocal_()
            found.addcmul_(value, seen, value=self._strength * (0.5, 0.6)[order])
        return found.mul_(1 / math.sqrt(1 + 0.35 * self._strength**2)).clamp_(min=0.08)
