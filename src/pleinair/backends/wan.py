"""Wan's models behind the public door, run by this project's own networks."""

import time
from pathlib import Path

import torch
from torch import Tensor

from pleinair.backends.base import (
    MODELS,
    Generation,
    Materials,
    Metadata,
    Preview,
    Progress,
)
from pleinair.backends.catalogue import CATALOGUE
from pleinair.backends.delivery import deliver, moments, notes_of
from pleinair.backends.device import device_of, use_threads, within_memory
from pleinair.backends.given import Beginning, begin, kept
from pleinair.dit.clips import Clips
from pleinair.dit.speed import Speed
from pleinair.media.frames import resize, to_frames, to_tensor
from pleinair.request import VideoRequest
from pleinair.settings import Settings
from pleinair.wan.pipeline import WanPipeline
from pleinair.wan.places import best_offload
from pleinair.wan.presets import Preset, preset_of
from pleinair.wan.repository import sizes_of

WORK = 6 * 2**30
"""Bytes of a GPU that are kept free of weights, for what a clip takes while it is drawn."""


class Wan:
    """One of Wan's models: loads its weights once; the next request finds it warm.

    It draws at the native size nearest in shape and at its own rate, and what is delivered is
    brought to the size and rate asked for. A model that draws from a picture takes a ``frame`` at
    0 s, or the last frame of a clip to ``extend``; it sees no more of that clip than this frame.

    Args:
        model_id: of `pleinair.wan.presets`.
        folder: a downloaded repository, in Wan's own layout or that of diffusers.
        settings: where and how fast it runs.
        offload: see `pleinair.wan.pipeline.WanPipeline`; None for what the GPU's free memory
            asks for.

    Raises:
        ModelError: there is no such model, or a file of it is missing, corrupt or cut short.
    """

    def __init__(
        self, model_id: str, folder: Path, settings: Settings, offload: str | None = None
    ) -> None:
        self.threads = settings.threads
        use_threads(self.threads)
        self.id = model_id
        self.preset: Preset = preset_of(model_id)
        self.weights = CATALOGUE[model_id]
        self.sizes = self.weights.sizes
        self.fps = self.weights.fps
        self.device = device_of(settings.device)
        speed = Speed.parse(settings.speed)
        started = time.perf_counter()
        self.pipeline = WanPipeline.load(
            folder,
            self.preset,
            device=self.device,
            speed=speed,
            offload=offload or _offload(folder, self.device, speed.numbers(self.device)),
        )
        self._loading: float | None = time.perf_counter() - started

    def generate(
        self,
        request: VideoRequest,
        progress: Progress | None = None,
        *,
        materials: Materials | None = None,
        preview: Preview | None = None,
    ) -> Generation:
        """Draw at the native size nearest in shape, then deliver the size and rate asked for.

        Raises:
            InputError: the model cannot do what was asked for.
            ModelError: a material is missing.
            MemoryFullError: there is not enough memory; the model can be used again.
        """
        MODELS[self.id].check(request)
        beginning = begin(request, materials)
        use_threads(self.threads)
        return within_memory(
            request, self.device, lambda: self._generate(request, progress, beginning, preview)
        )

    def _generate(
        self,
        request: VideoRequest,
        progress: Progress | None,
        beginning: Beginning,
        preview: Preview | None,
    ) -> Generation:
        width, height = self.weights.native_size(request.width, request.height)
        steps = request.steps or self.preset.steps
        clips = self.pipeline.generate(
            beginning.prompt,
            negative_prompt=request.negative_prompt or None,
            picture=_picture(beginning, width, height),
            frames=self.weights.frames(request.seconds),
            width=width,
            height=height,
            seed=request.seed,
            steps=steps,
            guidance=request.guidance,
            variations=request.variations,
            progress=progress,
            preview=preview and (lambda look: preview(lambda: to_frames(look()))),
        )
        started = time.perf_counter()
        places = [moment * self.fps for moment in moments(request, beginning)]
        delivered = []
        for i, video in enumerate(clips.video):
            if progress:
                progress(i, request.variations, "deliver")
            delivered.append(deliver(to_frames(video), places, request, beginning))
        seconds = {**clips.timings, "deliver": time.perf_counter() - started}
        if self._loading is not None:  # only the first request waited for the weights
            seconds, self._loading = {"load": self._loading, **seconds}, None
        metadata = self._metadata(request, clips, beginning, seconds, steps)
        return Generation(tuple(delivered), request.fps, metadata, kept(request, beginning))

    def _metadata(
        self,
        request: VideoRequest,
        clips: Clips,
        beginning: Beginning,
        seconds: dict[str, float],
        steps: int,
    ) -> Metadata:
        scale = self.preset.guidance[0] if request.guidance is None else request.guidance
        return Metadata(
            request=request,
            native_width=clips.video.shape[4],
            native_height=clips.video.shape[3],
            native_fps=self.fps,
            native_frames=clips.video.shape[2],
            steps=steps,
            guidance=scale,
            cut=clips.cut,
            notes=tuple(notes_of(request, beginning)),
            device=self.device,
            seconds=seconds,
        )


def _picture(beginning: Beginning, width: int, height: int) -> Tensor | None:
    """The first frame (3, height, width) in [-1, 1], if one is given."""
    if beginning.first is None:
        return None
    return to_tensor(resize(beginning.first[None], width, height))[:, 0]


def _offload(folder: Path, device: str, dtype: torch.dtype) -> str:
    """What must wait outside this device for the model in a folder to be drawn with."""
    if device == "cpu":
        return "none"
    free, _ = torch.cuda.mem_get_info(device)
    return best_offload(sizes_of(folder, dtype), free, WORK)
