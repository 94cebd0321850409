"""The queue as workers see it: claim, keep, finish or give back.

A claim raises the video's ``attempt`` and gives a lease. Every later write of the worker carries
the attempt (the fence, `_mine`): once the lease ran out and another worker claimed the video, or
a person cancelled it, nothing that the first worker still writes has any effect. What a worker
made becomes visible in the transaction that completes the video, which also writes its cost and
its event, so none of these can be there without the others, or twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, delete, func, select, update
from sqlalchemy.orm import Session

from pleinair.errors import PleinairError
from pleinair.request import VideoRequest
from pleinair.service import books, outbox, switches
from pleinair.service.db import Database, now
from pleinair.service.origin_tables import Origin
from pleinair.service.tables import (
    COMPLETED,
    FAILED,
    QUEUED,
    RUNNING,
    Artifact,
    Preview,
    Usage,
    Video,
)
from pleinair.settings import ServiceSettings

BACKOFF = 2.0  # seconds before the second try; twice as long before each further one,
LONGEST = 300.0  # but no longer


class LostError(Exception):
    """The video is no longer this worker's: cancelled, deleted, or claimed by another."""


@dataclass(frozen=True)
class Claim:
    """A video in a worker's hands, for as long as the lease is renewed."""

    id: str
    attempt: int
    owner: str
    request: VideoRequest

    @property
    def prefix(self) -> str:
        """Where in the storage this attempt puts its files: no attempt touches another's."""
        return f"videos/{self.id}/{self.attempt}"


@dataclass(frozen=True)
class Made:
    """What a worker hands over: files already in the storage, what ran, bytes it took."""

    artifacts: Sequence[Artifact]
    metadata: dict[str, Any] = field(default_factory=dict)
    peak: int = 0
    origins: Sequence[Origin] = ()  # by which its videos are known again


class Queue:
    """Videos that wait or are being made.

    Args:
        database: where they are.
        lease: seconds after which a silent worker loses its video.
        keep: seconds for which a finished video's files are kept.
        tries: how often a video is begun before it is given up.
    """

    def __init__(
        self,
        database: Database,
        *,
        lease: float = 30.0,
        keep: float = 2_592_000.0,
        tries: int = 3,
    ) -> None:
        self.database = database
        self.lease = lease
        self.keep = keep
        self.tries = tries

    @classmethod
    def of(cls, database: Database, settings: ServiceSettings) -> "Queue":
        """The queue as the settings describe it."""
        return cls(
            database,
            lease=settings.lease,
            keep=settings.keep_hours * 3600,
            tries=settings.tries,
        )

    def claim(self, worker: str, models: Sequence[str], memory: int | None = None) -> Claim | None:
        """Take the video whose turn it is, or None if there is none for this worker.

        Args:
            worker: id of the worker.
            models: those it can run.
            memory: bytes it has left; videos that should need more are passed over.
        """
        due = select(Video).where(
            Video.state == QUEUED,
            Video.backend.in_(models),
            Video.not_before <= now(),
            switches.goes_on(),
        )
        if memory is not None:
            due = due.where(Video.memory <= memory)
        due = due.order_by(Video.lane, Video.turn, Video.created_at, Video.id)
        with self.database.write() as session:
            switches.hold(session)
            # On PostgreSQL other workers pass over a row that one is claiming.
            video = session.scalars(due.limit(1).with_for_update(skip_locked=True)).first()
            if video is None:
                return None
            try:
                request = VideoRequest.from_dict(video.request)
            except (PleinairError, TypeError) as error:
                # Stored by another version. It must not stand in the way of all the others.
                _refuse(session, video, str(error))
                return None
            claim = Claim(video.id, video.attempt + 1, video.owner, request)
            session.execute(
                update(Video)
                .where(Video.id == video.id)
                .values(
                    state=RUNNING,
                    attempt=claim.attempt,
                    tries=Video.tries + 1,
                    worker=worker,
                    lease_until=now() + self.lease,
                    started_at=func.coalesce(Video.started_at, now()),
                    progress=0,
                    stage="load",
                )
            )
            return claim

    def waits(self, models: Sequence[str]) -> bool:
        """Whether a video waits for one of these models; it only looks, and so is cheap."""
        found = select(Video.id).where(
            Video.state == QUEUED,
            Video.backend.in_(models),
            Video.not_before <= now(),
            switches.goes_on(),
        )
        with self.database.read() as session:
            return session.scalars(found.limit(1)).first() is not None

    def beat(self, claim: Claim, progress: int, stage: str) -> bool:
        """Renew the lease and tell how far it is, 0–100; False when the video is lost."""
        with self.database.write() as session:
            return self._change(
                session, claim, lease_until=now() + self.lease, progress=progress, stage=stage
            )

    def holds(self, claim: Claim) -> bool:
        """Whether the video is still this worker's; asked before each step, so it only looks."""
        with self.database.read() as session:
            found = session.scalars(select(Video.id).where(*self._mine(claim))).first()
        return found is not None

    def show(self, claim: Claim, picture: bytes, number: int) -> bool:
        """Put a new picture (JPEG) of how far it is in the place of the last one."""
        with self.database.write() as session:
            if not self._change(session, claim, worker=Video.worker):
                return False
            session.execute(delete(Preview).where(Preview.video_id == claim.id))
            session.add(
                Preview(video_id=claim.id, attempt=claim.attempt, number=number, picture=picture)
            )
            return True

    def complete(self, claim: Claim, made: Made) -> None:
        """Hand over a finished video: files, cost and event at once, or nothing.

        Raises:
            LostError: the video is no longer this worker's; its files are nobody's.
        """
        with self.database.write() as session:
            self._finish(
                session,
                claim,
                state=COMPLETED,
                progress=100,
                stage="done",
                expires_at=now() + self.keep,
                made=made.metadata,
                peak=made.peak,
                error_code=None,
                error_message=None,
            )
            session.add_all(made.artifacts)
            cost = session.scalars(select(Video.cost).where(Video.id == claim.id)).one()
            time = session.scalars(select(now())).one()
            for origin in made.origins:
                origin.created_at = time
                session.add(origin)
            session.add(
                Usage(
                    video_id=claim.id,
                    kind="video_seconds",
                    owner=claim.owner,
                    amount=cost,
                    created_at=time,
                )
            )
            books.settle(session, claim.id)
            outbox.record(session, claim.owner, "video.completed", claim.id)

    def fail(self, claim: Claim, code: str, message: str, *, again: bool = False) -> None:
        """End a video with its reason, or with ``again`` try it once more while tries are left.

        Raises:
            LostError: the video is no longer this worker's.
        """
        with self.database.write() as session:
            tries = session.scalars(select(Video.tries).where(Video.id == claim.id)).one()
            reason = {"error_code": code, "error_message": message}
            if again and tries < self.tries:
                later = now() + min(LONGEST, BACKOFF * 2.0 ** min(tries - 1, 30))
                if not self._change(session, claim, **waiting(), not_before=later, **reason):
                    raise LostError(claim.id)
                return
            self._finish(session, claim, state=FAILED, stage="failed", **reason)
            books.release(session, claim.id)
            outbox.record(session, claim.owner, "video.failed", claim.id)

    def release(self, claim: Claim) -> None:
        """Give a video back unfinished, as if it had not been claimed: no try is used up."""
        with self.database.write() as session:
            self._change(session, claim, **waiting(), tries=Video.tries - 1)

    def give_up(self, worker: str) -> int:
        """End the leases of a worker that is known to be dead, and return how many it held."""
        with self.database.write() as session:
            held = update(Video).where(Video.state == RUNNING, Video.worker == worker)
            result = session.execute(held.values(lease_until=0.0))
        assert isinstance(result, CursorResult)
        return result.rowcount

    def rescue(self) -> int:
        """Queue again what silent workers held, or end it after its last try; how many it was."""
        with self.database.write() as session:
            silent = select(Video).where(Video.state == RUNNING, Video.lease_until < now())
            videos = session.scalars(silent.with_for_update(skip_locked=True)).all()
            for video in videos:
                this = update(Video).where(Video.id == video.id)
                if video.tries < self.tries:
                    session.execute(this.values(**waiting()))
                    continue
                message = f"the worker was lost {video.tries} times while making this video"
                last = f"; its last error: {video.error_message}" if video.error_message else ""
                session.execute(
                    this.values(
                        state=FAILED,
                        stage="failed",
                        lease_until=None,
                        completed_at=now(),
                        error_code="worker_lost",
                        error_message=message + last,
                    )
                )
                books.release(session, video.id)
                outbox.record(session, video.owner, "video.failed", video.id)
        return len(videos)

    def _mine(self, claim: Claim) -> list[ColumnElement[bool]]:
        """The fence: what holds as long as the video is in the hands that claimed it."""
        return [Video.id == claim.id, Video.attempt == claim.attempt, Video.state == RUNNING]

    def _change(self, session: Session, claim: Claim, **values: object) -> bool:
        result = session.execute(update(Video).where(*self._mine(claim)).values(**values))
        assert isinstance(result, CursorResult)
        return result.rowcount == 1

    def _finish(self, session: Session, claim: Claim, **values: object) -> None:
        if not self._change(session, claim, lease_until=None, completed_at=now(), **values):
            raise LostError(claim.id)
        session.execute(delete(Preview).where(Preview.video_id == claim.id))


def _refuse(session: Session, video: Video, reason: str) -> None:
    """End a video that waits and that no worker of this version can make."""
    ended = update(Video).where(Video.id == video.id, Video.state == QUEUED)
    session.execute(
        ended.values(
            state=FAILED,
            stage="failed",
            completed_at=now(),
            error_code="invalid_request",
            error_message=reason,
        )
    )
    books.release(session, video.id)
    outbox.record(session, video.owner, "video.failed", video.id)


def waiting() -> dict[str, Any]:
    """A video that waits (again); its turn is the one it had."""
    return {"state": QUEUED, "lease_until": None, "worker": None, "progress": 0, "stage": ""}
