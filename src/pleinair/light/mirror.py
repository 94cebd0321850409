"""What water mirrors: the land as the eye's mirror image below the water sees it, and the sky."""

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.camera import View
from pleinair.light.sweep import Fan, Horizon

if TYPE_CHECKING:
    from pleinair.light.moment import Moment

ROWS = 96
STEEPEST = 1.6
"""Slope up to which land is looked for in the mirror."""
DEEP_M = 1e5
COARSER = 2
"""Columns of the picture to one of the mirror: waves blur what they mirror."""


class Mirror:
    """A table of the land over azimuth and slope, seen from the mirrored eye.

    Args:
        moment: the scene as it is.
        view: the camera.
        fan: the picture's own directions.
    """

    def __init__(self, moment: "Moment", view: View, fan: Fan) -> None:
        self.moment, self.table = moment, torch.empty(0)
        if moment.drowned:
            return
        columns = max(fan.columns // COARSER, 8)
        step = fan.step * fan.columns / columns
        self.fan = Fan(fan.first, step, columns, fan.around, fan.distances[::2])
        eye = view.eye.clone()
        eye[1] = -eye[1].clamp(min=0.3)
        x, z = self.fan.places(float(eye[0]), float(eye[2]))
        gaps = moment.world.gaps[::2] * 2
        heights = moment.heights(x, z, gaps, self.fan.distances)
        water = heights < 0
        order = torch.arange(ROWS, device=eye.device)
        slope = ((order + 0.5) / ROWS).square() * STEEPEST  # (R,)
        azimuth = self.fan.azimuths()
        shape = (ROWS, columns)
        slope, azimuth = (
            part.expand(shape).reshape(-1) for part in (slope[:, None], azimuth[None])
        )
        # Water at a distance mirrors only what lies behind it: first all land behind some water
        # is looked for, and where that lies before the water of a row, land behind all of it.
        some = torch.cummax(water, 1).values
        rest = torch.cummax(water.flip(1), 1).values.flip(1).logical_not()
        near, far = (
            Horizon(self.fan, torch.where(part & ~water, heights, -DEEP_M), float(eye[1]))
            for part in (some, rest)
        )
        run, _ = near.meet(azimuth, slope)
        behind, _ = far.meet(azimuth, slope)
        run = torch.where(run * slope > -0.9 * eye[1], run, behind)
        self.table = torch.zeros(4, ROWS * columns, device=eye.device)
        hit = run.isfinite().nonzero()[:, 0]
        if hit.numel():
            run, slope, azimuth = (part.index_select(0, hit) for part in (run, slope, azimuth))
            level = torch.rsqrt(1 + slope * slope)
            ray = torch.stack((azimuth.sin() * level, slope * level, azimuth.cos() * level))
            across = run / level
            x = torch.addcmul(eye[0], ray[0], across)
            z = torch.addcmul(eye[2], ray[2], across)
            footprint = across * (view.pixel_angle * COARSER)
            scale = moment.atlas.scale(footprint, run)
            height = moment.ground(x, z, scale)
            shade = moment.shade(x, z)
            light = moment.matt(x, z, scale, height, across, shade, view.pixel_angle * COARSER)
            light = moment.aired(light, ray, across, 0.0, height)
            self.table[:3].index_copy_(1, hit, light)
            self.table[3].index_fill_(0, hit, 1.0)
        table = self.table.view(1, 4, *shape)
        if fan.around:
            table = F.pad(table, (1, 1, 0, 0), mode="circular")
        self.table = table

    def reflect(self, direction: Tensor, variance: Tensor) -> Tensor:
        """Radiance that comes from a direction above the water, (3, P) kcd/m²."""
        if self.moment.drowned:
            return self.moment.mirrored(direction)
        level = torch.rsqrt(
            (direction[0] * direction[0]).addcmul_(direction[2], direction[2]).clamp_(min=1e-12)
        )
        slope = (direction[1] * level).clamp_(min=0)
        azimuth = torch.atan2(direction[0], direction[2])
        middle = self.fan.first + self.fan.columns * self.fan.step / 2
        turn = azimuth - (middle - math.pi)
        turn = turn - torch.floor(turn * (0.5 / math.pi)) * (2 * math.pi) - math.pi
        half = self.fan.columns * self.fan.step / 2
        u = (turn + self.fan.step / 2) * (1 / half)
        if self.fan.around:
            u = u * (self.fan.columns / (self.fan.columns + 2))
        v = (slope * (1 / STEEPEST)).sqrt_().mul_(2).sub_(1)
        place = torch.stack((u, v), -1).view(1, 1, -1, 2)
        land = F.grid_sample(self.table, place, padding_mode="border", align_corners=False)[0, :, 0]
        land[3].masked_fill_(v > 1, 0)
        sky = self.moment.mirrored(direction)
        return land[:3].addcmul_(sky, 1 - land[3])
