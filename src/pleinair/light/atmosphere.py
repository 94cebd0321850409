"""Clear air: what it scatters, absorbs and lets through, by the wavelength.

A spherical shell of air (Rayleigh), haze (Mie) and ozone. Light that was scattered once is
marched; light that was scattered more often comes from a table (Hillaire, "A Scalable and
Production Ready Sky and Atmosphere Rendering Technique", 2020). Lengths are in km in here, and
light is relative to what the lamp sends outside the air, at each of `WAVELENGTHS`.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

EARTH_KM = 6360.0
TOP_KM = 100.0
LAMP_RADIUS = math.radians(0.53 / 2)
"""Of the sun's disc, and within a few per cent of the moon's."""

WAVELENGTHS = (400.0, 440.0, 480.0, 520.0, 560.0, 600.0, 640.0, 690.0)
"""At which light is followed, nm."""
OZONE = (0.0001, 0.0009, 0.0050, 0.0127, 0.0276, 0.0360, 0.0214, 0.0079)
"""Vertical optical depth of 270 Dobson units at `WAVELENGTHS` (Chappuis band)."""
SUNLIGHT = (
    (380, 400, 420, 440, 460, 480, 500, 540, 580, 620, 660, 700, 740),
    (1.10, 1.57, 1.74, 1.82, 2.06, 2.05, 1.93, 1.87, 1.84, 1.70, 1.56, 1.42, 1.29),
)
"""The sun outside the air: nm, and W/m²/nm (ASTM E490, smoothed)."""
GROUND = 0.15
"""Albedo of the land and sea far around."""


@dataclass(frozen=True)
class Aerosol:
    """The haze near the ground, as it makes the sky of Hosek and Wilkie (2012) by turbidity.

    Attributes:
        depth: vertical optical depth at 550 nm for a turbidity of 2.
        growth: it grows with this power of the turbidity above 1.
        angstrom: how it falls with the wavelength.
        albedo: share of what it takes from a beam that is scattered, not absorbed.
        height_km: over which its density falls to 1/e.
        lobes: (share, g) of the Henyey–Greenstein functions that make its phase function.
    """

    depth: float = 0.0102
    growth: float = 1.38
    angstrom: float = 0.4
    albedo: float = 0.82
    height_km: float = 0.6
    lobes: tuple[tuple[float, float], ...] = ((1.0, 0.735),)

    def phase(self, cosine: Tensor) -> Tensor:
        """Phase function, per sr; same shape as the cosine of the angle of scattering."""
        total = torch.zeros_like(cosine)
        for share, g in self.lobes:
            near = torch.rsqrt((1 + g * g) - 2 * g * cosine)
            total.add_(near * near * near, alpha=share * (1 - g * g) / (4 * math.pi))
        return total


def rayleigh_phase(cosine: Tensor) -> Tensor:
    """Phase function of air, per sr."""
    return torch.addcmul(torch.full_like(cosine, 1.0), cosine, cosine).mul_(3 / (16 * math.pi))


def colours(device: torch.device) -> Tensor:
    """(3, L): linear sRGB in klx, or kcd/m², of sunlight whose `WAVELENGTHS` pass as given.

    Colour matching functions: Wyman, Sloan and Shirley, "Simple Analytic Approximations to the CIE
    XYZ Color Matching Functions", 2013.
    """
    at = torch.arange(380.0, 741.0, 2.0, dtype=torch.float64)  # nm

    def lobe(size: float, middle: float, low: float, high: float) -> Tensor:
        width = torch.where(at < middle, low, high)
        return size * torch.exp(-0.5 * ((at - middle) / width) ** 2)

    x = lobe(0.362, 442, 16, 26.7) + lobe(1.056, 599.8, 37.9, 31) - lobe(0.065, 501.1, 20.4, 26.2)
    y = lobe(0.821, 568.8, 46.9, 40.5) + lobe(0.286, 530.9, 16.3, 31.1)
    z = lobe(1.217, 437, 11.8, 36) + lobe(0.681, 459, 26, 13.8)
    to_rgb = torch.tensor(
        [
            [3.2404542, -1.5371385, -0.4985314],
            [-0.9692660, 1.8760108, 0.0415560],
            [0.0556434, -0.2040259, 1.0572252],
        ],
        dtype=torch.float64,
    )
    sun = torch.tensor(SUNLIGHT[1], dtype=torch.float64) @ hats(at, SUNLIGHT[0])
    power = 2 * 683e-3 * sun * (to_rgb @ torch.stack((x, y, z)))  # (3, nm) klx
    return (power @ hats(at, WAVELENGTHS).T).float().to(device)


def hats(at: Tensor, nodes: tuple[float, ...]) -> Tensor:
    """(N, P): weights of the nodes in values read between them in straight lines."""
    place = torch.tensor(nodes, dtype=at.dtype)
    after = torch.bucketize(at, place).clamp(1, len(nodes) - 1)
    share = ((at - place[after - 1]) / (place[after] - place[after - 1])).clamp(0, 1)
    weights = torch.zeros(len(nodes), at.shape[0], dtype=at.dtype)
    weights.scatter_(0, after[None] - 1, 1 - share[None])
    return weights.scatter_(0, after[None], share[None])


class Atmosphere:
    """The air of one place for any light.

    Args:
        turbidity: haze: 1 is pure air, 2 clear, 3 usual, 6 hazy.
        device: where its tables live.
    """

    def __init__(
        self, turbidity: float, device: torch.device, aerosol: Aerosol = Aerosol()
    ) -> None:
        self.aerosol = aerosol
        micron = torch.tensor(WAVELENGTHS, device=device) / 1000
        rayleigh = 0.008735 * micron**-4.08  # at sea level: Leckner 1978
        thick = aerosol.depth * max(turbidity - 1, 0) ** aerosol.growth
        mie = thick * (micron / 0.55) ** -aerosol.angstrom
        self.depth = torch.stack((rayleigh, mie, torch.tensor(OZONE, device=device)))  # (3, L)
        self.scattered = self.depth[:2] * torch.tensor([[1.0], [aerosol.albedo]], device=device)
        self.colours = colours(device)
        self._masses = self._mass_table(device)  # (3, heights, cosines)
        self._multiple = torch.zeros(len(WAVELENGTHS), 2, 2, device=device)
        self._multiple = self._multiple_table(device)  # (L, heights, cosines)

    def density(self, height: Tensor) -> Tensor:
        """Air, haze and ozone at a height in km, (3, …), per km: their columns hold 1."""
        haze = self.aerosol.height_km
        ozone = (1 - (height - 25).abs() / 15).clamp(min=0) / 15
        return torch.stack((torch.exp(height / -8) / 8, torch.exp(height / -haze) / haze, ozone))

    def mass(self, height: Tensor, cosine: Tensor) -> Tensor:
        """Columns of air, haze and ozone from a height in km to outer space, (3, …).

        Args:
            height: km, any shape.
            cosine: of the angle to the zenith; below the horizon it is taken for the horizon's.
        """
        rise = (height * (height + 2 * EARTH_KM)).clamp(min=0).sqrt()  # to the horizon
        reach = top_distance(height, cosine)
        least, most = TOP_KM - height, rise + _BRIM
        u = (reach - least) / (most - least)
        # a little past the horizon the way is longer still; the table holds no more than that
        return _lookup(self._masses, u.clamp(0, 1).sqrt(), (height / TOP_KM).clamp(0, 1).sqrt())

    def clear(self, height: Tensor, cosine: Tensor) -> Tensor:
        """Share of light that comes down to a height in km, by its zenith cosine, (L, …)."""
        return torch.exp(-torch.tensordot(self.depth, self.mass(height, cosine), ([0], [0])))

    def transmittance(self, height: Tensor, cosine: Tensor) -> Tensor:
        """The same of a lamp's light, whose disc sets bit by bit behind the Earth, (L, …)."""
        return self.clear(height, cosine) * lamp_seen(height, cosine)

    def march(
        self, height: Tensor, up: Tensor, lamp: Tensor, between: Tensor, steps: int
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Follows rays through the air to its end or the ground.

        Args:
            height: (N,) km where they start.
            up: (N,) cosine of the ray to the zenith.
            lamp: (N,) cosine of the lamp to the zenith.
            between: (N,) cosine of the angle between ray and lamp.
            steps: samples along each ray.

        Returns:
            Light scattered once by air and by haze, to be multiplied by their phase functions,
            (L, N) each; what scatters in for each unit of light from everywhere, (L, N); and light
            that was scattered more than once, (L, N).
        """
        reach = top_distance(height, up)
        ground = ground_distance(height, up)
        reach = torch.where(ground > 0, ground, reach)  # (N,)
        edges = torch.linspace(0, 1, steps + 1, device=height.device)[:, None].square()
        size = (edges[1:] - edges[:-1]) * reach  # (S, N)
        way = (edges[1:] + edges[:-1]) * (0.5 * reach)
        start = EARTH_KM + height
        square = way * (way + 2 * start * up) + height * (height + 2 * EARTH_KM)
        rise = square / ((square + EARTH_KM**2).sqrt() + EARTH_KM)  # (S, N) km
        rise = rise.clamp(0, TOP_KM)
        sun = (start * lamp + way * between) / (EARTH_KM + rise)
        passed = self.density(rise) * size  # (3, S, N)
        taken = torch.tensordot(self.depth, passed, ([0], [0]))  # (L, S, N)
        # mean of e⁻ᵗ over each step: its middle's, and what the curve adds (2 sinh(x / 2) / x)
        seen = taken.cumsum(1).sub_(taken, alpha=0.5).neg_().exp_()
        seen *= taken.square_().mul_(1 / 24).add_(1)
        lit = seen * self.transmittance(rise, sun)
        air = torch.einsum("l,sn,lsn->ln", self.scattered[0], passed[0], lit)
        haze = torch.einsum("l,sn,lsn->ln", self.scattered[1], passed[1], lit)
        source = torch.tensordot(self.scattered, passed[:2], ([0], [0])) * seen
        return air, haze, source.sum(1), (source * self.multiple(rise, sun)).sum(1)

    def multiple(self, height: Tensor, lamp: Tensor) -> Tensor:
        """Mean radiance of light scattered at least once, all around, (L, …), per unit of lamp."""
        return _lookup(self._multiple, _bend(lamp), (height / TOP_KM).clamp(0, 1).sqrt())

    def _mass_table(self, device: torch.device) -> Tensor:
        """(3, heights, cosines) of `mass`, by straight marching."""
        rows = torch.linspace(0, 1, 32, device=device).square()[:, None] * TOP_KM
        share = torch.linspace(0, 1, 96, device=device).square()
        horizon = (rows * (rows + 2 * EARTH_KM)).sqrt()
        reach = TOP_KM - rows + share * (horizon + _BRIM - TOP_KM + rows)  # (heights, cosines)
        top = (TOP_KM - rows) * (TOP_KM + rows + 2 * EARTH_KM)
        up = (top - reach * reach) / (2 * (EARTH_KM + rows) * reach.clamp(min=1e-3))
        # half of the way where a ray dips first: it is sampled densely on both sides of there
        dip = (-(EARTH_KM + rows) * up).clamp(min=0)
        steps = torch.linspace(-1, 1, 97, device=device)[:, None, None]
        edges = dip + torch.where(steps < 0, dip, reach - dip) * steps.abs().square() * steps.sign()
        size, way = edges[1:] - edges[:-1], (edges[1:] + edges[:-1]) / 2
        square = way * (way + 2 * (EARTH_KM + rows) * up) + rows * (rows + 2 * EARTH_KM)
        rise = square / ((square + EARTH_KM**2).clamp(min=0).sqrt() + EARTH_KM)
        return (self.density(rise.clamp(min=0)) * size).sum(1)

    def _multiple_table(self, device: torch.device) -> Tensor:
        """(L, heights, cosines) of `multiple` (Hillaire 2020, section 5.5)."""
        rows = torch.linspace(0, 1, 12, device=device).square() * TOP_KM
        columns = _unbend(torch.linspace(0, 1, 24, device=device))
        up = torch.tensor([-0.9, -0.6, -0.3, -0.08, 0.08, 0.3, 0.6, 0.9])
        edges = torch.cat((torch.tensor([-1.0]), (up[1:] + up[:-1]) / 2, torch.tensor([1.0])))
        turn = (torch.arange(3) + 0.5) * (math.pi / 3)
        weight = (edges[1:] - edges[:-1])[:, None].expand(-1, 3).reshape(-1).to(device) / 6
        up, turn = (part.reshape(-1).to(device) for part in torch.meshgrid(up, turn, indexing="ij"))
        shape = (len(rows), len(columns), len(up))
        height = rows[:, None, None].expand(shape)
        lamp = columns[None, :, None].expand(shape)
        side = ((1 - lamp * lamp) * (1 - up * up)).sqrt() * torch.cos(turn)
        parts = (height, up.expand(shape), lamp, lamp * up + side)
        high, ray, sun, between = (part.reshape(-1) for part in parts)
        air, haze, passed, _ = self.march(high, ray, sun, between, steps=16)
        once = (air + haze) / (4 * math.pi) + self._ground(high, ray, sun, between)
        once, passed = (part.view(-1, *shape) for part in (once, passed))
        return (once * weight).sum(-1) / (1 - (passed * weight).sum(-1))

    def _ground(self, height: Tensor, up: Tensor, lamp: Tensor, between: Tensor) -> Tensor:
        """The lamp's light as the ground below sends it back, (L, N)."""
        way = ground_distance(height, up)
        hit = way > 0
        start = EARTH_KM + height
        sun = (start * lamp + way * between) / EARTH_KM
        below = torch.zeros_like(height)
        light = self.transmittance(below, sun) * sun.clamp(min=0) * (GROUND / math.pi)
        back = -(start * up + way) / EARTH_KM  # cosine at the ground of the ray, turned round
        mass = (self.mass(below, back) - self.mass(height, -up)).clamp(min=0)
        return light * torch.exp(-torch.tensordot(self.depth, mass, ([0], [0]))) * hit


_BRIM = math.sqrt(TOP_KM * (TOP_KM + 2 * EARTH_KM))
"""Along the horizon from the ground to the end of the air, km."""


def top_distance(height: Tensor, up: Tensor) -> Tensor:
    """From a height in km to the end of the air, km, whatever the ground."""
    along = (EARTH_KM + height) * up
    square = along * along + (TOP_KM - height) * (TOP_KM + height + 2 * EARTH_KM)
    return square.clamp(min=0).sqrt() - along


def ground_distance(height: Tensor, up: Tensor) -> Tensor:
    """From a height in km down to the ground, km; 0 where a ray misses it or stands on it."""
    along = (EARTH_KM + height) * up
    square = along * along - height * (height + 2 * EARTH_KM)
    hit = (square > 0) & (up < 0)
    return torch.where(hit, -along - square.clamp(min=0).sqrt(), torch.zeros_like(square))


def lamp_seen(height: Tensor, cosine: Tensor) -> Tensor:
    """Share of a lamp's disc that stands above the horizon, seen from a height in km."""
    dip = (height * (height + 2 * EARTH_KM)).clamp(min=0).sqrt() / (EARTH_KM + height)
    part = ((cosine + dip) / (2 * LAMP_RADIUS) + 0.5).clamp_(0, 1)
    return part * part * (3 - 2 * part)


def _lookup(table: Tensor, column: Tensor, row: Tensor) -> Tensor:
    """(C, …) of a table (C, H, W), at places 0 to 1."""
    at = torch.stack((column, row), -1).view(1, 1, -1, 2) * 2 - 1
    got = F.grid_sample(table[None], at, padding_mode="border", align_corners=True)
    return got.view(-1, *column.shape)


def _bend(cosine: Tensor) -> Tensor:
    """Place 0 to 1 of a lamp's zenith cosine, dense around the horizon."""
    return 0.5 + 0.5 * cosine.sign() * cosine.abs().sqrt()


def _unbend(place: Tensor) -> Tensor:
    away = 2 * place - 1
    return away * away.abs()
