from collections.abc import Callable

import pytest
from sqlalchemy import update

from pleinair.service.db import Database, now
from pleinair.service.queue import Queue
from pleinair.service.standing import Standings
from pleinair.service.tables import Video, Worker
from pleinair.service.videos import Videos
from tests.service.conftest import made

Ask = Callable[..., Video]


def _work(database: Database, count: int) -> None:
    with database.write() as session:
        for i in range(count):
            session.add(
                Worker(
                    id=f"w{i}",
                    host="here",
                    pid=1,
                    models=["test-card"],
                    memory=10**9,
                    started_at=1.0,
                    seen_at=2.0,
                )
            )
        session.flush()
        session.execute(update(Worker).values(seen_at=now()))


def _made_in(database: Database, queue: Queue, seconds: float) -> None:
    claim = queue.claim("w0", ["test-card"])
    assert claim is not None
    queue.complete(claim, made(claim))
    with database.write() as session:
        done = update(Video).where(Video.id == claim.id)
        session.execute(done.values(started_at=Video.completed_at - seconds))


def test_places_count_from_one_in_the_order_of_turns(
    database: Database, videos: Videos, ask: Ask
) -> None:
    standings = Standings(database, fresh=0.0)
    ann = [ask("ann") for _ in range(3)]
    bob = ask("bob")
    low = ask("cat", lane=1)
    places = [standings.of(video).position for video in (*ann, bob, low)]
    assert places == [1, 3, 4, 2, 5]
    assert standings.of(videos.cancel("ann", ann[0].id)).position is None
    assert standings.of(bob).position == 1


def test_a_look_at_the_queue_serves_for_a_moment_but_new_videos_have_a_place(
    database: Database, videos: Videos, ask: Ask
) -> None:
    standings = Standings(database, fresh=1000.0)
    first, second = ask(), ask()
    assert standings.of(second).position == 2
    videos.cancel("ann", first.id)
    assert standings.of(second).position == 2
    assert standings.of(ask()).position == 2


def test_no_estimate_before_anything_was_made(database: Database, ask: Ask) -> None:
    _work(database, 1)
    assert Standings(database).of(ask()).eta is None


def test_the_estimate_follows_the_pace_and_the_workers(
    database: Database, queue: Queue, ask: Ask
) -> None:
    ask()
    _made_in(database, queue, seconds=10.0)
    waiting = [ask() for _ in range(4)]
    _work(database, 1)
    assert Standings(database).of(waiting[3]).eta == pytest.approx(40.0, rel=0.01)
    with database.write() as session:
        session.execute(update(Worker).values(seen_at=1.0))
    assert Standings(database).of(waiting[3]).eta is None
    with database.write() as session:
        session.execute(update(Worker).values(seen_at=now()))
        session.add(
            Worker(
                id="more",
                host="there",
                pid=1,
                models=["test-card"],
                memory=10**9,
                started_at=1.0,
                seen_at=10**11,
            )
        )
    assert Standings(database).of(waiting[3]).eta == pytest.approx(25.0, rel=0.01)


def test_a_running_video_is_judged_by_its_own_progress(
    database: Database, queue: Queue, videos: Videos, ask: Ask
) -> None:
    video = ask()
    claim = queue.claim("w0", ["test-card"])
    assert claim is not None
    queue.beat(claim, 25, "draw")
    with database.write() as session:
        session.execute(update(Video).values(started_at=now() - 10.0))
    standing = Standings(database).of(videos.get("ann", video.id))
    assert standing.position is None
    assert standing.eta == pytest.approx(30.0, rel=0.05)
