"""From what a model drew to what is delivered."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from pleinair.backends.given import Beginning, ends_of, kept_notes
from pleinair.media.frames import Frames, resize
from pleinair.media.motion import views
from pleinair.request import VideoRequest


def moments(request: VideoRequest, beginning: Beginning) -> list[Fraction]:
    """Seconds at which each new frame is seen, from the start of what is drawn.

    Where a clip is extended, that start is its last frame, and the first new one comes after it.
    """
    first = 1 if beginning.extend else 0
    return [Fraction(first + i, request.fps) for i in range(request.frames)]


def deliver(
    drawn: Frames, places: Sequence[Fraction], request: VideoRequest, beginning: Beginning
) -> Frames:
    """The new part at the size and rate asked for, between the clips that it stands between.

    Args:
        drawn: (T, h, w, 3) as the model drew them.
        places: where in them each new frame is seen, counted in frames from the first.
        request: what was asked for.
        beginning: what it began from.
    """
    before, after = ends_of(request, beginning)
    parts = [part for part in (before, views(drawn, places), after) if part is not None]
    scaled = [resize(part, request.width, request.height) for part in parts]
    return scaled[0] if len(scaled) == 1 else np.concatenate(scaled)


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
    notes += kept_notes(request, beginning)
    if beginning.extend:
        notes.append("the model saw the last frame of the clip, not its motion")
    return notes
