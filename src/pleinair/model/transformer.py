"""The diffusion transformer: Wan's block layout, so that Wan's weights fit by configuration."""

import math
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pleinair.model.rope import rotate, rotations


@dataclass(frozen=True)
class TransformerConfig:
    """Sizes of a transformer.

    Attributes:
        channels: numbers in one latent.
        patch: latent frames, rows and columns in one token.
        dim, layers, heads, hidden: width, depth, attention heads, width inside the feed-forward.
        text: width of the text encoder's output.
        frequencies: waves that describe the noise level.
        pooled_text: whether the mean of the text also joins the noise level. Wan has none of it;
            a small model learns to follow its text several times sooner.
        flow_map: whether it predicts the mean velocity on the way from one noise level to a lower
            one, with guidance built in, so that few evaluations are enough.
        eps: of every norm.
    """

    channels: int = 32
    patch: tuple[int, int, int] = (1, 1, 1)
    dim: int = 320
    layers: int = 8
    heads: int = 5
    hidden: int = 1280
    text: int = 256
    frequencies: int = 256
    pooled_text: bool = True
    flow_map: bool = False
    eps: float = 1e-6


class Attention(nn.Module):
    """Attention whose queries and keys are normalised over the whole width."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        dim = config.dim
        self.heads = config.heads
        self.q = nn.Linear(dim, dim)
        self.k = nn.Linear(dim, dim)
        self.v = nn.Linear(dim, dim)
        self.o = nn.Linear(dim, dim)
        self.norm_q = nn.RMSNorm(dim, eps=config.eps)
        self.norm_k = nn.RMSNorm(dim, eps=config.eps)

    def forward(
        self, x: Tensor, source: Tensor, turns: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """(B, N, D) attends to (B, M, D); turns (2, N, head / 2), mask (B, M), to (B, N, D)."""
        v = self.v(source).unflatten(-1, (self.heads, -1))  # B M heads head
        q = self.norm_q(self.q(x)).unflatten(-1, (self.heads, -1))
        k = self.norm_k(self.k(source)).unflatten(-1, (self.heads, -1))
        if turns is not None:
            q, k = rotate(q, turns), rotate(k, turns)
        out = attend(
            q.to(v.dtype).transpose(1, 2), k.to(v.dtype).transpose(1, 2), v.transpose(1, 2), mask
        )
        return cast("Tensor", self.o(out.transpose(1, 2).flatten(2)))


class Block(nn.Module):
    """Self-attention, attention to the text, feed-forward."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        dim, eps = config.dim, config.eps
        self.norm1 = nn.LayerNorm(dim, eps, elementwise_affine=False)
        self.self_attn = Attention(config)
        self.norm3 = nn.LayerNorm(dim, eps)
        self.cross_attn = Attention(config)
        self.norm2 = nn.LayerNorm(dim, eps, elementwise_affine=False)
        self.ffn = nn.Sequential(
            nn.Linear(dim, config.hidden), nn.GELU("tanh"), nn.Linear(config.hidden, dim)
        )
        self.modulation = nn.Parameter(torch.randn(1, 6, dim) / dim**0.5)

    def forward(
        self, x: Tensor, level: Tensor, turns: Tensor, text: Tensor, mask: Tensor | None
    ) -> Tensor:
        """Tokens x (B, F, S, D) of noise level (B, F, 6, D), S tokens a frame, to the same."""
        frames = x.shape[1]
        shift, scale, gate, shift2, scale2, gate2 = (
            (self.modulation[:, None] + level).unsqueeze(3).unbind(2)  # each B F 1 D
        )
        h = (self.norm1(x) * (1 + scale) + shift).flatten(1, 2)  # B F·S D
        x = x + gate * self.self_attn(h, h, turns).unflatten(1, (frames, -1))
        h = self.norm3(x).flatten(1, 2)
        x = x + self.cross_attn(h, text, mask=mask).unflatten(1, (frames, -1))
        h = self.norm2(x) * (1 + scale2) + shift2
        return x + gate2 * cast("Tensor", self.ffn(h))


class Head(nn.Module):
    """Tokens to the latents of their patch."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        dim = config.dim
        self.norm = nn.LayerNorm(dim, config.eps, elementwise_affine=False)
        self.head = nn.Linear(dim, math.prod(config.patch) * config.channels)
        self.modulation = nn.Parameter(torch.randn(1, 2, dim) / dim**0.5)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """(B, F, S, D) and (B, F, D) to (B, F, S, patch · C)."""
        shift, scale = (self.modulation[:, None] + time[:, :, None]).unsqueeze(3).unbind(2)
        return cast("Tensor", self.head(self.norm(x) * (1 + scale) + shift))


class Transformer(nn.Module):
    """Predicts the velocity ``noise - clean`` of noisy latents.

    The layout and the names of the weights are those of Wan (arXiv 2503.20314); each latent frame
    has a noise level of its own, as in Wan 2.2 TI2V and diffusion forcing (arXiv 2407.01392).
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        dim, patch = config.dim, config.patch
        self.patch_embedding = nn.Conv3d(config.channels, dim, patch, stride=patch)
        self.text_embedding = nn.Sequential(
            nn.Linear(config.text, dim), nn.GELU("tanh"), nn.Linear(dim, dim)
        )
        self.time_embedding = nn.Sequential(
            nn.Linear(config.frequencies, dim), nn.SiLU(), nn.Linear(dim, dim)
        )
        self.time_projection = nn.Sequential(nn.SiLU(), nn.Linear(dim, 6 * dim))
        if config.pooled_text:
            self.pooled_embedding = nn.Linear(dim, dim)
        if config.flow_map:
            self.span_embedding = nn.Sequential(
                nn.Linear(config.frequencies, dim), nn.SiLU(), nn.Linear(dim, dim)
            )
            nn.init.zeros_(cast("Tensor", self.span_embedding[2].weight))
            nn.init.zeros_(cast("Tensor", self.span_embedding[2].bias))
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.head = Head(config)
        for layer in (self.time_embedding[0], self.time_embedding[2], self.time_projection[1]):
            nn.init.normal_(cast("Tensor", layer.weight), std=0.02)
        nn.init.zeros_(self.head.head.weight)
        nn.init.zeros_(self.head.head.bias)

    def forward(
        self,
        latents: Tensor,
        sigma: Tensor,
        context: Tensor,
        context_mask: Tensor | None = None,
        until: Tensor | None = None,
    ) -> Tensor:
        """Velocity (B, C, F, h, w) of latents at noise levels.

        Args:
            latents: (B, C, F, h, w), ``(1 - sigma) · clean + sigma · noise``.
            sigma: (B, F) in [0, 1], the noise level of each latent frame; 0 for given frames.
            context: (B, L, text), the text encoder's output.
            context_mask: (B, L), True where there is text; None when all of it is.
            until: (B, F), lower noise levels: the velocity is the mean on the way there. Only of a
                flow map; None for the velocity at sigma itself.
        """
        x = self.patch_embedding(latents)  # B D F h w
        F_, h, w = x.shape[2:]
        x = x.flatten(3).permute(0, 2, 3, 1).float()  # B F S D
        text = self.text_embedding(context)  # B L D
        time = self.time_embedding(waves(sigma * 1000, self.config.frequencies))  # B F D
        time = time[:, :: self.config.patch[0]]
        if self.config.pooled_text:
            time = time + self.pooled_embedding(pooled(text, context_mask))[:, None]
        if self.config.flow_map:
            span = sigma - (sigma if until is None else until)
            time = time + self.span_embedding(waves(span * 1000, self.config.frequencies))
        level = self.time_projection(time).unflatten(-1, (6, -1)).float()  # B F 6 D
        head = self.config.dim // self.config.heads
        turns = rotations(F_, h, w, head, device=latents.device)
        for block in self.blocks:
            x = block(x, level, turns, text, context_mask)
        velocity: Tensor = self.head(x, time).unflatten(2, (h, w))  # B F h w patch·C
        return self._unpatch(velocity)

    def _unpatch(self, x: Tensor) -> Tensor:
        """(B, F, h, w, patch · C) to (B, C, F · p, h · q, w · r)."""
        x = x.unflatten(-1, (*self.config.patch, self.config.channels))  # B F h w p q r C
        x = x.permute(0, 7, 1, 4, 2, 5, 3, 6)  # B C F p h q w r
        return x.flatten(6, 7).flatten(4, 5).flatten(2, 3)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Attention over (B, heads, N, head), keys masked by (B, M).

    On a CPU the three products are written out: at a few hundred tokens they take half the time
    of torch's fused kernel, forwards and backwards.
    """
    if mask is not None:
        mask = mask[:, None, None]
    if q.device.type != "cpu":
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    with torch.autocast("cpu", enabled=False):  # it would do the softmax in float32
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))
        mixed: Tensor = scores.softmax(-1) @ v
        return mixed


def waves(position: Tensor, count: int) -> Tensor:
    """Cosines, then sines, of a position (…) at `count` / 2 speeds, (…, count), float32."""
    half = torch.arange(count // 2, dtype=torch.float64, device=position.device)
    angles = position.double()[..., None] * 10_000 ** -(half / (count // 2))
    return torch.cat([angles.cos(), angles.sin()], -1).float()


def pooled(text: Tensor, mask: Tensor | None) -> Tensor:
    """The mean (B, D) of what is text in (B, L, D) under a mask (B, L); None for all of it."""
    if mask is None:
        return text.mean(1)
    share = mask / mask.sum(1, keepdim=True)  # B L
    return (text * share[..., None]).sum(1)
