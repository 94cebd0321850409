import math

import pytest
import torch
from torch import Tensor

from pleinair.light.camera import view_at
from pleinair.light.fog import fog
from pleinair.light.lightning import bolt, flash_at, strokes
from pleinair.light.precipitation import precipitation, rain_speed, snow_speed
from pleinair.light.rainbow import bow_table, rainbow
from pleinair.light.sky import Lamp
from pleinair.light.weather import KOSCHMIEDER, haze, wind
from pleinair.scenes.scene import Clouds, Scene, Time, Weather

CPU = torch.device("cpu")
AMBIENT = torch.tensor([10.0, 12.0, 15.0])


def unit(azimuth_deg: float, elevation_deg: float) -> Tensor:
    a, e = math.radians(azimuth_deg), math.radians(elevation_deg)
    return torch.tensor([math.cos(e) * math.sin(a), math.sin(e), math.cos(e) * math.cos(a)])


def sun(elevation_deg: float, azimuth_deg: float = 180.0, light: float = 100.0) -> Lamp:
    return Lamp(unit(azimuth_deg, elevation_deg), torch.full((3,), light), 0.00465)


def seen(
    weather: Weather,
    distances: list[float],
    rise_deg: float = 0.0,
    y_eye: float = 1.7,
    scene_s: float = 0.0,
) -> tuple[Tensor, Tensor]:
    direction = unit(0, rise_deg)[:, None].expand(3, len(distances))
    distance = torch.tensor(distances)
    return fog(
        Scene(weather=weather),
        distance,
        y_eye,
        y_eye + distance * direction[1],
        AMBIENT,
        torch.full((3,), 80.0),
        unit(120, 30),
        direction,
        scene_s=scene_s,
    )


# --- wind and fog


def test_the_wind_blows_from_where_it_comes_and_stronger_above() -> None:
    east, north = wind(Weather(wind_mps=10, wind_from_deg=270))
    assert east == pytest.approx(10)
    assert north == pytest.approx(0, abs=1e-9)
    assert math.hypot(*wind(Weather(wind_mps=10), 300)) > 15


def test_two_percent_are_left_at_the_visibility() -> None:
    weather = Weather(visibility_m=2500)
    through, _ = seen(weather, [2500.0], y_eye=0.0)
    assert float(through) == pytest.approx(0.02, rel=0.2)  # clear air dims it further
    assert haze(weather) == pytest.approx(KOSCHMIEDER / 2500, rel=0.05)
    assert float(through) == pytest.approx(math.exp(-2500 * haze(weather)), rel=0.01)


def test_clear_air_has_no_fog() -> None:
    for visibility in (60000, 200000):
        through, light = seen(Weather(visibility_m=visibility), [10.0, 1e5])
        assert bool((through == 1).all())
        assert not bool(light.any())


def test_fog_hides_the_horizon_but_not_the_zenith_and_the_sky_may_be_infinite() -> None:
    weather = Weather(visibility_m=3000)
    low, _ = seen(weather, [1e6], rise_deg=0.5)
    high, _ = seen(weather, [1e6], rise_deg=80)
    infinite, light = seen(weather, [math.inf], rise_deg=80)
    assert float(low) < 0.01
    assert float(high) > 0.3
    assert float(infinite) == pytest.approx(float(high), rel=1e-3)
    assert bool(light.isfinite().all())


def test_mist_lies_low() -> None:
    weather = Weather(mist=1)
    low, _ = seen(weather, [600.0], y_eye=3.0)
    high, _ = seen(weather, [600.0], y_eye=120.0)
    assert float(low) < 0.6 < 0.98 < float(high)


def test_mist_drifts_with_time_and_only_with_it() -> None:
    weather = Weather(mist=0.6, wind_mps=4)
    first, again, later = (seen(weather, [50.0, 400.0, 900.0], scene_s=t)[0] for t in (5, 5, 90))
    soon, _ = seen(weather, [50.0, 400.0, 900.0], scene_s=5 + 1 / 24)
    assert torch.equal(first, again)
    assert not torch.allclose(first, later, atol=1e-3)
    assert torch.allclose(first, soon, atol=5e-3)


def test_fog_glows_around_the_lamp_and_is_no_brighter_than_its_light() -> None:
    direction = torch.stack([unit(120, 30), unit(120, 60), unit(-60, 10)], 1)
    distance = torch.full((3,), 1e6)
    scene = Scene(weather=Weather(visibility_m=2000))
    key = torch.full((3,), 80.0)
    _, light = fog(scene, distance, 1.7, distance, AMBIENT, key, unit(120, 30), direction)
    assert light[0, 0] > 2 * light[0, 1] > light[0, 2]
    assert float(light[:, 2].max()) < float((AMBIENT + key).max()) / math.pi


def test_rain_and_snow_veil_what_is_far() -> None:
    shower, _ = seen(Weather(rain_mm_h=20), [300.0, 9000.0])
    snow, _ = seen(Weather(snow_mm_h=3), [30.0, 3000.0])
    for through in (shower, snow):
        assert float(through[0]) > 0.5
        assert float(through[1]) < 0.1


# --- rain and snow


def test_terminal_speeds() -> None:
    drops = rain_speed(torch.tensor([0.5, 1.0, 2.0, 5.0]))
    measured = torch.tensor([2.06, 4.03, 6.49, 9.09])  # Gunn & Kinzer 1949
    assert torch.allclose(drops, measured, rtol=0.07)
    flakes = snow_speed(torch.tensor([2.0, 8.0]))
    assert 0.7 < float(flakes[0]) < float(flakes[1]) < 1.5


def fallen(
    weather: Weather, film_s: float = 1.0, pace: float = 1.0, depth_m: float = 100.0
) -> Tensor:
    scene = Scene(weather=weather, time=Time(pace=pace))
    view = view_at(scene, 114, 64, film_s, 0.0, CPU)
    image, depth = torch.full((3, 64, 114), 0.05), torch.full((64, 114), depth_m)
    return precipitation(image, depth, scene, view, AMBIENT, sun(40))


@pytest.mark.parametrize("weather", [Weather(rain_mm_h=15), Weather(snow_mm_h=2)])
def test_what_falls_is_seen_moves_and_is_repeatable(weather: Weather) -> None:
    first, again, later = fallen(weather), fallen(weather), fallen(weather, 1 + 1 / 24)
    assert torch.equal(first, again)
    assert not torch.equal(first, later)
    assert bool(first.isfinite().all())
    assert float(first.min()) >= 0.03
    assert (first > 0.055).float().mean() > 0.01
    assert float(first.mean(0).max()) < float(AMBIENT.max())


def test_more_rain_more_streaks_and_none_without() -> None:
    light, heavy = (float(fallen(Weather(rain_mm_h=r)).mean()) for r in (1, 60))
    assert heavy > light > 0.05
    dry = Weather()
    assert float(fallen(dry).mean()) == pytest.approx(0.05)


def test_near_things_hide_what_falls_behind_them() -> None:
    open_, wall = (fallen(Weather(snow_mm_h=3), depth_m=d) for d in (100.0, 0.3))
    assert float(wall.max()) == pytest.approx(0.05)
    assert float(open_.max()) > 0.1


def test_a_time_lapse_shows_no_drops() -> None:
    still = fallen(Weather(rain_mm_h=20), pace=600)
    assert float(still.max()) == pytest.approx(0.05)


# --- lightning

STORM = Weather(lightning_per_min=30, clouds=(Clouds(kind="storm", base_m=1000),))


def test_strokes_come_at_their_rate_and_flicker() -> None:
    scene = Scene(weather=STORM)
    found = strokes(scene, 0, 600)
    assert len(found) == pytest.approx(300, abs=3)
    assert all(2000 <= stroke.distance_m <= 8000 for stroke in found)
    assert any(len(stroke.pulses) > 2 for stroke in found)
    one = found[4]
    assert one.glow(one.start_s - 0.001) == 0
    assert one.glow(one.start_s) > 0.4
    assert one.glow(one.start_s + 1) == 0
    assert strokes(Scene(), 0, 600) == []


def test_a_flash_is_the_same_whenever_it_is_asked_for() -> None:
    scene = Scene(weather=STORM)
    start = strokes(scene, 20, 60)[0].start_s + 0.01
    (direction, strength), *_ = flash_at(scene, start)
    assert float(direction.norm()) == pytest.approx(1, abs=1e-5)
    assert 0.001 < strength < 1
    assert flash_at(scene, start)[0][1] == strength
    quiet = strokes(scene, 0, 60)[0].start_s - 0.01
    assert flash_at(scene, quiet) == []


def test_the_bolt_is_in_view_and_gives_its_light() -> None:
    scene = Scene(weather=STORM)
    near = [s for s in strokes(scene, 0, 300) if abs(s.azimuth) < 0.35]
    view = view_at(
        Scene(weather=STORM, time=Time(start_s=near[0].start_s + 0.005)), 192, 108, 0.0, 0.0, CPU
    )
    light = bolt(view, scene)
    assert bool(light.isfinite().all())
    assert float(light.min()) >= 0
    assert float(light.max()) > 1000 * float(light.median())
    hidden = bolt(view, scene, torch.full((108, 192), 50.0))
    assert not bool(hidden.any())


# --- rainbow


def angles() -> tuple[Tensor, Tensor]:
    cosine = (torch.arange(4096) + 0.5) / 8192 + 0.5
    return torch.rad2deg(torch.acos(cosine)), bow_table(CPU)


def peak(channel: int, low: float, high: float) -> float:
    angle, table = angles()
    inside = (angle > low) & (angle < high)
    return float(angle[inside][table[channel][inside].argmax()])


def test_the_primary_bow_has_red_outside_at_42_degrees() -> None:
    red, green, blue = (peak(channel, 39, 44) for channel in range(3))
    assert 40.4 < blue < green < red < 42.5


def test_the_secondary_bow_is_reversed_and_fainter() -> None:
    red, green, blue = (peak(channel, 48, 56) for channel in range(3))
    assert 50 < red < green < blue < 54
    angle, table = angles()
    outer = table[:, (angle > 50) & (angle < 54)].max()
    assert 0.05 < float(outer / table[:, (angle > 40) & (angle < 43)].max()) < 0.3


def test_the_sky_is_dark_between_the_bows_and_bright_within() -> None:
    angle, table = angles()
    within, between, beyond = (
        table[:, (angle > low) & (angle < high)].mean()
        for low, high in ((30, 39), (44, 49), (54, 57))
    )
    assert within > 3 * beyond > 3 * between


def test_the_bow_stands_opposite_the_sun_while_it_is_low() -> None:
    scene = Scene(weather=Weather(rainbow=1, rain_mm_h=3))
    lamp = sun(20)
    on, off = unit(0, 41.6 - 20), unit(0, 60)
    light = rainbow(scene, lamp, torch.stack([on, off], 1))
    assert float(light[:, 0].max()) > 5 * float(light[:, 1].max())
    for elevation in (-5, 45):
        assert not bool(rainbow(scene, sun(elevation), on[:, None]).any())
    assert not bool(rainbow(Scene(), lamp, on[:, None]).any())
    assert not bool(rainbow(scene, sun(20, light=0.0), on[:, None]).any())
