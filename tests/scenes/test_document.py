import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pleinair.errors import InputError
from pleinair.scenes.document import digest, read_scene, to_json, to_toml, write_scene
from pleinair.scenes.field import Part
from pleinair.scenes.sampling import sample_scene
from pleinair.scenes.scene import (
    VERSION,
    Camera,
    Clouds,
    Film,
    Land,
    Move,
    Scene,
    Sky,
    Time,
    Water,
    Weather,
)

scenes = st.integers(0, 2**63).map(sample_scene)


@given(scenes)
def test_every_scene_survives_toml_and_json(scene: Scene) -> None:
    assert read_scene(to_toml(scene)) == scene
    assert read_scene(to_json(scene)) == scene
    assert Scene.from_dict(scene.as_dict()) == scene


@given(scenes)
def test_equal_scenes_and_only_they_have_equal_digests(scene: Scene) -> None:
    assert digest(read_scene(to_toml(scene))) == digest(scene)
    assert digest(replace(scene, seed=scene.seed ^ 1)) != digest(scene)


@given(st.floats(8, 1200))
def test_no_digit_of_a_number_is_lost(lens: float) -> None:
    scene = Scene(camera=Camera(lens_mm=lens))
    assert read_scene(to_toml(scene)).camera.lens_mm == lens
    assert read_scene(to_json(scene)).camera.lens_mm == lens


def test_samples_reach_the_ends_of_every_range() -> None:
    found = {sample_scene(1, i).camera.lens_mm for i in range(60)}
    assert {8, 1200} <= found
    assert len({sample_scene(1, i).land.place for i in range(60)}) > 8
    assert sample_scene(3, 4) == sample_scene(3, 4) != sample_scene(3, 5)


def test_what_is_missing_takes_its_default() -> None:
    assert read_scene("") == read_scene("{}") == Scene()
    scene = read_scene("[camera]\nlens_mm = 50\n")
    assert scene == Scene(camera=Camera(lens_mm=50))


def test_the_version_comes_first_and_behind_each_line_stands_its_meaning() -> None:
    lines = to_toml(Scene()).splitlines()
    assert lines[0] == f"version = {VERSION}"
    lens = next(line for line in lines if line.startswith("lens_mm"))
    assert lens.endswith("# focal length for a frame 36 mm wide (8 to 1200 mm)")
    assert next(iter(json.loads(to_json(Scene())))) == "version"


def test_a_whole_number_stands_for_a_real_one() -> None:
    assert Scene.from_dict({"land": {"relief_m": 700}}) == Scene(land=Land(relief_m=700.0))
    assert type(Land(relief_m=700).relief_m) is float


REFUSED = {
    "version = 2": "version: got 2; allowed: up to 1, the newest that this Pleinair knows",
    "version = true": "version: got True; allowed: up to 1, the newest",
    "seed = 1.5": "seed: got 1.5; allowed: whole numbers from 0 to 4294967295",
    "seed = -1": "seed: got -1;",
    "[camera]\nlens = 50": "camera.lens: got 50; allowed: no field of this name; "
    "the nearest is camera.lens_mm",
    "[camera]\nlens_mm = 0": "camera.lens_mm: got 0; allowed: numbers from 8 to 1200 mm",
    "[camera]\nlens_mm = nan": "camera.lens_mm: got nan;",
    "[camera]\nlens_mm = inf": "camera.lens_mm: got inf;",
    "[camera]\nlens_mm = true": "camera.lens_mm: got True;",
    '[camera]\nlens_mm = "50"': "camera.lens_mm: got '50';",
    "[camera]\nlens_mm = [50]": "camera.lens_mm: got a list of 1;",
    "[sky]\nsun_elevation_deg = -91": "sky.sun_elevation_deg: got -91; allowed: numbers from -90",
    '[land]\nplace = "moon"': "land.place: got 'moon'; allowed: sea, beach",
    "[land]\nplace = []": "land.place: got a list of 0; allowed: sea, beach",
    "[[camera.moves]]\n[[camera.moves]]\namount = 1e9": "camera.moves[1].amount: got 1000000000.0;",
    "[camera]\nmoves = 3": "camera.moves: got 3; allowed: a list of up to 32 tables",
    "[camera]\nmoves = [1]": "camera.moves[0]: got 1; allowed: a table of fields",
    "[[camera.moves]]\n" * 33: "camera.moves: got a list of 33; allowed: a list of up to 32 tables",
    "[[weather.clouds]]\n"
    * 5: "weather.clouds: got a list of 5; allowed: a list of up to 4 tables",
    "land = 3": "land: got 3; allowed: a table of fields",
    "[[land]]": "land: got a list of 1; allowed: a table of fields",
    "[boats]": "boats: got a table; allowed: no field of this name; the nearest is",
    "[land": "scene: got '[land'; allowed: TOML as it should be",
    '{"seed": 1,': "allowed: JSON as it should be",
    '{"seed": 1, "seed": 2}': "seed: got two values; allowed: one value",
    '{"camera": {"lens_mm": NaN}}': "camera.lens_mm: got nan;",
    '{"camera": {"lens_mm": 1e999}}': "camera.lens_mm: got inf;",
    "seed = " + "9" * 300: "seed: got a number of about",
    "seed = " + "9" * 5000: "allowed: TOML as it should be",
    "x = " + "[" * 100000: "scene: got deeply nested values",
    '{"x": ' * 30000: "scene: got deeply nested values",
    "a." * 50000 + "b = 1": "scene: got deeply nested values",
    "# " + "x" * 300000: "scene: got 300,002 characters; allowed: up to 256 kB",
}


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_what_no_scene_can_be_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InputError) as refused:
        read_scene(text)
    assert REFUSED[text] in str(refused.value)
    assert len(str(refused.value)) < 400


def test_brackets_in_words_and_comments_nest_nothing() -> None:
    assert read_scene("# " + "[" * 99 + "\nseed = 4\n# a.b.c" + ".d" * 99) == Scene(seed=4)


@pytest.mark.parametrize(
    ("part", "field", "bad"),
    [(Scene, "land", 3), (Weather, "clouds", [Clouds()]), (Weather, "clouds", (3,)),
     (Camera, "moves", (Move(),) * 33), (Land, "place", ["sea"])],
)  # fmt: skip
def test_parts_refuse_in_python_too(part: type[Part], field: str, bad: object) -> None:
    with pytest.raises(InputError, match=rf"{part.label()}\.{field}"):
        part(**{field: bad})


@pytest.mark.parametrize("name", ["scene.toml", "scene.json"])
def test_files_are_written_and_read(tmp_path: Path, name: str) -> None:
    scene = sample_scene(8)
    write_scene(scene, tmp_path / name)
    assert read_scene(tmp_path / name) == scene


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(b"\xff\xd8\xff\xe0")
    for path in (tmp_path / "photo", tmp_path / "missing", tmp_path):
        with pytest.raises(InputError, match="scene: "):
            read_scene(path)


def test_every_field_of_every_part_is_checked() -> None:
    for part in (Scene, Land, Water, Sky, Clouds, Weather, Move, Camera, Film, Time):
        assert len(list(part.rules())) == len(fields(part))
