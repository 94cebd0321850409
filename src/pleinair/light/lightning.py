"""Lightning: when it strikes, how it lights the scene, and its channel in the picture."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.camera import View
from pleinair.light.seeds import generator
from pleinair.light.weather import haze, rain_veil
from pleinair.scenes.scene import Scene

_COLOUR = (0.80, 0.90, 1.25)  # of the channel, about 20 000 K
_LIGHT_KLX = 0.06  # of a stroke 3 km away, over a frame
_SEEN = 0.12  # share of it that comes straight from the channel, not from the cloud
_FADE_S = 0.035
_LASTS_S = 0.6


@dataclass(frozen=True)
class Stroke:
    """One flash to the ground.

    Attributes:
        number: of the flash; its channel follows from it.
        start_s: scene time, s.
        pulses: time after the start, s, and strength of each return stroke.
        azimuth: rad; distance_m: from the middle of the scene.
    """

    number: int
    start_s: float
    pulses: tuple[tuple[float, float], ...]
    azimuth: float
    distance_m: float

    def glow(self, scene_s: float) -> float:
        """How bright it is at a moment, about 1 at its brightest, 0 before and long after."""
        since = scene_s - self.start_s
        if not 0 <= since < _LASTS_S:
            return 0.0
        lit = [s * math.exp(-(since - at) / _FADE_S) for at, s in self.pulses if since >= at]
        return sum(lit)


def strokes(scene: Scene, start_s: float, end_s: float) -> list[Stroke]:
    """The flashes that begin between two moments of the scene's time.

    Each span of 60 / `Weather.lightning_per_min` seconds holds one, at a random moment.
    """
    rate = scene.weather.lightning_per_min / 60
    if not rate:
        return []
    first, last = math.floor(start_s * rate), math.floor(end_s * rate)
    found = (_stroke(scene, number) for number in range(first, last + 1))
    return [stroke for stroke in found if start_s <= stroke.start_s <= end_s]


def _stroke(scene: Scene, number: int) -> Stroke:
    made = generator(scene.seed, "lightning", number)
    when, side, far, count, *rest = torch.rand(16, generator=made).tolist()
    at, pulses = 0.0, []
    for index in range(1 + int(count * 4)):
        pulses.append((at, (0.5 + 0.5 * rest[2 * index]) * (1.0 if index == 0 else 0.75)))
        at += 0.045 + 0.09 * rest[2 * index + 1]
    heading = math.radians(scene.camera.heading_deg)
    wide = 0.55 if rest[-1] < 0.7 else math.pi  # most where the camera looks
    return Stroke(
        number=number,
        start_s=(number + when) * 60 / scene.weather.lightning_per_min,
        pulses=tuple(pulses),
        azimuth=heading + (2 * side - 1) * wide,
        distance_m=2000 + 6000 * far * far,
    )


def flash_at(scene: Scene, scene_s: float) -> list[tuple[Tensor, float]]:
    """What lightning lights the scene at a moment.

    Returns:
        For each flash the direction (3,) towards it and the irradiance it gives, klx.
    """
    lit = []
    for stroke in strokes(scene, scene_s - _LASTS_S, scene_s):
        glow = stroke.glow(scene_s)
        if glow > 1e-3:
            height = 0.5 * _top(scene)
            away = math.hypot(stroke.distance_m, height)
            flat = stroke.distance_m / away
            direction = torch.tensor(
                [math.sin(stroke.azimuth) * flat, height / away, math.cos(stroke.azimuth) * flat]
            )
            lit.append((direction, glow * _LIGHT_KLX * (3000 / away) ** 2))
    return lit


def bolt(view: View, scene: Scene, depth: Tensor | None = None) -> Tensor:
    """Light of the channels in view: a thin bright core in a glow of lit rain.

    Args:
        view: the camera.
        scene: whose lightning it is.
        depth: (H, W) m: what lies nearer hides them.

    Returns:
        (3, H, W) kcd/m² to add.
    """
    height, width = view.height, view.width
    device = view.eye.device
    core = torch.zeros(height * width, device=device)
    for stroke in strokes(scene, view.scene_s - _LASTS_S, view.scene_s):
        glow = stroke.glow(view.scene_s)
        if glow > 1e-3:
            _draw(core, stroke, glow, view, scene, depth)
    core = core.view(1, 1, height, width)
    if not bool(core.any()):
        return torch.zeros(3, height, width, device=device)
    halo, wide = torch.zeros_like(core), core
    for share in (0.5, 0.3, 0.2):
        size = (max(wide.shape[2] // 3, 1), max(wide.shape[3] // 3, 1))
        wide = F.interpolate(wide, size=size, mode="area")
        for _ in range(3):  # three boxes are nearly a bell
            wide = F.avg_pool2d(wide, 5, stride=1, padding=2)
        halo += share * F.interpolate(wide, size=(height, width), mode="bilinear")
    light = torch.lerp(core, halo, 0.15)[0, 0]
    return torch.tensor(_COLOUR, device=device)[:, None, None] * light


def _draw(
    core: Tensor, stroke: Stroke, glow: float, view: View, scene: Scene, depth: Tensor | None
) -> None:
    """Add one channel and its branches to the (H W,) picture of light."""
    lines, shares = _channel(stroke, _top(scene), scene.seed)  # (B, N, 3), (B,)
    eye = view.eye.cpu()
    branches, count = lines.shape[:2]
    column, row, ahead = view.project((lines.reshape(-1, 3) - eye).t().to(view.eye))
    column, row, ahead = (x.view(branches, count) for x in (column, row, ahead))
    step = torch.hypot(column.diff(dim=1), row.diff(dim=1))
    fine = min(max(math.ceil(float(step.median()) * 2.5), 1), 16)
    part = torch.arange(fine, device=core.device) / fine
    points = [torch.lerp(x[:, :-1, None], x[:, 1:, None], part) for x in (column, row, ahead)]
    x, y, ahead = (p.reshape(-1) for p in points)
    share = (shares.to(core)[:, None, None] * torch.ones(1, count - 1, fine)).reshape(-1)
    seen = (ahead > 10) & (x > 0.5) & (y > 0.5) & (x < view.width - 1) & (y < view.height - 1)
    if depth is not None:
        inside = y.clamp(0, view.height - 1).long() * view.width + x.clamp(0, view.width - 1).long()
        seen &= depth.reshape(-1)[inside] > 0.9 * stroke.distance_m
    x, y, share = x[seen] - 0.5, y[seen] - 0.5, share[seen]
    away = stroke.distance_m
    clear = math.exp(-(haze(scene.weather) + rain_veil(scene.weather)) * away)
    irradiance = _SEEN * clear * glow * _LIGHT_KLX * (3000 / away) ** 2
    light = share / (fine * (count - 1)) * irradiance * view.focal**2
    column, row = x.floor(), y.floor()
    right, below = x - column, y - row
    first = (row * view.width + column).long()
    for corner, weight in (
        (0, (1 - right) * (1 - below)),
        (1, right * (1 - below)),
        (view.width, (1 - right) * below),
        (view.width + 1, right * below),
    ):
        core.index_add_(0, first + corner, light * weight)


def _channel(stroke: Stroke, top: float, seed: int) -> tuple[Tensor, Tensor]:
    """Points of the main channel and its branches, (B, 257, 3) m, and each one's share of light."""
    made = generator(seed, "channel", stroke.number)
    foot = torch.tensor([math.sin(stroke.azimuth), 0.0, math.cos(stroke.azimuth)])
    foot = foot * stroke.distance_m
    lean = (torch.rand(3, generator=made) - 0.5) * torch.tensor([0.9, 0.0, 0.9]) * top
    main = _fractal(foot + lean + torch.tensor([0.0, top, 0.0]), foot, 0.16, made)
    lines, shares = [main], [1.0]
    for _ in range(int(torch.randint(5, 12, (1,), generator=made))):
        where, turn, long, bright = torch.rand(4, generator=made).tolist()
        begin = main[int(20 + where * 190)]
        reach = (0.12 + 0.3 * long) * float(begin[1])
        angle = turn * 2 * math.pi
        slope = torch.tensor([0.8 * math.cos(angle), -0.75, 0.8 * math.sin(angle)])
        twig = _fractal(begin, begin + slope * reach, 0.2, made)
        lines.append(twig)
        shares.append(0.09 * (0.2 + bright) * reach / top)
        fork = twig[int(60 + 120 * bright)]
        aside = torch.tensor([-slope[2], -0.6, slope[0]]) * reach * 0.5
        lines.append(_fractal(fork, fork + aside, 0.2, made))
        shares.append(0.025 * (0.2 + bright) * reach / top)
    total = sum(shares)
    return torch.stack(lines), torch.tensor([share / total for share in shares])


def _fractal(start: Tensor, end: Tensor, rough: float, made: torch.Generator) -> Tensor:
    """A line broken again and again at its middle, (257, 3)."""
    points = torch.stack([start, end])
    size = float((end - start).norm()) * rough
    for _ in range(8):
        middle = (points[:-1] + points[1:]) / 2
        middle = middle + (torch.rand(middle.shape, generator=made) - 0.5) * size
        woven = torch.stack([points[:-1], middle], 1).reshape(-1, 3)
        points = torch.cat([woven, points[-1:]])
        size *= 0.54
    return points


def _top(scene: Scene) -> float:
    """Where the channel comes out of the cloud, m."""
    bases = [layer.base_m for layer in scene.weather.clouds if layer.kind == "storm"]
    return min(max(bases[0] if bases else 1200.0, 500.0), 3000.0)
