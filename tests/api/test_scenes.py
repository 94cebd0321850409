"""Landscapes over the API: the default model, scenes in and out, and what goes to another model."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from pleinair.backends import testcard
from pleinair.backends.base import MODELS
from pleinair.media.manifest import ALGORITHMIC, verify
from pleinair.scenes.scene import Scene, Sky
from pleinair.settings import DEFAULT_MODEL, ServiceSettings
from tests.api.conftest import Live, serve
from tests.painter import Painter

SMALL: dict[str, Any] = {"seconds": "0.5", "size": "64x36", "fps": 12, "seed": 3}


@pytest.fixture
def live_server(
    tmp_path: Path, painter: list[Painter], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Live]:
    """A server of the defaults, with a quick painter and a test card in the models' places."""
    card = replace(MODELS["pleinair-1"], open=lambda _: testcard.TestCard())
    monkeypatch.setitem(MODELS, "pleinair-1", card)
    with serve(ServiceSettings(home=tmp_path / "home", rate=0)) as live:
        yield live


@pytest.mark.parametrize("asked", [{}, {"model": "sora-2"}, {"model": DEFAULT_MODEL}])
def test_a_video_comes_from_the_landscapes_with_its_scene(
    live_server: Live, http: httpx.Client, tmp_path: Path, asked: dict[str, str]
) -> None:
    body = {"prompt": "a lake at dusk with a zeppelin", **SMALL, **asked}
    made = http.post("/videos", json=body).json()
    assert made["model"] == asked.get("model", "sora-2")
    assert (made["scene"], made["notes"]) == (None, [])
    assert live_server.video(made["id"]).backend == DEFAULT_MODEL
    live_server.finish(made["id"])
    found = http.get(f"/videos/{made['id']}").json()
    told = {name: found[name] for name in ("status", "progress", "size", "seconds")}
    assert told == {"status": "completed", "progress": 100, "size": "64x36", "seconds": "0.5"}
    scene = Scene.from_dict(found["scene"])
    assert (scene.land.place, scene.seed) == ("lake", 3)
    assert "zeppelin" in str([*found["unknown_words"], *found["notes"]])
    path = tmp_path / "video.mp4"
    path.write_bytes(http.get(f"/videos/{made['id']}/content").content)
    assert verify(path, b"").source_type == ALGORITHMIC


@pytest.mark.parametrize("form", [False, True])
def test_a_scene_that_is_sent_is_drawn(live_server: Live, http: httpx.Client, form: bool) -> None:
    scene = Scene(seed=11, sky=Sky(sun_elevation_deg=9)).as_dict()
    body = {"prompt": "mine", **SMALL, "scene": scene}
    del body["seed"]
    if form:
        fields = {name: str(value) for name, value in body.items()} | {"scene": json.dumps(scene)}
        made = http.post("/videos", data=fields, files={"empty": b""}).json()
    else:
        made = http.post("/videos", json=body).json()
    assert (made["scene"], made["seed"], made["prompt"]) == (scene, 11, "mine")
    live_server.finish(made["id"])
    assert http.get(f"/videos/{made['id']}").json()["scene"] == scene


@pytest.mark.parametrize(
    ("scene", "param"),
    [
        ({"camera": {"lens_mm": 0}}, "scene.camera.lens_mm"),
        ({"sky": {"sun_elevation_deg": -91}}, "scene.sky.sun_elevation_deg"),
        ({"moon": 1}, "scene.moon"),
        ({"version": 99}, "scene.version"),
        ("a lake", "scene"),
    ],
)
def test_a_scene_that_cannot_be_is_refused_by_its_field(
    http: httpx.Client, scene: object, param: str
) -> None:
    refused = http.post("/videos", json={"prompt": "x", **SMALL, "scene": scene})
    assert refused.status_code == 400
    assert refused.json()["error"]["param"].removeprefix("scene.") == param.removeprefix("scene.")


@pytest.mark.parametrize(
    "beyond", [{"loop": True}, {"negative_prompt": "snow"}, {"steps": 2}, {"complete": True}]
)
def test_what_it_cannot_do_goes_to_another_model_and_the_answer_says_so(
    live_server: Live, http: httpx.Client, beyond: dict[str, Any]
) -> None:
    made = http.post("/videos", json={"prompt": "a lake", **SMALL, **beyond}).json()
    assert (made["model"], live_server.video(made["id"]).backend) == ("sora-2", "pleinair-1")
    [note] = made["notes"]
    assert note.startswith(DEFAULT_MODEL)
    live_server.finish(made["id"])
    assert note in http.get(f"/videos/{made['id']}").json()["notes"]
    named = {"prompt": "a lake", "model": DEFAULT_MODEL, **SMALL, **beyond}
    refused = http.post("/videos", json=named)
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] in beyond


def test_a_landscape_is_continued_by_another_model(live_server: Live, http: httpx.Client) -> None:
    first = http.post("/videos", json={"prompt": "a lake", **SMALL}).json()
    live_server.finish(first["id"])
    body = {"prompt": "a lake", "video": {"id": first["id"]}, "seconds": "0.5"}
    made = http.post("/videos/extensions", json=body).json()
    assert (made["model"], made["seconds"]) == ("sora-2", "1")
    assert "cannot begin" in made["notes"][0]
    assert live_server.finish(made["id"]).state == "completed"


def test_a_scene_with_a_model_that_draws_none_is_refused(http: httpx.Client) -> None:
    body = {"prompt": "x", "model": "pleinair-1", "scene": {}, **SMALL}
    assert http.post("/videos", json=body).json()["error"]["param"] == "scene"
