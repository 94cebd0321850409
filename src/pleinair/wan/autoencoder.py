"""Wan's causal video autoencoders: 4 frames of 8 × 8 (2.1) or 16 × 16 (2.2) pixels to a latent.

The networks of "Wan: Open and Advanced Large-Scale Video Generative Models"
(https://arxiv.org/abs/2503.20314), with the module names of the published weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from pleinair.errors import InputError
from pleinair.wan.autoencoder_blocks import (
    Attention,
    CausalConv3d,
    CausalSequential,
    Context,
    Downsample,
    DownStage,
    Residual,
    RMSNorm,
    State,
    Upsample,
    UpStage,
    patchify,
    unpatchify,
)
from pleinair.wan.tiling import decode_tiles


@dataclass(frozen=True)
class WanAutoencoderConfig:
    """Sizes of an autoencoder, and the statistics of its latents.

    Attributes:
        dim: width of the encoder at the full size.
        decoder_dim: width of the decoder at the full size.
        channels: numbers in one latent.
        multipliers: of the width, one a stage; between two stages the size halves.
        blocks: residual blocks in a stage of the encoder; the decoder has one more.
        temporal: at which of the halvings the frame rate halves too.
        patch: pixels of a side that are folded into channels before the first layer.
        residual: stages have averaging and copying shortcuts, as in Wan 2.2.
        mean: of each channel of the latents.
        std: of each channel of the latents.
    """

    dim: int
    decoder_dim: int
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    multipliers: tuple[int, ...] = (1, 2, 4, 4)
    blocks: int = 2
    temporal: tuple[bool, ...] = (False, True, True)
    patch: int = 1
    residual: bool = False

    @property
    def spatial_factor(self) -> int:
        """Pixels of a side to one latent."""
        return int(self.patch * 2 ** (len(self.multipliers) - 1))

    @property
    def temporal_factor(self) -> int:
        """Frames to one latent."""
        return int(2 ** sum(self.temporal))


# fmt: off
WAN21 = WanAutoencoderConfig(
    dim=96,
    decoder_dim=96,
    channels=16,
    mean=(-0.7571, -0.7089, -0.9113, 0.1075, -0.1745, 0.9653, -0.1517, 1.5508,
          0.4134, -0.0715, 0.5517, -0.3632, -0.1922, -0.9497, 0.2503, -0.2921),
    std=(2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743,
         3.2687, 2.1526, 2.8652, 1.5579, 1.6382, 1.1253, 2.8251, 1.9160),
)

WAN22 = WanAutoencoderConfig(
    dim=160,
    decoder_dim=256,
    channels=48,
    patch=2,
    residual=True,
    mean=(-0.2289, -0.0052, -0.1323, -0.2339, -0.2799, 0.0174, 0.1838, 0.1557,
          -0.1382, 0.0542, 0.2813, 0.0891, 0.1570, -0.0098, 0.0375, -0.1825,
          -0.2246, -0.1207, -0.0698, 0.5109, 0.2665, -0.2108, -0.2158, 0.2502,
          -0.2055, -0.0322, 0.1109, 0.1567, -0.0729, 0.0899, -0.2799, -0.1230,
          -0.0313, -0.1649, 0.0117, 0.0723, -0.2839, -0.2083, -0.0520, 0.3748,
          0.0152, 0.1957, 0.1433, -0.2944, 0.3573, -0.0548, -0.1681, -0.0667),
    std=(0.4765, 1.0364, 0.4514, 1.1677, 0.5313, 0.4990, 0.4818, 0.5013,
         0.8158, 1.0344, 0.5894, 1.0901, 0.6885, 0.6165, 0.8454, 0.4978,
         0.5759, 0.3523, 0.7135, 0.6804, 0.5833, 1.4146, 0.8986, 0.5659,
         0.7069, 0.5338, 0.4889, 0.4917, 0.4069, 0.4999, 0.6866, 0.4093,
         0.5709, 0.6065, 0.6415, 0.4944, 0.5726, 1.2042, 0.5458, 1.6887,
         0.3971, 1.0600, 0.3943, 0.5537, 0.5444, 0.4089, 0.7468, 0.7744),
)
# fmt: on


class Encoder(nn.Module):
    """Video to the mean and log variance of latents, before the last mixing."""

    def __init__(self, config: WanAutoencoderConfig) -> None:
        super().__init__()
        c = config
        widths = [c.dim * m for m in (1, *c.multipliers)]
        stages: list[nn.Module] = []
        for i, (inside, outside) in enumerate(pairwise(widths)):
            layers: list[nn.Module] = [Residual(inside, outside)]
            layers += [Residual(outside, outside) for _ in range(c.blocks - 1)]
            halves, time = i < len(c.temporal), i < len(c.temporal) and c.temporal[i]
            if halves:
                layers.append(Downsample(outside, time))
            if c.residual:
                layers = [DownStage(layers, outside, 1 + time, 1 + halves)]
            stages += layers
        self.conv1 = CausalConv3d(3 * c.patch**2, widths[0])
        self.downsamples = CausalSequential(*stages)
        self.middle = _middle(widths[-1])
        self.head = _head(widths[-1], 2 * c.channels)

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """(B, 3·patch², T, H/patch, W/patch) to (B, 2·C, F, h, w)."""
        x = self.conv1(x, context)
        x = self.downsamples(x, context)
        x = self.middle(x, context)
        return cast("Tensor", self.head(x, context))


class Decoder(nn.Module):
    """Latents to video."""

    def __init__(self, config: WanAutoencoderConfig) -> None:
        super().__init__()
        c = config
        widths = [c.decoder_dim * m for m in (c.multipliers[-1], *reversed(c.multipliers))]
        temporal = c.temporal[::-1]
        stages: list[nn.Module] = []
        inside = widths[0]
        for i, outside in enumerate(widths[1:]):
            layers: list[nn.Module] = [Residual(inside, outside)]
            layers += [Residual(outside, outside) for _ in range(c.blocks)]
            doubles, time = i < len(temporal), i < len(temporal) and temporal[i]
            inside = outside if c.residual else outside // 2  # what the upsampling leaves
            if doubles:
                layers.append(Upsample(outside, inside, time))
            if c.residual:
                layers = [UpStage(layers, outside, 1 + time, 1 + doubles)]
            stages += layers
        self.conv1 = CausalConv3d(c.channels, widths[0])
        self.middle = _middle(widths[0])
        self.upsamples = CausalSequential(*stages)
        self.head = _head(widths[-1], 3 * c.patch**2)

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """(B, C, F, h, w) to (B, 3·patch², T, H/patch, W/patch)."""
        x = self.conv1(x, context)
        x = self.middle(x, context)
        x = self.upsamples(x, context)
        return cast("Tensor", self.head(x, context))


class WanAutoencoder(nn.Module):
    """Video to normalised latents and back.

    The first latent is one frame and every later one is four (`temporal_factor`); nothing
    depends on a later frame. So one picture is a clip of one frame, and a clip can be decoded
    while it is being made.

    Args:
        config: its sizes.
        piece: latent frames that run through the network at once; fewer take less memory.
    """

    def __init__(self, config: WanAutoencoderConfig, piece: int = 4) -> None:
        super().__init__()
        self.config = config
        self.piece = piece
        self.encoder = Encoder(config)
        self.conv1 = nn.Conv3d(2 * config.channels, 2 * config.channels, 1)
        self.conv2 = nn.Conv3d(config.channels, config.channels, 1)
        self.decoder = Decoder(config)

    def encode(self, video: Tensor) -> Tensor:
        """Latents of about zero mean and unit spread, the mode of their distribution.

        Args:
            video: (B, 3, 1 + 4k, H, W) in [-1, 1], H and W multiples of `spatial_factor`.

        Returns:
            (B, C, 1 + k, h, w) of the video's dtype.

        Raises:
            InputError: for any other number of frames or size.
        """
        time, space = self.config.temporal_factor, self.config.spatial_factor
        frames, height, width = video.shape[2:]
        if frames % time != 1 % time:
            raise InputError("frames", frames, f"1 + {time}k: 1, {1 + time}, {1 + 2 * time}, …")
        if height % space or width % space:
            raise InputError("size", f"{width}x{height}", f"multiples of {space}")
        x = patchify(video.to(self.conv1.weight.dtype), self.config.patch)
        cuts = range(1 + time * (self.piece - 1), frames, time * self.piece)
        parts, state = [], None
        for part in x.tensor_split(list(cuts), 2):
            context = Context(state)
            moments = self.conv1(self.encoder(part, context))
            parts.append(moments[:, : self.config.channels])
            state = context.state
        plain = torch.cat(parts, 2).to(video.dtype)
        return (plain - _wide(self.config.mean, plain)) / _wide(self.config.std, plain)

    def decode(self, latents: Tensor) -> Tensor:
        """Video (B, 3, 1 + 4k, H, W) in [-1, 1] of normalised latents (B, C, 1 + k, h, w).

        Raises:
            InputError: the latents have another number of channels, or no frame.
        """
        parts, state = [], None
        for part in latents.split(self.piece, 2):
            video, state = self.decode_next(part, state)
            parts.append(video)
        return torch.cat(parts, 2)

    def decode_next(self, latents: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Decode the next latents of a clip that arrives in pieces.

        Args:
            latents: (B, C, F, h, w), the next F latent frames.
            state: what the call before returned; None for the first piece.

        Returns:
            The frames of these latents, (B, 3, 4·F, H, W), three fewer in the first piece, and
            the state for the next call. The pieces together equal `decode` of the whole.

        Raises:
            InputError: the latents have another number of channels, or no frame.
        """
        channels = self.config.channels
        if latents.ndim != 5 or latents.shape[1] != channels or not latents.shape[2]:
            allowed = f"(batch, {channels}, 1 or more frames, height, width)"
            raise InputError("latents", tuple(latents.shape), allowed)
        plain = latents * _wide(self.config.std, latents) + _wide(self.config.mean, latents)
        context = Context(state)
        x = self.decoder(self.conv2(plain.to(self.conv2.weight.dtype)), context)
        video = unpatchify(x, self.config.patch).clamp(-1, 1).to(latents.dtype)
        return video, context.state

    def decode_tiled(self, latents: Tensor, tile: int, overlap: int) -> Tensor:
        """`decode` in overlapping squares, blended linearly, for clips too large for the memory.

        Args:
            latents: (B, C, 1 + k, h, w).
            tile: side of a square, in latents.
            overlap: of two neighbours, in latents; more hides the seams better.

        Returns:
            (B, 3, 1 + 4k, H, W), close to `decode`, and equal to it if one tile holds everything.

        Raises:
            InputError: the tile is not positive, or the overlap is not smaller than it.
        """
        B, _, F, h, w = latents.shape
        scale = self.config.spatial_factor
        shape = (B, 3, 1 + self.config.temporal_factor * (F - 1), scale * h, scale * w)
        return decode_tiles(self.decode, latents, shape, tile, overlap)


def _middle(width: int) -> CausalSequential:
    return CausalSequential(Residual(width, width), Attention(width), Residual(width, width))


def _head(width: int, channels: int) -> CausalSequential:
    return CausalSequential(RMSNorm(width), nn.SiLU(), CausalConv3d(width, channels))


def _wide(values: Sequence[float], like: Tensor) -> Tensor:
    return like.new_tensor(values)[:, None, None, None]
