"""The clear sky at one moment: its light in every direction, sun and moon, and the air between.

The upper half of the world lies in one map, a disc around the zenith: the unit direction (x, y, z)
is found at (x, z) / (r + k√y) with r = √(1 − y²). So no angle is ever computed for a pixel, texels
crowd at the horizon, where the sky changes most, and no pole shows.
"""

import functools
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.atmosphere import (
    GROUND,
    LAMP_RADIUS,
    Atmosphere,
    rayleigh_phase,
)
from pleinair.light.celestial import heavens
from pleinair.scenes.scene import Scene

SPREAD = 0.7
"""k of the map."""
COARSE, FINER = 72, 5
"""Texels across the map that is marched, and how often finer the one is that is looked up."""
EDGE = 1 - 4 / COARSE
"""Where the horizon lies in the map, whose border is at 1."""
EYE_KM = 0.05
STEPS = 32
FULL_MOON_KLX = 3.4e-4
AIRGLOW = (2.0e-7, 2.3e-7, 3.0e-7)
"""Radiance of the moonless sky's zenith with the stars too faint to see, kcd/m²."""


@dataclass(frozen=True)
class Lamp:
    """Sun or moon as the ground sees it.

    Attributes:
        direction: (3,) unit vector to its middle.
        irradiance: (3,) klx on a facet that faces it, after the air; 0 when it has set.
        radius: of its disc, rad.
    """

    direction: Tensor
    irradiance: Tensor
    radius: float = LAMP_RADIUS


class Sky:
    """All that lies beyond the clouds at one moment.

    Args:
        atmosphere: the air.
        sun, moon: (3,) unit directions.
        moonlight: the moon's light outside the air as a share of the sun's, by wavelength, (L,).
        visibility: m, how far dark things are seen near the ground.
    """

    def __init__(
        self,
        atmosphere: Atmosphere,
        sun: Tensor,
        moon: Tensor,
        moonlight: Tensor,
        visibility: float,
    ) -> None:
        device = sun.device
        self._atmosphere = atmosphere
        spectrum = torch.ones_like(moonlight)
        self.sun = self._lamp(sun, spectrum)
        self.moon = self._lamp(moon, moonlight)
        bright = [float(lamp.irradiance.sum()) for lamp in (self.sun, self.moon)]
        self.key = self.sun if bright[0] >= bright[1] else self.moon
        map_ = _Map.on(device)
        fine = _night(map_.fine[1])
        for lamp, light in ((sun, spectrum), (moon, moonlight)):
            if float(lamp[1]) > -0.36 and float(light.sum()) > 0:
                fine = fine + self._lit(map_, lamp, light)
        self._fine = fine.clamp_(min=0)[None]  # (1, 3, N, N)
        self._project(map_)
        rayleigh, haze = air_extinction(atmosphere, visibility)
        self._extinction = (rayleigh, haze)
        self._source = self._fine

    def along(self, direction: Tensor) -> Tensor:
        """Radiance of the clear sky, kcd/m², (3, …), by unit direction (3, …).

        Below the horizon it is what stands on the horizon above: the haze one would see there.
        """
        return _read(self._fine, place(direction), direction.shape)

    def radiance(self, azimuth: Tensor, elevation: Tensor) -> Tensor:
        """The same by azimuth and elevation in radians, of any one shape: (3, …)."""
        flat = elevation.cos()
        return self.along(
            torch.stack((flat * azimuth.sin(), elevation.sin(), flat * azimuth.cos()))
        )

    def irradiance(self, normal: Tensor) -> Tensor:
        """Light of the clear sky on a facet, klx, (3, …), by its unit normal (3, …).

        Of the sky's nine spherical harmonics (Ramamoorthi and Hanrahan, 2001); light that comes
        back from the ground around counts, that of sun and moon themselves does not.
        """
        basis = harmonics(normal).flatten(1)  # (9, P)
        return (self._harmonics @ basis).clamp_(min=0).view(normal.shape)

    def air(self, distance: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
        """What lies between the eye near the ground and something.

        Args:
            distance: (P,) m.
            direction: (3, P) unit.

        Returns:
            The share of its light that comes through, (3, P), and the light of the air itself,
            (3, P) kcd/m²: at the horizon both merge into the sky.
        """
        rayleigh, haze = self._extinction
        rise = (distance * direction[1]).clamp(min=0)
        through = haze[:, None] * (distance * falloff(rise / 1200))
        through += rayleigh[:, None] * (distance * falloff(rise / 8000))
        through = through.neg_().exp_()
        light = _read(self._source, place(direction), direction.shape)
        return through, light * (1 - through)

    def discs(self, direction: Tensor, pixel_angle: float) -> Tensor:
        """Sun and moon themselves, kcd/m², (3, …), by unit direction (3, …)."""
        total = torch.zeros_like(direction)
        for lamp in (self.sun, self.moon):
            cosine = torch.tensordot(lamp.direction, direction, ([0], [0]))
            away = (2 * (1 - cosine)).clamp(min=0).sqrt()
            edge = ((lamp.radius - away) / pixel_angle + 0.5).clamp(0, 1)
            total += (lamp.irradiance / (math.pi * lamp.radius**2)).view(
                3, *[1] * edge.dim()
            ) * edge
        return total

    def _lamp(self, direction: Tensor, light: Tensor) -> Lamp:
        height = torch.tensor(EYE_KM, device=direction.device)
        through = self._atmosphere.transmittance(height, direction[1]) * light
        return Lamp(direction, (self._atmosphere.colours @ through).clamp(min=0))

    def _lit(self, map_: "_Map", lamp: Tensor, light: Tensor) -> Tensor:
        """(3, N, N): the fine map of the air lit by one lamp."""
        rays = map_.coarse[:, map_.inside]  # (3, P)
        height = torch.full_like(rays[0], EYE_KM)
        high = lamp[1].expand_as(height)
        cosine = lamp @ rays
        air, haze, _, multiple = self._atmosphere.march(height, rays[1], high, cosine, STEPS)
        to_rgb = self._atmosphere.colours * light
        parts = torch.stack(
            (to_rgb @ (air * rayleigh_phase(cosine) + multiple), to_rgb @ haze)
        )  # (2, 3, P)
        flat = torch.zeros(6, COARSE, COARSE, device=lamp.device)
        flat[:, map_.inside] = parts.flatten(0, 1)
        size = COARSE * FINER
        fine = F.interpolate(flat[None], (size, size), mode="bicubic")[0]
        peak = self._atmosphere.aerosol.phase((lamp @ map_.fine.flatten(1)).view(size, size))
        return fine[:3].addcmul_(fine[3:], peak)

    def _project(self, map_: "_Map") -> None:
        """Takes the sky's spherical harmonics, ground included."""
        coarse = F.avg_pool2d(self._fine, FINER)[0].flatten(1) * map_.angle.flatten()  # (3, P)
        rays = map_.coarse.flatten(1)
        level = coarse @ rays[1]  # klx on the ground
        for lamp in (self.sun, self.moon):
            level = level + lamp.irradiance * lamp.direction[1].clamp(min=0)
        moments = coarse @ harmonics(rays).T  # (3, 9)
        down = map_.coarse * torch.tensor([1.0, -1.0, 1.0], device=level.device)[:, None, None]
        below = harmonics(down.flatten(1)) @ map_.angle.flatten()
        moments += (level * (GROUND / math.pi))[:, None] * below
        band = torch.tensor([math.pi] + [2 * math.pi / 3] * 3 + [math.pi / 4] * 5)
        self._harmonics = moments * band.to(level.device)


def sky_at(scene: Scene, seconds: float, device: torch.device) -> Sky:
    """The clear sky of a scene at a moment of its time.

    Args:
        scene: whose sky it is.
        seconds: the scene's time.
        device: where its tables live.
    """
    now = heavens(scene, seconds, device)
    atmosphere = _atmosphere(scene.sky.turbidity, device)
    light = moonlight(scene.sky.moon_phase).to(device)
    return Sky(atmosphere, now.sun, now.moon, light, scene.weather.visibility_m)


@functools.lru_cache(maxsize=8)
def _atmosphere(turbidity: float, device: torch.device) -> Atmosphere:
    return Atmosphere(turbidity, device)


def moonlight(phase: float) -> Tensor:
    """(L,): light of the moon by its phase, as a share of the sun's, at each wavelength.

    Its brightness falls with the angle as Krisciunas and Schaefer (1991) have it, sharply from full.
    """
    away = abs(1 - 2 * phase) * 180  # degrees between sun and eye, seen from the moon
    magnitudes = 0.026 * away + 4e-9 * away**4
    from pleinair.light.atmosphere import WAVELENGTHS

    redder = (torch.tensor(WAVELENGTHS) / 550) ** 0.8
    return redder * (FULL_MOON_KLX / 133 * 10 ** (-0.4 * magnitudes))


def place(direction: Tensor) -> Tensor:
    """Where unit directions (3, …) lie in the map: (P, 2), as `grid_sample` takes them."""
    x, y, z = direction
    y = y.clamp(min=0)
    away = torch.addcmul(_ALMOST.to(y), y, y, value=-1).sqrt_()
    scale = away.add_(y.sqrt_(), alpha=SPREAD).reciprocal_().mul_(EDGE)
    at = torch.empty(*x.shape, 2, device=x.device)
    torch.mul(x, scale, out=at[..., 0])
    torch.mul(z, scale, out=at[..., 1])
    return at.view(-1, 2)


_ALMOST = torch.tensor(1 + 1e-6)


def _read(table: Tensor, at: Tensor, shape: torch.Size) -> Tensor:
    got = F.grid_sample(table, at[None, None], align_corners=False)
    return got.view(shape)


def harmonics(direction: Tensor) -> Tensor:
    """(9, …): real spherical harmonics up to order 2 of unit directions (3, …)."""
    x, y, z = direction
    return torch.stack(
        (
            torch.full_like(x, 0.282095),
            0.488603 * x,
            0.488603 * y,
            0.488603 * z,
            1.092548 * x * y,
            1.092548 * y * z,
            1.092548 * x * z,
            0.315392 * (3 * y * y - 1),
            0.546274 * (z * z - x * x),
        )
    )


def falloff(rise: Tensor) -> Tensor:
    """(1 − e⁻ᵘ) / u of the rise u in scale heights, ≥ 0: mean density of the air on the way."""
    return (rise + 1e-4).reciprocal() * -torch.expm1(-rise - 1e-4)


def air_extinction(atmosphere: Atmosphere, visibility: float) -> tuple[Tensor, Tensor]:
    """(3,) each, per m: of pure air, and of the haze that leaves so much visibility (Koschmieder)."""
    colour = atmosphere.colours.clamp(min=0)
    colour = colour / colour.sum(1, keepdim=True)
    rayleigh = colour @ atmosphere.depth[0] / 8000
    haze = max(3.912 / visibility - float(rayleigh[1]), 0)
    tint = torch.tensor([0.91, 1.0, 1.18], device=rayleigh.device)
    return rayleigh, haze * tint


def _night(up: Tensor) -> Tensor:
    """(3, N, N) radiance of the sky that nothing lights, by the directions' second component."""
    thick = 1 / (1 - 0.96 * (1 - up * up)).sqrt()  # van Rhijn: the glowing layer seen aslant
    mass = 1 / (up + 0.025 * torch.exp(-11 * up))  # Rozenberg 1966
    depth = torch.tensor([0.09, 0.14, 0.26], device=up.device)[:, None, None]
    through = torch.exp(-depth * (mass - 1))
    # what the air takes from the glow behind it, it gives back from all around
    seen = (0.6 + 0.4 * thick) * through + 0.9 * (1 - through)
    return torch.tensor(AIRGLOW, device=up.device)[:, None, None] * seen


@dataclass(frozen=True)
class _Map:
    """Directions of the texels.

    Attributes:
        coarse: (3, n, n), mirrored upward beyond the horizon, so that the map runs on smoothly.
        inside: (n, n) which of them are ever looked at.
        angle: (n, n) solid angle of each, sr; 0 beyond the horizon.
        fine: (3, N, N).
    """

    coarse: Tensor
    inside: Tensor
    angle: Tensor
    fine: Tensor

    @classmethod
    @functools.lru_cache(maxsize=4)
    def on(cls, device: torch.device) -> "_Map":
        """The map's texels on a device."""
        coarse, inside, angle = _texels(COARSE)
        fine, _, _ = _texels(COARSE * FINER)
        return cls(*(part.to(device) for part in (coarse, inside, angle, fine)))


def _texels(size: int) -> tuple[Tensor, Tensor, Tensor]:
    at = (torch.arange(size, dtype=torch.float64) * 2 + 1) / size - 1
    z, x = torch.meshgrid(at, at, indexing="ij")
    out = ((x * x + z * z).sqrt() / EDGE).clamp(min=1e-9)

    def height(s: Tensor) -> Tensor:
        spread, rest = (SPREAD * s) ** 2, 2 * (1 - s) ** 2
        return rest / (spread + (spread * spread + rest * rest).sqrt())

    up = height(torch.where(out > 1, 2 - out, out).clamp(min=0))
    flat = (1 - up * up).clamp(min=0).sqrt() / (out * EDGE)
    rays = torch.stack((x * flat, up, z * flat))
    nudge = 1e-4
    slope = (height(out - nudge) - height(out + nudge)) / (2 * nudge)
    texel = (2 / size / EDGE) ** 2
    # texels on the horizon's circle are weighed by the part of them within it
    within = ((1 - out) * size * EDGE / 2 + 0.5).clamp(0, 1)
    angle = slope / out * texel * within
    return rays.float(), out < 1 + 6 / size, angle.float()
