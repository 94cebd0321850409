"""A causal video autoencoder: 16 × 16 pixels and 4 frames to one latent of 32 numbers."""

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pleinair.errors import InputError

SPATIAL = 16
TEMPORAL = 4
DECODED_AFTER = 2
"""Latent frames before it on which the frames of a latent depend, one for each `LookBack`."""


@dataclass(frozen=True)
class AutoencoderConfig:
    """Sizes of an autoencoder.

    Attributes:
        channels: numbers in one latent.
        quarter, eighth: widths at a quarter and an eighth of the size, frame by frame.
        group: width at an eighth, where four frames are one group.
        latent: width at a sixteenth, where groups see the group before them.
        half: width of the last step of the decoder, which draws fine edges at half the size.
    """

    channels: int = 32
    quarter: int = 96
    eighth: int = 128
    group: int = 160
    latent: int = 192
    half: int = 32


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of each pixel, (N, C, h, w).

    Nothing is shared between pixels or frames, so that a clip decoded in pieces is the same clip;
    in channels-last memory it is a plain layer norm, 1.3 times as fast on a CPU as group norm.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) to (N, C, h, w)."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Residual(nn.Module):
    """Two 3 × 3 convolutions beside a straight path."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(width)
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) to (N, C, h, w)."""
        return x + cast("Tensor", self.second(F.silu(self.first(F.silu(self.norm(x))))))


class LookBack(nn.Module):
    """Lets each group of frames see the group before it, and none after it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(width)
        self.mix = nn.Conv2d(2 * width, width, 3, padding=1)

    def forward(self, x: Tensor, groups: int, before: Tensor | None) -> tuple[Tensor, Tensor]:
        """(B·G, C, h, w) and what the last call kept, (B, C, h, w), to the same two."""
        h = F.silu(self.norm(x)).unflatten(0, (-1, groups))  # B G C h w
        if before is None:
            before = torch.zeros_like(h[:, 0])
        past = torch.cat([before[:, None].to(h.dtype), h[:, :-1]], 1)
        both = _channels_last(torch.cat([h, past], 2).flatten(0, 1))
        return x + self.mix(both), h[:, -1]


class Encoder(nn.Module):
    """Video to latents, not yet normalised."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        c = config
        self.frames = nn.Sequential(
            nn.PixelUnshuffle(4),
            nn.Conv2d(3 * 16, c.quarter, 3, padding=1),
            Residual(c.quarter),
            nn.Conv2d(c.quarter, c.eighth, 3, stride=2, padding=1),
            Residual(c.eighth),
        )
        self.group = nn.Sequential(
            nn.Conv2d(TEMPORAL * c.eighth, c.group, 1),
            Residual(c.group),
            nn.Conv2d(c.group, c.latent, 3, stride=2, padding=1),
            Residual(c.latent),
        )
        self.back = LookBack(c.latent)
        self.out = nn.Sequential(Residual(c.latent), nn.Conv2d(c.latent, c.channels, 1))

    def forward(self, video: Tensor) -> Tensor:
        """(B, 3, T, H, W) to (B, C, G, H/16, W/16), G = (T + 3) / 4."""
        B, _, T, _, _ = video.shape
        x = self.frames(_channels_last(video.transpose(1, 2).flatten(0, 1)))  # B·T C H/8 W/8
        x = x.unflatten(0, (B, T))
        x = torch.cat([x[:, :1].expand(-1, TEMPORAL - 1, -1, -1, -1), x], 1)  # frame 0 four times
        x = x.unflatten(1, (-1, TEMPORAL)).flatten(2, 3)  # B G 4·C H/8 W/8
        groups = x.shape[1]
        x = self.group(_channels_last(x.flatten(0, 1)))  # B·G C H/16 W/16
        x, _ = self.back(x, groups, None)
        return cast("Tensor", self.out(x).unflatten(0, (B, groups)).transpose(1, 2))


class Decoder(nn.Module):
    """Latents, no longer normalised, to video."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        c = config
        self.into = nn.Sequential(nn.Conv2d(c.channels, c.latent, 1), Residual(c.latent))
        self.backs = nn.ModuleList([LookBack(c.latent), LookBack(c.latent)])
        self.between = Residual(c.latent)
        self.group = nn.Sequential(
            nn.Conv2d(c.latent, 4 * c.group, 1),
            nn.PixelShuffle(2),
            Residual(c.group),
            nn.Conv2d(c.group, TEMPORAL * c.eighth, 1),
        )
        self.frames = nn.Sequential(
            Residual(c.eighth),
            nn.Conv2d(c.eighth, 4 * c.quarter, 1),
            nn.PixelShuffle(2),
            Residual(c.quarter),
            nn.Conv2d(c.quarter, 4 * c.half, 1),
            nn.PixelShuffle(2),
            Residual(c.half),
            nn.Conv2d(c.half, 3 * 4, 3, padding=1),
            nn.PixelShuffle(2),
        )

    def forward(
        self, latents: Tensor, state: tuple[Tensor, ...] | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """(B, C, G, h, w) and the state after the latents before them, to frames and state."""
        B, _, G, _, _ = latents.shape
        x = self.into(_channels_last(latents.transpose(1, 2).flatten(0, 1)))  # B·G C h w
        x, first = self.backs[0](x, G, state and state[0])
        x, second = self.backs[1](self.between(x), G, state and state[1])
        x = self.group(x).unflatten(0, (B, G))  # B G 4·C 2h 2w
        x = x.unflatten(2, (TEMPORAL, -1)).flatten(1, 2)  # B 4·G C 2h 2w
        if state is None:
            x = x[:, TEMPORAL - 1 :]  # the first group is one frame
        T = x.shape[1]
        x = self.frames(_channels_last(x.flatten(0, 1)))  # B·T 3 H W
        return x.unflatten(0, (B, T)).transpose(1, 2), (first, second)


class Autoencoder(nn.Module):
    """Video to latents and back.

    The first frame is a group of its own and every later group holds four frames; no group
    depends on a later one. So the latents of a shorter clip are the first latents of the longer
    one, one picture is a clip of one frame, and a clip can be decoded while it is being made.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.register_buffer("mean", torch.zeros(config.channels))
        self.register_buffer("std", torch.ones(config.channels))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # it can

    def encode(self, video: Tensor) -> Tensor:
        """Latents of zero mean and unit spread, (B, C, 1 + k, H/16, W/16).

        Args:
            video: (B, 3, 1 + 4k, H, W) in [-1, 1], H and W multiples of 16.

        Raises:
            InputError: for any other number of frames or size.
        """
        frames, height, width = video.shape[2:]
        if frames % TEMPORAL != 1:
            raise InputError("frames", frames, "1 + 4k: 1, 5, 9, 13, 17, …")
        if height % SPATIAL or width % SPATIAL:
            raise InputError("size", f"{width}x{height}", f"multiples of {SPATIAL}")
        latents = self.encoder(video)
        return cast("Tensor", (latents - _wide(self.mean)) / _wide(self.std))

    def decode(self, latents: Tensor) -> Tensor:
        """Video (B, 3, 1 + 4k, H, W), about [-1, 1], of latents (B, C, 1 + k, H/16, W/16)."""
        return self.decode_next(latents, None)[0]

    def decode_next(
        self, latents: Tensor, state: tuple[Tensor, ...] | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Decode the next latents of a clip that arrives in pieces.

        Args:
            latents: (B, C, G, H/16, W/16), the next G latent frames.
            state: what the call before returned; None for the first piece.

        Returns:
            The frames of these latents, (B, 3, 4·G, H, W), three fewer in the first piece, and
            the state for the next call. The pieces together equal `decode` of the whole.
        """
        plain = latents * _wide(self.std) + _wide(self.mean)
        return cast("tuple[Tensor, tuple[Tensor, ...]]", self.decoder(plain, state))

    @torch.no_grad()
    def normalise(self, latents: Tensor) -> None:
        """Set `mean` and `std` so that latents like these, from `encode`, come out normalised."""
        x = latents.float().transpose(0, 1).flatten(1)  # C, all the rest
        self.mean += self.std * x.mean(1)
        self.std *= x.std(1)


def _wide(values: Tensor) -> Tensor:
    return values[:, None, None, None]


def _channels_last(x: Tensor) -> Tensor:
    """The memory order in which a CPU's bf16 convolutions are two to three times as fast."""
    return x.contiguous(memory_format=torch.channels_last)
