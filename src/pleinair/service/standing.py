"""Where a video stands: its place in the queue, and when it should be done."""

import time
from dataclasses import dataclass

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from pleinair.service.db import Database, now
from pleinair.service.tables import COMPLETED, QUEUED, RUNNING, Video, Worker

_SEEN = 90.0  # seconds after which a silent worker is not counted
_RECENT = 20  # finished videos from which the pace is known
_FRESH = 2.0  # seconds for which the pace is not measured anew


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


class Standings:
    """Tells where videos stand; the pace is measured from those that were finished last."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._known: tuple[float, dict[str, _Pace]] = (-_FRESH, {})

    def of(self, video: Video) -> Standing:
        """Where a video stands now."""
        if video.state not in (QUEUED, RUNNING):
            return Standing()
        with self.database.read() as session:
            pace = self._pace(session, video.backend)
            if video.state == RUNNING:
                return Standing(eta=_left(video, pace, session))
            before = (
                select(func.count())
                .select_from(Video)
                .where(
                    Video.state == QUEUED,
                    tuple_(Video.lane, Video.turn, Video.created_at, Video.id)
                    < tuple_(video.lane, video.turn, video.created_at, video.id),
                )
            )
            position = session.scalars(before).one() + 1
        if pace.second is None or not pace.workers:
            return Standing(position)
        wait = (position - 1) * pace.video / pace.workers
        return Standing(position, wait + pace.second * video.cost)

    def _pace(self, session: Session, backend: str) -> _Pace:
        """The pace of a model, at most `_FRESH` seconds old."""
        then, paces = self._known
        if time.monotonic() - then > _FRESH:
            then, paces = time.monotonic(), {}
        if backend not in paces:
            paces = {**paces, backend: _measure(session, backend)}
        self._known = then, paces
        return paces[backend]


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


def _left(video: Video, pace: _Pace, session: Session) -> float | None:
    """Seconds that a running video still needs: by its own progress once that says something."""
    spent = session.scalars(select(now())).one() - (video.started_at or 0.0)
    if video.progress >= 10:
        return spent * (100 - video.progress) / video.progress
    return None if pace.second is None else max(0.0, pace.second * video.cost - spent)
