"""Where waves end: they shoal, break, run up the beach and back, and leave wet sand and foam.

A wave travels as fast as the depth lets it, √(g d). Over a floor of even slope β its crest needs
2 √(d / g) / β from depth d to the shore, so the depth alone tells when each crest passes, and
crests turn with the bottom's contours as they do on a beach. A wave breaks where it is higher than
0.78 of the depth. Its run-up follows Stockdon et al. (2006), the swash a throw up the slope (Shen
and Meyer 1963). All of it is a function of place and time: no frame needs the one before.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.seeds import generator
from pleinair.light.spectrum import GRAVITY, Sea
from pleinair.scenes.scene import Scene

BREAKING = 0.78
"""Height over depth at which a wave breaks (McCowan 1894)."""
FLOOR = {"beach": 0.035, "cliffs": 0.25, "lake": 0.15, "river": 0.22}
"""Slope of the bottom near the shore, by place."""
FACE = {"beach": 0.07, "cliffs": 0.3}
"""Slope of what the swash runs up."""
RISING = 0.4
"""Share of a swash's time in which it runs up."""
REMEMBERED = 4
"""Swashes whose traces are seen."""
MANY = 1024
"""Waves after which their heights repeat."""
BACK, SHEEN_S, DAMP_S = 0.16, 5.0, 25.0
"""Length of a crest's back in periods; seconds for which wet sand mirrors and stays dark."""


@dataclass(frozen=True)
class Surf:
    """The water at places near the shore, (P,) each.

    Attributes:
        level: of the water above its mean, m; 0 where there is none on the ground.
        slope: of the surface seaward.
        foam: share that is white, 0..1.
        wet: how wet the ground is, 0..1.
        sheen: how much of a film of water is on it, 0..1; under water 1.
    """

    level: Tensor
    slope: Tensor
    foam: Tensor
    wet: Tensor
    sheen: Tensor


class Shore:
    """The surf of a scene.

    Args:
        scene: whose shore it is.
        sea: the waves off it.
        device: where its tensors live.
    """

    def __init__(self, scene: Scene, sea: Sea, device: torch.device) -> None:
        place = scene.land.place
        self.floor, self.face = FLOOR.get(place, 0.1), FACE.get(place, 0.14)
        wind_sea = sea.height
        height = math.hypot(wind_sea, sea.swell)
        swell = sea.swell > 0.5 * wind_sea
        period = sea.swell_period if swell else 2 * math.pi / sea.peak
        self.period = min(max(period, 1.3), 15.0)
        self.height = min(0.75 * height, 3.0) * (0.3 if place == "river" else 1)
        length = GRAVITY * self.period**2 / (2 * math.pi)
        self.runup = 0.73 * self.face * math.sqrt(self.height * length) + 1e-3
        """Height above the still water that a usual wave's swash reaches, m."""
        self.deepest = 2.6 * self.height / BREAKING + 0.02
        """Depth beyond which nothing of the surf is seen, m."""
        self.highest = 1.9 * self.runup
        made = generator(scene.seed, "shore")
        heights = torch.rand(MANY, generator=made)
        sets = (heights + heights.roll(1) + heights.roll(2)) / 3  # waves come in sets
        self._heights = (0.45 + 0.5 * heights + 0.6 * (sets - 0.2)).to(device)
        rough = torch.rand(1, 2, 20, 20, generator=made)
        rough = F.interpolate(rough, scale_factor=8, mode="bicubic")[:, :, 16:-16, 16:-16]
        self._wander = rough.mul(2).sub(1).to(device)

    def near(self, ground: Tensor) -> Tensor:
        """Which places are so near the shore that there is surf, (N,), by their ground's height."""
        return ((ground > -self.deepest) & (ground < self.highest)).nonzero()[:, 0]

    def look(self, x: Tensor, z: Tensor, ground: Tensor, seconds: float) -> Surf:
        """The surf at places of `near`.

        Args:
            x, z: (P,) m.
            ground: (P,) its height above the still water, m.
            seconds: the scene's time.
        """
        depth = (-ground).clamp(min=0)  # (P,)
        sway, sway_too = self._noise(x, z)
        travel = (depth / GRAVITY).sqrt_().mul_(2 / self.floor / self.period)
        now = (seconds / self.period) % MANY
        arrival = sway * 0.25 + (now + 1)
        height = sway_too.mul_(0.3).add_(1)

        # Breakers
        phase = arrival + travel  # a crest passes at each whole number
        order = phase.floor()
        part = phase - order
        fade = ((self.deepest - depth) / (0.6 * self.deepest)).clamp_(0, 1)
        limit = depth * BREAKING
        last, following = (
            self._height(order + ahead) * height * (self.height * 1.15) for ahead in (0, 1)
        )
        broke, breaks = (
            ((wave / (limit + 1e-3)) - 0.8).mul_(3).clamp_(0, 1) for wave in (last, following)
        )
        last, following = torch.minimum(last, limit), torch.minimum(following, limit)
        back = torch.exp(part * (-1 / BACK))
        width = 0.13 - 0.1 * breaks
        front = torch.exp((part - 1) / width)
        rise = (last * back).addcmul_(following, front).sub_(last, alpha=BACK).mul_(fade)
        steep = (following * front / width).sub_(last * back, alpha=1 / BACK)
        pace = (depth + 0.05).mul_(GRAVITY).rsqrt_().mul_(1 / self.period)  # phase by distance
        slope = (steep * pace * fade).clamp_(-0.7, 0.7)
        roller = torch.exp(part * (-self.period / 0.9)) * broke
        lace = torch.exp(part * (-self.period / 3.5)) * broke * 0.5
        foam = torch.maximum(roller, lace).maximum(front.square() * breaks * 0.9).mul_(fade)
        climb = ground.clamp(min=0)
        foam.mul_(torch.exp(climb * (-20 / self.runup)))  # they end where the swash begins

        # Swash
        order = arrival.floor()
        age = arrival - order  # periods since the last crest reached the shore
        cover = torch.zeros_like(depth)
        wet, sheen = torch.zeros_like(depth), torch.zeros_like(depth)
        for back_then in range(REMEMBERED):
            reach = self._height(order - back_then) * height * self.runup
            lasts = 1.15
            at = (age + back_then) * (1 / lasts)
            turned = (at - RISING) * torch.where(at < RISING, 1 / RISING, 1 / (1 - RISING))
            front = reach * (1 - turned * turned)  # height of its tip
            cover = torch.maximum(cover, front)
            share = (1 - climb / reach).clamp_(min=0)
            left = lasts * self.period * (RISING + (1 - RISING) * share.sqrt())
            since = ((age + back_then) * self.period - left).clamp_(min=0)
            covered = (share > 0) & (at > RISING * (1 - share.sqrt()))
            recent = (REMEMBERED - back_then - age).clamp_(max=1)  # the oldest fades out
            drying = torch.where(covered, since, 1e3)
            wet = torch.maximum(wet, torch.exp(drying * (-1 / DAMP_S)) * recent)
            sheen = torch.maximum(sheen, torch.exp(drying * (-1 / SHEEN_S)))
            tip = torch.exp((front - ground).abs_() * (-0.35 / self.runup / 0.035))
            fresh = (1.15 - at).clamp_(0, 1)
            mark = torch.exp((reach - ground).abs_() * (-25 / self.runup)) * covered
            sheet = ((front - climb) * (9 / self.runup)).clamp_(0, 1) * torch.exp(at * -2.2) * 0.6
            line = torch.maximum(tip * fresh * (front > 0), mark * torch.exp(since * -0.5) * 0.5)
            shallow = torch.exp(depth * (-6 / self.runup))
            foam = torch.maximum(foam, torch.maximum(line, sheet) * shallow)
        over = (cover - climb).clamp_(min=0).mul_(0.25)
        lens = over * torch.exp(depth * (-2.0 / self.runup))
        dry = ground > 0
        film = torch.where((lens > 0) | (wet > 0.03), ground + lens + 2e-3, 0.0)
        return Surf(
            level=torch.where(dry, film, rise + lens),
            slope=torch.where(dry, 0.0, slope),
            foam=foam.clamp_(0, 1),
            wet=torch.where(dry & (lens <= 0), wet, 1.0),
            sheen=torch.where(dry & (lens <= 0), sheen, 1.0),
        )

    def _height(self, order: Tensor) -> Tensor:
        """Heights of waves by their number, 1 for a usual one."""
        return self._heights.index_select(0, order.remainder(MANY).int())

    def _noise(self, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """Two slow functions of the place, about −1 to 1; over some 80 m."""
        u, v = x * 4e-4, z * 4e-4
        place = torch.stack(((u - u.round()).abs_(), (v - v.round()).abs_()), -1).mul_(4).sub_(1)
        found = F.grid_sample(self._wander, place.view(1, 1, -1, 2), align_corners=False)
        return found[0, 0, 0], found[0, 1, 0]
