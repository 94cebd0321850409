import math

import pytest
import torch

from pleinair.light.camera import View
from pleinair.light.sweep import EARTH_M, Fan, Horizon, distances, fan_of

CPU = torch.device("cpu")


def hills(x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    return 40 * (x / 310).sin() * (z / 270).cos() + 0.02 * z


def march(x: float, z: float, eye: float, azimuth: float, slope: float) -> float:
    """Distance at which a ray meets the hills, found by small steps."""
    run = torch.arange(2.0, 6000.0, 0.1, dtype=torch.float64)
    ground = hills(x + azimuth_x(azimuth) * run, z + math.cos(azimuth) * run)
    ground -= run * run / (2 * EARTH_M)
    below = (ground >= eye + slope * run).nonzero()
    return float(run[below[0]]) if len(below) else math.inf


def azimuth_x(azimuth: float) -> float:
    return math.sin(azimuth)


def test_rays_meet_the_ground_where_small_steps_find_it() -> None:
    fan = Fan(-0.6, 0.002, 601, False, distances(2, 6000, CPU))
    x, z = fan.places(30.0, -50.0)
    eye = float(hills(torch.tensor(30.0), torch.tensor(-50.0))) + 60
    horizon = Horizon(fan, hills(x, z), eye)
    azimuth = fan.first + fan.step * torch.randint(0, 600, (60,), generator=torch.Generator())
    slope = torch.linspace(-0.8, 0.05, 60)
    run, _ = horizon.meet(azimuth, slope)
    for a, s, found in zip(azimuth.tolist(), slope.tolist(), run.tolist(), strict=True):
        expected = march(30.0, -50.0, eye, a, s)
        if math.isfinite(expected):
            assert found == pytest.approx(expected, rel=0.03, abs=0.5)
        else:
            assert math.isinf(found)


def test_a_flat_sea_ends_where_the_earth_falls_away() -> None:
    fan = Fan(0.0, 0.01, 8, False, distances(1, 80_000, CPU))
    eye = 30.0
    horizon = Horizon(fan, torch.zeros(8, len(fan.distances)), eye)
    dip = math.sqrt(2 * eye / EARTH_M)
    slope = torch.tensor([-dip * 1.02, -dip * 0.98])
    run, front = horizon.meet(torch.tensor([0.03, 0.03]), slope)
    assert run[0] == pytest.approx(math.sqrt(2 * eye * EARTH_M), rel=0.25)
    assert math.isinf(run[1])
    assert front[1] == pytest.approx(-dip, rel=0.01)


def test_a_ridge_hides_what_lies_behind_and_knows_its_edge() -> None:
    fan = Fan(0.0, 0.01, 4, False, distances(1, 5000, CPU))
    ground = torch.where((fan.distances > 990) & (fan.distances < 1010), 100.0, 0.0)
    horizon = Horizon(fan, ground.expand(4, -1), 10.0)
    run, front = horizon.meet(torch.zeros(3), torch.tensor([0.05, 0.2, -0.005]))
    assert run[0] == pytest.approx(1000, abs=20)  # the ridge's face
    assert math.isinf(run[1])  # over it, the sky
    assert front[1] == pytest.approx(0.09, rel=0.03)  # and below that, the ridge
    assert run[2] < 1010  # nothing behind it is seen


@pytest.mark.parametrize(("pitch", "around"), [(0, False), (-30, False), (-90, True), (80, True)])
def test_a_fan_holds_every_ray_of_its_picture(pitch: float, around: bool) -> None:
    e = math.radians(pitch)
    basis = [[1.0, 0, 0], [0, math.cos(e), -math.sin(e)], [0, math.sin(e), math.cos(e)]]
    view = View(torch.zeros(3), torch.tensor(basis), 60.0, 80, 45, 0.0, 0.0)
    fan = fan_of(view, distances(1, 100, CPU))
    assert fan.around is around
    ray = view.rays().view(3, -1)
    azimuth = torch.atan2(ray[0], ray[2])
    column = fan.column(azimuth)
    off = (fan.azimuths()[column.long()] - azimuth + math.pi) % (2 * math.pi) - math.pi
    assert off.abs().amax() <= fan.step * 0.51
