"""Housekeeping: what has expired or was deleted goes, what silent workers held is queued again.

Any number of servers may do this at once. Rows say that files are gone before they go, so that
nobody is promised what is not there; files whose removal failed are tried again.
"""

import threading
from collections.abc import Callable, Sequence

import structlog
from sqlalchemy import delete, exists, or_, select, update

from pleinair.errors import PleinairError
from pleinair.service.db import Database, now
from pleinair.service.files import Files
from pleinair.service.library import UNDO
from pleinair.service.materials import Materials
from pleinair.service.origin_tables import Origin
from pleinair.service.queue import Queue
from pleinair.service.storage import Storage
from pleinair.service.tables import ACTIVE, Artifact, IdempotencyKey, Video, Worker

RESCUE_EVERY = 2.0
TIDY_EVERY = 60.0
LATE = 60.0
"""Seconds after a video's end for which a worker that lost it may still write a file."""
_DAY = 86_400.0
_AT_ONCE = 200
log = structlog.get_logger()


class Housekeeper:
    """The housekeeping of one server; ``chores`` are more that is due every two seconds."""

    def __init__(
        self,
        database: Database,
        storage: Storage,
        queue: Queue,
        materials: Materials,
        files: Files,
        chores: Sequence[Callable[[], object]] = (),
    ) -> None:
        self.database = database
        self.storage = storage
        self.queue = queue
        self.materials = materials
        self.files = files
        self.chores = chores

    def run(self, stop: threading.Event) -> None:
        """Rescue and tidy until told to stop; a failure is logged and tried again."""
        since = TIDY_EVERY
        while not stop.wait(RESCUE_EVERY):
            since += RESCUE_EVERY
            try:
                if rescued := self.queue.rescue():
                    log.warning("silent workers lost their videos", videos=rescued)
                for chore in self.chores:
                    chore()
                if since >= TIDY_EVERY:
                    since = 0.0
                    self.tidy()
            except PleinairError as error:
                log.error("housekeeping failed", reason=str(error))
            except Exception as error:
                log.error("housekeeping failed", exc_info=error)

    def tidy(self) -> int:
        """Remove what is no longer kept; the number of videos whose files went."""
        gone = self._purge()
        self.files.tidy()
        self.materials.tidy(self.queue.keep)
        self._forget()
        with self.database.write() as session:
            session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < now() - _DAY))
            session.execute(delete(Worker).where(Worker.seen_at < now() - _DAY))
        return gone

    def _forget(self) -> None:
        """How deleted videos are known again; of expired ones it stays."""
        gone = select(Origin.video_id).join(Video, Video.id == Origin.video_id)
        with self.database.read() as session:
            over = gone.where(Video.deleted_at <= now() - UNDO - LATE)
            ids = session.scalars(over.distinct().limit(_AT_ONCE)).all()
        if ids:
            with self.database.write() as session:
                session.execute(delete(Origin).where(Origin.video_id.in_(ids)))

    def _purge(self) -> int:
        """Files of expired, deleted, failed and cancelled videos."""
        comes_back = exists().where(Artifact.video_id == Video.id)
        over = or_(
            Video.expires_at <= now(),
            Video.deleted_at <= now() - UNDO - LATE,
            (Video.deleted_at <= now() - LATE) & ~comes_back,
            Video.state.not_in((*ACTIVE, "completed")) & (Video.completed_at <= now() - LATE),
        )
        due = select(Video.id).where(over, Video.purged_at.is_(None)).limit(_AT_ONCE)
        gone = 0
        while True:
            with self.database.write() as session:
                ids = session.scalars(due).all()
                session.execute(delete(Artifact).where(Artifact.video_id.in_(ids)))
            for video_id in ids:
                self.storage.delete(f"videos/{video_id}/")
            with self.database.write() as session:
                session.execute(update(Video).where(Video.id.in_(ids)).values(purged_at=now()))
            gone += len(ids)
            if len(ids) < _AT_ONCE:
                return gone
