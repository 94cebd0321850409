"""More frames between frames: dense motion, and views in between along it.

A model that draws 8 frames a second looks like a slide show; 24 frames a second along the motion
do not. The motion is found at the model's own small size, where it costs little, to a fraction of
a pixel, and the frames made are nearer to the right ones than those of FFmpeg's ``minterpolate``
(``bench/motion.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from pleinair.media.frames import Frames

_CHUNK = 16  # pairs of frames whose motion is found at a time: a minute needs no more memory


@dataclass(frozen=True)
class FlowConfig:
    """Pyramid Lucas–Kanade: levels of half size, steps on each, window in pixels, damping."""

    levels: int = 4
    steps: int = 2
    window: int = 2
    damping: float = 1e-3


def interpolate(frames: Frames, fps_from: int, fps_to: int, count: int) -> Frames:
    """``count`` frames at ``fps_to`` from frames at ``fps_from``.

    Output frame i shows time i / fps_to; frames at the time of a given frame are that frame, and
    time beyond the last frame shows the last frame.

    Args:
        frames: (T, H, W, 3).

    Returns:
        (count, H, W, 3).
    """
    return views(frames, [Fraction(i * fps_from, fps_to) for i in range(count)])


@torch.inference_mode()
def views(frames: Frames, places: Sequence[Fraction]) -> Frames:
    """What is seen at places between frames, counted in frames from the first and rising.

    A whole number is the frame itself, and a place after the last frame shows the last frame.

    Args:
        frames: (T, H, W, 3).
        places: at least 0.

    Returns:
        (len(places), H, W, 3).
    """
    places = [min(place, Fraction(len(frames) - 1)) for place in places]
    if all(place.denominator == 1 for place in places):
        return frames[[int(place) for place in places]]
    out = np.empty((len(places), *frames.shape[1:]), np.uint8)
    start, end = 0, 0  # the pairs of frames whose motion is known
    for i, place in enumerate(places):
        k, t = int(place), float(place % 1)
        if t == 0:
            out[i] = frames[k]
            continue
        if k >= end:
            start, end = k, min(k + _CHUNK, len(frames) - 1)
            piece = torch.from_numpy(frames[start : end + 1]).permute(0, 3, 1, 2)
            video = piece.float() / 255  # (T, 3, H, W)
            ahead, back = flow(video[:-1], video[1:]), flow(video[1:], video[:-1])  # (·, 2, H, W)
        this, following = slice(k - start, k - start + 1), slice(k - start + 1, k - start + 2)
        view = between(video[this], video[following], ahead[this], back[this], t)[0]
        out[i] = (view.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    return out


def between(first: Tensor, second: Tensor, ahead: Tensor, back: Tensor, t: float) -> Tensor:
    """The view at time ``t`` of 0–1 between two pictures (N, 3, H, W) with motion (N, 2, H, W).

    The motion at time t is mixed from both directions as in Super SloMo (Jiang et al., 2018). Where
    following it agrees less with itself than standing still does (a flash, a thing that comes
    out from behind another), the view fades instead.
    """
    from_first = warp(first, t * t * back - (1 - t) * t * ahead, "bicubic")
    from_second = warp(second, (1 - t) ** 2 * ahead - t * (1 - t) * back, "bicubic")
    moved = (1 - t) * from_first + t * from_second
    faded = (1 - t) * first + t * second
    miss_moved = blur((from_first - from_second).square().sum(1, keepdim=True), 2)
    miss_faded = blur((first - second).square().sum(1, keepdim=True), 2)
    trust = (miss_faded + 1e-6) / (miss_faded + miss_moved + 2e-6)  # (N, 1, H, W), 0–1
    return torch.lerp(faded, moved, trust)


def flow(first: Tensor, second: Tensor, config: FlowConfig | None = None) -> Tensor:
    """Dense motion in pixels, x then y, such that second(p + flow) looks like first(p).

    Lucas and Kanade (1981) on a pyramid (Bouguet, 2000), at every pixel.

    Args:
        first, second: (N, C, H, W), 0–1.

    Returns:
        (N, 2, H, W).
    """
    config = config or FlowConfig()
    pyramid = [(first, second)]
    while len(pyramid) < config.levels and min(pyramid[-1][0].shape[-2:]) >= 16:
        a, b = pyramid[-1]
        pyramid.append((F.avg_pool2d(a, 2, ceil_mode=True), F.avg_pool2d(b, 2, ceil_mode=True)))
    motion = pyramid[-1][0].new_zeros(len(first), 2, 1, 1)
    for a, b in reversed(pyramid):
        motion = 2 * F.interpolate(motion, a.shape[-2:], mode="bilinear")
        for _ in range(config.steps):
            motion = motion + _step(a, warp(b, motion), config)
    return motion


def _step(first: Tensor, second: Tensor, config: FlowConfig) -> Tensor:
    """One Gauss–Newton step of the motion that is left, at most a pixel each way."""
    miss = second - first
    gx, gy = _slopes((first + second) / 2)  # (N, C, H, W)
    products = [gx * gx, gx * gy, gy * gy, gx * miss, gy * miss]
    sums = blur(torch.stack([product.sum(1) for product in products], 1), config.window)
    xx, xy, yy, xm, ym = sums.unbind(1)  # (N, H, W)
    xx, yy = xx + config.damping, yy + config.damping  # a bare sky has no slope and stays still
    det = xx * yy - xy * xy
    step = torch.stack([xy * ym - yy * xm, xy * xm - xx * ym], 1) / det[:, None]
    return step.clamp(-1, 1)


def warp(picture: Tensor, motion: Tensor, mode: str = "bilinear") -> Tensor:
    """``picture`` (N, C, H, W) seen at p + motion(p); motion (N, 2, H, W) in pixels."""
    _, _, h, w = picture.shape
    x = (torch.arange(w) + 0.5 + motion[:, 0]) / w * 2 - 1  # (N, H, W)
    y = (torch.arange(h)[:, None] + 0.5 + motion[:, 1]) / h * 2 - 1
    grid = torch.stack([x, y], -1)
    return F.grid_sample(picture, grid, mode=mode, padding_mode="border", align_corners=False)


def blur(x: Tensor, radius: float) -> Tensor:
    """Gaussian blur of (N, C, H, W), ``radius`` in pixels, edges repeated."""
    reach, channels = int(2 * radius), x.shape[1]
    line = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / radius) ** 2)
    line = (line / line.sum()).expand(channels, 1, 1, -1)
    x = F.pad(x, (reach, reach, reach, reach), mode="replicate")
    x = F.conv2d(x, line, groups=channels)
    return F.conv2d(x, line.transpose(2, 3), groups=channels)


def _slopes(x: Tensor) -> tuple[Tensor, Tensor]:
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
    across = padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]
    down = padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]
    return across / 2, down / 2
