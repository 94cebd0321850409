"""How sun, moon and stars turn around the pole with the scene's time."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pleinair.scenes.scene import Scene

SOLAR_DAY_S = 86400.0
STAR_DAY_S = 86164.1
MOON_DAY_S = 89428.3
"""Until the moon stands over the same meridian again: it falls behind by 50 minutes a day."""


@dataclass(frozen=True)
class Heavens:
    """Where all stands at one moment.

    Attributes:
        sun, moon: (3,) unit directions of their centres.
        turn: (3, 3) from where the stars stand at scene time 0 to where they stand now.
    """

    sun: Tensor
    moon: Tensor
    turn: Tensor


def direction(azimuth_deg: float, elevation_deg: float) -> Tensor:
    """(3,) unit direction, east, up, north; float64."""
    a, e = math.radians(azimuth_deg), math.radians(elevation_deg)
    parts = (math.cos(e) * math.sin(a), math.sin(e), math.cos(e) * math.cos(a))
    return torch.tensor(parts, dtype=torch.float64)


def turned(latitude_deg: float, angle: float) -> Tensor:
    """(3, 3) rotation of the sky by an angle in radians, from east through the zenith to west.

    Args:
        latitude_deg: the pole stands in the north as high as the latitude is.
        angle: 2π is a day.
    """
    _, y, z = direction(0, latitude_deg).tolist()
    cross = torch.tensor([[0, -z, y], [z, 0, 0], [-y, 0, 0]], dtype=torch.float64)
    # Rodrigues' formula around the pole
    return (
        torch.eye(3, dtype=torch.float64)
        + math.sin(angle) * cross
        + (1 - math.cos(angle)) * (cross @ cross)
    )


def heavens(scene: Scene, seconds: float, device: torch.device) -> Heavens:
    """Sun, moon and stars at a scene time; at 0 they stand as the document says."""
    sky = scene.sky

    def turn(day: float) -> Tensor:
        return turned(sky.latitude_deg, 2 * math.pi * math.fmod(seconds / day, 1.0))

    sun = turn(SOLAR_DAY_S) @ direction(sky.sun_azimuth_deg, sky.sun_elevation_deg)
    moon = turn(MOON_DAY_S) @ direction(sky.moon_azimuth_deg, sky.moon_elevation_deg)
    return Heavens(*(part.float().to(device) for part in (sun, moon, turn(STAR_DAY_S))))
