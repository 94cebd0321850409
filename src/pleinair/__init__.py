"""Pleinair: text in, video out.

``pleinair.generate("…")`` returns the frames and how they were made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pleinair.errors import InputError, MediaError, ModelError, PleinairError, TrainingError
from pleinair.request import VideoRequest
from pleinair.scenes.scene import Scene

if TYPE_CHECKING:
    from pleinair.backends.base import Generation, Progress
    from pleinair.scenes.draft import Draft

__version__ = "0.1.0"
__all__ = [
    "InputError",
    "MediaError",
    "ModelError",
    "PleinairError",
    "TrainingError",
    "VideoRequest",
    "generate",
    "scene",
]


def generate(prompt: str = "", *, progress: Progress | None = None, **options: Any) -> Generation:  # noqa: ANN401
    """Make a video from a description.

    Args:
        prompt: what to show; it may be left out where a scene is given.
        progress: called as ``progress(done, total, stage)`` from time to time.
        options: fields of :class:`VideoRequest`, such as ``seconds=4, seed=7, loop=True``, and
            files that the video begins from: ``image``, ``edit``, ``extend``, ``before``,
            ``retake`` with ``span=(1.0, 2.5)``, ``keyframes={2.5: "a.png", "end": "b.png"}``;
            ``strength`` of an edit or a retake; ``still=True`` for one picture. See
            :class:`pleinair.backends.inputs.Inputs`. Without ``model``, what the default cannot
            do yet is made by another, and the notes of the metadata say so.

    Returns:
        An object with ``frames`` (T, H, W, 3) uint8, ``clips`` (one for each variation; those of
        ``pleinair-2`` are drawn as they are read), ``fps`` and ``metadata``.

    Raises:
        InputError: an option is not allowed.
        MediaError: a file cannot be read.
        ModelError: the model is unknown, or its weights are missing or corrupt.
    """
    from dataclasses import fields

    from pleinair.backends.assigning import assigned
    from pleinair.backends.base import open_backend
    from pleinair.backends.inputs import Inputs, read_inputs
    from pleinair.settings import Settings

    files = {field.name for field in fields(Inputs)}
    hidden = {"given", "prompt", "handover"}
    known = {field.name for field in fields(VideoRequest)} - hidden | files
    for name in options:
        if name not in known:
            raise InputError("option", name, ", ".join(sorted(known)))
    inputs = Inputs(**{name: options.pop(name) for name in files & set(options)})
    found = read_inputs(inputs, options.get("seconds"), options.get("fps", VideoRequest.fps))
    if isinstance(options.get("scene"), Scene):
        options = {"seed": options["scene"].seed, **options}
    request = VideoRequest(prompt, **options | {"seconds": found.seconds, "given": found.given})
    request = assigned(request, by_name="model" in options)
    backend = open_backend(request.model, Settings.read())
    return backend.generate(request, progress, materials=found.materials)


def scene(prompt: str = "", *, seed: int = 0, aspect: float = 16 / 9, seconds: float = 4) -> Draft:
    """Compose the scene that a prompt would be drawn from.

    Args:
        prompt: what to show; what it leaves open is composed by the seed.
        seed: 0–4294967295; the video of the same prompt and seed shows this scene.
        aspect: width of the picture over its height.
        seconds: length of the film, over which the camera moves.

    Returns:
        An object with the ``scene``, what the prompt ``said`` of it, the words that are
        ``unknown``, and ``notes``. The scene, changed or not, goes into ``generate(scene=…)``.

    Raises:
        InputError: a value is not allowed.
    """
    from pleinair.scenes.draft import draft

    return draft(prompt, seed, aspect=aspect, seconds=seconds)
