"""Progress as server-sent events."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from pleinair.api import events
from tests.api.conftest import Live

Event = tuple[str, dict[str, Any]]


def ask(http: httpx.Client, prompt: str, **fields: object) -> str:
    body = {"prompt": prompt, "seconds": "1", "size": "64x48", **fields}
    return str(http.post("/videos", json=body).json()["id"])


def read(response: httpx.Response) -> Iterator[Event]:
    """Events as a browser would get them; comments are skipped."""
    kind = ""
    for line in response.iter_lines():
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, json.loads(value)


@contextmanager
def beside(work: Any) -> Iterator[None]:  # noqa: ANN401  # a call without arguments
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def test_a_video_is_told_of_from_the_queue_to_its_end(
    http: httpx.Client, live_server: Live
) -> None:
    video_id = ask(http, "slow 300", steps=8)
    with http.stream("GET", f"/videos/{video_id}/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        stream = read(response)
        first = next(stream)
        assert (first[0], first[1]["id"]) == ("video.queued", video_id)
        with beside(lambda: live_server.finish(video_id)):
            rest = list(stream)
    kinds = [kind for kind, _ in rest]
    assert kinds[-1] == "video.completed"
    assert kinds.count("video.completed") == 1
    assert "video.in_progress" in kinds
    assert "preview" in kinds
    done = [data["progress"] for kind, data in rest if kind != "preview"]
    assert done == sorted(done)
    assert done[-1] == 100
    assert rest[-1][1] == http.get(f"/videos/{video_id}").json()
    for kind, data in rest:
        if kind == "preview":
            start, _, picture = data["image_url"].partition(",")
            assert start == "data:image/jpeg;base64"
            with Image.open(BytesIO(base64.b64decode(picture))) as image:
                image.load()
                assert image.format == "JPEG"


def test_a_finished_video_is_told_of_once(http: httpx.Client, live_server: Live) -> None:
    video_id = ask(http, "fail")
    live_server.finish(video_id)
    with http.stream("GET", f"/videos/{video_id}/events") as response:
        told = list(read(response))
    assert [kind for kind, _ in told] == ["video.failed"]
    assert told[0][1]["error"]["code"] == "model_error"


def test_several_watch_the_same_video(http: httpx.Client, live_server: Live) -> None:
    video_id = ask(http, "a lake")
    seen: list[list[str]] = []

    def watch() -> None:
        with httpx.stream("GET", f"{live_server.url}/videos/{video_id}/events") as response:
            seen.append([kind for kind, _ in read(response)])

    with beside(watch), beside(watch), http.stream("GET", f"/videos/{video_id}/events") as mine:
        stream = read(mine)
        next(stream)
        live_server.finish(video_id)
        assert list(stream)[-1][0] == "video.completed"
    assert [kinds[-1] for kinds in seen] == ["video.completed"] * 2


def test_a_video_that_is_deleted_is_gone(http: httpx.Client) -> None:
    video_id = ask(http, "a lake")
    with http.stream("GET", f"/videos/{video_id}/events") as response:
        stream = read(response)
        next(stream)
        http.delete(f"/videos/{video_id}")
        assert list(stream) == [("gone", {"id": video_id})]


def test_there_are_no_events_of_what_is_not_there(http: httpx.Client) -> None:
    answer = http.get("/videos/video_0/events")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_silence_is_broken_by_comments(http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "SILENCE", 0.05)
    video_id = ask(http, "a lake")
    with http.stream("GET", f"/videos/{video_id}/events") as response:
        lines = response.iter_lines()
        assert next(lines) == "event: video.queued"
        assert next(line for line in lines if line.startswith(":")) == ": still there"


def test_the_server_stops_though_somebody_watches(http: httpx.Client, live_server: Live) -> None:
    video_id = ask(http, "a lake")
    response = http.send(http.build_request("GET", f"/videos/{video_id}/events"), stream=True)
    assert next(response.iter_lines()) == "event: video.queued"
    # That the fixture's end comes soon although the stream is open is what is tried here.
