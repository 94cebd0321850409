"""The ways a teacher takes from noise to a clip, recorded so that a student can learn to leap."""

import json
import random
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pleinair.diffusion.model.autoencoder import SPATIAL, TEMPORAL
from pleinair.diffusion.model.checkpoint import Model
from pleinair.diffusion.model.text import batch
from pleinair.diffusion.training.data import Arrays, captions_of, step_rng
from pleinair.diffusion.training.recipes import SIZES
from pleinair.diffusion.worlds.render import render
from pleinair.diffusion.worlds.scene import Scene, sample_scene
from pleinair.dit.sampler import Velocity, adams, shifted
from pleinair.dit.speed import Speed, hasten
from pleinair.dit.windows import OVERLAP, WINDOW

STEPS = 12
"""Of the teacher, on each way."""

TOKENS = 3_600
"""In the clips of one file: as many as a processor's memory takes without slowing down."""

SERIES = 440_000
"""Scenes of trajectories come from a series of their own, apart from training and evaluation."""

_LATER = WINDOW - OVERLAP  # latent frames before the second window of a clip


@dataclass(frozen=True)
class Trajectories:
    """Some clips of one shape on their way from noise.

    Attributes:
        latents: (levels, B, C, F, h, w) float16, noise first, clean last.
        levels: (levels,) noise levels from 1 to 0.
        held: (F,) bool, frames that were given and are clean throughout.
        captions: B prompts.
    """

    latents: Tensor
    levels: Tensor
    held: Tensor
    captions: list[str]

    def arrays(self) -> Arrays:
        """As plain arrays, for a file."""
        told = np.frombuffer(json.dumps(self.captions).encode(), np.uint8)
        return {
            "latents": self.latents.half().numpy(),
            "levels": self.levels.numpy(),
            "held": self.held.numpy(),
            "captions": told,
        }

    @classmethod
    def of(cls, arrays: Arrays) -> "Trajectories":
        """What `arrays` told of."""
        latents, levels, held = (
            torch.from_numpy(arrays[name]) for name in ("latents", "levels", "held")
        )
        return cls(latents, levels, held, json.loads(arrays["captions"].tobytes()))


class Teacher:
    """A trained model that is watched while it draws with guidance.

    Args:
        model: its networks.
        guidance: scale of classifier-free guidance.
        sizes: width and height of its clips, the first most often.
    """

    def __init__(
        self,
        model: Model,
        guidance: float = 3.0,
        sizes: tuple[tuple[int, int], ...] = SIZES,
    ) -> None:
        self.model, self.guidance, self.sizes = model, guidance, sizes
        self.empty = model.vocabulary.encode("")
        hasten(model.transformer, Speed(dtype="bfloat16"))

    @torch.no_grad()
    def trajectories(self, seed: int, number: int) -> Trajectories:
        """Ways of some clips of one shape, about TOKENS in all, the same for the same numbers.

        A third have frames given, as pictures at some time or as the end of the window before;
        some are single pictures or short. The levels lie about those of a schedule, so that the
        student meets any.
        """
        rng, generator = step_rng(seed, "trajectories", number)
        width, height = rng.choice(self.sizes)
        frames = rng.choices((WINDOW, 1, rng.randint(2, WINDOW - 1)), (8, 1, 1))[0]
        count = max(1, TOKENS // (frames * width * height // SPATIAL**2))
        indices = [100 * number + i for i in range(count)]
        captions = captions_of(SERIES + seed, indices, rng, dropped=0.02)
        config = self.model.transformer.config
        shape = (count, config.channels, frames, height // SPATIAL, width // SPATIAL)
        latents = torch.randn(shape, generator=generator)
        held = torch.zeros(frames, dtype=torch.bool)
        if frames > 1 and rng.random() < 0.4:
            scenes = [sample_scene(SERIES + seed, i) for i in indices]
            held, clean = self._given(rng, scenes, frames, (width, height))
            latents[:, :, held] = clean[:, :, held]
        levels = _levels(self.model.about["shift"], generator)
        velocity = self._velocity(captions)
        path: list[Tensor] = []

        def watched(latents: Tensor, sigma: Tensor) -> Tensor:
            path.append(latents)
            return velocity(latents, sigma)

        with _precision():
            path.append(adams(watched, latents, levels, held=held))
        return Trajectories(torch.stack(path), levels, held, captions)

    def _velocity(self, captions: list[str]) -> Velocity:
        """With guidance, for all the captions at once."""
        ids = batch([*map(self.model.vocabulary.encode, captions), *[self.empty] * len(captions)])
        with _precision():
            text = self.model.transformer.read(*self.model.text(ids))

        def velocity(latents: Tensor, sigma: Tensor) -> Tensor:
            both = latents.repeat(2, 1, 1, 1, 1), sigma.repeat(2, 1)
            made: Tensor = self.model.transformer(*both, text)
            towards, away = made.float().chunk(2)
            return torch.lerp(away, towards, self.guidance)

        return velocity

    def _given(
        self, rng: random.Random, scenes: list[Scene], frames: int, size: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """Which frames (F,) are given, and clean latents of renders that they are taken from."""
        held = torch.zeros(frames, dtype=torch.bool)
        later = frames == WINDOW and rng.random() < 0.5
        if later:
            held[:OVERLAP] = True
        else:
            for place in rng.choice(([0], [-1], [0, -1], [rng.randrange(frames)])):
                held[place] = True
        start = _LATER if later else 0
        length = 1 + TEMPORAL * (start + frames - 1)
        clips = [render([scene], frames=length, width=size[0], height=size[1]) for scene in scenes]
        with _precision():
            latents = [self.model.autoencoder.encode(clip)[0].float() for clip in clips]
        return held, torch.stack(latents)[:, :, start:]


def _levels(shift: float, generator: torch.Generator) -> Tensor:
    """Levels about those of a schedule of STEPS, each moved by up to a quarter of its step."""
    t = torch.linspace(1, 0, STEPS + 1)
    t[1:-1] += (torch.rand(STEPS - 1, generator=generator) - 0.5) / (2 * STEPS)
    return shifted(t, shift)


def _precision() -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16)
