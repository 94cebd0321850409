"""The library over HTTP: what is noted and found, and what a deletion does not take."""

from typing import Any

import httpx
import pytest

from tests.api.conftest import Live

BODY = {"prompt": "a lake", "seconds": "1", "size": "64x48"}


def _ask(http: httpx.Client, **fields: object) -> dict[str, Any]:
    made: dict[str, Any] = http.post("/videos", json=BODY | fields).json()
    return made


def _listed(http: httpx.Client, **wanted: object) -> list[str]:
    told = http.get("/videos", params=wanted).json()  # type: ignore[arg-type]
    return [video["prompt"] for video in told["data"]]


def test_a_mark_changes_what_it_says_and_nothing_else(http: httpx.Client) -> None:
    video = _ask(http)
    assert (video["favourite"], video["folder"]) == (False, None)
    place = f"/videos/{video['id']}/mark"
    marked = http.post(place, json={"favourite": True, "folder": "Sea"}).json()
    assert (marked["favourite"], marked["folder"]) == (True, "Sea")
    assert http.post(place, json={"favourite": None}).json()["favourite"] is True
    assert http.post(place, json={}).json()["folder"] == "Sea"
    assert http.get("/folders").json() == {
        "object": "list",
        "data": [{"object": "folder", "name": "Sea", "videos": 1}],
    }
    emptied = http.post(place, json={"folder": None}).json()
    assert (emptied["favourite"], emptied["folder"]) == (True, None)
    assert http.get("/folders").json()["data"] == []


@pytest.mark.parametrize(
    ("body", "param"),
    [({"folder": "x" * 81}, "folder"), ({"favourite": "so-so"}, "favourite"), ({"x": 1}, "x")],
)
def test_a_mark_that_is_not_allowed_is_named(
    http: httpx.Client, body: dict[str, object], param: str
) -> None:
    answer = http.post(f"/videos/{_ask(http)['id']}/mark", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_the_list_finds_what_is_looked_for(http: httpx.Client) -> None:
    sea = _ask(http, prompt="the sea at night")
    _ask(http, prompt="the sea by day")
    http.post(f"/videos/{sea['id']}/mark", json={"favourite": True, "folder": "Sea"})
    http.post(f"/videos/{sea['id']}/cancel")
    assert _listed(http, search="SEA night") == ["the sea at night"]
    assert _listed(http, favourite="false") == ["the sea by day"]
    assert _listed(http, favourite="true", folder="Sea", status="failed") == ["the sea at night"]
    assert _listed(http, folder="") == ["the sea by day"]
    assert _listed(http, status="queued", search="night") == []
    assert http.get("/videos", params={"status": "lost"}).json()["error"]["param"] == "status"


def test_a_deletion_can_be_taken_back(live_server: Live, http: httpx.Client) -> None:
    video_id = _ask(http)["id"]
    live_server.finish(video_id)
    before = http.get(f"/videos/{video_id}/content").content
    link = http.get(f"/videos/{video_id}/link").json()["url"]
    assert http.get(link).content == before
    assert http.delete(f"/videos/{video_id}").json()["deleted"] is True
    assert http.get(link).status_code == 404, "though its file is still there"
    assert http.get(f"/videos/{video_id}").status_code == 404
    back = http.post(f"/videos/{video_id}/restore")
    assert (back.status_code, back.json()["status"]) == (200, "completed")
    assert http.get(f"/videos/{video_id}/content").content == before
    assert http.get(link).content == before
    assert http.post("/videos/video_never/restore").json()["error"]["code"] == "not_found"
