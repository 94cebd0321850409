from collections.abc import Callable

import pytest
from sqlalchemy import func, select, update

from pleinair.service import queue as module
from pleinair.service.db import Database
from pleinair.service.queue import Claim, LostError, Queue
from pleinair.service.tables import Artifact, Event, Preview, Usage, Video
from pleinair.service.videos import Videos
from tests.service.conftest import made

Ask = Callable[..., Video]
MODELS = ["test-card"]


def _claim(queue: Queue, worker: str = "w1") -> Claim:
    claim = queue.claim(worker, MODELS)
    assert claim is not None
    return claim


def _expire(database: Database) -> None:
    with database.write() as session:
        session.execute(update(Video).values(lease_until=1.0))


def _wake(database: Database) -> None:
    with database.write() as session:
        session.execute(update(Video).values(not_before=0.0))


def test_an_empty_queue_gives_nothing(queue: Queue) -> None:
    assert queue.claim("w1", MODELS) is None


def test_a_claim_carries_the_request_and_a_new_attempt(
    queue: Queue, videos: Videos, ask: Ask
) -> None:
    video = ask()
    claim = _claim(queue)
    assert (claim.id, claim.attempt, claim.owner) == (video.id, 1, "ann")
    assert claim.request.digest == video.digest
    assert claim.prefix == f"videos/{video.id}/1"
    assert videos.get("ann", video.id).state == "in_progress"
    assert queue.claim("w2", MODELS) is None


@pytest.mark.usefixtures("ask")
def test_a_worker_gets_only_what_it_can_run_and_hold(
    queue: Queue, database: Database, ask: Ask
) -> None:
    ask()
    with database.write() as session:
        session.execute(update(Video).values(memory=1000))
    assert queue.claim("w1", ["pleinair-1"]) is None
    assert queue.claim("w1", MODELS, memory=999) is None
    assert queue.claim("w1", MODELS, memory=1000) is not None


def test_a_request_that_this_version_does_not_know_does_not_block_the_queue(
    queue: Queue, database: Database, videos: Videos, ask: Ask
) -> None:
    strange, video = ask(), ask()
    with database.write() as session:
        session.execute(update(Video).where(Video.id == strange.id).values(request={"x": 1}))
    assert queue.claim("w1", MODELS) is None
    assert _claim(queue).id == video.id
    assert videos.get("ann", strange.id).error_code == "invalid_request"


def test_completing_shows_files_cost_and_event_at_once(
    queue: Queue, videos: Videos, database: Database, ask: Ask
) -> None:
    video = ask(seconds=2.0)
    claim = _claim(queue)
    queue.show(claim, b"jpeg", 1)
    queue.complete(claim, made(claim))
    found = videos.get("ann", video.id)
    assert (found.state, found.progress) == ("completed", 100)
    assert found.expires_at is not None
    assert found.completed_at is not None
    assert [item.key for item in videos.artifacts("ann", video.id)] == [
        f"videos/{video.id}/1/0/video.mp4"
    ]
    with database.read() as session:
        assert session.scalars(select(Usage.amount)).all() == [2.0]
        assert session.scalars(select(Event.type)).all() == ["video.completed"]
        assert session.scalars(select(func.count()).select_from(Preview)).one() == 0


def test_a_worker_that_lost_its_lease_writes_nothing(
    queue: Queue, database: Database, ask: Ask
) -> None:
    ask()
    stale = _claim(queue, "w1")
    _expire(database)
    assert queue.rescue() == 1
    fresh = _claim(queue, "w2")
    assert fresh.attempt == stale.attempt + 1
    assert not queue.beat(stale, 50, "draw")
    assert not queue.holds(stale)
    assert not queue.show(stale, b"old", 1)
    with pytest.raises(LostError):
        queue.complete(stale, made(stale))
    with pytest.raises(LostError):
        queue.fail(stale, "server_error", "late")
    with pytest.raises(LostError):
        queue.fail(stale, "server_error", "late", again=True)
    queue.release(stale)
    assert queue.holds(fresh)
    queue.complete(fresh, made(fresh))
    with database.read() as session:
        assert session.scalars(select(Artifact.key)).all() == [f"{fresh.prefix}/0/video.mp4"]
        assert session.scalars(select(func.count()).select_from(Usage)).one() == 1


def test_a_late_worker_that_nobody_replaced_may_finish(
    queue: Queue, database: Database, videos: Videos, ask: Ask
) -> None:
    video = ask()
    claim = _claim(queue)
    _expire(database)
    queue.complete(claim, made(claim))
    assert videos.get("ann", video.id).state == "completed"


def test_a_video_is_completed_once(queue: Queue, ask: Ask) -> None:
    ask()
    claim = _claim(queue)
    queue.complete(claim, made(claim))
    with pytest.raises(LostError):
        queue.complete(claim, made(claim))


def test_a_beat_renews_the_lease_and_tells_progress(
    queue: Queue, database: Database, videos: Videos, ask: Ask
) -> None:
    video = ask()
    claim = _claim(queue)
    _expire(database)
    assert queue.beat(claim, 40, "denoise")
    assert queue.rescue() == 0
    found = videos.get("ann", video.id)
    assert (found.progress, found.stage) == (40, "denoise")


def test_the_newest_picture_takes_the_place_of_the_last(
    queue: Queue, database: Database, ask: Ask
) -> None:
    ask()
    claim = _claim(queue)
    assert queue.show(claim, b"one", 1)
    assert queue.show(claim, b"two", 2)
    with database.read() as session:
        assert session.scalars(select(Preview.picture)).all() == [b"two"]


def test_a_video_given_back_uses_up_no_try(queue: Queue, videos: Videos, ask: Ask) -> None:
    video = ask()
    for attempt in range(1, 6):
        claim = _claim(queue)
        assert claim.attempt == attempt
        queue.release(claim)
    found = videos.get("ann", video.id)
    assert (found.state, found.tries) == ("queued", 0)


def test_a_poisoned_video_stops_after_three_tries_with_its_error(
    queue: Queue, database: Database, videos: Videos, ask: Ask
) -> None:
    video = ask()
    for _ in range(3):
        _wake(database)
        queue.fail(_claim(queue), "server_error", "it broke", again=True)
    found = videos.get("ann", video.id)
    assert (found.state, found.error_code, found.error_message) == (
        "failed",
        "server_error",
        "it broke",
    )
    _wake(database)
    assert queue.claim("w1", MODELS) is None
    with database.read() as session:
        assert session.scalars(select(Event.type)).all() == ["video.failed"]
        assert session.scalars(select(Usage.amount)).all() == []


def test_a_second_try_waits_a_little(
    queue: Queue, database: Database, monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    monkeypatch.setattr(module, "BACKOFF", 200.0)
    ask()
    queue.fail(_claim(queue), "server_error", "it broke", again=True)
    assert queue.claim("w1", MODELS) is None
    _wake(database)
    assert queue.claim("w1", MODELS) is not None


def test_a_video_whose_workers_vanish_ends_with_the_reason(
    queue: Queue, database: Database, videos: Videos, ask: Ask
) -> None:
    video = ask()
    for _ in range(3):
        _claim(queue)
        _expire(database)
        assert queue.rescue() == 1
    found = videos.get("ann", video.id)
    assert (found.state, found.error_code) == ("failed", "worker_lost")
    assert "3 times" in (found.error_message or "")


def test_the_leases_of_a_dead_worker_end_at_once(queue: Queue, ask: Ask) -> None:
    ask()
    ask()
    _claim(queue, "dead")
    alive = _claim(queue, "alive")
    assert queue.give_up("dead") == 1
    assert queue.rescue() == 1
    assert queue.holds(alive)


def test_nobody_waits_behind_anothers_hundred_videos(queue: Queue, ask: Ask) -> None:
    for _ in range(100):
        ask("ann")
    _claim(queue)
    ask("bob")
    order = [_claim(queue).owner for _ in range(4)]
    assert "bob" in order[:2]
    ask("bob")
    assert "bob" in [_claim(queue).owner for _ in range(3)]


def test_two_owners_take_turns_by_what_their_videos_cost(queue: Queue, ask: Ask) -> None:
    for _ in range(10):
        ask("short", seconds=1.0)
    for _ in range(10):
        ask("long", seconds=5.0)
    order = [_claim(queue).owner for _ in range(12)]
    assert order.count("long") == 2
    assert order.count("short") == 10


def test_cancelled_videos_do_not_put_their_owner_back(
    queue: Queue, videos: Videos, ask: Ask
) -> None:
    for video in [ask("ann") for _ in range(20)]:
        videos.cancel("ann", video.id)
    ask("bob")
    ask("bob")
    ask("ann")
    assert [_claim(queue).owner for _ in range(2)].count("ann") == 1


def test_the_low_lane_waits_for_the_normal_one(queue: Queue, ask: Ask) -> None:
    ask("low", lane=1)
    ask("ann")
    ask("ann")
    assert [_claim(queue).owner for _ in range(3)] == ["ann", "ann", "low"]
