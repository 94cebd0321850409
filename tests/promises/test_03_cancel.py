"""Promise 3: of a cancel and a completion at the same moment exactly one wins."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import func, select

from pleinair.errors import ConflictError
from pleinair.service.db import Database
from pleinair.service.queue import LostError, Queue
from pleinair.service.tables import Artifact, Event, Usage, Video
from pleinair.service.videos import Draft, Videos
from pleinair.settings import ServiceSettings
from tests.promises.figure import publish
from tests.service.conftest import SMALL, made

RACES = 500  # on each database
SEED = 3
JITTER = 0.004  # seconds


@dataclass(frozen=True)
class Outcome:
    """How many races cancelling and completing won, and what must not be."""

    races: int
    cancelled: int
    completed: int
    both: int
    neither: int
    charged: int


def race(database: Database, settings: ServiceSettings, races: int) -> Outcome:
    """Cancel and complete each of many videos at once, from two threads."""
    videos = Videos(database, settings)
    queue = Queue(database)
    together = threading.Barrier(2)
    rng = random.Random(SEED)
    won: list[tuple[bool, bool]] = []
    for _ in range(races):
        video = videos.create("ann", Draft("create", "test-card", SMALL, 1.0)).video
        claim = queue.claim("w1", ["test-card"])
        assert claim is not None
        results = {}

        def attempt(name: str, act: Callable[[], object], refusal: type[Exception]) -> None:
            together.wait()
            time.sleep(rng.uniform(0, JITTER))  # so that either may be first
            try:
                act()
                results[name] = True  # noqa: B023  # joined before the next turn
            except refusal:
                results[name] = False  # noqa: B023

        threads = [
            threading.Thread(
                target=attempt,
                args=("cancel", lambda: videos.cancel("ann", video.id), ConflictError),  # noqa: B023
            ),
            threading.Thread(
                target=attempt,
                args=("complete", lambda: queue.complete(claim, made(claim)), LostError),  # noqa: B023
            ),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        won.append((results["cancel"], results["complete"]))
    with database.read() as session:
        cancelled = select(Video.id).where(Video.state == "cancelled")
        paid = select(func.count()).select_from(Usage).where(Usage.video_id.in_(cancelled))
        files = select(func.count()).select_from(Artifact).where(Artifact.video_id.in_(cancelled))
        told = (
            select(func.count())
            .select_from(Event)
            .where(Event.video_id.in_(cancelled), Event.type == "video.completed")
        )
        delivered = session.scalars(files).one() + session.scalars(told).one()
        charged = session.scalars(paid).one()
    return Outcome(
        races,
        cancelled=sum(cancel for cancel, _ in won),
        completed=sum(complete for _, complete in won),
        both=sum(cancel and complete for cancel, complete in won) + delivered,
        neither=sum(not cancel and not complete for cancel, complete in won),
        charged=charged,
    )


def test_cancelling_and_completing_never_both_win(database: Database, tmp_path: Path) -> None:
    settings = ServiceSettings(home=tmp_path, models=("test-card",), rate=0, max_queued_each=10**6)
    outcome = race(database, settings, RACES)
    assert outcome.both == outcome.neither == outcome.charged == 0, outcome
    assert outcome.cancelled + outcome.completed == RACES
    assert min(outcome.cancelled, outcome.completed) > RACES // 50
    publish(
        f"promise-03-{database.engine.dialect.name}",
        f"Cancel against complete on {database.engine.dialect.name}",
        {
            "races": outcome.races,
            "cancel won": outcome.cancelled,
            "completion won": outcome.completed,
            "cancelled and delivered": outcome.both,
            "neither": outcome.neither,
            "cancelled and charged": outcome.charged,
        },
        n=outcome.races,
        seeds=[SEED],
    )


def test_without_the_fence_it_would_show(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Queue, "_mine", lambda _, claim: [Video.id == claim.id])
    settings = ServiceSettings(home=tmp_path, models=("test-card",), rate=0)
    outcome = race(database, settings, 40)
    assert outcome.both + outcome.charged > 0
