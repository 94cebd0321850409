"""The lower half and the skyline: ridges, trees, buildings, ground and water."""

from functools import partial

import torch
from torch import Tensor

from pleinair.diffusion.worlds.field import cover, dice, mix, noise, profile, step
from pleinair.diffusion.worlds.palette import Light
from pleinair.diffusion.worlds.sky import Layout
from pleinair.diffusion.worlds.view import View

# The ground of each place that has one: main colour and the colour of its patches.
GROUND = {
    "desert": ((0.94, 0.66, 0.34), (1.00, 0.80, 0.46)),
    "meadow": ((0.26, 0.50, 0.13), (0.46, 0.64, 0.20)),
    "snow field": ((0.90, 0.93, 0.99), (0.78, 0.85, 0.97)),
    "mountains": ((0.34, 0.40, 0.24), (0.50, 0.47, 0.36)),
    "forest": ((0.16, 0.24, 0.11), (0.30, 0.27, 0.15)),
}
WATER = {
    "sea": (0.03, 0.20, 0.30),
    "lake": (0.05, 0.16, 0.18),
    "coast": (0.05, 0.30, 0.36),
    "city": (0.06, 0.11, 0.17),
}


def rgb(colour: tuple[float, float, float], like: Tensor) -> Tensor:
    """A colour as (1, 3, 1, 1, 1)."""
    return torch.tensor(colour, device=like.device).view(1, 3, 1, 1, 1)


def cold(light: Light) -> Tensor:
    """The light on snow: bluish whatever the sun's colour, so that snow never looks like sand."""
    tone = light.light.mean(1, keepdim=True) * rgb((0.94, 1.02, 1.16), light.light)
    return mix(light.light, tone, torch.full_like(tone, 0.72)) * 1.08


def ridges(
    canvas: Tensor,
    view: View,
    light: Light,
    layout: Layout,
    *,
    kind: int,
    heights: tuple[float, ...],
    colour: tuple[float, float, float],
    haze: float,
    snow: float = 9.0,
    low: float = 0.0,
    icy: bool = False,
) -> Tensor:
    """Hills or mountains behind one another, far ones first.

    Args:
        kind: which profile (0 smooth hills … 3 jagged).
        heights: greatest elevation of each row, radians.
        haze: how much of the far row is air, 0 to 1.
        snow: share of a row's height above which it is white.
        low: elevation of the foot at the deepest valley.
        icy: whether all of it is snow.
    """
    azimuth, elevation = view.azimuth, view.elevation
    rows = len(heights)
    for row, height in enumerate(heights):
        line = profile(
            azimuth * (0.085 + 0.03 * row) + layout["offset"] * (3 + row) + 0.31 * row, kind
        )
        top = low + height * (0.25 + 0.75 * line)
        relief = noise(azimuth * 0.35 + 0.2 * row, elevation * 0.6 + layout["offset"], 1.2)
        slope = torch.diff(line, dim=-1, append=line[..., -1:]) * 26
        facing = (slope * -torch.sign(layout["sun"])).clamp(-0.28, 0.28)
        shine = cold(light) if icy else light.light
        body = rgb(colour, canvas) * shine * (0.62 + 0.5 * relief + facing)
        if snow < 1:
            cap = step(snow - 0.1, snow + 0.16, elevation / (low + height) + 0.34 * (relief - 0.5))
            body = mix(body, light.light * (0.9 + facing * 0.7), cap)
        air = haze * (1 - row / rows)
        body = mix(body, light.horizon, torch.full_like(layout["sun"], air))
        canvas = mix(canvas, body, cover(elevation - top, layout["pixel"]))
    return canvas


def pines(
    canvas: Tensor, view: View, light: Light, layout: Layout, *, rows: int, height: float
) -> Tensor:
    """Rows of pine tops, nearer rows taller, darker and coarser."""
    azimuth, elevation = view.azimuth, view.elevation
    for row in range(rows):
        near = (row + 1) / rows
        pitch = 0.045 + 0.11 * near * near
        place = azimuth / pitch + layout["offset"] * 50 + 17 * row
        cell = place.floor()
        top = height * (0.3 + 0.7 * near) * (0.55 + 0.45 * dice(cell + 300 * row, 0))
        foot = 0.5 * top if rows > 1 else 0.35 * top
        across = (place - cell - 0.5).abs() * 2
        jag = 0.1 * torch.sin(elevation / top.clamp(min=0.02) * 26)
        crown = (1 - across - jag).clamp(0, 1) * (top - foot) + foot
        shade = 0.55 + 0.45 * dice(cell + 300 * row, 1)
        body = rgb((0.10, 0.23, 0.13), canvas) * light.light * shade
        body = mix(body, light.fog, torch.full_like(layout["sun"], 0.62 * (1 - near)))
        canvas = mix(canvas, body, cover(elevation - crown, layout["pixel"] * 2))
    return canvas


def buildings(canvas: Tensor, view: View, light: Light, layout: Layout) -> Tensor:
    """Three rows of buildings with windows that light up as it darkens."""
    azimuth, elevation = view.azimuth, view.elevation
    for row, (pitch, height) in enumerate(((0.11, 0.46), (0.15, 0.38), (0.21, 0.22))):
        place = azimuth / pitch + layout["offset"] * 60 + 29 * row
        cell = place.floor()
        across = place - cell
        top = height * (0.25 + 0.75 * dice(cell + 90 * row, 0) ** 1.3)
        narrow = 0.40 + 0.10 * dice(cell + 90 * row, 1)
        inside = torch.minimum(narrow - (across - 0.5).abs(), (top - elevation) / pitch)
        mask = cover(-inside, layout["pixel"] / pitch)
        tone = 0.30 + 0.35 * dice(cell + 90 * row, 2)
        body = tone * light.light * rgb((0.92, 0.95, 1.05), canvas)
        u, v = across * 5, elevation / 0.042
        window = step(0.5, 0.3, (u - u.floor() - 0.5).abs()) * step(
            0.5, 0.28, (v - v.floor() - 0.5).abs()
        )
        chance = dice(cell * 7 + u.floor() * 31 + v.floor() * 101 + row, 3)
        lamp = (
            window * (chance < 0.12 + 0.5 * light.darkness) * (0.15 + light.darkness).clamp(max=1)
        )
        glass = window * (1 - light.darkness) * 0.35
        body = mix(body, light.zenith, glass)
        body = mix(body, rgb((1.0, 0.84, 0.48), canvas), lamp * 0.95)
        body = mix(body, light.horizon, torch.full_like(layout["sun"], (0.5, 0.24, 0.06)[row]))
        canvas = mix(canvas, body, mask)
    return canvas


def ground(view: View, light: Light, layout: Layout, place: str) -> Tensor:
    """Ground seen in perspective: patches, grain that fades with distance, shadows of clouds."""
    icy = place == "snow field"
    down = (-view.elevation).clamp(min=0.015)
    far = view.height / down  # (B, 1, T, H, 1)
    east, north = view.azimuth * far, far + view.travel
    patches = noise(east * 0.035 + layout["offset"], north * 0.05, 1.8)
    grain = noise(east * 0.2, north * 0.26 + layout["offset"], 1.2) - 0.5
    clear = step(14.0, 2.5, far)
    main, other = (rgb(c, patches) for c in GROUND[place])
    rough = 0.10 if icy else 0.35
    body = mix(main, other, step(0.25, 0.75, patches)) * (1 + rough * grain * clear)
    cloud = noise(east * 0.012 + layout["wind"] * view.time * 0.01, north * 0.02 + 0.5, 2.4)
    shadow = 1 - 0.3 * step(0.45, 0.75, cloud) * layout["patchy"]
    body = body * (cold(light) if icy else light.light) * shadow
    return mix(body, light.horizon, (1 - torch.exp(-far / 34)).clamp(max=0.75))


def headland(canvas: Tensor, view: View, light: Light, layout: Layout) -> Tensor:
    """A cliff that runs out into the sea on one side."""
    side = step(0.0, 0.5, view.azimuth * torch.sign(layout["wind"]) + 0.05)
    cliff = ridges(
        canvas, view, light, layout,
        kind=1, heights=(0.20,), colour=(0.52, 0.44, 0.34), haze=0.3, low=0.06,
    )  # fmt: skip
    inside = (side - view.elevation * 3 > 0.12) & (view.elevation < 0.26 * side)
    return mix(canvas, cliff, inside.to(canvas.dtype))


def skyline(canvas: Tensor, view: View, light: Light, layout: Layout, place: str) -> Tensor:
    """What stands at the horizon of a place."""
    hills = partial(ridges, canvas, view, light, layout)
    match place:
        case "mountains":
            grey, heights = (0.40, 0.39, 0.46), (0.66, 0.50, 0.20)
            return hills(kind=2, heights=heights, colour=grey, haze=0.40, snow=0.50)
        case "snow field":
            white = (0.90, 0.94, 1.05)
            return hills(kind=0, heights=(0.14, 0.07), colour=white, haze=0.35, icy=True)
        case "meadow":
            return hills(kind=0, heights=(0.13, 0.08), colour=(0.26, 0.42, 0.16), haze=0.5)
        case "desert":
            return hills(kind=1, heights=(0.26, 0.17), colour=(0.98, 0.66, 0.30), haze=0.25)
        case "lake":
            canvas = hills(kind=1, heights=(0.19,), colour=(0.32, 0.38, 0.36), haze=0.55)
            return pines(canvas, view, light, layout, rows=1, height=0.075)
        case "forest":
            return pines(canvas, view, light, layout, rows=3, height=0.52)
        case "coast":
            return headland(canvas, view, light, layout)
        case "city":
            return buildings(canvas, view, light, layout)
    return canvas


def waves(view: View, layout: Layout) -> Tensor:
    """Height of the waves in about [-0.5, 0.5], (B, 1, T, H, W)."""
    down = (-view.elevation).clamp(min=0.015)
    far = view.height / down
    east, north = view.azimuth * far, far + view.travel
    swell = noise(
        east * 0.05 + layout["offset"] + view.time * 0.010,
        north * 0.16 + view.time * layout["swell"] * 0.030,
        1.5,
    )
    fine = noise(east * 0.17 - view.time * 0.02, north * 0.5 + view.time * 0.05, 1.2)
    return (swell - 0.5) + 0.5 * (fine - 0.5) * step(16.0, 3.0, far)


def water(
    mirror: Tensor, height: Tensor, view: View, light: Light, layout: Layout, place: str
) -> Tensor:
    """Water: what it mirrors at grazing angles, its own colour below, and glints of the sun."""
    down = (-view.elevation).clamp(min=0)
    body = (
        rgb(WATER[place], mirror) * (0.35 + light.light)
        + 0.20 * height * light.light * layout["swell"]
    )
    gloss = layout["gloss"] * torch.exp(-down * 2.2)
    surface = mix(body, mirror, gloss.clamp(0, 1))
    aside = (view.azimuth - layout["sun"]) ** 2
    low = step(0.5, 0.05, light.sun_elevation)
    glint = torch.exp(-aside * (16 + 40 * down)) * step(0.02, 0.22, height) * light.sun_strength
    surface = surface + light.sun * glint * (0.25 + 0.6 * low)
    crest = step(0.40, 0.62, height) * (layout["swell"] - 0.8).clamp(min=0)
    surface = mix(surface, light.light, (crest * 0.75).clamp(max=0.8))
    return mix(surface, light.horizon, torch.exp(view.elevation.clamp(max=0) * 55) * 0.5)


# The near shore of the places that have one: its colour, and how much foam breaks on it.
SHORE = {"coast": ((0.90, 0.79, 0.58), 1.0), "lake": ((0.32, 0.44, 0.17), 0.25)}


def shore(canvas: Tensor, view: View, light: Light, layout: Layout, place: str) -> Tensor:
    """Land in the foreground, wet near the water, with a line of foam that comes and goes."""
    colour, foamy = SHORE[place]
    down = (-view.elevation).clamp(min=0.015)
    far = view.height / down
    east = view.azimuth * far
    edge = 3.7 + 0.9 * (profile(east * 0.035 + layout["offset"], 0) - 0.5) - view.travel
    edge = edge + 0.22 * foamy * torch.sin(view.time * 2.0 + east * 0.7)
    inland = edge - far  # > 0 on land
    grain = noise(east * 0.25, (far + view.travel) * 0.3 + layout["offset"], 1.2)
    land = rgb(colour, canvas) * light.light * (0.84 + 0.32 * grain)
    land = mix(land * rgb((0.62, 0.60, 0.60), canvas), land, step(0.0, 0.7, inland))
    canvas = mix(canvas, land, step(-0.03, 0.05, inland))
    foam = torch.exp(-((inland + 0.05) ** 2) * 40) + 0.5 * torch.exp(-((inland + 0.75) ** 2) * 25)
    foam = foam * foamy * (0.45 + 0.5 * grain)
    return mix(canvas, light.light.clamp(min=0.15) * 1.05, foam.clamp(max=0.9))
