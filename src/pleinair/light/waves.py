"""The surface of open water at any moment: waves of all lengths, summed from a few square tiles.

Each tile holds the waves of one band of lengths, made by FFT (Tessendorf 2001) with the phase that
water gives them, ω² = g k tanh(k h), and sharpened to second order as Stokes found. The tiles'
sizes have no common measure and each lies turned against the others, so nothing repeats. What a
pixel cannot resolve is not drawn but handed on as the variance of the slopes that it hides (LEAN
mapping, Olano and Baker 2010; Bruneton, Neyret and Holzschuch 2010).
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.foam import Lace, coverage, threshold
from pleinair.light.seeds import generator
from pleinair.light.shore import Shore
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
BREAKING = (0.6, 0.65, 0.46)
"""Parts of the tiles, longest first, in where waves break; their squares sum to 1."""
CALMER = 0.35
"""Share of the foam that is fresh; the rest lingers."""
LINGER = ((0.0, 0.0), (0.6, 0.45), (1.5, 0.95), (3.0, 1.5))
"""Seconds after which foam is still seen, and what has then gone, in standard deviations."""
ROUNDER = 5.0
"""How much longer than wide a footprint may be before its length decides."""
TAPS = (-1.0, 1.0)
TAPS_APART = 0.25
"""Where along a long footprint it is looked at, in its lengths."""


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
        lost: for the directions along and across the wind, three terms of a polynomial in the level
            (see `_place`) without its constant: variance of the slopes that the level leaves out.
        rough: how steep its waves and all shorter ones are.
        breaking: its part in where waves break, over the convergence of its water; 0 for none.
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
    lost: list[list[float]]
    rough: float
    breaking: float

    def shoal(self, depth: Tensor) -> Tensor:
        """Share of its height that shallow water leaves to its waves, by depth in m."""
        depth = depth.clamp(min=0)
        return depth / (depth + 0.12 * self.shortest)

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
        self.shore = Shore(scene, self.sea, device)
        self.lace = Lace(scene.seed, device)
        self.crest = threshold(coverage(self.sea.wind) * CALMER)
        """How near waves must be to breaking to be white, in standard deviations."""
        finest = self.spectrum.steepness(2 * math.pi / self.bands[-1].shortest, math.inf)
        self.beyond = torch.tensor(finest, device=device)
        """(2,): variance of the slopes along and across the wind of waves too short for a tile."""

    @property
    def shoaling(self) -> float:
        """Depth below which the bottom shows in the waves, m."""
        return max(2.5 * self.sea.height, self.shore.deepest, 0.5)

    @property
    def lift(self) -> float:
        """Height that the water hardly ever exceeds, m."""
        waves = 1.3 * math.hypot(self.sea.height, self.sea.swell) + 0.02
        return max(waves, self.shore.highest)

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
        low, high = 2 * math.pi / longest, 2 * math.pi / shortest
        inside = (k > low) & (k <= high) & (k > 0)
        variance = torch.where(inside, self.spectrum.density(kx, kz), 0.0) * step * step
        steep = float((variance * k * k).sum().sqrt())
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
            lost=self._lost(low, high, shortest),
            breaking=BREAKING[order] / steep if order < len(BREAKING) and steep > 0 else 0.0,
            rough=0.5 * math.sqrt(sum(self.spectrum.steepness(low, math.inf)) / 2),
        )

    def _lost(self, low: float, high: float, shortest: float) -> list[list[float]]:
        """Variance of the slopes that each level of a tile leaves out; see `Band.lost`."""
        k = torch.logspace(
            math.log10(max(low, high / 200)), math.log10(high), 65, dtype=torch.float64
        )
        k = (k[1:] * k[:-1]).sqrt()
        power = self.spectrum.slopes(k) * math.log(float(k[1] / k[0]))  # (2, K)
        place = torch.linspace(0, len(LEVELS), 31, dtype=torch.float64)
        through = torch.zeros(31, len(k), dtype=torch.float64)
        for order, level in enumerate(LEVELS):
            passed = torch.exp(-((BLUR * level * shortest * k) ** 2) / 2)
            through += (1 - (place - order).abs()).clamp(min=0)[:, None] * passed
        lost = (1 - through**2) @ power.T  # (31, 2)
        terms = torch.stack((place, place**2, place**3), 1)
        found: list[list[float]] = torch.linalg.lstsq(terms, lost).solution.T.tolist()
        return found

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
        east, north = (
            torch.complex(torch.zeros_like(band.kx), band.kx),
            torch.complex(torch.zeros_like(band.kz), band.kz),
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
        foam = self._broken(band, k)
        made = []
        for level in LEVELS:
            passed = spectrum
            if level:
                through = torch.exp((k * (BLUR * level * band.shortest)).square_() / -2)
                passed = spectrum * through
            size = SIZE if level < 1 else SIZE // 2
            stack = torch.stack((passed, passed * east, passed * north))
            if foam is not None:
                stack = torch.cat((stack, (foam * through if level else foam)[None]))
            if size < SIZE:
                half = size // 2
                stack = torch.cat((stack[:, :half], stack[:, -half:]), 1)[..., : half + 1]
            field = _field(stack)
            if foam is None:
                field = torch.cat((field, torch.zeros_like(field[:1])))
            made.append(F.pad(field[None], (0, 1, 0, 1), mode="circular"))
        return made

    def _broken(self, band: Band, k: Tensor) -> Tensor | None:
        """Spectrum of how near waves are, or lately were, to breaking: where water converges."""
        if not band.breaking or self.waves.crest > 8:
            return None
        near = None
        for ago, gone in LINGER[: 4 if band.length > 60 else 2]:
            wave = _field(band.moment(self.seconds - ago) * (k * band.breaking))
            wave = wave - gone * 0.5
            near = wave if near is None else torch.maximum(near, wave)
        return None if near is None else torch.fft.rfft2(near, norm="forward")

    def height(
        self, x: Tensor, z: Tensor, footprint: Tensor, ground: Tensor | None = None
    ) -> Tensor:
        """Height of the water, m.

        Args:
            x, z: of any shape, m.
            footprint: of the same shape: size of what is seen, m; shorter waves are left out.
            ground: of the same shape: height of the ground, m; without it the water is deep. Near
                the shore there is surf, and swash lies on ground above the water's mean; where the
                height is not above the ground, the ground is dry.
        """
        if ground is not None:
            return self._over(x, z, footprint, ground)
        shape = x.shape
        x, z, footprint = x.reshape(-1), z.reshape(-1), footprint.reshape(-1)
        found = torch.empty_like(x)
        for start in range(0, len(x), CHUNK):
            part = slice(start, start + CHUNK)
            found[part] = self._look(x[part], z[part], footprint[part], 1)[0]
        return found.view(shape)

    def _over(self, x: Tensor, z: Tensor, footprint: Tensor, ground: Tensor) -> Tensor:
        """`height` where there is ground."""
        shape = x.shape
        x, z, footprint, ground = (part.reshape(-1) for part in (x, z, footprint, ground))
        found = torch.zeros_like(x)
        wave = (ground < 0).nonzero()[:, 0]
        for some in (wave[part] for part in chunks(len(wave))):
            at = [part.index_select(0, some) for part in (x, z, footprint, ground)]
            found.index_copy_(0, some, self._look(*at[:3], 1, -at[3])[0])
        near = self.waves.shore.near(ground)
        for some in (near[part] for part in chunks(len(near))):
            at = [part.index_select(0, some) for part in (x, z, ground)]
            found.index_add_(0, some, self.waves.shore.look(*at, seconds=self.seconds).level)
        return found.view(shape)

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
        _, sx, sz, foam, along, across = torch.cat(found, 1)
        return sx, sz, along + across, foam

    def glimpse(
        self,
        x: Tensor,
        z: Tensor,
        footprint: Tensor,
        ex: Tensor | None = None,
        ez: Tensor | None = None,
        down: Tensor | None = None,
        depth: Tensor | None = None,
    ) -> Tensor:
        """What pixels see of the surface, (6, P).

        Height, m; slopes eastward and northward; foam; hidden variance along and across the wind.

        Args:
            x, z, footprint: (P,) m, a few thousand of about the same footprint.
            ex, ez: (P,) unit horizontal direction of view; without, it is from above.
            down: (P,) rise over run of the eye's ray: the flatter, the longer a footprint is.
            depth: (P,) of the water, m; without, it is deep.
        """
        found = torch.zeros(6, len(x), device=x.device)
        values, hidden = found[:4], found[4:]
        hidden += self.waves.beyond[:, None]
        if depth is not None:  # a film lies smooth
            hidden *= (depth * 50).clamp_(2e-4, 1)
        step = None
        for band, levels in zip(self.waves.bands, self.tables, strict=True):
            seen = footprint
            if ex is not None and ez is not None and down is not None:
                facing = torch.addcmul(down, values[1], ex).addcmul_(values[2], ez)
                long = footprint / facing.clamp_(band.rough, 1)
                seen = torch.maximum(footprint, long * (1 / ROUNDER))
                step = long * TAPS_APART
            place = _place(seen, band.shortest)
            least, most = (float(end) for end in place.aminmax())
            share = None if depth is None else band.shoal(depth)
            if most > 0:
                for row, terms in zip(hidden, band.lost, strict=True):
                    row += (place * terms[2]).add_(terms[1]).mul_(place).add_(terms[0]).mul_(place)
            if least >= len(LEVELS):
                continue
            offsets = TAPS if most > 0 and step is not None else (0.0,)
            for offset in offsets:
                at, across = x, z
                if offset and ex is not None and ez is not None and step is not None:
                    at = torch.addcmul(x, ex, step, value=offset)
                    across = torch.addcmul(z, ez, step, value=offset)
                each = 1 / len(offsets) if share is None else share * (1 / len(offsets))
                self._add(values, band, levels, at, across, place, least, most, each)
        return found

    def _look(
        self,
        x: Tensor,
        z: Tensor,
        footprint: Tensor,
        channels: int,
        depth: Tensor | None = None,
    ) -> Tensor:
        """The first channels of all tiles together, (C, P)."""
        found = torch.zeros(channels, len(x), device=x.device)
        for band, levels in zip(self.waves.bands, self.tables, strict=True):
            place = _place(footprint, band.shortest)
            least, most = (float(end) for end in place.aminmax())
            if least < len(LEVELS):
                share = 1.0 if depth is None else band.shoal(depth)
                self._add(found, band, levels, x, z, place, least, most, share)
        return found

    def _add(
        self,
        found: Tensor,
        band: Band,
        levels: list[Tensor],
        x: Tensor,
        z: Tensor,
        place: Tensor,
        least: float,
        most: float,
        share: float | Tensor,
    ) -> None:
        """Adds a share of what a tile holds at places, (C, P), between two levels."""
        cos, sin = math.cos(band.turn) / band.length, math.sin(band.turn) / band.length
        u, v = (x * cos).add_(z, alpha=sin), (z * cos).add_(x, alpha=-sin)
        grid = torch.empty(len(x), 2, device=x.device)
        torch.sub(u, u.floor(), out=grid[:, 0])
        torch.sub(v, v.floor(), out=grid[:, 1])
        grid = grid.mul_(2).sub_(1).view(1, 1, -1, 2)
        for order in range(math.floor(least), min(math.ceil(most), len(LEVELS) - 1) + 1):
            table = levels[order][:, : len(found)]
            value = F.grid_sample(table, grid, align_corners=True)[0, :, 0]
            if most > 0:
                weight = (place - order).abs_().neg_().add_(1).clamp_(min=0)
                found.addcmul_(value, weight.mul_(share))
            elif isinstance(share, Tensor):
                found.addcmul_(value, share)
            else:
                found.add_(value, alpha=share)


def chunks(count: int) -> list[slice]:
    """Pixels in runs that fit a core's cache."""
    return [slice(start, start + CHUNK) for start in range(0, count, CHUNK)]
