"""What covers the ground: rock, earth, sand, turf, stones, trees and snow.

Each layer has a share of every texel, by slope, height, hollows and chance, and is laid over the
ones before it. Colours are linear reflectances of things as they are outdoors: grass 0.04 to 0.1,
woods 0.015 to 0.05, rock 0.1 to 0.3, snow 0.8.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from pleinair.light.erosion import bulge, slope
from pleinair.light.noise import Noise, Window, smoothstep
from pleinair.light.places.place import Colour, Place
from pleinair.scenes.scene import Scene

CLEARING_M = 110.0
"""No tree stands nearer to the middle of the world."""

WITHERED = {"spring": 0.12, "summer": 0.36, "autumn": 0.72, "winter": 0.95}
FRESH: dict[str, Colour] = {
    "spring": (1.12, 1.22, 0.95),
    "summer": (1.0, 1.0, 1.0),
    "autumn": (1.1, 0.9, 0.85),
    "winter": (1.1, 0.8, 0.8),
}
CONIFER: Colour = (0.017, 0.027, 0.013)
BROADLEAF: dict[str, tuple[Colour, Colour]] = {
    "spring": ((0.05, 0.075, 0.018), (0.032, 0.055, 0.016)),
    "summer": ((0.036, 0.052, 0.016), (0.024, 0.038, 0.013)),
    "autumn": ((0.105, 0.066, 0.017), (0.07, 0.034, 0.014)),
    "winter": ((0.075, 0.062, 0.05), (0.055, 0.046, 0.038)),
}
UNDERGROWTH: Colour = (0.03, 0.03, 0.014)
FLOWERS: tuple[Colour, ...] = ((0.62, 0.5, 0.03), (0.65, 0.65, 0.6), (0.3, 0.12, 0.4))
SNOW: Colour = (0.84, 0.86, 0.885)


@dataclass(frozen=True)
class Cover:
    """What lies and grows on the ground, for each texel.

    Attributes:
        canopy: (N, N) height of plants and stones above the ground, m.
        albedo: (3, N, N) linear reflectance.
        leaf, snow: (N, N) shares of plants and of snow.
    """

    canopy: Tensor
    albedo: Tensor
    leaf: Tensor
    snow: Tensor


def cover(window: Window, ground: Tensor, scene: Scene, place: Place, noise: Noise) -> Cover:
    """The materials of a window.

    Args:
        window: where.
        ground: (N, N) height, m.
        scene: season, snow line, woods and wetness are its.
        place: its palette, and what it paints.
        noise: of its seed.
    """
    layers = _Layers(window, ground, scene, place, noise)
    layers.rock()
    layers.turf()
    layers.sand()
    layers.own()
    layers.stones()
    layers.trees()
    layers.snowfall()
    layers.rain()
    leaf = layers.leaf.clamp(0, 1) * (1 - layers.snow)
    return Cover(layers.canopy, layers.albedo.clamp_(0.004, 0.95), leaf, layers.snow)


class _Layers:
    """The layers of one window, from the rock up."""

    def __init__(
        self, window: Window, ground: Tensor, scene: Scene, place: Place, noise: Noise
    ) -> None:
        self.window, self.ground, self.noise = window, ground, noise
        self.land, self.place, self.palette = scene.land, place, place.palette
        self.cell = window.cell
        east, north = slope(ground, self.cell)
        self.steep = torch.sqrt(east * east + north * north)  # (N, N), tangent
        self.hollow = (bulge(ground, 2) * (1.2 / self.cell)).clamp_(-1, 1)  # above 0 in gullies
        self.wide = noise.fractal(window, 900, 4, 301)  # patches of hundreds of metres
        self.small = noise.fractal(window, 60, 7, 311, gain=0.62)
        self.grain = noise.octave(window, 2 * self.cell, 331)
        self.rough = self.small + 0.35 * self.wide + 0.35 * self.grain
        self.canopy = torch.zeros_like(ground)
        self.leaf = torch.zeros_like(ground)
        self.snow = torch.zeros_like(ground)
        self.albedo = self.tone(self.palette.soil) * (1 + 0.1 * self.rough)

    def tone(self, colour: Colour) -> Tensor:
        return torch.tensor(colour, device=self.ground.device).view(3, 1, 1)

    def lay(self, colour: Tensor, share: Tensor) -> None:
        self.albedo = torch.lerp(self.albedo, colour.expand_as(self.albedo), share)

    def rock(self) -> None:
        """Beds or patches of rock where it is steep, darker in its clefts."""
        palette = self.palette
        beds = self.rough
        if palette.strata_m:
            level = (self.ground + 0.35 * palette.strata_m * self.wide) * (6.28 / palette.strata_m)
            bands = (
                torch.sin(level) + 0.8 * torch.sin(2.7 * level + 1) + 0.5 * torch.sin(7.3 * level)
            )
            beds = torch.lerp(beds, 0.9 * bands + 0.4 * self.grain, palette.strata)
        light = smoothstep(-1.3, 1.3, beds - 0.9 * self.hollow)
        rock = torch.lerp(self.tone(palette.rock_dark), self.tone(palette.rock), light)  # (3, N, N)
        bare = smoothstep(*palette.bare, self.steep + 0.12 * self.small)
        self.lay(rock, bare)

    def turf(self) -> None:
        """Grass and herbs, withered by the season, greener in hollows, in tufts near by."""
        palette, season = self.palette, self.land.season
        dry = self.wide * 0.35 + self.small * 0.3 - 0.5 * self.hollow + 2.6 * WITHERED[season] - 1.3
        grass = self.tone(palette.grass) * self.tone(FRESH[season])
        grass = torch.lerp(grass, self.tone(palette.dry), smoothstep(-1.1, 1.1, dry))
        reach = palette.meadow + (0.25 * self.small if palette.meadow < 0.9 else 0 * self.small)
        share = smoothstep(palette.bare[1], palette.bare[0], self.steep + 0.15 * self.small)
        share = share * reach.clamp(0, 1)
        share = share * smoothstep(palette.tree_line_m * 1.55, palette.tree_line_m, self.ground)
        light = 1 + 0.13 * self.grain + 0.1 * self.small
        if self.cell < 1 and palette.meadow > 0:
            spacing = 2.2 * max(self.cell, 0.3)
            tuft, own = self.noise.grains(self.window, spacing, 351)
            light = light * (0.78 + 0.4 * tuft) * (0.82 + 0.36 * own)
            self.canopy = self.canopy + tuft * share * (0.26 * spacing)
        self.lay(grass * light, share)
        self.leaf = share
        if palette.flowers and self.cell <= 4 and season in ("spring", "summer"):
            self.flowers(share * palette.flowers * (1.0 if season == "spring" else 0.35))

    def flowers(self, share: Tensor) -> None:
        """Specks of colour in drifts, of one kind here and another there; from afar a tint."""
        drift = smoothstep(0.1, 1.5, self.noise.fractal(self.window, 28, 4, 371))
        if self.cell <= 0.25:
            drift = drift * smoothstep(1.0, 1.5, self.noise.octave(self.window, 2 * self.cell, 391))
        else:
            drift = drift * 0.06
        kind = self.noise.octave(self.window, 37, 397)
        colour = torch.lerp(self.tone(FLOWERS[0]), self.tone(FLOWERS[1]), smoothstep(-0.2, 0, kind))
        colour = torch.lerp(colour, self.tone(FLOWERS[2]), smoothstep(1.0, 1.2, kind))
        self.lay(colour, share * drift)

    def sand(self) -> None:
        """Sand or gravel up to its height above the water."""
        top = self.palette.sand_top_m
        if top <= 0:
            return
        share = smoothstep(top, top * 0.55, self.ground + 0.16 * min(top, 2) * self.rough)
        share = share * smoothstep(self.palette.bare[1], self.palette.bare[0], self.steep)
        tint = 1 + 0.05 * self.rough - 0.1 * self.hollow
        self.lay(self.tone(self.palette.sand) * tint, share)
        self.leaf = self.leaf * (1 - share)
        self.canopy = self.canopy * (1 - share)

    def own(self) -> None:
        """What only this place has."""
        painted = self.place.paint(self.window, self.ground)
        if painted is None:
            return
        share, colour = painted
        self.lay(colour, share)
        self.leaf = self.leaf * (1 - share)
        self.canopy = self.canopy * (1 - share)

    def stones(self) -> None:
        """Boulders and cobbles, in drifts, more on bare ground; seen near by alone."""
        stones = self.palette.stones
        if self.cell > 1 or stones <= 0:
            return
        drift = smoothstep(-0.2, 1.5, self.noise.fractal(self.window, 40, 4, 401))
        density = stones * (0.05 + 0.95 * (1 - self.leaf)) * (0.06 + 0.94 * drift)
        for n, spacing in enumerate((0.9, 3.6) if self.cell < 1 else (3.6,)):
            cap, own = self.noise.grains(self.window, spacing, 411 + n, spread=0.85)
            broken = self.noise.octave(self.window, max(spacing * 0.3, 2 * self.cell), 421 + n)
            cap = cap + 0.16 * broken * (cap > 0)
            there = smoothstep(0.03, 0.12, cap) * (own < density * (0.9 - 0.55 * n)).float()
            tone = torch.lerp(self.tone(self.palette.rock_dark), self.tone(self.palette.rock), own)
            self.lay(tone * (0.8 + 0.35 * cap + 0.12 * self.grain), there)
            lift = cap.clamp(0, 0.5) * (there * spacing * 0.5)
            self.canopy = torch.maximum(self.canopy, lift)
            self.leaf = self.leaf * (1 - there)

    def trees(self) -> None:
        """Woods: crowns where they can be told apart, a rough canopy where not."""
        palette, land = self.palette, self.land
        wooded = palette.trees * land.forest
        if wooded <= 0:
            return
        fit = 2.6 * min(wooded, 1.6) - 1.55 + 0.55 * self.wide + 0.3 * self.small
        fit = fit + 0.35 * self.hollow - 0.8 * smoothstep(0.7, 1.0, self.steep)
        line = palette.tree_line_m
        fit = fit - 3 * smoothstep(0.85 * line, 1.1 * line, self.ground + 90 * self.small)
        x, z = self.window.plane()
        away = torch.sqrt(x * x + z * z)
        fit = fit - 4 * smoothstep(CLEARING_M + 50, CLEARING_M, away)
        fit = fit - 4 * smoothstep(palette.sand_top_m + 1.6, palette.sand_top_m + 0.4, self.ground)
        dense = smoothstep(-0.2, 0.35, fit)  # share of the places for a tree that have one
        if not bool((dense > 0).any()):
            return
        self.lay(self.tone(UNDERGROWTH), 0.85 * dense)
        if self.cell <= 4:
            crown, own = self.noise.grains(self.window, 6.4, 341)
            there = (own < dense).float() * smoothstep(0.0, 0.12, crown)
            fir, mark = self.noise.octave(self.window, 320, 345), (own * 7.31) % 1
            cone = 1 - torch.sqrt((1 - crown).clamp(min=0))
            broad = smoothstep(-0.5, 0.5, fir + mark - 0.5)
            shape = torch.lerp(0.25 + 0.75 * cone, crown.sqrt() * 0.8, broad)
            lift = there * shape * (7 + 10 * mark) * (1 + 0.12 * self.grain)
        else:
            crown = (0.42 + 0.3 * self.grain).clamp(0, 1)
            there, mark = dense, (0.5 + 0.3 * self.noise.octave(self.window, 3 * self.cell, 346))
            broad = smoothstep(-0.5, 0.5, self.noise.octave(self.window, 320, 345))
            lift = there * (6 + 7 * crown)
        high, low = BROADLEAF[land.season]
        leaves = torch.lerp(self.tone(low), self.tone(high), mark.clamp(0, 1))
        if land.season == "autumn":  # some are green still
            late = smoothstep(-0.3, 1.2, self.small + 2.2 * mark - 1.1)
            leaves = torch.lerp(leaves, self.tone(BROADLEAF["summer"][0]).expand_as(leaves), late)
        leaves = torch.lerp(self.tone(CONIFER).expand_as(leaves), leaves, broad)
        leaves = leaves * ((0.35 + 0.85 * crown) * (0.8 + 0.5 * mark))
        self.lay(leaves, there)
        self.canopy = torch.lerp(self.canopy, lift, there)
        self.leaf = torch.maximum(self.leaf, there)

    def snowfall(self) -> None:
        """Snow above its line, longer in gullies, gone from faces too steep to hold it."""
        line = self.land.snow_line_m
        ragged = min(max(0.2 * line, 0.0), 170.0)
        edge = self.ground + ragged * (0.5 * self.wide + 0.3 * self.small + 1.1 * self.hollow)
        share = smoothstep(line - 0.3 * ragged - 2, line + 0.7 * ragged + 2, edge)
        share = share * smoothstep(line - 3, line + 3, self.ground)
        holds = self.steep - 0.35 * self.hollow + 0.14 * self.small + 0.1 * self.grain
        share = share * smoothstep(2.4, 1.3, holds)
        share = share * (1 - self.leaf * smoothstep(2, 6, self.canopy) * 0.75)
        self.snow = share
        self.lay(self.tone(SNOW) * (1 + 0.02 * self.grain), share)
        self.canopy = self.canopy * (1 - share * smoothstep(1.5, 0.5, self.canopy))

    def rain(self) -> None:
        """Wet ground is darker; at the water it always is."""
        shore = smoothstep(0.5, 0.1, self.ground) if self.place.wet else 0.0 * self.ground
        wet = torch.maximum(shore, torch.full_like(shore, 0.7 * self.land.wetness))
        self.albedo = self.albedo * (1 - 0.5 * wet * (1 - self.snow))
