import json
import math
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor

from pleinair.light.atmosphere import LAMP_RADIUS, Atmosphere
from pleinair.light.camera import view_at
from pleinair.light.celestial import heavens
from pleinair.light.sky import Sky, sky_at
from pleinair.scenes.scene import Scene

CPU = torch.device("cpu")
LUMINANCE = torch.tensor([0.2126, 0.7152, 0.0722])
HOSEK = 40.0
"""kcd/m² for one unit of Mitsuba's `sunsky`, for all heights of the sun and all turbidities.

By its units it should be 73 (683 lm/W times the 107 nm under the curve of luminosity), yet at
turbidity 1, where pure air leaves nothing to choose, its sky is 1.83 times as bright as sunlight
scattered by air can be, at each height of the sun alike.
"""


def scene(**sky: float) -> Scene:
    return Scene.from_dict({"sky": {"moon_elevation_deg": -60.0} | sky})


def sky(**values: float) -> Sky:
    return sky_at(scene(**values), 0.0, CPU)


def ray(azimuth: float, elevation: float) -> Tensor:
    a, e = math.radians(azimuth), math.radians(elevation)
    return torch.tensor([math.cos(e) * math.sin(a), math.sin(e), math.cos(e) * math.cos(a)])


def luminance(colour: Tensor) -> Tensor:
    light: Tensor = torch.tensordot(LUMINANCE, colour, ([0], [0]))
    return light


REFERENCE = json.loads((Path(__file__).parent / "data" / "sky_reference.json").read_text())


@pytest.mark.parametrize("known", REFERENCE["skies"], ids=lambda s: f"{s['turbidity']}")
def test_the_sky_is_that_of_hosek_and_wilkie(known: dict) -> None:  # type: ignore[type-arg]
    height = known["sun_elevation_deg"]
    made = sky(sun_elevation_deg=height, sun_azimuth_deg=0, turbidity=known["turbidity"])

    def error(where: list[list[float]], light: list[list[float]]) -> float:
        azimuth, elevation = torch.tensor(where).deg2rad().T
        found = luminance(made.radiance(azimuth, elevation))
        wanted = luminance(torch.tensor(light).T) * HOSEK
        return float((found / wanted - 1).abs().mean())

    assert error(REFERENCE["directions"], known["radiance"]) < 0.15
    around = error(known["around"], known["radiance_around"])
    assert around < (0.30 if height == 3 else 0.20)  # some of it below 5°


def test_both_ways_to_look_agree() -> None:
    made = sky(sun_elevation_deg=25)
    azimuth, elevation = torch.tensor([0.3, 2.0, -1.0]), torch.tensor([0.2, 1.2, -0.3])
    flat = elevation.cos()
    rays = torch.stack((flat * azimuth.sin(), elevation.sin(), flat * azimuth.cos()))
    assert torch.allclose(made.radiance(azimuth, elevation), made.along(rays), rtol=1e-4)
    assert made.along(rays.view(3, 1, 3)).shape == (3, 1, 3)


def test_no_seam_at_the_horizon_nor_at_the_zenith() -> None:
    made = sky(sun_elevation_deg=12, sun_azimuth_deg=40)
    azimuth = torch.linspace(-math.pi, math.pi, 400)
    just_above = made.radiance(azimuth, torch.full_like(azimuth, 0.004))
    just_below = made.radiance(azimuth, torch.full_like(azimuth, -0.004))
    assert ((just_above / just_below - 1).abs() < 0.01).all()
    zenith = made.radiance(azimuth, torch.full_like(azimuth, math.pi / 2 - 1e-3))
    assert (zenith.amax(1) / zenith.amin(1) < 1.01).all()
    around = made.radiance(azimuth, torch.full_like(azimuth, 0.5))
    assert ((around[:, 1:] / around[:, :-1] - 1).abs() < 0.05).all()


@pytest.mark.parametrize("height", [60, 25, 8, -4])
def test_a_facet_gets_the_light_of_its_half_of_the_sky(height: float) -> None:
    made = sky(sun_elevation_deg=height, sun_azimuth_deg=30)
    count = 20000
    up = 1 - 2 * (torch.arange(count) + 0.5) / count
    turn = torch.arange(count) * 2.399963
    rays = torch.stack(((1 - up * up).sqrt() * turn.sin(), up, (1 - up * up).sqrt() * turn.cos()))
    light = made.along(rays)
    level = (light * up.clamp(min=0)).sum(1) * (4 * math.pi / count)
    lamp = made.sun.irradiance * made.sun.direction[1].clamp(min=0)
    light = torch.where(up > 0, light, ((level + lamp) * 0.15 / math.pi)[:, None])
    normals = torch.stack((ray(0, 90), ray(30, 0), ray(210, 0), ray(100, 40), ray(0, -90)))
    wanted = torch.stack([(light * (n @ rays).clamp(min=0)).sum(1) for n in normals])
    wanted = wanted * (4 * math.pi / count)
    found = made.irradiance(normals.T.contiguous()).T
    assert torch.allclose(found[0], wanted[0], rtol=0.05)
    assert ((found - wanted).abs() < 0.03 * wanted.amax(0)).all()


def test_the_sun_reddens_and_sets_bit_by_bit() -> None:
    heights = [40.0, 10.0, 3.0, 1.0, 0.3, 0.0, -0.2, -0.5, -5.0]
    light = torch.stack([sky(sun_elevation_deg=e).sun.irradiance for e in heights])
    assert (light[1:] <= light[:-1]).all()
    assert 85 < float(luminance(light[0])) < 125
    assert float(light[2, 2] / light[2, 0]) < 0.25
    assert float(light[5].sum()) > 0
    assert light[-1].sum() == 0


def test_the_key_light_is_the_brighter_one() -> None:
    day = sky(sun_elevation_deg=5, moon_elevation_deg=50)
    night = sky(sun_elevation_deg=-30, moon_elevation_deg=50)
    assert day.key is day.sun
    assert night.key is night.moon


@pytest.mark.parametrize("lamp", ["sun", "moon"])
def test_sun_and_moon_are_as_wide_as_they_are(lamp: str) -> None:
    values = {"sun_elevation_deg": -50.0, "moon_phase": 0.5} | {f"{lamp}_elevation_deg": 45.0}
    made = sky_at(scene(**values, **{f"{lamp}_azimuth_deg": 0.0}), 0.0, CPU)
    camera = {"pitch_deg": 45, "lens_mm": 400, "heading_deg": 0}
    view = view_at(Scene.from_dict({"camera": camera}), 320, 320, 0, 0, CPU)
    light = made.discs(view.rays(), view.pixel_angle)
    pixels = float((light[1] > 0.25 * light[1].max()).sum())
    wide = 2 * math.sqrt(pixels / math.pi) * view.pixel_angle
    assert wide == pytest.approx(math.radians(0.53), rel=0.02)
    whole = light.sum((1, 2)) * view.pixel_angle**2
    irradiance = getattr(made, lamp).irradiance
    assert torch.allclose(whole, irradiance, rtol=0.08)
    assert math.degrees(2 * LAMP_RADIUS) == pytest.approx(0.53)


def test_the_moon_shines_where_the_sun_is() -> None:
    camera = {"pitch_deg": 20, "lens_mm": 800}
    view = view_at(Scene.from_dict({"camera": camera}), 100, 100, 0, 0, CPU)
    for azimuth, east in ((90.0, True), (-90.0, False)):
        made = sky(
            sun_elevation_deg=-15,
            sun_azimuth_deg=azimuth,
            moon_elevation_deg=20,
            moon_azimuth_deg=0,
            moon_phase=0.25,
        )
        face = made.discs(view.rays(), view.pixel_angle)[1]
        assert (face[:, 50:].sum() > 3 * face[:, :50].sum()) == east


def test_moonlight_peaks_at_full_moon() -> None:
    light = [
        float(
            luminance(
                sky(sun_elevation_deg=-40, moon_elevation_deg=60, moon_phase=p).moon.irradiance
            )
        )
        for p in (0.5, 0.45, 0.25, 0.05)
    ]
    assert 1e-4 < light[0] < 4e-4  # klx
    assert light[0] > 1.4 * light[1] > 1.4 * 4 * light[2] > light[3] > 0


def test_twilight_darkens_and_night_is_not_black() -> None:
    heights = [0.0, -3.0, -6.0, -10.0, -14.0, -18.0, -40.0]
    zenith = [float(luminance(sky(sun_elevation_deg=e).along(ray(0, 90)))) for e in heights]
    assert all(after < before for before, after in pairwise(zenith))
    assert 1e-7 < zenith[-1] < 1e-6  # kcd/m²: about 2e-4 cd/m²
    assert zenith[0] / zenith[2] > 30


def test_dusk_has_its_colours() -> None:
    made = sky(sun_elevation_deg=-3, sun_azimuth_deg=0)
    glow, zenith = made.along(ray(0, 1)), made.along(ray(0, 90))
    belt, shadow = made.along(ray(180, 9)), made.along(ray(180, 3))
    assert glow[0] > 1.5 * glow[2]
    assert zenith[2] > 1.3 * zenith[0]
    assert belt[0] / belt[2] > 1.15 * shadow[0] / shadow[2]  # belt of Venus, Earth's shadow below


def test_far_things_merge_into_the_horizon() -> None:
    made = sky(sun_elevation_deg=15, sun_azimuth_deg=20)
    rays = torch.stack((ray(0, 0.5), ray(20, 2.0), ray(90, 0.1)), 1)
    through, light = made.air(torch.full((3,), 1e6), rays)
    behind = made.along(rays)
    assert torch.allclose(through * 5 + light, behind, rtol=0.12)
    near, little = made.air(torch.full((3,), 10.0), rays)
    assert (near > 0.99).all()
    assert (little < 0.01 * behind).all()
    blue, _ = made.air(torch.full((3,), 20000.0), rays)
    assert (blue[0] > blue[2]).all()
    assert (luminance(light)[1] > luminance(light)[2]).all()  # brighter towards the sun


def test_visibility_is_how_far_dark_things_are_seen() -> None:
    made = sky(turbidity=2.5)
    through, _ = made.air(torch.tensor([60000.0]), torch.tensor([[0.0], [0.0], [1.0]]))
    assert float(luminance(through)) == pytest.approx(0.02, abs=0.006)


@pytest.mark.parametrize("turbidity", [1.0, 10.0])
@pytest.mark.parametrize("height", [90.0, 0.0, -12.0, -90.0])
def test_every_sky_is_finite(turbidity: float, height: float) -> None:
    made = sky(turbidity=turbidity, sun_elevation_deg=height, moon_elevation_deg=height)
    rays = torch.nn.functional.normalize(torch.randn(3, 500), dim=0)
    rays = torch.cat((rays, torch.eye(3), -torch.eye(3)), 1)
    parts = [made.along(rays), made.irradiance(rays), made.discs(rays, 1e-3)]
    parts += made.air(torch.rand(506) * 1e5, rays)
    for light in parts:
        assert torch.isfinite(light).all()
        assert (light >= 0).all()
    assert (parts[0] > 0).all()


def test_same_sky_same_bits() -> None:
    asked = scene(sun_elevation_deg=10)
    rays = torch.nn.functional.normalize(torch.randn(3, 99), dim=0)
    sky_at(scene(sun_elevation_deg=50, turbidity=4), 7.0, CPU)
    assert torch.equal(sky_at(asked, 5.0, CPU).along(rays), sky_at(asked, 5.0, CPU).along(rays))


def test_light_through_the_air_is_never_more_than_was_sent() -> None:
    air = Atmosphere(2.5, CPU)
    up = torch.linspace(-1, 1, 50)
    for km in (0.0, 1.0, 12.0, 60.0):
        through = air.transmittance(torch.full_like(up, km), up)
        assert (through >= 0).all()
        assert (through <= 1).all()


def test_the_sun_rises_in_the_east_and_comes_back_after_a_day() -> None:
    noon = scene(sun_elevation_deg=43.0, sun_azimuth_deg=180.0, latitude_deg=47.0)
    morning = heavens(noon, -6 * 3600.0, CPU).sun
    evening = heavens(noon, 6 * 3600.0, CPU).sun
    assert torch.allclose(morning, torch.tensor([1.0, 0, 0]), atol=0.01)
    assert torch.allclose(evening, torch.tensor([-1.0, 0, 0]), atol=0.01)
    assert torch.allclose(heavens(noon, 86400.0, CPU).sun, heavens(noon, 0.0, CPU).sun, atol=1e-6)
    before, after = heavens(noon, -3600.0, CPU).sun, heavens(noon, -1800.0, CPU).sun
    assert float((before @ after).acos()) == pytest.approx(math.radians(7.5), rel=0.02)
    assert before[1] < after[1]


def test_stars_turn_around_the_pole() -> None:
    pole = ray(0, 47)
    turn = heavens(scene(latitude_deg=47.0), 5 * 3600.0, CPU).turn
    assert torch.allclose(turn @ pole, pole, atol=1e-6)
    assert torch.allclose(turn @ turn.T, torch.eye(3), atol=1e-6)
    whole = heavens(scene(latitude_deg=47.0), 86164.1, CPU).turn
    assert torch.allclose(whole, torch.eye(3), atol=1e-5)


def test_south_of_the_equator_the_sun_passes_in_the_north() -> None:
    morning = scene(sun_elevation_deg=0.0, sun_azimuth_deg=90.0, latitude_deg=-30.0)
    noon = heavens(morning, 6 * 3600.0, CPU).sun
    assert noon[2] > 0.4
    assert noon[1] > 0.8
