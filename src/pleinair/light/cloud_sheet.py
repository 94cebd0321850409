"""Cirrus: ice that falls from high heads and is drawn out by the wind into fibres.

The layer is so thin that a table of its depth, seen straight from below, is all of it.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.atmosphere import EARTH_KM
from pleinair.light.cloud_light import ICE, Surroundings, phase
from pleinair.light.cloud_march import FAR_M, Gathered, reach
from pleinair.light.cloud_noise import PLAN, Plan, look, wrapped
from pleinair.light.seeds import generator
from pleinair.scenes.scene import Clouds

TILE_M = 32768.0
SIZE = 1024
LEVELS = 6
TAPS = 4
THICK = 0.6
"""Depth of thick cirrus, straight up."""


class Sheet:
    """A layer of cirrus as it may be at any time.

    Args:
        layer: of the scene's document.
        seed: of the scene; number: of the layer.
        along: rad, azimuth along which its fibres lie.
        device: where its tables live.
    """

    def __init__(
        self, layer: Clouds, seed: int, number: int, along: float, device: torch.device
    ) -> None:
        self.layer, self.tile, self.device = layer, TILE_M, device

        def plan(name: str, longest: float, slope: float, stretch: float, size: int) -> Plan:
            made = generator(seed, "clouds", name, number)
            turned = along + 0.35 * (float(torch.rand((), generator=made)) - 0.5)
            return Plan(
                made,
                longest=longest / TILE_M,
                slope=slope,
                shortest=6.5 / SIZE * math.sqrt(stretch),
                stretch=stretch,
                along=turned,
                lasts=3000,
                size=size,
            )

        self._heads = plan("heads", 12000, 1.6, 3.0, PLAN)
        self._bend = [plan(f"bend {axis}", 14000, 2.6, 1.0, PLAN // 2) for axis in "xz"]
        self._fibres = plan("fibres", 2600, 1.15, 30.0, SIZE)
        cover = min(max(layer.cover, 0.0), 1.0)
        part = torch.tensor(2 * min(max(cover, 1e-4), 0.97) - 1, dtype=torch.float64)
        self._threshold = -math.sqrt(2) * float(torch.erfinv(part))

    def at(self, seconds: float, lamp: float) -> "Veil":
        """The sheet at a time; the lamp stands at this sine of elevation."""
        bend = torch.stack([plan.at(seconds) for plan in self._bend]).to(self.device)
        heads = self._heads.at(seconds).to(self.device)
        fibres = wrapped(self._fibres.at(seconds).to(self.device)[None, None])
        fields = torch.cat((bend, F.avg_pool2d(heads[None], 2)))[None]
        fields = F.interpolate(
            F.pad(fields, (1,) * 4, mode="circular"), scale_factor=4.0, mode="bilinear"
        )[0, :, 4:-4, 4:-4]  # (3, SIZE, SIZE)
        turn = (torch.arange(SIZE, device=self.device) + 0.5) / SIZE
        z, x = torch.meshgrid(turn, turn, indexing="ij")
        bent = look(fibres, (x + 0.012 * fields[0]).flatten(), (z + 0.012 * fields[1]).flatten())[
            0
        ].view(SIZE, SIZE)
        rise = fields[2] - self._threshold
        body = (rise * 0.5 + 0.3).clamp_(0, 1.5)
        depth = (bent * 0.55 + rise * 0.35 + 0.25).clamp_(min=0).square_().mul_(body)
        depth = depth * (0.8 * THICK * self.layer.density)
        depth = depth.clamp_(max=3)
        through = torch.exp(F.avg_pool2d(depth[None, None], 8) * (-0.5 / max(abs(lamp), 0.1)))
        return Veil(self, depth, wrapped(through))


@dataclass(frozen=True)
class Veil:
    """A sheet at a moment.

    Attributes:
        sheet: the layer.
        depth: (SIZE, SIZE) optical depth straight up.
        passed: (1, 1, n + 2, n + 2) share of the lamp's light that leaves it, wrapped.
    """

    sheet: Sheet
    depth: Tensor
    passed: Tensor

    def seen(
        self, around: Surroundings, direction: Tensor, offset: tuple[float, float]
    ) -> Gathered:
        """Light and transmittance along rays; as `march`."""
        shape = direction.shape[1:]
        flat = direction.flatten(1)
        layer = self.sheet.layer
        up = flat[1].clamp(min=1e-3)
        middle = reach(layer.base_m + 0.5 * layer.thickness_m, up).clamp(max=3 * FAR_M)
        # a texel covers much more of the sheet along the ray than across: it is read there often
        across = _gap(direction, 2).flatten() * middle
        along = _gap(direction, 1).flatten() * middle / up
        level = torch.maximum(across, along * (1 / TAPS)) * (SIZE / self.sheet.tile)
        level = level.clamp_(min=1).log2_().clamp_(max=LEVELS - 1.001)
        depth = torch.zeros_like(up)
        for tap in range(TAPS):
            way = middle + along * ((tap + 0.5) / TAPS - 0.5)
            x = (flat[0] * way - offset[0]) / self.sheet.tile
            z = (flat[2] * way - offset[1]) / self.sheet.tile
            depth += self._look(x, z, level) * (1 / TAPS)
        # its way through the sheet is longer at a slant, as far as the Earth's curve allows
        curve = torch.sqrt(up * up + 2 * layer.base_m / (EARTH_KM * 1000))
        depth = depth / curve.clamp(min=0.12)
        through = torch.exp(-depth)
        cosine = around.direction @ flat
        light = phase(cosine, ICE.lobes) + ICE.diffuse / (4 * math.pi)
        lamp = around.lamp_at(flat[0] * middle, flat[2] * middle)
        sky = (0.5 * around.above + 0.35 * around.below)[:, None] / math.pi
        radiance = torch.addcmul(sky.expand_as(lamp), lamp, light).mul_(1 - through)
        return Gathered(radiance.view(3, *shape), through.view(shape), middle.view(shape))

    def _look(self, x: Tensor, z: Tensor, level: Tensor) -> Tensor:
        """Depth at places, in periods, filtered to a level, (P,)."""
        found = torch.zeros_like(x)
        table = self.depth[None, None]
        for index in range(LEVELS):
            share = (1 - (level - index).abs()).clamp_(min=0)
            some = share.nonzero()[:, 0]
            if some.numel():
                part = look(wrapped(table), x.index_select(0, some), z.index_select(0, some))[0]
                found.index_add_(0, some, part * share.index_select(0, some))
            table = F.avg_pool2d(table, 2)
        return found


def _gap(direction: Tensor, axis: int) -> Tensor:
    """Angle from texel to texel along an axis of a table of directions, (R, C) rad."""
    step = direction.diff(dim=axis).square().sum(0).sqrt()
    last = step.narrow(axis - 1, step.shape[axis - 1] - 1, 1)
    return torch.cat((step, last), axis - 1)
