"""Tiles of waves: each repeats, and holds the waves of one band of lengths.

A tile is made by FFT (Tessendorf 2001) with the phase that water gives its waves, sharpened to
second order as Stokes found, and low-passed level by level for eyes that see less and less of it.
"""

import math

import torch
from torch import Tensor

from pleinair.light.seeds import generator
from pleinair.light.spectrum import Spectrum, frequency

SIZE = 256
WAVES = 51
"""Waves across a tile, at most: five texels each."""
LEVELS = (0.0, 0.9)
"""Footprints to which a tile is low-passed, in lengths of its shortest wave."""
RATIO = 4.2
"""From level to level; after the last there is nothing left."""
BLUR = 0.4
"""Standard deviation of a pixel's view, in footprints."""
SHARPENED = 3
"""Tiles, longest first, whose waves are sharpened."""
BREAKING = (0.6, 0.65, 0.46)
"""Parts of the tiles, longest first, in where waves break; their squares sum to 1."""
LINGER = ((0.0, 0.0), (0.6, 0.23), (1.5, 0.48), (3.0, 0.75))
"""Seconds after which foam is still seen, and what of it has then gone, in standard deviations."""
LINGERS_M = 60.0
"""Size of a tile from which foam lingers."""


class Band:
    """The waves of one tile.

    Args:
        spectrum: of the sea.
        seed: of the scene.
        order: of the tile, longest first.
        length: side of the tile, m.
        longest: waves from this length on belong to the tile before, m.
        breaks: whether there is foam.
        device: where its tensors live.

    Attributes:
        shortest: length of its shortest wave, m.
        turn: of its axes against the world's, rad.
        rough: how steep its waves and all shorter ones are.
        lost: for the directions along and across the wind, three terms of a polynomial in the
            level of `place` without its constant: variance of the slopes that it leaves out.
        part: its part in where waves break, whose squares sum to 1; 0 for none.
    """

    def __init__(
        self,
        spectrum: Spectrum,
        seed: int,
        order: int,
        length: float,
        longest: float,
        breaks: bool,
        device: torch.device,
    ) -> None:
        self.length, self.shortest, self.turn = length, length / WAVES, 0.4 + 2.4 * order
        low, high = 2 * math.pi / longest, 2 * math.pi / self.shortest
        step = 2 * math.pi / length
        line = torch.fft.fftfreq(SIZE, dtype=torch.float64) * SIZE * step
        kv, ku = torch.meshgrid(line, line, indexing="ij")
        kx = ku * math.cos(self.turn) - kv * math.sin(self.turn)
        kz = ku * math.sin(self.turn) + kv * math.cos(self.turn)
        k = torch.hypot(kx, kz)
        inside = (k > low) & (k <= high) & (k > 0)
        variance = torch.where(inside, spectrum.density(kx, kz), 0.0) * step * step
        phase = torch.rand(
            SIZE, SIZE, generator=generator(seed, "waves", order), dtype=torch.float64
        )
        wave = torch.polar((variance / 2).sqrt(), phase * (2 * math.pi))
        mirrored = torch.roll(wave.flip((0, 1)), (1, 1), (0, 1)).conj()
        half = SIZE // 2 + 1
        kx, kz, k = kx[:, :half], kz[:, :half], k[:, :half]
        east, north = 1j * kx, 1j * kz
        away = 1 / k.clamp(min=step / 2)

        def kept(values: Tensor, columns: int) -> Tensor:
            return values[..., :columns].to(torch.complex64).contiguous().to(device)

        some = WAVES + 2  # columns in which there are waves
        self._forth, self._back = kept(wave, some), kept(mirrored, some)
        cycles = frequency(k, spectrum.sea.depth) / (2 * math.pi)
        self._cycles = cycles[:, :some].contiguous().to(device)  # float64, 1/s
        self._rise = None
        if order < SHARPENED:
            rise = torch.stack((k / k.clamp(min=1e-9), east, north, east * away, north * away))
            self._rise = kept(rise, some)  # (5, N, some)
        self._levels = []
        for level in LEVELS:
            through = torch.exp(-((k * (BLUR * level * self.shortest)) ** 2) / 2)
            parts = torch.stack((through, through * east, through * north, through))
            parts[:, 0, 0] = torch.tensor((0.0, 0.0, 0.0, 1.0))
            size = round(SIZE / 2 ** LEVELS.index(level))
            self._levels.append(kept(_cropped(parts, size), half))
        steep = float((variance * torch.hypot(line, line[:, None]) ** 2).sum().sqrt())
        self._breaking, self.part = None, 0.0
        if breaks and order < len(BREAKING) and steep > 0:
            self.part = BREAKING[order]
            self._breaking = kept(k * (self.part / steep), some)
        self.lost = _lost(spectrum, low, high, self.shortest)
        self.rough = 0.5 * math.sqrt(sum(spectrum.steepness(low, math.inf)) / 2)

    def place(self, footprint: Tensor) -> Tensor:
        """Which of its levels footprints in m ask for, 0 to 2 as a real number."""
        octaves = math.log2(LEVELS[1] / RATIO * self.shortest)
        return footprint.log2().sub_(octaves).mul_(1 / math.log2(RATIO)).clamp_(0, len(LEVELS))

    def shoal(self, depth: Tensor) -> Tensor:
        """Share of its height that shallow water leaves to its waves, by depth in m."""
        depth = depth.clamp(min=0)
        return depth / (depth + 0.12 * self.shortest)

    def moment(self, seconds: float) -> Tensor:
        """Spectrum of the height at a time in s, (N, some) complex."""
        turns = self._cycles * seconds
        phase = turns.sub_(turns.floor()).float().mul_(2 * math.pi)
        wave = torch.complex(phase.cos(), phase.sin())
        return (self._back * wave).addcmul_(self._forth, wave.conj())

    def tables(self, seconds: float) -> list[Tensor]:
        """Height, slopes eastward and northward, and how near to breaking, level by level.

        Returns:
            (1, 3 or 4, n + 1, n + 1) each, where the last row and column are the first again.
        """
        spectrum = self.moment(seconds)
        if self._rise is not None:  # Stokes: water is carried from the troughs to the crests
            h, sx, sz, dx, dz = _field(self._rise * spectrum)
            h = h.addcmul_(dx, sx, value=-1).addcmul_(dz, sz, value=-1)
            spectrum = torch.fft.rfft2(h, norm="forward")
        near = self._near(seconds)
        made = []
        for parts in self._levels:
            size = parts.shape[1]
            waves = _cropped(spectrum, size)
            passed = parts[:3, :, : waves.shape[-1]] * waves
            if near is not None:
                foam = _cropped(near, size)[None] * parts[3:]
                passed = torch.nn.functional.pad(passed, (0, foam.shape[-1] - passed.shape[-1]))
                passed = torch.cat((passed, foam))
            made.append(_closed(_field(passed)))
        return made

    def _near(self, seconds: float) -> Tensor | None:
        """Spectrum of how near waves are, or lately were, to breaking: where water converges."""
        if self._breaking is None:
            return None
        found: Tensor | None = None
        for ago, gone in LINGER if self.length > LINGERS_M else LINGER[:2]:
            wave = _field(self._breaking * self.moment(seconds - ago)).sub_(gone * self.part)
            found = wave if found is None else torch.maximum(found, wave)
        return None if found is None else torch.fft.rfft2(found, norm="forward")


def _cropped(spectrum: Tensor, size: int) -> Tensor:
    """The long waves of (…, N, M) spectra, for a field of ``size``²."""
    if spectrum.shape[-2] == size:
        return spectrum
    half = size // 2
    rows = torch.cat((spectrum[..., :half, :], spectrum[..., -half:, :]), -2)
    return rows[..., : half + 1]


def _field(spectrum: Tensor) -> Tensor:
    """(…, N, N) real fields of (…, N, M) spectra whose further columns are zero."""
    size = spectrum.shape[-2]
    columns = torch.fft.ifft(spectrum, dim=-2, norm="forward")
    field: Tensor = torch.fft.irfft(columns, n=size, dim=-1, norm="forward")
    return field


def _closed(field: Tensor) -> Tensor:
    """(1, C, n + 1, n + 1): the first row and column again at the end."""
    count, size = field.shape[0], field.shape[-1]
    made = field.new_empty(1, count, size + 1, size + 1)
    made[0, :, :size, :size] = field
    made[0, :, size, :size] = field[:, 0]
    made[0, :, :, size] = made[0, :, :, 0]
    return made


def _lost(spectrum: Spectrum, low: float, high: float, shortest: float) -> list[list[float]]:
    """Variance of the slopes that each level of a tile leaves out; see `Band.lost`."""
    k = torch.logspace(math.log10(max(low, high / 200)), math.log10(high), 65, dtype=torch.float64)
    k = (k[1:] * k[:-1]).sqrt()
    power = spectrum.slopes(k) * math.log(float(k[1] / k[0]))  # (2, K)
    place = torch.linspace(0, len(LEVELS), 31, dtype=torch.float64)
    through = torch.zeros(31, len(k), dtype=torch.float64)
    for order, level in enumerate(LEVELS):
        passed = torch.exp(-((BLUR * level * shortest * k) ** 2) / 2)
        through += (1 - (place - order).abs()).clamp(min=0)[:, None] * passed
    lost = (1 - through**2) @ power.T  # (31, 2)
    terms = torch.stack((place, place**2, place**3), 1)
    found: list[list[float]] = torch.linalg.lstsq(terms, lost).solution.T.tolist()
    return found
