import math

import pytest
import torch

from pleinair.light.aurora import aurora
from pleinair.light.camera import View, view_at
from pleinair.light.sky import sky_at
from pleinair.light.stars import catalogue, stars
from pleinair.scenes.scene import Scene

CPU = torch.device("cpu")
LUMINANCE = torch.tensor([0.2126, 0.7152, 0.0722])
NIGHT = {"sun_elevation_deg": -40.0, "moon_elevation_deg": -40.0}


def night(camera: dict[str, float] | None = None, **sky: float) -> Scene:
    looks = {"pitch_deg": 30.0, "lens_mm": 24.0} | (camera or {})
    return Scene.from_dict({"seed": 3, "sky": NIGHT | sky, "camera": looks})


def view(scene: Scene, width: int = 320, height: int = 180) -> View:
    return view_at(scene, width, height, 0.0, 0.0, CPU)


def drawn(scene: Scene, width: int = 320, height: int = 180) -> torch.Tensor:
    return stars(scene, view(scene, width, height), (height, width))


def test_there_are_as_many_stars_as_the_eye_sees() -> None:
    known = catalogue(1, CPU)
    magnitude = -2.5 * torch.log10(LUMINANCE @ known.light / 2.54e-9)
    counts = [int((magnitude < m).sum()) for m in (2.0, 4.0, 6.0)]
    assert 20 < counts[0] < 90
    assert 300 < counts[1] < 800
    assert 3500 < counts[2] < 6500
    assert torch.allclose(known.directions.norm(dim=0), torch.ones(()), atol=1e-5)
    assert not torch.equal(catalogue(2, CPU).directions, known.directions)


def test_stars_stand_out_from_the_night_and_do_not_light_the_day() -> None:
    light = LUMINANCE @ drawn(night()).flatten(1)
    dark = LUMINANCE @ sky_at(night(), 0.0, CPU).along(view(night()).rays()).flatten(1)
    assert float(light.max()) > 30 * float(dark.mean())
    assert float((light > dark).float().mean()) < 0.5
    noon = sky_at(night(sun_elevation_deg=40.0), 0.0, CPU).along(view(night()).rays())
    assert float(light.max()) < 1e-2 * float((LUMINANCE @ noon.flatten(1)).min())


def test_the_same_light_at_every_size() -> None:
    asked = night(milky_way=0.0)
    small, large = drawn(asked), drawn(asked, 960, 540)
    assert torch.allclose(small.mean((1, 2)), large.mean((1, 2)), rtol=0.05)


def test_a_star_does_not_flicker_while_the_camera_turns() -> None:
    known = catalogue(3, CPU)

    def light(heading: float) -> torch.Tensor:
        asked = night({"heading_deg": heading, "lens_mm": 50.0}, milky_way=0.0)
        column, row, depth = view(asked, 640, 360).project(known.directions)
        shown = (depth > 0) & ((column - 320).abs() < 250) & ((row - 180).abs() < 150)
        star = int((known.light[1] * shown).argmax())
        x, y = int(column[star]), int(row[star])
        return drawn(asked, 640, 360)[:, y - 3 : y + 4, x - 3 : x + 4].sum((1, 2))

    first = light(0.0)
    for step in range(1, 5):  # about a tenth of a pixel each
        assert torch.allclose(light(step * 0.006), first, rtol=0.02)


def test_stars_follow_their_factor_and_the_horizon_hides_them() -> None:
    once = drawn(night(milky_way=0.0))
    assert torch.allclose(drawn(night(milky_way=0.0, stars=2.0)), 2 * once)
    assert drawn(night(milky_way=0.0, stars=0.0)).abs().max() == 0
    down = night({"pitch_deg": -40.0})
    assert drawn(down).abs().max() == 0


def test_the_milky_way_is_a_band_with_dark_lanes() -> None:
    known = catalogue(3, CPU)
    assert torch.allclose(known.galaxy @ known.galaxy.T, torch.eye(3), atol=1e-5)
    middle = known.galaxy[2]
    heading = math.degrees(math.atan2(float(middle[0]), float(middle[2])))
    asked = night({"heading_deg": heading, "lens_mm": 18.0}, stars=0.0)
    light = LUMINANCE @ drawn(asked).flatten(1)
    assert 2e-7 < float(light.max()) < 3e-6
    assert float(light.median()) < 0.3 * float(light.max())


@pytest.mark.parametrize("seconds", [0.0, 1000.0])
def test_the_aurora_is_green_below_and_red_above(seconds: float) -> None:
    asked = night(aurora=1.0)
    turn = torch.linspace(-0.6, 0.6, 120)
    up = torch.linspace(0.02, 1.2, 100)[:, None]
    flat = up.cos()
    rays = torch.stack((flat * turn.sin(), up.sin().expand(-1, 120), flat * turn.cos()))
    light = aurora(asked, seconds, rays.flatten(1)).view_as(rays)
    assert torch.isfinite(light).all()
    assert (light >= 0).all()
    total = light.sum((1, 2))
    assert total[1] > 1.5 * total[0]
    assert total[1] > 1.5 * total[2]
    column = light.sum(2)  # by elevation
    red = column[0] / column[1].clamp(min=1e-12)
    assert red[-1] > 1.5 * red[column[1].argmax()]
    assert 1e-6 < float(light[1].max()) < 1e-3
    assert aurora(night(), seconds, rays.flatten(1)).abs().max() == 0


def test_the_aurora_sways_and_does_not_hang_on_the_view() -> None:
    asked = night(aurora=1.0)
    left = view(night({"heading_deg": 0.0})).rays()[:, :, 160:].flatten(1)
    alone = aurora(asked, 3.0, left)
    assert torch.allclose(aurora(asked, 3.0, left[:, ::7]), alone[:, ::7], rtol=0.02, atol=1e-9)
    later = aurora(asked, 3.1, left)
    much_later = aurora(asked, 23.0, left)
    change = (later - alone).abs().mean() / alone.mean()
    assert 0 < float(change) < 0.1
    assert float((much_later - alone).abs().mean() / alone.mean()) > 0.3


def test_the_aurora_lights_the_ground() -> None:
    up = torch.tensor([[0.0], [1.0], [0.0]])
    dark, lit = (sky_at(night(aurora=a), 0.0, CPU).irradiance(up)[:, 0] for a in (0.0, 1.0))
    assert (lit > 2 * dark).all()
    assert lit[1] > lit[0]
