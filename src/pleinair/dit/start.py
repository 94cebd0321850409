"""What a clip begins from: noise, frames that are given, a source that shines through."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from pleinair.errors import InputError


@dataclass(frozen=True)
class Start:
    """Latents to begin from.

    Attributes:
        shape: of the clip, (F, C, h, w).
        given: clean latents (C, h, w) of some latent frames, which are kept.
        source: clean latents (C, F, h, w) of a clip to be drawn anew, or None.
        strength: noise level from which a source is redrawn, above 0 and at most 1.

    Raises:
        InputError: latents do not fit the shape, or the strength is not allowed.
    """

    shape: tuple[int, int, int, int]
    given: Mapping[int, Tensor] = field(default_factory=dict)
    source: Tensor | None = None
    strength: float = 1.0

    def __post_init__(self) -> None:
        """Check that everything fits."""
        frames, channels, *size = self.shape
        for frame, clean in self.given.items():
            if not 0 <= frame < frames:
                raise InputError("given", frame, f"latent frames from 0 to {frames - 1}")
            if clean.shape != (channels, *size):
                allowed = f"latents of shape {(channels, *size)}"
                raise InputError("given", tuple(clean.shape), allowed)
        if self.source is not None and self.source.shape != (channels, frames, *size):
            allowed = f"latents of shape {(channels, frames, *size)}"
            raise InputError("source", tuple(self.source.shape), allowed)
        if not 0 < self.strength <= 1:
            raise InputError("strength", self.strength, "numbers above 0 and at most 1")

    @property
    def level(self) -> float:
        """Noise level of what it begins from, 1 where there is no source."""
        return 1.0 if self.source is None else self.strength

    def latents(self, seed: int) -> tuple[Tensor, Tensor]:
        """Latents (1, C, F, h, w) at this level, and which frames of them are given, (F,).

        The noise comes frame after frame, so that a longer clip begins with that of a shorter one.
        """
        latents = torch.randn(self.shape, generator=torch.Generator().manual_seed(seed))
        if self.source is not None:
            clean = self.source.transpose(0, 1).to(latents)
            latents = (1 - self.level) * clean + self.level * latents
        held = torch.zeros(self.shape[0], dtype=torch.bool)
        for frame, clean in self.given.items():
            latents[frame], held[frame] = clean, True
        return latents.transpose(0, 1)[None], held
