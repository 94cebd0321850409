"""The velocity of one clip by one transformer, or by two of which each has its noise levels."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from pleinair.dit.guiding import Guidance, Guided
from pleinair.dit.speed import fold
from pleinair.dit.transformer import Text, Transformer, Walk
from pleinair.wan.places import visiting


@dataclass(frozen=True)
class Shown:
    """What the transformers are shown of a clip besides its noisy latents.

    Attributes:
        context: (2, 512, text), the prompt and the negative prompt.
        condition: (1, C, F, h, w), put behind the latents; None for a model that takes nothing.
        picture: (1, P, image), what the image encoder saw, or None.
    """

    context: Tensor
    condition: Tensor | None = None
    picture: Tensor | None = None


class Experts:
    """The guided velocity of one clip; only the expert at work needs to be on the device.

    Args:
        transformers: one, or those for high noise and for low.
        guidance: of each.
        boundary: noise level down to which the first draws; None where there is one.
        shown: what they are shown.
        device: where they work.
    """

    def __init__(
        self,
        transformers: Sequence[Transformer],
        guidance: Sequence[Guidance],
        boundary: float | None,
        shown: Shown,
        device: torch.device,
    ) -> None:
        self.transformers, self.guidance = transformers, guidance
        self.boundary, self.shown, self.device = boundary or 0.0, shown, device
        self._here = ExitStack()
        self._now: int | None = None
        self._guided: Guided | None = None

    def __call__(self, latents: Tensor, sigma: Tensor) -> Tensor:
        """Velocity (1, C, F, h, w) of latents at the levels (1, F)."""
        expert = 0 if float(sigma.max()) >= self.boundary else 1
        if self._guided is None or expert != self._now:
            self._guided = self._call_in(expert)
        return self._guided(latents, sigma)

    @contextmanager
    def at_work(self) -> Iterator["Experts"]:
        """Within this block one of them is on the device; after it they are where they were."""
        try:
            yield self
        finally:
            self._leave()

    def _leave(self) -> None:
        self._guided = self._now = None
        self._here.close()

    def _call_in(self, expert: int) -> Guided:
        self._leave()
        transformer, shown = self.transformers[expert], self.shown
        self._here.enter_context(visiting(transformer, self.device))
        context, mask = fold(shown.context)
        picture = shown.picture
        if picture is not None:
            picture = picture.expand(len(context), -1, -1)
        text = transformer.read(context, mask, picture)
        self._now = expert

        def network(latents: Tensor, sigma: Tensor, context: Text, *, walk: Walk | None) -> Tensor:
            if shown.condition is not None:
                beside = shown.condition.expand(len(latents), -1, -1, -1, -1)
                latents = torch.cat([latents, beside], 1)
            velocity: Tensor = transformer(latents, sigma, context, walk=walk)
            return velocity

        return Guided(network, text, self.guidance[expert])
