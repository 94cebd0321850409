"""What every model must do for the rest of the house, and the list of those there are."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any, Protocol, TypeAlias

from pleinair.errors import ModelError
from pleinair.media.frames import Frames
from pleinair.request import VideoRequest
from pleinair.settings import Settings

Progress: TypeAlias = Callable[[int, int, str], None]
"""Called as ``progress(done, total, stage)`` from time to time."""


@dataclass(frozen=True)
class Metadata:
    """What ran: recorded from the run itself, never from what was asked.

    Attributes:
        request: the whole request, with the seed that was used.
        native_width, native_height, native_fps, native_frames: what the model drew, before it was
            brought to the delivered size and rate.
        unknown: words of the prompt that the model does not know, each with a known word like it.
        cut: words dropped from the end of a prompt that is too long for the model.
        device: where it ran.
        seconds: time taken by each stage.
    """

    request: VideoRequest
    native_width: int
    native_height: int
    native_fps: int
    native_frames: int
    unknown: dict[str, str | None] = field(default_factory=dict)
    cut: int = 0
    device: str = "cpu"
    seconds: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values for JSON, with the request's digest."""
        return asdict(self) | {"digest": self.request.digest}


@dataclass(frozen=True)
class Generation:
    """Videos as delivered: one clip (T, H, W, 3) uint8 for each variation."""

    clips: tuple[Frames, ...]
    fps: int
    metadata: Metadata

    @property
    def frames(self) -> Frames:
        """The first variation, (T, H, W, 3) uint8."""
        return self.clips[0]


class Backend(Protocol):
    """A model that turns requests into videos.

    Attributes:
        id: name of the model.
        sizes: native (width, height) pairs that it draws.
        fps: native frames a second.
    """

    id: str
    sizes: tuple[tuple[int, int], ...]
    fps: int

    def generate(self, request: VideoRequest, progress: Progress | None = None) -> Generation:
        """Make the videos; raises ModelError when the model cannot be used."""
        ...


@dataclass(frozen=True)
class Entry:
    """One line of the list of models; ``open`` loads it from ``file`` in the weights folder."""

    about: str
    file: str
    open: Callable[[Settings], Backend]


def _embedded(settings: Settings) -> Backend:
    from pleinair.backends.embedded import Embedded  # torch comes in here and not before

    return Embedded(settings)


MODELS: dict[str, Entry] = {
    "pleinair-1": Entry(
        about="the embedded model: outdoor scenes, trained here from nothing",
        file="pleinair-1.safetensors",
        open=_embedded,
    ),
}


def check_model(model: str) -> None:
    """Raise ModelError, naming the models there are, when there is none of that name."""
    if model not in MODELS:
        known = ", ".join(MODELS)
        raise ModelError(f"there is no model {model[:60]!r}; there are: {known}")


@cache
def open_backend(model: str, settings: Settings) -> Backend:
    """The model of that name, loaded once and kept warm.

    Raises:
        ModelError: the name is unknown, or its weights are missing or corrupt.
    """
    check_model(model)
    return MODELS[model].open(settings)
