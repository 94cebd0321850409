from collections.abc import Callable

import httpx
import pytest
from sqlalchemy import select, update

from pleinair.access.actor import Actor, Role
from pleinair.access.habits import Habit
from pleinair.access.leaks import Score
from pleinair.errors import ConflictError, InputError, NotFoundError, StoppedKeyError
from pleinair.service.db import now
from pleinair.service.programme_tables import Habit as HabitRow
from pleinair.service.programme_tables import Key, Notice, Record
from pleinair.service.tables import Event, Video
from tests.access.conftest import House, Open

EVIDENCE = {"networks": {"seen": "30 new networks", "usual": "2 or fewer", "adds": 4.0}}


def score(value: float = 15.0, began: float = 0.0) -> Score:
    return Score(value, EVIDENCE, began)


def new_key(house: House) -> tuple[Actor, str, str]:
    actor = house.member(Role.TESTER)
    return actor, *house.key(actor)


def key_of(house: House, key_id: str) -> Key:
    with house.use.database.read() as session:
        return session.get_one(Key, key_id)


def told(house: House, member_id: str | None) -> list[str]:
    with house.use.database.read() as session:
        rows = session.scalars(select(Notice).where(Notice.member_id == member_id))
        return [notice.kind for notice in rows]


def test_limiting_lowers_the_share_and_asks_the_owner(house: House) -> None:
    actor, key_id, _ = new_key(house)
    house.use.incidents.limit(key_id, score(8.0))
    key = key_of(house, key_id)
    assert (key.state, key.share) == ("limited", 0.2)
    assert told(house, actor.id) == ["key.limited"]
    assert told(house, None) == ["incident.limited"]
    incident = house.use.incidents.list("limited")[0]
    assert (incident.key_id, incident.member_id, incident.score) == (key_id, actor.id, 8.0)
    assert incident.evidence == EVIDENCE


def test_a_key_has_one_open_incident_whose_steps_go_on(house: House) -> None:
    _, key_id, _ = new_key(house)
    house.use.incidents.limit(key_id, score(8.0))
    house.use.incidents.limit(key_id, score(9.0))
    house.use.incidents.stop(key_id, score(16.0))
    house.use.incidents.limit(key_id, score(9.0))
    (incident,) = house.use.incidents.list()
    assert (incident.state, incident.score) == ("stopped", 16.0)
    assert key_of(house, key_id).state == "stopped"


def test_a_stopped_key_opens_nothing_and_says_what_to_do(house: House) -> None:
    actor, key_id, secret = new_key(house)
    _, other = house.key(actor)
    house.use.incidents.stop(key_id, score())
    with pytest.raises(StoppedKeyError, match="make a new key"):
        house.use.admission.actor(f"Bearer {secret}")
    assert house.use.admission.actor(f"Bearer {other}").id == actor.id


def test_closing_as_honest_gives_a_limited_key_back_and_teaches_its_habit(house: House) -> None:
    actor, key_id, _ = new_key(house)
    admin = house.member(Role.ADMINISTRATOR)
    with house.use.database.write() as session:
        session.add(HabitRow(key_id=key_id, habit=Habit().as_json(), updated_at=0.0))
    house.use.incidents.limit(key_id, score(8.0))
    incident = house.use.incidents.list()[0]
    closed = house.use.incidents.close(admin, incident.id, "honest", "A conference.")
    assert (closed.state, closed.verdict, closed.closed_by) == ("closed", "honest", admin.id)
    key = key_of(house, key_id)
    assert (key.state, key.share, key.reason) == ("active", 1.0, "")
    assert "incident.closed" in told(house, actor.id)
    with house.use.database.read() as session:
        assert session.get_one(HabitRow, key_id).habit["trusted"] > 0


def test_closing_as_honest_leaves_a_stopped_key_stopped(house: House) -> None:
    _, key_id, _ = new_key(house)
    house.use.incidents.stop(key_id, score())
    incident = house.use.incidents.list()[0]
    house.use.incidents.close(house.member(Role.ADMINISTRATOR), incident.id, "honest")
    assert key_of(house, key_id).state == "stopped"


def test_closing_as_a_leak_stops_a_key_that_was_only_limited(house: House) -> None:
    _, key_id, _ = new_key(house)
    house.use.incidents.limit(key_id, score(8.0))
    incident = house.use.incidents.list()[0]
    house.use.incidents.close(house.member(Role.ADMINISTRATOR), incident.id, "leak")
    assert key_of(house, key_id).state == "stopped"
    assert house.use.incidents.get(incident.id).state == "closed"


def test_what_cannot_be_closed_is_refused(house: House) -> None:
    _, key_id, _ = new_key(house)
    admin = house.member(Role.ADMINISTRATOR)
    house.use.incidents.limit(key_id, score(8.0))
    incident = house.use.incidents.list()[0]
    with pytest.raises(InputError, match="verdict"):
        house.use.incidents.close(admin, incident.id, "maybe")
    with pytest.raises(InputError, match="words"):
        house.use.incidents.close(admin, incident.id, "leak", "x" * 501)
    with pytest.raises(InputError, match="state"):
        house.use.incidents.list("strange")
    with pytest.raises(NotFoundError):
        house.use.incidents.close(admin, "inc_none", "leak")
    house.use.incidents.close(admin, incident.id, "honest")
    with pytest.raises(ConflictError):
        house.use.incidents.close(admin, incident.id, "honest")


def test_each_step_is_on_record_as_the_server_s(house: House) -> None:
    _, key_id, _ = new_key(house)
    house.use.incidents.limit(key_id, score(8.0))
    house.use.incidents.stop(key_id, score())
    with house.use.database.read() as session:
        rows = session.scalars(select(Record).order_by(Record.number)).all()
    assert [(row.act, row.actor, row.subject) for row in rows] == [
        ("incidents.limit", "server", key_id),
        ("incidents.stop", "server", key_id),
    ]


Ask = Callable[..., httpx.Response]


def test_stopping_cancels_and_puts_out_of_reach_what_was_made_since(
    open_house: Open, ask: Ask
) -> None:
    house = open_house.house
    actor = house.member(Role.TESTER)
    key_id, secret = house.key(actor)
    leaked = open_house.client(secret)
    safe = open_house.client(house.key(actor)[1])
    _, stranger = open_house.as_role(Role.TESTER)

    before, finished = (ask(leaked, prompt=text).json()["id"] for text in ("before", "finished"))
    others = [ask(client).json()["id"] for client in (safe, stranger)]
    for video_id in (before, finished, *others):
        open_house.live.finish(video_id)
    with house.use.database.write() as session:
        past = update(Video).where(Video.id == before).values(created_at=now() - 3600)
        session.execute(past)
    queued = ask(leaked, prompt="queued").json()["id"]
    still = ask(stranger, prompt="still").json()["id"]

    house.use.incidents.stop(key_id, score(began=house.use.database.time() - 60))

    refused = leaked.get("/v1/videos")
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "key_stopped")
    assert open_house.live.video(queued).state == "cancelled"
    assert open_house.live.video(queued).error_code == "key_stopped"
    assert open_house.live.video(still).state == "queued"
    assert safe.get(f"/v1/videos/{before}/content").status_code == 200
    withheld = safe.get(f"/v1/videos/{finished}/content")
    assert (withheld.status_code, withheld.json()["error"]["code"]) == (403, "withheld")
    assert safe.get(f"/v1/videos/{others[0]}/content").status_code == 200
    assert stranger.get(f"/v1/videos/{others[1]}/content").status_code == 200
    with house.use.database.read() as session:
        events = session.scalars(select(Event.type).where(Event.video_id == queued)).all()
    assert events == ["video.failed"]

    _, admin = open_house.as_role(Role.ADMINISTRATOR)
    found = admin.get("/admin/v1/incidents", params={"state": "stopped"}).json()["data"]
    assert [incident["key_id"] for incident in found] == [key_id]
    closed = admin.post(
        f"/admin/v1/incidents/{found[0]['id']}/close", json={"verdict": "honest", "words": "Ann."}
    )
    assert closed.json()["state"] == "closed"
    assert safe.get(f"/v1/videos/{finished}/content").status_code == 200
    assert leaked.get("/v1/videos").status_code == 401


def test_a_key_used_by_strangers_is_stopped_over_http(open_house: Open) -> None:
    house = open_house.house
    object.__setattr__(open_house.live.settings, "proxies", ("127.0.0.0/8",))
    actor = house.member(Role.TESTER)
    _, secret = house.key(actor)
    client = open_house.client(secret)
    codes = []
    for i in range(60):
        headers = {"x-forwarded-for": f"10.1.{i}.7", "user-agent": f"agent{i % 14}/1"}
        codes.append(client.get("/v1/videos", headers=headers).status_code)
    assert codes[0] == 200
    assert codes[-1] == 401
    notices = open_house.client(house.key(actor)[1]).get("/access/v1/notices").json()["data"]
    assert "key.stopped" in [notice["kind"] for notice in notices]


def test_a_decoy_answers_as_a_key_that_nobody_knows(open_house: Open) -> None:
    admin_actor, admin = open_house.as_role(Role.ADMINISTRATOR)
    _, secret = open_house.house.use.keys.issue(admin_actor, None, "in the old wiki")
    answer = open_house.client(secret).get("/v1/videos")
    assert answer.status_code == 401
    assert answer.json()["error"]["message"].startswith("Incorrect API key provided")
    (incident,) = admin.get("/admin/v1/incidents").json()["data"]
    assert (incident["kind"], incident["evidence"]["networks"]) == ("decoy", ["127.0.0.0/24"])


def test_incidents_are_for_administrators(open_house: Open) -> None:
    for role in (Role.TESTER, Role.REVIEWER):
        _, client = open_house.as_role(role)
        assert client.get("/admin/v1/incidents").status_code == 403
