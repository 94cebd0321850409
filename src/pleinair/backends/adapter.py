"""Any text-to-video pipeline of diffusers as a model of this house."""

import importlib
import inspect
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from pleinair.backends.base import (
    Generation,
    Materials,
    Metadata,
    Preview,
    Progress,
)
from pleinair.backends.catalogue import pipeline_in, weights_of
from pleinair.backends.delivery import deliver, moments, notes_of
from pleinair.backends.device import device_of, use_threads, within_memory
from pleinair.backends.given import Beginning, begin, kept
from pleinair.backends.receipts import check_folder
from pleinair.backends.weights import Weights
from pleinair.errors import InputError, ModelError
from pleinair.media.frames import Frames, at_rate, resize_picture
from pleinair.request import VideoRequest
from pleinair.settings import Settings

ROOM = 1.3
"""Memory of a GPU, in sizes of the weights, below which they wait in the machine's memory."""

_STEP = (
    "vae_scale_factor_temporal",
    "vae_temporal_compression_ratio",
    "vae_temporal_scale_factor",
)
"""What pipelines call the number of frames that become one latent frame."""

_SCALE = (
    "vae_scale_factor_spatial",
    "vae_spatial_compression_ratio",
    "vae_spatial_scale_factor",
    "vae_scale_factor",
)
"""What they call the pixels of one side of a latent."""


class Adapter:
    """Weights in the layout of diffusers, run by the pipeline class that they name.

    What the pipeline can do is read from the parameters of its call: ``image`` is a first frame
    and the way to extend a clip, ``last_image`` a last frame, ``video`` an edit. It draws at the
    native size nearest in shape, and what is delivered is brought to the size and rate asked for.

    Args:
        model_id: id of the model, of the catalogue or ``hf:owner/repository``.
        folder: where `pleinair models pull` put it.
        settings: the device it runs on.

    Raises:
        ModelError: diffusers is not installed, or the folder is not a whole download.
    """

    def __init__(self, model_id: str, folder: Path, settings: Settings) -> None:
        self.threads = settings.threads
        use_threads(self.threads)
        self.id = model_id
        self.device = device_of(settings.device)
        self.weights: Weights = weights_of(model_id, folder)
        started = time.perf_counter()
        self.pipeline = _load(model_id, folder, self.device)
        self._loading: float | None = time.perf_counter() - started
        self.takes = inspect.signature(self.pipeline.__call__).parameters
        self.step = _step(self.pipeline, self.weights)
        self.sizes = self.weights.sizes
        self.fps = self.weights.fps

    @property
    def abilities(self) -> frozenset[str]:
        """What the pipeline's own call takes, in the words of `pleinair.backends.base.Entry`."""
        able = {"frame", "extend", "character"} if "image" in self.takes else set()
        if {"video", "strength"} <= set(self.takes):
            able.add("edit")
        if "negative_prompt" in self.takes and "true_cfg_scale" not in self.takes:
            able.add("negative_prompt")
        return frozenset(able)

    def generate(
        self,
        request: VideoRequest,
        progress: Progress | None = None,
        *,
        materials: Materials | None = None,
        preview: Preview | None = None,
    ) -> Generation:
        """Draw each variation with its own seed, then deliver the size and rate asked for.

        Latents of another model tell nothing without its decoder, so ``preview`` is never offered
        a picture.

        Raises:
            InputError: the pipeline lacks what was asked for.
            MemoryFullError: there is not enough memory; the model can be used again.
        """
        beginning = begin(request, materials)
        self._check(request, beginning)
        use_threads(self.threads)
        return within_memory(
            request, self.device, lambda: self._generate(request, progress, beginning)
        )

    def _check(self, request: VideoRequest, beginning: Beginning) -> None:
        """Raise InputError when the pipeline itself cannot do what the catalogue let through."""
        able = self.abilities
        if request.negative_prompt and "negative_prompt" not in able:
            raise InputError("negative_prompt", request.negative_prompt, "none with this model")
        if request.guidance is not None and "guidance_scale" not in self.takes:
            raise InputError("guidance", request.guidance, "none: this model has it built in")
        for item in request.given:
            if item.role not in able:
                roles = sorted(able - {"negative_prompt"})
                raise InputError("given", item.role, ", ".join(roles) or "nothing with this model")
            if item.role == "frame" and item.at > 0 and not self._closes(item.at, request):
                raise InputError("at", item.at, "0 seconds: this model begins from a picture")
        if _needed(self.takes, "image") and beginning.first is None:
            raise InputError("given", "nothing", "a frame: this model begins from a picture")
        if "edit" in able and "num_frames" not in self.takes and beginning.edit is None:
            raise InputError("given", "nothing", "a clip to edit: this model begins from one")

    def _generate(
        self, request: VideoRequest, progress: Progress | None, beginning: Beginning
    ) -> Generation:
        report = progress or (lambda done, total, stage: None)
        size = self._size(request)
        call = self._call(request, beginning, size)
        planned = call.get("num_inference_steps", 0)
        ran, drawn = 0, []
        started = time.perf_counter()
        try:
            for i in range(request.variations):
                report(i * planned, max(1, request.variations * planned), "draw")
                counted = _Steps(report, i, request.variations, planned)
                if "callback_on_step_end" in self.takes:
                    call["callback_on_step_end"] = counted
                seeded = torch.Generator().manual_seed(request.seed + i)
                drawn.append(_frames_of(self.pipeline(**call, generator=seeded), self.id))
                ran = counted.done or planned
        finally:
            self.pipeline.maybe_free_model_hooks()
        drawing, started = time.perf_counter() - started, time.perf_counter()
        clips, places = [], [moment * self.fps for moment in moments(request, beginning)]
        for i, frames in enumerate(drawn):
            report(i, request.variations, "deliver")
            clips.append(deliver(frames, places, request, beginning))
        seconds = {"draw": drawing, "deliver": time.perf_counter() - started}
        if self._loading is not None:  # only the first request waited for the weights
            seconds, self._loading = {"load": self._loading, **seconds}, None
        metadata = Metadata(
            request=request,
            native_width=drawn[0].shape[2],
            native_height=drawn[0].shape[1],
            native_fps=self.fps,
            native_frames=len(drawn[0]),
            steps=ran,
            guidance=call.get("guidance_scale"),
            notes=tuple(notes_of(request, beginning, closes="last_image" in self.takes)),
            device=self.device,
            seconds=seconds,
        )
        return Generation(tuple(clips), request.fps, metadata, kept(request, beginning))

    def _call(
        self, request: VideoRequest, beginning: Beginning, size: tuple[int, int]
    ) -> dict[str, Any]:
        """The pipeline's arguments; steps and guidance are its own defaults if none are asked."""
        wanted = {
            "prompt": beginning.prompt,
            "negative_prompt": request.negative_prompt or None,
            "num_frames": self._frames(request),
            "width": size[0],
            "height": size[1],
            "frame_rate": self.fps,
            "num_inference_steps": request.steps or self._default("num_inference_steps"),
            "guidance_scale": request.guidance,
            "output_type": "np",
        }
        if wanted["guidance_scale"] is None:
            wanted["guidance_scale"] = self._default("guidance_scale")
        if beginning.first is not None:
            wanted["image"] = _picture(beginning.first, size)
        last = next((p for at, p in beginning.pictures.items() if self._closes(at, request)), None)
        if last is not None:
            wanted["last_image"] = _picture(last, size)
        if clip := beginning.edit:
            native = at_rate(clip.frames, clip.fps, self.fps, self._frames(request))
            wanted["video"] = [_picture(frame, size) for frame in native]
            wanted["strength"] = beginning.strength
        return {
            name: value
            for name, value in wanted.items()
            if name in self.takes and value is not None
        }

    def _frames(self, request: VideoRequest) -> int:
        """The least number that lasts as long as asked and that the autoencoder can hold."""
        wanted = self.weights.frames(request.seconds)
        return self.step * -(-(wanted - 1) // self.step) + 1

    def _size(self, request: VideoRequest) -> tuple[int, int]:
        if self.sizes:
            return self.weights.native_size(request.width, request.height)
        pipeline = self.pipeline
        patch = getattr(getattr(pipeline, "transformer", None), "config", {}).get("patch_size", 1)
        patch = patch[-1] if isinstance(patch, list | tuple) else patch
        scale = next((getattr(pipeline, name) for name in _SCALE if hasattr(pipeline, name)), 8)
        scale *= patch or 1
        width, height = (max(1, round(n / scale)) for n in (request.width, request.height))
        return scale * width, scale * height

    def _closes(self, at: float, request: VideoRequest) -> bool:
        """Whether a picture at that moment is the last one of the video, and can be given."""
        return "last_image" in self.takes and at > 0 and at >= request.seconds

    def _default(self, name: str) -> Any:  # noqa: ANN401  # whatever the pipeline has there
        found = self.takes[name].default if name in self.takes else None
        return None if found is inspect.Parameter.empty else found


class _Steps:
    """Told by the pipeline after each step; what the report raises ends the pipeline's work."""

    def __init__(self, report: Progress, variation: int, variations: int, planned: int) -> None:
        self.report = report
        self.variation, self.variations, self.planned = variation, variations, planned
        self.done = 0

    def __call__(
        self,
        pipeline: Any,  # noqa: ANN401
        step: int,
        timestep: Any,  # noqa: ANN401
        tensors: dict[str, Any],
    ) -> dict[str, Any]:
        self.done = step + 1
        total = max(self.done, getattr(pipeline, "num_timesteps", 0) or self.planned)
        done = self.variation * total + self.done
        self.report(done, self.variations * total, "draw")
        return tensors


def _load(model: str, folder: Path, device: str) -> Any:  # noqa: ANN401  # diffusers has no types
    """The pipeline on its device; raises ModelError when it cannot be read."""
    diffusers = _diffusers()
    check_folder(model, folder)
    try:
        pipeline = diffusers.DiffusionPipeline.from_pretrained(
            folder, dtype=_dtype(device, pipeline_in(folder)), local_files_only=True
        )
    except (ImportError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        said = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{model} in {folder} cannot be read ({said}); "
            f"`pleinair models pull {model} --verify` checks every file"
        ) from error
    takes = inspect.signature(pipeline.__call__).parameters
    if not {"num_frames", "video"} & set(takes) or "prompt" not in takes:
        raise ModelError(f"{model}: {type(pipeline).__name__} makes no videos from text")
    pipeline.set_progress_bar_config(disable=True)
    if device == "cpu":
        return pipeline
    return place(pipeline, device, torch.cuda.mem_get_info(device)[0])


def place(pipeline: Any, device: str, free: int) -> Any:  # noqa: ANN401
    """The pipeline on a GPU with so many free bytes: whole, a part at a time, or a layer."""
    sizes = [_bytes(part) for part in pipeline.components.values()]
    if sum(sizes) * ROOM <= free:
        return pipeline.to(device)
    if max(sizes) * ROOM <= free:
        pipeline.enable_model_cpu_offload(device=device)
    else:
        pipeline.enable_sequential_cpu_offload(device=device)
    if hasattr(pipeline.vae, "enable_tiling"):
        pipeline.vae.enable_tiling()
    return pipeline


def _diffusers() -> Any:  # noqa: ANN401
    try:
        importlib.import_module("accelerate")
        packages = [importlib.import_module(name) for name in ("transformers", "diffusers")]
    except ImportError as error:
        raise ModelError(
            f"open weights need more packages: pip install 'pleinair[wan]' ({error})"
        ) from error
    for package in packages:
        package.utils.logging.disable_progress_bar()  # this house tells of progress itself
    return packages[-1]


def _dtype(device: str, pipeline: str) -> torch.dtype | dict[str, torch.dtype]:
    if device == "cpu":
        return torch.float32
    half = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    # Wan's autoencoder was made for single precision, and its pipelines cast for it.
    return {"default": half, "vae": torch.float32} if pipeline.startswith("Wan") else half


def _bytes(part: object) -> int:
    if not isinstance(part, torch.nn.Module):
        return 0
    return sum(tensor.numel() * tensor.element_size() for tensor in part.parameters())


def _step(pipeline: Any, weights: Weights) -> int:  # noqa: ANN401
    """Frames to a latent frame: the catalogue's rule where it is a stricter one."""
    vae = getattr(pipeline, "vae", None)
    found = [getattr(pipeline, name, None) for name in _STEP]
    found.append(getattr(vae, "temporal_compression_ratio", None))
    own = next((int(value) for value in found if value), weights.step)
    return weights.step if weights.step % own == 0 else own


def _needed(takes: Any, name: str) -> bool:  # noqa: ANN401  # a mapping of parameters
    return name in takes and takes[name].default is inspect.Parameter.empty


def _picture(frame: Frames, size: tuple[int, int]) -> Image.Image:
    return Image.fromarray(resize_picture(frame, *size))


def _frames_of(output: Any, model: str) -> Frames:  # noqa: ANN401
    """The clip of a pipeline's output, (T, H, W, 3) uint8.

    Raises:
        ModelError: it holds numbers that are none, or no clip.
    """
    clip = np.asarray(output.frames[0])  # (T, H, W, 3), 0–1
    if clip.ndim != 4 or clip.shape[-1] != 3 or not np.isfinite(clip).all():
        raise ModelError(f"{model} drew no video: its numbers are broken")
    frames: Frames = (clip.clip(0, 1) * 255).round().astype(np.uint8)
    return frames
