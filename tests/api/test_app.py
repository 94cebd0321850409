"""The server as a whole: its probes, and text that no database can hold."""

import json
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from pleinair.service.db import Database
from pleinair.service.webhooks import Courier, Pace
from pleinair.settings import ServiceSettings
from tests.api.conftest import Live, serve

SMALL = {"seconds": "1", "size": "64x48"}
HOOK = {"url": "https://a.example", "event_types": ["video.failed"]}
BATCH = {"endpoint": "/v1/videos", "completion_window": "24h"}
ODD: list[tuple[str, str, dict[str, object] | None]] = [
    ("GET", "/videos/a%00b", None),
    ("GET", "/videos?after=a%00b", None),
    ("DELETE", "/files/a%00b", None),
    ("GET", "/batches/a%00b", None),
    ("GET", "/webhook_endpoints/a%00b", None),
    ("GET", "/videos/characters/a%00b", None),
    ("GET", "/videos/" + "9" * 3000, None),
    ("GET", "/files/" + "é" * 300, None),
    ("POST", "/videos", {"prompt": "a\x00b", **SMALL}),
    ("POST", "/videos", {"prompt": "\ud800", **SMALL}),
    ("POST", "/videos", {"prompt": "x", "negative_prompt": "a\x00b", **SMALL}),
    ("POST", "/videos/edits", {"prompt": "x", "video": {"id": "a\x00b"}}),
    ("POST", "/webhook_endpoints", {"name": "a\x00b", **HOOK}),
    ("POST", "/batches", {"input_file_id": "a\x00b", **BATCH}),
]


@pytest.fixture(params=["sqlite", "postgres"])
def live(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Live]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    with serve(ServiceSettings(home=tmp_path, database=url, models=("test-card",))) as live:
        yield live


@pytest.fixture
def http(live: Live) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=live.url) as http:
        yield http


@pytest.fixture
def root(live: Live) -> str:
    return live.url.removesuffix("/v1")


def test_odd_text_is_refused_and_nothing_breaks(http: httpx.Client) -> None:
    for method, path, body in ODD:
        answer = http.request(method, path, content=None if body is None else json.dumps(body))
        assert answer.status_code in (400, 404), (path, body, answer.text)
        assert answer.json()["error"]["message"]
    odd = {b"idempotency-key": "é ü ~".encode("latin-1")}
    sent = [http.post("/videos", json={"prompt": "x", **SMALL}, headers=odd) for _ in range(2)]
    assert sent[0].json()["id"] == sent[1].json()["id"]


def test_probes_tell_of_life_readiness_and_numbers(http: httpx.Client, root: str) -> None:
    assert httpx.get(f"{root}/health").json()["status"] == "ok"
    assert httpx.get(f"{root}/ready").json() == {"status": "ready"}
    http.post("/videos", json={"prompt": "x", **SMALL})
    metrics = httpx.get(f"{root}/metrics")
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'pleinair_videos{state="queued"}' in metrics.text
    assert 'method="POST"' in metrics.text


def test_a_server_without_its_database_lives_and_is_not_ready(
    root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Database, "is_current", lambda _: False)
    answer = httpx.get(f"{root}/ready")
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "unavailable"
    assert httpx.get(f"{root}/health").status_code == 200


def test_a_server_stops_in_order(tmp_path: Path) -> None:
    settings = ServiceSettings(home=tmp_path, models=("test-card",))
    with serve(settings) as live:
        assert httpx.get(f"{live.url}/models").status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{live.url}/models")
    with serve(settings) as again:  # on the same files
        assert httpx.get(f"{again.url}/models").status_code == 200


def test_nothing_goes_on_once_a_server_has_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pleinair.api.app.Courier", partial(Courier, pace=Pace(poll=600.0)))
    tasks = {"housekeeper", "courier", "batches", "storyboards"}
    with serve(ServiceSettings(home=tmp_path, models=("test-card",))):
        assert {thread.name for thread in threading.enumerate()} >= tasks
    assert {thread.name for thread in threading.enumerate()}.isdisjoint(tasks)
