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


@dataclass(frozen=True)
class Kind:
    """What makes one kind of cloud.

    Attributes:
        scale: of all its lengths across.
        slices: of the coarse volume.
        steps: of a ray through the layer.
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
        hang: how far billows bulge it downward.
        anvil: how far the top spreads out.
        lasts: s, in which the largest are others.
    """

    scale: float = 1.0
    slices: int = 16
    steps: int = 32
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
    hang: float = 0.0
    anvil: float = 0.0
    lasts: float = 900.0


KINDS = {
    "cumulus": Kind(),
    "stratus": Kind(
        longest=2600,
        slope=1.7,
        stretch=1.8,
        flat=1.0,
        taper=0.5,
        lump=0.3,
        crumb=0.05,
        soft=2.4,
        extinction=0.04,
        foot=0.35,
        sag=0.3,
        hang=0.15,
        lasts=1500,
    ),
    "storm": Kind(
        scale=2,
        slices=24,
        steps=60,
        longest=15000,
        slope=1.9,
        flat=0.8,
        taper=1.0,
        lump=0.3,
        crumb=0.08,
        soft=0.8,
        extinction=0.009,
        foot=0.05,
        hang=0.05,
        anvil=2.4,
        lasts=2400,
    ),
}


class Field:
    """One layer as it may be at any time.

    Args:
        layer: of the scene's document.
        seed: of the scene; number: of the layer.
        along: rad, azimuth towards which the wind blows.
        rise: m/s, how fast caps well up within their clouds.
        device: where its tables live.
    """

    def __init__(
        self,
        layer: Clouds,
        seed: int,
        number: int,
        along: float,
        rise: float,
        device: torch.device,
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
        part = torch.tensor(2 * min(max(flat, 1e-4), 0.93) - 1, dtype=torch.float64)
        self._threshold = -math.sqrt(2) * float(torch.erfinv(part))
        self._least = (cover - 0.9) * 6  # a closed deck has no holes
        self.device = device
        self.rise = rise

    def excess(self, seconds: float) -> Tensor:
        """By how much the air rises more than a cloud needs, (PLAN, PLAN), in deviations."""
        excess = self.plan.at(seconds).to(self.device) - self._threshold
        if self._least > 0:
            return F.softplus(excess, beta=2).clamp_(min=self._least)
        return excess + excess.clamp(max=0)  # few scraps between clouds

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
        excess = field.excess(seconds)
        self._excess = wrapped(excess[None, None])
        rise = field.rise * seconds
        self._rise = (rise / BILLOW_M % 1, rise / CRUMB_M % 1)
        self._most = 2.4 * (self.kind.lump + self.kind.crumb)
        self.volume, self._may = self._coarse(excess)  # (slices, CELLS, CELLS) each

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
        near = (edge > -self._most) & (edge < self.kind.soft + self._most)
        if self.kind.hang:
            near |= (height < self.kind.foot + 3 * self.kind.hang) & (edge > 0)
        index = near.nonzero()[:, 0]
        x, z, high = (values.index_select(0, index) for values in (x, z, height))
        billow = torch.zeros_like(height).index_copy_(0, index, self._billows(x, z, high, fine))
        return self._profile(excess, height, billow)

    def _billows(self, x: Tensor, z: Tensor, height: Tensor, fine: bool) -> Tensor:
        """How far billows move the edge at places, (P,) in deviations of the plan."""
        kind, table = self.kind, self.field.billows
        y = height * (self.thickness / kind.scale)
        scale, up = 1 / (BILLOW_M * kind.scale), y / BILLOW_M - self._rise[0]
        moved = look(table.large, x * scale, z * scale, up)[0].mul_(kind.lump)
        if fine:
            scale, up = 1 / (CRUMB_M * kind.scale), y / CRUMB_M - self._rise[1]
            moved.add_(look(table.small, x * scale, z * scale, up)[0], alpha=kind.crumb)
        return moved

    def _lifted(self, excess: Tensor, height: Tensor) -> Tensor:
        """Height above the base, which hangs down where the air rises."""
        if not self.kind.sag:
            return height
        return height + self.kind.sag * (excess.clamp(-1, 2) - 1)

    def _edge(self, excess: Tensor, height: Tensor) -> Tensor:
        """How far inside a cloud a place is, in deviations of the plan."""
        square = self._lifted(excess, height).square()
        taper = square / (1.04 - square).clamp_(min=0.02)
        edge = torch.add(excess, taper, alpha=-self.kind.taper)
        if self.kind.anvil:
            edge = edge + ((height - 0.7) * (self.kind.anvil / 0.15)).clamp_(0, self.kind.anvil)
        return edge

    def _profile(self, excess: Tensor, height: Tensor, billow: Tensor) -> Tensor:
        """Density by how strongly the air rises, the height and the billows."""
        carved = (height * 4 + 0.35).clamp_(0, 1) * billow  # the base is level
        thick = (self._edge(excess, height) + carved).mul_(1 / self.kind.soft).clamp_(0, 1)
        lifted = self._lifted(excess, height)
        if self.kind.hang:
            lifted = torch.add(lifted, billow, alpha=self.kind.hang / self.kind.lump)
        foot = (lifted * (1 / self.kind.foot)).clamp_(0, 1)
        return (thick * foot).mul_(height < 1)

    def _coarse(self, excess: Tensor) -> tuple[Tensor, Tensor]:
        """Extinction per m, and where the small billows may add to it."""
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
        billow = billow * kind.lump
        volume = self._profile(plan, height, billow).mul_(self.extinction)
        return volume, self._profile(plan + 2.2 * kind.crumb + 0.05, height, billow) > 0

    @cached_property
    def occupied(self) -> Tensor:
        """Where there may be cloud, widened by a cell: (slices, CELLS, CELLS) bool."""
        some = self._may
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
        lamp: unit direction, not level: `Surroundings.towards`.
    """

    def __init__(self, density: Density, lamp: tuple[float, float, float]) -> None:
        self.density = density
        volume = density.volume
        slices, cell = len(volume), density.field.tile / CELLS
        step = density.thickness / slices
        self.direction, up = lamp, lamp[1]
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
