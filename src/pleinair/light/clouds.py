"""The clouds of a scene as the eye sees them: tables of the sky at key moments, moved by the wind.

Marching through clouds is dear, so it is done for key moments only, into tables by direction. What
is seen between two of them is what both show, each moved on by the wind as far as the clouds there
are away, and blended.
"""

import functools
import math
import threading
from collections import OrderedDict
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.atmosphere import GROUND, Atmosphere
from pleinair.light.cloud_dome import Dome, Grid, between, drift, view_grid
from pleinair.light.cloud_field import Field, Lit
from pleinair.light.cloud_light import DROPS, LOWEST, Surroundings
from pleinair.light.cloud_march import Gathered, march
from pleinair.light.cloud_noise import look
from pleinair.light.cloud_sheet import Sheet, Veil
from pleinair.light.sky import Sky, harmonics, moonlight
from pleinair.scenes.scene import Clouds, Scene

PERIOD_S = 8.0
_FLASH = (0.80, 0.90, 1.25)


@dataclass(frozen=True)
class _Layer:
    """One layer with its wind, m/s to the east and north, and what lights it."""

    field: Field | Sheet
    wind: tuple[float, float]
    around: Surroundings

    def at(self, seconds: float) -> Lit | Veil:
        """The layer at a time, in its light."""
        return _lit(self.field, seconds, self.around.towards)

    def offset(self, seconds: float) -> tuple[float, float]:
        """How far the wind has moved it, m, less whole periods."""
        east, north = (part * seconds % self.field.tile for part in self.wind)
        return east, north


class CloudLayers:
    """The clouds of a scene under one light.

    Args:
        scene: whose clouds they are.
        sky: the clear sky, and the lamp that lights them.
        span: azimuths of what comes into view, rad.
        pixel_angle: rad of the finest pixel.
        device: where the tables live.
    """

    def __init__(
        self,
        scene: Scene,
        sky: Sky,
        *,
        span: tuple[float, float],
        pixel_angle: float,
        device: torch.device,
    ) -> None:
        self.scene, self.sky, self.device = scene, sky, device
        pace = abs(scene.time.pace)
        self.period = PERIOD_S * max(1.0, pace / 64)
        self.grid = view_grid(scene, span, pixel_angle)
        self.round = Grid(-math.pi, 2 * math.pi, math.pi / 2, 48, 160)
        atmosphere = _air(scene.sky.turbidity, device)
        light = torch.ones_like(moonlight(0.5))
        if sky.key is sky.moon:
            light = moonlight(scene.sky.moon_phase)
        lamp = light.to(device)
        towards = math.radians(scene.weather.wind_from_deg) + math.pi
        self._start = math.floor(scene.time.start_s / self.period)
        self._layers = []
        cover = max((layer.cover for layer in scene.weather.clouds), default=0.0)
        for number, layer in enumerate(scene.weather.clouds):
            if layer.cover <= 0:
                continue
            middle = layer.base_m + 0.5 * layer.thickness_m
            speed = scene.weather.wind_mps * min((middle / 10) ** 0.12, 2.5)
            wind = (speed * math.sin(towards), speed * math.cos(towards))
            rise = min(1.2, 30 / self.period)
            field = _field(layer, scene.seed, number, towards, rise, device)
            around = Surroundings.of(sky, atmosphere, lamp, middle, cover)
            self._layers.append(_Layer(field, wind, around))
        self._lock = threading.Lock()
        self._domes: OrderedDict[tuple[int, bool], Dome] = OrderedDict()

    def dome(self, key: int, whole: bool = False) -> Dome:
        """The clouds at a key moment, scene time ``key * period``.

        Args:
            key: its number.
            whole: full circle and coarse, rather than fine and of what is in view.
        """
        with self._lock:
            if (key, whole) not in self._domes:
                self._domes[key, whole] = self._draw(key, self.round if whole else self.grid)
                while len(self._domes) > 6:
                    self._domes.popitem(last=False)
            return self._domes[key, whole]

    def seen(self, direction: Tensor, scene_s: float) -> tuple[Tensor, Tensor]:
        """The clouds in unit directions (3, P).

        Returns:
            Their light, (3, P) kcd/m², and the share of what is beyond that they let through, (P,).
        """
        column, row = self.grid.place(direction)
        out = ((column > 1) | (row > 1)).nonzero()[:, 0]
        if self.grid.around or not out.numel():
            found = self._seen(column, row, scene_s, whole=False)
            return found[:3], found[3]
        if out.numel() < len(row):
            found = self._seen(column, row, scene_s, whole=False)
        else:
            found = torch.empty(4, len(row), device=row.device)
        column, row = self.round.place(direction.index_select(1, out))
        found.index_copy_(1, out, self._seen(column, row, scene_s, whole=True))
        return found[:3], found[3]

    def _seen(self, column: Tensor, row: Tensor, scene_s: float, *, whole: bool) -> Tensor:
        key = math.floor(scene_s / self.period)
        since = scene_s - key * self.period
        first = self.dome(key, whole)
        second = self.dome(key + 1, whole) if since > 0 else first
        return between(first, second, column, row, since, self.period - since)

    def _draw(self, key: int, grid: Grid) -> Dome:
        """Marches through all layers, nearest first."""
        seconds = key * self.period
        direction = grid.rays(self.device)
        light = torch.zeros_like(direction)
        through = torch.ones_like(direction[0])
        pull = torch.zeros(3, grid.rows, grid.columns, device=self.device)
        for layer in self._layers:
            now, offset = layer.at(seconds), layer.offset(seconds)
            if isinstance(now, Veil):
                got = now.seen(layer.around, direction, offset)
            else:
                got = march(now, layer.around, DROPS, direction, offset)
            light, through = self._behind(light, through, got, direction)
            weight = (1 - got.through) + 0.01
            pull[0] += weight * layer.wind[0] / got.distance
            pull[1] += weight * layer.wind[1] / got.distance
            pull[2] += weight
        edge = _smooth(direction[1], 0.004, 0.03)
        light, through = light * edge, torch.lerp(torch.ones_like(through), through, edge)
        beyond = (1 - edge) * self._closed  # a closed deck goes on beyond what is marched
        light = light + self.hazed(self.sky.along(direction)) * (beyond * through)
        through = through * (1 - beyond)
        table = torch.cat((light, through[None]))
        mode = "circular" if grid.around else "replicate"
        table = F.pad(table[None], (1, 1, 0, 0), mode=mode)
        table = F.pad(table, (0, 0, 1, 1), mode="replicate")
        pull = F.avg_pool2d(pull[None], 8, ceil_mode=True)[0]
        coarse = F.avg_pool2d(direction[None], 8, ceil_mode=True)[0]
        coarse = coarse * torch.rsqrt((coarse * coarse).sum(0))
        return Dome(grid, table, drift(grid, coarse, pull[:2] / pull[2]))

    def _behind(
        self, light: Tensor, through: Tensor, got: Gathered, direction: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Adds what is behind and hidden by what there is."""
        shape = got.through.shape
        flat = direction.flatten(1)
        passed, air = self.sky.air(got.distance.flatten(), flat)
        air = self.hazed(air).view(3, *shape) * (1 - got.through)
        seen = torch.addcmul(air, got.light, passed.view(3, *shape))
        return light + seen * through, through * got.through

    def shadow(self, x: Tensor, z: Tensor, scene_s: float) -> Tensor:
        """Share of the lamp's light that reaches places on the ground, m, (P,)."""
        share = torch.ones_like(x)
        up = float(self.sky.key.direction[1])
        if up <= 0:
            return share
        key = math.floor(scene_s / self.period)
        part = scene_s / self.period - key
        for layer in self._layers:
            now, later = (layer.at(n * self.period).passed for n in (key, key + 1))
            east, north = layer.offset(scene_s)
            tile, high = layer.field.tile, layer.field.layer.base_m / max(up, LOWEST)
            to_x, _, to_z = layer.around.towards
            turn_x, turn_z = (to_x * high - east) / tile, (to_z * high - north) / tile
            table = torch.lerp(now, later, part)
            share *= look(table, x / tile + turn_x, z / tile + turn_z)[0]
        return share

    @functools.cached_property
    def sun_share(self) -> float:
        """Mean share of the lamp's light that gets through."""
        return math.prod(self._open)

    @functools.cached_property
    def _open(self) -> list[float]:
        """Mean share that each layer lets through."""
        start = self._start * self.period
        return [float(layer.at(start).passed.mean()) for layer in self._layers]

    @functools.cached_property
    def _closed(self) -> float:
        """How much the clouds are one deck, 0 to 1."""
        decks = zip(self._layers, self._open, strict=True)
        return (1 - math.prod(s for layer, s in decks if isinstance(layer.field, Field))) ** 2

    def hazed(self, light: Tensor) -> Tensor:
        """The light (3, …) of clear air as it is under these clouds: less, and grey."""
        closed = self._closed
        if closed < 0.02:
            return light
        red, green, blue = light
        grey = 0.45 * (0.2126 * red + 0.7152 * green + 0.0722 * blue)
        return torch.lerp(light, torch.stack((0.97 * grey, grey, 1.05 * grey)), closed)

    def irradiance(self, normal: Tensor) -> Tensor:
        """Light of the cloudy sky on a facet, klx, (3, …), by its unit normal (3, …).

        As `Sky.irradiance`: spherical harmonics of the sky, clouds and the ground around.
        """
        basis = harmonics(normal).flatten(1)
        return (self._harmonics @ basis).clamp_(min=0).view(normal.shape)

    @functools.cached_property
    def _harmonics(self) -> Tensor:
        dome = self.dome(self._start, whole=True)
        rays = dome.grid.rays(self.device)
        table = dome.table[0, :, 1:-1, 1:-1]
        light = (table[:3] + self.sky.along(rays) * table[3]).flatten(1)  # (3, P)
        angle = dome.grid.angles(self.device).flatten()
        rays = rays.flatten(1)
        down = rays * torch.tensor([[1.0], [-1.0], [1.0]], device=self.device)
        level = (light * angle) @ rays[1]
        lamp = self.sky.key
        level += lamp.irradiance * lamp.direction[1].clamp(min=0) * self.sun_share
        moments = (light * angle) @ harmonics(rays).T
        moments += (level * (GROUND / math.pi))[:, None] * (harmonics(down) @ angle)
        band = torch.tensor([math.pi] + [2 * math.pi / 3] * 3 + [math.pi / 4] * 5)
        return moments * band.to(self.device)

    def flash(
        self, direction: Tensor, stroke: Tensor, strength: float, scene_s: float | None = None
    ) -> Tensor:
        """Light that a stroke of lightning adds to the clouds, (3, P) kcd/m².

        Args:
            direction: (3, P) unit.
            stroke: (3,) unit, towards the channel.
            strength: irradiance that it gives here, klx.
            scene_s: of the clouds; their first moment where it is left out.
        """
        seconds = self._start * self.period if scene_s is None else scene_s
        light, through = self.seen(direction, seconds)
        level = light.sum(0)  # what is bright by day lies open to light from within as well
        relief = level / level.mean().clamp(min=1e-12)
        away = 2 - 2 * (stroke @ direction)  # squared angle
        glow = 2.5 * torch.exp(-away / 0.015) + torch.exp(-away / 0.12) + 0.08
        glow *= (relief.clamp_(max=2.5) * 0.7 + 0.3).mul_(1 - through)
        return torch.tensor(_FLASH, device=direction.device)[:, None] * (glow * (strength / 2))


@functools.lru_cache(maxsize=8)
def _field(
    layer: Clouds, seed: int, number: int, along: float, rise: float, device: torch.device
) -> Field | Sheet:
    if layer.kind == "cirrus":
        return Sheet(layer, seed, number, along, device)
    return Field(layer, seed, number, along, rise, device)


@functools.lru_cache(maxsize=8)
def _lit(field: Field | Sheet, seconds: float, lamp: tuple[float, float, float]) -> Lit | Veil:
    if isinstance(field, Sheet):
        return field.at(seconds, lamp[1])
    return field.at(seconds).lit(lamp)


@functools.lru_cache(maxsize=4)
def _air(turbidity: float, device: torch.device) -> Atmosphere:
    return Atmosphere(turbidity, device)


def _smooth(x: Tensor, low: float, high: float) -> Tensor:
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)
