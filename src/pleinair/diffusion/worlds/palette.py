"""Light: the colours of sky, sun and ground for each hour and weather."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from pleinair.diffusion.worlds.scene import COLOURS, HOURS, WEATHERS

# One row an hour, in the order of HOURS: display RGB in [0, 1].
_ZENITH = (
    (0.44, 0.52, 0.76),
    (0.13, 0.38, 0.85),
    (0.36, 0.50, 0.70),
    (0.27, 0.20, 0.42),
    (0.06, 0.09, 0.30),
    (0.016, 0.030, 0.105),
)
_HORIZON = (
    (0.99, 0.76, 0.76),
    (0.76, 0.88, 0.98),
    (1.00, 0.83, 0.48),
    (1.00, 0.42, 0.14),
    (0.52, 0.34, 0.55),
    (0.085, 0.125, 0.27),
)
_SUN = (
    (1.00, 0.88, 0.78),
    (1.00, 0.98, 0.92),
    (1.00, 0.88, 0.55),
    (1.00, 0.62, 0.25),
    (0.60, 0.45, 0.60),
    (0.55, 0.62, 0.80),
)
_LIGHT = (
    (0.80, 0.69, 0.75),
    (1.00, 0.98, 0.94),
    (1.05, 0.82, 0.52),
    (0.74, 0.42, 0.32),
    (0.29, 0.27, 0.46),
    (0.18, 0.22, 0.38),
)
SUN_ELEVATION = (0.09, 0.62, 0.24, 0.035, -0.3, -0.6)  # radians

# One row a weather: how far sky and light go to grey, and how bright that grey is.
_GREY = (0.0, 0.0, 0.62, 0.5, 0.66, 0.5, 0.8)
_DIM = (1.0, 1.0, 0.80, 0.95, 0.64, 0.95, 0.45)


@dataclass(frozen=True)
class Light:
    """The light of a batch of scenes: colours (B, 3, 1, 1, 1) and numbers (B, 1, 1, 1, 1).

    Attributes:
        zenith, horizon, sun: colours of the sky and of the sun's disk.
        light: colour of what falls on the ground.
        fog: colour of the air itself.
        sun_elevation: radians.
        sun_strength: 0 to 1, how much of the sun comes through.
        darkness: 0 by day to 1 at night.
    """

    zenith: Tensor
    horizon: Tensor
    light: Tensor
    sun: Tensor
    fog: Tensor
    sun_elevation: Tensor
    sun_strength: Tensor
    darkness: Tensor

    @classmethod
    def of(cls, hours: list[str], weathers: list[str], device: torch.device) -> "Light":
        """The light at these hours in these weathers."""
        hour = torch.tensor([HOURS.index(h) for h in hours])
        weather = torch.tensor([WEATHERS.index(w) for w in weathers])
        grey = torch.tensor(_GREY)[weather, None]
        dim = torch.tensor(_DIM)[weather, None]

        def shaded(rows: tuple[tuple[float, float, float], ...], keep: float) -> Tensor:
            colour = torch.tensor(rows)[hour]
            tone = colour.mean(1, keepdim=True) * (1 - keep) + colour * keep
            mixed = (colour + (tone - colour) * grey) * dim
            return mixed[:, :, None, None, None].to(device)

        horizon, light = shaded(_HORIZON, 0.5), shaded(_LIGHT, 0.5)
        shining = torch.tensor((1.0, 1.0, 1.0, 1.0, 0.0, 0.0))[hour]
        return cls(
            zenith=shaded(_ZENITH, 0.35),
            horizon=horizon,
            light=light,
            sun=torch.tensor(_SUN)[hour][:, :, None, None, None].to(device),
            fog=0.75 * horizon + 0.25 * light,
            sun_elevation=_scalar(torch.tensor(SUN_ELEVATION)[hour], device),
            sun_strength=_scalar(shining * (1 - grey[:, 0]), device),
            darkness=_scalar(torch.tensor((0.1, 0.0, 0.0, 0.15, 0.65, 1.0))[hour], device),
        )

    def pick(self, index: Tensor) -> "Light":
        """The light of the scenes at ``index`` of the batch."""
        return Light(*(getattr(self, field.name)[index] for field in fields(self)))


def _scalar(values: Tensor, device: torch.device) -> Tensor:
    return values.view(-1, 1, 1, 1, 1).to(device)


# Paint of coloured things, in the order of COLOURS.
PAINTS = dict(
    zip(
        COLOURS,
        (
            (0.88, 0.08, 0.08),
            (1.00, 0.48, 0.05),
            (1.00, 0.86, 0.10),
            (0.10, 0.62, 0.22),
            (0.08, 0.26, 0.92),
            (0.56, 0.12, 0.72),
            (0.97, 0.97, 0.97),
        ),
        strict=True,
    )
)
