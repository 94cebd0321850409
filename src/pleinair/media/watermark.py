"""An invisible mark in the picture itself, which says whose video it is after copies and cuts.

One square tile of noise, drawn from a secret key, is laid over every frame, edge to edge. Its side
is a fixed share of the picture's shorter side, so that scaling changes nothing; a crop shifts it
around and zooms it, which the reader searches. It stands still, so that nothing flickers, the codec
keeps it, and the mean over many frames brings it out.

- Spread spectrum in a band of middle frequencies: Cox, Kilian, Leighton, Shamoon, "Secure spread
  spectrum watermarking for multimedia", IEEE Trans. Image Processing 6(12), 1997.
- Tiles, folded and found by phase-only correlation, with the payload in how far patterns are
  shifted: Kalker, Depovere, Haitsma, Maes, "A video watermarking system for broadcast monitoring",
  Proc. SPIE 3657, 1999.
- More strength where the picture is busy: Voloshynovskiy, Herrigel, Baumgaertner, Pun, "A
  stochastic approach to content adaptive digital image watermarking", Information Hiding, 1999.
"""

import hashlib
import hmac
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from pleinair.media.clip import Clip, Drawn, spread
from pleinair.media.frames import Picture

Layer: TypeAlias = npt.NDArray[np.int16]
Luma: TypeAlias = npt.NDArray[np.float32]
Spectrum: TypeAlias = npt.NDArray[np.complex128]

LEAST_SIDE = 180
"""Pixels of the shorter side below which nothing is marked: too few pixels carry too little."""

TILE = 64  # pixels of a tile's side where the shorter side of the picture has LEAST_SIDE
BAND = (7.0, 18.0)  # waves a tile: periods of 3.6 to 9.1 pixels there
SHARES = (0.35, 0.13, 0.13, 0.13, 0.13, 0.13)  # of the power: finding it, and five symbols
STEP = 2  # pixels of a tile from one shift to the next: 32 × 32 shifts, 10 bits a symbol
MARK_BITS, CHECK_BITS, SYMBOL_BITS = 40, 10, 10
FLOOR, GAIN, CEILING = 1.5, 0.4, 3.0  # levels of 255: in the calm, for each level of detail, most
DARK, BRIGHT = 0.6, 150.0  # share of that in the dark, which grows to all at 60 of 255
MOST_RMS = 2.2  # levels: PSNR of 41.3 dB at least
LOOKS = 6  # frames of a clip whose detail and light decide how strong it is in each place
LIMIT = 6.0  # levels: what is beyond is an edge of the picture and not the mark
ZOOMS = tuple(float(1.006**i) for i in range(-58, 72))  # 0.71 to 1.53, nearest to one first
FALSE_POSITIVES = 1e-6
"""The most unmarked files in one of which a mark is seen, however they look: see `bound`."""


@dataclass(frozen=True)
class Reading:
    """What was seen.

    Attributes:
        score: correlation in standard deviations of what an unmarked clip gives.
        bound: the most likely that an unmarked clip, made without the key, scores as much.
        mark: the number written in it, or None where it is too faint to read.
        zoom: how much larger the picture is seen than it was delivered, by cropping.
        mirrored: whether left and right are exchanged.
    """

    score: float
    bound: float
    mark: int | None
    zoom: float
    mirrored: bool

    @property
    def found(self) -> bool:
        """Whether it carries a mark of this key, wrongly so once in 1/`FALSE_POSITIVES` files."""
        return self.bound <= FALSE_POSITIVES


def bound(score: float) -> float:
    """The most likely that any place, zoom and side of an unmarked clip scores as much.

    The key's phases are uniform and independent of the clip, so the score is a sum of cosines of
    independent uniform angles, each sub-Gaussian with half a unit of variance: one place scores
    more than s with a chance of at most exp(-s²/2). That is rigorous for every content, and times
    the places that are searched, a bound on all of them.
    """
    places = TILE * TILE * len(ZOOMS) * 2
    return min(1.0, places * math.exp(-score * score / 2))


def mark_of(key: bytes, name: str) -> int:
    """The number that stands for a video of that name: 40 bits that only the key's owner knows."""
    return int.from_bytes(hmac.digest(key, name.encode(), "sha256")[: MARK_BITS // 8])


class Watermark:
    """Writes and reads marks with one key.

    Args:
        key: whoever has it can find and remove the marks.
    """

    def __init__(self, key: bytes) -> None:
        self.key = hmac.digest(key, b"pleinair watermark", "sha256")

    def mark_of(self, name: str) -> int:
        """The number that stands for that name under this key."""
        return mark_of(self.key, name)

    def pattern(self, mark: int) -> Luma:
        """The tile that carries a mark, (64, 64), of mean square 1."""
        spectrum = math.sqrt(SHARES[0]) * self._templates[0]
        for i, symbol in enumerate(_symbols(mark)):
            y, x = (STEP * place for place in divmod(symbol, TILE // STEP))
            spectrum = spectrum + math.sqrt(SHARES[i + 1]) * self._templates[i + 1] * _shift(y, x)
        tile = np.clip(_unit(np.fft.irfft2(spectrum, (TILE, TILE))), -2.5, 2.5)
        return _unit(tile).astype(np.float32)

    def layer(self, frames: Clip, mark: int) -> Layer:
        """What is added to each frame of a clip, (H, W, 1), the same to all of them.

        Args:
            frames: (T, H, W, 3), the shorter side at least `LEAST_SIDE`.
            mark: 0 to 2⁴⁰ - 1.
        """
        _, height, width, _ = frames.shape
        scale = min(width, height) / LEAST_SIDE
        w, h = width / scale, height / scale
        tiles = np.tile(self.pattern(mark), (math.ceil(h / TILE), math.ceil(w / TILE)))
        laid = _resized(tiles, width, height, (0, 0, w, h))
        added = laid * _strength(frames, width, height)
        rms = float(np.sqrt(np.square(added).mean()))
        levels: Layer = np.rint(added * min(1.0, MOST_RMS / rms)).astype(np.int16)
        return levels[..., None]

    def read(self, luma: Luma) -> Reading:
        """Look for a mark in a clip or a picture.

        Args:
            luma: (T, h, w), brightness 0–255, as `pleinair.media.glimpse.luma` gives it.
        """
        seen = _residual(luma)
        best = self._seen(seen, 1.0)
        if not best.found:
            found = [self._seen(seen, zoom) for zoom in ZOOMS]
            best = max([best, *found], key=lambda reading: reading.score)
        if best.found and best.mark is None:
            near = [self._seen(seen, best.zoom * (1 + d / 1000)) for d in (-3, -2, -1, 1, 2, 3)]
            near.sort(key=lambda reading: (reading.mark is not None, reading.score))
            if near[-1].mark is not None or near[-1].score > best.score:
                best = near[-1]
        return best

    def _seen(self, seen: Luma, zoom: float) -> Reading:
        """The best place at one zoom."""
        phases = _phases(seen, zoom)
        best, surface = 0.0, (0, False)
        for mirrored in (False, True):
            scores = _correlate(phases, self._templates[0], mirrored=mirrored)
            place = int(scores.argmax())
            if scores.flat[place] > best:
                best, surface = float(scores.flat[place]), (place, mirrored)
        chance = bound(best)
        mark = None
        if chance <= FALSE_POSITIVES:
            mark = self._payload(phases, divmod(surface[0], TILE), mirrored=surface[1])
        return Reading(best, chance, mark, zoom, surface[1])

    def _payload(self, phases: Spectrum, origin: tuple[int, int], *, mirrored: bool) -> int | None:
        """The mark whose symbols stand beside the origin, if its check is right."""
        word = 0
        for template in self._templates[1:]:
            scores = _correlate(phases, template, mirrored=mirrored)
            beside = np.roll(scores, (-origin[0], -origin[1]), (0, 1))[::STEP, ::STEP]
            word = word << SYMBOL_BITS | int(beside.argmax())
        mark, check = word >> CHECK_BITS, word & (1 << CHECK_BITS) - 1
        return mark if _check(mark) == check else None

    @cached_property
    def _templates(self) -> list[Spectrum]:
        """One spectrum (64, 33) of ones at random angles for each pattern."""
        inside = _band()
        templates = []
        for i in range(len(SHARES)):
            drawn = hashlib.shake_256(self.key + bytes([i])).digest(4 * int(inside.sum()))
            spectrum = np.zeros(inside.shape, np.complex128)
            spectrum[inside] = np.exp(2j * np.pi * np.frombuffer(drawn, "<u4") / 2**32)
            templates.append(spectrum)
        return templates


def add(picture: Picture, layer: Layer) -> Picture:
    """A frame with its mark: (H, W, 3) and (H, W, 1)."""
    marked = picture + layer  # int16
    np.clip(marked, 0, 255, out=marked)
    whole: Picture = marked.astype(np.uint8)
    return whole


def _symbols(mark: int) -> Iterator[int]:
    """The five symbols of a mark and its check."""
    word = mark << CHECK_BITS | _check(mark)
    for i in reversed(range(len(SHARES) - 1)):
        yield word >> SYMBOL_BITS * i & (1 << SYMBOL_BITS) - 1


def _check(mark: int) -> int:
    """Ten bits that a mark read wrong has by chance once in 1,024 times."""
    digest = hashlib.sha256(mark.to_bytes(MARK_BITS // 8)).digest()
    return int.from_bytes(digest[:2]) & (1 << CHECK_BITS) - 1


def _band() -> npt.NDArray[np.bool_]:
    """Which waves are used, (64, 33); those along an axis are left to letterboxes and subtitles."""
    y = np.fft.fftfreq(TILE, 1 / TILE)[:, None]
    x = np.fft.rfftfreq(TILE, 1 / TILE)[None]
    radius = np.hypot(y, x)
    inside: npt.NDArray[np.bool_] = (radius >= BAND[0]) & (radius <= BAND[1]) & (y != 0) & (x != 0)
    return inside


def _shift(y: int, x: int) -> Spectrum:
    """What a shift by so many pixels does to a spectrum."""
    rows, columns = np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None]
    turned: Spectrum = np.exp(-2j * np.pi * (rows * y + columns * x))
    return turned


def _unit(tile: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    scaled: npt.NDArray[np.float64] = tile / np.sqrt(np.square(tile).mean())
    return scaled


def _strength(frames: Clip, width: int, height: int) -> Luma:
    """Levels that the mark may have in each place, (H, W): more where a clip is busy."""
    chosen = spread(LOOKS, len(frames))
    looked_at = frames.look(chosen) if isinstance(frames, Drawn) else frames
    w, h = width * LEAST_SIDE // min(width, height), height * LEAST_SIDE // min(width, height)
    small = [np.asarray(Image.fromarray(looked_at[i]).convert("L").resize((w, h))) for i in chosen]
    luma = np.stack(small).astype(np.float32)
    detail = _low(_low(np.abs(_high(luma)).mean(0, keepdims=True)))[0]
    bright = _low(_low(luma.mean(0, keepdims=True)))[0]
    levels = np.clip(FLOOR + GAIN * detail, FLOOR, CEILING)
    levels = levels * np.clip(DARK + bright / BRIGHT, DARK, 1)
    return _resized(levels, width, height, (0, 0, w, h))


def _resized(
    picture: npt.NDArray[np.floating], width: int, height: int, box: tuple[float, ...]
) -> Luma:
    """A part of a picture at another size."""
    image = Image.fromarray(np.ascontiguousarray(picture, np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC, box))  # type: ignore[arg-type]


def _low(luma: Luma) -> Luma:
    """(T, h, w) without what is finer than five pixels."""
    for axis in (1, 2):
        edge = [(0, 0)] * 3
        edge[axis] = (2, 2)
        wide = np.pad(luma, edge, mode="edge")
        n = luma.shape[axis]
        parts = [wide.take(range(i, i + n), axis) for i in range(5)]
        luma = (parts[0] + 4 * parts[1] + 6 * parts[2] + 4 * parts[3] + parts[4]) / np.float32(16)
    return luma


def _high(luma: Luma) -> Luma:
    return luma - _low(luma)


def _residual(luma: Luma) -> Luma:
    """What stands still and is fine in a clip, (h, w)."""
    still: Luma = np.clip(_high(luma), -LIMIT, LIMIT).mean(0)
    return still


def _phases(seen: Luma, zoom: float) -> Spectrum:
    """Angles of the waves of all tiles laid on one another, as ones; (64, 33)."""
    height, width = seen.shape
    scale = LEAST_SIDE / min(width, height) / zoom
    w, h = int(width * scale), int(height * scale)
    sized = _resized(seen, w, h, (0, 0, min(width, w / scale), min(height, h / scale)))
    rows, columns = math.ceil(h / TILE), math.ceil(w / TILE)
    padded = np.zeros((rows * TILE, columns * TILE), np.float32)
    padded[:h, :w] = sized
    folded = padded.reshape(rows, TILE, columns, TILE).sum((0, 2))
    spectrum = np.fft.rfft2(folded)
    phases: Spectrum = spectrum / np.maximum(np.abs(spectrum), 1e-9)
    return phases


def _correlate(phases: Spectrum, template: Spectrum, *, mirrored: bool) -> npt.NDArray[np.float64]:
    """Scores of all 64 × 64 places of a pattern, in standard deviations; (64, 64)."""
    if mirrored:  # left and right exchanged: x becomes -x, which is the conjugate at -y
        phases = np.conj(np.roll(phases[::-1], 1, 0))
    waves = int(np.count_nonzero(template))
    surface = np.fft.irfft2(phases * np.conj(template), (TILE, TILE))
    scores: npt.NDArray[np.float64] = surface * (TILE * TILE / 2 / math.sqrt(waves / 2))
    return scores
