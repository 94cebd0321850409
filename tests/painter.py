"""A renderer that is quick and draws no landscape: for tests of all that is around it."""

import numpy as np

from pleinair.media.frames import Picture
from pleinair.scenes.scene import Scene


class Painter:
    """Bands of colour that the scene's seed and light decide, moving from frame to frame."""

    def __init__(
        self,
        scene: Scene,
        *,
        width: int,
        height: int,
        fps: float,
        frames: int,
        device: str = "cpu",
    ) -> None:
        self.phase = scene.seed % 97 + scene.sky.sun_elevation_deg
        self.y, self.x = np.mgrid[0:height, 0:width] * (64 / width)

    def draw(self, number: int) -> Picture:
        """One frame, (H, W, 3) uint8."""
        at = self.phase + number / 7
        bands = [self.x / 9 + at, self.y / 7 - at, (self.x + self.y) / 11 + 2 * at]
        levels = 127 + 90 * np.sin(np.stack(bands, -1))
        picture: Picture = levels.astype(np.uint8)
        return picture
