import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pleinair.errors import InputError
from pleinair.scenes.document import read_scene, to_toml
from pleinair.scenes.draft import Draft, draft, explain
from pleinair.scenes.scene import MOVES, Scene

SAID: dict[str, Callable[[Scene], bool]] = {
    "a lake in the mountains": lambda s: s.land.place == "lake" and s.land.relief_m > 700,
    "Un lac de montagne gelé": lambda s: s.land.place == "lake" and s.water.ice == 1,
    "the open sea": lambda s: s.land.place == "sea",
    "sandy beaches": lambda s: s.land.place == "beach",
    "la plage": lambda s: s.land.place == "beach",
    "dunes": lambda s: s.land.place == "desert",
    "the Alps": lambda s: s.land.place == "mountains" and s.land.snow_line_m < s.land.relief_m,
    "snowy mountains": lambda s: s.land.place == "mountains",
    "an alpine meadow": lambda s: s.land.place == "meadow",
    "a sea of clouds": lambda s: s.land.place == "mountains" and s.weather.mist == 1,
    "a volcano at night": lambda s: s.land.place == "volcano" and s.sky.sun_elevation_deg < -18,
    "hills at dusk": lambda s: -9 < s.sky.sun_elevation_deg < -3,
    "collines à midi": lambda s: s.sky.sun_elevation_deg > 50,
    "a valley, full moon": lambda s: s.sky.moon_phase == 0.5 and s.sky.moon_elevation_deg > 3,
    "a moonless night": lambda s: s.sky.moon_elevation_deg < -10,
    "the sea under the Milky Way": lambda s: s.sky.milky_way > 1 and s.sky.sun_elevation_deg < -18,
    "northern lights": lambda s: s.sky.aurora > 0.5 and s.sky.sun_elevation_deg < -18,
    "a lake without clouds": lambda s: not s.weather.clouds,
    "hills, no clouds, no wind": lambda s: not s.weather.clouds and s.weather.wind_mps < 1,
    "sans vent ni nuages": lambda s: not s.weather.clouds and s.weather.wind_mps < 1,
    "a blue sky with white clouds": lambda s: s.weather.clouds[0].kind == "cumulus",
    "an overcast day": lambda s: s.weather.clouds[0].cover > 0.9,
    "rain over hills": lambda s: s.weather.rain_mm_h > 1 and s.land.wetness > 0.5,
    "it is snowing": lambda s: s.weather.snow_mm_h > 0 and s.land.snow_line_m < 0,
    "thunderstorm over plains": lambda s: s.weather.lightning_per_min > 0,
    "thick fog": lambda s: s.weather.visibility_m < 1000,
    "rainbow over a meadow": lambda s: s.weather.rainbow > 0 and s.sky.sun_elevation_deg < 42,
    "autumn forest": lambda s: s.land.place == "forest" and s.land.season == "autumn",
    "stormy sea": lambda s: s.water.swell_m > 4 and s.weather.wind_mps > 15,
    "pan slowly to the left": lambda s: s.camera.moves[0].amount < 0,
    "camera pans right": lambda s: s.camera.moves[0].amount > 0,
    "tilt up": lambda s: s.camera.moves[0].kind == "tilt" and s.camera.moves[0].amount > 0,
    "zoom out": lambda s: s.camera.moves[0].kind == "zoom" and s.camera.moves[0].amount < 1,
    "push in on a lake": lambda s: s.camera.moves[0].kind == "forward",
    "travelling arrière": lambda s: s.camera.moves[0].amount < 0,
    "racking focus": lambda s: s.camera.moves[0].kind == "focus" and s.camera.f_number < 3,
    "static shot": lambda s: s.camera.moves == (),
    "aerial view of hills": lambda s: s.camera.height_m > 50 and s.camera.pitch_deg < -9,
    "top view of a beach": lambda s: s.camera.pitch_deg == -90,
    "hand-held": lambda s: s.camera.shake == 0.15,
    "intense shaking": lambda s: s.camera.shake > 0.5,
    "telephoto": lambda s: s.camera.lens_mm > 100,
    "85 mm, f/2.8": lambda s: (s.camera.lens_mm, s.camera.f_number) == (85, 2.8),
    "slow motion": lambda s: s.time.pace == 0.25,
    "super slow motion": lambda s: s.time.pace < 0.1,
    "time-lapse": lambda s: s.time.pace >= 60,
    "a river in black and white": lambda s: s.film.look == "black and white",
    "une aquarelle": lambda s: s.film.look == "watercolour",
}


@pytest.mark.parametrize("prompt", SAID)
def test_what_is_said_is_in_the_scene(prompt: str) -> None:
    for seed in range(5):
        made = draft(prompt, seed)
        assert SAID[prompt](made.scene), explain(made)
        assert made.unknown == ()


def test_words_that_nothing_came_of_are_named() -> None:
    made = draft("Two boats and a xylophone on the lake, without people", 3)
    assert made.unknown == ("boats", "xylophone")
    assert made.notes == ("pleinair-2 does not draw boats yet.",)
    assert "xylophone" in explain(made)


def test_contradictions_are_told_and_the_first_holds() -> None:
    made = draft("the sea at sunset, midnight", 3)
    assert made.scene.sky.sun_elevation_deg > 0
    assert made.notes == ("“midnight” was left aside for “sunset”.",)


def test_each_thing_said_names_field_value_and_words() -> None:
    made = draft("Sur un lac, à l'aube", 3)
    assert [(r.field, r.words) for r in made.said] == [
        ("land.place", "lac"),
        ("sky.sun_elevation_deg", "aube"),
    ]
    assert made.said[0].value == "lake"
    assert "land.place = lake  ← “lac”" in explain(made)


@given(st.text(max_size=200), st.integers(0, 2**32 - 1))
def test_any_words_give_a_scene(prompt: str, seed: int) -> None:
    made = draft(prompt, seed)
    assert read_scene(to_toml(made.scene)) == made.scene
    assert made.scene.seed == seed
    assert explain(made)


@given(
    st.lists(st.sampled_from(sorted(SAID)), max_size=6),
    st.integers(0, 2**32 - 1),
    st.sampled_from([9 / 16, 1, 16 / 9, 3]),
    st.floats(0.1, 3600),
)
def test_any_wishes_at_any_length_give_a_scene(
    wishes: list[str], seed: int, aspect: float, seconds: float
) -> None:
    made = draft(", ".join(wishes), seed, aspect=aspect, seconds=seconds)
    assert all(move.kind in MOVES for move in made.scene.camera.moves)


def test_a_draft_is_the_same_in_every_process() -> None:
    code = "from pleinair.scenes.draft import draft; print(draft('a lake at dusk', 5))"
    made = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": salt},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for salt in ("1", "2")
    ]
    assert made == [repr(draft("a lake at dusk", 5))] * 2


def test_scenes_need_no_torch() -> None:
    code = "import sys, pleinair.scenes.draft; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("bad", [{"aspect": 0}, {"seconds": float("nan")}, {"seconds": -1}])
def test_films_that_cannot_be_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(bad))):
        draft("a lake", 1, **bad)


def test_seeds_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="seed"):
        draft("a lake", -1)


def _drafts(prompt: str) -> list[Draft]:
    return [draft(prompt, seed) for seed in range(40)]


def test_another_seed_is_another_scene() -> None:
    places = {made.scene.land.place for made in _drafts("")}
    assert len(places) > 4
    assert len({made.scene.camera.heading_deg for made in _drafts("a lake")}) > 20
