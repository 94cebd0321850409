"""What the weather of a scene says to all that draws it: the wind and how thick the air is."""

import math

from pleinair.scenes.scene import Weather

CLEAR_M = 60000.0
"""Visibility from which on only the clear air dims what is far."""
KOSCHMIEDER = 3.912
"""−ln 0.02: a dark thing is seen as far as 2 % of its contrast is left."""


def wind(weather: Weather, height_m: float = 10.0) -> tuple[float, float]:
    """Velocity of the wind, east and north, m/s; it grows with height by the power 1/7.

    Args:
        weather: of the scene.
        height_m: above the ground, 0.5 or more.
    """
    speed = weather.wind_mps * min((max(height_m, 0.5) / 10) ** (1 / 7), 2.2)
    towards = math.radians(weather.wind_from_deg + 180)
    return speed * math.sin(towards), speed * math.cos(towards)


def haze(weather: Weather) -> float:
    """Extinction by haze and fog beyond that of clear air, 1/m (Koschmieder 1924)."""
    return KOSCHMIEDER * max(0.0, 1 / weather.visibility_m - 1 / CLEAR_M)


def rain_veil(weather: Weather) -> float:
    """Extinction by rain, 1/m: 1.076 R^0.67 dB/km for R in mm/h (Carbonneau & Wisely 1998).

    Half of it: the rest is diffracted so little aside that the eye loses nothing.
    """
    return 0.124e-3 * math.pow(weather.rain_mm_h, 0.67)


def snow_veil(weather: Weather) -> float:
    """Extinction by snowfall, 1/m: between ITU-R P.1814's wet and dry snow, halved as for rain."""
    return 0.52e-3 * math.pow(weather.snow_mm_h, 1.05)


def wet(weather: Weather) -> float:
    """How much rain is in the air, 0..1; 4 mm/h are plenty."""
    return 1 - math.exp(-weather.rain_mm_h / 1.5)
