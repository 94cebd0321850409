"""The layers of Wan's video autoencoders, which look back in time and never ahead.

Modules carry the names of the published weights, so that a file's keys are the network's keys.
"""

from collections.abc import Callable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

State = tuple[Tensor, ...]


class Context:
    """The last frames that each layer saw of the pieces before, in the order the layers run.

    Args:
        before: what `state` gave after the piece before; None for the first piece of a clip.
    """

    def __init__(self, before: State | None) -> None:
        self.first = before is None
        self._before = iter(before or ())
        self._after: list[Tensor] = []

    @property
    def state(self) -> State:
        """What the next piece needs, once every layer has run."""
        return tuple(self._after)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The clip's first frame, which has steps of its own, and the others of this piece."""
        alone = int(self.first)
        return x[:, :, :alone], x[:, :, alone:]

    def extend(self, x: Tensor, frames: int, start: Tensor | None = None) -> Tensor:
        """(B, C, T, h, w) to (B, C, frames + T, h, w), and keeps the last frames for next time.

        Before a clip are zeros, or `start`, (B, C, frames, h, w).
        """
        if self.first:
            zeros = x.new_zeros(*x.shape[:2], frames, *x.shape[3:])
            past = zeros if start is None else start
        else:
            past = next(self._before).to(x)
        x = torch.cat([past, x], 2)
        self._after.append(x[:, :, -frames:].clone())  # a view would hold the whole piece
        return x


class Causal(nn.Module):
    """A layer of (B, C, T, h, w) that also takes the context."""


class CausalConv3d(nn.Conv3d, Causal):
    """A convolution of size 3 whose time ends at the frame itself."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__(inside, outside, 3, padding=(0, 1, 1))

    def forward(self, x: Tensor, context: Context) -> Tensor:  # type: ignore[override]
        """(B, C, T, h, w) to (B, C', T, h, w)."""
        return super().forward(context.extend(x, 2))


class CausalSequential(nn.Sequential, Causal):
    """Layers one after another, the causal ones with the context."""

    def forward(self, x: Tensor, context: Context) -> Tensor:  # type: ignore[override]
        """(B, C, T, h, w) through all layers."""
        for layer in self:
            x = layer(x, context) if isinstance(layer, Causal) else layer(x)
        return x


class RMSNorm(nn.Module):
    """Scales the channels of each pixel to a root mean square of one, then by `gamma`."""

    def __init__(self, channels: int, dims: int = 3) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels, *[1] * dims))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, …) to the same, the norm taken in float32."""
        unit = F.normalize(x.float(), dim=1).to(x.dtype)
        return cast("Tensor", unit * x.shape[1] ** 0.5 * self.gamma)


class Residual(Causal):
    """Two causal convolutions beside a straight path."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.residual = CausalSequential(
            RMSNorm(inside),
            nn.SiLU(),
            CausalConv3d(inside, outside),
            RMSNorm(outside),
            nn.SiLU(),
            nn.Identity(),  # dropout in training; keeps the number of the next layer
            CausalConv3d(outside, outside),
        )
        same = inside == outside
        self.shortcut = nn.Identity() if same else nn.Conv3d(inside, outside, 1)

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """(B, C, T, h, w) to (B, C', T, h, w)."""
        return cast("Tensor", self.shortcut(x) + self.residual(x, context))


class Attention(nn.Module):
    """One head of attention among the pixels of each frame."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = RMSNorm(channels, dims=2)
        self.to_qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.proj = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, h, w) to the same."""
        return x + by_frame(self._attend, x)

    def _attend(self, x: Tensor) -> Tensor:
        qkv = self.to_qkv(self.norm(x)).flatten(2).transpose(1, 2)  # N h·w 3·C
        q, k, v = qkv[:, None].chunk(3, -1)  # N 1 h·w C
        y = F.scaled_dot_product_attention(q, k, v)[:, 0]
        return cast("Tensor", self.proj(y.transpose(1, 2).reshape(x.shape)))


class Downsample(Causal):
    """Halves the size, and the frame rate too if `time`; the clip's first frame stays one."""

    def __init__(self, channels: int, time: bool) -> None:
        super().__init__()
        conv = nn.Conv2d(channels, channels, 3, stride=2)
        self.resample = nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), conv)
        self.time_conv = (
            nn.Conv3d(channels, channels, (3, 1, 1), stride=(2, 1, 1)) if time else None
        )

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """(B, C, T, h, w) to (B, C, T/2 or T, h/2, w/2); T is (T + 1)/2 in the first piece."""
        x = by_frame(self.resample, x)
        if self.time_conv is None:
            return x
        first, rest = context.split(x)
        both = context.extend(rest, 1, first)
        return torch.cat([first, self.time_conv(both)], 2) if rest.shape[2] else first


class Upsample(Causal):
    """Doubles the size, and the frame rate too if `time`; the clip's first frame stays one."""

    def __init__(self, inside: int, outside: int, time: bool) -> None:
        super().__init__()
        conv = nn.Conv2d(inside, outside, 3, padding=1)
        self.resample = nn.Sequential(nn.Upsample(scale_factor=2, mode="nearest-exact"), conv)
        self.time_conv = nn.Conv3d(inside, 2 * inside, (3, 1, 1)) if time else None

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """(B, C, T, h, w) to (B, C', 2·T or T, 2·h, 2·w); one frame less in the first piece."""
        if self.time_conv is not None:
            first, rest = context.split(x)
            both = context.extend(rest, 2)  # to the doubling, the first frame is not there
            x = first
            if rest.shape[2]:
                pairs = self.time_conv(both).unflatten(1, (2, -1))  # B 2 C T h w
                x = torch.cat([first, pairs.permute(0, 2, 3, 1, 4, 5).flatten(2, 3)], 2)
        return by_frame(self.resample, x)


class DownStage(Causal):
    """Residuals and a downsampling beside an average over the same pixels (Wan 2.2)."""

    def __init__(self, layers: list[nn.Module], outside: int, time: int, space: int) -> None:
        super().__init__()
        self.downsamples = CausalSequential(*layers)
        self.shape = (outside, time, space)

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """(B, C, T, h, w) to (B, C', T/time, h/space, w/space)."""
        return cast("Tensor", self.downsamples(x, context) + average_down(x, *self.shape))


class UpStage(Causal):
    """Residuals and an upsampling beside copies of the same pixels (Wan 2.2)."""

    def __init__(self, layers: list[nn.Module], outside: int, time: int, space: int) -> None:
        super().__init__()
        self.upsamples = CausalSequential(*layers)
        self.shape = (outside, time, space)

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """(B, C, T, h, w) to (B, C', time·T, space·h, space·w)."""
        y = cast("Tensor", self.upsamples(x, context))
        if self.shape[2] == 1:  # the last stage, which has no copies
            return y
        copies = duplicate_up(x, *self.shape)
        return y + copies[:, :, -y.shape[2] :]  # a clip's first frame is one: its copy falls


def average_down(x: Tensor, channels: int, time: int, space: int) -> Tensor:
    """(B, C, T, h, w) to (B, channels, T/time, h/space, w/space), each an average of neighbours.

    An odd first frame is paired with zeros.
    """
    x = F.pad(x, (0, 0, 0, 0, -x.shape[2] % time, 0))
    x = x.unflatten(4, (-1, space)).unflatten(3, (-1, space)).unflatten(2, (-1, time))
    x = x.permute(0, 1, 3, 5, 7, 2, 4, 6).flatten(1, 4)  # B C·time·space² T/time h/space w/space
    return cast("Tensor", x.unflatten(1, (channels, -1)).mean(2))


def duplicate_up(x: Tensor, channels: int, time: int, space: int) -> Tensor:
    """(B, C, T, h, w) to (B, channels, time·T, space·h, space·w), each value copied to all."""
    x = x.repeat_interleave(channels * time * space**2 // x.shape[1], 1)
    x = x.unflatten(1, (channels, time, space, space))  # B C time space space T h w
    return x.permute(0, 1, 5, 2, 6, 3, 7, 4).flatten(6, 7).flatten(4, 5).flatten(2, 3)


def patchify(x: Tensor, size: int) -> Tensor:
    """(B, C, T, H, W) to (B, C·size², T, H/size, W/size), columns before rows as in the weights."""
    x = x.unflatten(4, (-1, size)).unflatten(3, (-1, size))  # B C T h rows w columns
    return x.permute(0, 1, 6, 4, 2, 3, 5).flatten(1, 3)


def unpatchify(x: Tensor, size: int) -> Tensor:
    """The way back from `patchify`."""
    x = x.unflatten(1, (-1, size, size))  # B C columns rows T h w
    return x.permute(0, 1, 4, 5, 3, 6, 2).flatten(5, 6).flatten(3, 4)


def by_frame(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply a function of pictures (N, C, h, w) to each frame of (B, C, T, h, w)."""
    B = x.shape[0]
    y = function(x.transpose(1, 2).flatten(0, 1))  # B·T C h w
    return cast("Tensor", y.unflatten(0, (B, -1)).transpose(1, 2))
