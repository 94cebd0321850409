"""From a prompt, or a prompt and a picture, to a clip: Wan's way."""

import itertools
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from pleinair.dit.clips import Clips, Preview, Progress
from pleinair.dit.speed import PRESETS as SPEEDS
from pleinair.dit.speed import Speed, hasten
from pleinair.dit.windows import Watched, clean_estimate
from pleinair.errors import InputError
from pleinair.wan.experts import Experts, Shown
from pleinair.wan.lora import Loras, read_lora
from pleinair.wan.places import check_offload, stream_blocks, visiting
from pleinair.wan.presets import Preset
from pleinair.wan.repository import WanModel, load_wan
from pleinair.wan.schedulers import SAMPLERS


class WanPipeline:
    """One of Wan's models, ready to draw.

    Args:
        model: its networks.
        device: where they work.
        speed: how guidance is taken; what it asks of the transformers, `load` has done.
        offload: ``none``; ``parts``, for each part to be on the device only while it works; or
            ``blocks``, for one block of a transformer at a time. The same clip in less memory.

    Raises:
        InputError: there is no such offload.
    """

    def __init__(
        self,
        model: WanModel,
        *,
        device: torch.device | str = "cpu",
        speed: Speed = SPEEDS["exact"],
        offload: str = "none",
    ) -> None:
        check_offload(offload)
        self.preset: Preset = model.preset
        self.model = model
        self.device = _whole(device)
        self.speed = speed
        self.loras = tuple(Loras(transformer) for transformer in model.transformers)
        if offload == "blocks":
            for transformer in model.transformers:
                stream_blocks(transformer, self.device)
        elif offload == "none":
            for part in self._parts():
                part.to(self.device)

    @classmethod
    def load(
        cls,
        folder: Path,
        preset: Preset,
        *,
        device: torch.device | str = "cpu",
        speed: Speed = SPEEDS["exact"],
        offload: str = "none",
    ) -> "WanPipeline":
        """Read a repository in either layout; see `pleinair.wan.repository.load_wan`.

        Raises:
            ModelError: a file is missing, corrupt or cut short, or it is another model.
            InputError: there is no such offload.
        """
        check_offload(offload)
        home = device if offload == "none" else "cpu"
        model = load_wan(folder, preset, device=home, dtype=speed.numbers(device))
        for transformer in model.transformers:
            hasten(transformer, speed, torch.device(device))
        return cls(model, device=device, speed=speed, offload=offload)

    def put_on(self, path: Path, scale: float = 1.0) -> None:
        """Put a LoRA on every transformer; one of the same file takes its place.

        Raises:
            ModelError: the file is missing, corrupt or does not fit.
        """
        read = [read_lora(path, loras.transformer) for loras in self.loras]
        for loras, lora in zip(self.loras, read, strict=True):
            loras.put_on(path.stem, lora, scale)

    def take_off(self, path: Path) -> None:
        """Take a LoRA off; the model is as it was, bit for bit."""
        for loras in self.loras:
            loras.take_off(path.stem)

    @torch.no_grad()
    def generate(
        self,
        prompt: str,
        *,
        negative_prompt: str | None = None,
        picture: Tensor | None = None,
        frames: int,
        width: int,
        height: int,
        seed: int,
        steps: int | None = None,
        guidance: float | None = None,
        sampler: str = "unipc",
        variations: int = 1,
        progress: Progress | None = None,
        preview: Preview | None = None,
    ) -> Clips:
        """Draw clips.

        Args:
            prompt: what to show.
            negative_prompt: what guidance leads away from; None for Wan's published one.
            picture: (3, height, width) in [-1, 1], the first frame; for a model that takes one.
            frames: 4k + 1.
            width, height: in pixels, multiples of what one token covers: 16, or 32 for 2.2's 5B.
            seed: of the noise; variation i is what seed + i alone gives, on a CPU bit for bit.
            steps: evaluations; None for the preset's.
            guidance: how strongly the prompt is followed, at 1 not at all beyond what was learnt;
                None for the preset's, which may differ between two experts.
            sampler: ``unipc``, which Wan draws with, or ``euler``.
            variations: number of clips.
            progress: called as ``progress(done, total, stage)`` before the first step and after
                each; what it raises ends the work and leaves the model usable.
            preview: called after each step with a function that decodes the first frame,
                (3, 1, H, W), of what the model now takes for the clean clip. Nothing is decoded
                unless it is called, which must be before ``preview`` returns.

        Raises:
            InputError: a number of frames, a size or a picture that the model cannot take.
        """
        self._check(frames, width, height, picture, sampler)
        report = progress or (lambda done, total, stage: None)
        count, shift = steps or self.preset.steps, self.preset.shift
        sample, schedule = SAMPLERS[sampler]
        sigmas = schedule(count, shift=shift)
        shape = self._latents(frames, width, height)
        away = self.preset.negative_prompt if negative_prompt is None else negative_prompt
        done = itertools.count()
        clock = [time.perf_counter()]
        with visiting(self.model.text.encoder, self.device):
            context = self.model.text([prompt, away], self.device)
        clock.append(time.perf_counter())
        first, shown = self._show(picture, context, frames, shape)
        clock.append(time.perf_counter())
        scales = self.preset.guidance if guidance is None else (guidance,) * 2
        experts = Experts(
            self.model.transformers,
            [self.speed.guide(scale) for scale in scales],
            self.preset.boundary,
            shown,
            self.device,
        )

        def tick(*_: int) -> None:
            report(next(done), variations * count, "denoise")
            if preview and velocity.last:
                preview(partial(self._look, velocity.last))

        clips = []
        with experts.at_work():
            velocity = Watched(experts)
            tick()
            for i in range(variations):
                latents, held = self._begin(shape, seed + i, first)
                clips.append(sample(velocity, latents, sigmas, held=held, progress=tick))
        clock.append(time.perf_counter())
        videos = []
        for i, latents in enumerate(clips):
            report(i, variations, "decode")
            videos.append(torch.cat([piece.cpu() for piece in self.decode(latents)], 2))
        clock.append(time.perf_counter())
        spent = [after - before for before, after in itertools.pairwise(clock)]
        timings = dict(zip(("text", "encode", "denoise", "decode"), spent, strict=True))
        return Clips(torch.cat(videos), (), self.model.text.cut(prompt), timings)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Iterator[Tensor]:
        """Video of latents (1, C, F, h, w), piece after piece (1, 3, t, H, W) in [-1, 1]."""
        autoencoder, state = self.model.autoencoder, None
        for piece in latents.split(autoencoder.piece, 2):
            with visiting(autoencoder, self.device):
                video, state = autoencoder.decode_next(piece, state)
            yield video.float().clamp(-1, 1)

    def _parts(self) -> tuple[nn.Module, ...]:
        model = self.model
        clip = () if model.clip is None else (model.clip.encoder,)
        return (model.text.encoder, *clip, *model.transformers, model.autoencoder)

    def _latents(self, frames: int, width: int, height: int) -> tuple[int, int, int, int]:
        """The shape (C, F, h, w) of a clip's latents."""
        config = self.model.autoencoder.config
        time, space = config.temporal_factor, config.spatial_factor
        return config.channels, 1 + (frames - 1) // time, height // space, width // space

    def _check(
        self, frames: int, width: int, height: int, picture: Tensor | None, sampler: str
    ) -> None:
        config = self.model.autoencoder.config
        time = config.temporal_factor
        if frames < 1 or frames % time != 1 % time:
            raise InputError("frames", frames, f"1, {1 + time}, {1 + 2 * time}, …")
        token = config.spatial_factor * self.model.transformers[0].config.patch[1]
        if width % token or height % token:
            raise InputError("size", f"{width}x{height}", f"multiples of {token}")
        if picture is not None and self.preset.picture == "none":
            raise InputError("picture", "a picture", f"none with {self.preset.id}")
        if picture is None and self.preset.picture_needed:
            raise InputError("picture", None, "a picture: this model draws from one")
        if picture is not None and picture.shape != (3, height, width):
            raise InputError("picture", tuple(picture.shape), f"shape {(3, height, width)}")
        if sampler not in SAMPLERS:
            raise InputError("sampler", sampler, ", ".join(SAMPLERS))

    def _show(
        self, picture: Tensor | None, context: Tensor, frames: int, shape: tuple[int, ...]
    ) -> tuple[Tensor | None, Shown]:
        """The first latent frame (1, C, 1, h, w), if it is given as such, and what is shown."""
        if picture is None:
            return None, Shown(context)
        still = picture.to(self.device, torch.float32)[None, :, None]  # 1 3 1 H W
        if self.preset.picture == "held":
            return self._encode(still), Shown(context)
        grey = still.new_zeros(1, 3, frames - 1, *picture.shape[1:])
        latents = self._encode(torch.cat([still, grey], 2))  # 1 C F h w
        known = latents.new_zeros(1, 4, *shape[1:])  # which of the four frames is the picture's
        known[:, :, 0] = 1
        seen = None
        if self.model.clip is not None:
            with visiting(self.model.clip.encoder, self.device):
                seen = self.model.clip(picture, self.device)
        return None, Shown(context, torch.cat([known, latents], 1), seen)

    def _encode(self, video: Tensor) -> Tensor:
        with visiting(self.model.autoencoder, self.device):
            return self.model.autoencoder.encode(video).float()

    def _begin(
        self, shape: tuple[int, ...], seed: int, first: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Noise (1, C, F, h, w), with the first latent frame where that is given, and held (F,)."""
        generator = torch.Generator().manual_seed(seed)
        latents = torch.randn((1, *shape), generator=generator).to(self.device)
        if first is None:
            return latents, None
        latents[:, :, :1] = first
        return latents, torch.arange(shape[1], device=self.device) == 0

    def _look(self, asked: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """The first frame (3, 1, H, W) of the clean clip, as the model took it to be."""
        latents, sigma, velocity = (part[:, :, :1] if part.ndim == 5 else part for part in asked)
        clean = clean_estimate(latents, sigma[:, :1], velocity).float()
        return next(self.decode(clean))[0]


def _whole(device: torch.device | str) -> torch.device:
    """The device with its number, as the tensors on it have it."""
    device = torch.device(device)
    if device.type == "cuda" and device.index is None:
        return torch.device("cuda", torch.cuda.current_device())
    return device
