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
from pleinair.light.camera import SENSOR_MM, pose_at
from pleinair.light.cloud_field import Field, Lit
from pleinair.light.cloud_light import DROPS, ICE, Surroundings
from pleinair.light.cloud_march import Gathered, march
from pleinair.light.cloud_noise import look
from pleinair.light.sky import Sky, harmonics, moonlight
from pleinair.scenes.scene import Clouds, Scene

PERIOD_S = 8.0
TEXELS = 1024 * 384
MARGIN = 0.06
"""Rad beyond the view that its table holds."""
BEND = 1.0
"""How much denser rows lie at the horizon: twice as dense as on average."""


@dataclass(frozen=True)
class Grid:
    """A table of directions: columns by azimuth, rows from the horizon up.

    Attributes:
        left: azimuth of the left edge, rad; width: of the table, rad.
        top: elevation of its upper edge, rad.
        rows, columns: texels.
    """

    left: float
    width: float
    top: float
    rows: int
    columns: int

    @property
    def around(self) -> bool:
        """Whether it goes full circle."""
        return self.width > 2 * math.pi - 1e-6

    def rays(self, device: torch.device) -> Tensor:
        """Directions of the texels' middles, (3, R, C)."""
        v = (torch.arange(self.rows, device=device) + 0.5) / self.rows * _bent(self.top)
        elevation = (v * BEND / (1 + BEND - v))[:, None] * (math.pi / 2)
        azimuth = (torch.arange(self.columns, device=device) + 0.5) / self.columns
        azimuth = self.left + azimuth * self.width
        flat = elevation.cos()
        return torch.stack(
            (
                flat * azimuth.sin(),
                elevation.sin().expand(-1, self.columns),
                flat * azimuth.cos(),
            )
        )

    def angles(self, device: torch.device) -> Tensor:
        """Solid angle of the texels, sr, (R, C)."""
        edge = torch.arange(self.rows + 1, device=device) / self.rows * _bent(self.top)
        up = (edge * BEND / (1 + BEND - edge) * (math.pi / 2)).sin()
        return (up.diff() * (self.width / self.columns))[:, None].expand(-1, self.columns)

    def place(self, direction: Tensor) -> tuple[Tensor, Tensor]:
        """Column and row of unit directions (3, P) as shares of the table, (P,) each."""
        x, y, z = direction
        turn = torch.atan2(x, z)
        turn = (turn - self.left) * (1 / (2 * math.pi))
        turn = (turn - turn.floor()) * (2 * math.pi / self.width)
        return turn, _bent_tensor(y) * (1 / _bent(self.top))


def _bent(elevation: float) -> float:
    share = elevation / (math.pi / 2)
    return (1 + BEND) * share / (share + BEND)


def _bent_tensor(y: Tensor) -> Tensor:
    y = y.clamp(min=0, max=1)
    elevation = torch.atan2(y, (1 - y * y).sqrt_()).mul_(2 / math.pi)
    return elevation.mul(1 + BEND).div_(elevation.add_(BEND))


@dataclass(frozen=True)
class Dome:
    """The clouds at one moment by direction.

    Attributes:
        grid: which directions.
        table: (1, 4, R + 2, C + 2): light (premultiplied, kcd/m²) and transmittance.
        drift: (2, R, C): how fast what is seen there moves, table shares a second, by column and
            row.
    """

    grid: Grid
    table: Tensor
    drift: Tensor


@dataclass(frozen=True)
class _Layer:
    """One layer with its wind, m/s to the east and north, and its optics."""

    field: Field
    wind: tuple[float, float]
    around: Surroundings


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
        self.period = PERIOD_S * max(1.0, pace / 32)
        self.grid = _view_grid(scene, span, pixel_angle)
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
        self._lamp = tuple(sky.key.direction.tolist())

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
        found = self._seen(column, row, scene_s, whole=False)
        within = (column < 1) & (row < 1)
        if not self.grid.around and not bool(within.all()):
            out = within.logical_not().nonzero()[:, 0]
            column, row = self.round.place(direction.index_select(1, out))
            found.index_copy_(1, out, self._seen(column, row, scene_s, whole=True))
        return found[:3], found[3]

    def _seen(self, column: Tensor, row: Tensor, scene_s: float, *, whole: bool) -> Tensor:
        key = math.floor(scene_s / self.period)
        share = scene_s / self.period - key
        found = None
        for number, weight in ((key, 1 - share), (key + 1, share)):
            if weight <= 0:
                continue
            dome = self.dome(number, whole)
            drift = scene_s - number * self.period
            part = _moved(dome, column, row, drift)
            found = part if found is None else found.lerp_(part, weight)
        return found  # type: ignore[return-value]

    def _draw(self, key: int, grid: Grid) -> Dome:
        """Marches through all layers, nearest first."""
        seconds = key * self.period
        direction = grid.rays(self.device)
        light = torch.zeros_like(direction)
        through = torch.ones_like(direction[0])
        pull = torch.zeros(3, grid.rows, grid.columns, device=self.device)
        for layer in self._layers:
            lit = _lit(layer.field, seconds, self._lamp)
            offset = tuple(part * seconds % layer.field.tile for part in layer.wind)
            optics = ICE if layer.field.layer.kind == "cirrus" else DROPS
            got = march(lit, layer.around, optics, direction, offset)
            light, through = self._behind(light, through, got, direction)
            weight = (1 - got.through) + 0.01
            pull[0] += weight * layer.wind[0] / got.distance
            pull[1] += weight * layer.wind[1] / got.distance
            pull[2] += weight
        edge = _smooth(direction[1], 0.004, 0.03)
        light, through = light * edge, torch.lerp(torch.ones_like(through), through, edge)
        table = torch.cat((light, through[None]))
        mode = "circular" if grid.around else "replicate"
        table = F.pad(table[None], (1, 1, 0, 0), mode=mode)
        table = F.pad(table, (0, 0, 1, 1), mode="replicate")
        pull = F.avg_pool2d(pull[None], 8, ceil_mode=True)[0]
        coarse = F.normalize(F.avg_pool2d(direction[None], 8, ceil_mode=True), dim=1)[0]
        return Dome(grid, table, _drift(grid, coarse, pull[:2] / pull[2]))

    def _behind(
        self, light: Tensor, through: Tensor, got: Gathered, direction: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Adds what is behind and hidden by what there is."""
        shape = got.through.shape
        flat = direction.flatten(1)
        passed, air = self.sky.air(got.distance.flatten(), flat)
        solid = 1 - got.through
        seen = got.light * passed.view(3, *shape) + air.view(3, *shape) * solid
        return light + seen * through, through * got.through

    def shadow(self, x: Tensor, z: Tensor, scene_s: float) -> Tensor:
        """Share of the lamp's light that reaches places on the ground, m, (P,)."""
        share = torch.ones_like(x)
        if self._lamp[1] <= 0:
            return share
        key = math.floor(scene_s / self.period)
        part = scene_s / self.period - key
        for layer in self._layers:
            now, later = (_lit(layer.field, n * self.period, self._lamp) for n in (key, key + 1))
            table = torch.lerp(now.passed, later.passed, part)
            tile, base = layer.field.tile, now.density.base
            to_x, to_y, to_z = now.direction
            turn_x = (to_x / to_y * base - layer.wind[0] * scene_s) / tile
            turn_z = (to_z / to_y * base - layer.wind[1] * scene_s) / tile
            share *= look(table, x / tile + turn_x % 1, z / tile + turn_z % 1)[0]
        return share

    @functools.cached_property
    def sun_share(self) -> float:
        """Mean share of the lamp's light that gets through."""
        share = 1.0
        for layer in self._layers:
            share *= float(_lit(layer.field, self._start * self.period, self._lamp).passed.mean())
        return share

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

    def flash(self, direction: Tensor, stroke: Tensor, strength: float) -> Tensor:
        """Light that a stroke of lightning adds to the clouds, (3, P)."""
        return torch.zeros_like(direction)


def _moved(dome: Dome, column: Tensor, row: Tensor, seconds: float) -> Tensor:
    """(4, P) of a dome that the wind has moved on for a time."""
    at = torch.empty(1, 1, len(column), 2, device=column.device)
    torch.mul(column, 2, out=at[0, 0, :, 0]).sub_(1)
    torch.mul(row, 2, out=at[0, 0, :, 1]).sub_(1)
    v = F.grid_sample(
        dome.drift[None] * (-2 * seconds), at, align_corners=False, padding_mode="border"
    )[0, :, 0]
    at[0, 0, :, 0] += v[0]
    at[0, 0, :, 1] += v[1]
    table = dome.table
    for axis in (0, 1):
        size = table.shape[-1 - axis]
        at[0, 0, :, axis] *= (size - 2) / size
    return F.grid_sample(table, at, align_corners=False, padding_mode="border")[0, :, 0]


def _drift(grid: Grid, direction: Tensor, pull: Tensor) -> Tensor:
    """How fast clouds move through the table, (2, R, C) shares a second.

    Args:
        grid: the table.
        direction: (3, R, C).
        pull: (2, R, C) wind over distance, per s.
    """
    small = 1.0
    moved = direction.clone()
    moved[0] += pull[0] * small
    moved[2] += pull[1] * small
    moved = moved * torch.rsqrt((moved * moved).sum(0))
    shape = direction.shape[1:]
    before = grid.place(direction.flatten(1))
    after = grid.place(moved.flatten(1))
    across = after[0] - before[0]
    turn = 2 * math.pi / grid.width
    across = torch.remainder(across + turn / 2, turn) - turn / 2
    return torch.stack((across, after[1] - before[1])).view(2, *shape) / small


def _view_grid(scene: Scene, span: tuple[float, float], pixel_angle: float) -> Grid:
    camera = scene.camera
    end = max((move.start_s + move.seconds for move in camera.moves), default=0.0)
    poses = [pose_at(camera, scene.seed, end * part / 32) for part in range(33)]
    tilted = max(abs(pose.pitch_deg) + abs(pose.roll_deg) * 0.5 for pose in poses)
    half = math.atan(0.6 * SENSOR_MM / min(pose.lens_mm for pose in poses))
    top = min(math.pi / 2, math.radians(tilted + 7 * camera.shake) + half + MARGIN)
    low, high = span[0] - MARGIN, span[1] + MARGIN
    if high - low >= 2 * math.pi:
        low, high = span[0], span[0] + 2 * math.pi
    texel = 1.2 * pixel_angle
    slope = (1 + BEND) / BEND * 2 / math.pi  # of rows by elevation, at the horizon
    rows = max(16, math.ceil(_bent(top) / slope / texel))
    columns = max(16, math.ceil((high - low) / texel))
    shrink = min(1.0, math.sqrt(TEXELS / (rows * columns)))
    return Grid(low, high - low, top, math.ceil(rows * shrink), math.ceil(columns * shrink))


@functools.lru_cache(maxsize=8)
def _field(
    layer: Clouds, seed: int, number: int, along: float, rise: float, device: torch.device
) -> Field:
    return Field(layer, seed, number, along, rise, device)


@functools.lru_cache(maxsize=6)
def _lit(field: Field, seconds: float, lamp: tuple[float, float, float]) -> Lit:
    return field.at(seconds).lit(lamp)


@functools.lru_cache(maxsize=4)
def _air(turbidity: float, device: torch.device) -> Atmosphere:
    return Atmosphere(turbidity, device)


def _smooth(x: Tensor, low: float, high: float) -> Tensor:
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)
