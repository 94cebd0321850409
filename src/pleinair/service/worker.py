"""A worker: takes the video whose turn it is, makes it, hands it over, and takes the next.

Torch is loaded by the model that needs it, never from here. Whatever goes wrong with a video is
that video's end, not the worker's.
"""

import errno
import gc
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial

import structlog
from sqlalchemy import select

from pleinair.backends.base import open_backend
from pleinair.errors import (
    InputError,
    MediaError,
    MemoryFullError,
    ModelError,
    NotFoundError,
    PleinairError,
    StorageError,
    UnavailableError,
)
from pleinair.media.mark import Marking
from pleinair.media.provenance import signer_of
from pleinair.service import artifacts, checkpoint, memory, origins
from pleinair.service.db import Database
from pleinair.service.hold import Hold, StopError, Watch
from pleinair.service.materials import Materials
from pleinair.service.presence import HOST, Card, Presence
from pleinair.service.queue import Claim, LostError, Made, Queue
from pleinair.service.secret import server_secret
from pleinair.service.stages import FIRST_SHARES, MAKE
from pleinair.service.storage import Storage
from pleinair.service.tables import COMPLETED, Video
from pleinair.settings import ServiceSettings, Settings

IDLE = 0.05  # seconds between two looks at an empty queue
PASSED_OVER = 0.25  # seconds between two looks when all that waits is too big now
TROUBLE = 1.0  # seconds after which a worker that could not claim tries again
STALLED = 75
"""Exit code of a worker's process whose step loop hung: whoever started it starts another."""

CODES: dict[type[Exception], tuple[str, bool]] = {
    MemoryFullError: ("out_of_memory", False),  # it needs more than its worker may hold
    MemoryError: ("out_of_memory", False),
    ModelError: ("model_error", False),  # the model or what it was given is missing or corrupt
    InputError: ("invalid_request", False),  # the model cannot do what was asked
    MediaError: ("media_error", False),  # its frames cannot be encoded
    NotFoundError: ("not_found", False),  # something that it needs is no longer stored
    StorageError: ("storage_error", True),  # its files cannot be stored now
    UnavailableError: ("unavailable", True),  # a part that is needed cannot be reached now
    PleinairError: ("failed", False),
    Exception: ("server_error", True),  # anything else: the log tells, the message does not
}
"""Codes of failed videos, and whether another try is made before. There are two more:
``worker_lost``, when workers died over a video, and ``cancelled``."""

log = structlog.get_logger()


class Worker:
    """One worker, which makes one video at a time.

    Args:
        settings: where and with what models run.
        service: the queue's database, the storage, and how long to wait for what.
        id: name of the worker; made from the machine and the process if None.
        database, storage: opened as the service's settings say if None.
        models: ids of those it runs; all that are offered if None.
        leave: ends the process with a code, such as `os._exit`, when the step loop hangs; if
            None, the video is let go and the loop is left to itself.
    """

    def __init__(
        self,
        settings: Settings,
        service: ServiceSettings,
        *,
        id: str | None = None,
        database: Database | None = None,
        storage: Storage | None = None,
        models: Sequence[str] | None = None,
        leave: Callable[[int], None] | None = None,
    ) -> None:
        self.settings = settings
        self.service = service
        self.id = id or f"{HOST}-{os.getpid()}-{secrets.token_hex(3)}"
        secret = server_secret(service)
        self.marking = Marking.read(settings, secret)
        self.database = database or Database(service.database_url)
        self.storage = storage or Storage(service.storage_url, secret)
        self.materials = Materials(self.database, self.storage)
        self.signer = signer_of(settings, service.home)
        self.queue = Queue.of(self.database, service)
        self.models = tuple(models or service.models)
        self.presence = Presence(
            self.database,
            Card(self.id, self.models, memory.capacity(service.memory_gb)),
            every=min(service.lease / 3, 10.0),
        )
        self._leave = leave
        self._stop = threading.Event()
        self._shares = {model: dict(FIRST_SHARES) for model in self.models}
        self._rescued_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop.

        A video that is running then gets the grace to end; after it, it goes back into the queue
        within one step, as if it had not been begun.
        """
        self._stop = stop
        log.info("worker started", worker=self.id, models=self.models)
        while not stop.is_set():
            stop.wait(self._turn())
        with suppress(UnavailableError):  # the row goes by itself in time
            self.presence.leave()
        log.info("worker stopped", worker=self.id)

    def run_one(self) -> bool:
        """Make the next video; False when there was none."""
        claim = self._claim()
        if claim is None:
            return False
        self._carry_out(claim)
        return True

    def _turn(self) -> float:
        """One look at the queue, and what comes of it; seconds until the next look."""
        try:
            self.presence.note()
            self._rescue()
            if not self.queue.waits(self.models):
                return IDLE
            return 0.0 if self.run_one() else PASSED_OVER
        except UnavailableError as error:
            log.warning("no video can be claimed", worker=self.id, reason=str(error))
        except Exception as error:
            log.error("no video can be claimed", worker=self.id, exc_info=error)
        return TROUBLE

    def _rescue(self) -> None:
        every = min(self.service.lease / 3, 5.0)
        if time.monotonic() - self._rescued_at >= every:
            self._rescued_at = time.monotonic()
            self.queue.rescue()

    def _claim(self) -> Claim | None:
        with self.database.read() as session:
            promised = memory.promised(session, HOST, self.id)
        room = memory.available(self.service.memory_gb, promised)
        return self.queue.claim(self.id, self.models, room)

    def _carry_out(self, claim: Claim) -> None:
        """Make a claimed video, or end it with its reason."""
        started = time.monotonic()
        watch = Watch(
            self._stop,
            pulse=partial(self.presence.note, claim.id),
            stalled=partial(self._exit, STALLED),
            late=partial(self._exit, 0),
        )
        shares = self._shares.get(claim.request.model, FIRST_SHARES)
        tell = log.bind(video=claim.id, attempt=claim.attempt, worker=self.id)
        tell.info("video begun")
        with Hold(self.queue, claim, self.service, watch, shares) as hold:
            try:
                self._make(claim, hold)
            except LostError:
                tell.info("video lost: cancelled, or another's")
                self._discard(claim)
            except StopError:
                tell.info("video given back")
                self.queue.release(claim)
                self._discard(claim)
            except Exception as error:
                self._fail(claim, error)
            else:
                self._shares[claim.request.model] = hold.stages.finish()
                tell.info("video done", seconds=round(time.monotonic() - started, 3))
        gc.collect()  # frames that an error's traceback held

    def _make(self, claim: Claim, hold: Hold) -> None:
        """Materials in, frames, files, and the hand-over."""
        hold.step(0, 1, "load")
        self.presence.note(claim.id)
        materials = self.materials.load(claim.request)
        backend = open_backend(claim.request.model, self.settings)
        hold.step(1, 1, "load")
        generation = backend.generate(
            claim.request, hold.step, materials=materials, preview=hold.look
        )
        with self.materials.files(claim.request if self.signer else None) as sources:
            kept = artifacts.keep(
                generation,
                claim,
                self.storage,
                hold.step,
                hold.expect,
                self.marking,
                signer=self.signer,
                sources=sources,
                preview=hold.look,
            )
        spent = hold.stages.finish()
        record = generation.metadata.as_dict()
        record["signed"] = self.signer is not None
        record["seconds"] |= {stage: spent[stage] for stage in ("write", "upload")}
        if generation.is_drawn:
            record["seconds"]["draw"] = spent[MAKE]
        seen = origins.of(kept.seen, claim, self.marking)
        self._hand_over(claim, Made(kept.files, record, hold.peak.read(), seen))
        if generation.is_drawn:
            checkpoint.forget(self.storage, claim.id)

    def _hand_over(self, claim: Claim, made: Made) -> None:
        """Complete the video, and again for the time of a lease when the database is away."""
        for wait in _waits(self.service.lease):
            try:
                self.queue.complete(claim, made)
                return
            except UnavailableError as error:
                if wait is None:
                    raise
                log.warning("video not handed over yet", video=claim.id, reason=str(error))
                time.sleep(wait)

    def _delivered(self, claim: Claim) -> bool:
        """Whether this very attempt was completed.

        When the answer to a hand-over is cut off, the queue says at the next that the video is
        lost, as it would had another finished it: only the row tells.
        """
        mine = (Video.id == claim.id, Video.attempt == claim.attempt, Video.state == COMPLETED)
        with self.database.read() as session:
            return session.scalars(select(Video.id).where(*mine)).first() is not None

    def _fail(self, claim: Claim, error: Exception) -> None:
        """End the video with its reason, or let it be tried once more."""
        code, again = _code(error)
        message = str(error)
        if code == "out_of_memory":
            if not isinstance(error, MemoryFullError):
                message = f"there is not enough memory for {_asked(claim)}"
            room = memory.capacity(self.service.memory_gb)
            message += f"; a worker here may use {room / 1e9:.1f} GB"
        elif code == "server_error":
            message = "Something went wrong while this video was made; it is not your request."
        log.error(
            "video failed",
            video=claim.id,
            code=code,
            again=again,
            exc_info=error if code == "server_error" else None,
            reason=str(error),
        )
        try:
            self.queue.fail(claim, code, message, again=again)
        except LostError:
            log.info("the failed video was lost before", video=claim.id)
        except UnavailableError as trouble:  # its lease will run out
            log.warning("the failure is not told", video=claim.id, reason=str(trouble))
        self._discard(claim)

    def _discard(self, claim: Claim) -> None:
        """Delete the files of an attempt that came to nothing; the rest goes with the video."""
        try:
            if not self._delivered(claim):
                self.storage.delete(claim.prefix)
        except (StorageError, UnavailableError) as error:
            log.warning("files are left", video=claim.id, reason=str(error))

    def _exit(self, code: int) -> None:
        if self._leave:
            with suppress(UnavailableError):
                self.presence.leave()
            self._leave(code)


def _waits(seconds: float) -> Iterator[float | None]:
    """Pauses that double, of so many seconds in all, then None."""
    pause, left = 0.1, seconds
    while left > 0:
        yield min(pause, left)
        left -= pause
        pause *= 2
    yield None


def _code(error: Exception) -> tuple[str, bool]:
    """Code of an error, and whether another try is worth it."""
    if _is_memory(error):
        return CODES[MemoryError]
    return next(code for kind, code in CODES.items() if isinstance(error, kind))


def _is_memory(error: BaseException | None) -> bool:
    """Whether there was not enough memory, also where a library says so in its own words."""
    while error is not None:
        if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
            return True
        error = error.__cause__
    return False


def _asked(claim: Claim) -> str:
    request = claim.request
    times = f", {request.variations} times" if request.variations > 1 else ""
    return f"{request.width}x{request.height}, {request.frames:,} frames{times}"
