"""Frames as the public door sees them, and their size."""

import math
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

if TYPE_CHECKING:
    from torch import Tensor

Frames: TypeAlias = npt.NDArray[np.uint8]
"""A clip: (T, H, W, 3), red, green, blue, 0–255."""

Picture: TypeAlias = npt.NDArray[np.uint8]
"""One picture: (H, W, 3), red, green, blue, 0–255."""

_CHUNK = 16  # frames scaled at a time, so that a long clip is never held twice as floats


def to_frames(video: "Tensor") -> Frames:
    """The model's (3, T, H, W) in [-1, 1] as (T, H, W, 3) uint8."""
    import torch

    levels = (video.float().clamp(-1, 1) + 1) * 127.5
    frames: Frames = levels.round().to(torch.uint8).permute(1, 2, 3, 0).contiguous().cpu().numpy()
    return frames


def to_tensor(frames: Frames) -> "Tensor":
    """Frames (T, H, W, 3) as the model's (3, T, H, W) in [-1, 1]; undoes `to_frames`."""
    import torch

    levels = torch.from_numpy(np.ascontiguousarray(frames)).permute(3, 0, 1, 2)
    return levels.float() / 127.5 - 1


def resize(frames: Frames, width: int, height: int) -> Frames:
    """Scale to cover ``width`` × ``height`` and crop what stands over, evenly on both sides.

    The aspect of what is seen is kept. Bicubic, with antialiasing where it gets smaller.

    Args:
        frames: (T, h, w, 3).

    Returns:
        (T, height, width, 3).
    """
    import torch
    from torch.nn import functional as F

    _, h, w, _ = frames.shape
    if (w, h) == (width, height):
        return frames
    scale = max(width / w, height / h)
    # What is cropped away is left out first, but for two pixels: a wide strip stays cheap.
    keep_w, keep_h = _kept(w, width / scale), _kept(h, height / scale)
    kept = _centre(frames, keep_w, keep_h)
    scaled_w, scaled_h = max(width, round(keep_w * scale)), max(height, round(keep_h * scale))
    out = np.empty((len(frames), height, width, 3), np.uint8)
    for start in range(0, len(frames), _CHUNK):
        chunk = torch.from_numpy(np.ascontiguousarray(kept[start : start + _CHUNK]))
        video = chunk.permute(0, 3, 1, 2)  # (T, 3, h, w), channels last: the fast path of uint8
        big = F.interpolate(video, (scaled_h, scaled_w), mode="bicubic", antialias=True)
        whole: Frames = big.permute(0, 2, 3, 1).numpy()
        out[start : start + _CHUNK] = _centre(whole, width, height)
    return out


def resize_picture(picture: Picture, width: int, height: int) -> Picture:
    """What `resize` does, for one picture and without torch, which takes a second to import.

    Args:
        picture: (h, w, 3).

    Returns:
        (height, width, 3).
    """
    h, w, _ = picture.shape
    scale = max(width / w, height / h)
    left, top = (w - width / scale) / 2, (h - height / scale) / 2
    box = (max(0.0, left), max(0.0, top), min(w, w - left), min(h, h - top))
    scaled = Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC, box)
    whole: Picture = np.array(scaled)
    return whole


def count_at_rate(count: int, fps_from: Fraction | float, fps_to: int) -> int:
    """How many frames a clip of ``count`` frames has at another rate, at least one."""
    return max(1, round(count * fps_to / Fraction(fps_from)))


def at_rate(
    frames: Frames, fps_from: Fraction | float, fps_to: int, count: int | None = None
) -> Frames:
    """The frame nearest in time for each moment of another rate: frames are chosen, none is made.

    Args:
        frames: (T, H, W, 3).
        fps_from, fps_to: frames a second, before and after.
        count: how many; all that the clip's length holds if None. Time after the end shows the
            last frame.

    Returns:
        (count, H, W, 3).
    """
    pace = Fraction(fps_from) / fps_to
    if count is None:
        count = count_at_rate(len(frames), fps_from, fps_to)
    if pace == 1 and count <= len(frames):
        return frames[:count]
    chosen = [min(math.floor(i * pace + Fraction(1, 2)), len(frames) - 1) for i in range(count)]
    return frames[chosen]


def _kept(side: int, seen: float) -> int:
    """Pixels to keep of a side: as odd or even as the side, so that the centre stays the centre."""
    kept = math.ceil(seen) + 2
    return min(side, kept + (side - kept) % 2)


def _centre(frames: Frames, width: int, height: int) -> Frames:
    top, left = (frames.shape[1] - height) // 2, (frames.shape[2] - width) // 2
    return frames[:, top : top + height, left : left + width]
