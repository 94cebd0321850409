"""From what a model drew to what is delivered."""

import numpy as np

from pleinair.backends.given import Beginning
from pleinair.media.frames import Frames, at_rate, resize
from pleinair.media.motion import interpolate
from pleinair.request import VideoRequest


def deliver(drawn: Frames, fps: int, request: VideoRequest, beginning: Beginning) -> Frames:
    """The clip at the size and rate asked for, behind the clip that it continues.

    Args:
        drawn: (T, h, w, 3) at ``fps``; where a clip is extended, the first is its last frame.
        fps: native frames a second.
        request: what was asked for.
        beginning: what it began from.
    """
    clip, count = beginning.extend, request.frames
    if clip is None:
        return resize(interpolate(drawn, fps, request.fps, count), request.width, request.height)
    moving = interpolate(drawn, fps, request.fps, 1 + count)[1:]
    parts = (at_rate(clip.frames, clip.fps, request.fps), moving)
    return np.concatenate([resize(part, request.width, request.height) for part in parts])


def notes_of(request: VideoRequest, beginning: Beginning, *, closes: bool = False) -> list[str]:
    """What became of the beginning with a model that sees a first picture, and no motion.

    Args:
        request: what was asked for.
        beginning: what it began from.
        closes: whether the model sees a picture for the last moment too.
    """
    notes = list(beginning.notes)
    if any(at > 0 and not (closes and at >= request.seconds) for at in beginning.pictures):
        notes.append("pictures after the first moment have no effect with this model")
    if clip := beginning.extend:
        kept = len(at_rate(clip.frames, clip.fps, request.fps))
        notes.append(f"the first {kept:,} frames are those of the clip that was given")
        notes.append("the model saw the last frame of the clip, not its motion")
    return notes
