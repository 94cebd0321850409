import math

import pytest

from pleinair.scenes.draft import draft
from pleinair.scenes.scene import PLACES, Camera, Scene

SEEDS = range(30)


def _scenes(prompt: str, aspect: float = 16 / 9, seconds: float = 4) -> list[Scene]:
    return [draft(prompt, seed, aspect=aspect, seconds=seconds).scene for seed in SEEDS]


def _height_in_picture(camera: Camera, elevation: float, aspect: float) -> float:
    """Where something stands in the picture's height, 0 below, 1 above."""
    tall = 18 / camera.lens_mm * min(1, 1 / aspect)
    return 0.5 + math.tan(math.radians(elevation - camera.pitch_deg)) / tall / 2


def _across(camera: Camera, azimuth: float, aspect: float) -> float:
    wide = 18 / camera.lens_mm * min(1, aspect)
    return 0.5 + math.tan(math.radians(azimuth - camera.heading_deg)) / wide / 2


@pytest.mark.parametrize("aspect", [16 / 9, 1, 9 / 16])
@pytest.mark.parametrize("place", PLACES)
def test_the_horizon_is_in_the_picture_and_off_its_middle(place: str, aspect: float) -> None:
    for scene in _scenes(f"{place}, static", aspect):
        assert scene.land.place == place
        horizon = _height_in_picture(scene.camera, 0, aspect)
        assert 0.1 < horizon < 0.45 or 0.55 < horizon < 0.75


@pytest.mark.parametrize("place", ["mountains", "lake", "valley", "volcano", "glacier"])
@pytest.mark.parametrize("aspect", [16 / 9, 9 / 16])
def test_the_heights_have_sky_above_them(place: str, aspect: float) -> None:
    for scene in _scenes(f"{place}, static", aspect):
        top = math.degrees(math.atan(scene.land.relief_m / scene.land.distance_m))
        assert _height_in_picture(scene.camera, top, aspect) < 0.95


@pytest.mark.parametrize("hour", ["sunrise", "sunset"])
def test_a_low_sun_stands_in_the_picture_a_third_from_the_side(hour: str) -> None:
    for scene in _scenes(f"the sea at {hour}, static"):
        camera, sky = scene.camera, scene.sky
        assert 0.5 < sky.sun_elevation_deg < 4
        across = _across(camera, sky.sun_azimuth_deg, 16 / 9)
        assert 0.25 < across < 0.4 or 0.6 < across < 0.75
        assert (across > 0.5) == (hour == "sunrise")  # it rises in the east


def test_the_golden_sun_lights_from_aside() -> None:
    for scene in _scenes("the sea at the golden hour, static"):
        aside = abs(scene.sky.sun_azimuth_deg - scene.camera.heading_deg)
        assert 38 < aside < 82
        assert 4 < scene.sky.sun_elevation_deg < 10


def test_nights_are_never_black() -> None:
    lit = 0
    for scene in _scenes("hills at night"):
        sky = scene.sky
        assert sky.sun_elevation_deg < -18
        moon = sky.moon_elevation_deg > 20 and 0.3 < sky.moon_phase < 0.7
        assert moon or (sky.milky_way >= 1 and sky.stars >= 1)
        lit += moon
    assert 8 < lit < 25


def test_a_full_moon_is_in_the_picture() -> None:
    for scene in _scenes("the sea, full moon, static"):
        assert 0.5 < _height_in_picture(scene.camera, scene.sky.moon_elevation_deg, 16 / 9) < 0.97
        assert 0.2 < _across(scene.camera, scene.sky.moon_azimuth_deg, 16 / 9) < 0.8


def test_a_rainbow_has_the_sun_behind() -> None:
    for scene in _scenes("a rainbow over hills"):
        behind = math.remainder(scene.sky.sun_azimuth_deg - scene.camera.heading_deg - 180, 360)
        assert abs(behind) < 40
        assert 0 < scene.sky.sun_elevation_deg < 30


@pytest.mark.parametrize("seconds", [0.5, 4, 60, 3600])
def test_moves_fill_the_film_and_keep_the_subject(seconds: float) -> None:
    for scene in _scenes("a valley", seconds=seconds):
        for move in scene.camera.moves:
            assert move.seconds == seconds
            assert abs(move.amount) <= 60


def test_a_longer_film_moves_no_faster() -> None:
    short, long = (_scenes("camera pans left", seconds=seconds)[0] for seconds in (2, 4))
    speeds = [s.camera.moves[0].amount / s.camera.moves[0].seconds for s in (short, long)]
    assert speeds[0] == pytest.approx(speeds[1], rel=0.02)


def test_one_more_word_leaves_the_other_choices_alone() -> None:
    plain, grey = draft("a lake at noon", 9).scene, draft("a lake at noon, overcast", 9).scene
    assert plain.weather.clouds != grey.weather.clouds
    assert (plain.land, plain.camera, plain.sky) == (grey.land, grey.camera, grey.sky)


def test_the_sky_varies() -> None:
    kinds = {tuple(c.kind for c in scene.weather.clouds) for scene in _scenes("hills by day")}
    assert len(kinds) >= 3
