"""What every model must do for the rest of the house, and the list of those there are."""

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from pleinair.backends import receipts
from pleinair.backends.catalogue import CATALOGUE, folder_of, is_hub_id, weights_of
from pleinair.backends.weights import Weights
from pleinair.diffusion.model.vocabulary import Vocabulary, vocabulary_of
from pleinair.errors import InputError, MemoryFullError, ModelError
from pleinair.media.clip import Clip, Drawn
from pleinair.media.frames import Frames
from pleinair.request import ROLES, VideoRequest
from pleinair.scenes.draft import Reading
from pleinair.scenes.scene import Scene
from pleinair.settings import DEFAULT_MODEL, Settings

if TYPE_CHECKING:
    from pleinair.media.codec import Video

Progress: TypeAlias = Callable[[int, int, str], None]
"""Called as ``progress(done, total, stage)`` from time to time; what it raises ends the work."""

Preview: TypeAlias = Callable[[Callable[[], Frames]], None]
"""Called after a step with a function that draws how far the video is, a few frames and small.

Whoever watches calls that function when a picture is wanted, so that a step costs nothing more
where nobody does.
"""

Materials: TypeAlias = Mapping[str, "Video"]
"""Pictures (clips of one frame) and clips that a request is given, by their SHA-256."""


@dataclass(frozen=True)
class Metadata:
    """What ran: recorded from the run itself, never from what was asked.

    Attributes:
        request: the whole request, with the seed that was used.
        steps: evaluations of the model for each window.
        guidance: how strongly the prompt was followed; None where the model has it built in.
        native_width, native_height, native_fps, native_frames: what the model drew, before it was
            brought to the delivered size and rate.
        unknown: words of the prompt that the model does not know, each with a known word like it.
        cut: words dropped from the end of a prompt that is too long for the model.
        completed: for each variation what was added to the prompt, if that was asked for.
        notes: sentences on what became of the request and of what it was given.
        scenes: for each variation the scene that was drawn, of a model that draws scenes.
        said: what of the first scene the prompt decided, and by which words.
        device: where it ran.
        seconds: time taken by each stage.
    """

    request: VideoRequest
    native_width: int
    native_height: int
    native_fps: int
    native_frames: int
    steps: int = 0
    guidance: float | None = None
    unknown: dict[str, str | None] = field(default_factory=dict)
    cut: int = 0
    completed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    scenes: tuple[Scene, ...] = ()
    said: tuple[Reading, ...] = ()
    device: str = "cpu"
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Why another model made it is the first thing to say of it."""
        handover = self.request.handover
        if handover and handover not in self.notes:
            object.__setattr__(self, "notes", (handover, *self.notes))

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values for JSON, with the request's digest."""
        request = asdict(self.request)
        if self.request.scene is not None:
            request["scene"] = self.request.scene.as_dict()
        scenes = [scene.as_dict() for scene in self.scenes]
        plain = {item.name: getattr(self, item.name) for item in fields(self)}
        said = [asdict(reading) for reading in self.said]
        return plain | {
            "request": request,
            "scenes": scenes,
            "said": said,
            "digest": self.request.digest,
        }


@dataclass(frozen=True)
class Generation:
    """Videos as delivered.

    Attributes:
        clips: (T, H, W, 3) uint8, one for each variation; of a model that draws its frames when
            they are wanted, each a `Drawn`.
        fps: frames a second.
        metadata: what ran.
        kept: how many frames at the start and at the end of each are those of clips that were
            given.
    """

    clips: tuple[Clip, ...]
    fps: int
    metadata: Metadata
    kept: tuple[int, int] = (0, 0)

    @cached_property
    def frames(self) -> Frames:
        """The first variation in memory, (T, H, W, 3) uint8."""
        return np.asarray(self.clips[0])

    @property
    def is_drawn(self) -> bool:
        """Whether frames are drawn when they are wanted."""
        return any(isinstance(clip, Drawn) for clip in self.clips)


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

    def generate(
        self,
        request: VideoRequest,
        progress: Progress | None = None,
        *,
        materials: Materials | None = None,
        preview: Preview | None = None,
    ) -> Generation:
        """Make the videos.

        Args:
            request: what to make.
            progress: told how far it is.
            materials: the pictures and clips that ``request.given`` names.
            preview: offered a picture after each step.

        Raises:
            ModelError: the model cannot be used, or a material is missing.
            MemoryFullError: there is not enough memory.
        """
        ...


@dataclass(frozen=True)
class Entry:
    """One line of the list of models, known without loading any.

    Attributes:
        about: what it is, in one line.
        file: its weights in the weights folder, or empty for a model that has none.
        open: loads it.
        abilities: roles of `Given` that it can use, ``negative_prompt``, ``loop``, ``complete``
            and ``scene``.
        longest: seconds of the longest video.
        weights: the open weights behind it, whose rules it has; None for a model of this house.
        sampled: whether it makes a video in steps, with guidance; what does not refuses both.
        learnt: whether it learnt from pictures or videos.
        stand_in: id of the model that makes what this one cannot yet; see
            `pleinair.backends.assigning`.
        memory: of a model that holds no whole clip, about the bytes that its process takes and
            those of each pixel of a frame.
    """

    about: str
    file: str
    open: Callable[[Settings], Backend]
    abilities: frozenset[str] = frozenset()
    longest: float = 60.0
    weights: Weights | None = None
    sampled: bool = True
    learnt: bool = True
    stand_in: str = ""
    memory: tuple[float, float] | None = None

    def vocabulary(self, settings: Settings) -> Vocabulary | None:
        """The words it knows, or None for a model that reads anything; raises ModelError."""
        return vocabulary_of(settings.weights / self.file) if self.file else None

    def check(self, request: VideoRequest) -> None:
        """Raise InputError when a request asks for what the model cannot do."""
        if request.seconds > self.longest:
            raise InputError("seconds", request.seconds, f"at most {self.longest:g} here")
        if request.negative_prompt and "negative_prompt" not in self.abilities:
            raise InputError("negative_prompt", request.negative_prompt, "none with this model")
        if request.complete and "complete" not in self.abilities:
            raise InputError("complete", request.complete, "false with this model")
        if request.scene is not None and "scene" not in self.abilities:
            raise InputError("scene", "a scene", "none with this model")
        for name in ("steps", "guidance"):
            if not self.sampled and getattr(request, name) is not None:
                raise InputError(name, getattr(request, name), "none with this model")
        check_abilities(request, self.abilities)
        if self.weights is not None:
            self.weights.check(request)


def check_abilities(request: VideoRequest, abilities: frozenset[str]) -> None:
    """Raise InputError when a request begins from what a model cannot use, or ends as it cannot."""
    able = [role for role in ROLES if role in abilities]
    for item in request.given:
        if item.role not in able:
            raise InputError("given", item.role, ", ".join(able) or "nothing with this model")
    if request.loop and "loop" not in abilities:
        raise InputError("loop", request.loop, "false with this model")


class Models(dict[str, Entry]):
    """The list of models by their ids; ``hf:owner/repository`` is in it once it was pulled."""

    def __contains__(self, model: object) -> bool:
        if super().__contains__(model):
            return True
        if not isinstance(model, str) or not is_hub_id(model):
            return False
        return receipts.state(model, Settings.read().model_folder) == receipts.PULLED

    def __missing__(self, model: str) -> Entry:
        if model not in self:
            raise KeyError(model)
        return entry_of(weights_of(model, folder_of(model, Settings.read().model_folder)))


def entry_of(weights: Weights) -> Entry:
    """The entry of open weights: this project's own networks run them, or diffusers."""

    def open_weights(settings: Settings) -> Backend:
        folder = folder_of(weights.id, settings.model_folder)
        receipts.check_folder(weights.id, folder)  # before seconds go into loading packages
        from pleinair.backends.device import device_of, load_within_memory
        from pleinair.backends.estimate import check_room, machine_of

        device = device_of(settings.device)
        check_room(weights, machine_of(device))

        def load() -> Backend:
            if weights.native:
                from pleinair.backends.wan import Wan

                return Wan(weights.id, folder, settings)
            from pleinair.backends.adapter import Adapter

            return Adapter(weights.id, folder, settings)

        return load_within_memory(weights.id, device, load)

    return Entry(
        weights.about, "", open_weights, weights.abilities, weights.longest, weights=weights
    )


def _landscapes(settings: Settings) -> Backend:
    from pleinair.backends.landscapes import Landscapes

    return Landscapes(settings)


def _embedded(settings: Settings) -> Backend:
    # Threads that wait for one another asleep and not spinning: on a machine that does other work
    # too, spinning made a video take fifteen times as long. Read when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from pleinair.backends.embedded import Embedded  # torch comes in here and not before

    return Embedded(settings)


def _test_card(settings: Settings) -> Backend:
    from pleinair.backends.testcard import TestCard

    return TestCard(settings=settings)


MODELS = Models()
MODELS |= {
    DEFAULT_MODEL: Entry(
        about="landscapes by the physics of light: land, water, sky, weather, camera",
        file="",
        open=_landscapes,
        abilities=frozenset({"scene"}),
        sampled=False,
        learnt=False,
        stand_in="pleinair-1",
        memory=(500e6, 700.0),
    ),
    "pleinair-1": Entry(
        about="the embedded model: outdoor scenes, trained here from nothing",
        file="pleinair-1.safetensors",
        open=_embedded,
        abilities=frozenset({*ROLES, "negative_prompt", "loop", "complete"}),
    ),
    "test-card": Entry(
        about="no model: colour bars and a clock, for trials of the service",
        file="",
        open=_test_card,
        abilities=frozenset({*ROLES, "negative_prompt", "loop"}),
    ),
    **{model: entry_of(weights) for model, weights in CATALOGUE.items()},
}


def check_model(model: str) -> None:
    """Raise ModelError, naming the models there are, when there is none of that name."""
    if model not in MODELS:
        if is_hub_id(model):
            raise ModelError(f"{model[:200]} is not here; `pleinair models pull {model[:200]}`")
        known = ", ".join(MODELS)
        raise ModelError(f"there is no model {model[:60]!r}; there are: {known}")


def memory_full(request: VideoRequest, reason: object) -> MemoryFullError:
    """The error that says what did not fit into memory."""
    said = " ".join(str(reason).split())[:160] or "the machine has no more"
    return MemoryFullError(
        f"there is not enough memory for {request.width}x{request.height}, "
        f"{request.frames:,} frames, variations: {request.variations} ({said})"
    )


@cache
def open_backend(model: str, settings: Settings) -> Backend:
    """The model of that name, loaded once and kept warm; on several ranks if the settings say so.

    A model without weights has nothing to share and ignores that setting.

    Raises:
        ModelError: the name is unknown, or its weights are missing or corrupt.
        InputError: the model cannot be shared as the settings ask.
    """
    check_model(model)
    entry = MODELS[model]
    backend: Backend
    if settings.ranks > 1 and entry.file:
        from pleinair.backends.ranks import Ranks

        backend = Ranks(model, settings)
    else:
        backend = entry.open(settings)
    if "complete" in entry.abilities:
        from pleinair.backends.completing import Completing

        backend = Completing(backend)
    return backend
