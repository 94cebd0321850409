"""The diffusion transformer: Wan's block layout, so that Wan's weights fit by configuration."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pleinair.dit.rope import rotate, rotations

LONG = 400 * 400  # queries times keys


@dataclass(frozen=True)
class TransformerConfig:
    """Sizes of a transformer.

    Attributes:
        channels: numbers in one latent that goes in.
        out_channels: numbers in one latent that comes out; None for as many as go in.
        patch: latent frames, rows and columns in one token.
        dim, layers, heads, hidden: width, depth, attention heads, width inside the feed-forward.
        text: width of the text encoder's output.
        image: width of an image encoder's output, which the tokens attend to besides the text, as
            in Wan 2.1 image-to-video; None for a model without one.
        frequencies: waves that describe the noise level.
        pooled_text: whether the mean of the text also joins the noise level. Wan has none of it;
            a small model learns to follow its text several times sooner.
        flow_map: whether it predicts the mean velocity on the way from one noise level to a lower
            one, with guidance built in, so that few evaluations are enough.
        eps: of every norm.
    """

    channels: int = 32
    out_channels: int | None = None
    patch: tuple[int, int, int] = (1, 1, 1)
    dim: int = 320
    layers: int = 8
    heads: int = 5
    hidden: int = 1280
    text: int = 256
    image: int | None = None
    frequencies: int = 256
    pooled_text: bool = True
    flow_map: bool = False
    eps: float = 1e-6

    @property
    def drawn(self) -> int:
        """Numbers in one latent that comes out."""
        return self.channels if self.out_channels is None else self.out_channels


@dataclass(frozen=True)
class Text:
    """What the blocks need of a text: it is the same at every step, so read it once.

    Attributes:
        keys: for each block the keys and values, each (B, M, heads, head); then those of a picture,
            if there is one.
        mask: (B, M), True where there is text, or what is added to the scores; None for all.
        pooled: what the text adds to the noise level, (B, D), or None.
    """

    keys: tuple[tuple[Tensor, ...], ...]
    mask: Tensor | None
    pooled: Tensor | None

    def __len__(self) -> int:
        return len(self.keys[0][0])

    def __getitem__(self, clips: slice) -> "Text":
        """The text of some of the clips."""
        return Text(
            tuple(tuple(part[clips] for part in parts) for parts in self.keys),
            None if self.mask is None else self.mask[clips],
            None if self.pooled is None else self.pooled[clips],
        )


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
        self.attend: Attend = attend

    def forward(self, x: Tensor, turns: Tensor) -> Tensor:
        """Tokens (B, N, D) that attend to each other, with turns (2, N, head / 2)."""
        q, k, v = self._project(x, "qkv")  # each B N D
        q, k = (
            rotate(self._split(self.norm_q(q)), turns),
            rotate(self._split(self.norm_k(k)), turns),
        )
        return cast("Tensor", self.o(self._mix(q, k, self._split(v), None)))

    def cross(self, x: Tensor, keys: tuple[Tensor, ...], mask: Tensor | None) -> Tensor:
        """Tokens (B, N, D) that attend to a text, whose keys and values `read` gave."""
        q = self._split(self.norm_q(self.q(x)))
        mixed = self._mix(q, keys[0], keys[1], mask)
        if len(keys) > 2:
            mixed = mixed + self._mix(q, keys[2], keys[3], None)
        return cast("Tensor", self.o(mixed))

    def read(self, text: Tensor) -> tuple[Tensor, ...]:
        """Keys and values, each (B, M, heads, head), of a text (B, M, D)."""
        k, v = self._project(text, "kv")
        return self._split(self.norm_k(k)), self._split(v)

    def _project(self, x: Tensor, names: str) -> Sequence[Tensor]:
        """Projections of one input: one product after `pleinair.dit.speed.fuse`."""
        if hasattr(self, names):
            return cast("Tensor", getattr(self, names)(x)).chunk(len(names), -1)
        return [getattr(self, name)(x) for name in names]

    def _split(self, x: Tensor) -> Tensor:
        return cast("Tensor", x.unflatten(-1, (self.heads, -1)))  # B N heads head

    def _mix(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        q, k, v = (part.to(v.dtype).transpose(1, 2) for part in (q, k, v))  # B heads N head
        return self.attend(q, k, v, mask).transpose(1, 2).flatten(2)  # B N D


class PictureAttention(Attention):
    """Attention to a text and, with the same queries, to a picture."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(config)
        self.k_img = nn.Linear(config.dim, config.dim)
        self.v_img = nn.Linear(config.dim, config.dim)
        self.norm_k_img = nn.RMSNorm(config.dim, eps=config.eps)

    def look(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values, each (B, P, heads, head), of a picture (B, P, D)."""
        return self._split(self.norm_k_img(self.k_img(picture))), self._split(self.v_img(picture))


class Block(nn.Module):
    """Self-attention, attention to the text, feed-forward."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        dim, eps = config.dim, config.eps
        self.norm1 = nn.LayerNorm(dim, eps, elementwise_affine=False)
        self.self_attn = Attention(config)
        self.norm3 = nn.LayerNorm(dim, eps)
        self.cross_attn = Attention(config) if config.image is None else PictureAttention(config)
        self.norm2 = nn.LayerNorm(dim, eps, elementwise_affine=False)
        self.ffn = nn.Sequential(
            nn.Linear(dim, config.hidden), nn.GELU("tanh"), nn.Linear(config.hidden, dim)
        )
        self.modulation = nn.Parameter(torch.randn(1, 6, dim) / dim**0.5)

    def read(self, text: Tensor, picture: Tensor | None) -> tuple[Tensor, ...]:
        """Keys and values of a text (B, M, D), then those of a picture (B, P, D)."""
        keys = self.cross_attn.read(text)
        if picture is None:
            return keys
        return *keys, *cast("PictureAttention", self.cross_attn).look(picture)

    def forward(
        self,
        x: Tensor,
        level: Tensor,
        turns: Tensor,
        text: tuple[Tensor, ...],
        mask: Tensor | None,
    ) -> Tensor:
        """Tokens x (B, F, S, D) of noise level (B, F or 1, 6, D), S tokens a frame, to the same."""
        frames = x.shape[1]
        shift, scale, gate, shift2, scale2, gate2 = (
            (self.modulation[:, None] + level).unsqueeze(3).unbind(2)  # each B F 1 D
        )
        h = modulate(self.norm1, x, shift, scale).flatten(1, 2)  # B F·S D
        x = torch.addcmul(x, gate, self.self_attn(h, turns).unflatten(1, (frames, -1)))
        h = self.norm3(x).flatten(1, 2)
        x = x + self.cross_attn.cross(h, text, mask).unflatten(1, (frames, -1))
        h = modulate(self.norm2, x, shift2, scale2)
        return torch.addcmul(x, gate2, cast("Tensor", self.ffn(h)))


class Head(nn.Module):
    """Tokens to the latents of their patch."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        dim = config.dim
        self.norm = nn.LayerNorm(dim, config.eps, elementwise_affine=False)
        self.head = nn.Linear(dim, math.prod(config.patch) * config.drawn)
        self.modulation = nn.Parameter(torch.randn(1, 2, dim) / dim**0.5)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """(B, F, S, D) and (B, F, D) to (B, F, S, patch · C)."""
        shift, scale = (self.modulation[:, None] + time[:, :, None]).unsqueeze(3).unbind(2)
        return cast("Tensor", self.head(modulate(self.norm, x, shift, scale)))


class PictureEmbedding(nn.Module):
    """What an image encoder saw, brought to the width of the tokens."""

    def __init__(self, image: int, dim: int) -> None:
        super().__init__()
        self.proj = nn.Sequential(
            nn.LayerNorm(image),
            nn.Linear(image, image),
            nn.GELU(),
            nn.Linear(image, dim),
            nn.LayerNorm(dim),
        )

    def forward(self, picture: Tensor) -> Tensor:
        """(B, P, image) to (B, P, D)."""
        return cast("Tensor", self.proj(picture))


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
        if config.image is not None:
            self.img_emb = PictureEmbedding(config.image, dim)
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
        context: "Tensor | Text",
        context_mask: Tensor | None = None,
        *,
        until: Tensor | None = None,
        walk: "Walk | None" = None,
    ) -> Tensor:
        """Velocity (B, C, F, h, w) of latents at noise levels.

        Args:
            latents: (B, C, F, h, w), ``(1 - sigma) · clean + sigma · noise``, and behind them what
                else the model is shown of each latent.
            sigma: (B, F) in [0, 1], the noise level of each latent frame; 0 for given frames. Or
                (B, 1), where all frames share one.
            context: (B, L, text), the text encoder's output, or what `read` made of it.
            context_mask: (B, L), True where there is text; None when all of it is.
            until: (B, F), lower noise levels: the velocity is the mean on the way there. Only of a
                flow map; None for the velocity at sigma itself.
            walk: how the tokens go through the blocks; None for one after another.
        """
        text = context if isinstance(context, Text) else self.read(context, context_mask)
        x = self.patch_embedding(latents)  # B D F h w
        F_, h, w = x.shape[2:]
        x = x.flatten(3).permute(0, 2, 3, 1).float()  # B F S D
        time = self.time_embedding(waves(sigma * 1000, self.config.frequencies))  # B F D
        time = time[:, :: self.config.patch[0]]
        if text.pooled is not None:
            time = time + text.pooled[:, None]
        if self.config.flow_map:
            span = sigma - (sigma if until is None else until)
            time = time + self.span_embedding(waves(span * 1000, self.config.frequencies))
        level = self.time_projection(time).unflatten(-1, (6, -1)).float()  # B F 6 D
        head = self.config.dim // self.config.heads
        turns = rotations(F_, h, w, head, device=latents.device)
        x = (walk or in_turn)(self.blocks, x, level, turns, text)
        velocity: Tensor = self.head(x, time).unflatten(2, (h, w))  # B F h w patch·C
        return self._unpatch(velocity)

    def read(
        self, context: Tensor, mask: Tensor | None = None, picture: Tensor | None = None
    ) -> Text:
        """What the blocks need of a text (B, L, text), masked (B, L); a picture (B, P, image)."""
        text = self.text_embedding(context)  # B L D
        seen = None if picture is None else self.img_emb(picture)  # B P D
        keys = tuple(cast("Block", block).read(text, seen) for block in self.blocks)
        if not self.config.pooled_text:
            return Text(keys, mask, None)
        return Text(keys, mask, self.pooled_embedding(pooled(text, mask)))

    def _unpatch(self, x: Tensor) -> Tensor:
        """(B, F, h, w, patch · C) to (B, C, F · p, h · q, w · r)."""
        x = x.unflatten(-1, (*self.config.patch, self.config.drawn))  # B F h w p q r C
        x = x.permute(0, 7, 1, 4, 2, 5, 3, 6)  # B C F p h q w r
        return x.flatten(6, 7).flatten(4, 5).flatten(2, 3)


Attend = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]

Walk = Callable[[nn.ModuleList, Tensor, Tensor, Tensor, Text], Tensor]
"""Tokens (B, F, S, D) through the blocks, given the level, the turns and the text."""


def in_turn(
    blocks: Iterable[nn.Module], x: Tensor, level: Tensor, turns: Tensor, text: Text
) -> Tensor:
    """Tokens (B, F, S, D) through one block after another."""
    for block, keys in zip(blocks, text.keys, strict=True):
        x = block(x, level, turns, keys, text.mask)
    return x


def modulate(norm: nn.LayerNorm, x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """``norm(x) · (1 + scale) + shift`` of x (B, F, S, D), the others (B, F or 1, 1, D)."""
    if shift.numel() == shift.shape[-1]:  # one level for all: one pass over the tokens
        return F.layer_norm(
            x, norm.normalized_shape, 1 + scale.flatten(), shift.flatten(), norm.eps
        )
    return torch.addcmul(shift, norm(x), 1 + scale)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Attention over (B, heads, N, head); a mask (B, M) hides keys or is added to their scores.

    On a CPU the three products are written out for a short clip: at a few hundred tokens they take
    half the time of torch's fused kernel, forwards and backwards. From `LONG` on it is faster.
    """
    if mask is not None:
        mask = mask[:, None, None]
        mask = mask if mask.dtype == torch.bool else mask.to(q.dtype)
    if q.device.type != "cpu" or q.shape[2] * k.shape[2] > LONG:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    with torch.autocast("cpu", enabled=False):  # it would do the softmax in float32
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
        if mask is not None:
            hidden = mask.dtype == torch.bool
            scores = scores.masked_fill(~mask, float("-inf")) if hidden else scores + mask
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
