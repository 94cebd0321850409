"""From a prompt to clips: text once, noise to latents window by window, latents to frames."""

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from pleinair.errors import InputError, ModelError
from pleinair.model.autoencoder import SPATIAL, TEMPORAL
from pleinair.model.checkpoint import Model, load_model
from pleinair.model.few import load_few
from pleinair.model.sampler import MeanVelocity, Velocity, adams, leaps, schedule
from pleinair.model.start import Start
from pleinair.model.text import batch
from pleinair.model.transformer import Transformer
from pleinair.model.vocabulary import Encoded
from pleinair.model.windows import WINDOW, Watched, clean_estimate, denoise, windows
from pleinair.settings import SHIPPED_WEIGHTS

FPS = 8
SHIPPED = SHIPPED_WEIGHTS / "pleinair-1.safetensors"

Progress = Callable[[int, int, str], None]

Preview = Callable[[Callable[[], Tensor]], None]
"""Called after a step with a function that decodes a small look at how far the clip is."""


@dataclass(frozen=True)
class Clips:
    """What came of a prompt.

    Attributes:
        video: (N, 3, T, H, W) float32 in [-1, 1], T = 1 + 4k frames at 8 a second.
        unknown: words that mean nothing to the model, as typed.
        cut: words dropped from the end of a prompt that is too long.
        timings: seconds spent on "text", "denoise" and "decode".
    """

    video: Tensor
    unknown: tuple[str, ...]
    cut: int
    timings: dict[str, float]


@dataclass(frozen=True)
class Guidance:
    """How a prompt is followed.

    Attributes:
        scale: of classifier-free guidance; at 1 there is none, which halves the time.
        interval: noise levels within which it works; see `pleinair.model.sampler.guided`.
    """

    scale: float
    interval: tuple[float, float] = (0.0, 1.0)

    def at(self, level: float) -> bool:
        """Whether it works at this noise level."""
        return self.scale != 1 and self.interval[0] <= level <= self.interval[1]


class Pipeline:
    """A model, ready to draw.

    Args:
        model: its networks, with weights in float32 and on one device.
        dtype: of matrix products and convolutions; the rest is done in float32.
        path: its file, beside which the few-step weights lie.
    """

    def __init__(
        self, model: Model, dtype: torch.dtype = torch.float32, path: Path | None = None
    ) -> None:
        self.autoencoder = model.autoencoder
        self.text = model.text
        self.transformer = model.transformer
        self.vocabulary = model.vocabulary
        self.about = model.about
        self.dtype = dtype
        self.path = path
        self._few: Transformer | None = None
        self.device = model.text.places.device
        fuse_norms(self.transformer, dtype)

    @classmethod
    def load(
        cls,
        path: Path | None = None,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype | None = None,
    ) -> "Pipeline":
        """Load a model.

        Args:
            path: its file; None for the model that ships with the package.
            device: where it runs.
            dtype: torch.bfloat16 or torch.float32; None for bfloat16 where the device has
                arithmetic for it, which halves the time.

        Raises:
            ModelError: the file is missing, corrupt or does not fit.
        """
        path = path or SHIPPED
        model = load_model(path, device)
        return cls(model, dtype or natural_dtype(device), path)

    @torch.no_grad()
    def encode(self, frames: Tensor) -> Tensor:
        """Clean latents of a clip, to be given or redrawn.

        Args:
            frames: (3, T, H, W) in [-1, 1] at 8 a second, sides multiples of 16. Where T is not
                1 + 4k the last frame is repeated.

        Returns:
            (C, 1 + k, H/16, W/16).
        """
        missing = -(frames.shape[1] - 1) % TEMPORAL
        last = frames[:, -1:].expand(-1, missing, -1, -1)
        video = torch.cat([frames, last], 1)[None].to(self.device)
        with self._precision():
            latents: Tensor = self.autoencoder.encode(video)
        return latents[0].float()

    @torch.no_grad()
    def generate(
        self,
        prompt: str,
        *,
        negative_prompt: str = "",
        seconds: float = 2.0,
        width: int,
        height: int,
        seed: int,
        steps: int,
        guidance: float | None,
        interval: tuple[float, float] = (0.0, 1.0),
        variations: int = 1,
        given: Mapping[int, Tensor] | None = None,
        source: Tensor | None = None,
        strength: float = 1.0,
        progress: Progress | None = None,
        preview: Preview | None = None,
    ) -> Clips:
        """Draw clips.

        One window holds about two seconds. A longer clip is drawn in several, each of which is
        given the last latent frames of the one before.

        Args:
            prompt: what to show.
            negative_prompt: what guidance leads away from; without guidance it has no effect.
            seconds: length; frames come in fours after the first, so up to three too many.
            width, height: in pixels, multiples of 16; best at the sizes seen in training.
            seed: of the noise; variation i is what seed + i alone gives, on a CPU bit for bit.
            steps: evaluations for each window.
            guidance: how strongly the prompt is followed; 1 is not at all beyond what was learnt.
                None takes the few-step weights, which have it built in and leap: four steps do.
            interval: noise levels within which guidance works.
            variations: number of clips.
            given: clean latents (C, H/16, W/16) of some latent frames, which are kept as they are.
            source: clean latents (C, F, H/16, W/16) of a clip of this length, to be drawn anew from
                the noise level ``strength`` on, with the steps of the schedule that are below it:
                SDEdit, Meng et al., arXiv 2108.01073.
            strength: above 0 and at most 1, where nothing is left of the source.
            progress: called as ``progress(done, total, stage)`` before the first step and after
                each; what it raises ends the work.
            preview: called after each step with a function that decodes the one to five newest
                frames, (3, T, H, W), of what the model now takes for the clean clip. Nothing is
                decoded unless it is called, which must be before ``preview`` returns.

        Raises:
            InputError: for a size that is not a multiple of 16, or latents that do not fit.
            ModelError: there are no few-step weights beside the others.
        """
        if width % SPATIAL or height % SPATIAL:
            raise InputError("size", f"{width}x{height}", f"multiples of {SPATIAL}")
        channels = self.transformer.config.channels
        shape = (latent_frames(seconds), channels, height // SPATIAL, width // SPATIAL)
        start = Start(shape, given or {}, source, strength)
        sigmas = schedule(steps, shift=self.about["shift"], start=start.level)
        report = progress or (lambda done, total, stage: None)
        total = variations * len(windows(shape[0])) * (len(sigmas) - 1)
        done = itertools.count()

        clock = [time.perf_counter()]
        with self._precision():
            encoded = self.vocabulary.encode(prompt)
            away = self.vocabulary.encode(negative_prompt)
            sample: Callable[..., Tensor] = adams if guidance is not None else leaps
            velocity = Watched(
                self._leap(encoded)
                if guidance is None
                else self._velocity(encoded, away, Guidance(guidance, interval))
            )
            clock.append(time.perf_counter())

            def tick(*_: int) -> None:
                report(next(done), total, "denoise")
                if preview and velocity.last:
                    preview(partial(self._look, velocity.last))

            tick()
            clips = []
            for i in range(variations):
                latents, held = (tensor.to(self.device) for tensor in start.latents(seed + i))
                clips.append(denoise(sample, velocity, latents, held, sigmas, tick))
            clock.append(time.perf_counter())
            videos = []
            for i, latents in enumerate(clips):
                report(i, variations, "decode")
                videos.append(self._decode(latents))
        clock.append(time.perf_counter())
        spent = [after - before for before, after in itertools.pairwise(clock)]
        timings = dict(zip(("text", "denoise", "decode"), spent, strict=True))
        return Clips(torch.cat(videos), encoded.unknown, encoded.cut, timings)

    def _precision(self) -> torch.autocast:
        """Within this block autocast keeps the copies that it makes of the weights."""
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)

    def _velocity(self, prompt: Encoded, negative: Encoded, guidance: Guidance) -> Velocity:
        """The guided velocity of one clip; towards and away from the prompts in one batch."""
        ids = batch([prompt, negative]).to(self.device)
        context, mask = self.text(ids)

        def evaluate(*inputs: Tensor) -> Tensor:
            velocity: Tensor = self.transformer(*inputs)
            return velocity.float()

        def velocity(latents: Tensor, sigma: Tensor) -> Tensor:
            if not guidance.at(float(sigma.max())):
                return evaluate(latents, sigma, context[:1], mask[:1])
            both = latents.expand(2, -1, -1, -1, -1), sigma.expand(2, -1)
            towards, away = evaluate(*both, context, mask).split(1)
            return torch.lerp(away, towards, guidance.scale)

        return velocity

    def _leap(self, prompt: Encoded) -> MeanVelocity:
        """The mean velocity of one clip, with guidance built in."""
        context, mask = self.text(batch([prompt]).to(self.device))
        transformer = self.few()

        def velocity(latents: Tensor, sigma: Tensor, until: Tensor) -> Tensor:
            made: Tensor = transformer(latents, sigma, context, mask, until)
            return made.float()

        return velocity

    @property
    def has_few(self) -> bool:
        """Whether there are few-step weights beside the others."""
        return self._few is not None or (self._few_file is not None and self._few_file.is_file())

    @property
    def _few_file(self) -> Path | None:
        return self.path and self.path.with_name(f"{self.path.stem}-few.safetensors")

    def few(self) -> Transformer:
        """The few-step transformer, loaded when it is first asked for; raises ModelError."""
        if self._few is None:
            if self._few_file is None:
                raise ModelError("this model has no few-step weights; ask for guidance")
            self._few, _ = load_few(self._few_file, self.transformer)
            fuse_norms(self._few, self.dtype)
        return self._few

    def _look(self, asked: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Newest frames of the clean clip, (3, T, H, W), as the model took it to be."""
        return self._decode(clean_estimate(*asked)[:, :, -2:])[0]

    def _decode(self, latents: Tensor) -> Tensor:
        """Video (1, 3, T, H, W), piece by piece so that a minute needs no more memory."""
        frames, state = [], None
        for piece in latents.split(WINDOW, 2):
            video, state = self.autoencoder.decode_next(piece, state)
            frames.append(video.float().clamp(-1, 1).cpu())
        return torch.cat(frames, 2)


def latent_frames(seconds: float) -> int:
    """Latent frames that cover this many seconds: one picture, then four frames in each."""
    frames = max(1, round(seconds * FPS))
    return 1 + -(-(frames - 1) // TEMPORAL)


def fuse_norms(network: nn.Module, dtype: torch.dtype) -> None:
    """Have the RMS norms fused, which they are only when input and weight are of one kind."""
    for module in network.modules():
        if isinstance(module, nn.RMSNorm):
            module.to(dtype)


def natural_dtype(device: torch.device | str) -> torch.dtype:
    """bfloat16 where the device multiplies it itself; elsewhere it would be slower."""
    if torch.device(device).type != "cpu":
        return torch.bfloat16
    able = torch.cpu.get_capabilities()
    return torch.bfloat16 if able.get("avx512_bf16") or able.get("amx_bf16") else torch.float32
