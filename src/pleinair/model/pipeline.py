"""From a prompt to clips: text once, noise to latents window by window, latents to frames."""

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from pleinair.errors import InputError
from pleinair.model.autoencoder import SPATIAL, TEMPORAL
from pleinair.model.checkpoint import Model, load_model
from pleinair.model.sampler import Velocity, adams, schedule
from pleinair.model.text import Encoded
from pleinair.settings import SHIPPED_WEIGHTS

FPS = 8
WINDOW = 5  # latent frames that the model sees at a time: 17 frames, about two seconds
OVERLAP = 2  # of them given from the window before
SHIPPED = SHIPPED_WEIGHTS / "pleinair-1.safetensors"

Progress = Callable[[int, int, str], None]


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
    """

    def __init__(self, model: Model, dtype: torch.dtype = torch.float32) -> None:
        self.autoencoder = model.autoencoder
        self.text = model.text
        self.transformer = model.transformer
        self.vocabulary = model.vocabulary
        self.about = model.about
        self.dtype = dtype
        self.device = model.text.places.device
        for module in self.transformer.modules():
            if isinstance(module, nn.RMSNorm):  # fused only when input and weight are of one kind
                module.to(dtype)

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
        model = load_model(path or SHIPPED, device)
        return cls(model, dtype or natural_dtype(device))

    @torch.no_grad()
    def generate(
        self,
        prompt: str,
        *,
        seconds: float = 2.0,
        width: int,
        height: int,
        seed: int,
        steps: int,
        guidance: float,
        interval: tuple[float, float] = (0.0, 1.0),
        variations: int = 1,
        given: Mapping[int, Tensor] | None = None,
        progress: Progress | None = None,
    ) -> Clips:
        """Draw clips.

        One window holds about two seconds. A longer clip is drawn in several, each of which is
        given the last latent frames of the one before.

        Args:
            prompt: what to show.
            seconds: length; frames come in fours after the first, so up to three too many.
            width, height: in pixels, multiples of 16; best at the sizes seen in training.
            seed: of the noise; variation i is what seed + i alone gives, on a CPU bit for bit.
            steps: evaluations for each window.
            guidance: how strongly the prompt is followed; 1 is not at all beyond what was learnt.
            interval: noise levels within which guidance works.
            variations: number of clips.
            given: clean latents (C, H/16, W/16) of some latent frames, which are kept as they are.
            progress: called as ``progress(done, total, stage)`` before the first step and after
                each; what it raises ends the work.

        Raises:
            InputError: for a size that is not a multiple of 16, or given frames that do not fit.
        """
        if width % SPATIAL or height % SPATIAL:
            raise InputError("size", f"{width}x{height}", f"multiples of {SPATIAL}")
        channels = self.transformer.config.channels
        shape = (latent_frames(seconds), channels, height // SPATIAL, width // SPATIAL)
        given = _checked(given or {}, shape)
        report = progress or (lambda done, total, stage: None)
        total = variations * len(_windows(shape[0])) * steps
        done = itertools.count()

        def tick(*_: int) -> None:
            report(next(done), total, "denoise")

        clock = [time.perf_counter()]
        # Within the block autocast keeps the copies that it makes of the weights.
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            encoded = self.vocabulary.encode(prompt)
            velocity = self._velocity(encoded, Guidance(guidance, interval))
            clock.append(time.perf_counter())
            tick()
            sigmas = schedule(steps, shift=self.about["shift"])
            clips = []
            for i in range(variations):
                noise, held = self._start(shape, seed + i, given)
                clips.append(_denoise(velocity, noise, held, sigmas, tick))
            clock.append(time.perf_counter())
            videos = []
            for i, latents in enumerate(clips):
                report(i, variations, "decode")
                videos.append(self._decode(latents))
        clock.append(time.perf_counter())
        spent = [after - before for before, after in itertools.pairwise(clock)]
        timings = dict(zip(("text", "denoise", "decode"), spent, strict=True))
        return Clips(torch.cat(videos), encoded.unknown, encoded.cut, timings)

    def _velocity(self, prompt: Encoded, guidance: Guidance) -> Velocity:
        """The guided velocity of one clip; with and without the prompt in one batch."""
        ids = self.vocabulary.batch([prompt, self.vocabulary.encode("")]).to(self.device)
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

    def _start(
        self, shape: tuple[int, int, int, int], seed: int, given: Mapping[int, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Noise (1, C, F, h, w) with the given frames in it, and which they are, (F,).

        Frame follows frame, so that a longer clip begins with the noise of a shorter one.
        """
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
        held = torch.zeros(shape[0], dtype=torch.bool)
        for frame, clean in given.items():
            noise[frame], held[frame] = clean, True
        return noise.transpose(0, 1)[None].to(self.device), held.to(self.device)

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


def natural_dtype(device: torch.device | str) -> torch.dtype:
    """bfloat16 where the device multiplies it itself; elsewhere it would be slower."""
    if torch.device(device).type != "cpu":
        return torch.bfloat16
    able = torch.cpu.get_capabilities()
    return torch.bfloat16 if able.get("avx512_bf16") or able.get("amx_bf16") else torch.float32


def _denoise(
    velocity: Velocity, latents: Tensor, held: Tensor, sigmas: Tensor, tick: Callable[..., None]
) -> Tensor:
    """Noise (1, C, F, h, w) to latents, window by window."""
    latents, held = latents.clone(), held.clone()
    for window in _windows(latents.shape[2]):
        piece = latents[:, :, window]
        latents[:, :, window] = adams(velocity, piece, sigmas, held=held[window], progress=tick)
        held[window] = True
    return latents


def _windows(frames: int) -> list[slice]:
    """Overlapping windows over the latent frames of a clip."""
    starts = range(0, max(1, frames - OVERLAP), WINDOW - OVERLAP)
    return [slice(start, min(start + WINDOW, frames)) for start in starts]


def _checked(given: Mapping[int, Tensor], shape: tuple[int, int, int, int]) -> Mapping[int, Tensor]:
    frames, *size = shape
    for frame, clean in given.items():
        if not 0 <= frame < frames:
            raise InputError("given", frame, f"latent frames from 0 to {frames - 1}")
        if clean.shape != tuple(size):
            allowed = f"latents of shape {tuple(size)}"
            raise InputError("given", tuple(clean.shape), allowed)
    return given
