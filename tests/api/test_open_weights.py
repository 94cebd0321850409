"""Open weights behind the API: a good video, each trouble as a clear end, a good one again."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from pleinair.api import inputs
from pleinair.backends import base, catalogue
from pleinair.backends.base import open_backend
from pleinair.backends.catalogue import CATALOGUE
from pleinair.errors import InputError
from pleinair.request import Given, VideoRequest
from pleinair.service.tables import COMPLETED, FAILED
from pleinair.service.worker import Worker
from pleinair.settings import ServiceSettings, Settings
from tests.api.conftest import Live
from tests.backends.tiny import TINY, receipt_of, save_tiny
from tests.wan import tiny as tiny_wan

WAN = "wan2.1-t2v-1.3b"


@pytest.fixture
def server_settings(tmp_path: Path) -> ServiceSettings:
    models = ("test-card", "tiny", WAN, "wan2.1-i2v-14b-480p", "hf:someone/tiny")
    return ServiceSettings(home=tmp_path / "home", models=models, aliases={}, rate=0)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The pulled weights of a model called tiny."""
    monkeypatch.setenv("PLEINAIR_MODEL_FOLDER", str(tmp_path / "models"))
    monkeypatch.setitem(catalogue.CATALOGUE, "tiny", TINY)
    monkeypatch.setitem(base.MODELS, "tiny", base.entry_of(TINY))
    folder = tmp_path / "models" / "tiny"
    save_tiny(folder)
    receipt_of("tiny", folder).write(folder)
    yield folder
    open_backend.cache_clear()


def _finish(live: Live, http: httpx.Client, **body: object) -> dict[str, object]:
    asked = {"model": "tiny", "prompt": "a lake", "size": "64x32", "seconds": "0.5", "steps": 1}
    made = http.post("/videos", json=asked | body)
    assert made.is_success, made.text
    use = live.services
    settings = Settings.read({"PLEINAIR_MODEL_FOLDER": str(_home()), "PLEINAIR_DEVICE": "cpu"})
    worker = Worker(settings, live.settings, database=use.database, storage=use.storage)
    assert worker.run_one()
    told: dict[str, object] = http.get(f"/videos/{made.json()['id']}").json()
    return told


def _home() -> Path:
    return Settings.read().model_folder


def test_every_trouble_ends_one_video_and_no_more(
    live_server: Live, http: httpx.Client, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.read({"PLEINAIR_MODEL_FOLDER": str(_home()), "PLEINAIR_DEVICE": "cpu"})
    assert _finish(live_server, http)["status"] == COMPLETED

    def full(*_: object, **__: object) -> None:
        raise MemoryError("no room")

    with monkeypatch.context() as patch:
        pipeline = open_backend("tiny", settings).pipeline  # type: ignore[attr-defined]
        patch.setattr(pipeline.vae, "decode", full)
        _failed(_finish(live_server, http), "out_of_memory", "not enough memory for 64x32")
    assert _finish(live_server, http)["status"] == COMPLETED

    open_backend.cache_clear()
    weights = folder / "vae" / "diffusion_pytorch_model.safetensors"
    kept = weights.read_bytes()
    weights.unlink()
    _failed(
        _finish(live_server, http), "model_error", "missing or cut short; `pleinair models pull"
    )
    weights.write_bytes(kept)
    receipt = (folder / "pleinair-receipt.json").rename(folder / "aside")
    _failed(_finish(live_server, http), "model_error", "half finished; `pleinair models pull")
    receipt.rename(folder / "pleinair-receipt.json")
    absent = _finish(live_server, http, model="wan2.1-t2v-1.3b", size="832x480", seconds="1")
    _failed(absent, "model_error", "`pleinair models pull wan2.1-t2v-1.3b` fetches them")

    with monkeypatch.context() as patch:
        patch.setattr("pleinair.backends.adapter.Adapter", full)
        _failed(_finish(live_server, http), "out_of_memory", "not enough memory for the weights")
    assert _finish(live_server, http)["status"] == COMPLETED


def test_wan_is_made_once_its_weights_are_there(
    live_server: Live, http: httpx.Client, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = replace(CATALOGUE[WAN], sizes=((48, 32), (32, 48)), network=None)
    monkeypatch.setitem(CATALOGUE, WAN, weights)
    monkeypatch.setitem(base.MODELS, WAN, base.entry_of(weights))
    pulled = tiny_wan.save(tiny_wan.wan_pipeline(), folder.parent / WAN)
    receipt_of(WAN, pulled).write(pulled)
    made = _finish(live_server, http, model=WAN, size="96x64")
    assert made["status"] == COMPLETED, made["error"]
    assert (made["model"], made["size"]) == (WAN, "96x64")


def _failed(told: dict[str, object], code: str, said: str) -> None:
    assert told["status"] == FAILED
    error = told["error"]
    assert isinstance(error, dict)
    assert error["code"] == code
    assert said in error["message"]


def test_a_model_tells_its_rules_and_keeps_to_them(http: httpx.Client, folder: Path) -> None:
    told = http.get("/models/wan2.1-t2v-1.3b").json()
    assert told["longest_seconds"] == 5
    assert "shapes within 2 times that of 832x480" in told["sizes"]
    assert told["native"]["sizes"] == ["832x480", "480x832"]
    assert told["native"]["fps"] == 16
    assert "4·n+1" in told["native"]["frames"]
    assert told["native"]["licence"] == "apache-2.0"
    assert http.get("/models/test-card").json()["native"] is None
    body = {"model": "wan2.1-t2v-1.3b", "prompt": "a lake", "size": "832x480", "seconds": "5"}
    for change, field in (({"seconds": "8"}, "seconds"), ({"size": "2048x64"}, "size")):
        refused = http.post("/videos", json=body | change)
        assert refused.status_code == 400
        assert refused.json()["error"]["param"] == field
    refused = http.post("/videos", json=body | {"model": "wan2.1-i2v-14b-480p"})
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "input_reference"
    assert "begins from one" in refused.json()["error"]["message"]
    frame = Given("frame", "a" * 64, at=1)
    late = VideoRequest("a lake", model="wan2.1-i2v-14b-480p", given=(frame,))
    use: Any = SimpleNamespace(settings=SimpleNamespace(models=(late.model,)))
    with pytest.raises(InputError, match="keyframes: got 1; allowed: 0 seconds"):
        inputs._assigned(use, late, late.model, late.model)


def test_a_repository_is_offered_once_it_was_pulled(http: httpx.Client, folder: Path) -> None:
    model = "hf:someone/tiny"
    body = {"model": model, "prompt": "a lake", "size": "832x480", "seconds": "1"}
    assert http.get(f"/models/{model}").status_code == 404
    assert http.post("/videos", json=body).status_code == 400
    folder.rename(folder.parent / "hf--someone--tiny")
    assert http.get(f"/models/{model}").json()["native"]["fps"] == TINY.fps
    assert model in [told["id"] for told in http.get("/models").json()["data"]]
    assert http.post("/videos", json=body).is_success
