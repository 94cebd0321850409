"""Prompts that are completed or rewritten, as callers of the API see it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from pleinair.access.actor import Role
from pleinair.api.inputs import draft_of_create, rewritten
from pleinair.api.lines import Lines
from pleinair.api.shapes import CreateVideo
from pleinair.backends import testcard
from pleinair.backends.base import MODELS
from pleinair.errors import InputError
from pleinair.media.sheet import write_picture
from pleinair.service.programme_tables import Flag
from pleinair.service.tables import Video
from pleinair.settings import ServiceSettings
from tests.access.conftest import house_of
from tests.api.conftest import Live, serve
from tests.conftest import moving_card
from tests.service.receiver import Reply
from tests.service.talker import Talker, talking

SMALL = {"seconds": "1", "size": "64x48", "seed": 3}


@pytest.fixture(scope="module")
def talker() -> Iterator[Talker]:
    with talking() as made:
        yield made


@pytest.fixture(scope="module")
def live(talker: Talker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    settings = ServiceSettings(
        home=tmp_path_factory.mktemp("home"),
        models=("test-card", "pleinair-1"),
        rewrite_url=talker.url,
        rewrite_model="llama",
        rate=0,
    )
    with serve(settings) as live:
        yield live


@pytest.fixture
def http(live: Live) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=live.url) as client:
        yield client


def _videos(live: Live) -> int:
    with live.services.database.read() as session:
        return session.query(Video).count()


def test_a_video_tells_what_was_added_to_its_prompt(
    live: Live, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = replace(MODELS["pleinair-1"], open=lambda _: testcard.TestCard())
    monkeypatch.setitem(MODELS, "pleinair-1", drawn)
    body = {"prompt": "a lake", "model": "pleinair-1", "complete": True, **SMALL}
    made = http.post("/videos", json=body).json()
    assert (made["prompt"], made["completed"]) == ("a lake", [])
    assert live.video(made["id"]).request["complete"] is True
    live.finish(made["id"])
    told = http.get(f"/videos/{made['id']}").json()
    assert told["prompt"] == "a lake"
    [added] = told["completed"]
    assert "the camera" in added


@pytest.mark.parametrize(
    "more", [{"model": "test-card"}, {"model": "pleinair-1", "keyframes": True}]
)
def test_what_cannot_be_completed_is_refused(
    live: Live, http: httpx.Client, more: dict[str, object]
) -> None:
    before = _videos(live)
    if more.pop("keyframes", None):
        path = live.settings.home / "a.png"
        write_picture(path, moving_card(1, 64, 48)[0])
        files = {"input_reference": path.read_bytes()}
        fields = {"prompt": "a lake", "complete": "true", "seconds": "1", "size": "64x48", **more}
        answer = http.post("/videos", data=fields, files=files)
    else:
        answer = http.post("/videos", json={"prompt": "a lake", "complete": True, **SMALL, **more})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "complete"
    assert _videos(live) == before


def test_a_prompt_is_rewritten_before_it_is_taken(
    live: Live, http: httpx.Client, talker: Talker
) -> None:
    headers = {"idempotency-key": "once"}
    body = {"prompt": "balloons", "rewrite": True, **SMALL}
    first = http.post("/videos", json=body, headers=headers).json()
    assert first["prompt"] == talker.said
    assert first["original_prompt"] == "balloons"
    asked = len(talker.asked)
    assert http.post("/videos", json=body, headers=headers).json()["id"] == first["id"]
    assert len(talker.asked) == asked, "a repetition is not rewritten again"
    assert live.video(first["id"]).request["original"] == "balloons"
    plain = http.post("/videos", json={"prompt": "balloons", **SMALL}).json()
    assert (plain["prompt"], plain["original_prompt"]) == ("balloons", None)


def test_a_rewrite_that_fails_is_an_error_and_leaves_nothing(
    live: Live, http: httpx.Client, talker: Talker
) -> None:
    before = _videos(live)
    talker.answer = Reply(500)
    answer = http.post("/videos", json={"prompt": "balloons", "rewrite": True, **SMALL})
    talker.answer = None
    assert answer.status_code == 503
    assert "the endpoint answered with 500" in answer.json()["error"]["message"]
    assert _videos(live) == before


def test_a_prompt_is_rewritten_to_be_looked_at_first(http: httpx.Client, talker: Talker) -> None:
    abilities = {model["id"]: model["abilities"] for model in http.get("/models").json()["data"]}
    assert {"complete", "rewrite"} <= set(abilities["pleinair-1"])
    assert "complete" not in abilities["test-card"]
    found = http.post("/rewrites", json={"prompt": "balloons", "model": "pleinair-1"}).json()
    assert found == {"object": "rewrite", "prompt": talker.said, "original_prompt": "balloons"}
    assert "snow field" in talker.asked[-1]["messages"][0]["content"]
    body = {"prompt": found["prompt"], "original_prompt": "balloons", **SMALL}
    assert http.post("/videos", json=body).json()["original_prompt"] == "balloons"


def test_no_line_of_a_batch_is_rewritten(live: Live) -> None:
    lines = Lines(lambda: live.services)
    lines.check({"prompt": "a lake", "complete": True})
    with pytest.raises(InputError, match="rewrite: got True; allowed: false in a batch"):
        lines.check({"prompt": "a lake", "rewrite": True})


def test_a_server_without_an_endpoint_says_so(tmp_path: Path) -> None:
    with serve(ServiceSettings(home=tmp_path, models=("test-card",))) as live:
        for path, more in (("/videos", {"rewrite": True, **SMALL}), ("/rewrites", {})):
            answer = httpx.post(live.url + path, json={"prompt": "a lake", **more})
            assert answer.status_code == 400
            assert answer.json()["error"]["param"] == "rewrite"
        models = httpx.get(f"{live.url}/models").json()["data"]
        assert "rewrite" not in models[0]["abilities"]


def test_checks_see_a_prompt_before_and_after_it_was_rewritten(
    tmp_path: Path, talker: Talker
) -> None:
    words = tmp_path / "words.txt"
    words.write_text("zeppelin\nballoons\n")
    settings = ServiceSettings(
        home=tmp_path,
        models=("test-card",),
        words=str(words),
        rewrite_url=talker.url,
        rewrite_model="llama",
    )
    house = house_of(settings)
    house.member(Role.ADMINISTRATOR)
    use, member = house.use, house.member(Role.TESTER)
    body = CreateVideo(prompt="a zeppelin", seconds=1, size="64x48", rewrite=True)
    draft = rewritten(use, member.id, draft_of_create(use, member.id, body))
    made = use.videos.create(member.id, draft).video
    with use.database.read() as session:
        flags = session.query(Flag).filter(Flag.video_id == made.id).all()
    told = " ".join(f"{flag.label} {flag.detail}" for flag in flags)
    assert "zeppelin" in told
    assert "balloons" in told
    use.database.close()
