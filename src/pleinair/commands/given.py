"""What a person types of the files that a video begins from."""

import math
from collections.abc import Sequence
from pathlib import Path

from pleinair.backends.inputs import END
from pleinair.errors import InputError


def parse_span(text: str | None) -> tuple[float, float] | None:
    """Seconds from and to, of text such as ``1.0-2.5``; raises InputError when it is not so."""
    if text is None:
        return None
    start, dash, end = text.partition("-")
    times = _seconds(start), _seconds(end)
    if not dash or times[0] is None or times[1] is None:
        raise InputError("span", text, "START-END in seconds, such as 1.0-2.5")
    return times[0], times[1]


def parse_keyframes(texts: Sequence[str]) -> dict[float | str, Path]:
    """Pictures by time, of texts such as ``2.5=frame.png`` and ``end=frame.png``.

    Raises:
        InputError: a text is not so, or two have the same time.
    """
    frames: dict[float | str, Path] = {}
    for text in texts:
        time, _, name = text.partition("=")
        at = END if time.strip() == END else _seconds(time)
        if at is None or not name:
            raise InputError("keyframe", text, "SECONDS=PICTURE or end=PICTURE")
        if at in frames:
            raise InputError("keyframe", text, f"one picture at {time.strip()}")
        frames[at] = Path(name)
    return frames


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None
