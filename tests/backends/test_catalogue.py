import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pleinair.backends.base import MODELS, check_model, open_backend
from pleinair.backends.catalogue import CATALOGUE, folder_of, weights_of
from pleinair.backends.receipts import ABSENT, HALF, PULLED, File, Receipt, check_folder, state
from pleinair.errors import InputError, MemoryFullError, ModelError
from pleinair.request import Given, VideoRequest
from pleinair.settings import Settings
from pleinair.wan.presets import PRESETS

WAN = CATALOGUE["wan2.1-t2v-1.3b"]
PICTURE = Given("frame", "a" * 64)
ASKED = VideoRequest("a lake", model=WAN.id, seconds=5, width=832, height=480, seed=1)


def test_every_line_can_be_asked_for_by_its_own_rules() -> None:
    for name, weights in CATALOGUE.items():
        assert weights.id == name
        assert weights.licence.link.startswith("https://")
        frames = weights.frames(weights.longest)
        assert frames <= weights.most_frames
        assert (frames - 1) % weights.step == 0
        for width, height in weights.sizes:
            assert weights.native_size(width, height) == (width, height)
            given = (PICTURE,) if weights.needs else ()
            shape: dict[str, Any] = {"width": width, "height": height, "seconds": weights.longest}
            MODELS[name].check(replace(ASKED, model=name, given=given, **shape))
        assert MODELS[name].vocabulary(Settings()) is None


@pytest.mark.parametrize(
    ("field", "changes", "said"),
    [
        ("seconds", {"seconds": 5.5}, "got 5.5; allowed: at most 5 here"),
        ("size", {"width": 1024, "height": 64}, "allowed: shapes within 2 times that of 832x480"),
        ("given", {"given": (Given("edit", "a" * 64),)}, "allowed: nothing with this model"),
    ],
)
def test_a_rule_that_is_broken_is_told(field: str, changes: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=field) as caught:
        MODELS[WAN.id].check(replace(ASKED, **changes))  # type: ignore[arg-type]
    assert said in str(caught.value)


def test_a_model_without_guidance_refuses_what_to_keep_out() -> None:
    with pytest.raises(InputError, match="negative_prompt"):
        MODELS["hunyuan-video"].check(replace(ASKED, negative_prompt="snow"))


def test_a_model_that_begins_from_a_picture_asks_for_one() -> None:
    entry = MODELS["wan2.1-i2v-14b-480p"]
    with pytest.raises(InputError, match="got 'nothing'; allowed: a picture at 0 seconds"):
        entry.check(ASKED)
    with pytest.raises(InputError, match=r"at: got 2; allowed: 0 seconds"):
        entry.check(replace(ASKED, given=(replace(PICTURE, at=2),)))
    entry.check(replace(ASKED, given=(PICTURE,)))
    entry.check(replace(ASKED, given=(Given("extend", "a" * 64),)))
    MODELS["wan2.2-ti2v-5b"].check(ASKED)  # takes one, and needs none


def test_wan_runs_on_this_projects_own_networks(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pulled(home, WAN.id, "WanPipeline")
    asked = []
    monkeypatch.setattr("pleinair.backends.estimate._ram", lambda: 64e9)
    monkeypatch.setattr("pleinair.backends.wan.Wan", lambda *how: asked.append(how))
    MODELS[WAN.id].open(Settings.read())
    assert [how[:2] for how in asked] == [(WAN.id, folder_of(WAN.id, home))]
    for name, preset in PRESETS.items():
        weights = CATALOGUE[name]
        assert weights.native
        assert weights.abilities == preset.abilities
        assert weights.longest == 5


def test_weights_that_memory_cannot_hold_say_so(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pulled(home, WAN.id, "WanPipeline")
    with monkeypatch.context() as patch:
        patch.setattr("pleinair.backends.estimate._ram", lambda: 4e9)
        with pytest.raises(MemoryFullError, match=r"does not fit: .* of 4 GB RAM"):
            MODELS[WAN.id].open(Settings(device="cpu", model_folder=home))
    monkeypatch.setattr("pleinair.backends.estimate._ram", lambda: 64e9)

    def full(error: Exception) -> object:
        def load(*_: object) -> None:
            raise error

        return load

    for error in (MemoryError(), RuntimeError("CUDA out of memory. Tried to allocate")):
        monkeypatch.setattr("pleinair.backends.wan.Wan", full(error))
        with pytest.raises(MemoryFullError, match=r"weights of wan2.1-t2v-1.3b; `pleinair doctor`"):
            MODELS[WAN.id].open(Settings.read())
    monkeypatch.setattr("pleinair.backends.wan.Wan", full(RuntimeError("shapes differ")))
    with pytest.raises(RuntimeError, match="shapes differ"):
        MODELS[WAN.id].open(Settings.read())


def test_a_revision_has_a_folder_of_its_own(home: Path) -> None:
    model = "hf:Wan-AI/Wan2.2-TI2V-5B-Diffusers"
    for name, revision in ((model, "main"), (f"{model}@v1.0", "v1.0")):
        folder = _pulled(home, name, "WanPipeline")
        weights = weights_of(name, folder)
        assert (weights.repository, weights.revision) == (model[3:], revision)
        assert weights.fps == 24  # of that repository, not of the first that Wan's pipeline runs
        assert not weights.native
    assert len(list(home.iterdir())) == 2


def test_frames_are_the_least_that_last_as_long() -> None:
    assert [WAN.frames(seconds) for seconds in (0.1, 0.25, 0.26, 1, 5)] == [5, 5, 9, 17, 81]
    assert CATALOGUE["wan2.2-ti2v-5b"].frames(5) == 121
    assert CATALOGUE["mochi-1"].frames(1) == 31


def test_the_native_size_has_the_shape_and_needs_no_enlarging() -> None:
    large = CATALOGUE["wan2.1-t2v-14b"]
    assert large.native_size(640, 360) == (832, 480)
    assert large.native_size(1280, 720) == (1280, 720)
    assert large.native_size(1920, 1080) == (1280, 720)
    assert large.native_size(360, 640) == (480, 832)


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "hf:../x",
        "hf:a/..",
        "hf:a/b/c",
        "hf:a",
        "hf:/etc",
        "hf:a\\b/c",
        "pleinair-1",
        "hf:a/b@../c",
        "hf:a/b@..",
        "hf:a/b@",
        "hf:a/b@x/y",
        "hf:a/b--c",
    ],
)
def test_no_id_leads_out_of_the_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no weights to fetch"):
        folder_of(name, tmp_path)
    assert folder_of("hf:some.one/a_b-c", tmp_path).parent == tmp_path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLEINAIR_MODEL_FOLDER", str(tmp_path))
    return tmp_path


def _pulled(home: Path, model: str, pipeline: str) -> Path:
    folder = folder_of(model, home)
    folder.mkdir()
    text = json.dumps({"_class_name": pipeline})
    (folder / "model_index.json").write_text(text)
    files = {"model_index.json": File(len(text), "0" * 64)}
    Receipt(model, "someone/some", "c0ffee", "mit", files).write(folder)
    return folder


def test_a_folder_is_whole_half_finished_or_not_there(home: Path) -> None:
    assert state(WAN.id, home) == ABSENT
    with pytest.raises(ModelError, match=r"`pleinair models pull wan2.1-t2v-1.3b` fetches them"):
        check_folder(WAN.id, folder_of(WAN.id, home))
    folder = _pulled(home, WAN.id, "WanPipeline")
    assert state(WAN.id, home) == PULLED
    assert check_folder(WAN.id, folder).revision == "c0ffee"
    (folder / "model_index.json").write_text("{}")
    assert state(WAN.id, home) == HALF
    with pytest.raises(ModelError, match=r"model_index.json of .* is missing or cut short"):
        check_folder(WAN.id, folder)
    (folder / "pleinair-receipt.json").write_text('{"files": 3}')
    with pytest.raises(ModelError, match=r"half finished; `pleinair models pull"):
        check_folder(WAN.id, folder)


def test_a_repository_is_a_model_once_it_is_pulled(home: Path) -> None:
    model = "hf:someone/some"
    assert model not in MODELS
    with pytest.raises(ModelError, match=r"not here; `pleinair models pull hf:someone/some`"):
        check_model(model)
    with pytest.raises(KeyError):
        MODELS[model]
    folder = _pulled(home, model, "CogVideoXImageToVideoPipeline")
    check_model(model)
    entry = MODELS[model]
    assert entry.weights == weights_of(model, folder)
    assert entry.weights.sizes == ((720, 480),)
    assert "frame" in entry.abilities
    assert entry.longest == 6


def test_a_pipeline_of_no_known_family_draws_any_size(home: Path) -> None:
    folder = _pulled(home, "hf:a/b", "SomeNewPipeline")
    weights = weights_of("hf:a/b", folder)
    assert weights.sizes == ()
    weights.check(replace(ASKED, width=64, height=2048, seconds=1))


def test_what_was_not_pulled_says_so_when_opened(home: Path) -> None:
    with pytest.raises(ModelError, match="are not in"):
        open_backend(WAN.id, Settings.read())
