"""Dunes: transverse and barchanoid ridges with slip faces, ripples on them."""

import math

import torch
from torch import Tensor

from pleinair.light.noise import Window, smoothstep
from pleinair.light.places.place import Palette, Place, dry

SLIP = 0.62  # tangent of the angle of repose of dry sand


class Desert(Place):
    """A sea of sand."""

    palette = Palette(
        sand=(0.42, 0.30, 0.165),
        meadow=0.0,
        trees=0.0,
        stones=0.0,
        flowers=0.0,
        sand_top_m=1e6,
        bare=(5.0, 6.0),
    )

    def uplift(self, window: Window) -> Tensor:
        return torch.zeros(window.size, window.size, device=window.device)

    def plain(self, window: Window) -> Tensor:
        return 20 + 6 * self.noise.fractal(window, 2400, 3, 11)

    def sculpt(self, window: Window, height: Tensor) -> Tensor:
        away = self.away(window)
        tall = min(max(self.relief, 5), 250)
        grown = 0.1 + 0.9 * smoothstep(30, 0.7 * min(self.distance, 2500), away)
        draa = self.dunes(window, tall * 9, 101) * (tall * grown)
        small = self.dunes(window, 74, 131) * 3.2 * smoothstep(15, 160, away)
        return dry(height + draa + small)

    def dunes(self, window: Window, wavelength: float, key: int) -> Tensor:
        """Dune heights of one size, 0 to about 1, (N, N): gentle to the wind, steep in its lee."""
        x, z = window.plane()
        east, north = self.site.wind()
        along, across = x * east + z * north, x * north - z * east
        bend = self.noise.fractal(window, wavelength * 1.7, 4, key, gain=0.38)
        phase = along / wavelength + 0.55 * bend + 0.0 * across
        turn = phase - phase.floor()
        size = (0.62 + 0.4 * self.noise.octave(window, wavelength * 1.25, key + 9)).clamp(0.08, 1.2)
        steep = 1 - 0.22 * size  # where the crest is
        up = turn / steep
        down = (1 - turn) / (1 - steep)
        rise = up * up * (1.9 - 0.9 * up)
        return torch.minimum(rise, down) * size
