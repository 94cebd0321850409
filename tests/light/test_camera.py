import math

import pytest
import torch

from pleinair.light.camera import pose_at, view_at
from pleinair.scenes.scene import Camera, Move, Scene

CPU = torch.device("cpu")


def after(*moves: Move, seconds: float = 4.0, **camera: float) -> tuple[float, ...]:
    pose = pose_at(Camera(moves=moves, **camera), 1, seconds)
    return tuple(
        round(value, 4)
        for value in (pose.x_m, pose.z_m, pose.height_m, pose.heading_deg, pose.pitch_deg)
    )


def test_each_move_goes_where_it_says() -> None:
    assert after(Move(kind="pan", amount=30)) == (0, 0, 1.7, 30, 0)
    assert after(Move(kind="tilt", amount=-10)) == (0, 0, 1.7, 0, -10)
    assert after(Move(kind="rise", amount=5)) == (0, 0, 6.7, 0, 0)
    assert after(Move(kind="forward", amount=8)) == (0, 8, 1.7, 0, 0)
    assert after(Move(kind="forward", amount=8), heading_deg=90) == (8, 0, 1.7, 90, 0)
    assert after(Move(kind="truck", amount=8)) == (8, 0, 1.7, 0, 0)
    assert pose_at(Camera(moves=(Move(kind="zoom", amount=2),)), 1, 9).lens_mm == 56
    racked = Camera(focus_m=100, moves=(Move(kind="focus", distance_m=1),))
    assert pose_at(racked, 1, 2).focus_m == pytest.approx(10)


def test_an_orbit_keeps_its_pivot_ahead() -> None:
    x, z, _, heading, _ = after(Move(kind="orbit", amount=40, distance_m=50))
    ahead = math.radians(heading)
    pivot = (x + 50 * math.sin(ahead), z + 50 * math.cos(ahead))
    assert pivot == pytest.approx((0, 50), abs=1e-3)


def test_a_move_eases_off_and_stays_at_its_end() -> None:
    camera = Camera(moves=(Move(kind="pan", amount=10, start_s=1, seconds=2),))
    headings = [pose_at(camera, 1, t).heading_deg for t in (0, 1, 1.1, 2, 2.9, 3, 60)]
    assert headings[:2] == [0, 0]
    assert 0 < headings[2] < 0.2  # slowly at first
    assert headings[3] == 5
    assert headings[5:] == [10, 10]


def test_the_middle_of_the_picture_looks_along_the_heading() -> None:
    scene = Scene(camera=Camera(heading_deg=30, pitch_deg=10))
    view = view_at(scene, 101, 57, 0.0, 5.0, CPU)
    ray = view.rays()[:, 28, 50].tolist()
    a, e = math.radians(30), math.radians(10)
    assert ray == pytest.approx([math.cos(e) * math.sin(a), math.sin(e), math.cos(e) * math.cos(a)])
    assert view.eye.tolist() == pytest.approx([0, 6.7, 0])


def test_projection_finds_the_pixel_of_a_ray() -> None:
    scene = Scene(camera=Camera(heading_deg=-20, pitch_deg=-35, roll_deg=7, lens_mm=20))
    view = view_at(scene, 64, 36, 0.0, 0.0, CPU)
    column, row, depth = view.project(view.rays().view(3, -1) * 40)
    assert torch.allclose(column.view(36, 64), (torch.arange(64) + 0.5).expand(36, 64), atol=1e-2)
    assert torch.allclose(row.view(36, 64)[:, 0], torch.arange(36) + 0.5, atol=1e-2)
    assert (depth > 0).all()


def test_a_lens_sees_the_angle_of_its_length() -> None:
    view = view_at(Scene(camera=Camera(lens_mm=36)), 640, 360, 0.0, 0.0, CPU)
    left, right = view.rays()[:, 179, 0], view.rays()[:, 179, -1]
    angle = math.degrees(math.acos(float(left @ right)))
    assert angle == pytest.approx(2 * math.degrees(math.atan(0.5)), abs=0.1)


def test_shaking_shakes_and_a_tripod_does_not() -> None:
    def spread(shake: float) -> float:
        poses = [pose_at(Camera(shake=shake), 3, t / 24).heading_deg for t in range(48)]
        return max(poses) - min(poses)

    assert spread(0) == 0
    assert 0.1 < spread(0.15) < 2
    assert spread(1) > 3
