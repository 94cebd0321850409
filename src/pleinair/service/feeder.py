"""What carries a batch on, from its file to the queue and from the queue to its files.

Its rows say all that is known of a batch. Each step is one transaction that holds the batch's row
and looks again whether the step is still due. So a server may be killed between any two of them,
and any number may work on one batch: a video is queued in the transaction that notes it in its
line, and a file is kept in the transaction that notes it in the batch.
"""

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog
from sqlalchemy import ColumnElement, CursorResult, delete, func, insert, select, update
from sqlalchemy.orm import Session

from pleinair.errors import (
    BusyError,
    ConflictError,
    NotFoundError,
    PleinairError,
    QuotaError,
    StorageError,
    SwitchedOffError,
    UnavailableError,
)
from pleinair.service import lines
from pleinair.service.db import Database, now
from pleinair.service.files import Files
from pleinair.service.lines import Body, Line, Mistake, Wire, outcome, read_lines
from pleinair.service.tables import (
    ACTIVE,
    BATCH,
    CANCELLED,
    COMPLETED,
    FAILED,
    Batch,
    BatchLine,
    File,
    Video,
)
from pleinair.service.videos import Videos

VALIDATING, IN_PROGRESS, FINALIZING = "validating", "in_progress", "finalizing"
CANCELLING, EXPIRED = "cancelling", "expired"
OPEN = (VALIDATING, IN_PROGRESS)
LIVE = (*OPEN, FINALIZING, CANCELLING)
AT_ONCE = 50  # unfinished videos of one batch
MOST_MISTAKES = 100
CHUNK = 500  # lines in one transaction
NOT_YET = (BusyError, QuotaError, SwitchedOffError)
"""Errors after which a batch waits for its owner's time to come."""

log = structlog.get_logger()


class TakenError(Exception):
    """The step is no longer due: another server did it, or the batch was cancelled."""


class Feeder:
    """Carries batches on.

    Args:
        database: where they are.
        files: where their files come from and go to.
        videos: where their videos are queued.
        wire: reads the lines and tells of the videos.
    """

    def __init__(self, database: Database, files: Files, videos: Videos, wire: Wire) -> None:
        self.database = database
        self.files = files
        self.videos = videos
        self.wire = wire

    def advance(self, batch: Batch, stop: threading.Event) -> None:
        """Do what is due for a batch that has not ended.

        Raises:
            TakenError: another server was faster.
            PleinairError: it cannot be done now; nothing is half done.
        """
        if batch.state in OPEN and batch.expires_at <= self.database.time():
            self._expire(batch)
        elif batch.state == VALIDATING:
            self._validate(batch)
        elif batch.state == IN_PROGRESS:
            self._feed(batch, stop)
        else:
            self._end(batch)

    def _expire(self, batch: Batch) -> None:
        with self.database.write() as session:
            held = _hold(session, batch)
            held.state, held.finalizing_at = FINALIZING, _time(session)
            held.expired_at = held.finalizing_at

    def _validate(self, batch: Batch) -> None:
        """Read the file into lines; those that a killed server kept are not kept twice."""
        mistakes: list[Mistake] = []
        chunk: list[Line] = []
        total = 0
        for found in self._read(batch):
            if isinstance(found, Mistake):
                mistakes.append(found)
                if len(mistakes) == MOST_MISTAKES:
                    break
                continue
            total += 1
            chunk.append(found)
            if len(chunk) == CHUNK:
                self._keep(batch, chunk)
                chunk = []
        self._keep(batch, chunk)
        with self.database.write() as session:
            held = _hold(session, batch)
            if mistakes:
                session.execute(delete(BatchLine).where(BatchLine.batch_id == batch.id))
                held.errors = {"data": [mistake.as_dict() for mistake in mistakes]}
                held.state, held.failed_at = FAILED, _time(session)
            else:
                held.total = total
                held.state, held.in_progress_at = IN_PROGRESS, _time(session)

    def _read(self, batch: Batch) -> Iterator[Line | Mistake]:
        try:
            pieces = self.files.stream(batch.owner, batch.input_file_id)
        except NotFoundError as error:
            yield Mistake("invalid_input_file", str(error), param="input_file_id")
            return
        yield from read_lines(pieces, self.wire.check)

    def _keep(self, batch: Batch, chunk: Sequence[Line]) -> None:
        """Keep lines, in the order of their numbers."""
        kept = select(func.max(BatchLine.number)).where(BatchLine.batch_id == batch.id)
        with self.database.write() as session:
            _hold(session, batch)
            last = session.scalars(kept).one() or 0
            rows = [
                {
                    "batch_id": batch.id,
                    "number": line.number,
                    "custom_id": line.custom_id,
                    "body": line.body,
                }
                for line in chunk
                if line.number > last
            ]
            if rows:
                session.execute(insert(BatchLine), rows)

    def _feed(self, batch: Batch, stop: threading.Event) -> None:
        """Queue the next lines, as many as there is room for; with none left, go on to the end."""
        active = select(func.count()).where(Video.batch_id == batch.id, Video.state.in_(ACTIVE))
        waiting = (
            select(BatchLine.number)
            .where(BatchLine.batch_id == batch.id, *_unfed())
            .order_by(BatchLine.number)
        )
        with self.database.read() as session:
            running = session.scalars(active).one()
            numbers = session.scalars(waiting.limit(max(0, AT_ONCE - running))).all()
        for number in numbers:
            if stop.is_set():
                return
            try:
                self._feed_line(batch, number)
            except NOT_YET as error:
                log.debug("a batch waits", batch=batch.id, line=number, reason=str(error))
                return
        if running or numbers:
            return
        with self.database.write() as session:
            held = _hold(session, batch)  # from here on nobody feeds a line
            left = session.scalars(waiting.limit(1)).first()
            if left is None and not session.scalars(active).one():
                held.state, held.finalizing_at = FINALIZING, _time(session)

    def _feed_line(self, batch: Batch, number: int) -> None:
        """Queue the video of a line, or note why it is refused."""
        with self.database.read() as session:
            body = session.get_one(BatchLine, (batch.id, number)).body

        def note(session: Session, video: Video) -> None:
            _note(session, batch, number, video_id=video.id)

        try:
            draft = self.wire.draft(batch.owner, body)
            draft = replace(draft, lane=BATCH, batch_id=batch.id)
            self.videos.create(batch.owner, draft, on_create=note)
            return
        except (TakenError, UnavailableError, StorageError, *NOT_YET):
            raise  # nothing is wrong with the line: it is for another server, or another time
        except PleinairError as error:
            refusal = self.wire.refuse(error)
        except Exception as error:
            log.error("a line of a batch failed", batch=batch.id, line=number, exc_info=error)
            refusal = self.wire.refuse(None)
        with self.database.write() as session:
            _note(session, batch, number, error=refusal)

    def _end(self, batch: Batch) -> None:
        """Stop what still runs, write the files, and be done."""
        state = COMPLETED
        if batch.state == CANCELLING:
            state = CANCELLED
            self._stop(batch, "cancelled", "The batch of this video was cancelled.")
        elif batch.expired_at:
            state = EXPIRED
            self._stop(batch, lines.EXPIRED, lines.REASONS[lines.EXPIRED])
        if batch.total:
            self._write(batch)
        with self.database.write() as session:
            held = _hold(session, batch)
            held.state = state
            if state != EXPIRED:  # which is told from when its time was over
                setattr(held, f"{state}_at", _time(session))
            unfed = update(BatchLine).where(BatchLine.batch_id == batch.id, *_unfed())
            session.execute(unfed.values(body={}))

    def _stop(self, batch: Batch, code: str, message: str) -> None:
        running = select(Video.id).where(Video.batch_id == batch.id, Video.state.in_(ACTIVE))
        with self.database.read() as session:
            ids = session.scalars(running).all()
        for video_id in ids:
            try:
                self.videos.cancel(batch.owner, video_id, code=code, message=message)
            except (ConflictError, NotFoundError):  # it ended by itself
                continue

    def _write(self, batch: Batch) -> None:
        """Write the output file and the error file, but for one that there is already."""
        with TemporaryDirectory() as folder:
            paths = {name: Path(folder, f"{batch.id}_{name}.jsonl") for name in ("output", "error")}
            with paths["output"].open("w") as output, paths["error"].open("w") as error:
                for has_video, told in self._outcomes(batch):
                    (output if has_video else error).write(json.dumps(told) + "\n")
            for name, path in paths.items():
                if path.stat().st_size and getattr(batch, f"{name}_file_id") is None:
                    self._put(batch, f"{name}_file_id", path)

    def _put(self, batch: Batch, column: str, path: Path) -> None:
        def note(session: Session, file: File) -> None:
            held = _hold(session, batch)
            if getattr(held, column) is not None:
                raise TakenError
            setattr(held, column, file.id)

        self.files.create(
            batch.owner, path.name, path, "batch_output", batch.keep_output, on_create=note
        )

    def _outcomes(self, batch: Batch) -> Iterator[tuple[bool, Body]]:
        reason = lines.EXPIRED if batch.expired_at else lines.CANCELLED
        last = 0
        while True:
            query = (
                select(BatchLine.number, BatchLine.custom_id, BatchLine.error, Video)
                .outerjoin(Video, Video.id == BatchLine.video_id)
                .where(BatchLine.batch_id == batch.id, BatchLine.number > last)
                .order_by(BatchLine.number)
                .limit(CHUNK)
            )
            with self.database.read() as session:
                rows = session.execute(query).all()
            for number, custom_id, error, video in rows:
                line = number, custom_id, error
                if video is None:
                    yield outcome(batch.id, line, None, reason=reason)
                elif video.deleted_at is not None:
                    yield outcome(batch.id, line, None, reason=lines.DELETED)
                else:
                    told = self.wire.tell(video)
                    if video.error_code == lines.EXPIRED:
                        told["status"] = EXPIRED
                    yield outcome(batch.id, line, told, reason=reason)
            if len(rows) < CHUNK:
                return
            last = rows[-1][0]


def _hold(session: Session, batch: Batch) -> Batch:
    """The row of a batch, nobody else's until the end of the transaction.

    Raises:
        TakenError: its state is another by now.
    """
    same = select(Batch).where(Batch.id == batch.id, Batch.state == batch.state)
    held = session.scalars(same.with_for_update()).first()
    if held is None:
        raise TakenError
    return held


def _note(session: Session, batch: Batch, number: int, **values: object) -> None:
    """Write what became of a line, once; its body has been of use."""
    _hold(session, batch)
    line = update(BatchLine).where(
        BatchLine.batch_id == batch.id, BatchLine.number == number, *_unfed()
    )
    result = session.execute(line.values(body={}, **values))
    assert isinstance(result, CursorResult)
    if result.rowcount != 1:
        raise TakenError


def _unfed() -> list[ColumnElement[bool]]:
    return [BatchLine.video_id.is_(None), BatchLine.error.is_(None)]


def _time(session: Session) -> float:
    return session.scalars(select(now())).one()
