"""Where the cloud of one layer is: its density at any place, and the light that reaches there.

A plan says how strongly the air rises; a cloud stands where it does so more than a threshold set
by the cover, and the higher the more it does. Billows carve the sides. All of it repeats in space,
so a coarse volume of one period holds the light for the whole sky: depth towards the lamp is
summed along it slice by slice.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.cloud_noise import BILLOWS, PLAN, Billows, Plan, look, wrapped
from pleinair.light.seeds import generator
from pleinair.scenes.scene import Clouds

CELLS = 256
"""Cells of the coarse volume along a side."""
TILE_M = 16384.0
"""Period of a layer whose `Kind.scale` is 1."""
BILLOW_M, CRUMB_M = 2048.0, 288.0
"""Periods of the billows at that scale."""
LOWEST = math.sin(math.radians(3))
"""A lamp lower than that lights the clouds as from there."""


@dataclass(frozen=True)
class Kind:
    """What makes one kind of cloud.

    Attributes:
        scale: of all its lengths across.
        slices: of the coarse volume.
        longest: m, size of its largest clouds and the gaps between them.
        slope: how fast smaller ones weaken; 1 is torn, 2.5 round.
        stretch: along the wind.
        flat: power of the share of clear sky that is left between their bases.
        taper: how much more the air must rise for a cloud twice as high.
        lump: how far large billows carve the sides, in deviations of the plan.
        crumb: the same of small ones.
        soft: over which the edge thickens, in the same unit.
        extinction: per m, where it is thick.
        foot: share of the height over which the base thickens.
        sag: how far the base hangs down under thick parts, as a share of the thickness.
        lasts: s, in which the largest are others.
    """

    scale: float = 1.0
    slices: int = 16
    longest: float = 4200.0
    slope: float = 2.2
    stretch: float = 1.0
    flat: float = 0.42
    taper: float = 1.8
    lump: float = 0.3
    crumb: float = 0.07
    soft: float = 0.12
    extinction: float = 0.055
    foot: float = 0.07
    sag: float = 0.0
    lasts: float = 900.0


KINDS = {
    "cumulus": Kind(),
    "stratus": Kind(
        longest=2200,
        slope=1.6,
        stretch=1.6,
        flat=1.0,
        taper=0.7,
        lump=0.3,
        crumb=0.06,
        soft=1.6,
        extinction=0.022,
        foot=0.3,
        sag=0.22,
        lasts=1500,
    ),
    "cirrus": Kind(
        scale=2,
        longest=6000,
        slope=1.5,
        stretch=5,
        flat=1.0,
        taper=0.7,
        lump=0.3,
        crumb=0.1,
        soft=1.5,
        extinction=0.0015,
        foot=0.3,
        sag=0.2,
        lasts=3000,
    ),
    "storm": Kind(
        scale=4,
        slices=24,
        longest=14000,
        slope=1.8,
        taper=1.0,
        lump=0.24,
        crumb=0.06,
        soft=0.2,
        extinction=0.022,
        foot=0.05,
        sag=0.06,
        lasts=2400,
    ),
}


class Field:
    """One layer as it may be at any time.

    Args:
        layer: of the scene's document.
        seed: of the scene; number: of the layer.
        along: rad, azimuth towards which the wind blows.
        device: where its tables live.
    """

    def __init__(
        self, layer: Clouds, seed: int, number: int, along: float, device: torch.device
    ) -> None:
        self.layer, self.kind = layer, KINDS[layer.kind]
        self.tile = TILE_M * self.kind.scale
        self.billows = Billows.of(seed, device)
        self.plan = Plan(
            generator(seed, "clouds", "plan", number),
            longest=self.kind.longest / self.tile,
            slope=self.kind.slope,
            shortest=0.006,
            stretch=self.kind.stretch,
            along=along,
            lasts=self.kind.lasts,
        )
        cover = min(max(layer.cover, 0.0), 1.0)
        flat = 1 - (1 - cover) ** self.kind.flat  # sides of tall clouds hide the sky as well
        part = torch.tensor(2 * min(max(flat, 1e-4), 0.995) - 1, dtype=torch.float64)
        self.threshold = -math.sqrt(2) * float(torch.erfinv(part))
        if cover > 0.95:  # a closed deck
            self.threshold -= (cover - 0.95) * 30
        self.device = device

    def at(self, seconds: float) -> "Density":
        """The layer at a time."""
        return Density(self, seconds)


class Density:
    """One layer at a moment; places are metres from where its period begins, before the wind.

    Args:
        field: the layer.
        seconds: scene time.
    """

    def __init__(self, field: Field, seconds: float) -> None:
        self.field, self.kind, self.layer = field, field.kind, field.layer
        self.base, self.thickness = field.layer.base_m, field.layer.thickness_m
        self.extinction = self.kind.extinction * field.layer.density
        excess = field.plan.at(seconds).to(field.device) - field.threshold  # (PLAN, PLAN)
        self._excess = wrapped(excess[None, None])
        rise = 1.2 * seconds  # caps well up within their clouds
        self._rise = (rise / BILLOW_M, rise / CRUMB_M)
        self._most = 2.4 * (self.kind.lump + self.kind.crumb) * (1 + self.kind.sag)
        self.volume = self._coarse(excess)  # (slices, CELLS, CELLS) extinction per m

    def at(self, x: Tensor, z: Tensor, height: Tensor, *, fine: bool = True) -> Tensor:
        """Density at places, 0 to 1, (P,).

        Args:
            x, z: (P,) m.
            height: (P,) above the base as a share of the thickness.
            fine: with the small billows.
        """
        tile = self.field.tile
        excess = look(self._excess, x / tile, z / tile)[0]
        # billows matter only near the edge of a cloud
        edge = self._edge(excess, height)
        near = ((edge > -self._most) & (edge < self.kind.soft + self._most)).nonzero()[:, 0]
        part = [values.index_select(0, near) for values in (x, z, height)]
        excess.index_add_(0, near, self._billows(*part, fine))
        return self._profile(excess, height)

    def _billows(self, x: Tensor, z: Tensor, height: Tensor, fine: bool) -> Tensor:
        """How far billows move the edge at places, (P,) in deviations of the plan."""
        kind, table = self.kind, self.field.billows
        y = height * (self.thickness / kind.scale)
        scale, up = 1 / (BILLOW_M * kind.scale), y / BILLOW_M - self._rise[0]
        moved = look(table.large, x * scale, z * scale, up)[0]
        moved *= self._carve(height).mul_(kind.lump)
        if fine:
            scale, up = 1 / (CRUMB_M * kind.scale), y / CRUMB_M - self._rise[1]
            moved.add_(look(table.small, x * scale, z * scale, up)[0], alpha=kind.crumb)
        return moved

    def _carve(self, height: Tensor) -> Tensor:
        """How much billows matter at a height: less at the base."""
        return (height * 4 + 0.35).clamp(0, 1)

    def _lifted(self, excess: Tensor, height: Tensor) -> Tensor:
        """Height above the base, which hangs down where the air rises."""
        if not self.kind.sag:
            return height
        return height + self.kind.sag * (excess.clamp(-1, 1.5) - 1)

    def _edge(self, excess: Tensor, height: Tensor) -> Tensor:
        """How far inside a cloud a place is, in deviations of the plan."""
        square = self._lifted(excess, height).square()
        taper = square / (1.04 - square).clamp_(min=0.02)
        return torch.add(excess, taper, alpha=-self.kind.taper)

    def _profile(self, excess: Tensor, height: Tensor) -> Tensor:
        """Density by how strongly the air rises and the height."""
        thick = self._edge(excess, height).mul_(1 / self.kind.soft).clamp_(0, 1)
        foot = (self._lifted(excess, height) * (1 / self.kind.foot)).clamp_(0, 1)
        return thick.mul_(foot).mul_(height < 1)

    def _coarse(self, excess: Tensor) -> Tensor:
        kind, slices = self.kind, self.kind.slices
        plan = F.avg_pool2d(excess[None], PLAN // CELLS)  # (1, CELLS, CELLS)
        height = (torch.arange(slices, device=excess.device) + 0.5) / slices
        table = self.field.billows.large[0, 0, 1:-1, 1:-1, 1:-1]
        times = int(self.field.tile / (BILLOW_M * kind.scale))
        each = BILLOWS * times // CELLS
        table = F.avg_pool3d(table[None], (1, each, each))[0]  # (BILLOWS, n, n)
        level = height * (self.thickness / kind.scale / BILLOW_M) - self._rise[0]
        level = (level - level.floor()) * BILLOWS - 0.5
        lower = level.floor()
        share = (level - lower)[:, None, None]
        index = lower.long()
        billow = torch.lerp(table[index % BILLOWS], table[(index + 1) % BILLOWS], share)
        billow = billow.repeat(1, times, times)
        height = height[:, None, None]
        return self._profile(
            plan + billow * self._carve(height) * kind.lump, height.expand(-1, 1, 1)
        ).mul_(self.extinction)

    @cached_property
    def occupied(self) -> Tensor:
        """Where there may be cloud, widened by a cell: (slices, CELLS, CELLS) bool."""
        some = self.volume > 0
        for axis in (1, 2):
            some = some | some.roll(1, axis) | some.roll(-1, axis)
        wide = some.clone()
        wide[1:] |= some[:-1]
        wide[:-1] |= some[1:]
        return wide

    def lit(self, lamp: tuple[float, float, float]) -> "Lit":
        """The light volume for a lamp in this direction."""
        return Lit(self, lamp)


class Lit:
    """Depth of cloud towards the lamp and towards the zenith, in one period of a layer.

    Args:
        density: the layer.
        lamp: unit direction.
    """

    def __init__(self, density: Density, lamp: tuple[float, float, float]) -> None:
        self.density = density
        volume = density.volume
        slices, cell = len(volume), density.field.tile / CELLS
        step = density.thickness / slices
        up = lamp[1] if abs(lamp[1]) > LOWEST else math.copysign(LOWEST, lamp[1] + 1e-9)
        flat = math.hypot(lamp[0], lamp[2])
        scale = math.sqrt(max(1 - up * up, 0.0)) / max(flat, 1e-6)
        self.direction = (lamp[0] * scale, up, lamp[2] * scale)
        length = step / abs(up)
        parts = max(
            1, math.ceil(length * max(abs(self.direction[0]), abs(self.direction[2])) / cell)
        )
        shift = [part * length / parts / cell for part in (self.direction[0], self.direction[2])]
        depth = torch.zeros_like(volume[0])
        towards = torch.empty_like(volume)
        done, moved = 0, (0, 0)
        order = range(slices - 1, -1, -1) if up > 0 else range(slices)
        for index in order:
            share = volume[index] * (length / parts)
            for part in range(parts):
                if part == (parts + 1) // 2:
                    towards[index] = depth
                done += 1
                to = (round(shift[0] * done), round(shift[1] * done))
                roll = (moved[1] - to[1], moved[0] - to[0])
                moved = to
                if roll != (0, 0):
                    depth = depth.roll(roll, (0, 1))
                depth = depth + share
            if parts == 1:
                towards[index] = depth - 0.5 * share
        self.passed = wrapped(torch.exp(-depth)[None, None])
        """(1, 1, CELLS + 2, CELLS + 2): share of the light that leaves the layer there."""
        above = (volume.flip(0).cumsum(0).flip(0) - 0.5 * volume) * step
        both = F.pad(torch.stack((towards, above))[None], (1, 1, 1, 1, 0, 0), mode="circular")
        self._table = F.pad(both, (0, 0, 0, 0, 1, 1), mode="replicate")

    def at(self, x: Tensor, z: Tensor, height: Tensor) -> Tensor:
        """Depths towards lamp and zenith at places, (2, P); as `Density.at`."""
        tile = self.density.field.tile
        return look(self._table, x / tile, z / tile, height.clamp(1e-4, 1 - 1e-4))
