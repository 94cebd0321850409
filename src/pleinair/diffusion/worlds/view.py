"""The camera: where each pixel of each frame looks, and how the camera moves."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pleinair.diffusion.worlds.scene import CAMERAS

FPS = 8
_FOCAL = 1.7  # of half the short side: a field of view of 61 degrees across it

# Per second of clip, in the order of CAMERAS: yaw, pitch (radians), log focal, travel, log height.
_MOTION = (
    (0.0, 0.0, 0.0, 0.0, 0.0),
    (-0.26, 0.0, 0.0, 0.0, 0.0),
    (0.26, 0.0, 0.0, 0.0, 0.0),
    (0.0, 0.17, 0.0, 0.0, 0.0),
    (0.0, -0.17, 0.0, 0.0, 0.0),
    (0.0, 0.0, 0.28, 0.0, 0.0),
    (0.0, 0.0, -0.28, 0.0, 0.0),
    (0.0, 0.0, 0.0, 0.95, 0.0),
    (0.0, -0.02, 0.0, 0.0, 0.6),
)


@dataclass(frozen=True)
class View:
    """Directions of a batch of clips; all tensors broadcast to (B, 1, T, H, W).

    Attributes:
        azimuth: (B, 1, T, 1, W) radians to the right of the direction at mid-clip.
        elevation: (B, 1, T, H, 1) radians above the horizon.
        pixel: (B, 1, T, 1, 1) width of a pixel in radians.
        height: (B, 1, T, 1, 1) of the camera over the ground; 1 is a person's view.
        travel: (B, 1, T, 1, 1) how far the camera has moved forward since mid-clip.
        time: (1, 1, T, 1, 1) seconds since the start.
        x, y: (1, 1, 1, 1, W), (1, 1, 1, H, 1) place on the screen, half the short side is 1, y up.
    """

    azimuth: Tensor
    elevation: Tensor
    pixel: Tensor
    height: Tensor
    travel: Tensor
    time: Tensor
    x: Tensor
    y: Tensor

    def pick(self, index: Tensor) -> "View":
        """The clips at ``index`` of the batch."""
        return View(
            self.azimuth[index],
            self.elevation[index],
            self.pixel[index],
            self.height[index],
            self.travel[index],
            self.time,
            self.x,
            self.y,
        )


def look(
    cameras: list[str], pitch: Tensor, speed: Tensor, frames: int, width: int, height: int
) -> View:
    """The view of each clip.

    Args:
        cameras: B names out of CAMERAS.
        pitch: (B, 1, 1, 1, 1) elevation of the centre at mid-clip, radians.
        speed: (B, 1, 1, 1, 1) factor on the camera's motion.
    """
    device = pitch.device
    rates = torch.tensor([_MOTION[CAMERAS.index(c)] for c in cameras], device=device)
    time = torch.arange(frames, device=device).view(1, 1, -1, 1, 1) / FPS
    yaw, tilt, zoom, travel, rise = (
        rates[:, i].view(-1, 1, 1, 1, 1) * speed * (time - (frames - 1) / FPS / 2) for i in range(5)
    )
    short = min(width, height)
    x = (torch.arange(width, device=device) + 0.5 - width / 2).view(1, 1, 1, 1, -1) * 2 / short
    y = (height / 2 - 0.5 - torch.arange(height, device=device)).view(1, 1, 1, -1, 1) * 2 / short
    focal = _FOCAL * zoom.exp()
    return View(
        azimuth=yaw + torch.atan(x / focal),
        elevation=pitch + tilt + torch.atan(y / focal),
        pixel=2 / short / focal,
        height=rise.exp(),
        travel=travel,
        time=time,
        x=x,
        y=y,
    )
