"""Fingerprints: short codes of how frames look, which stay nearly the same in changed copies.

Each key frame gives 256 bits for each of three regions, the signs of its low frequencies, after
the PDQ hash (Facebook, "The TMK+PDQF video-hashing algorithm and the PDQ image-hashing algorithm",
2019), and a colour layout of 4 × 4 means (MPEG-7, ISO/IEC 15938-3). Regions about the centre make
a crop meet its own; a mirrored copy is looked for with the mirrored query.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from pleinair.media.frames import Frames
from pleinair.media.glimpse import luma

KEYS = 8  # frames of a clip
REGIONS = (1.0, 0.9, 0.75)  # of each side, about the centre
BITS, WORDS = 256, 4
GRID = 4  # colours a side
_SIDE, _LOW = 64, 16  # pixels a side that the transform sees, frequencies a side that it keeps

Bits = npt.NDArray[np.uint64]
Colours = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Fingerprint:
    """What is kept of a clip: 8 × 3 × 32 bytes and 8 × 48.

    Attributes:
        bits: (K, 3, 4): frames, regions, words of 64 bits; the first word is the coarsest.
        colours: (K, 4, 4, 3).
    """

    bits: Bits
    colours: Colours

    def to_bytes(self) -> tuple[bytes, bytes]:
        """Both as bytes, the same on every machine."""
        return self.bits.astype("<u8").tobytes(), self.colours.tobytes()

    @classmethod
    def from_bytes(cls, bits: bytes, colours: bytes) -> "Fingerprint":
        """Undoes `to_bytes`."""
        return cls(
            np.frombuffer(bits, "<u8").reshape(-1, len(REGIONS), WORDS).astype(np.uint64),
            np.frombuffer(colours, np.uint8).reshape(-1, GRID, GRID, 3),
        )


def fingerprint(frames: Frames, *, mirrored: bool = False) -> Fingerprint:
    """The fingerprint of a clip.

    Args:
        frames: (T, H, W, 3), as `pleinair.media.glimpse` gives them; of one frame, that one.
        mirrored: of the clip with left and right exchanged.
    """
    count = min(KEYS, len(frames))
    chosen = ((np.arange(count) + 0.5) * len(frames) / count).astype(int)
    keys = frames[chosen, :, ::-1] if mirrored else frames[chosen]
    bright = luma(keys)
    bits = np.stack([[_bits(_centre(key, share)) for share in REGIONS] for key in bright])
    layouts = [Image.fromarray(key).resize((GRID, GRID), Image.Resampling.BOX) for key in keys]
    return Fingerprint(bits, np.stack([np.asarray(layout) for layout in layouts]))


def distances(query: Fingerprint, kept: Fingerprint) -> tuple[float, float]:
    """How far a clip is from another: bits of 256, and likeness of colours from -1 to 1.

    Every frame of the query looks for its like in any frame and region of the other; half of them
    are nearer than the distance. The centre of the query is looked for too, for what was written
    over its edges.
    """
    wide = kept.bits.reshape(-1, WORDS)
    least = _hamming(query.bits[:, :1], wide).reshape(len(query.bits), -1).min(1)
    for i in range(1, len(REGIONS)):
        same = _hamming(query.bits[:, i : i + 1], kept.bits[:, i])
        least = np.minimum(least, same.reshape(len(query.bits), -1).min(1))
    likeness = _normal(query.colours) @ _normal(kept.colours).T
    return float(np.median(least)), float(np.median(likeness.max(1)))


def _hamming(bits: Bits, others: Bits) -> npt.NDArray[np.int64]:
    """(K, R, 4) and (N, 4): differing bits, (K, R, N)."""
    differ = np.bitwise_count(bits[:, :, None] ^ others[None, None])
    total: npt.NDArray[np.int64] = differ.sum(-1, dtype=np.int64)
    return total


def _normal(colours: Colours) -> npt.NDArray[np.float32]:
    """(K, 48), free of brightness and contrast."""
    flat = colours.reshape(len(colours), -1).astype(np.float32)
    flat = flat - flat.mean(1, keepdims=True)
    scaled: npt.NDArray[np.float32] = flat / np.maximum(
        np.linalg.norm(flat, axis=1, keepdims=True), 1e-6
    )
    return scaled


def _centre(picture: npt.NDArray[np.float32], share: float) -> npt.NDArray[np.float32]:
    height, width = picture.shape
    y, x = round(height * (1 - share) / 2), round(width * (1 - share) / 2)
    return picture[y : height - y, x : width - x]


def _bits(bright: npt.NDArray[np.float32]) -> Bits:
    """Four words: which low frequencies are above their median, the lowest first."""
    image = Image.fromarray(np.ascontiguousarray(bright))
    small = np.asarray(image.resize((_SIDE, _SIDE), Image.Resampling.BOX))
    low = _cosines() @ small @ _cosines().T
    signs = (low > np.median(low)).ravel()[_order()]
    packed: Bits = np.packbits(signs).view(">u8").astype(np.uint64)
    return packed


@cache
def _cosines() -> npt.NDArray[np.float64]:
    """The rows of a DCT-II of 64 for its frequencies 1 to 16: (16, 64)."""
    k, n = np.arange(1, _LOW + 1)[:, None], np.arange(_SIDE)[None]
    rows: npt.NDArray[np.float64] = np.cos(np.pi * k * (n + 0.5) / _SIDE)
    return rows


@cache
def _order() -> npt.NDArray[np.int64]:
    """Places of the 256 frequencies by the larger of their two numbers: the first 64 are 8 × 8."""
    y, x = np.divmod(np.arange(_LOW * _LOW), _LOW)
    ranked: npt.NDArray[np.int64] = np.argsort(np.maximum(y, x), kind="stable")
    return ranked
