"""Tables of the sky by direction, and how the wind moves what they show."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.camera import SENSOR_MM, pose_at
from pleinair.scenes.scene import Scene

TEXELS = 1024 * 384
MARGIN = 0.06
"""Rad beyond the view that its table holds."""
BEND = 1.0
"""How much denser rows lie at the horizon: twice as dense as on average."""
STEPS = 4
"""In which the wind's way is followed."""


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
        drift: (2, r, c + 2): how fast what is seen there moves, table shares a second, by column
            and row; coarse.
    """

    grid: Grid
    table: Tensor
    drift: Tensor


def between(
    first: Dome, second: Dome, column: Tensor, row: Tensor, since: float, until: float
) -> Tensor:
    """What is seen between two moments: both domes, moved by the wind and blended, (4, P).

    Args:
        first, second: the clouds before and after.
        column, row: (P,) of `Grid.place`.
        since, until: s from the first moment, and to the second.
    """
    share = since / (since + until)
    at = torch.empty(1, 1, len(column), 2, device=column.device)
    torch.mul(column, 2, out=at[0, 0, :, 0])
    torch.mul(row, 2, out=at[0, 0, :, 1])
    at -= 1
    seen = _read(first, at + _shift(first.drift, at, since))
    if share > 0:
        seen.lerp_(_read(second, at.add_(_shift(second.drift, at, -until))), share)
    return seen


def _shift(drift: Tensor, at: Tensor, seconds: float) -> Tensor:
    """How far away lies what the wind has brought to places (1, 1, P, 2) meanwhile, like them.

    The way back is followed on the coarse grid of the drift.
    """
    rows, columns = drift.shape[1:]
    scale = torch.tensor([(columns - 2) / columns, 1.0], device=at.device)
    y = (torch.arange(rows, device=at.device) + 0.5) / rows * 2 - 1
    x = (torch.arange(columns, device=at.device) - 0.5) / (columns - 2) * 2 - 1
    start = torch.stack((x.expand(rows, -1), y[:, None].expand(-1, columns)), -1)[None]
    place = start
    for _ in range(STEPS):
        speed = F.grid_sample(
            drift[None], place * scale, align_corners=False, padding_mode="border"
        )
        place = place.add(speed.permute(0, 2, 3, 1), alpha=-2 * seconds / STEPS)
    moved = (place - start).permute(0, 3, 1, 2)
    got = F.grid_sample(moved, at * scale, align_corners=False, padding_mode="border")
    return got.permute(0, 2, 3, 1)


def _read(dome: Dome, at: Tensor) -> Tensor:
    """(4, P) of a dome at places from −1 to 1 across it, which are overwritten."""
    if dome.grid.around:
        x = at[..., 0]
        x -= (x * 0.5 + 0.5).floor_().mul_(2)
    rows, columns = dome.table.shape[2:]
    at *= torch.tensor([(columns - 2) / columns, (rows - 2) / rows], device=at.device)
    return F.grid_sample(dome.table, at, align_corners=False, padding_mode="border")[0, :, 0]


def drift(grid: Grid, direction: Tensor, pull: Tensor) -> Tensor:
    """How fast clouds move through the table, (2, R, C + 2) shares a second.

    Args:
        grid: the table.
        direction: (3, R, C).
        pull: (2, R, C) wind over distance, per s.
    """
    later = direction.clone()
    later[0] += pull[0]
    later[2] += pull[1]
    later = later * torch.rsqrt((later * later).sum(0))
    shape = direction.shape[1:]
    before = grid.place(direction.flatten(1))
    after = grid.place(later.flatten(1))
    across = after[0] - before[0]
    turn = 2 * math.pi / grid.width
    across = torch.remainder(across + turn / 2, turn) - turn / 2
    speed = torch.stack((across, after[1] - before[1])).view(1, 2, *shape)
    return F.pad(speed, (1, 1, 0, 0), mode="circular" if grid.around else "replicate")[0]


def view_grid(scene: Scene, span: tuple[float, float], pixel_angle: float) -> Grid:
    """The table for what a camera shows.

    Args:
        scene: whose camera it is.
        span: azimuths that come into view, rad.
        pixel_angle: of its finest pixel, rad.
    """
    camera = scene.camera
    end = max((move.start_s + move.seconds for move in camera.moves), default=0.0)
    poses = [pose_at(camera, scene.seed, end * part / 32) for part in range(33)]
    tilted = max(abs(pose.pitch_deg) + abs(pose.roll_deg) * 0.5 for pose in poses)
    half = math.atan(0.6 * SENSOR_MM / min(pose.lens_mm for pose in poses))
    top = min(math.pi / 2, math.radians(tilted + 7 * camera.shake) + half + MARGIN)
    low, high = span[0] - MARGIN, span[1] + MARGIN
    if high - low >= 2 * math.pi:
        low, high = span[0], span[0] + 2 * math.pi
    texel = 1.4 * pixel_angle
    slope = (1 + BEND) / BEND * 2 / math.pi  # of rows by elevation, at the horizon
    rows = max(16, math.ceil(_bent(top) / slope / texel))
    columns = max(16, math.ceil((high - low) / texel))
    shrink = min(1.0, math.sqrt(TEXELS / (rows * columns)))
    return Grid(low, high - low, top, math.ceil(rows * shrink), math.ceil(columns * shrink))
