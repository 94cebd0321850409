"""What covers the ground: rock, earth, sand, grass, trees and snow, by slope, height and chance."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.noise import Noise, Window, smoothstep
from pleinair.light.places.place import Colour, Place
from pleinair.scenes.scene import Scene

CLEARING_M = 60.0
"""No tree stands nearer to the middle of the world."""


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


def slope(height: Tensor, cell: float) -> tuple[Tensor, Tensor]:
    """Rise to the east and to the north, (N, N) each."""
    padded = F.pad(height[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    return (
        (padded[1:-1, 2:] - padded[1:-1, :-2]) * (0.5 / cell),
        (padded[2:, 1:-1] - padded[:-2, 1:-1]) * (0.5 / cell),
    )


def cover(window: Window, ground: Tensor, scene: Scene, place: Place, noise: Noise) -> Cover:
    """The materials of a window.

    Args:
        window: where.
        ground: (N, N) height, m.
        scene: season, snow line, woods and wetness are its.
        place: its palette, and what it paints.
        noise: of its seed.
    """
    palette = place.palette
    land, cell, device = scene.land, window.cell, window.device
    x, z = window.plane()
    away = torch.sqrt(x * x + z * z)
    east, north = slope(ground, cell)
    steep = torch.sqrt(east * east + north * north)
    patches = noise.fractal(window, 900, 4, 301)
    small = noise.fractal(window, 45, 6, 311, gain=0.6)
    grain = noise.octave(window, 2 * cell, 331)

    def tone(colour: Colour) -> Tensor:
        return torch.tensor(colour, device=device).view(3, 1, 1)

    # Rock, in patches and beds, and the earth between it.
    beds = patches * 0.5 + small * 0.5
    if palette.strata_m:
        level = (ground + 3 * patches) / palette.strata_m
        beds = torch.lerp(
            beds, 1.2 * torch.sin(level * 6.28) + torch.sin(level * 15.1 + 1), palette.strata
        )
    rock = torch.lerp(
        tone(palette.rock_dark), tone(palette.rock), smoothstep(-1.2, 1.2, beds + 0.3 * grain)
    )
    albedo = torch.lerp(
        tone(palette.soil).expand_as(rock), rock, smoothstep(*palette.bare, steep + 0.1 * small)
    )
    # Grass where it is not too steep.
    spread = {"spring": 0.1, "summer": 0.35, "autumn": 0.7, "winter": 0.9}[land.season]
    withered = smoothstep(-1, 1, patches * 0.5 + small * 0.4 + 2.4 * spread - 1.2)
    grass = torch.lerp(tone(palette.grass), tone(palette.dry), withered) * (
        1 + 0.16 * grain + 0.1 * small
    )
    meadow = palette.meadow * smoothstep(palette.bare[1], palette.bare[0], steep + 0.12 * small)
    sand = smoothstep(palette.sand_top_m, palette.sand_top_m * 0.6 + 0.2, ground + 0.3 * small)
    meadow = meadow * (1 - sand)
    albedo = torch.lerp(albedo, grass, meadow)
    grains = tone(palette.sand) * (1 + 0.05 * small + 0.06 * grain)
    albedo = torch.lerp(albedo, grains, sand)
    painted = place.paint(window, ground)
    if painted is not None:
        share, colour = painted
        albedo = torch.lerp(albedo, colour.expand_as(albedo), share)
        meadow = meadow * (1 - share)
    # Trees.
    fit = palette.trees * land.forest * 1.6 - 0.9 + 0.5 * patches + 0.2 * small
    wood = smoothstep(-0.1, 0.12, fit) * smoothstep(0.9, 0.6, steep)
    wood = wood * smoothstep(palette.tree_line_m, palette.tree_line_m * 0.8, ground + 120 * small)
    wood = wood * smoothstep(CLEARING_M, CLEARING_M + 40, away) * smoothstep(0.8, 2.0, ground)
    wood = wood * (1 - sand)
    crown, mark = (
        noise.grains(window, 6.5, 341) if cell <= 4 else (0.45 + 0.2 * grain, 0.5 + 0.2 * grain)
    )
    tall = 9 + 8 * mark if isinstance(mark, Tensor) else 13.0
    canopy = wood * (crown * tall)
    leaves = tone((0.022, 0.036, 0.014)) * (0.5 + 0.9 * mark) * (0.45 + 0.75 * crown)
    if land.season == "autumn":
        leaves = torch.lerp(
            leaves,
            tone((0.14, 0.062, 0.012)).expand_as(leaves),
            smoothstep(0.2, 0.8, mark + 0.2 * small),
        )
    albedo = torch.lerp(albedo, leaves, wood)
    leaf = torch.maximum(wood, meadow)
    # Snow.
    line = land.snow_line_m
    snow = smoothstep(line - 60, line + 90, ground + 120 * small + 90 * patches) * smoothstep(
        1.25, 0.75, steep + 0.15 * small
    )
    snow = snow * smoothstep(line - 5, line + 5, ground) * (1 - 0.8 * wood)
    albedo = torch.lerp(albedo, tone((0.84, 0.86, 0.88)).expand_as(albedo), snow)
    wetness = torch.maximum(
        smoothstep(0.7, 0.15, ground), torch.full_like(ground, 0.6 * land.wetness)
    ) * (1 - snow)
    albedo = albedo * (1 - 0.45 * wetness)
    return Cover(canopy, albedo.clamp(0.005, 0.95), leaf * (1 - snow), snow)
