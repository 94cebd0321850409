"""From a scene to pictures: any frame by its number, by itself, the same bits whoever draws it."""

import math
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.camera import View, pose_at, view_at
from pleinair.light.film import Exposure, develop, meter
from pleinair.light.frame import Frame, draw
from pleinair.light.lens import depth_of_field, motion_blur
from pleinair.light.moment import moment_at
from pleinair.light.world import World
from pleinair.scenes.scene import Scene

SOFT_EV = 12.0
"""How a chosen exposure is softened: of 3 EV the film takes 2.4, and still holds a picture."""
RUSHED_DEG = 0.5
"""How far the sun turns in a frame before each is exposed for itself: days rush by."""
METER = (96, 54)
MOST_READINGS = 9
HEADROOM_M = 1.2
"""How far a moving camera stays above the ground, at least."""


class Renderer:
    """Draws a scene's film.

    Args:
        scene: what to draw.
        width, height: pixels.
        fps: frames a second of the film.
        frames: how many there are; the camera's moves and the exposure are spread over them.
        device: ``"cpu"`` or ``"cuda"``.
    """

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
        self.scene, self.width, self.height, self.fps = scene, width, height, fps
        self.seconds = max(frames - 1, 0) / fps
        self.device = torch.device(device)
        with _alone():
            self.world = World(scene, width, height, self.seconds, self.device)
            self.ground = self.world.stand()
            moves = {move.kind for move in scene.camera.moves}
            self.walks = not moves.isdisjoint(("forward", "truck", "orbit"))
            turn = abs(scene.time.pace) / fps * 15 / 3600
            self.rushed = turn > RUSHED_DEG
            self.exposure = Exposure((0.0,), (0.0,)) if self.rushed else self._metered()

    def view(self, film_s: float) -> View:
        """The camera at a moment of the film, over ground that rises before it too."""
        view = view_at(self.scene, self.width, self.height, film_s, self.ground, self.device)
        if self.walks:
            view.eye[1] = self.world.over(view.eye, min(self.scene.camera.height_m, HEADROOM_M))
        return view

    def frame(self, number: int) -> Frame:
        """One frame in linear light, before lens and film."""
        with _alone():
            return self._frame(number / self.fps)

    def draw(self, number: int) -> np.ndarray:
        """One frame as a picture, (H, W, 3) uint8."""
        with _alone():
            film_s = number / self.fps
            view = self.view(film_s)
            moment = moment_at(self.world, view)
            frame = draw(moment, view)
            chosen = self.scene.camera.exposure_ev
            metered = self._own(frame) if self.rushed else self.exposure.at(film_s)
            exposure = metered + chosen / (1 + abs(chosen) / SOFT_EV)
            return develop(
                self._through_lens(frame, film_s),
                self.scene.film,
                exposure,
                number,
                self.scene.seed,
                light=moment.white,
                depth=frame.depth,
                identity=frame.identity,
            )

    def stream(self, first: int, last: int, threads: int = 2) -> Iterator[np.ndarray]:
        """Frames ``first`` to ``last`` (not included) in order, drawn by several threads."""
        numbers = iter(range(first, last))
        with ThreadPoolExecutor(threads) as pool:
            waiting: list[Future[np.ndarray]] = [
                pool.submit(self.draw, number) for number in islice(numbers, threads + 1)
            ]
            try:
                while waiting:
                    picture = waiting.pop(0).result()
                    waiting += [pool.submit(self.draw, number) for number in islice(numbers, 1)]
                    yield picture
            finally:
                for future in waiting:
                    future.cancel()

    def _frame(self, film_s: float) -> Frame:
        view = self.view(film_s)
        return draw(moment_at(self.world, view), view)

    def _through_lens(self, frame: Frame, film_s: float) -> Tensor:
        """The light with the blur of aperture and shutter, (3, H, W)."""
        camera = self.scene.camera
        pose = pose_at(camera, self.scene.seed, film_s)
        light = depth_of_field(
            frame.light, frame.depth, pose.lens_mm, camera.f_number, pose.focus_m
        )
        if camera.shutter_deg > 0:
            motion = flow(frame, self.view(film_s + 1 / self.fps))
            light = motion_blur(light, motion, camera.shutter_deg, frame.depth)
        return light

    def _own(self, frame: Frame) -> float:
        """What a meter says of one frame alone."""
        wide = max(self.width, self.height) / METER[0]
        size = (max(int(self.height / wide), 1), max(int(self.width / wide), 1))
        return meter(F.interpolate(frame.light[None], size, mode="area")[0])

    def _metered(self) -> Exposure:
        """Readings of small frames along the film."""
        count = min(MOST_READINGS, 1 + math.ceil(self.seconds / 2))
        times = [self.seconds * (i + 0.5) / count for i in range(count)]
        width, height = METER if self.width >= self.height else METER[::-1]
        small = self.world.smaller(width, height)
        readings = []
        for film_s in times:
            view = view_at(self.scene, width, height, film_s, self.ground, self.device)
            readings.append(meter(draw(moment_at(small, view), view).light))
        return Exposure(tuple(times), tuple(readings))


def flow(frame: Frame, later: View) -> Tensor:
    """How far each pixel's place moves in the picture until a later view, (2, H, W) pixels."""
    view = frame.view
    ray = view.rays()  # (3, H, W)
    shift = (view.eye - later.eye).view(3, 1, 1)
    points = torch.addcmul(ray, shift, 1 / frame.depth)  # as seen from the later eye, scaled
    column, row, _ = later.project(points.view(3, -1))
    shape = ray.shape[1:]
    here_x = torch.arange(view.width, device=ray.device) + 0.5
    here_y = torch.arange(view.height, device=ray.device) + 0.5
    return torch.stack((column.view(shape) - here_x, row.view(shape) - here_y[:, None]))


@contextmanager
def _alone() -> Iterator[None]:
    """No gradients, and one thread within an operation: frames are drawn beside one another.

    With several, vectors are split where threads meet and their remainders rounded otherwise.
    """
    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)
    with torch.inference_mode():
        yield
