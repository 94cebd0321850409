"""Where a video stands: its place in the queue, and when it should be done."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from pleinair.service.db import Database, now
from pleinair.service.tables import COMPLETED, QUEUED, RUNNING, Video, Worker

_SEEN = 90.0  # seconds after which a silent worker is not counted
_RECENT = 20  # finished videos from which the pace is known
_FRESH = 0.5  # seconds for which places and pace are not looked up anew,
_SHARE = 20  # or so many times as long as the last look-up took


@dataclass(frozen=True)
class Standing:
    """Place in the queue, 1 being next, and seconds until done; None where there is none."""

    position: int | None = None
    eta: float | None = None


@dataclass(frozen=True)
class _Pace:
    """Seconds of work for a video-second and for a video, and how many workers share it."""

    second: float | None
    video: float
    workers: int


@dataclass(frozen=True)
class _Sight:
    """The queue at one moment: the place of each video in it, and the pace of each model."""

    places: Mapping[str, int]
    paces: Mapping[str, _Pace]
    ahead: float  # seconds that the database's clock is ahead of `time.monotonic`
    until: float  # when to look again


class Standings:
    """Tells where videos stand, from one look at the queue that serves for a moment.

    Whoever asks while another looks gets what was seen last: thousands may watch a long queue.

    Args:
        database: where the queue is.
        fresh: seconds for which a look serves.
    """

    def __init__(self, database: Database, fresh: float = _FRESH) -> None:
        self.database = database
        self._fresh = fresh
        self._sight = _Sight({}, {}, 0.0, 0.0)
        self._looking = threading.Lock()

    def of(self, video: Video) -> Standing:
        """Where a video stands now."""
        if video.state not in (QUEUED, RUNNING):
            return Standing()
        sight = self._look()
        pace = sight.paces.get(video.backend, _Pace(None, 0.0, 0))
        if video.state == RUNNING:
            return Standing(eta=_left(video, pace, time.monotonic() + sight.ahead))
        position = sight.places.get(video.id) or self._place(video)
        if pace.second is None or not pace.workers:
            return Standing(position)
        wait = (position - 1) * pace.video / pace.workers
        return Standing(position, wait + pace.second * video.cost)

    def _look(self) -> _Sight:
        """The queue as it was a moment ago."""
        if time.monotonic() >= self._sight.until and self._looking.acquire(
            blocking=not self._sight.until
        ):
            try:
                self._sight = self._see()
            finally:
                self._looking.release()
        return self._sight

    def _see(self) -> _Sight:
        started = time.monotonic()
        order = select(Video.id).where(Video.state == QUEUED)
        order = order.order_by(Video.lane, Video.turn, Video.created_at, Video.id)
        active = select(Video.backend).where(Video.state.in_((QUEUED, RUNNING))).distinct()
        with self.database.read() as session:
            places = {key: place for place, key in enumerate(session.scalars(order), 1)}
            paces = {backend: _measure(session, backend) for backend in session.scalars(active)}
            ahead = session.scalars(select(now())).one() - time.monotonic()
        ended = time.monotonic()
        serves = max(self._fresh, _SHARE * (ended - started)) if self._fresh else 0.0
        return _Sight(places, paces, ahead, ended + serves)

    def _place(self, video: Video) -> int:
        """The place of a video that came after the last look."""
        before = (
            select(func.count())
            .select_from(Video)
            .where(
                Video.state == QUEUED,
                tuple_(Video.lane, Video.turn, Video.created_at, Video.id)
                < tuple_(video.lane, video.turn, video.created_at, video.id),
            )
        )
        with self.database.read() as session:
            return session.scalars(before).one() + 1


def _measure(session: Session, backend: str) -> _Pace:
    recent = (
        select(Video.cost, (Video.completed_at - Video.started_at).label("spent"))
        .where(Video.state == COMPLETED, Video.backend == backend)
        .order_by(Video.completed_at.desc())
        .limit(_RECENT)
    )
    rows = session.execute(recent).all()
    cost, spent = sum(row.cost for row in rows), sum(row.spent for row in rows)
    alive = select(func.count()).select_from(Worker).where(Worker.seen_at > now() - _SEEN)
    workers = session.scalars(alive).one()
    if not rows or not cost:
        return _Pace(None, 0.0, workers)
    return _Pace(spent / cost, spent / len(rows), workers)


def _left(video: Video, pace: _Pace, time_now: float) -> float | None:
    """Seconds that a running video still needs: by its own progress once that says something."""
    spent = time_now - (video.started_at or 0.0)
    if video.progress >= 10:
        return spent * (100 - video.progress) / video.progress
    return None if pace.second is None else max(0.0, pace.second * video.cost - spent)
