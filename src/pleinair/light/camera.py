"""The camera: where it stands, looks and how it moves, at any moment of the film."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pleinair.light.seeds import generator
from pleinair.scenes.scene import Camera, Move, Scene

SENSOR_MM = 36.0
"""Width of the frame that `Camera.lens_mm` is meant for; its longer side."""


@dataclass(frozen=True)
class View:
    """The camera in one frame.

    Attributes:
        eye: (3,) where it stands, m.
        basis: (3, 3), rows right, up and ahead: unit vectors of the world.
        focal: length of the lens in pixels.
        width, height: of the picture in pixels.
        film_s, scene_s: the film's and the scene's time, s.
    """

    eye: Tensor
    basis: Tensor
    focal: float
    width: int
    height: int
    film_s: float
    scene_s: float

    @property
    def pixel_angle(self) -> float:
        """Radians across a pixel in the middle of the picture."""
        return 1 / self.focal

    def rays(self) -> Tensor:
        """Unit directions through the middle of each pixel, (3, H, W)."""
        right, up, ahead = (row.view(3, 1, 1) for row in self.basis)
        device = self.eye.device
        x = (torch.arange(self.width, device=device) + 0.5 - self.width / 2) / self.focal  # (W,)
        y = (self.height / 2 - 0.5 - torch.arange(self.height, device=device)) / self.focal
        length = torch.rsqrt(1 + x * x + (y * y)[:, None])  # (H, W)
        across = ahead + right * x  # (3, 1, W)
        return torch.add(across, up * y[:, None]).mul_(length)  # (3, H, W)

    def project(self, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Where directions, or points seen from the eye, lie in the picture.

        Args:
            points: (3, N); for points of the world, less `eye`.

        Returns:
            Column and row in pixels, (N,) each, where the middle of the first pixel is 0.5, and
            the depth along the camera's axis, (N,): not above 0 is behind the camera.
        """
        x, y, depth = self.basis @ points
        ahead = depth.clamp(min=1e-6)
        column = x / ahead * self.focal + self.width / 2
        row = self.height / 2 - y / ahead * self.focal
        return column, row, depth


@dataclass(frozen=True)
class Pose:
    """Where the camera is and how it looks; angles in degrees, lengths in metres.

    ``height_m`` is counted from the ground under the first frame, so that no bump shakes it.
    """

    x_m: float
    z_m: float
    height_m: float
    heading_deg: float
    pitch_deg: float
    roll_deg: float
    lens_mm: float
    focus_m: float


def pose_at(camera: Camera, seed: int, film_s: float) -> Pose:
    """The camera at a moment of the film."""
    x, z, height = camera.x_m, camera.z_m, camera.height_m
    heading, pitch, roll = camera.heading_deg, camera.pitch_deg, camera.roll_deg
    lens, focus = camera.lens_mm, camera.focus_m
    for move in camera.moves:
        done = progress(move, film_s)
        part = move.amount * done
        ahead = math.radians(heading)
        match move.kind:
            case "pan":
                heading += part
            case "tilt":
                pitch += part
            case "roll":
                roll += part
            case "zoom":
                lens *= (min(max(move.amount, 0.01), 100) if move.amount > 0 else 1.0) ** done
            case "rise":
                height += part
            case "forward":
                x, z = x + math.sin(ahead) * part, z + math.cos(ahead) * part
            case "truck":
                x, z = x + math.cos(ahead) * part, z - math.sin(ahead) * part
            case "orbit":  # around a pivot ahead, on which it keeps its eye
                pivot = (
                    x + math.sin(ahead) * move.distance_m,
                    z + math.cos(ahead) * move.distance_m,
                )
                heading += part
                ahead = math.radians(heading)
                x = pivot[0] - math.sin(ahead) * move.distance_m
                z = pivot[1] - math.cos(ahead) * move.distance_m
            case "focus":
                focus = math.exp(math.log(focus) * (1 - done) + math.log(move.distance_m) * done)
    if camera.shake:
        turn = _shake(seed, film_s)
        wide = 28 / max(lens, 28)  # a longer lens is held more carefully
        heading += 5 * camera.shake * wide * turn[0]
        pitch += 4 * camera.shake * wide * turn[1]
        roll += 3 * camera.shake * turn[2]
    return Pose(
        x, z, height, heading, max(-90.0, min(90.0, pitch)), roll, max(8.0, min(lens, 1200)), focus
    )


def progress(move: Move, film_s: float) -> float:
    """How much of a move is done, 0 to 1."""
    part = min(max((film_s - move.start_s) / move.seconds, 0.0), 1.0)
    match move.ease:
        case "in":
            return part * part
        case "out":
            return part * (2 - part)
        case "in-out":
            return part * part * (3 - 2 * part)
    return part


def view_at(
    scene: Scene, width: int, height: int, film_s: float, ground_m: float, device: torch.device
) -> View:
    """The camera of one frame.

    Args:
        scene: whose camera it is.
        width, height: of the picture, pixels.
        film_s: the film's time, s.
        ground_m: height of the ground or water under the first frame's camera.
        device: where its tensors live.
    """
    pose = pose_at(scene.camera, scene.seed, film_s)
    a, e, r = (math.radians(angle) for angle in (pose.heading_deg, pose.pitch_deg, pose.roll_deg))
    ahead = (math.cos(e) * math.sin(a), math.sin(e), math.cos(e) * math.cos(a))
    level = (math.cos(a), 0.0, -math.sin(a))
    up = (-math.sin(e) * math.sin(a), math.cos(e), -math.sin(e) * math.cos(a))
    right = [x * math.cos(r) - y * math.sin(r) for x, y in zip(level, up, strict=True)]
    rolled = [x * math.sin(r) + y * math.cos(r) for x, y in zip(level, up, strict=True)]
    return View(
        eye=torch.tensor([pose.x_m, ground_m + pose.height_m, pose.z_m], device=device),
        basis=torch.tensor([right, rolled, ahead], device=device),
        focal=pose.lens_mm / SENSOR_MM * max(width, height),
        width=width,
        height=height,
        film_s=film_s,
        scene_s=scene.time.start_s + scene.time.pace * film_s,
    )


def _shake(seed: int, film_s: float) -> tuple[float, float, float]:
    """Three angles of a hand that holds the camera, about −1 to 1: slow sway and quick tremor."""
    made = generator(seed, "shake")
    rates = torch.tensor([0.35, 0.8, 1.7, 3.1, 5.3])  # turns a second
    sizes = torch.tensor([0.5, 0.3, 0.2, 0.12, 0.06])
    phases = torch.rand(3, 5, generator=made) * 2 * math.pi
    spread = 1 + 0.2 * torch.rand(3, 5, generator=made)
    angle = (rates * spread).double() * (2 * math.pi * film_s) + phases
    yaw, pitch, roll = (angle.sin() * sizes).sum(1).tolist()
    return yaw, pitch, roll
