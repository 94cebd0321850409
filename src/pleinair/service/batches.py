"""Batches as callers see them: many creates in one file, and files of what became of them.

A batch goes from validating to in_progress, finalizing and completed, or ends as failed, expired
or cancelled; `pleinair.service.feeder` carries it on.
"""

import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import structlog
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from pleinair.errors import ConflictError, InputError, NotFoundError, PleinairError
from pleinair.service import lines
from pleinair.service.db import Database, now
from pleinair.service.feeder import CANCELLING, LIVE, OPEN, VALIDATING, Feeder, TakenError
from pleinair.service.files import Files
from pleinair.service.lines import Wire
from pleinair.service.page import Page, page
from pleinair.service.tables import CANCELLED, COMPLETED, FAILED, Batch, BatchLine, Video
from pleinair.service.videos import Videos

WINDOW = "24h"
WINDOW_SECONDS = 86_400.0
EVERY = 1.0
"""Seconds between two ticks."""
log = structlog.get_logger()


@dataclass(frozen=True)
class Counts:
    """How many lines of a batch have ended, and how."""

    completed: int = 0
    failed: int = 0


class Batches:
    """The batches of a server; every call is on behalf of an owner, who sees only their own."""

    def __init__(self, database: Database, files: Files, videos: Videos, wire: Wire) -> None:
        self.database = database
        self.files = files
        self.feeder = Feeder(database, files, videos, wire)

    def create(
        self,
        owner: str,
        input_file_id: str,
        *,
        notes: Mapping[str, str] | None = None,
        keep_output: int | None = None,
    ) -> Batch:
        """Begin a batch; its file is read later.

        Args:
            owner: whose it is.
            input_file_id: of a file of purpose ``batch``.
            notes: the caller's metadata.
            keep_output: seconds after which its files expire.

        Raises:
            NotFoundError: there is no such file.
            InputError: the file has another purpose.
        """
        file = self.files.get(owner, input_file_id)
        if file.purpose != "batch":
            raise InputError("input_file_id", file.purpose, "a file with purpose batch")
        with self.database.write() as session:
            time = session.scalars(select(now())).one()
            batch = Batch(
                id=f"batch_{secrets.token_hex(16)}",
                owner=owner,
                endpoint=lines.ENDPOINT,
                completion_window=WINDOW,
                input_file_id=input_file_id,
                state=VALIDATING,
                notes=dict(notes or {}),
                total=0,
                keep_output=keep_output,
                created_at=time,
                expires_at=time + WINDOW_SECONDS,
            )
            session.add(batch)
        return batch

    def get(self, owner: str, batch_id: str) -> Batch:
        """One batch; raises NotFoundError."""
        with self.database.read() as session:
            return _owned(session, owner, batch_id)

    def list(self, owner: str, after: str | None = None, limit: int = 20) -> Page[Batch]:
        """Batches, the newest first; raises InputError for an ``after`` that is none of them."""
        with self.database.read() as session:
            return page(session, Batch, owner, after, limit)

    def cancel(self, owner: str, batch_id: str) -> Batch:
        """End a batch early: what it has not begun never is, what runs is cancelled.

        Raises:
            NotFoundError: there is no such batch.
            ConflictError: all its videos have ended already.
        """
        with self.database.write() as session:
            batch = _owned(session, owner, batch_id, lock=True)
            if batch.state in OPEN:
                time = session.scalars(select(now())).one()
                batch.state, batch.cancelling_at = CANCELLING, time
            elif batch.state not in (CANCELLING, CANCELLED):
                raise ConflictError(f"batch {batch_id} is {batch.state} already")
        return batch

    def counts(self, batches: Sequence[Batch]) -> dict[str, Counts]:
        """How many lines of each batch have ended."""
        bad = or_(BatchLine.error.is_not(None), Video.state.in_((FAILED, CANCELLED)))
        query = (
            select(
                BatchLine.batch_id,
                func.count().filter(Video.state == COMPLETED),
                func.count().filter(bad),
            )
            .outerjoin(Video, Video.id == BatchLine.video_id)
            .where(BatchLine.batch_id.in_([batch.id for batch in batches]))
            .group_by(BatchLine.batch_id)
        )
        with self.database.read() as session:
            found = {name: Counts(*ended) for name, *ended in session.execute(query)}
        for batch in batches:
            counts = found.setdefault(batch.id, Counts())
            if batch.state not in LIVE:  # what was never begun has failed too
                found[batch.id] = replace(counts, failed=batch.total - counts.completed)
        return found

    def run(self, stop: threading.Event) -> None:
        """Carry all batches on until told to stop."""
        while not stop.wait(EVERY):
            self.tick(stop)

    def tick(self, stop: threading.Event | None = None) -> None:
        """Carry every batch on by what is due; what fails is logged and tried the next time."""
        alive = select(Batch).where(Batch.state.in_(LIVE)).order_by(Batch.created_at, Batch.id)
        try:
            with self.database.read() as session:
                batches = session.scalars(alive).all()
        except PleinairError as error:
            log.error("batches cannot be seen", reason=str(error))
            return
        for batch in batches:
            try:
                self.feeder.advance(batch, stop or threading.Event())
            except TakenError:
                continue
            except PleinairError as error:
                log.error("a batch cannot go on", batch=batch.id, reason=str(error))
            except Exception as error:
                log.error("a batch cannot go on", batch=batch.id, exc_info=error)


def _owned(session: Session, owner: str, batch_id: str, *, lock: bool = False) -> Batch:
    query = select(Batch).where(Batch.id == batch_id, Batch.owner == owner)
    batch = session.scalars(query.with_for_update() if lock else query).first()
    if batch is None:
        raise NotFoundError(f"No batch has the id {batch_id!r}.")
    return batch
