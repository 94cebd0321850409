"""Seeing a height field: one sweep outward in each compass direction, no loop over pixels.

Along one azimuth the ground is seen under slopes (height less eye) / distance. What stands nearer
hides what is farther and lower, so the running maximum of the slope is all that is seen, and the
first distance at which it exceeds the slope of a ray is where that ray meets the ground. A table of
these maxima for all azimuths answers for every ray of any camera: level, steep or straight down.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pleinair.light.camera import View

EARTH_M = 6371e3 * 7 / 6
"""Radius by which the ground falls away: the Earth's, enlarged as the air bends light."""


@dataclass(frozen=True)
class Fan:
    """Azimuths and distances of a sweep.

    Attributes:
        first: azimuth of the first column, rad.
        step: from column to column, rad.
        columns: how many there are.
        around: whether the last is followed by the first.
        distances: (K,) m, growing.
    """

    first: float
    step: float
    columns: int
    around: bool
    distances: Tensor

    def azimuths(self) -> Tensor:
        """(C,) rad."""
        order = torch.arange(self.columns, device=self.distances.device)
        return order * self.step + self.first

    def places(self, x: float, z: float) -> tuple[Tensor, Tensor]:
        """Where the samples lie for an eye at (x, z): (C, K) each, m."""
        azimuth = self.azimuths()[:, None]
        return (
            torch.addcmul(torch.full_like(azimuth, x), azimuth.sin(), self.distances),
            torch.addcmul(torch.full_like(azimuth, z), azimuth.cos(), self.distances),
        )

    def column(self, azimuth: Tensor) -> Tensor:
        """The column nearest to an azimuth, int32."""
        turn = azimuth - (self.first + self.columns * self.step / 2 - math.pi)
        turn = turn - torch.floor(turn * (0.5 / math.pi)) * (2 * math.pi)
        place = (turn - math.pi + self.columns * self.step / 2).mul_(1 / self.step).round_()
        if self.around:
            return torch.where(place >= self.columns, place - self.columns, place).int()
        return place.clamp_(0, self.columns - 1).int()


def fan_of(view: View, lengths: Tensor) -> Fan:
    """The directions that a picture needs: all that its border spans, or the whole circle.

    Args:
        view: the camera.
        lengths: (K,) distances, m.
    """
    right, up, ahead = view.basis.tolist()
    wide, high = view.width / 2 / view.focal, view.height / 2 / view.focal
    heading = math.atan2(ahead[0], ahead[2])
    turns, flattest = [0.0], 1.0
    for i in range(33):
        t = i / 16 - 1
        for u, v in ((t * wide, high), (t * wide, -high), (wide, t * high), (-wide, t * high)):
            x, y, z = (a + r * u + b * v for a, r, b in zip(ahead, right, up, strict=True))
            turns.append((math.atan2(x, z) - heading + math.pi) % (2 * math.pi) - math.pi)
            flattest = min(flattest, math.hypot(x, z) / math.sqrt(x * x + y * y + z * z))
    pole = abs(ahead[1]) * view.focal  # is straight up or down within the picture?
    inside = abs(right[1]) <= abs(ahead[1]) * wide and abs(up[1]) <= abs(ahead[1]) * high
    if (inside and pole > 0) or max(turns) - min(turns) > 5.5:
        corner = math.hypot(view.width, view.height) / 2 * 1.2
        columns = math.ceil(2 * math.pi * min(corner, view.focal))
        return Fan(-math.pi, 2 * math.pi / columns, columns, True, lengths)
    step = 0.9 / view.focal
    low, high = min(turns) - 2 * step, max(turns) + 2 * step
    return Fan(heading + low, step, math.ceil((high - low) / step) + 1, False, lengths)


def distances(near: float, far: float, device: torch.device) -> Tensor:
    """Distances of a sweep, (K,) m: each 2 % farther, but never so far that a ridge is missed.

    Args:
        near, far: the first and about the last, m.
        device: where they live.
    """
    found, at = [], near
    while at < far:
        found.append(at)
        at += min(0.022 * at, max(18.0, 0.009 * at))
    return torch.tensor(found, device=device)


class Horizon:
    """What of a height field is seen from one point.

    Args:
        fan: directions and distances.
        heights: (C, K) of the ground along them, m.
        eye: height of the eye, m.
    """

    def __init__(self, fan: Fan, heights: Tensor, eye: float) -> None:
        self.fan = fan
        length = fan.distances
        fall = length * length * (0.5 / EARTH_M) + eye
        self.slopes = (heights - fall) / length  # (C, K)
        self.seen = torch.cummax(self.slopes, 1).values  # (C, K)

    def meet(self, azimuth: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
        """Where rays meet the ground.

        Args:
            azimuth: (P,) rad.
            slope: (P,) rise over run.

        Returns:
            Horizontal distance (P,) m, infinite for rays that pass above everything; the slope
            under which the edge of nearer ground is seen below, −inf where there is none, (P,).
        """
        count = self.fan.distances.shape[0]
        start = self.fan.column(azimuth) * count  # (P,)
        flat, last = self.seen.view(-1), start + (count - 1)
        place, jump = start - 1, 1 << (count - 1).bit_length()
        while jump:  # the last sample that is seen under less than the ray's slope
            ahead = torch.minimum(place + jump, last)
            lower = flat.index_select(0, ahead) < slope
            place = torch.where(lower, ahead, place)
            jump //= 2
        passed = place == last
        after = torch.minimum(place + 1, last)
        before = torch.maximum(place, start)
        low = flat.index_select(0, before)
        high = self.slopes.view(-1).index_select(0, after)
        share = ((slope - low) / (high - low).clamp_(min=1e-9)).clamp_(0, 1)
        near = self.fan.distances.index_select(0, before - start)
        far = self.fan.distances.index_select(0, after - start)
        distance = torch.lerp(near, far, share)
        below = place < start  # nearer than the first sample: as if the ground were level there
        first = low / torch.minimum(slope, low).clamp(max=-1e-6) * near
        distance = torch.where(below & (low < 0), first, distance)
        hidden = passed | (self.slopes.view(-1).index_select(0, before) < low)
        front = torch.where(hidden & ~below, low, -math.inf)
        return distance.masked_fill_(passed, math.inf), front
