"""The embedded model behind the public door: native size in, delivered size and rate out."""

import math
import time
from collections.abc import Iterable

import torch

from pleinair.backends.base import (
    MODELS,
    Generation,
    Materials,
    Metadata,
    Preview,
    Progress,
)
from pleinair.backends.delivery import deliver
from pleinair.backends.device import device_of, use_threads, within_memory
from pleinair.backends.given import Beginning, begin, kept, kept_notes
from pleinair.backends.timeline import timeline
from pleinair.diffusion.model.pipeline import FPS, Pipeline
from pleinair.dit.clips import Clips
from pleinair.dit.speed import Speed
from pleinair.media.frames import to_frames
from pleinair.request import VideoRequest
from pleinair.settings import Settings

STEPS, GUIDANCE, FEW = 12, 3.0, 4
"""What is done where a request leaves it open: few steps with guidance built in, if that will do;
otherwise, as for a negative prompt, more steps with guidance."""


class Embedded:
    """``pleinair-1``: loads its weights once; the next request finds it warm.

    It draws small and everything it is given is brought to its native size and rate first:

    - A ``frame`` at 0 s is the first frame, and one at a later time the group of four native
      frames (half a second) that holds this time. What is delivered is the model's own picture
      of it, enlarged: as sharp as the rest of the video, not as sharp as the picture given.
    - An ``edit`` draws the clip anew from the noise level that is its strength, and keeps more
      of it the lower that is. The sound, size and rate of the clip are not kept.
    - An ``extend`` gives the last half second of the clip. What is delivered is the clip, scaled
      to the size asked for, and the new part, whose first frame follows the clip's last one.
    - A ``before`` gives the first second of the clip and draws backward from it; with an
      ``extend``, from both clips inward.
    - A ``retake`` draws what lies between the parts of the clip around it.
    - A loop is drawn all around at once: its last frame leads into its first as any other into
      the next.
    - A ``character`` cannot be known again; see `pleinair.backends.given.begin`.
    """

    id = "pleinair-1"
    sizes: tuple[tuple[int, int], ...] = ((144, 80), (80, 144), (112, 112))
    fps = FPS

    def __init__(self, settings: Settings, pipeline: Pipeline | None = None) -> None:
        self.threads = settings.threads
        use_threads(self.threads)
        self.device = device_of(settings.device)
        weights = settings.weights / MODELS[self.id].file
        speed = Speed.parse(settings.speed)
        started = time.perf_counter()
        self.pipeline = pipeline or Pipeline.load(weights, device=self.device, speed=speed)
        self._loading: float | None = time.perf_counter() - started

    def generate(
        self,
        request: VideoRequest,
        progress: Progress | None = None,
        *,
        materials: Materials | None = None,
        preview: Preview | None = None,
    ) -> Generation:
        """Draw at the native size nearest in shape, then deliver the size and rate asked for."""
        use_threads(self.threads)
        return within_memory(
            request,
            self.device,
            lambda: self._generate(request, progress, begin(request, materials), preview),
        )

    def _generate(
        self,
        request: VideoRequest,
        progress: Progress | None,
        beginning: Beginning,
        preview: Preview | None,
    ) -> Generation:
        size = nearest_size(request.width, request.height, self.sizes)
        steps, guidance = plan(request, few=self.pipeline.few is not None)
        started = time.perf_counter()
        start = timeline(request, beginning, size, self.pipeline.encode)
        encoding = time.perf_counter() - started
        clips = self.pipeline.generate(
            beginning.prompt,
            negative_prompt=request.negative_prompt,
            seconds=start.seconds,
            width=size[0],
            height=size[1],
            seed=request.seed,
            steps=steps,
            guidance=guidance,
            variations=request.variations,
            given=start.given,
            source=start.source,
            strength=beginning.strength,
            loop=request.loop,
            progress=progress,
            preview=preview and (lambda look: preview(lambda: to_frames(look()))),
        )
        started = time.perf_counter()
        delivered = []
        for i, video in enumerate(clips.video):
            if progress:
                progress(i, request.variations, "deliver")
            if request.loop:  # between the last frame and the first there are views as well
                video = torch.cat([video, video[:, :1]], 1)
            delivered.append(deliver(to_frames(video), start.places, request, beginning))
        seconds = {**clips.timings, "deliver": time.perf_counter() - started}
        if request.given:
            seconds = {"encode": encoding, **seconds}
        if self._loading is not None:  # only the first request waited for the weights
            seconds, self._loading = {"load": self._loading, **seconds}, None
        metadata = self._metadata(request, size, clips, beginning, (steps, guidance), seconds)
        return Generation(tuple(delivered), request.fps, metadata, kept(request, beginning))

    def _metadata(
        self,
        request: VideoRequest,
        size: tuple[int, int],
        clips: Clips,
        beginning: Beginning,
        drawing: tuple[int, float | None],
        seconds: dict[str, float],
    ) -> Metadata:
        notes = list(beginning.notes)
        if beginning.pictures:
            notes.append(f"pictures that were given are seen as the model draws them, {_by(size)}")
        if beginning.edit:
            level = beginning.strength
            notes.append(f"the clip was drawn anew at {_by(size)} from noise level {level:g} on")
        notes += kept_notes(request, beginning)
        return Metadata(
            request=request,
            native_width=size[0],
            native_height=size[1],
            native_fps=self.fps,
            native_frames=clips.video.shape[2],
            steps=drawing[0],
            guidance=drawing[1],
            unknown={word: self.pipeline.vocabulary.suggest(word) for word in clips.unknown},
            cut=clips.cut,
            notes=tuple(notes),
            device=self.device,
            seconds=seconds,
        )


def plan(request: VideoRequest, *, few: bool) -> tuple[int, float | None]:
    """Steps and guidance of a request; no guidance is that of the few-step weights.

    Args:
        request: what was asked for.
        few: whether there are few-step weights.
    """
    open_to_few = request.guidance is None and not request.negative_prompt
    if few and open_to_few and (request.steps is None or request.steps <= FEW):
        return request.steps or FEW, None
    guidance = GUIDANCE if request.guidance is None else request.guidance
    return request.steps or STEPS, guidance


def nearest_size(width: int, height: int, sizes: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """The native (width, height) whose shape is nearest, so that least is cropped away."""
    shape = math.log(width / height)
    return min(sizes, key=lambda size: abs(math.log(size[0] / size[1]) - shape))


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
