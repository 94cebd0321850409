"""Falling rain and snow near the camera.

Each drop or flake has a place in a box that repeats through the world, and falls and drifts as a
function of time. So any frame can be drawn by itself, and all stays in the world when the camera
moves. What is too far to be told apart is a veil: see `fog`.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pleinair.light.camera import View
from pleinair.light.seeds import generator
from pleinair.light.sky import Lamp
from pleinair.light.weather import wind
from pleinair.scenes.scene import Scene

_SHUTTER_S = 1 / 48


@dataclass(frozen=True)
class Layer:
    """Drops or flakes between two distances.

    Attributes:
        near, far: m.
        count: in the whole box, for rain of 8 mm/h or snow of 2 mm/h.
    """

    near: float
    far: float
    count: int


RAIN = (Layer(0.8, 2.5, 200), Layer(2.5, 8.0, 6000), Layer(8.0, 22.0, 18000))
SNOW = (Layer(0.4, 2.0, 600), Layer(2.0, 7.0, 12000), Layer(7.0, 25.0, 22000))


def rain_speed(diameter_mm: Tensor) -> Tensor:
    """Terminal speed of raindrops, m/s (Atlas, Srivastava & Sekhon 1973)."""
    return (9.65 - 10.3 * torch.exp(-0.6 * diameter_mm)).clamp(min=0.1)


def snow_speed(diameter_mm: Tensor) -> Tensor:
    """Terminal speed of snowflakes, m/s (Locatelli & Hobbs 1974, aggregates of dendrites)."""
    return 0.8 * diameter_mm.pow(0.16)


def precipitation(
    image: Tensor, depth: Tensor, scene: Scene, view: View, ambient: Tensor, key: Lamp
) -> Tensor:
    """Draw the rain and the snow of a scene over a frame.

    Args:
        image: (3, H, W) radiance, kcd/m².
        depth: (H, W) m: what lies nearer hides drops.
        scene: its weather.
        view: the camera.
        ambient: (3,) irradiance of the sky on level ground, klx.
        key: sun or moon.

    Returns:
        (3, H, W).
    """
    weather = scene.weather
    if abs(scene.time.pace) > 20 or not (weather.rain_mm_h or weather.snow_mm_h):
        return image  # in a time-lapse only the veil is left
    cosine = float(view.basis[2] @ key.direction.to(view.basis))
    glow = 0.05 / (1.06 - min(cosine, 1.0)) ** 1.5  # drops send light on, most of it forward
    lamp = key.irradiance.to(ambient)
    diffuse = ambient + 0.8 * max(float(key.direction[1]), 0.0) * lamp  # as from bright air
    if weather.rain_mm_h:
        cover = _cover(scene, view, depth, RAIN, snow=False)
        light = (0.9 * diffuse / math.pi + 0.025 * glow * lamp).to(image)[:, None, None]
        image = torch.lerp(image, torch.maximum(light, image * 0.8), cover)
    if weather.snow_mm_h:
        cover = _cover(scene, view, depth, SNOW, snow=True)
        light = (1.3 * diffuse / math.pi + 0.05 * glow * lamp).to(image)[:, None, None]
        image = torch.lerp(image, light, cover)
    return image


def _cover(
    scene: Scene, view: View, depth: Tensor, layers: tuple[Layer, ...], *, snow: bool
) -> Tensor:
    """How far what falls covers each pixel, (H, W), 0 to 1."""
    device = depth.device
    canvas = torch.zeros(view.height * view.width, device=device)
    amount = scene.weather.snow_mm_h / 2 if snow else scene.weather.rain_mm_h / 8
    for layer in layers:
        count = int(layer.count * min(max(math.sqrt(amount), 0.15), 2.5))
        _layer(canvas, layer, count, scene, view, depth, snow)
    # what lies over one another does not add up to more than all
    return canvas.neg_().exp_().neg_().add_(1).view(view.height, view.width)


def _layer(
    canvas: Tensor, layer: Layer, count: int, scene: Scene, view: View, depth: Tensor, snow: bool
) -> None:
    """Add the drops or flakes of one layer to the (H W,) canvas."""
    kind = "snow" if snow else "rain"
    made = generator(scene.seed, kind, int(layer.far))
    size_mm = torch.rand(count, generator=made)
    size_mm = 3 + 9 * size_mm**2 if snow else 0.8 - 0.45 * torch.log(1 - 0.98 * size_mm)
    fall = snow_speed(size_mm) if snow else rain_speed(size_mm)
    east, north = wind(scene.weather, 4.0)
    velocity = torch.stack([fall * 0 + east, -fall, fall * 0 + north])  # (3, N)
    wide = max(1.0, max(view.width, view.height) / view.focal) * 1.15
    side = layer.far * wide  # of the box, m
    middle = (view.eye + view.basis[2] * (0.5 * layer.far)).cpu()
    place = torch.rand(3, count, generator=made) * side
    phase = torch.rand(3, count, generator=made) * 2 * math.pi
    flutter = 0.35 if snow else 0.03  # m/s

    def seen(scene_s: float) -> Tensor:
        """Where all are, from the eye, unless the box wraps between."""
        gone = (velocity.double() * scene_s).remainder(side).float()
        rate = 2 + 2 * size_mm / 9
        turn = (rate.double() * scene_s).remainder(2 * math.pi).float()
        return place + gone + flutter / rate * torch.sin(turn + phase)

    start = seen(view.scene_s)
    wrap = (start - middle[:, None] + side / 2).remainder(side) - side / 2
    start_eye = wrap + (middle - view.eye.cpu())[:, None]
    open_s = (0.4 if snow else 1.0) * _SHUTTER_S * max(min(scene.time.pace, 3.0), -3.0)
    swing = flutter * torch.cos(phase + 2.5 * view.scene_s) if snow else 0.0
    end_eye = start_eye + (velocity + swing) * open_s
    x0, y0, z0 = view.project(start_eye.to(canvas.device))
    x1, y1, z1 = view.project(end_eye.to(canvas.device))
    height, width = view.height, view.width
    away = z0.clamp(min=0.05)
    edge = (away / layer.near - 0.8).mul(4).clamp(0, 1) * (5 - 5 * away / layer.far).clamp(0, 1)
    diameter = size_mm.to(canvas) * 1e-3 * view.focal / away  # px
    blur = 0.0035 * view.focal / away  # px: all that is near is out of focus
    radius = (0.5 * (diameter * diameter + blur * blur).sqrt()).clamp(max=9)
    margin = 12.0
    hit = (z0 > 0.7 * layer.near) & (z1 > 0.3 * layer.near) & (edge > 0)
    hit &= (torch.maximum(x0, x1) > -margin) & (torch.minimum(x0, x1) < width + margin)
    hit &= (torch.maximum(y0, y1) > -margin) & (torch.minimum(y0, y1) < height + margin)
    column = ((x0 + x1) / 2).clamp(0, width - 1).long()
    row = ((y0 + y1) / 2).clamp(0, height - 1).long()
    hit &= depth.reshape(-1)[row * width + column] > z0
    kept = hit.nonzero()[:, 0]
    x0, y0, x1, y1, radius, edge, diameter = (
        a[kept] for a in (x0, y0, x1, y1, radius, edge, diameter)
    )
    if not kept.numel():
        return
    length = torch.hypot(x1 - x0, y1 - y0)
    across = 2 * radius
    line = across.clamp(min=1)  # px, as it is drawn
    if snow:  # a flake covers a pixel for the time that it takes to pass
        strength = 1.2 * (diameter / across) * across.clamp(max=1).sqrt() * line / (line + length)
    else:
        strength = 0.45 * (diameter / across) * across.clamp(max=1).sqrt()
    strength.clamp_(max=0.9)
    spacing = (0.4 * line).clamp(min=1.25)
    points = min(max(math.ceil(float((length / spacing).max())), 2), 160)
    part = (torch.arange(points, device=canvas.device) + 0.5) / points
    x = torch.lerp(x0[:, None], x1[:, None], part).view(-1)
    y = torch.lerp(y0[:, None], y1[:, None], part).view(-1)
    each = strength * edge * torch.maximum(length, line) * line / points
    each, radius = (v[:, None].expand(-1, points).reshape(-1) for v in (each, radius))
    _splat(canvas, width, height, x, y, radius, each)


def _splat(
    canvas: Tensor, width: int, height: int, x: Tensor, y: Tensor, radius: Tensor, amount: Tensor
) -> None:
    """Add soft discs, each with the sum ``amount``, to the (H W,) canvas."""
    inside = (x > 0.5) & (y > 0.5) & (x < width - 0.5) & (y < height - 0.5)
    thin = ((radius < 0.8) & inside).nonzero()[:, 0]
    if thin.numel():  # shared among the four nearest pixels
        cx, cy, a = x[thin] - 0.5, y[thin] - 0.5, amount[thin]
        column, row = cx.int(), cy.int()
        right, below = cx - column, cy - row
        first = row * width + column
        low = a * below
        high = a - low
        canvas.index_add_(0, first, high * (1 - right))
        canvas.index_add_(0, first + 1, high * right)
        canvas.index_add_(0, (first + width).clamp_(max=width * height - 1), low * (1 - right))
        canvas.index_add_(0, (first + width + 1).clamp_(max=width * height - 1), low * right)
    for least, most, reach in ((0.8, 2.5, 3), (2.5, math.inf, 10)):
        chosen = ((radius >= least) & (radius < most)).nonzero()[:, 0]
        if not chosen.numel():
            continue
        cx, cy, r, a = (v[chosen] for v in (x, y, radius, amount))
        off = torch.arange(-reach, reach + 1, device=canvas.device)
        column = cx.floor().long()[:, None] + off  # (N, K)
        row = cy.floor().long()[:, None] + off
        across = (column + 0.5 - cx[:, None]).square_()
        down = (row + 0.5 - cy[:, None]).square_()
        distance = (across[:, None, :] + down[:, :, None]).sqrt_()  # (N, K, K)
        weight = (r[:, None, None] + 0.5 - distance).clamp_(0, 1)
        weight *= (a / weight.sum((1, 2)))[:, None, None]
        weight *= ((row >= 0) & (row < height))[:, :, None]
        weight *= ((column >= 0) & (column < width))[:, None, :]
        row, column = row.clamp(0, height - 1), column.clamp(0, width - 1)
        index = row[:, :, None] * width + column[:, None, :]
        canvas.index_add_(0, index.view(-1), weight.view(-1))
