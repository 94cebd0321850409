"""Grain of the ground below what its maps hold: one tile of noise, seen at the scale of a pixel.

Ground looks rough at every scale. The tile is laid at sizes that grow fourfold, and each place
shows the two whose texels are nearest to a fine pixel at its distance, faded into one another: so
there is grain near and far, and it sticks to the ground. What a coarser pixel cannot hold fades.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.seeds import generator
from pleinair.light.sky import Lamp

SIZE = 512
RATIO = 4
FINE = 1 / 1300
"""Radians across the pixel that the finest grain is meant for."""


class Detail:
    """A tile of noise lit by the lamp.

    Args:
        seed: of the scene.
        lamp: from where the relief is lit.
        device: where it lives.
    """

    def __init__(self, seed: int, lamp: Lamp, device: torch.device) -> None:
        made = generator(seed, "detail")
        line = torch.fft.fftfreq(SIZE) * SIZE
        wave = torch.hypot(line[:, None], line[None, : SIZE // 2 + 1].abs())
        band = torch.where(wave > 3, torch.exp(-((wave / (SIZE * 0.42)) ** 6)), 0.0)
        power = [band * wave.clamp(min=1).pow(-fade) for fade in (0.55, 1.4)]  # finer is rougher
        spectrum = [torch.fft.rfft2(torch.randn(SIZE, SIZE, generator=made)) * p for p in power]
        tone, height = (torch.fft.irfft2(part, s=(SIZE, SIZE)) for part in spectrum)
        tone, height = tone / tone.std(), height / height.std()
        east = torch.roll(height, -1, 1) - torch.roll(height, 1, 1)
        north = torch.roll(height, -1, 0) - torch.roll(height, 1, 0)
        x, _, z = lamp.direction.tolist()
        run = math.hypot(x, z) or 1.0
        relief = -(east * x + north * z) / run
        relief = relief / relief.std()
        values = torch.stack((tone, relief))[None].to(device)
        self.texture = F.pad(values, (1, 1, 1, 1), mode="circular")  # (1, 2, S + 2, S + 2)

    def look(self, x: Tensor, z: Tensor, height: Tensor, length: Tensor, pixel: float) -> Tensor:
        """Tone and relief, about −2 to 2 with mean 0, (2, P).

        Args:
            x, z: where on the ground, m.
            height: m; steep ground takes its grain from the height as well.
            length: from the eye, m.
            pixel: radians across a pixel.
        """
        scale = (length * FINE).clamp_(min=1e-3).log2_().mul_(1 / math.log2(RATIO))  # (P,)
        lower = scale.floor()
        share = scale.sub_(lower)  # 0: the finer one's texels are four pixels, 1: one pixel
        texel = lower.add_(1).mul_(math.log(RATIO)).exp_()  # m, of the finer tile
        skew = height * 0.37
        size = texel * SIZE
        u, v = (x + skew).div_(size), (z - skew * 0.6).div_(size)
        fine = self._at(u, v)
        coarse = self._at(u * (1 / RATIO) + 0.31, v * (1 / RATIO) + 0.77)
        even = torch.rsqrt(share * share + (1 - share).square_())  # as rough halfway as at the ends
        if pixel > FINE:
            held = texel.div_(length).mul_(1 / pixel)  # texels of the finer tile in a pixel
            fine.mul_(held.clamp(max=1))
            coarse.mul_(held.mul_(RATIO).clamp_(max=1))
        return fine.lerp_(coarse, share).mul_(even)

    def _at(self, u: Tensor, v: Tensor) -> Tensor:
        inside = 2 * SIZE / (SIZE + 2)
        grid = torch.stack((u - u.floor(), v - v.floor()), -1).sub_(0.5).mul_(inside)
        return F.grid_sample(self.texture, grid.view(1, 1, -1, 2), align_corners=False)[0, :, 0]
