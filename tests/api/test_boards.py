"""Storyboards with the test card: what comes out, what is refused by name, and who may."""

import io
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from pleinair.access.actor import Actor, Role
from pleinair.access.leaving import leave
from pleinair.api.boards import Card
from pleinair.media.codec import read_video
from pleinair.service.board_tables import Board
from pleinair.service.worker import Worker
from pleinair.settings import Settings
from tests.access.conftest import House, Open
from tests.access.conftest import house as house
from tests.access.conftest import house_settings as house_settings
from tests.access.conftest import open_house as open_house
from tests.api.conftest import Live

RED = (200, 20, 20)
SIZE = "64x48"


@pytest.fixture(autouse=True)
def _by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests carry boards on themselves."""
    monkeypatch.setattr("pleinair.service.boards.EVERY", 3600.0)


def text(prompt: str, seconds: float | None = 1.0) -> dict[str, Any]:
    return {"kind": "text", "prompt": prompt, "seconds": seconds}


def red(http: httpx.Client) -> str:
    """Id of a file that is a red picture."""
    file = io.BytesIO()
    Image.new("RGB", (64, 48), RED).save(file, "PNG")
    sent = http.post("/files", data={"purpose": "vision"}, files={"file": ("a.png", file)})
    return str(sent.json()["id"])


def board_of(http: httpx.Client, *cards: dict[str, Any], **fields: Any) -> dict[str, Any]:  # noqa: ANN401
    body = {"title": "A day", "size": SIZE, "cards": list(cards)}
    made: dict[str, Any] = http.post("/storyboards", json=body | fields).json()
    return made


def carry(live: Live, http: httpx.Client, board: dict[str, Any]) -> dict[str, Any]:
    """Play the runner and the workers until the board has ended."""
    for _ in range(30):
        live.services.boards.tick()
        told: dict[str, Any] = http.get(f"/storyboards/{board['id']}").json()
        if told["state"] != "rendering":
            return told
        if told["video_id"]:
            live.finish(told["video_id"])
    raise AssertionError("it never ends")


def frames_of(http: httpx.Client, video_id: str, folder: Path) -> np.ndarray:
    path = folder / f"{video_id}.mp4"
    path.write_bytes(http.get(f"/videos/{video_id}/content").content)
    return read_video(path).frames


def is_red(frame: np.ndarray) -> bool:
    return bool(np.abs(frame.mean((0, 1)) - RED).max() < 12)


def refusal(http: httpx.Client, board: dict[str, Any]) -> tuple[int, str]:
    answer = http.post(f"/storyboards/{board['id']}/render")
    return answer.status_code, answer.json()["error"]["param"]


def test_texts_and_pictures_become_one_video(
    live_server: Live, http: httpx.Client, tmp_path: Path
) -> None:
    picture = {"kind": "picture", "file_id": red(http), "prompt": "red", "seconds": "0.5"}
    board = board_of(http, picture, text("a lake"), picture, seed=7)
    assert board | {"id": "", "cards": [], "created_at": 0, "updated_at": 0} == {
        "id": "",
        "object": "storyboard",
        "title": "A day",
        "size": SIZE,
        "model": None,
        "seed": 7,
        "cards": [],
        "state": "draft",
        "card": None,
        "progress": 0,
        "video_id": None,
        "error": None,
        "created_at": 0,
        "updated_at": 0,
    }
    begun = http.post(f"/storyboards/{board['id']}/render").json()
    assert (begun["state"], begun["card"], begun["progress"]) == ("rendering", 0, 0)
    ended = carry(live_server, http, board)
    assert (ended["state"], ended["progress"], ended["error"]) == ("completed", 100, None)
    listed = http.get("/videos").json()["data"]
    assert [video["id"] for video in listed] == [ended["video_id"]]
    assert (listed[0]["seconds"], listed[0]["seed"]) == ("2", 7)
    frames = frames_of(http, ended["video_id"], tmp_path)
    assert frames.shape[:3] == (48, 48, 64)
    assert [is_red(frames[at]) for at in (0, 24, -1)] == [True, False, True]


def test_a_clip_begins_a_board_and_stays(
    live_server: Live, http: httpx.Client, tmp_path: Path
) -> None:
    body = {"prompt": "a lake", "seconds": "1", "size": "96x64", "fps": 12}
    clip = http.post("/videos", json=body).json()["id"]
    card = {"kind": "clip", "video_id": clip}
    assert refusal(http, board_of(http, card, text("on"))) == (400, "cards.0.video_id")
    live_server.finish(clip)
    board = board_of(http, card, text("on"), text("and on"))
    assert http.post(f"/storyboards/{board['id']}/render").json()["card"] == 1
    ended = carry(live_server, http, board)
    assert ended["state"] == "completed"
    assert frames_of(http, ended["video_id"], tmp_path).shape[:3] == (36, 64, 96)
    listed = [video["id"] for video in http.get("/videos").json()["data"]]
    assert listed == [ended["video_id"], clip]


def test_what_cannot_be_made_is_named_before_anything_is_made(
    live_server: Live, http: httpx.Client
) -> None:
    clip = http.post("/videos", json={"prompt": "a", "seconds": 1, "size": SIZE}).json()["id"]
    live_server.finish(clip)
    begins = {"kind": "clip", "video_id": clip}
    other = http.post("/files", data={"purpose": "vision"}, files={"file": ("a", b"no picture")})
    for cards, param in [
        ([], "cards"),
        ([begins], "cards"),
        ([text("a"), text("")], "cards.1.prompt"),
        ([text("a"), text("  ")], "cards.1.prompt"),
        ([text("a"), text("b", 20.5)], "cards.1.seconds"),
        ([text("a", None)], "cards.0.seconds"),
        ([text("a", 61)], "cards.0.seconds"),
        ([text("a", 0)], "cards.0.seconds"),
        ([text("a", 60), *[text("b", 20)] * 3, text("c", 0.1)], "cards.4.seconds"),
        ([text("a"), *[text("b")] * 7], "cards.7"),
        ([text("a"), begins], "cards.1.kind"),
        ([{"kind": "clip", "video_id": "video_no"}, text("a")], "cards.0.video_id"),
        ([{"kind": "clip"}, text("a")], "cards.0.video_id"),
        ([{"kind": "picture", "prompt": "a", "seconds": 1}], "cards.0.file_id"),
        ([text("a"), {**text("b"), "kind": "picture", "file_id": "file-no"}], "cards.1.file_id"),
        (
            [text("a"), {**text("b"), "kind": "picture", "file_id": other.json()["id"]}],
            "cards.1.file_id",
        ),
    ]:
        assert refusal(http, board_of(http, *cards)) == (400, param)
    assert refusal(http, board_of(http, text("a"), size="31x48")) == (400, "size")
    assert refusal(http, board_of(http, text("a"), model="none")) == (400, "model")
    live_server.services.boards.tick()
    assert len(http.get("/videos").json()["data"]) == 1


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"title": ""}, "title"),
        ({"title": None}, "title"),
        ({"size": "big"}, "size"),
        ({"cards": [{"kind": "film"}]}, "cards.0.kind"),
        ({"cards": [{"kind": "text", "prompt": "\ud800"}]}, "cards.0.prompt"),
        ({"cards": [{"kind": "text", "colour": 1}]}, "cards.0.colour"),
        ({"cards": [{"kind": "text"}] * 21}, "cards"),
        ({"state": "completed"}, "state"),
    ],
)
def test_what_no_board_is_is_named_when_it_is_kept(
    http: httpx.Client, fields: dict[str, Any], param: str
) -> None:
    body = {"title": "A day", "cards": []} | fields
    kept = {name: value for name, value in body.items() if value is not None}
    answer = http.post("/storyboards", content=json.dumps(kept))
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_a_board_is_changed_field_by_field(http: httpx.Client) -> None:
    board = board_of(http, text("a"), seed=7, model="test-card")
    place = f"/storyboards/{board['id']}"
    changed = http.post(place, json={"title": "A night", "seed": None}).json()
    assert (changed["title"], changed["seed"], changed["model"]) == ("A night", None, "test-card")
    assert changed["cards"] == [Card(**text("a")).model_dump()]
    assert http.post(place, json={"cards": [text("b")] * 2}).json()["size"] == SIZE
    listed = http.get("/storyboards").json()
    assert [len(one["cards"]) for one in listed["data"]] == [2]
    http.post(f"{place}/render")
    assert http.post(place, json={"title": "x"}).json()["error"]["code"] == "conflict"
    assert http.post(f"{place}/cancel").json()["state"] == "cancelled"
    told = http.delete(place).json()
    assert told == {"id": board["id"], "object": "storyboard.deleted", "deleted": True}
    assert http.get(place).status_code == 404


def test_a_failed_card_tells_its_reason(live_server: Live, http: httpx.Client) -> None:
    board = board_of(http, text("a"), text("fail"))
    http.post(f"/storyboards/{board['id']}/render")
    ended = carry(live_server, http, board)
    assert (ended["state"], ended["card"], ended["progress"]) == ("failed", 1, 50)
    assert ended["error"] == {"code": "model_error", "message": "the prompt said fail"}
    http.post(f"/storyboards/{board['id']}", json={"cards": [text("a"), text("b")]})
    assert http.post(f"/storyboards/{board['id']}/render").json()["card"] == 1
    assert carry(live_server, http, board)["state"] == "completed"
    assert len(http.get("/videos").json()["data"]) == 1


def _house_board(house: House, actor: Actor, *prompts: str, key_id: str | None = None) -> Board:
    cards = [Card(**text(prompt)).model_dump() for prompt in prompts]
    made = house.use.boards.create(actor.id, title="A day", size=SIZE, cards=cards)
    return house.use.boards.render(actor.id, made.id, key_id)


def _steps(house: House, board: Board) -> Iterator[Board]:
    """The board after each step of the runner and of a worker."""
    use = house.use
    worker = Worker(Settings(), use.settings, database=use.database, storage=use.storage)
    while True:
        use.boards.tick()
        yield use.boards.get(board.owner, board.id)
        worker.run_one()


def _ended(house: House, board: Board) -> Board:
    steps = itertools.islice(_steps(house, board), 20)
    return next(one for one in steps if one.state != "rendering")


@pytest.mark.parametrize("kind", ["everyone", "programme", "role", "member"])
def test_while_access_is_off_it_waits_and_then_goes_on(house: House, kind: str) -> None:
    actor, boss = house.member(), house.member(Role.ADMINISTRATOR)
    board = _house_board(house, actor, "a", "b")
    target = {"programme": house.programme.id, "role": "tester", "member": actor.id}.get(kind, "")
    switch, _ = house.use.switchboard.off(boss, kind, target, "We look into it.")
    for one in itertools.islice(_steps(house, board), 3):
        assert (one.state, one.making) == ("rendering", None)
    house.use.switchboard.on(boss, switch.id)
    assert _ended(house, board).state == "completed"


def test_quotas_are_held_card_by_card_and_an_exhausted_one_fails_it(house: House) -> None:
    house.rules(seconds_each=2)
    actor = house.member()
    board = _house_board(house, actor, "a", "b", "c")
    ended = _ended(house, board)
    assert (ended.state, ended.card, ended.error_code) == ("failed", 2, "insufficient_quota")
    used = {quota.name: quota.used for quota in house.use.quotas.told(actor.id)[1]}
    assert used["seconds_each"] == 2
    house.rules(seconds_each=3)
    assert house.use.boards.render(actor.id, board.id).card == 2
    assert _ended(house, board).state == "completed"


def test_it_keeps_to_the_videos_that_a_member_may_have_at_a_time(house: House) -> None:
    house.rules(concurrent=0)
    board = _house_board(house, house.member(), "a")
    steps = _steps(house, board)
    assert [next(steps).making for _ in range(3)] == [None] * 3
    house.rules(concurrent=1)
    assert _ended(house, board).state == "completed"


def test_it_ends_with_the_key_that_began_it(house: House) -> None:
    actor = house.member()
    key_id, _ = house.key(actor)
    board = _house_board(house, actor, "a", "b", key_id=key_id)
    house.use.boards.tick()
    begun = house.use.boards.get(actor.id, board.id)
    assert house.use.videos.get(actor.id, begun.making or "").key_id == key_id
    house.use.keys.revoke(actor.id, key_id)
    ended = _ended(house, board)
    assert (ended.state, ended.error_code) == ("failed", "key_stopped")


def test_whoever_leaves_takes_their_boards_along(house: House) -> None:
    house.member(Role.ADMINISTRATOR)
    actor = house.member()
    _house_board(house, actor, "a")
    house.use.boards.tick()
    leave(house.use.powers, actor)
    house.use.boards.tick()
    assert house.use.boards.list(actor.id).items == ()
    assert house.queue.claim("worker", ["test-card"]) is None


def test_a_board_of_another_member_is_not_there(open_house: Open) -> None:
    _, owner = open_house.as_role()
    _, stranger = open_house.as_role()
    made = owner.post("/v1/storyboards", json={"title": "A day"}).json()["id"]
    assert stranger.get("/v1/storyboards").json()["data"] == []
    for method, path in [
        ("GET", ""),
        ("POST", ""),
        ("DELETE", ""),
        ("POST", "/render"),
        ("POST", "/cancel"),
    ]:
        answer = stranger.request(method, f"/v1/storyboards/{made}{path}")
        assert answer.status_code == 404, (method, path)
    assert owner.get(f"/v1/storyboards/{made}").status_code == 200
