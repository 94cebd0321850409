"""How clouds are lit: the lamp at their height, the sky above, the ground below, and their phase.

Light that was scattered many times is not followed. Octaves of ever weaker, ever less forward
scattering stand for it (Wrenninge, Kulla and Lundqvist, "Oz: The Great and Volumetric", 2013); the
last of them fades as light does in a thick medium that absorbs nothing: by 1 / (1 + depth), not
exponentially (van de Hulst, "Multiple Light Scattering", 1980).
"""

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pleinair.light.atmosphere import EARTH_KM, Atmosphere
from pleinair.light.sky import Sky


@dataclass(frozen=True)
class Scattering:
    """The optics of one kind of cloud.

    Attributes:
        lobes: (share, g) of the Henyey–Greenstein functions of its phase function.
        diffuse: light scattered many times, in the light that would come from everywhere.
        diffusion: how fast that fades with depth.
    """

    lobes: tuple[tuple[float, float], ...] = ((0.82, 0.8), (0.18, -0.25))
    diffuse: float = 2.5
    diffusion: float = 0.16


LOWEST = math.sin(math.radians(3))
"""A lamp lower than that lights the clouds as from there."""
_FADING = (1.15, 1.0, 0.86)
DROPS = Scattering()
ICE = Scattering(lobes=((0.85, 0.88), (0.15, 0.1)), diffuse=1.2)


def phase(cosine: Tensor, lobes: tuple[tuple[float, float], ...], weaker: float = 1.0) -> Tensor:
    """Phase function, per sr, same shape as the cosine of the angle of scattering.

    Args:
        cosine: of the angle between ray and lamp.
        lobes: of `Scattering`.
        weaker: factor of their g.
    """
    total = torch.zeros_like(cosine)
    for share, g in lobes:
        g *= weaker
        base = ((1 + g * g) - (2 * g) * cosine).clamp_(min=1e-4)
        total += (share * (1 - g * g) / (4 * math.pi)) * base.rsqrt() / base
    return total


@dataclass(frozen=True)
class Surroundings:
    """What lights the clouds of one layer.

    Attributes:
        direction: (3,) to the lamp.
        lamp: (3, N) klx at places ever farther towards the lamp, from −`reach` to +`reach` m: it
            stands higher for those.
        reach: m.
        above, below: (3,) klx of the sky from above, and of sky and ground from below.
    """

    direction: Tensor
    lamp: Tensor
    reach: float
    above: Tensor
    below: Tensor

    @classmethod
    def of(
        cls, sky: Sky, atmosphere: Atmosphere, light: Tensor, height: float, cover: float
    ) -> "Surroundings":
        """At a height in m.

        Args:
            sky: that is clear.
            atmosphere: its air.
            light: (L,) the lamp's outside the air, by wavelength.
            height: of the layer's middle, m.
            cover: share of the ground that lies in shadow.
        """
        direction, reach = sky.key.direction, 150_000.0
        device = direction.device
        flat = float(direction[[0, 2]].norm())
        away = torch.linspace(-reach, reach, 33, device=device) / (EARTH_KM * 1000)
        cosine = (direction[1] + away * flat).clamp(-1, 1)
        through = atmosphere.transmittance(torch.full_like(cosine, height / 1000), cosine)
        lamp = (atmosphere.colours @ (through * light[:, None])).clamp(min=0)
        up = torch.tensor([[0.0, 0.0], [1.0, -1.0], [0.0, 0.0]], device=device)
        above, below = sky.irradiance(up).unbind(1)
        return cls(direction, lamp, reach, above, below * (1 - 0.7 * cover))

    @functools.cached_property
    def towards(self) -> tuple[float, float, float]:
        """Unit direction from which the lamp's light is followed: not lower than `LOWEST`."""
        x, y, z = self.direction.tolist()
        up = y if abs(y) > LOWEST else math.copysign(LOWEST, y + 1e-9)
        scale = math.sqrt(max(1 - up * up, 0.0)) / max(math.hypot(x, z), 1e-6)
        return x * scale, up, z * scale

    def lamp_at(self, x: Tensor, z: Tensor) -> Tensor:
        """The lamp's light at places seen from the eye, (3, P) klx."""
        spread = float(self.lamp.amax(1).max() - self.lamp.amin(1).max())
        middle = self.lamp.shape[1] // 2
        if spread < 0.02 * float(self.lamp.max()):
            return self.lamp[:, middle : middle + 1].expand(-1, len(x))
        flat = self.direction[[0, 2]]
        flat = flat / flat.norm().clamp(min=1e-6)
        towards = (x * flat[0] + z * flat[1]).clamp(-self.reach, self.reach * 0.999)
        place = (towards / self.reach + 1) * middle
        index = place.long()
        return torch.lerp(self.lamp[:, index], self.lamp[:, index + 1], place - index)


def source(
    around: Surroundings,
    optics: Scattering,
    cosine: Tensor,
    depth: Tensor,
    above: Tensor,
    height: Tensor,
    lamp: Tensor,
) -> Tensor:
    """Radiance that a thick piece of cloud sends towards the eye, (3, P) kcd/m².

    Args:
        around: what lights it.
        optics: of the cloud.
        cosine: (P,) between the ray and the lamp.
        depth: (P,) of cloud towards the lamp.
        above: (P,) of cloud towards the zenith.
        height: (P,) within the layer, 0 to 1.
        lamp: (3, P) klx.
    """
    direct = phase(cosine, optics.lobes) * torch.exp(-depth)
    direct += 0.5 * phase(cosine, optics.lobes, 0.5) * torch.exp(-0.3 * depth)
    # water takes more of the red: what comes from deep within is bluish
    fading = torch.tensor(_FADING, device=depth.device)[:, None] * optics.diffusion
    buried = torch.addcmul(torch.ones_like(fading), fading, depth).reciprocal_()  # (3, P)
    direct = torch.add(direct, buried, alpha=optics.diffuse / (4 * math.pi))
    sky = 1 / (1 + 0.2 * above)
    ground = 1 / (1 + 4 * height)
    light = around.above[:, None] * sky + around.below[:, None] * (0.42 * ground)
    return torch.addcmul(light * (0.9 / math.pi), lamp, direct)
