"""Dunes: ridges across the wind with slip faces in their lee, ripples on them."""

import torch
from torch import Tensor

from pleinair.light.noise import Noise, Window, smoothstep
from pleinair.light.places.place import Palette, Place, dry


class Desert(Place):
    """A sea of sand."""

    palette = Palette(
        sand=(0.42, 0.285, 0.15),
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
        tall = self.tall
        away = self.away(window)
        own = 0.22 * tall * torch.exp(-(x * x + z * z) / (2.5 * tall + 40) ** 2)
        return (
            25
            + own
            + 0.16 * tall * (1 + self.noise.fractal(window, 2600, 3, 11)) * smoothstep(0, 900, away)
        )

    @property
    def tall(self) -> float:
        """Height of the great dunes, m."""
        return min(max(self.relief, 5.0), 220.0)

    def sculpt(self, window: Window, height: Tensor) -> Tensor:
        """Great dunes, small ones on them, ripples on these."""
        x, z = window.plane()
        away, tall, wind = self.away(window), self.tall, self.site.wind()
        grown = 0.06 + 0.94 * smoothstep(25, min(self.distance, 12 * tall + 150), away)
        east, north = self.site.subject
        reach = 3.2 * tall + 60
        chief = torch.exp(-((x - east) ** 2 + (z - north) ** 2) / (reach * reach))
        great = waves_of_wind(self.noise, wind, window, tall * 8.5, 101)
        size = tall * grown * (0.72 + 0.45 * chief)
        small = waves_of_wind(self.noise, wind, window, 46, 131) * 1.5 * smoothstep(8, 120, away)
        ground = dry(height + great * size + small * (0.35 + 0.65 * (1 - great)))
        if window.cell <= 0.25:
            ground = ground + 0.012 * waves_of_wind(self.noise, wind, window, 0.9, 151)
        return ground


def waves_of_wind(
    noise: Noise, wind: tuple[float, float], window: Window, wavelength: float, key: int
) -> Tensor:
    """Dunes of one size, (N, N), 0 to about 1: gentle to the wind, a slip face in its lee.

    Ridges across the wind bend and end where noise shifts their phase, and are sharp at the crest.

    Args:
        noise: of the seed.
        wind: unit vector toward which it blows, east and north.
        window: where.
        wavelength: from crest to crest, m.
        key: another key, other dunes.
    """
    x, z = window.plane()
    bend = noise.fractal(window, wavelength * 2.1, 4, key, gain=0.3)
    phase = (x * wind[0] + z * wind[1]) / wavelength + 0.42 * bend
    turn = phase - phase.floor()  # 0 at the foot to the wind, 1 at the foot in the lee
    size = (0.6 + 0.36 * noise.fractal(window, wavelength * 1.4, 2, key + 9)).clamp(0.06, 1.1)
    lee = 0.1 + 0.12 * size  # share of the wavelength that the slip face takes
    up = turn / (1 - lee)
    return torch.minimum(up * up * (1.7 - 0.7 * up), (1 - turn) / lee) * size
