"""Off at once, and on again with nothing lost."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
from sqlalchemy import func, select, update

from pleinair.access import members, programmes
from pleinair.access.actor import AT_THE_MACHINE, LOCAL, Role
from pleinair.access.authority import ACTS
from pleinair.access.notices import tell
from pleinair.access.switchboard import Reach
from pleinair.errors import ConflictError, ForbiddenError, InputError, NotFoundError, PleinairError
from pleinair.errors import SwitchedOffError as Off
from pleinair.request import VideoRequest
from pleinair.service import audit, books
from pleinair.service.db import leave
from pleinair.service.programme_tables import Notice, Switch
from pleinair.service.tables import Event, Preview, Video
from pleinair.service.videos import Draft
from tests.access.conftest import House, Open

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")
Ask = Callable[..., httpx.Response]
SMALL = VideoRequest(prompt="a lake", seconds=1, width=64, height=48, fps=8, model="test-card")
WHY = "We look into a leak."


def queue(house: House, owner: str, model: str = "test-card", **values: Any) -> str:  # noqa: ANN401
    """A video that waits, asked for by a member as they are now, or by a key of theirs."""
    made = house.use.videos.create(owner, Draft("create", model, SMALL, 1.0)).video
    if values:
        with house.use.database.write() as session:
            session.execute(update(Video).where(Video.id == made.id).values(**values))
    return made.id


def video(house: House, video_id: str) -> Video:
    with house.use.database.read() as session:
        return session.get_one(Video, video_id)


def claims(house: House) -> set[str]:
    """What workers get, until there is nothing for them."""
    found = set()
    while claim := house.queue.claim("w", ["test-card"]):
        found.add(claim.id)
    return found


def off(house: House, kind: str = "everyone", target: str = "", **values: Any) -> Switch:  # noqa: ANN401
    return house.use.switchboard.off(AT_THE_MACHINE, kind, target, WHY, **values)[0]


def scene(house: House) -> tuple[dict[str, str], dict[str, str]]:
    """A target of each kind, and a video behind each; one more is behind none but everyone."""
    ann, bob = house.member(Role.TESTER), house.member(Role.RED_TEAMER)
    with house.use.database.write() as session:
        other = programmes.add(session, name="Other")
    cat = house.member(Role.DEVELOPER, programme_id=other.id)
    key_id = house.key(cat)[0]
    targets = {
        "everyone": "",
        "programme": other.id,
        "role": "red_teamer",
        "member": ann.id,
        "key": key_id,
        "model": "sora-2",
    }
    videos = {
        "member": queue(house, ann.id),
        "role": queue(house, bob.id),
        "programme": queue(house, cat.id),
        "key": queue(house, cat.id, key_id=key_id, programme_id=house.programme.id),
        "model": queue(house, house.member(Role.DEVELOPER).id, "sora-2"),
    }
    return targets, videos


@pytest.mark.parametrize("kind", ["everyone", "programme", "role", "member", "key", "model"])
def test_what_waits_goes_on_waiting_and_the_rest_is_made(house: House, kind: str) -> None:
    targets, videos = scene(house)
    switch = off(house, kind, targets[kind])
    made = claims(house)
    held = set(videos.values()) if kind == "everyone" else {videos[kind]}
    assert made == set(videos.values()) - held
    house.use.switchboard.on(AT_THE_MACHINE, switch.id)
    assert claims(house) == held


def test_what_is_being_made_is_paused_as_if_it_had_not_begun(house: House) -> None:
    ann = house.member()
    video_id = queue(house, ann.id)
    claim = house.queue.claim("w", ["test-card"])
    assert claim
    assert house.queue.holds(claim)
    switch, reach = house.use.switchboard.off(AT_THE_MACHINE, "member", ann.id, WHY)
    assert reach == Reach(members=1, waiting=0, running=1)
    assert not house.queue.holds(claim), "its worker stops at its next step"
    found = video(house, video_id)
    assert (found.state, found.tries, found.lease_until) == ("queued", 0, None)
    house.use.switchboard.on(AT_THE_MACHINE, switch.id)
    again = house.queue.claim("w", ["test-card"])
    assert again
    assert (again.id, again.attempt) == (video_id, 2)


def test_what_is_being_made_is_cancelled_if_the_team_says_so(house: House) -> None:
    house.rules(price=2_000_000)
    ann = house.member()
    first, second = queue(house, ann.id), queue(house, ann.id)
    claim = house.queue.claim("w", ["test-card"])
    assert claim
    assert claim.id == first
    house.queue.show(claim, b"jpeg", 1)
    off(house, "role", "tester", running="cancel")
    found = video(house, first)
    assert (found.state, found.error_code) == ("cancelled", "switched_off")
    assert found.error_message == WHY
    assert found.completed_at
    assert video(house, second).state == "queued"
    with house.use.database.read() as session:
        assert session.get(Preview, first) is None
        events = session.scalars(select(Event.type).where(Event.video_id == first)).all()
        assert events == ["video.failed"]
        assert books.balance(session, books.held(ann.id), "EUR") == 2_000_000
    assert books.check(house.use.database) == []


def test_a_switch_says_whom_it_stops_before_it_is_flipped(house: House) -> None:
    targets, videos = scene(house)
    assert house.queue.claim("w", ["test-card"])
    count = house.use.switchboard.count
    assert count("everyone", "") == Reach(4, len(videos) - 1, 1, keys=1)
    for kind, target in targets.items():
        if kind == "everyone":
            continue
        reach = count(kind, target)
        assert reach.members == 1, kind
        assert reach.waiting + reach.running == 1, kind


def test_members_are_told_and_a_record_is_kept(house: House) -> None:
    people = [house.member() for _ in range(3)]
    switch = off(house)
    house.use.switchboard.on(AT_THE_MACHINE, switch.id)
    for person in people:
        back, gone = house.use.notices.list(person.id)
        assert (gone.kind, gone.text, gone.subject) == ("access.off", WHY, switch.id)
        assert back.kind == "access.on"
    on, flipped = audit.read(house.use.database, subject=switch.id)
    assert (flipped.act, flipped.details["kind"], on.act) == (
        "switches.off",
        "everyone",
        "switches.on",
    )


def test_thousands_are_told_in_the_same_transaction(house: House) -> None:
    with house.use.database.write() as session:
        for number in range(300):
            members.add(session, f"m {number}", Role.TESTER, house.programme.id)
    off(house)
    with house.use.database.read() as session:
        assert session.scalars(select(func.count()).select_from(Notice)).one() == 300


def test_a_thing_is_off_once(house: House) -> None:
    switch = off(house)
    with pytest.raises(ConflictError, match=switch.id):
        off(house)
    off(house, "role", "tester")
    house.use.switchboard.on(AT_THE_MACHINE, switch.id)
    with pytest.raises(ConflictError, match="on already"):
        house.use.switchboard.on(AT_THE_MACHINE, switch.id)
    off(house)
    with pytest.raises(NotFoundError):
        house.use.switchboard.on(AT_THE_MACHINE, "off_nothing")


def test_a_switch_with_an_end_is_on_by_itself(house: House) -> None:
    ann = house.member()
    queue(house, ann.id)
    switch = off(house, hours=1)
    assert not claims(house)
    with house.use.database.write() as session:
        session.execute(update(Switch).values(until=Switch.off_at - 1))
    assert len(claims(house)) == 1
    with pytest.raises(ConflictError, match="on already"):
        house.use.switchboard.on(AT_THE_MACHINE, switch.id)
    assert house.use.switchboard.list()[0][1] is None
    off(house)


@pytest.mark.parametrize(
    ("kind", "target", "error", "words"),
    [
        ("nobody", "", InputError, "everyone, programme"),
        ("everyone", "x", InputError, "everyone is everyone"),
        ("role", "artist", InputError, "red_teamer"),
        ("model", "gpt", InputError, "test-card, sora-2"),
        ("member", "mem_x", NotFoundError, "mem_x"),
        ("programme", "prog_x", NotFoundError, "prog_x"),
        ("key", "key_x", NotFoundError, "key_x"),
    ],
)
def test_what_is_not_there_cannot_be_put_off(
    house: House, kind: str, target: str, error: type[PleinairError], words: str
) -> None:
    house.member()
    with pytest.raises(error, match=words):
        off(house, kind, target)
    with pytest.raises(error, match=words):
        house.use.switchboard.count(kind, target)


@pytest.mark.parametrize(
    "values",
    [{"message": ""}, {"message": "x" * 501}, {"hours": 0}, {"hours": 1e5}, {"running": "kill"}],
)
def test_what_is_not_allowed_is_named(house: House, values: dict[str, Any]) -> None:
    asked = {"message": WHY, **values}
    with pytest.raises(InputError, match=next(iter(values))):
        house.use.switchboard.off(AT_THE_MACHINE, "everyone", "", asked.pop("message"), **asked)


def test_a_paused_programme_and_a_suspended_member_wait_too(house: House) -> None:
    boss, ann, bob = house.member(Role.ADMINISTRATOR), house.member(), house.member()
    first, second = queue(house, ann.id), queue(house, bob.id)
    house.rules(state="paused")
    assert not claims(house)
    house.rules(state="closed")  # what it had taken on is still made
    house.use.members.suspend(boss, ann.id, "a test")
    assert claims(house) == {second}
    house.use.members.reinstate(boss, ann.id)
    assert claims(house) == {first}


@pytest.mark.parametrize("kind", ["everyone", "programme", "role", "member", "model"])
def test_lines_of_a_batch_wait(house: House, kind: str) -> None:
    ann = house.member()
    targets = {"programme": house.programme.id, "role": "tester", "member": ann.id}
    switch = off(house, kind, {**targets, "model": "sora-2"}.get(kind, ""))
    draft = Draft("create", "sora-2", SMALL, 1.0, batch_id="batch_1")
    with pytest.raises(Off, match="leak"):
        house.use.videos.create(ann.id, draft)
    house.use.switchboard.on(AT_THE_MACHINE, switch.id)
    house.use.videos.create(ann.id, draft)


@pytest.mark.parametrize(
    ("kind", "target"), [("everyone", ""), ("member", LOCAL), ("model", "sora-2")]
)
def test_a_server_without_members_has_switches_too(house: House, kind: str, target: str) -> None:
    switch = off(house, kind, target)
    draft = Draft("create", "sora-2", SMALL, 1.0)
    with pytest.raises(Off):
        house.use.videos.create(LOCAL, draft)
    house.use.switchboard.on(AT_THE_MACHINE, switch.id)
    house.use.videos.create(LOCAL, draft)


def test_a_flip_comes_after_the_writes_that_were_let_in(house: House) -> None:
    """Else one could be let in, the flip be answered, and what it wrote come after it."""
    ann = house.member()
    flip = threading.Thread(target=off, args=(house, "member", ann.id))
    ask = partial(house.use.admission.check, actor=ann, rule=ACTS["files"])
    asked = leave.set(ask)
    try:
        with house.use.database.write():
            flip.start()
            flip.join(0.5)
            assert flip.is_alive()
        flip.join()
        with pytest.raises(Off), house.use.database.write():
            pass
    finally:
        leave.reset(asked)


def test_only_an_administrator_flips(house: House) -> None:
    house.member(Role.ADMINISTRATOR)
    for role in set(Role) - {Role.ADMINISTRATOR}:
        with pytest.raises(ForbiddenError):
            house.use.switchboard.off(house.member(role), "everyone", "", WHY)
    with house.use.database.read() as session:
        assert session.scalars(select(func.count()).select_from(Switch)).one() == 0


def flip(boss: httpx.Client, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
    answer = boss.post("/admin/v1/switches", json={"message": WHY, **fields})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_clients_hear_why_and_until_when(open_house: Open, ask: Ask) -> None:
    _, boss = open_house.as_role(Role.ADMINISTRATOR)
    ann, client = open_house.as_role()
    flip(boss, kind="member", target=ann.id, hours=2)
    answer = ask(client)
    assert answer.status_code == 403
    error = answer.json()["error"]
    until = datetime.now(UTC) + timedelta(hours=2)
    assert error["code"] == "switched_off"
    assert error["message"].startswith(f"{WHY} (until {until:%Y-%m-%d} ")
    assert answer.headers["x-should-retry"] == "false"
    assert 7000 < int(answer.headers["retry-after"]) <= 7200
    flip(boss, kind="everyone")
    answer = ask(client)
    assert answer.status_code == 503
    assert answer.json()["error"]["message"] == WHY
    assert answer.headers["x-should-retry"] == "false"
    assert answer.headers["retry-after"] == "300"


def test_the_sdk_raises_what_programs_expect_and_does_not_try_again(open_house: Open) -> None:
    _, boss = open_house.as_role(Role.ADMINISTRATOR)
    ann = open_house.house.member()
    key_id, secret = open_house.house.key(ann)
    kinds: dict[str, tuple[str, type[openai.APIStatusError]]] = {
        "key": (key_id, openai.PermissionDeniedError),
        "role": ("tester", openai.PermissionDeniedError),
        "model": ("sora-2", openai.InternalServerError),
        "everyone": ("", openai.InternalServerError),
    }
    with OpenAI(base_url=open_house.live.url, api_key=secret, max_retries=2) as sdk:
        for kind, (target, error) in kinds.items():
            switch = flip(boss, kind=kind, target=target)
            with pytest.raises(error, match=WHY) as caught:
                sdk.videos.create(prompt="a lake", model="sora-2")
            assert caught.value.code == "switched_off"
            assert caught.value.request.headers["x-stainless-retry-count"] == "0"
            assert sdk.videos.list().data == []  # looking goes on
            boss.post(f"/admin/v1/switches/{switch['id']}/on")
        assert sdk.videos.create(prompt="a lake", model="sora-2").status == "queued"


def test_administrators_are_never_shut_out(open_house: Open, ask: Ask) -> None:
    _, boss = open_house.as_role(Role.ADMINISTRATOR)
    switch = flip(boss, kind="everyone")
    flip(boss, kind="role", target="administrator")
    assert ask(boss).status_code == 503
    assert boss.get("/admin/v1/members").status_code == 200
    assert boss.post(f"/admin/v1/switches/{switch['id']}/on").status_code == 200


def test_what_one_always_may_goes_on(open_house: Open, ask: Ask) -> None:
    _, boss = open_house.as_role(Role.ADMINISTRATOR)
    _, client = open_house.as_role()
    video_id = ask(client).json()["id"]
    flip(boss, kind="everyone")
    assert client.get("/access/v1/notices").json()["data"][0]["text"] == WHY
    assert client.get(f"/v1/videos/{video_id}").json()["status"] == "queued"
    assert client.post(f"/v1/videos/{video_id}/cancel").status_code == 200
    assert client.delete(f"/v1/videos/{video_id}").status_code == 200


def test_a_list_shows_what_is_off_and_what_was(open_house: Open, ask: Ask) -> None:
    _, boss = open_house.as_role(Role.ADMINISTRATOR)
    ann, client = open_house.as_role()
    ask(client)
    first = flip(boss, kind="role", target="tester", hours=1)
    assert (first["state"], first["members"], first["videos_waiting"]) == ("off", 1, 1)
    second = flip(boss, kind="member", target=ann.id)
    boss.post(f"/admin/v1/switches/{second['id']}/on")
    listed = boss.get("/admin/v1/switches").json()["data"]
    assert [(one["id"], one["state"]) for one in listed] == [
        (first["id"], "off"),
        (second["id"], "on"),
    ]
    assert listed[0]["videos_waiting"] == 1
    assert listed[1]["videos_waiting"] is None
    assert listed[1]["on_at"]


def test_a_dry_run_only_counts(open_house: Open, ask: Ask) -> None:
    _, boss = open_house.as_role(Role.ADMINISTRATOR)
    _, client = open_house.as_role()
    ask(client)
    told = flip(boss, kind="everyone", dry_run=True)
    assert (told["id"], told["members"], told["videos_waiting"]) == (None, 2, 1)
    assert ask(client).status_code == 200
    assert boss.get("/admin/v1/switches").json()["data"] == []
    assert boss.get("/admin/v1/audit").json()["data"] == []
    answer = boss.post("/admin/v1/switches", json={"kind": "key", "target": "k", "message": "x"})
    assert answer.status_code == 404


def test_the_team_reads_its_notices(open_house: Open) -> None:
    with open_house.live.services.database.write() as session:
        notice = tell(session, None, "a.test", "Look at this.")
    _, reviewer = open_house.as_role(Role.REVIEWER)
    assert reviewer.get("/admin/v1/notices").json()["data"][0]["text"] == "Look at this."
    assert reviewer.post(f"/admin/v1/notices/{notice.id}/read").json()["read_at"]
    assert reviewer.get("/admin/v1/notices", params={"unread": True}).json()["data"] == []


def test_the_reach_of_a_switch_is_told_before_it_is_flipped(open_house: Open, ask: Ask) -> None:
    actor, mine = open_house.as_role()
    boss, desk = open_house.as_role(Role.ADMINISTRATOR)
    key_id, _ = open_house.house.key(actor)
    ended, _ = open_house.house.key(actor)
    open_house.house.use.keys.revoke(actor.id, ended)
    ask(mine)
    ask(mine)
    assert open_house.live.queue.claim("w", ["test-card"])
    place = "/admin/v1/switches/reach"

    def reach(kind: str, target: str = "") -> tuple[int, ...]:
        told = desk.get(place, params={"kind": kind, "target": target}).json()
        assert (told["object"], told["kind"], told["target"]) == ("switch.reach", kind, target)
        names = ("members", "keys", "videos_waiting", "videos_running")
        return tuple(told[name] for name in names)

    assert reach("everyone") == (2, 3, 1, 1)
    assert reach("member", actor.id) == reach("role", "tester") == (1, 2, 1, 1)
    assert reach("key", key_id) == (1, 1, 0, 0)
    assert reach("member", boss.id) == (1, 1, 0, 0)
    assert reach("model", "test-card") == (1, 0, 1, 1)
    assert desk.get(place, params={"kind": "mood"}).json()["error"]["param"] == "kind"
    assert desk.get(place, params={"kind": "key", "target": "key_no"}).status_code == 404
    assert mine.get(place, params={"kind": "everyone"}).status_code == 403
    assert desk.get("/admin/v1/switches").json()["data"] == []
