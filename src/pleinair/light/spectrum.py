"""How the wind distributes energy over waves: spectra of the sea and of lakes.

Energy by frequency is JONSWAP (Hasselmann et al. 1973), limited to a sea that is fully grown
(Pierson and Moskowitz 1964) and in shallow water by TMA (Kitaigorodskii et al. 1975); direction is
as Hasselmann, Dunckel and Ewing (1980) measured it. Of the short waves, which no such spectrum
describes, what counts is how steep they are: their sum follows Cox and Munk (1954).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

GRAVITY = 9.81
SHORTEST_M = 0.008
"""Length below which capillary waves are damped out."""


def frequency(k: Tensor, depth: float) -> Tensor:
    """Angular frequency of gravity waves, rad/s: ω² = g k tanh(k h).

    Args:
        k: wavenumber, rad/m.
        depth: of the water, m.
    """
    return (GRAVITY * k * torch.tanh((k * depth).clamp(max=20))).sqrt()


@dataclass(frozen=True)
class Sea:
    """What raises waves.

    Attributes:
        wind: speed at 10 m, m/s.
        toward: where the wind blows to, rad clockwise from north.
        fetch: m over which it has blown.
        depth: of the water, m.
        swell: significant height of the swell, m.
        swell_period: s.
        swell_toward: where the swell runs, rad.
    """

    wind: float
    toward: float
    fetch: float
    depth: float
    swell: float = 0.0
    swell_period: float = 11.0
    swell_toward: float = 0.0

    @property
    def growth(self) -> float:
        """Dimensionless fetch g F / U², at most that of a fully grown sea."""
        return min(GRAVITY * self.fetch / max(self.wind, 0.3) ** 2, 17_000.0)

    @property
    def peak(self) -> float:
        """Angular frequency of the wind sea's peak, rad/s."""
        return 22 * GRAVITY / max(self.wind, 0.3) * float(self.growth ** (-1 / 3))

    @property
    def peak_length(self) -> float:
        """Length of its longest strong waves, m."""
        return 2 * math.pi / _wavenumber(self.peak, self.depth)

    @property
    def swell_length(self) -> float:
        """Length of the swell, m."""
        return 2 * math.pi / _wavenumber(2 * math.pi / self.swell_period, self.depth)

    @property
    def stirred(self) -> float:
        """Share of its waves that so faint a wind raises: none below 0.2 m/s, all from 2.5 m/s."""
        share = min(max((self.wind - 0.2) / 2.3, 0.0), 1.0)
        return (share * share * (3 - 2 * share)) ** 2 + 1e-3

    @property
    def steepness(self) -> float:
        """Mean square slope after Cox and Munk, in all directions together."""
        return (0.003 + 0.00512 * self.wind) * self.stirred

    def energy(self, omega: Tensor) -> Tensor:
        """JONSWAP with TMA: variance of height by angular frequency, m² s."""
        grown = self.growth
        alpha = 0.076 * grown**-0.22
        peak = self.peak
        gamma = 3.3 if grown < 6000 else 3.3 - 2.3 * (grown - 6000) / 11_000
        omega = omega.clamp(min=1e-4)
        width = torch.where(omega <= peak, 0.07, 0.09)
        bump = torch.exp(-(((omega / peak - 1) / width) ** 2) / 2)
        fall = torch.exp(-1.25 * (peak / omega) ** 4)
        found = alpha * GRAVITY**2 * omega**-5 * fall * gamma**bump
        shallow = omega * math.sqrt(self.depth / GRAVITY)
        limit = torch.where(shallow <= 1, shallow**2 / 2, 1 - (2 - shallow.clamp(max=2)) ** 2 / 2)
        energy: Tensor = found * limit * self.stirred
        return energy

    @property
    def height(self) -> float:
        """Significant height of the wind sea, m."""
        omega = torch.linspace(0.02, 60, 60_000, dtype=torch.float64) * self.peak / 2
        return 4 * math.sqrt(float(torch.trapezoid(self.energy(omega), omega)))


class Spectrum:
    """Variance of a sea's height by wave vector; see `Sea`.

    Args:
        sea: what raises the waves.
    """

    def __init__(self, sea: Sea) -> None:
        self.sea = sea
        self.knee = 4 * _wavenumber(sea.peak, sea.depth)
        k = torch.logspace(-4, 4, 8000, dtype=torch.float64)
        slope = self._plain(k) * k**3  # mean square slope by ln k
        step = math.log(float(k[1] / k[0]))
        short = (k / self.knee).clamp(min=1)
        low, high = -4.0, 2.0
        for _ in range(40):  # the tail's power that makes it as steep as the sea is
            power = (low + high) / 2
            total = float((slope * short**power).sum()) * step
            low, high = (power, high) if total < sea.steepness else (low, power)
        self.power = (low + high) / 2

    def _plain(self, k: Tensor) -> Tensor:
        """JONSWAP by wavenumber, m³."""
        depth = self.sea.depth
        omega = frequency(k, depth)
        deep = (k * depth).clamp(max=20)
        spread = 1 / torch.cosh(deep) ** 2
        rate = GRAVITY * (torch.tanh(deep) + k * depth * spread) / (2 * omega).clamp(min=1e-9)
        damped = torch.exp(-((k * SHORTEST_M / (2 * math.pi)) ** 2))
        return self.sea.energy(omega) * rate * damped

    def wind_sea(self, k: Tensor) -> Tensor:
        """Variance of the wind sea's height by wavenumber, all directions together, m³."""
        steeper: Tensor = (k / self.knee).clamp(min=1) ** self.power
        return self._plain(k) * steeper

    def density(self, kx: Tensor, kz: Tensor) -> Tensor:
        """Variance of height by wave vector, m⁴: waves that run where (kx, kz) points."""
        k = torch.hypot(kx, kz).clamp(min=1e-6)
        sea = self.sea
        ratio = frequency(k, sea.depth) / sea.peak
        fall = -2.33 - 1.45 * (sea.wind * sea.peak / GRAVITY - 1.17)
        power = torch.where(ratio < 1, 6.97 * ratio**4.06, 9.77 * ratio ** min(fall, -0.5))
        power = power.clamp(2.0, 30.0)
        found = self.wind_sea(k) * _spread(kx, kz, k, sea.toward, power) / k
        if sea.swell > 0:
            middle = 2 * math.pi / sea.swell_length
            width = 0.12 * middle
            bell = torch.exp(-(((k - middle) / width) ** 2) / 2) / (width * math.sqrt(2 * math.pi))
            narrow = _spread(kx, kz, k, sea.swell_toward, torch.full_like(k, 40.0))
            found = found + (sea.swell / 4) ** 2 * bell * narrow / k
        return found

    def slopes(self, k: Tensor) -> Tensor:
        """Variance of the slopes along and across the wind by ln k, (2, K)."""
        angle = (torch.arange(64, dtype=torch.float64) + 0.5) * (2 * math.pi / 64)
        kx, kz = k[:, None] * angle.sin(), k[:, None] * angle.cos()
        power = self.density(kx, kz) * k[:, None] ** 4 * (2 * math.pi / 64)  # (K, 64)
        along = power @ (angle - self.sea.toward).cos() ** 2
        return torch.stack((along, power.sum(1) - along))

    def steepness(self, low: float, high: float) -> tuple[float, float]:
        """Variance of the slopes along and across the wind of waves between two wavenumbers."""
        low, high = max(low, 1e-4), min(high, 4e3)
        k = torch.logspace(math.log10(low), math.log10(high), 129, dtype=torch.float64)
        k = (k[1:] * k[:-1]).sqrt()
        along, across = (self.slopes(k).sum(1) * math.log(float(k[1] / k[0]))).tolist()
        return along, across


def _spread(kx: Tensor, kz: Tensor, k: Tensor, toward: float, power: Tensor) -> Tensor:
    """Share by direction, cos²ˢ(θ/2), whose integral over the circle is 1."""
    along = (kx * math.sin(toward) + kz * math.cos(toward)) / k
    half = ((1 + along) / 2).clamp(1e-9, 1)
    whole = torch.lgamma(power + 1) - torch.lgamma(power + 0.5)
    return torch.exp(whole + power * half.log()) / (2 * math.sqrt(math.pi))


def _wavenumber(omega: float, depth: float) -> float:
    """The wavenumber of a frequency, rad/m."""
    k = omega * omega / GRAVITY
    for _ in range(40):
        k = 0.5 * k + 0.5 * omega * omega / (GRAVITY * math.tanh(min(k * depth, 20.0)))
    return k
