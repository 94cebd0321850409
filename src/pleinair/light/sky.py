"""The clear sky at one moment: its light in every direction, sun and moon, and the air between."""

import functools
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.atmosphere import (
    GROUND,
    LAMP_RADIUS,
    WAVELENGTHS,
    Atmosphere,
    rayleigh_phase,
)
from pleinair.light.celestial import heavens
from pleinair.light.discs import frame, moon_face, sun_face
from pleinair.light.skymap import RIM, SIZE, height, look, texels
from pleinair.light.weather import CLEAR_M, KOSCHMIEDER
from pleinair.scenes.scene import Scene

EYE_KM = 0.05
ROWS, COLUMNS, STEPS = 64, 32, 24
"""Elevations, azimuths from the lamp's to the opposite, and samples along each ray marched."""
LOWEST_LAMP = -0.36
"""Sine of the elevation below which a lamp no longer lights the air: 21° under the horizon."""
FULL_MOON_KLX = 3.4e-4
AIRGLOW = (1.6e-7, 1.75e-7, 2.2e-7)
"""Radiance of the moonless sky's zenith without stars, kcd/m²."""
AURORA_KLX = (2.5e-6, 9.0e-6, 3.0e-6)
"""Light on level ground under a strong aurora."""
HAZE_KM, AIR_KM = 1.2, 8.0
"""Heights over which visible haze and air thin to 1/e, as far as they veil what is seen."""


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
        phase: of the moon: 0 new, 0.5 full, 1 new again.
        visibility: m, how far dark things are seen near the ground through clear air.
        aurora: how strong it is, 0 to 1; it lights facets here, and is seen by `aurora` alone.

    Attributes:
        sun, moon: the lamps.
        key: the one that is brighter on the ground.
    """

    def __init__(
        self,
        atmosphere: Atmosphere,
        sun: Tensor,
        moon: Tensor,
        phase: float,
        visibility: float,
        aurora: float = 0.0,
    ) -> None:
        self._atmosphere, self._phase = atmosphere, phase
        sunlight = torch.ones(len(WAVELENGTHS), device=sun.device)
        self._moonlight = moonlight(phase).to(sun.device)
        self.sun = Lamp(sun, self._through(sun[1], sunlight))
        self.moon = Lamp(moon, self._through(moon[1], self._moonlight))
        brighter = float(self.sun.irradiance.sum()) >= float(self.moon.irradiance.sum())
        self.key = self.sun if brighter else self.moon
        fine = texels(SIZE, sun.device)
        light = night(fine.rays[1])
        for lamp, spectrum in ((sun, sunlight), (moon, self._moonlight)):
            if float(lamp[1]) > LOWEST_LAMP:
                light = light + self._lit(lamp, spectrum)
        self._map = light.clamp_(min=0)[None]  # (1, 3, N, N) kcd/m²
        self._level, self._terms = self._projected(fine.rays[1])
        green = (sun.new_tensor(AURORA_KLX) * (aurora / 2))[:, None]  # from all over the sky
        self._level, self._terms[:, 1:2] = self._level + green, self._terms[:, 1:2] + green
        self._extinction = extinction(atmosphere, visibility)  # (2, 3) per m
        mass = 1000 / fine.rays[1] * torch.tensor([[[AIR_KM]], [[HAZE_KM]]]).to(sun)
        whole = torch.einsum("sc,sij->cij", self._extinction, mass)
        self._air = self._map / -torch.expm1(-whole)  # of air so thick that nothing shows through

    def along(self, direction: Tensor) -> Tensor:
        """Radiance of the clear sky, kcd/m², (3, …), by unit direction (3, …).

        Below the horizon it is what stands on the horizon above: the haze one would see there.
        """
        return look(self._map, direction)

    def radiance(self, azimuth: Tensor, elevation: Tensor) -> Tensor:
        """The same by azimuth and elevation in radians, of any one shape: (3, …)."""
        flat = elevation.cos()
        return self.along(
            torch.stack((flat * azimuth.sin(), elevation.sin(), flat * azimuth.cos()))
        )

    def irradiance(self, normal: Tensor) -> Tensor:
        """Light of the clear sky on a facet, klx, (3, …), by its unit normal (3, …).

        From spherical harmonics (Ramamoorthi and Hanrahan, 2001). Light that comes back from the
        ground around counts, that of sun and moon themselves does not.
        """
        x, y, z = normal.flatten(1)
        terms = torch.empty(9, x.shape[0], device=x.device)
        terms[:3] = normal.flatten(1)
        for row, (one, other) in enumerate(((x, y), (y, z), (x, z), (y, y)), 3):
            torch.mul(one, other, out=terms[row])
        torch.addcmul(z * z, x, x, value=-1, out=terms[7])
        torch.mul(terms[6], terms[6], out=terms[8])
        light: Tensor = torch.addmm(self._level, self._terms, terms)
        return light.clamp_(min=0).view(normal.shape)

    def air(self, distance: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
        """What lies between an eye near the ground and something.

        Args:
            distance: (P,) m.
            direction: (3, P) unit.

        Returns:
            The share of its light that comes through, (3, P), and the light of the air itself,
            (3, P) kcd/m²: far away both merge into the sky behind.
        """
        rise = (distance * direction[1]).clamp_(min=1)  # m
        reach = torch.empty(2, distance.shape[0], device=distance.device)
        torch.reciprocal(rise.mul(0.5 / (1000 * AIR_KM)).add_(1), out=reach[0])  # near enough
        rise.mul_(-1 / (1000 * HAZE_KM))
        torch.div(rise.expm1(), rise, out=reach[1])  # mean density on the way up
        through = (self._extinction.T @ reach.mul_(-distance)).exp_()  # (3, P)
        return through, look(self._air, direction).mul_(1 - through)

    def discs(self, direction: Tensor, pixel_angle: float) -> Tensor:
        """Sun and moon themselves, kcd/m², (3, …), by unit direction (3, …).

        Args:
            direction: unit.
            pixel_angle: rad across a pixel, over which their edges are softened.
        """
        light = torch.zeros(3, direction[0].numel(), device=direction.device)
        rays = direction.flatten(1)
        for lamp in (self.sun, self.moon):
            reach = lamp.radius * 1.05 + pixel_angle
            if float(lamp.direction[1]) < -reach:
                continue
            near = (lamp.direction @ rays > math.cos(reach)).nonzero()[:, 0]
            if near.numel():
                light[:, near] += self._face(lamp, rays[:, near], pixel_angle)
        return light.view(direction.shape)

    def _face(self, lamp: Lamp, rays: Tensor, pixel_angle: float) -> Tensor:
        """(3, N): one of the discs in directions near it."""
        across = torch.stack(frame(lamp.direction))  # (2, 3)
        right, up = across @ rays / lamp.radius
        # near the horizon refraction lifts the lower limb more than the upper: 0.53° × 0.44°
        up = up * (1 + 0.2 * math.exp(-max(float(lamp.direction[1]), 0) / 0.03))
        away = (right * right + up * up).sqrt()
        cover = ((1 - away) * (lamp.radius / pixel_angle) + 0.5).clamp(0, 1)
        through = self._atmosphere.clear(torch.full_like(away, EYE_KM), rays[1])  # (L, N)
        if lamp is self.sun:
            face = sun_face(away.clamp(max=1))  # (3, N)
        else:
            through *= self._moonlight[:, None]
            sun = across @ self.sun.direction
            face = moon_face(right, up, self._phase, math.atan2(float(sun[1]), float(sun[0])))
        light: Tensor = (self._atmosphere.colours @ through).clamp_(min=0)
        return light.mul_(face).mul_(cover / (math.pi * lamp.radius**2))

    def _through(self, up: Tensor, spectrum: Tensor) -> Tensor:
        """(3,) klx of a lamp's light at the ground, by the sine of its elevation."""
        eye = torch.full_like(up, EYE_KM)
        through = self._atmosphere.transmittance(eye, up) * spectrum
        light: Tensor = self._atmosphere.colours @ through
        return light.clamp_(min=0)

    def _lit(self, lamp: Tensor, spectrum: Tensor) -> Tensor:
        """(3, N, N): the map of the air lit by one lamp."""
        air, device = self._atmosphere, lamp.device
        out = torch.linspace(0, RIM, ROWS, device=device)[:, None]
        turn = torch.linspace(0, math.pi, COLUMNS, device=device)
        up = height(out).expand(-1, COLUMNS).reshape(-1)  # (P,)
        side = (1 - lamp[1] * lamp[1]).clamp(min=1e-9).sqrt()
        across = (1 - up * up).clamp(min=0).sqrt() * turn.cos().repeat(ROWS)
        cosine = across * side + up * lamp[1]
        eye = torch.full_like(up, EYE_KM)
        once, haze, _, more = air.march(eye, up, lamp[1].expand_as(up), cosine, STEPS)
        to_rgb = air.colours * spectrum  # (3, L)
        smooth = to_rgb @ (once * rayleigh_phase(cosine) + more)
        table = torch.cat((smooth, to_rgb @ haze)).view(1, 6, ROWS, COLUMNS)
        size = (4 * ROWS - 3, 2 * COLUMNS - 1)
        table = F.interpolate(table, size, mode="bicubic", align_corners=True)
        # from elevation and azimuth to the map; the glow around the lamp is too narrow for them
        fine = texels(SIZE, device)
        flat = (fine.rays[0] * lamp[0] + fine.rays[2] * lamp[2]) / side
        flat = flat / (1 - fine.rays[1] * fine.rays[1]).clamp(min=1e-9).sqrt()
        at = torch.stack(
            (flat.clamp(-1, 1).acos() * (2 / math.pi) - 1, fine.out * (2 / RIM) - 1), -1
        )
        light = F.grid_sample(table, at[None], padding_mode="border", align_corners=True)[0]
        glow = air.aerosol.phase((lamp @ fine.rays.flatten(1)).view(SIZE, SIZE))
        return light[:3].addcmul_(light[3:], glow)

    def _projected(self, up: Tensor) -> tuple[Tensor, Tensor]:
        """The sky's irradiance, ground included, as a polynomial in the facet's normal.

        Returns:
            (3, 1) its constant; (3, 9) the factors of x, y, z, xy, yz, xz, y², z² − x² and y⁴.
        """
        coarse = texels(SIZE // 5, up.device)
        rays, angle = coarse.rays.flatten(1), coarse.angle.flatten()
        light = F.avg_pool2d(self._map, 5)[0].flatten(1) * angle  # (3, P)
        level = light @ rays[1]  # klx on the ground
        for lamp in (self.sun, self.moon):
            level = level + lamp.irradiance * lamp.direction[1].clamp(min=0)
        down = with_zone(rays * rays.new_tensor([[1.0], [-1.0], [1.0]])) @ angle  # (10,)
        moments = light @ with_zone(rays).T + (level * (GROUND / math.pi))[:, None] * down
        band = [math.pi] + [2 * math.pi / 3] * 3 + [math.pi / 4] * 5 + [-math.pi / 24]
        sizes = [0.282095] + [0.488603] * 3 + [1.092548] * 3 + [0.315392, 0.546274, 0.105786]
        one, x, y, z, xy, yz, xz, square, ring, zone = (
            moments * moments.new_tensor(band) * moments.new_tensor(sizes)
        ).T
        factors = (x, y, z, xy, yz, xz, 3 * square - 30 * zone, ring, 35 * zone)
        return (one - square + 3 * zone)[:, None], torch.stack(factors, 1)


def sky_at(scene: Scene, seconds: float, device: torch.device) -> Sky:
    """The clear sky of a scene at a moment of its time.

    Args:
        scene: whose sky it is.
        seconds: the scene's time.
        device: where its tables live.
    """
    now = heavens(scene, seconds, device)
    haze = max(scene.sky.turbidity - 1, 0.05) / 1.5  # 1 at the usual 2.5
    visibility = max(scene.weather.visibility_m, CLEAR_M) / haze
    air = _atmosphere(scene.sky.turbidity, device)
    return Sky(air, now.sun, now.moon, scene.sky.moon_phase, visibility, scene.sky.aurora)


@functools.lru_cache(maxsize=8)
def _atmosphere(turbidity: float, device: torch.device) -> Atmosphere:
    return Atmosphere(turbidity, device)


def moonlight(phase: float) -> Tensor:
    """(L,): light of the moon outside the air as a share of the sun's, at each wavelength.

    It falls steeply from full moon (Krisciunas and Schaefer, 1991), and is redder than the sun's.

    Args:
        phase: 0 new, 0.5 full, 1 new again.
    """
    away = abs(1 - 2 * phase) * 180  # degrees between sun and eye, as the moon sees them
    magnitudes = 0.026 * away + 4e-9 * away**4
    redder = (torch.tensor(WAVELENGTHS) / 550) ** 0.4
    return redder * (FULL_MOON_KLX / 133 * 10 ** (-0.4 * magnitudes))


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


def with_zone(direction: Tensor) -> Tensor:
    """(10, …): those, and the round one of order 4, which bright sky above dark ground needs."""
    square = direction[1] * direction[1]
    zone = 0.105786 * ((35 * square - 30) * square + 3)
    return torch.cat((harmonics(direction), zone[None]))


def extinction(atmosphere: Atmosphere, visibility: float) -> Tensor:
    """(2, 3) per m for red, green and blue: of pure air, and of haze (Koschmieder 1924)."""
    weight = atmosphere.colours.clamp(min=0)
    air = weight / weight.sum(1, keepdim=True) @ atmosphere.depth[0] / (1000 * AIR_KM)
    haze = max(KOSCHMIEDER / visibility - float(air[1]), 0)
    return torch.stack((air, haze * air.new_tensor([0.92, 1.0, 1.14])))


def night(up: Tensor) -> Tensor:
    """(3, …) radiance of the sky that neither sun nor moon lights, by the sine of the elevation."""
    layer = 1 / (1 - 0.96 * (1 - up * up)).sqrt()  # van Rhijn: the glowing layer seen aslant
    mass = 1 / (up + 0.025 * torch.exp(-11 * up))  # Rozenberg 1966
    shape = (3, *[1] * up.dim())
    depth = up.new_tensor([0.09, 0.14, 0.26]).view(shape)
    through = torch.exp(-depth * (mass - 1))
    # what the air takes from the glow behind it, it gives back from all around
    seen = (0.6 + 0.4 * layer) * through + 0.9 * (1 - through)
    return up.new_tensor(AIRGLOW).view(shape) * seen
