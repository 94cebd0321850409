"""The model behind the public door, and the cases that it is asked for, at native size and rate."""

import hashlib
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from bench.operations.measures import FPS
from pleinair.backends.base import Generation
from pleinair.backends.embedded import Embedded
from pleinair.diffusion.training.evaluate import Case, draw, frames
from pleinair.media.codec import Video
from pleinair.media.frames import Frames, to_frames, to_tensor
from pleinair.request import Given, VideoRequest
from pleinair.settings import Settings

SEED = 11


class Drawing:
    """Draws what is asked for.

    Args:
        asked: cases, whose renders are the clips that are given.
    """

    def __init__(self, asked: list[Case]) -> None:
        self.model = Embedded(Settings.read({}))
        self.asked = asked
        self.real = renders(asked)

    def request(self, case: Case, **changes: object) -> VideoRequest:
        """The request of a case, 2 s of it, but for some fields."""
        fields: dict[str, Any] = {
            "prompt": case.prompt,
            "model": self.model.id,
            "seconds": 2.0,
            "width": case.width,
            "height": case.height,
            "fps": FPS,
            "seed": case.seed,
        }
        return VideoRequest(**(fields | changes))

    def generate(
        self, case: Case, *given: tuple[Given, Video], **changes: object
    ) -> tuple[Frames, ...]:
        """What is delivered, each variation."""
        request = self.request(case, given=tuple(item for item, _ in given), **changes)
        materials = {item.sha256: clip for item, clip in given}
        made: Generation = self.model.generate(request, materials=materials)
        return tuple(np.asarray(clip) for clip in made.clips)

    def make(self, case: Case, *given: tuple[Given, Video], **changes: object) -> Frames:
        """What is delivered."""
        return self.generate(case, *given, **changes)[0]

    def pairs(self) -> Iterator[tuple[Case, Frames]]:
        """Each case with its render."""
        return zip(self.asked, self.real, strict=True)

    def next(self, i: int) -> Case:
        """The case after a case, and the first one after the last."""
        return self.asked[(i + 1) % len(self.asked)]

    @torch.no_grad()
    def again(self, clip: Frames) -> Frames:
        """A clip of 1 + 4k frames through the autoencoder alone, there and back."""
        latents = self.model.pipeline.encode(to_tensor(clip))
        return to_frames(self.model.pipeline.autoencoder.decode(latents[None])[0])


def renders(asked: list[Case]) -> list[Frames]:
    """What the cases ask for, as it is taught: 17 frames of each."""
    return [np.ascontiguousarray(frames(clip)) for clip in draw(asked)]


def given(
    role: str, frames: Frames, *, at: float = 0.0, strength: float = 0.88
) -> tuple[Given, Video]:
    """A picture (H, W, 3) or clip as a request has it, and in hand."""
    clip = frames if frames.ndim == 4 else frames[None]
    digest = hashlib.sha256(role.encode() + clip.tobytes()).hexdigest()
    return Given(role, digest, at=at, strength=strength), Video(clip, Fraction(FPS))
