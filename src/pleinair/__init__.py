"""Pleinair: text in, video out.

``pleinair.generate("…")`` returns the frames and how they were made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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


def generate(prompt: str, *, progress: Progress | None = None, **options: Any) -> Generation:  # noqa: ANN401
    """Make a video from a description.

    Args:
        prompt: what to show.
        progress: called as ``progress(done, total, stage)`` from time to time.
        options: fields of :class:`VideoRequest`, such as ``seconds=4, seed=7, loop=True``, and
            files that the video begins from: ``image``, ``edit``, ``extend``, ``before``,
            ``retake`` with ``span=(1.0, 2.5)``, ``keyframes={2.5: "a.png", "end": "b.png"}``;
            ``strength`` of an edit or a retake; ``still=True`` for one picture. See
            :class:`pleinair.backends.inputs.Inputs`.

    Returns:
        An object with ``frames`` (T, H, W, 3) uint8, ``clips`` (one for each variation), ``fps``
        and ``metadata``.

    Raises:
        InputError: an option is not allowed.
        MediaError: a file cannot be read.
        ModelError: the model is unknown, or its weights are missing or corrupt.
    """
    from dataclasses import fields

    from pleinair.backends.base import MODELS, check_model, open_backend
    from pleinair.backends.inputs import Inputs, read_inputs
    from pleinair.settings import Settings

    files = {field.name for field in fields(Inputs)}
    known = {field.name for field in fields(VideoRequest)} - {"given", "prompt"} | files
    for name in options:
        if name not in known:
            raise InputError("option", name, ", ".join(sorted(known)))
    inputs = Inputs(**{name: options.pop(name) for name in files & set(options)})
    found = read_inputs(inputs, options.get("seconds"), options.get("fps", VideoRequest.fps))
    request = VideoRequest(prompt, **options | {"seconds": found.seconds, "given": found.given})
    check_model(request.model)
    MODELS[request.model].check(request)
    backend = open_backend(request.model, Settings.read())
    return backend.generate(request, progress, materials=found.materials)
