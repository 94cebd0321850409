"""The embedded model behind the public door: native size in, delivered size and rate out."""

import math
import time
from collections.abc import Iterable

import torch

from pleinair.backends.base import MODELS, Generation, Metadata, Progress
from pleinair.errors import InputError
from pleinair.media.frames import resize, to_frames
from pleinair.media.motion import interpolate
from pleinair.model.pipeline import Pipeline
from pleinair.request import VideoRequest
from pleinair.settings import Settings


class Embedded:
    """``pleinair-1``: loads its weights once; the next request finds it warm."""

    id = "pleinair-1"
    sizes: tuple[tuple[int, int], ...] = ((144, 80), (80, 144), (112, 112))
    fps = 8

    def __init__(self, settings: Settings, pipeline: Pipeline | None = None) -> None:
        if settings.threads is not None:
            torch.set_num_threads(settings.threads)
        self.device = _device(settings.device)
        weights = settings.weights / MODELS[self.id].file
        started = time.perf_counter()
        self.pipeline = pipeline or Pipeline.load(weights, device=self.device)
        self._loading: float | None = time.perf_counter() - started

    def generate(self, request: VideoRequest, progress: Progress | None = None) -> Generation:
        """Draw at the native size nearest in shape, then deliver the size and rate asked for."""
        width, height = nearest_size(request.width, request.height, self.sizes)
        clips = self.pipeline.generate(
            request.prompt,
            seconds=request.seconds,
            width=width,
            height=height,
            seed=request.seed,
            steps=request.steps,
            guidance=request.guidance,
            variations=request.variations,
            progress=progress,
        )
        started = time.perf_counter()
        delivered = []
        for i, video in enumerate(clips.video):
            if progress:
                progress(i, request.variations, "deliver")
            moving = interpolate(to_frames(video), self.fps, request.fps, request.frames)
            delivered.append(resize(moving, request.width, request.height))
        seconds = {**clips.timings, "deliver": time.perf_counter() - started}
        if self._loading is not None:  # only the first request waited for the weights
            seconds, self._loading = {"load": self._loading, **seconds}, None
        metadata = Metadata(
            request=request,
            native_width=width,
            native_height=height,
            native_fps=self.fps,
            native_frames=clips.video.shape[2],
            unknown={word: self.pipeline.vocabulary.suggest(word) for word in clips.unknown},
            cut=clips.cut,
            device=self.device,
            seconds=seconds,
        )
        return Generation(tuple(delivered), request.fps, metadata)


def nearest_size(width: int, height: int, sizes: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """The native (width, height) whose shape is nearest, so that least is cropped away."""
    shape = math.log(width / height)
    return min(sizes, key=lambda size: abs(math.log(size[0] / size[1]) - shape))


def _device(name: str) -> str:
    gpu = torch.cuda.is_available()
    if name == "auto":
        return "cuda" if gpu else "cpu"
    if name.startswith("cuda") and not gpu:
        raise InputError("device", name, "cpu: torch finds no GPU on this machine")
    return name
