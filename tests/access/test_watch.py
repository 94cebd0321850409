import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from pleinair.access.actor import Actor, Role, acting
from pleinair.access.watch import DECOY_EVERY, FLUSH_EVERY, Watch, client_of
from pleinair.errors import StoppedKeyError, UnavailableError
from pleinair.service.db import leave
from pleinair.service.programme_tables import Habit, Incident, Key
from tests.access.conftest import House

MAC = {
    "user-agent": "OpenAI/Python 2.1",
    "x-stainless-os": "MacOS",
    "x-stainless-runtime": "CPython",
}
T0 = 1_800_000_000.0


class Clock:
    def __init__(self) -> None:
        self.at = T0

    def __call__(self) -> float:
        return self.at


def watching(house: House) -> tuple[Watch, Clock, Actor]:
    """A watch with a clock of its own, and a member's key."""
    clock = Clock()
    member = house.member(Role.TESTER)
    key_id, _ = house.key(member)
    actor = Actor(member.id, Role.TESTER, "key", key_id=key_id)
    return Watch(house.use.database, house.use.incidents, clock), clock, actor


def strangers(many: int) -> Iterator[tuple[str, dict[str, str]]]:
    for i in range(many):
        yield f"10.0.{i}.0/24", {"user-agent": f"agent{i % 15}/1.0"}


def flood(watch: Watch, clock: Clock, actor: Actor, many: int = 200) -> int:
    """Requests of strangers that were let in until the key was stopped."""
    for count, (network, headers) in enumerate(strangers(many)):
        clock.at += 0.5
        try:
            watch.see(actor, network, headers)
        except StoppedKeyError:
            return count
    return many


def key_of(house: House, actor: Actor) -> Key:
    with house.use.database.read() as session:
        return session.get_one(Key, actor.key_id)


def test_strangers_have_a_key_stopped_within_sixty_requests(house: House) -> None:
    watch, clock, actor = watching(house)
    assert flood(watch, clock, actor) < 60
    assert key_of(house, actor).state == "stopped"
    with pytest.raises(StoppedKeyError):
        watch.see(actor, "192.0.2.0/24", MAC)


def test_a_request_s_own_refusal_does_not_stand_in_the_way_of_the_act(house: House) -> None:
    watch, clock, actor = watching(house)

    def refuse(_: object) -> None:
        raise UnavailableError("the request may not write")

    token = leave.set(refuse)
    try:
        flood(watch, clock, actor)
    finally:
        leave.reset(token)
    assert key_of(house, actor).state == "stopped"


def test_requests_cost_no_write_until_it_is_time(house: House) -> None:
    watch, clock, actor = watching(house)
    for _ in range(20):
        clock.at += 0.1
        watch.see(actor, "192.0.2.0/24", MAC)
        watch.tick()
    with house.use.database.read() as session:
        assert session.get(Habit, actor.key_id) is None
    clock.at += FLUSH_EVERY
    watch.tick()
    with house.use.database.read() as session:
        assert session.get_one(Habit, actor.key_id).habit["requests"] == 20
    assert key_of(house, actor).used_at == pytest.approx(T0 + 2, abs=0.2)


def test_another_process_goes_on_with_the_habit_and_both_are_kept(house: House) -> None:
    watch, clock, actor = watching(house)
    watch.see(actor, "192.0.2.0/24", MAC)
    watch.flush()
    other = Watch(house.use.database, house.use.incidents, clock)
    clock.at += 60
    other.see(actor, "198.51.100.0/24", MAC)
    watch.see(actor, "203.0.113.0/24", MAC)
    watch.flush()
    clock.at += 1
    other.flush()
    with house.use.database.read() as session:
        networks = session.get_one(Habit, actor.key_id).habit["networks"]
    assert set(networks) == {"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"}


def test_a_failing_watch_lets_the_request_through(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, _, actor = watching(house)

    def broken(*_: object) -> None:
        raise ValueError("broken")

    monkeypatch.setattr(watch, "_judge", broken)
    watch.see(actor, "192.0.2.0/24", MAC)


def test_an_act_that_failed_is_tried_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    watch, clock, actor = watching(house)

    def unreachable(*_: object) -> None:
        raise UnavailableError("the database cannot be reached")

    with monkeypatch.context() as patch:
        patch.setattr(house.use.incidents, "stop", unreachable)
        patch.setattr(house.use.incidents, "limit", unreachable)
        assert flood(watch, clock, actor, 40) == 40
    assert flood(watch, clock, actor) < 5


def test_many_threads_make_one_incident(house: House) -> None:
    watch, clock, actor = watching(house)
    threads = [threading.Thread(target=flood, args=(watch, clock, actor, 60)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with house.use.database.read() as session:
        found = session.scalars(select(Incident)).all()
    assert [incident.state for incident in found] == ["stopped"]


def test_a_decoy_is_noted_at_most_once_a_minute(house: House) -> None:
    watch, clock, _ = watching(house)
    admin = house.member(Role.ADMINISTRATOR)
    key, _ = house.use.keys.issue(admin, None, "in the old wiki")
    decoy = Actor(via="decoy", key_id=key.id)
    for network in ("10.1.0.0/24", "10.2.0.0/24"):
        watch.see(decoy, network, MAC)
    clock.at += DECOY_EVERY
    watch.see(decoy, "10.3.0.0/24", MAC)
    with house.use.database.read() as session:
        incident = session.scalars(select(Incident)).one()
    assert incident.kind == "decoy"
    assert incident.evidence["networks"] == ["10.1.0.0/24", "10.3.0.0/24"]


def test_whoever_has_no_key_is_not_watched(house: House) -> None:
    watch, _, _ = watching(house)
    watch.see(Actor("local", via="local"), "192.0.2.0/24", MAC)
    watch.see(house.member(), "192.0.2.0/24", MAC)
    watch.flush()
    with house.use.database.read() as session:
        assert session.scalars(select(Habit)).all() == []


def test_a_limited_key_that_a_person_called_honest_is_not_limited_again(house: House) -> None:
    watch, clock, actor = watching(house)
    clock.at = house.use.database.time()
    for network, headers in strangers(60):
        clock.at += 0.001
        watch.see(actor, network, headers)
        if key_of(house, actor).state == "limited":
            break
    incident = house.use.incidents.list()[0]
    assert incident.state == "limited"
    admin = house.member(Role.ADMINISTRATOR)
    watch.flush()
    house.use.incidents.close(admin, incident.id, "honest", "We asked.")
    watch.flush()
    clock.at = house.use.database.time() + 1
    watch.see(actor, "10.0.0.0/24", {"user-agent": "agent0/1.0"})
    assert key_of(house, actor).state == "active"


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        (MAC, "openai/macos/cpython"),
        ({"user-agent": "curl/8.5.0"}, "curl"),
        (
            {"user-agent": "Mozilla/5.0 (Windows NT 10.0) AppleWebKit Chrome/126.0 Safari/537.36"},
            "chrome/windows",
        ),
        ({}, "unnamed"),
    ],
)
def test_a_program_has_a_short_name_without_its_version(headers: dict[str, str], name: str) -> None:
    assert client_of(headers) == name


def test_prompts_are_seen_on_the_way_in(house: House) -> None:
    watch, _, actor = watching(house)
    house.use.videos.gate.gates.append(watch)  # type: ignore[attr-defined]
    watch.see(actor, "192.0.2.0/24", MAC)
    from pleinair.request import VideoRequest
    from pleinair.service.videos import Draft

    token = acting.set(actor)
    try:
        request = VideoRequest("a heron in reeds", model="test-card", seconds=1)
        house.use.videos.create(actor.id, Draft("create", "test-card", request, 1.0))
    finally:
        acting.reset(token)
    watch.flush()
    with house.use.database.read() as session:
        assert session.get_one(Habit, actor.key_id).habit["prompts"] == 1
