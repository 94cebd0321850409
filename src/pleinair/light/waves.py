"""The surface of water at any moment: waves of all lengths, summed from a few square tiles.

The tiles' sizes have no common measure and each lies turned against the others, so nothing repeats.
What a pixel cannot resolve is not drawn but handed on as the variance of the slopes that it hides
(LEAN mapping, Olano and Baker 2010; Bruneton, Neyret and Holzschuch 2010).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.bands import LEVELS, WAVES, Band
from pleinair.light.foam import EDGE, Lace, coverage, threshold
from pleinair.light.gusts import Gusts
from pleinair.light.shore import Shore
from pleinair.light.spectrum import Sea, Spectrum
from pleinair.scenes.scene import Scene

FINEST_M = 2.3
"""Side of the smallest tile."""
STEP = 5.2
"""How much smaller each tile is than the one before, at most."""
CHUNK = 32_768
FRESH = 0.35
"""Share of the foam that is fresh; the rest lingers."""
ROUNDER = 2.5
"""How much longer than wide a footprint may be before its length decides."""
POINT = 0.15
"""Length of a footprint, in those of the shortest wave, up to which one look is enough."""
TAPS = (-0.25, 0.25)
"""Where along a long footprint it is looked at, in its lengths."""
GUSTY_M = 0.6
"""Shortest wave of the longest tile on which gusts are seen, m."""
FLOW_MPS = 0.8
"""Speed of a river, southward: toward the eye that looks up its valley."""


def sea_of(scene: Scene) -> Sea:
    """What raises the waves of a scene; rivers and lakes lie in the lee."""
    water, weather, place = scene.water, scene.weather, scene.land.place
    wind, fetch = weather.wind_mps, water.fetch_m
    if place == "river":
        wind, fetch = max(0.8 * wind, 2.2), min(fetch, 150.0)
    elif place == "lake":
        fetch = min(fetch, max(0.7 * scene.land.distance_m, 200.0))
    return Sea(
        wind=wind,
        toward=math.radians(weather.wind_from_deg + 180),
        fetch=fetch,
        depth=water.depth_m,
        swell=water.swell_m,
        swell_period=water.swell_period_s,
        swell_toward=math.radians(water.swell_from_deg + 180),
    )


class Waves:
    """The waves of a scene.

    Args:
        scene: whose water it is.
        device: where its tensors live.
    """

    def __init__(self, scene: Scene, device: torch.device) -> None:
        self.sea = sea_of(scene)
        spectrum = Spectrum(self.sea)
        white = coverage(self.sea.wind) if scene.land.place != "river" else 0.0
        longest = 10 * self.sea.peak_length
        if self.sea.swell > 0:
            longest = max(longest, 4.3 * self.sea.swell_length)
        longest = min(max(longest, 40.0), 3000.0)
        steps = math.ceil(math.log(longest / FINEST_M) / math.log(STEP))
        ratio = (longest / FINEST_M) ** (1 / steps)
        lengths = [longest / ratio**order for order in range(steps + 1)]
        ends = [math.inf, *(length / WAVES for length in lengths)]
        self.bands = tuple(
            Band(spectrum, scene.seed, order, length, ends[order], white > 0, device)
            for order, length in enumerate(lengths)
        )
        rain = 0.0006 * scene.weather.rain_mm_h**0.8
        finest = spectrum.steepness(2 * math.pi / self.bands[-1].shortest, math.inf)
        self.beyond = torch.tensor(finest, device=device) + rain
        """(2,): variance of the slopes along and across the wind of waves too short for a tile."""
        self.crest = threshold(white * FRESH)
        """How near waves must be to breaking to be white, in standard deviations."""
        self.lace = Lace(scene.seed, device)
        self.shore = Shore(scene, self.sea, device)
        self.gusts = Gusts(scene.seed, self.sea, device)
        height = self.sea.height
        self.shoaling = max(2.5 * height, self.shore.deepest, 0.5)
        """Depth below which the bottom shows in the waves, m."""
        self.lift = max(1.3 * math.hypot(height, self.sea.swell) + 0.02, self.shore.highest)
        """Height that the water hardly ever exceeds, m."""
        self.flow = FLOW_MPS if scene.land.place == "river" else 0.0

    def at(self, seconds: float) -> "Surface":
        """The surface at a moment of the scene, s."""
        return Surface(self, seconds)


class Surface:
    """The surface at one moment; see `Waves.at`.

    Args:
        waves: whose moment it is.
        seconds: when, s.
    """

    def __init__(self, waves: Waves, seconds: float) -> None:
        self.waves, self.seconds = waves, seconds
        self.tables = [band.tables(seconds) for band in waves.bands]
        self._taps = torch.tensor(TAPS, device=waves.beyond.device)[:, None]
        self._drift = waves.flow * seconds

    def height(
        self, x: Tensor, z: Tensor, footprint: Tensor, ground: Tensor | None = None
    ) -> Tensor:
        """Height of the water, m.

        Args:
            x, z: of any shape, m.
            footprint: of the same shape: size of what is seen, m; shorter waves are left out.
            ground: of the same shape: height of the ground, m; without it the water is deep. Near
                the shore there is surf, and swash lies on ground above the water's mean; where the
                height is not above the ground, the ground is dry.
        """
        shape = x.shape
        x, z, footprint = x.reshape(-1), z.reshape(-1), footprint.reshape(-1)
        if ground is not None:
            return self._over(x, z, footprint, ground.reshape(-1)).view(shape)
        found = torch.empty_like(x)
        for part in chunks(len(x)):
            found[part] = self._heights(x[part], z[part], footprint[part])
        return found.view(shape)

    def _over(self, x: Tensor, z: Tensor, footprint: Tensor, ground: Tensor) -> Tensor:
        """`height` where there is ground, (P,)."""
        found = torch.zeros_like(x)
        wave = (ground < 0).nonzero()[:, 0]
        for some in (wave[part] for part in chunks(len(wave))):
            east, north, wide, high = (
                part.index_select(0, some) for part in (x, z, footprint, ground)
            )
            found.index_copy_(0, some, self._heights(east, north, wide, -high))
        near = self.waves.shore.near(ground)
        for some in (near[part] for part in chunks(len(near))):
            east, north, high = (part.index_select(0, some) for part in (x, z, ground))
            surf = self.waves.shore.look(east, north, high, self.seconds)
            found.index_add_(0, some, surf.level)
        return found

    def _heights(
        self, x: Tensor, z: Tensor, footprint: Tensor, depth: Tensor | None = None
    ) -> Tensor:
        found = torch.zeros(1, len(x), device=x.device)
        for band, levels in zip(self.waves.bands, self.tables, strict=True):
            place = band.place(footprint * 2)
            share = None if depth is None else band.shoal(depth)
            self._add(found, band, levels, x[None], z[None], place, share)
        return found[0]

    def slopes(
        self, x: Tensor, z: Tensor, footprint: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What a pixel sees of the surface from above: its mean slopes, and how rough it is within.

        Args:
            x, z, footprint: (P,) m.

        Returns:
            Slopes eastward and northward, variance of the slopes that the footprint hides, in
            both directions together, and share of foam, (P,) each.
        """
        found = [self.glimpse(x[p], z[p], footprint[p]) for p in chunks(len(x))]
        _, sx, sz, near, along, across, unsure = torch.cat(found, 1)
        return sx, sz, along + across, self.white(near, unsure)

    def white(self, near: Tensor, unsure: Tensor) -> Tensor:
        """Share of foam, 0..1, by how near to breaking and its variance; see `glimpse`."""
        wide = torch.rsqrt(unsure + EDGE * EDGE)
        share: Tensor = torch.special.ndtr((near - self.waves.crest).mul_(wide))
        return share

    def glimpse(
        self,
        x: Tensor,
        z: Tensor,
        footprint: Tensor,
        ex: Tensor | None = None,
        ez: Tensor | None = None,
        down: Tensor | None = None,
        depth: Tensor | None = None,
    ) -> Tensor:
        """What pixels see of the surface, (7, P).

        Height, m; slopes eastward and northward; how near waves are to breaking, in standard
        deviations; hidden variance of the slopes along and across the wind, and of breaking.

        Args:
            x, z, footprint: (P,) m, a few thousand of about the same footprint.
            ex, ez: (P,) unit horizontal direction of view; without, it is from above.
            down: (P,) rise over run of the eye's ray: the flatter, the longer a footprint is.
            depth: (P,) of the water, m; without, it is deep.
        """
        found = torch.zeros(7, len(x), device=x.device)
        values, hidden, unsure = found[:4], found[4:6], found[6]
        hidden += self.waves.beyond[:, None]
        gust = self.waves.gusts.at(x, z, footprint, down, self.seconds)
        hidden *= gust * gust
        if depth is not None:  # a film lies smooth
            hidden *= (depth * 50).clamp_(2e-4, 1)
        for band, levels in zip(self.waves.bands, self.tables, strict=True):
            seen, at, across = footprint, x[None], z[None]
            if ex is not None and ez is not None and down is not None:
                facing = torch.addcmul(down, values[1], ex).addcmul_(values[2], ez)
                step = footprint / facing.clamp_(band.rough, 1)  # its length, m
                seen = torch.maximum(footprint, step * (1 / ROUNDER))
                if float(step.max()) > POINT * band.shortest:
                    taps = step * self._taps  # (2, P)
                    at, across = torch.addcmul(x, ex, taps), torch.addcmul(z, ez, taps)
            place = band.place(seen)
            share = None if depth is None else band.shoal(depth)
            if band.shortest < GUSTY_M:
                share = gust if share is None else share.mul_(gust)
            if float(place.max()) > 0:
                if band.part:
                    unsure.addcmul_(place, place, value=(band.part / len(LEVELS)) ** 2)
                for row, terms in zip(hidden, band.lost, strict=True):
                    lost = (place * terms[2]).add_(terms[1]).mul_(place).add_(terms[0]).mul_(place)
                    row += lost if share is None else lost.mul_(share).mul_(share)
            self._add(values, band, levels, at, across, place, share)
        return found

    def _add(
        self,
        found: Tensor,
        band: Band,
        levels: list[Tensor],
        x: Tensor,
        z: Tensor,
        place: Tensor,
        share: Tensor | None,
    ) -> None:
        """Adds what a tile holds between two levels to (C, P), all or a share of it.

        The mean of what it holds at (T, P) places counts.
        """
        least, most = (float(end) for end in place.aminmax())
        if least >= len(LEVELS):
            return
        cos, sin = math.cos(band.turn) / band.length, math.sin(band.turn) / band.length
        u = (x * cos).add_(z, alpha=sin).add_((self._drift * sin) % 1)
        v = (z * cos).add_(x, alpha=-sin).add_((self._drift * cos) % 1)
        grid = torch.stack((u.sub_(u.round()), v.sub_(v.round())), -1).mul_(2)[None]
        found = found[: levels[0].shape[1]]
        for order in range(math.floor(least), min(math.ceil(most), len(LEVELS) - 1) + 1):
            table = levels[order][:, : len(found)]
            value = F.grid_sample(table, grid, align_corners=True)[0]  # (C, T, P)
            value = value[:, 0] if len(x) == 1 else value.mean(1)
            weight = share
            if most > 0:
                weight = (place - order).abs_().neg_().add_(1).clamp_(min=0)
                if share is not None:
                    weight.mul_(share)
            if weight is None:
                found.add_(value)
            else:
                found.addcmul_(value, weight)


def chunks(count: int) -> list[slice]:
    """Pixels in runs that fit a core's cache."""
    return [slice(start, start + CHUNK) for start in range(0, count, CHUNK)]
