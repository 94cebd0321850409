"""What a programme grants, and what is refused beyond it."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from pleinair.access import members
from pleinair.access.actor import Actor, acting
from pleinair.errors import (
    BusyError,
    ForbiddenError,
    NotFoundError,
    QuotaError,
    SwitchedOffError,
)
from pleinair.service import books
from pleinair.service.programme_tables import Key, Member, Reservation
from pleinair.service.tables import BatchLine, Video
from pleinair.service.videos import Draft
from tests.access.conftest import House, Open
from tests.service.conftest import SMALL, made

Ask = Callable[..., httpx.Response]


def create(house: House, actor: Actor, seconds: float = 1.0, **values: Any) -> Video:  # noqa: ANN401
    """Queue a video of that length."""
    request = replace(SMALL, seconds=seconds)
    draft = Draft("create", "test-card", request, seconds, **values)
    return house.use.videos.create(actor.id, draft).video


def quota(house: House, actor: Actor, name: str) -> tuple[float, float | None]:
    """What is used and left of a limit."""
    _, found = house.use.quotas.told(actor.id)
    return next((one.used, one.left) for one in found if one.name == name)


def later(house: House, seconds: float) -> None:
    """Let time pass for all that was made so far."""
    with house.use.database.write() as session:
        for table in (Video, Reservation):
            session.execute(update(table).values(created_at=table.created_at - seconds))


def test_a_video_is_queued_under_programme_role_and_key(house: House) -> None:
    actor = house.member()
    key_id, _ = house.key(actor)
    token = acting.set(replace(actor, key_id=key_id))
    try:
        video = create(house, actor)
    finally:
        acting.reset(token)
    assert (video.programme_id, video.role, video.key_id) == (house.programme.id, "tester", key_id)


def test_creates_a_minute_are_counted_and_given_back(house: House) -> None:
    house.rules(rate=2)
    actor = house.member()
    create(house, actor)
    create(house, actor)
    with pytest.raises(BusyError, match="at most 2 videos a minute") as caught:
        create(house, actor)
    assert 0 < caught.value.retry_after <= 60
    create(house, house.member())  # another's are theirs
    later(house, 61)
    create(house, actor)


def test_videos_at_a_time_are_counted_until_they_end(house: House) -> None:
    house.rules(concurrent=1)
    actor = house.member()
    video = create(house, actor)
    with pytest.raises(BusyError, match="at most 1 may"):
        create(house, actor)
    house.use.videos.cancel(actor.id, video.id)
    video = create(house, actor)
    claim = house.queue.claim("w", ["test-card"])
    assert claim is not None
    with pytest.raises(BusyError):
        create(house, actor)
    house.queue.complete(claim, made(claim))
    create(house, actor)


def test_seconds_of_a_period_are_used_up_and_come_back(house: House) -> None:
    house.rules(seconds_each=3, period_hours=1.0)
    actor = house.member()
    create(house, actor, 2.0)
    with pytest.raises(QuotaError, match=r"2 video-seconds of 3 .*takes 2") as caught:
        create(house, actor, 2.0)
    assert 3500 < caught.value.retry_after <= 3600
    later(house, 1800)
    create(house, actor, 1.0)
    with pytest.raises(QuotaError) as caught:
        create(house, actor, 1.0)
    assert 1700 < caught.value.retry_after <= 1800  # the older one suffices
    with pytest.raises(QuotaError) as caught:
        create(house, actor, 3.0)
    assert 3500 < caught.value.retry_after <= 3600  # both have to go
    later(house, 1801)
    create(house, actor, 2.0)


def test_more_than_there_ever_is_waits_for_a_whole_period(house: House) -> None:
    house.rules(seconds_each=1, period_hours=2.0)
    with pytest.raises(QuotaError) as caught:
        create(house, house.member(), 2.0)
    assert caught.value.retry_after == 7200


def test_spend_is_the_price_of_the_seconds_rounded_up(house: House) -> None:
    house.rules(price=333_333, spend_each=1_000_000, currency="EUR")
    actor = house.member()
    create(house, actor, 2.5)
    assert quota(house, actor, "spend_each") == (833_333, 166_667)
    with pytest.raises(QuotaError, match=r"0\.833333 EUR of 1\.00 EUR"):
        create(house, actor, 1.0)


@pytest.mark.parametrize("limit", ["seconds_all", "spend_all"])
def test_all_together_have_no_more_than_the_programme(house: House, limit: str) -> None:
    house.rules(**{limit: 2}, price=1)
    create(house, house.member())
    create(house, house.member())
    with pytest.raises(QuotaError, match="all of Early access have used"):
        create(house, house.member())


def test_nothing_is_nothing(house: House) -> None:
    actor = house.member()
    for limit in ("rate", "concurrent", "seconds_each", "seconds_all"):
        house.rules(**{limit: 0})
        with pytest.raises((BusyError, QuotaError)):
            create(house, actor)
        house.rules(**{limit: None})
    create(house, actor)


def test_what_ended_unfinished_does_not_count(house: House) -> None:
    house.rules(seconds_each=1, price=5)
    actor = house.member()
    for end in ("cancel", "delete"):
        video = create(house, actor)
        getattr(house.use.videos, end)(actor.id, video.id)
    create(house, actor)
    claim = house.queue.claim("w", ["test-card"])
    assert claim is not None
    house.queue.fail(claim, "broken", "It broke.")
    create(house, actor)
    claim = house.queue.claim("w", ["test-card"])
    assert claim is not None
    house.queue.complete(claim, made(claim))
    with pytest.raises(QuotaError):
        create(house, actor)
    assert books.check(house.use.database) == []


def test_a_limited_key_has_its_share_and_another_the_rest(house: House) -> None:
    house.rules(rate=4, concurrent=4)
    actor = house.member()
    leaked, whole = house.key(actor)[0], house.key(actor)[0]
    with house.use.database.write() as session:
        session.execute(update(Key).where(Key.id == leaked).values(share=0.3, state="limited"))
    token = acting.set(replace(actor, key_id=leaked))
    try:
        create(house, actor)
        with pytest.raises(BusyError, match="at most 1"):
            create(house, actor)
        acting.set(replace(actor, key_id=whole))
        for _ in range(3):
            create(house, actor)
        with pytest.raises(BusyError, match="at most 4"):
            create(house, actor)
    finally:
        acting.reset(token)


def test_lines_of_batches_have_no_pace_but_use_the_same_seconds(house: House) -> None:
    house.rules(rate=1, concurrent=1, seconds_each=3)
    actor = house.member()
    for _ in range(2):
        create(house, actor, batch_id="batch_1")
    create(house, actor)  # those of a batch are in nobody's way
    with pytest.raises(QuotaError):
        create(house, actor, batch_id="batch_1")


def test_without_an_open_programme_nobody_makes_videos(house: House) -> None:
    with pytest.raises(ForbiddenError, match="in no programme"):
        create(house, house.member(programme_id=None))
    actor = house.member()
    house.rules(state="closed")
    with pytest.raises(ForbiddenError, match="closed"):
        create(house, actor)
    house.rules(state="paused")
    with pytest.raises(SwitchedOffError, match="paused"):
        create(house, actor, batch_id="batch_1")
    house.rules(state="open")
    with house.use.database.write() as session:
        members.get(session, actor.id).state = "suspended"
    with pytest.raises(SwitchedOffError, match="suspended"):
        create(house, actor, batch_id="batch_1")
    with house.use.database.write() as session:
        members.get(session, actor.id).state = "left"
    with pytest.raises(ForbiddenError, match="left"):
        create(house, actor, batch_id="batch_1")


def test_who_is_no_member_has_no_quotas(house: House) -> None:
    house.rules(rate=0)
    create(house, Actor("local", via="local"))
    with house.use.database.read() as session:
        assert session.scalars(select(Reservation.video_id)).all() == []
    with pytest.raises(NotFoundError):
        house.use.quotas.told("local")


def test_quotas_tell_what_is_used_left_and_when_it_is_renewed(open_house: Open, ask: Ask) -> None:
    open_house.house.rules(rate=3, seconds_each=10, spend_each=5_000_000, price=250_000)
    _, client = open_house.as_role()
    answer = ask(client)
    assert answer.headers["x-ratelimit-limit-requests"] == "3"
    assert answer.headers["x-ratelimit-remaining-requests"] == "2"
    told = client.get("/access/v1/quotas").json()
    assert (told["programme"], told["price"], told["currency"]) == ("Early access", "0.25", "EUR")
    found = {one["name"]: one for one in told["data"]}
    assert list(found) == [
        *("rate", "concurrent", "seconds_each", "seconds_all", "spend_each", "spend_all")
    ]
    created = answer.json()["created_at"]
    assert found["rate"] | {"renews_at": 0} == {
        "name": "rate",
        "unit": "videos",
        "limit": 3,
        "used": 1,
        "left": 2,
        "renews_at": 0,
    }
    assert abs(found["rate"]["renews_at"] - created - 60) <= 1
    assert (found["seconds_each"]["used"], found["seconds_each"]["left"]) == (1, 9)
    assert abs(found["seconds_each"]["renews_at"] - created - 720 * 3600) <= 1
    assert (found["spend_each"]["used"], found["spend_each"]["left"]) == ("0.25", "4.75")
    assert found["spend_all"]["limit"] is None
    assert found["spend_all"]["left"] is None


def test_used_up_is_429_and_not_worth_another_try(open_house: Open, ask: Ask) -> None:
    open_house.house.rules(seconds_each=1)
    _, client = open_house.as_role()
    assert ask(client).status_code == 200
    answer = ask(client)
    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "insufficient_quota"
    assert answer.headers["x-should-retry"] == "false"
    assert int(answer.headers["retry-after"]) > 1000


def test_a_member_moved_to_a_programme_is_held_to_it(house: House) -> None:
    actor = house.member(programme_id=None)
    house.rules(seconds_each=1)
    with house.use.database.write() as session:
        session.get_one(Member, actor.id).programme_id = house.programme.id
    create(house, actor)
    with pytest.raises(QuotaError):
        create(house, actor)


def test_lines_of_a_batch_wait_until_there_is_some_again(house: House) -> None:
    house.rules(seconds_each=1, state="paused", period_hours=1.0)
    actor = house.member()
    lines = [
        {
            "custom_id": f"line-{number}",
            "method": "POST",
            "url": "/v1/videos",
            "body": {"prompt": "a lake", "seconds": "1", "size": "64x48", "model": "test-card"},
        }
        for number in range(2)
    ]
    content = "\n".join(json.dumps(line) for line in lines).encode()
    file = house.use.files.create(actor.id, "batch.jsonl", content, "batch")
    batch = house.use.batches.create(actor.id, file.id)

    def queued() -> int:
        for _ in range(3):
            house.use.batches.tick()
        with house.use.database.read() as session:
            return len(session.scalars(select(Video.id)).all())

    assert queued() == 0  # the programme is paused
    house.rules(state="open")
    assert queued() == 1  # of two seconds there is one
    later(house, 3601)
    assert queued() == 2
    assert house.use.batches.get(actor.id, batch.id).state == "in_progress"
    with house.use.database.read() as session:
        errors = select(BatchLine.error).where(BatchLine.error.is_not(None))
        assert session.scalars(errors).all() == []
