"""Fields: smooth noise by table, soft edges and the few functions every layer is made of.

Tables are made once from a fixed seed, so a lookup gives the same number on every machine.
"""

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

_SIZE = 512


def mix(a: Tensor, b: Tensor, amount: Tensor) -> Tensor:
    """From ``a`` (amount 0) to ``b`` (amount 1)."""
    return torch.addcmul(a, b - a, amount)


def step(low: float, high: float, x: Tensor) -> Tensor:
    """Smooth step from 0 at ``low`` to 1 at ``high``; falls when ``low`` > ``high``."""
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def cover(distance: Tensor, width: Tensor) -> Tensor:
    """Coverage of a pixel of ``width`` by a shape at signed ``distance`` (negative inside)."""
    return (0.5 - distance / width).clamp(0, 1)


@cache
def _texture(power: float, device: torch.device) -> Tensor:
    """A tileable texture with amplitude falling as frequency**-power, uniform in [0, 1]."""
    generator = torch.Generator().manual_seed(20260924)
    frequency = torch.fft.fftfreq(_SIZE, 1 / _SIZE)
    radius = (frequency[:, None] ** 2 + frequency[None] ** 2).sqrt()
    amplitude = torch.where(radius >= 4, radius.clamp(min=1) ** -power, 0.0)
    amplitude[radius > _SIZE / 5] = 0
    phase = torch.rand(_SIZE, _SIZE, generator=generator) * 2 * torch.pi
    wave = torch.fft.ifft2(torch.polar(amplitude, phase)).real
    wave = 0.5 + 0.5 * torch.erf(wave / wave.std() / 2**0.5)
    tiled = F.pad(wave[None, None], (0, 1, 0, 1), mode="circular")
    return tiled.to(device)


def noise(u: Tensor, v: Tensor, power: float = 1.8) -> Tensor:
    """Noise in [0, 1] at ``u``, ``v`` (B, 1, T, H, W); one tile is 1 wide, features about 1/8.

    ``power`` 1.2 is rough (rock), 1.8 cloudy, 2.6 smooth.
    """
    batch, _, frames, height, width = (u + v).shape
    shape = (batch, 1, frames, height, width)
    grid = torch.stack(((u - u.floor()).expand(shape), (v - v.floor()).expand(shape)), -1)
    grid = grid.mul_(2).sub_(1)
    grid = grid.view(batch, frames * height, width, 2)
    table = _texture(power, u.device).expand(batch, -1, -1, -1)
    return F.grid_sample(table, grid, align_corners=True).view(batch, 1, frames, height, width)


@cache
def _profile(device: torch.device) -> Tensor:
    """Four tileable lines in [0, 1]: smooth hills, hills, mountains, jagged."""
    generator = torch.Generator().manual_seed(7)
    frequency = torch.fft.rfftfreq(1024, 1 / 1024)
    lines = []
    for power in (2.4, 1.9, 1.45, 1.1):
        amplitude = torch.where(frequency >= 3, frequency.clamp(min=1) ** -power, 0.0)
        phase = torch.rand(len(frequency), generator=generator) * 2 * torch.pi
        line = torch.fft.irfft(torch.polar(amplitude, phase))
        lines.append((line - line.min()) / (line.max() - line.min()))
    return torch.stack(lines).to(device)


def profile(x: Tensor, kind: int) -> Tensor:
    """Height in [0, 1] of a skyline at ``x`` (any shape); one turn is 1 wide."""
    line = _profile(x.device)[kind]
    place = (x - x.floor()) * 1024
    low = place.floor()
    index = low.long() % 1024
    return torch.lerp(line[index], line[(index + 1) % 1024], place - low)


@cache
def _dice(device: torch.device) -> Tensor:
    return torch.rand(4, 4096, generator=torch.Generator().manual_seed(11)).to(device)


def dice(cell: Tensor, which: int) -> Tensor:
    """A random number in [0, 1) for each integer ``cell``; ``which`` (0 to 3) picks the series."""
    return _dice(cell.device)[which][(cell.long() * 131) % 4096]
