"""The surface of open water at any moment: waves of all lengths, summed from a few square tiles.

Each tile holds the waves of one band of lengths, made by FFT (Tessendorf 2001) with the phase that
water gives them, ω² = g k tanh(k h), and sharpened to second order as Stokes found. The tiles'
sizes have no common measure and each lies turned against the others, so nothing repeats. What a
pixel cannot resolve is not drawn but handed on as the variance of the slopes that it hides (LEAN
mapping, Olano and Baker 2010; Bruneton, Neyret and Holzschuch 2010).
"""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.seeds import generator
from pleinair.light.spectrum import Sea, Spectrum, frequency
from pleinair.scenes.scene import Scene

SIZE = 256
FINEST_M = 2.3
WAVES = 51
"""Waves across a tile, at most: five texels each."""
LEVELS = (0.0, 0.7, 1.96)
"""Footprints to which a tile is low-passed, in lengths of its shortest wave."""
RATIO = 2.8
"""From level to level; after the last there is nothing left."""
BLUR = 0.4
"""Standard deviation of a pixel's view, in footprints."""
CHUNK = 16_384
STRETCH = 5.0
"""How much longer than wide a footprint may be before its length decides."""


def sea_of(scene: Scene) -> Sea:
    """What raises the waves of a scene."""
    water, weather = scene.water, scene.weather
    return Sea(
        wind=weather.wind_mps,
        toward=math.radians(weather.wind_from_deg + 180),
        fetch=water.fetch_m,
        depth=water.depth_m,
        swell=water.swell_m,
        swell_period=water.swell_period_s,
        swell_toward=math.radians(water.swell_from_deg + 180),
    )


@dataclass(frozen=True)
class Band:
    """The waves of one tile.

    Attributes:
        length: side of the tile, m.
        turn: of its axes against the world's, rad.
        shortest: length of its shortest wave, m.
        kx, kz: (N, N/2 + 1) wave vectors in the world's axes, rad/m.
        cycles: (N, N/2 + 1) frequencies in float64, 1/s.
        forth, back: (N, N/2 + 1) complex amplitudes of waves along the wave vector and against it.
        sharp: whether its waves are long enough to be sharpened.
    """

    length: float
    turn: float
    shortest: float
    kx: Tensor
    kz: Tensor
    cycles: Tensor
    forth: Tensor
    back: Tensor
    sharp: bool

    def moment(self, seconds: float) -> Tensor:
        """Spectrum of the height, (N, N/2 + 1) complex, at a time in s."""
        turns = self.cycles * seconds
        phase = (turns - turns.floor()).float().mul_(2 * math.pi)
        wave = torch.complex(phase.cos(), -phase.sin())
        return self.forth * wave + self.back * wave.conj()


def _field(spectrum: Tensor) -> Tensor:
    """(…, N, N) real fields of (…, N, N/2 + 1) spectra."""
    size = spectrum.shape[-2]
    return torch.fft.irfft2(spectrum, s=(size, size), norm="forward")


class Waves:
    """The waves of a scene.

    Args:
        scene: whose water it is.
        device: where its tensors live.
    """

    def __init__(self, scene: Scene, device: torch.device) -> None:
        self.sea = sea_of(scene)
        self.spectrum = Spectrum(self.sea)
        longest = 10 * self.sea.peak_length
        if self.sea.swell > 0:
            longest = max(longest, 4.3 * self.sea.swell_length)
        longest = min(max(longest, 40.0), 3000.0)
        steps = math.ceil(math.log(longest / FINEST_M) / math.log(5.2))
        ratio = (longest / FINEST_M) ** (1 / steps)
        lengths = [longest / ratio**order for order in range(steps + 1)]
        shortest = [length / WAVES for length in lengths]
        self.bands = tuple(
            self._band(scene.seed, order, length, shortest[order - 1] if order else math.inf)
            for order, length in enumerate(lengths)
        )
        self.device = device
        self.hidden = self._hidden().to(device)  # (3, S)

    def _band(self, seed: int, order: int, length: float, longest: float) -> Band:
        """The tile of waves from ``longest`` down to its shortest, m."""
        shortest = length / WAVES
        turn = 0.4 + 2.4 * order
        step = 2 * math.pi / length
        line = torch.fft.fftfreq(SIZE, dtype=torch.float64) * SIZE * step
        kv, ku = torch.meshgrid(line, line, indexing="ij")
        kx = ku * math.cos(turn) - kv * math.sin(turn)
        kz = ku * math.sin(turn) + kv * math.cos(turn)
        k = torch.hypot(kx, kz)
        inside = (k > 2 * math.pi / longest) & (k <= 2 * math.pi / shortest) & (k > 0)
        variance = torch.where(inside, self.spectrum.density(kx, kz), 0.0) * step * step
        made = generator(seed, "waves", order)
        phase = torch.rand(SIZE, SIZE, generator=made, dtype=torch.float64) * 2 * math.pi
        wave = torch.polar((variance / 2).sqrt(), phase)
        mirrored = torch.roll(wave.flip((0, 1)), (1, 1), (0, 1)).conj()
        half = SIZE // 2 + 1
        kx, kz = kx[:, :half], kz[:, :half]
        return Band(
            length=length,
            turn=turn,
            shortest=shortest,
            kx=kx.float(),
            kz=kz.float(),
            cycles=frequency(torch.hypot(kx, kz), self.sea.depth) / (2 * math.pi),
            forth=wave[:, :half].to(torch.complex64),
            back=mirrored[:, :half].to(torch.complex64),
            sharp=order < 3,
        )

    def _hidden(self) -> Tensor:
        """Variance of the slopes along and across the wind that a footprint hides, (2, S).

        The footprint grows by half an octave from place to place, from 1 mm on.
        """
        k = torch.logspace(-3, 3.5, 400, dtype=torch.float64)  # rad/m
        step = math.log(float(k[1] / k[0]))
        angle = (torch.arange(72, dtype=torch.float64) + 0.5) * (2 * math.pi / 72)
        kx, kz = k[:, None] * angle.sin(), k[:, None] * angle.cos()
        power = self.spectrum.density(kx, kz) * k[:, None] ** 4 * step * (2 * math.pi / 72)
        toward = self.sea.toward
        along = (power * (angle - toward).cos() ** 2).sum(1)  # (K,)
        across = power.sum(1) - along
        footprint = 1e-3 * 2 ** (torch.arange(48, dtype=torch.float64) / 2)  # (S,)
        through = torch.zeros(len(footprint), len(k), dtype=torch.float64)
        longest = math.inf
        for band in self.bands:
            inside = (k > 2 * math.pi / longest) & (k <= 2 * math.pi / band.shortest)
            place = _place(footprint, band.shortest)[:, None]
            for order, level in enumerate(LEVELS):
                weight = (1 - (place - order).abs()).clamp(min=0)
                passed = torch.exp(-((BLUR * level * band.shortest * k) ** 2) / 2)
                through += weight * passed * inside
            longest = band.shortest
        lost = 1 - through**2  # (S, K)
        return torch.stack((lost @ along, lost @ across)).float()

    def at(self, seconds: float) -> "Surface":
        """The surface at a moment of the scene, s."""
        return Surface(self, seconds)


def _place(footprint: Tensor, shortest: float) -> Tensor:
    """Which level of a tile a footprint asks for, 0 to 3 as a real number."""
    octaves = math.log2(LEVELS[1] / RATIO * shortest)
    step = math.log2(RATIO)
    return (footprint.log2().sub_(octaves)).mul_(1 / step).clamp_(0, len(LEVELS))


class Surface:
    """The surface at one moment; see `Waves.at`.

    Args:
        waves: whose moment it is.
        seconds: when, s.
    """

    def __init__(self, waves: Waves, seconds: float) -> None:
        self.waves, self.seconds = waves, seconds
        self.tables = [self._levels(band) for band in waves.bands]

    def _levels(self, band: Band) -> list[Tensor]:
        """Height, slopes and foam of a tile, low-passed level by level: (1, 4, n + 1, n + 1)."""
        spectrum = band.moment(self.seconds)
        east, north = torch.complex(torch.zeros_like(band.kx), band.kx), torch.complex(
            torch.zeros_like(band.kz), band.kz
        )
        k = torch.hypot(band.kx, band.kz)
        if band.sharp:  # Stokes: water is carried from the troughs to the crests
            away = 1 / k.clamp(min=1e-6)
            rise = torch.stack((spectrum, spectrum * east, spectrum * north))
            h, sx, sz = _field(rise)
            dx, dz = _field(rise[1:] * away)
            h = h - dx * sx - dz * sz
            spectrum = torch.fft.rfft2(h, norm="forward")
            spectrum[0, 0] = 0
        made = []
        for level in LEVELS:
            passed = spectrum
            if level:
                passed = spectrum * torch.exp((k * (BLUR * level * band.shortest)).square_() / -2)
            size = SIZE if level < 1 else SIZE // 2
            stack = torch.stack((passed, passed * east, passed * north))
            if size < SIZE:
                half = size // 2
                stack = torch.cat((stack[:, :half], stack[:, -half:]), 1)[..., : half + 1]
            field = _field(stack)
            field = torch.cat((field, torch.zeros_like(field[:1])))
            made.append(F.pad(field[None], (0, 1, 0, 1), mode="circular"))
        return made

    def height(self, x: Tensor, z: Tensor, footprint: Tensor) -> Tensor:
        """Height of the water, m.

        Args:
            x, z: of any shape, m.
            footprint: of the same shape: size of what is seen, m; shorter waves are left out.
        """
        found = torch.zeros_like(x).view(-1)
        x, z, footprint = x.reshape(-1), z.reshape(-1), footprint.reshape(-1)
        for start in range(0, len(x), CHUNK):
            part = slice(start, start + CHUNK)
            found[part] = self._look(x[part], z[part], footprint[part], 1)[0]
        return found

    def slopes(
        self, x: Tensor, z: Tensor, footprint: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What a pixel sees of the surface: its mean slopes, and how rough it is within.

        Args:
            x, z, footprint: (P,) m.

        Returns:
            Slopes eastward and northward, variance of the slopes that the footprint hides, in
            both directions together, and share of foam, (P,) each.
        """
        found = [self.glimpse(x[p], z[p], footprint[p]) for p in chunks(len(x))]
        _, sx, sz, along, across, foam = torch.cat(found, 1)
        return sx, sz, along + across, foam

    def glimpse(self, x: Tensor, z: Tensor, footprint: Tensor) -> Tensor:
        """What pixels see of the surface, (6, P).

        Height, m; slopes eastward and northward; hidden variance along and across the wind; foam.

        Args:
            x, z, footprint: (P,) m, a few thousand of about the same footprint.
        """
        values = self._look(x, z, footprint, 4)
        hidden = self._hidden(footprint)
        return torch.stack((*values[:3], *hidden, values[3]))

    def _hidden(self, footprint: Tensor) -> Tensor:
        """(2, P) from the table of `Waves`."""
        table = self.waves.hidden
        place = (footprint.log2() * 2 + 2 * math.log2(1e3)).clamp_(0, table.shape[1] - 1.001)
        lower = place.floor()
        index = lower.int()
        low, high = table.index_select(1, index), table.index_select(1, index + 1)
        return low.lerp_(high, place.sub_(lower))

    def _look(self, x: Tensor, z: Tensor, footprint: Tensor, channels: int) -> Tensor:
        """The first channels of all tiles together, (C, P)."""
        found = torch.zeros(channels, len(x), device=x.device)
        for band, levels in zip(self.waves.bands, self.tables, strict=True):
            place = _place(footprint, band.shortest)
            least, most = (float(end) for end in place.aminmax())
            if least >= len(LEVELS):
                continue
            cos, sin = math.cos(band.turn) / band.length, math.sin(band.turn) / band.length
            u, v = torch.addcmul(x * cos, z, _as(sin, z)), torch.addcmul(z * cos, x, _as(-sin, x))
            grid = torch.stack((u.sub_(u.floor()), v.sub_(v.floor())), -1).mul_(2).sub_(1)
            grid = grid.view(1, 1, -1, 2)
            for order in range(math.floor(least), min(math.ceil(most), len(LEVELS) - 1) + 1):
                table = levels[order][:, :channels]
                value = F.grid_sample(table, grid, align_corners=True)[0, :, 0]
                weight = (1 - (place - order).abs_()).clamp_(min=0)
                found.addcmul_(value, weight)
        return found


def _as(value: float, like: Tensor) -> Tensor:
    return torch.tensor(value, device=like.device)


def chunks(count: int) -> list[slice]:
    """Pixels in runs that fit a core's cache."""
    return [slice(start, start + CHUNK) for start in range(0, count, CHUNK)]
