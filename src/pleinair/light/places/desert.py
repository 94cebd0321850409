"""Dunes: ridges across the wind with slip faces in their lee, ripples on them."""

import math

import torch
from torch import Tensor

from pleinair.light.noise import Noise, Window, smoothstep
from pleinair.light.places.place import Palette, Place, dry

SLIP = 0.6
"""Tangent of the angle at which dry sand comes to rest."""


class Desert(Place):
    """A sea of sand."""

    palette = Palette(
        sand=(0.41, 0.305, 0.19),
        meadow=0.0,
        trees=0.0,
        stones=0.0,
        flowers=0.0,
        sand_top_m=1e6,
        bare=(5.0, 6.0),
    )
    rough = (0.0015, 0.0015)
    gullied = 0.0

    def plain(self, window: Window) -> Tensor:
        """Broad swells, and the viewer's own rise."""
        x, z = window.plane()
        away = self.away(window)
        own = 0.1 * self.tall * torch.exp(-(x * x + z * z) / (2 * self.tall + 30) ** 2)
        swell = 1 + self.noise.fractal(window, 2600, 3, 11)
        return 25 + own + 0.14 * self.tall * swell * smoothstep(0, 900, away)

    @property
    def tall(self) -> float:
        """Height of the great dunes, m."""
        return min(max(self.relief, 5.0), 220.0)

    @property
    def prevailing(self) -> tuple[float, float]:
        """Toward where the wind of the years blows: today's, if the slip faces show then."""
        east, north = self.site.wind()
        if north < -0.1 and abs(east) > 0.4:
            return east, north
        angle = math.radians(self.site.side * self.site.chance("prevailing", low=105, high=140))
        return math.sin(angle), math.cos(angle)

    def sculpt(self, window: Window, height: Tensor) -> Tensor:
        """Great dunes, small ones on them, ripples on these."""
        x, z = window.plane()
        away, tall, wind = self.away(window), self.tall, self.prevailing
        long = min(max(0.9 * self.distance, 6 * tall), 13 * tall)
        east, north = self.site.subject
        reach = 3 * tall + 60
        chief = torch.exp(-((x - east) ** 2 + (z - north) ** 2) / (reach * reach))
        great = waves_of_wind(self.noise, wind, window, long, tall, 101)
        turned = (0.42 * wind[0] - 0.907 * wind[1], 0.907 * wind[0] + 0.42 * wind[1])
        other = waves_of_wind(self.noise, turned, window, 0.65 * long, 0.6 * tall, 121)
        great = torch.maximum(great, 0.6 * other)  # two winds raise stars where they cross
        grown = 0.04 + 0.96 * smoothstep(15, 0.35 * self.distance, away)
        small = waves_of_wind(self.noise, wind, window, 34, 1.4, 131) * smoothstep(8, 120, away)
        ground = height + great * (tall * grown * (0.76 + 0.4 * chief))
        ground = dry(ground + 1.4 * small * (1 - 0.8 * great.clamp(max=1)))
        if window.cell <= 0.25:
            ground = ground + 0.02 * waves_of_wind(
                self.noise, self.site.wind(), window, 1, 0.03, 151
            )
        return ground


def waves_of_wind(
    noise: Noise,
    wind: tuple[float, float],
    window: Window,
    wavelength: float,
    height: float,
    key: int,
) -> Tensor:
    """Dunes of one size, (N, N), 0 to about 1: gentle to the wind, a slip face in its lee.

    Ridges across the wind bend and end where noise shifts their phase, and are sharp at the crest.
    The middle of the world lies at the foot of a slip face.

    Args:
        noise: of the seed.
        wind: unit vector toward which it blows, east and north.
        window: where.
        wavelength: from crest to crest, m.
        height: from foot to crest, m; decides how long the slip face is.
        key: another key, other dunes.
    """
    x, z = window.plane()
    middle = noise.fractal(
        Window(0, 0, 1, window.cell, window.device), wavelength * 2.1, 4, key, 0.3
    )
    bend = noise.fractal(window, wavelength * 2.1, 4, key, 0.3) - middle
    phase = (x * wind[0] + z * wind[1]) / wavelength + 0.42 * bend + 0.12
    turn = phase - phase.floor()  # 0 at the foot to the wind, 1 at the foot in the lee
    size = (0.74 + 0.32 * noise.fractal(window, wavelength * 1.4, 2, key + 9)).clamp(0.08, 1.15)
    lee = (size * (height / (SLIP * wavelength))).clamp(0.03, 0.4)  # share of the slip face
    up = turn / (1 - lee)
    return torch.minimum(up * up * (1.7 - 0.7 * up), (1 - turn) / lee) * size
