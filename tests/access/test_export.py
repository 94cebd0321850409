"""All that is here of a member goes with them, and little stays when they leave."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from pleinair.access.actor import Role
from pleinair.access.leaving import leave
from pleinair.errors import BusyError, ConflictError, NotFoundError
from pleinair.service import audit, books
from pleinair.service.programme_tables import Key, Member, Publication, Record, Share, SignIn
from pleinair.service.queue import LostError
from pleinair.service.tables import Artifact, File, Video
from tests.access.conftest import House, Open
from tests.access.test_pay import FEEDBACK, finished, give, owed, share
from tests.access.test_quotas import create
from tests.service.conftest import made

Ask = Callable[..., httpx.Response]


def unpacked(content: bytes) -> dict[str, Any]:
    """The files of an archive; JSON is read."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert len(names) == len(set(names))
        return {
            name: json.loads(archive.read(name)) if name.endswith(".json") else archive.read(name)
            for name in names
        }


def test_an_export_has_all_that_is_ones_own(open_house: Open, ask: Ask) -> None:
    house = open_house.house
    actor, client = open_house.as_role()
    _, stranger = open_house.as_role()
    video = ask(client, prompt="a lake at dusk").json()
    ask(stranger, prompt="a secret mountain")
    waiting = ask(client).json()
    open_house.live.finish(video["id"])
    upload = client.post(
        "/v1/files",
        files={"file": ("../a b.jsonl", b'{"x": 1}')},
        data={"purpose": "user_data"},
    ).json()
    give(house, actor, 1_000_000)
    answer = client.get("/access/v1/export")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    found = unpacked(answer.content)
    text = json.dumps(found, default=str)
    for secret in ("secret mountain", "argon2", "password"):
        assert secret not in text
    assert all("digest" not in key for key in found["keys.json"])
    assert found["profile.json"]["id"] == actor.id
    assert found["profile.json"]["programme"]["name"] == "Early access"
    assert {one["id"] for one in found["videos.json"]} == {video["id"], waiting["id"]}
    content = client.get(f"/v1/videos/{video['id']}/content").content
    assert found[f"videos/{video['id']}/0-video.mp4"] == content
    assert found[f"files/{upload['id']}-a b.jsonl"] == b'{"x": 1}'
    assert [one["title"] for one in found["contributions.json"]] == [FEEDBACK["title"]]
    assert {one["act"] for one in found["audit.json"]} == {"contributions.decide"}
    assert {one["kind"] for one in found["notices.json"]} == {
        *("contribution.accepted", "pay.earned")
    }
    assert b"earn.feedback" in found["statement.csv"]
    told = found["README.txt"].decode()
    for name in found.keys() - {"README.txt"}:
        assert name.partition("/")[0] in told


def test_withheld_files_are_left_out_and_named(open_house: Open, ask: Ask) -> None:
    _, client = open_house.as_role()
    video = ask(client).json()
    open_house.live.finish(video["id"])
    with open_house.house.use.database.write() as session:
        session.execute(update(Video).values(quarantined_at=1.0))
    found = unpacked(client.get("/access/v1/export").content)
    assert not any(name.startswith("videos/") for name in found)
    assert "other hands" in found["videos.json"][0]["files_left_out"]


def test_a_file_that_is_gone_is_no_reason_to_have_nothing(open_house: Open, ask: Ask) -> None:
    _, client = open_house.as_role()
    video = ask(client).json()
    open_house.live.finish(video["id"])
    open_house.house.use.storage.delete(f"videos/{video['id']}")
    found = unpacked(client.get("/access/v1/export").content)
    assert found["videos.json"][0]["id"] == video["id"]


def test_one_export_at_a_time_and_its_file_is_gone_after_it(house: House) -> None:
    actor = house.member()
    archive = house.use.exports.make(actor.id)
    with pytest.raises(BusyError):
        house.use.exports.make(actor.id)
    house.use.exports.make(house.member().id)
    assert sum(map(len, archive.pieces())) == archive.size
    assert archive.file.closed
    abandoned = house.use.exports.make(actor.id)
    del abandoned
    house.use.exports.make(actor.id)


def test_an_export_that_fails_leaves_the_way_free(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = house.member()

    def broken(*_: object) -> None:
        raise NotFoundError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(house.use.statements, "of", broken)
        with pytest.raises(NotFoundError):
            house.use.exports.make(actor.id)
    house.use.exports.make(actor.id)


def test_who_leaves_is_gone_but_for_the_books(house: House) -> None:
    house.rules(price=1_000)
    actor = house.member()
    house.key(actor)
    give(house, actor, 5_000_000)
    finished_id = finished(house, actor)
    share(house, actor, finished_id, "share_1")
    with house.use.database.write() as session:
        session.add(
            Publication(
                share_id="share_1",
                variant="video",
                number=0,
                key="shared/share_1/video.mp4",
                content_type="video/mp4",
                size=1,
                sha256="0" * 64,
            )
        )
    running = create(house, actor)
    claim = house.queue.claim("w", ["test-card"])
    assert claim is not None
    waiting = create(house, actor)
    house.use.files.create(actor.id, "a.jsonl", b"{}", "user_data")
    leave(house.use.powers, actor)
    with house.use.database.read() as session:
        member = session.get_one(Member, actor.id)
        assert (member.state, member.name, member.email, member.password, member.oidc) == (
            *("left", "left", None, None, None),
        )
        assert member.left_at is not None
        assert set(session.scalars(select(Key.state).where(Key.member_id == actor.id))) == {
            "revoked"
        }
        videos = session.scalars(select(Video)).all()
        assert {video.id: video.state for video in videos} == {
            finished_id: "completed",
            running.id: "cancelled",
            waiting.id: "cancelled",
        }
        assert all(video.deleted_at and not video.prompt for video in videos)
        assert session.get_one(Share, "share_1").state == "withdrawn"
        for table in (Publication, Artifact, SignIn):
            assert session.scalars(select(func.count()).select_from(table)).one() == 0
        record = session.scalars(select(Record).order_by(Record.number.desc())).first()
        assert record is not None
        assert (record.act, record.actor, record.outcome) == ("members.leave", actor.id, "done")
    with pytest.raises(LostError):
        house.queue.complete(claim, made(claim))
    assert owed(house, actor) == 5_000_000
    assert books.check(house.use.database) == []
    assert audit.verify(house.use.database, house.use.powers.anchor.heads()) == []
    house.use.files.tidy()
    with house.use.database.read() as session:
        assert session.scalars(select(File.id)).all() == []
    admin = house.member(Role.ADMINISTRATOR)
    house.use.pay.pay(admin, actor.id, "5", "EUR", "T-1")


def test_the_last_administrator_cannot_leave(house: House) -> None:
    admin = house.member(Role.ADMINISTRATOR)
    with pytest.raises(ConflictError, match="last administrator"):
        leave(house.use.powers, admin)
    house.member(Role.ADMINISTRATOR)
    leave(house.use.powers, admin)


def test_leaving_takes_the_word_and_ends_access_at_once(open_house: Open, ask: Ask) -> None:
    _, client = open_house.as_role()
    _, other = open_house.as_role()
    ask(client)
    assert client.post("/access/v1/leave", json={}).status_code == 400
    assert client.post("/access/v1/leave", json={"confirm": "yes"}).status_code == 400
    assert client.get("/access/v1/me").status_code == 200
    assert client.post("/access/v1/leave", json={"confirm": "leave"}).json()["left_at"] > 0
    assert client.get("/access/v1/me").status_code == 401
    assert ask(client).status_code == 401
    assert ask(other).status_code == 200
