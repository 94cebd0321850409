"""How a request lies on the frames that the embedded model draws: latents of what is given."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import numpy as np
from torch import Tensor

from pleinair.backends.delivery import moments
from pleinair.backends.given import Beginning
from pleinair.diffusion.model.autoencoder import TEMPORAL
from pleinair.diffusion.model.pipeline import FPS, latent_frames, loop_frames
from pleinair.media.codec import Video
from pleinair.media.frames import Frames, Picture, at_rate, resize, to_tensor
from pleinair.request import VideoRequest

Encode: TypeAlias = Callable[[Tensor], Tensor]
"""Frames (3, 1 + 4k, h, w) in [-1, 1] to latents (C, 1 + k, h/16, w/16)."""

_FOLLOWING = 2  # groups of a clip that follows which the model is given, if it has as many


@dataclass(frozen=True)
class Timeline:
    """What the pipeline is given, and where in what it draws the video is.

    Frames are counted from 0 at 8 a second. Latent 0 is frame 0, and latent k the group of the
    frames 4k - 3 to 4k; of a loop, which is groups alone, 4k to 4k + 3.

    Attributes:
        given: clean latents.
        source: latents of a clip to be drawn anew.
        seconds: of what is drawn.
        places: frames at which the delivered new ones are seen.
    """

    given: dict[int, Tensor]
    source: Tensor | None
    seconds: float
    places: list[Fraction]


def timeline(
    request: VideoRequest, beginning: Beginning, size: tuple[int, int], encode: Encode
) -> Timeline:
    """Lay a request out.

    A clip that is extended ends with a group, and one that follows begins with one. Between two
    clips there is so a whole number of groups, and time there is stretched a little to fit.

    Args:
        request: what was asked for.
        beginning: what it begins from.
        size: (width, height) of what is drawn.
        encode: makes latents.
    """
    if request.loop:
        return _loop(request, beginning, size, encode)
    seen = moments(request, beginning)
    given: dict[int, Tensor] = {}
    start, pace, tail = Fraction(0), Fraction(1), 0
    if clip := beginning.extend:
        start = Fraction(TEMPORAL if len(clip.frames) > clip.fps / 2 else 0)
        end = _end(clip, 1 + int(start))
        given |= enumerate(encode(to_tensor(resize(end, *size))).unbind(1))
    last = latent_frames(start / FPS + request.seconds) - 1
    if clip := beginning.before:
        gap = (seen[-1] + Fraction(1, request.fps)) * FPS
        if beginning.extend:
            whole = 1 + TEMPORAL * max(0, round((gap - 1) / TEMPORAL))
            pace = whole / gap
        else:
            whole = 1 + TEMPORAL * max(0, -(-(gap - 1) // TEMPORAL))
            start = whole - gap
        last = int(start + gap * pace - 1) // TEMPORAL
        tail = _FOLLOWING if len(clip.frames) > clip.fps / 2 else 1
        given |= enumerate(_groups(clip, tail, size, encode), last + 1)
    for at, picture in beginning.pictures.items():
        group = min(-(-round(start + at * FPS * pace) // TEMPORAL), last)
        given.setdefault(group, _still(picture, size, encode, group=group > 0))
    source = None
    if clip := beginning.edit:
        frames = range(1 + TEMPORAL * (last + tail))
        native = [(i - start) / (FPS * pace) - seen[0] for i in frames]
        source = encode(to_tensor(resize(_at(clip, native), *size)))
    seconds = Fraction(TEMPORAL * (last + tail) + 1, FPS) if tail else start / FPS + request.seconds
    places = [start + moment * FPS * pace for moment in seen]
    return Timeline(given, source, float(seconds), places)


def _loop(
    request: VideoRequest, beginning: Beginning, size: tuple[int, int], encode: Encode
) -> Timeline:
    """Groups all around; the place after the last frame is that of the first."""
    groups = loop_frames(request.seconds)
    given = {}
    for at, picture in beginning.pictures.items():
        group = round(at / request.seconds * TEMPORAL * groups) // TEMPORAL % groups
        given[group] = _still(picture, size, encode, group=True)
    turn = Fraction(TEMPORAL * groups, request.frames)
    places = [i * turn for i in range(request.frames)]
    return Timeline(given, None, request.seconds, places)


def _still(picture: Picture, size: tuple[int, int], encode: Encode, *, group: bool) -> Tensor:
    """A picture as the first latent or as a group."""
    frames = np.repeat(picture[None], 1 + TEMPORAL * group, 0)
    return encode(to_tensor(resize(frames, *size)))[:, -1]


def _groups(clip: Video, count: int, size: tuple[int, int], encode: Encode) -> tuple[Tensor, ...]:
    """The start of a clip as groups: its first frame stands before them too."""
    frames = at_rate(clip.frames, clip.fps, FPS, TEMPORAL * count)
    frames = np.concatenate([frames[:1], frames])
    return encode(to_tensor(resize(frames, *size)))[:, 1:].unbind(1)


def _end(clip: Video, count: int) -> Frames:
    """The last ``count`` frames at the native rate, of which the last is the clip's last."""
    return at_rate(clip.frames[::-1], clip.fps, FPS, count)[::-1].copy()  # torch reads no views


def _at(clip: Video, times: list[Fraction]) -> Frames:
    """The frames of a clip nearest to times in seconds; its ends before and after it."""
    shown = [math.floor(time * clip.fps + Fraction(1, 2)) for time in times]
    frames: Frames = clip.frames[np.clip(shown, 0, len(clip.frames) - 1)]
    return frames
