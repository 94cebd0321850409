"""Videos as callers see them: ask for one, look at it, cancel it, delete it.

Creating is one transaction that checks the limits, recognises a create that came before and gives
the video its turn. Turns are those of start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM
1996): a video starts where its owner's last one finishes, and never before what runs now, so that
nobody waits behind another's hundred videos, and whoever comes later still comes next.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, delete, func, select, text, update
from sqlalchemy.orm import Session

from pleinair.errors import ConflictError, NotFoundError, ReusedKeyError, WithheldError
from pleinair.request import VideoRequest
from pleinair.service import books, limits, memory, outbox, switches
from pleinair.service.db import Database, now
from pleinair.service.gate import Gate, Open
from pleinair.service.limits import Allowance
from pleinair.service.page import Page, page
from pleinair.service.retries import Retry, recognise
from pleinair.service.tables import (
    ACTIVE,
    CANCELLED,
    COMPLETED,
    NORMAL,
    QUEUED,
    RUNNING,
    Artifact,
    IdempotencyKey,
    Preview,
    Video,
)
from pleinair.settings import ServiceSettings

QUARANTINED = (
    "This video was made by a key that seems to have been in other hands; "
    "a person will look at it and then release it."
)
NOT_READY = "Video is not ready yet, use GET /v1/videos/{video_id} to check status."


@dataclass(frozen=True)
class Draft:
    """A video to be queued.

    Attributes:
        kind: create, remix, edit, extend, connect or retake.
        model: as it was asked for; ``request.model`` is the model behind that name.
        request: what the worker gets.
        seconds: length of the finished video, which for an extension is the whole.
        remixed_from: id of the video that it begins from.
        lane: NORMAL, or BATCH for what may wait.
        batch_id: of the batch that it belongs to.
        board_id: of the storyboard that it is a part of.
        key_id: with which a storyboard was rendered.
    """

    kind: str
    model: str
    request: VideoRequest
    seconds: float
    remixed_from: str | None = None
    lane: int = NORMAL
    batch_id: str | None = None
    board_id: str | None = None
    key_id: str | None = None


@dataclass(frozen=True)
class Receipt:
    """What came of a create.

    Attributes:
        video: the new one, or the one that an earlier create of the same request made.
        fresh: whether it is new.
        allowance: what is left of the creates of this minute.
    """

    video: Video
    fresh: bool
    allowance: Allowance = field(default_factory=Allowance)


@dataclass(frozen=True)
class Call:
    """One create as it came in.

    Attributes:
        fingerprint: digest of what was asked, before anything was drawn or filled in.
        key: its Idempotency-Key, if it has one.
        retry: how often the client had tried before.
        started: `time.monotonic` when it came in.
    """

    fingerprint: str = ""
    key: str | None = None
    retry: int = 0
    started: float = field(default_factory=time.monotonic)


class Videos:
    """The videos of a server; every call is on behalf of an owner, who sees only their own."""

    def __init__(
        self, database: Database, settings: ServiceSettings, gate: Gate | None = None
    ) -> None:
        self.database = database
        self.settings = settings
        self.gate = gate or Open()

    def create(
        self,
        owner: str,
        draft: Draft,
        call: Call | None = None,
        on_create: Callable[[Session, Video], None] = lambda session, video: None,
    ) -> Receipt:
        """Queue a video, once, however often the same call arrives.

        Args:
            owner: whose it is.
            draft: what to make.
            call: as it came in.
            on_create: what else is kept in the same transaction; if it raises, nothing is.

        Raises:
            BusyError: the queue is full, or there were too many creates in this minute.
            ReusedKeyError: the key came before with another request.
            SwitchedOffError: the owner, the model or everything is off.
            InputError: no worker could ever hold a video of that size.
        """
        call = call or Call()
        with self.database.write() as session:
            switches.hold(session)
            self._serialise(session, owner)
            if known := self._known(session, owner, call):
                return Receipt(known, fresh=False)
            # Lines of batches come without a request, which would have been checked before.
            for model in (draft.request.model, draft.model):
                switches.check(session, {"member": owner, "model": model})
            needed = memory.check(session, draft.request)
            batched = draft.batch_id is not None
            allowance = Allowance() if batched else limits.check(session, self.settings, owner)
            video = self._row(session, owner, draft, call, needed)
            allowance = self.gate.enter(session, draft, video) or allowance
            session.add(video)
            if call.key:
                session.add(
                    IdempotencyKey(
                        owner=owner,
                        key=call.key,
                        fingerprint=call.fingerprint,
                        video_id=video.id,
                        created_at=video.created_at,
                    )
                )
            on_create(session, video)
        return Receipt(video, True, allowance)

    def known(self, owner: str, call: Call) -> Receipt | None:
        """The video of a create that came before: asked before time goes into its uploads."""
        if not call.key and not call.retry:
            return None
        with self.database.write() as session:
            self._serialise(session, owner)
            video = self._known(session, owner, call)
        return Receipt(video, fresh=False) if video else None

    def get(self, owner: str, video_id: str) -> Video:
        """One video; raises NotFoundError."""
        with self.database.read() as session:
            return owned(session, owner, video_id)

    def list(
        self,
        owner: str,
        after: str | None,
        limit: int,
        order: str,
        *where: ColumnElement[bool],
    ) -> Page[Video]:
        """Videos by age, without parts of storyboards.

        Raises:
            InputError: ``after`` is no video of this owner.
        """
        whole = Video.deleted_at.is_(None), Video.board_id.is_(None)
        with self.database.read() as session:
            return page(session, Video, owner, after, limit, order, *whole, *where)

    def artifacts(self, owner: str, video_id: str) -> Sequence[Artifact]:
        """Files of a finished video, for its owner to have.

        Raises:
            NotFoundError: there is no such video, it is not finished, or its files have expired.
            WithheldError: nobody may have them yet.
        """
        with self.database.read() as session:
            files = self._files(session, owner, video_id)
            self.gate.leave(session, session.get_one(Video, video_id))
        return files

    def source(self, owner: str, video_id: str) -> tuple[Video, Artifact]:
        """A finished video and its first file, for another that begins from it.

        Raises:
            NotFoundError: there is no such video, or its files have expired.
            ConflictError: it is not finished.
        """
        video = self.get(owner, video_id)
        if video.state != COMPLETED:
            raise ConflictError(
                f"video {video_id} is {video.state}; only a completed one can be begun from"
            )
        with self.database.read() as session:  # it stays inside: the gate is not asked
            files = self._files(session, owner, video_id)
        return video, next(item for item in files if item.variant == "video")

    def chain(self, owner: str, video_id: str, kind: str) -> int:
        """How many videos of this kind in a row led to this one."""
        length = 0
        with self.database.read() as session:
            found = session.get(Video, video_id)
            while found is not None and found.owner == owner and found.kind == kind:
                length += 1
                found = session.get(Video, found.remixed_from) if found.remixed_from else None
        return length

    def cancel(
        self,
        owner: str,
        video_id: str,
        *,
        code: str = CANCELLED,
        message: str = "The video was cancelled.",
    ) -> Video:
        """End a video that waits or is being made; its worker stops at its next step.

        Args:
            owner: whose it is.
            video_id: which.
            code, message: the reason that it tells.

        Raises:
            NotFoundError: there is no such video.
            ConflictError: it has ended already.
        """
        with self.database.write() as session:
            video = owned(session, owner, video_id)
            if not end(session, video, code, message):
                state = owned(session, owner, video_id).state
                raise ConflictError(f"video {video_id} is {state} already")
            return session.get_one(Video, video_id, populate_existing=True)

    def delete(self, owner: str, video_id: str) -> None:
        """Forget a video; one that is not finished is cancelled first.

        Its files go when it cannot be brought back any more, and a worker writes none.

        Raises:
            NotFoundError: there is no such video.
        """
        with self.database.write() as session:
            owned(session, owner, video_id)
            this = update(Video).where(Video.id == video_id)
            cancelled = {
                "state": CANCELLED,
                "stage": CANCELLED,
                "error_code": CANCELLED,
                "error_message": "The video was cancelled by its deletion.",
                "completed_at": now(),
            }
            session.execute(this.where(Video.state.in_(ACTIVE)).values(**cancelled))
            session.execute(this.values(deleted_at=now(), lease_until=None))
            books.release(session, video_id)
            session.execute(delete(Preview).where(Preview.video_id == video_id))

    def _files(self, session: Session, owner: str, video_id: str) -> Sequence[Artifact]:
        video = owned(session, owner, video_id)
        if video.state != COMPLETED:
            raise NotFoundError(NOT_READY)
        if video.quarantined_at:
            raise WithheldError(QUARANTINED)
        time = session.scalars(select(now())).one()
        if video.purged_at or (video.expires_at and video.expires_at <= time):
            raise NotFoundError(f"The files of {video_id} have expired.")
        found = select(Artifact).where(Artifact.video_id == video_id)
        return session.scalars(found.order_by(Artifact.variant, Artifact.number)).all()

    def _serialise(self, session: Session, owner: str) -> None:
        """Creates of one owner one after the other; SQLite has a single writer anyway."""
        if not self.database.sqlite:
            lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:owner, 1))")
            session.execute(lock, {"owner": owner})

    def _known(self, session: Session, owner: str, call: Call) -> Video | None:
        if call.key:
            before = session.get(IdempotencyKey, (owner, call.key))
            if before is None:
                return None
            if before.fingerprint != call.fingerprint:
                raise ReusedKeyError(
                    "this Idempotency-Key came before with another request; "
                    "use a new key for a new request"
                )
            return session.get(Video, before.video_id)
        elapsed = time.monotonic() - call.started
        return recognise(session, owner, Retry(call.fingerprint, call.retry, elapsed))

    def _row(self, session: Session, owner: str, draft: Draft, call: Call, needed: int) -> Video:
        request = draft.request
        cost = request.seconds * request.variations
        start = self._start(session, owner, draft.lane)
        return Video(
            id=f"video_{secrets.token_hex(16)}",
            owner=owner,
            kind=draft.kind,
            state=QUEUED,
            model=draft.model,
            backend=request.model,
            prompt=request.prompt,
            size=f"{request.width}x{request.height}",
            seconds=f"{draft.seconds:g}",
            request=request.as_dict(),
            digest=request.digest,
            cost=cost,
            lane=draft.lane,
            turn=start,
            finish=start + cost,
            memory=needed,
            created_at=_moment(session, owner),
            remixed_from=draft.remixed_from,
            batch_id=draft.batch_id,
            board_id=draft.board_id,
            fingerprint=call.fingerprint,
            seen=1 << min(call.retry, 31),
            attempt=0,
            tries=0,
            progress=0,
            stage="",
            favourite=False,
        )

    def _start(self, session: Session, owner: str, lane: int) -> float:
        """Where an owner's next video starts in the order of turns."""
        same = Video.lane == lane
        mine = select(func.max(Video.finish)).where(
            Video.owner == owner, Video.state.in_(ACTIVE), same
        )
        running = select(func.max(Video.turn)).where(Video.state == RUNNING, same)
        waiting = select(func.min(Video.turn)).where(Video.state == QUEUED, same)
        current = session.scalars(running).one()
        if current is None:
            current = session.scalars(waiting).one()
        return max(session.scalars(mine).one() or 0.0, current or 0.0)


def end(session: Session, video: Video, code: str, message: str) -> bool:
    """Cancel a video, in a transaction that is under way; False if it has ended already."""
    ended = (
        update(Video)
        .where(Video.id == video.id, Video.state.in_(ACTIVE))
        .values(
            state=CANCELLED,
            stage=CANCELLED,
            completed_at=now(),
            lease_until=None,
            error_code=code,
            error_message=message,
        )
        .returning(Video.id)
    )
    if session.scalars(ended).first() is None:
        return False
    session.execute(delete(Preview).where(Preview.video_id == video.id))
    books.release(session, video.id)
    outbox.record(session, video.owner, "video.failed", video.id)
    return True


def _moment(session: Session, owner: str) -> float:
    """Now, but after the owner's last video, so that a list keeps the order of asking."""
    last = session.scalars(select(func.max(Video.created_at)).where(Video.owner == owner)).one()
    return max(session.scalars(select(now())).one(), (last or 0.0) + 1e-5)


def owned(session: Session, owner: str, video_id: str) -> Video:
    """One video of an owner, in a transaction that is under way; raises NotFoundError."""
    video = session.get(Video, video_id, populate_existing=True)
    if video is None or video.owner != owner or video.deleted_at is not None:
        raise NotFoundError(f"No video has the id {video_id!r}.")
    return video
