"""Pleinair: text in, video out.

``pleinair.generate("…")`` returns the frames and how they were made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pleinair.errors import InputError, MediaError, ModelError, PleinairError, TrainingError
from pleinair.request import VideoRequest

if TYPE_CHECKING:
    from pleinair.backends.base import Generation, Progress

__version__ = "0.1.0"
__all__ = [
    "InputError",
    "MediaError",
    "ModelError",
    "PleinairError",
    "TrainingError",
    "VideoRequest",
    "generate",
]


def generate(
    prompt: str, *, progress: Progress | None = None, **options: str | float
) -> Generation:
    """Make a video from a description.

    Args:
        prompt: what to show.
        progress: called as ``progress(done, total, stage)`` from time to time.
        options: fields of :class:`VideoRequest`, such as ``seconds=4, seed=7``.

    Returns:
        An object with ``frames`` (T, H, W, 3) uint8, ``clips`` (one for each variation), ``fps``
        and ``metadata``.

    Raises:
        InputError: an option is not allowed.
        ModelError: the model is unknown, or its weights are missing or corrupt.
    """
    from dataclasses import fields

    from pleinair.backends.base import MODELS, check_model, open_backend
    from pleinair.settings import Settings

    known = {field.name for field in fields(VideoRequest)}
    for name in options:
        if name not in known:
            raise InputError("option", name, ", ".join(sorted(known)))
    request = VideoRequest(prompt, **options)  # type: ignore[arg-type]  # it checks each value
    check_model(request.model)
    MODELS[request.model].check(request)
    return open_backend(request.model, Settings.read()).generate(request, progress)
