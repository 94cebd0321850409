"""From a prompt to clips: text once, noise to latents window by window, latents to frames."""

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from pleinair.diffusion.model.autoencoder import DECODED_AFTER, SPATIAL, TEMPORAL
from pleinair.diffusion.model.checkpoint import Model, load_model
from pleinair.diffusion.model.few import few_of, load_few
from pleinair.diffusion.model.text import batch
from pleinair.diffusion.model.vocabulary import Encoded
from pleinair.dit.clips import Clips, Preview, Progress
from pleinair.dit.guiding import FlowMap, Guidance, Guided, Network
from pleinair.dit.sampler import MeanVelocity, Velocity, adams, leaps, schedule
from pleinair.dit.speed import PRESETS, Speed, hasten
from pleinair.dit.start import Start
from pleinair.dit.transformer import Transformer
from pleinair.dit.windows import (
    WINDOW,
    Watched,
    Window,
    clean_estimate,
    denoise,
    ring,
    windows,
)
from pleinair.errors import InputError, ModelError
from pleinair.settings import SHIPPED_WEIGHTS

FPS = 8
SHIPPED = SHIPPED_WEIGHTS / "pleinair-1.safetensors"


class Pipeline:
    """A model, ready to draw.

    Args:
        model: its networks, with weights in float32 and on one device.
        dtype: of matrix products and convolutions; the rest is done in float32.
        speed: how guidance is taken; what it asks of the transformer, `load` has done.
        few: the few-step transformer, if there is one.
    """

    def __init__(
        self,
        model: Model,
        dtype: torch.dtype = torch.float32,
        speed: Speed = PRESETS["exact"],
        few: Transformer | None = None,
    ) -> None:
        self.autoencoder = model.autoencoder
        self.text = model.text
        self.transformer = model.transformer
        self.network: Network = model.transformer  # what `parallel.spread` may share out
        self.guided: type[Guided] = Guided
        self.vocabulary = model.vocabulary
        self.about = model.about
        self.dtype = dtype
        self.speed = speed
        self.few = few
        self.few_network: FlowMap | None = few  # this too
        self.device = model.text.places.device
        for network in filter(None, (self.transformer, few)):
            for module in network.modules():
                if isinstance(module, nn.RMSNorm):  # fused only when input and weight are alike
                    module.to(dtype)

    @classmethod
    def load(
        cls,
        path: Path | None = None,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype | None = None,
        speed: Speed = PRESETS["exact"],
    ) -> "Pipeline":
        """Load a model.

        Args:
            path: its file; None for the model that ships with the package.
            device: where it runs.
            dtype: torch.bfloat16 or torch.float32; None for that of ``speed``.
            speed: what makes the transformer fast.

        Raises:
            ModelError: the file is missing, corrupt or does not fit.
        """
        path = path or SHIPPED
        model = load_model(path, device)
        if dtype is not None:
            speed = replace(speed, dtype=str(dtype).removeprefix("torch."))
        few = load_few(few_of(path), model.transformer)[0] if few_of(path).is_file() else None
        for network in filter(None, (model.transformer, few)):
            hasten(network, speed)
        return cls(model, speed.numbers(device), speed, few)

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
        loop: bool = False,
        progress: Progress | None = None,
        preview: Preview | None = None,
    ) -> Clips:
        """Draw clips.

        One window holds about two seconds. A longer clip is drawn in several, each of which is
        given latent frames of the one before; see `pleinair.dit.windows.windows`.

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
            loop: whether the last frame leads into the first. Such a clip is groups of four frames
                alone, T = 4k, and what is given or a source is latents of such groups.
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
        length = loop_frames(seconds) if loop else latent_frames(seconds)
        shape = (length, channels, height // SPATIAL, width // SPATIAL)
        start = Start(shape, given or {}, source, strength)
        sigmas = schedule(steps, shift=self.about["shift"], start=start.level)
        report = progress or (lambda done, total, stage: None)
        whole = slice(0, length)  # a loop is drawn all around at once
        order = [Window(whole, whole)] if loop else windows(length, start.given)
        total = variations * len(order) * (len(sigmas) - 1)
        done = itertools.count()

        clock = [time.perf_counter()]
        with self._precision():
            encoded = self.vocabulary.encode(prompt)
            away = self.vocabulary.encode(negative_prompt)
            sample: Callable[..., Tensor] = adams if guidance is not None else leaps
            velocity = Watched(
                self._leap(encoded)
                if guidance is None
                else self._velocity(encoded, away, self.speed.guide(guidance, interval))
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
                model = ring(velocity, length) if loop else velocity
                clips.append(denoise(sample, model, latents, held, sigmas, tick, order))
            clock.append(time.perf_counter())
            videos = []
            for i, latents in enumerate(clips):
                report(i, variations, "decode")
                videos.append(self._decode_loop(latents) if loop else self._decode(latents))
        clock.append(time.perf_counter())
        spent = [after - before for before, after in itertools.pairwise(clock)]
        timings = dict(zip(("text", "denoise", "decode"), spent, strict=True))
        return Clips(torch.cat(videos), encoded.unknown, encoded.cut, timings)

    def _precision(self) -> torch.autocast:
        """Within this block autocast keeps the copies that it makes of the weights."""
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)

    def _velocity(self, prompt: Encoded, negative: Encoded, guidance: Guidance) -> Velocity:
        """The guided velocity of one clip."""
        context, mask = self.text(batch([prompt, negative]).to(self.device))
        return self.guided(self.network, self.transformer.read(context, mask), guidance)

    def _leap(self, prompt: Encoded) -> MeanVelocity:
        """The mean velocity of one clip, with guidance built in; raises ModelError."""
        if self.few is None or self.few_network is None:
            raise ModelError("this model has no few-step weights; ask for guidance")
        context, mask = self.text(batch([prompt]).to(self.device))
        text, few = self.few.read(context, mask), self.few_network

        def velocity(latents: Tensor, sigma: Tensor, until: Tensor) -> Tensor:
            if (sigma == sigma[:, :1]).all():  # one level for all frames is computed once
                sigma, until = sigma[:, :1], until[:, :1]
            return few(latents, sigma, text, until=until).float()

        return velocity

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

    def _decode_loop(self, latents: Tensor) -> Tensor:
        """Video (1, 3, 4·F, H, W) of a loop, whose first frames follow on its last ones."""
        frames = latents.shape[2]
        led = [i % frames for i in range(-DECODED_AFTER, frames)]
        return self._decode(latents[:, :, led])[:, :, -TEMPORAL * frames :]


def latent_frames(seconds: float) -> int:
    """Latent frames that cover this many seconds: one picture, then four frames in each."""
    frames = max(1, round(seconds * FPS))
    return 1 + -(-(frames - 1) // TEMPORAL)


def loop_frames(seconds: float) -> int:
    """Latent frames, of four frames each, of a loop of about this length."""
    return max(1, round(seconds * FPS / TEMPORAL))
