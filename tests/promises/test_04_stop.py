"""Promise 4: stopping loses nothing: no video fails, none has used up a try, nothing lingers."""

import os
import random
import signal
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import func, select

from pleinair.request import VideoRequest
from pleinair.service.db import Database
from pleinair.service.tables import ACTIVE, FAILED, Video
from pleinair.service.videos import Draft, Videos
from pleinair.service.worker import Worker
from pleinair.settings import Settings
from tests.promises import chaos
from tests.promises.figure import publish

STOPS = 200 if os.environ.get("FIGURES_OUT") else 40
AT_ONCE = 2  # workers that are stopped together
GRACE = 0.15
SEED = 4


@dataclass(frozen=True)
class Outcome:
    """What came of stopping workers many times while they worked."""

    stops: int
    videos: int
    failed: int
    tries_used_up: int
    unclean_exits: int
    slowest_exit: float
    unfinished: int


def work(plan: chaos.Plan) -> None:
    """A worker that stops as `pleinair worker` does."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    Worker(Settings(), plan.settings, leave=os._exit).run(stop)


def measure(home: Path, stops: int) -> Outcome:
    """Stop workers at random moments of videos that take longer than the grace."""
    settings = replace(chaos.settings_of(home), lease=30.0, grace=GRACE)
    plan = chaos.Plan(settings, 0, 0, SEED)
    database = Database(settings.database_url)
    database.migrate()
    videos = Videos(database, settings)
    rng = random.Random(SEED)
    request = VideoRequest(
        "slow 20", model="test-card", seconds=0.1, width=32, height=32, fps=10, steps=20
    )
    exits: list[tuple[int, float]] = []
    for _ in range(stops // AT_ONCE):
        for _ in range(2 if _waiting(database) < 8 else 0):
            videos.create("ann", Draft("create", "test-card", request, 0.1))
        children = [chaos.start(work, plan, i) for i in range(AT_ONCE)]
        chaos.busy_workers(database, children, {})
        time.sleep(rng.uniform(0.0, 0.8))
        for child in children:
            child.terminate()
        told = time.monotonic()
        for child in children:
            child.join(10)
            exits.append(
                (child.exitcode if child.exitcode is not None else -99, time.monotonic() - told)
            )
            child.kill()
    chaos.drain(plan, database)
    with database.read() as session:
        rows = session.scalars(select(Video)).all()
    database.close()
    return Outcome(
        stops=len(exits),
        videos=len(rows),
        failed=sum(row.state == FAILED for row in rows),
        tries_used_up=sum(row.tries > 1 for row in rows),
        unclean_exits=sum(code != 0 for code, _ in exits),
        slowest_exit=max(spent for _, spent in exits),
        unfinished=sum(row.state in ACTIVE for row in rows),
    )


def test_a_stop_fails_no_video_and_uses_up_no_try(tmp_path: Path) -> None:
    outcome = measure(tmp_path, STOPS)
    assert outcome.videos > 4
    bad = (outcome.failed, outcome.tries_used_up, outcome.unclean_exits, outcome.unfinished)
    assert bad == (0, 0, 0, 0), outcome
    publish(
        "promise-04",
        "Workers told to stop (SIGTERM) while they work",
        {
            "SIGTERMs": outcome.stops,
            "videos": outcome.videos,
            "failed": outcome.failed,
            "tries used up": outcome.tries_used_up,
            "unclean exits": outcome.unclean_exits,
            "unfinished": outcome.unfinished,
            "grace, s": GRACE,
            "slowest exit, s": outcome.slowest_exit,
        },
        n=outcome.stops,
        seeds=[SEED],
        notes=f"{AT_ONCE} workers are stopped together; each video takes longer than the grace.",
    )


def _waiting(database: Database) -> int:
    with database.read() as session:
        active = select(func.count()).select_from(Video).where(Video.state.in_(ACTIVE))
        return session.scalars(active).one()
