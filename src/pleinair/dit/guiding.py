"""Classifier-free guidance over a transformer, with what it may leave out."""

from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor

from pleinair.dit.caching import CACHES
from pleinair.dit.transformer import Text, Walk

WAYS = {"towards": slice(0, 1), "away": slice(1, 2), "both": slice(0, 2)}


@dataclass(frozen=True)
class Guidance:
    """How a prompt is followed.

    Attributes:
        scale: of classifier-free guidance; at 1 there is none, which halves the time.
        interval: noise levels within which it works; see `pleinair.dit.sampler.guided`.
        every: the way away from the negative prompt is asked for at each n-th step; between, the
            distance from it that was found last still counts. After Lv et al., FasterCache,
            arXiv 2410.19355.
        batched: both ways in one batch; else one after the other, in half the memory.
        cache: ``none``, ``first-block`` or ``teacache``; see `pleinair.dit.caching`.
        threshold: of the cache.
        calm: noise level under which ``every`` and the cache leave anything out. Above it each
            step changes much, and what is left out there changes what is seen.
    """

    scale: float
    interval: tuple[float, float] = (0.0, 1.0)
    every: int = 1
    batched: bool = True
    cache: str = "none"
    threshold: float = 0.0
    calm: float = 1.0

    def at(self, level: float) -> bool:
        """Whether it works at this noise level."""
        return self.scale != 1 and self.interval[0] <= level <= self.interval[1]


class Network(Protocol):
    """A transformer, or what wraps one."""

    def __call__(
        self, latents: Tensor, sigma: Tensor, context: Text, *, walk: Walk | None
    ) -> Tensor:
        """Velocity (B, C, F, h, w)."""
        ...


class FlowMap(Protocol):
    """A transformer that leaps, or what wraps one."""

    def __call__(self, latents: Tensor, sigma: Tensor, context: Text, *, until: Tensor) -> Tensor:
        """Mean velocity (B, C, F, h, w) on the way down to the levels ``until``, (B, F or 1)."""
        ...


class Guided:
    """The guided velocity of one clip.

    A level that does not fall begins a new window or clip: then nothing of the last one is kept.

    Args:
        network: the transformer.
        text: what it read of the prompt and of the negative prompt, a batch of two.
        guidance: how the prompt is followed.
    """

    def __init__(self, network: Network, text: Text, guidance: Guidance) -> None:
        self.network, self.text, self.guidance = network, text, guidance
        self.level = 0.0
        self._begin()

    def _begin(self) -> None:
        self.walks: dict[str, Walk] = {}
        self.steps = 0  # guided ones since the negative prompt was asked
        self.apart: Tensor | None = None

    def __call__(self, latents: Tensor, sigma: Tensor) -> Tensor:
        """Velocity (1, C, F, h, w) of latents at the levels (1, F)."""
        level, guidance = float(sigma.max()), self.guidance
        if level >= self.level:
            self._begin()
        self.level = level
        if not guidance.at(level):
            return self._ask(latents, sigma, "towards")
        if self.apart is not None and self.steps < guidance.every and level <= guidance.calm:
            self.steps += 1
            return self._ask(latents, sigma, "towards") + (guidance.scale - 1) * self.apart
        towards, away = self._both(latents, sigma)
        if guidance.every > 1:
            self.apart, self.steps = towards - away, 1
        return torch.lerp(away, towards, guidance.scale)

    def _both(self, latents: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """The velocities towards the prompt and towards the negative prompt."""
        if self.guidance.batched:
            towards, away = self._ask(latents, sigma, "both").split(1)
            return towards, away
        return self._ask(latents, sigma, "towards"), self._ask(latents, sigma, "away")

    def _ask(self, latents: Tensor, sigma: Tensor, way: str) -> Tensor:
        kind = CACHES.get(self.guidance.cache) if self.level <= self.guidance.calm else None
        if kind and way not in self.walks:
            self.walks[way] = cast("Walk", kind(self.guidance.threshold))
        if (sigma == sigma[:, :1]).all():  # one level for all frames is computed once
            sigma = sigma[:, :1]
        text = self.text[WAYS[way]]
        latents = latents.expand(len(text), -1, -1, -1, -1)
        return self.network(latents, sigma, text, walk=self.walks.get(way)).float()
