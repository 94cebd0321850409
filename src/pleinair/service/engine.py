"""Engines keep workers running: as processes of this machine here, on a cluster in `ray_engine`."""

import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from pleinair.errors import UnavailableError
from pleinair.service import presence
from pleinair.service.child import Plan
from pleinair.service.db import Database
from pleinair.service.queue import Queue
from pleinair.service.worker import STALLED
from pleinair.settings import ServiceSettings, Settings, processors

LAST = 2.0  # seconds after the grace in which a worker may end before it is killed
_LOOK = 0.05
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 30.0
_HEALTHY = 60.0  # seconds of life after which a death is not held against the next worker
log = structlog.get_logger()


class Engine(Protocol):
    """Keeps a number of workers running."""

    def start(self) -> None:
        """Start the workers; raises UnavailableError when that cannot be."""

    def stop(self) -> None:
        """Stop them: what they make is finished within the grace, or goes back into the queue."""

    def alive(self) -> int:
        """How many are running now."""


def share(settings: Settings, count: int) -> Settings:
    """The settings of each of several workers: unless told otherwise, they share the processors."""
    if settings.threads is not None or count < 2:
        return settings
    return replace(settings, threads=max(1, processors() // count))


@dataclass
class _Slot:
    """The place of one worker, whose processes come and go."""

    id: str
    process: subprocess.Popen[bytes] | None = None
    scratch: str = ""
    started: float = 0.0
    pause: float = _FIRST_PAUSE
    due: float = 0.0
    dead: bool = False  # its last process died, and the queue does not know yet


class LocalEngine:
    """Workers in processes of their own on this machine.

    One that dies is replaced, at once and then after longer and longer pauses; what it was making
    goes to another without waiting for its lease. When this process dies, they stop by themselves.

    Args:
        count: how many.
        settings: where and with what models run.
        service: settings of the service.
    """

    def __init__(self, count: int, settings: Settings, service: ServiceSettings) -> None:
        self.settings = share(settings, count)
        self.service = service
        self._name = f"{presence.HOST}-{os.getpid()}-{os.urandom(2).hex()}"
        self._slots = [_Slot(f"{self._name}-{i}") for i in range(count)]
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._supervise, name="engine", daemon=True)
        self._database: Database | None = None

    def start(self) -> None:
        """Start the processes and the thread that watches them."""
        self._database = Database(self.service.database_url)
        self._look_after()
        self._thread.start()

    def stop(self) -> None:
        """Tell all workers to stop, wait for the grace, and kill those that are still there."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        processes = [slot.process for slot in self._slots if slot.process]
        for process in processes:
            process.terminate()
        deadline = time.monotonic() + self.service.grace + LAST
        for slot in self._slots:
            if slot.process is None:
                continue
            try:
                slot.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("worker killed: it did not stop in time", worker=slot.id)
                slot.process.kill()
                slot.process.wait()
            self._bury(slot)
        if self._database:
            self._database.close()

    def alive(self) -> int:
        """How many processes are running now."""
        with self._lock:
            return sum(
                slot.process is not None and slot.process.poll() is None for slot in self._slots
            )

    def _supervise(self) -> None:
        while not self._stopping.wait(_LOOK):
            try:
                self._look_after()
            except Exception as error:  # whatever it is, workers need watching
                log.error("a worker cannot be started", exc_info=error)

    def _look_after(self) -> None:
        with self._lock:
            for slot in self._slots:
                if slot.process is not None and slot.process.poll() is not None:
                    self._bury(slot)
                if slot.process is None and time.monotonic() >= slot.due:
                    self._start(slot)

    def _start(self, slot: _Slot) -> None:
        if slot.dead:
            self._tell(slot)
        slot.due = time.monotonic() + slot.pause  # of the next, if this one cannot be started
        slot.scratch = tempfile.mkdtemp(prefix="pleinair-worker-")
        environment = {**os.environ, "TMPDIR": slot.scratch}
        process = subprocess.Popen(
            [sys.executable, "-m", "pleinair.service.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,  # what a terminal sends goes to us, and we tell them
        )
        assert process.stdin is not None
        slot.process, slot.started = process, time.monotonic()
        with suppress(BrokenPipeError):  # it died at once, which is seen at the next look
            pickle.dump(Plan(slot.id, self.settings, self.service), process.stdin)
            process.stdin.flush()  # and left open: its end is the end of this process

    def _bury(self, slot: _Slot) -> None:
        """Clear away what is left of a dead process."""
        process = slot.process
        assert process is not None
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.close()
        shutil.rmtree(slot.scratch, ignore_errors=True)
        slot.process, slot.dead = None, True
        if not self._stopping.is_set():
            lived = time.monotonic() - slot.started
            slot.pause = _FIRST_PAUSE if lived > _HEALTHY else min(2 * slot.pause, _LONGEST_PAUSE)
            slot.due = time.monotonic() + slot.pause
            reason = "its step loop hung" if process.returncode == STALLED else "it died"
            log.warning("worker replaced", worker=slot.id, reason=reason, code=process.returncode)
        self._tell(slot)

    def _tell(self, slot: _Slot) -> None:
        """Let the queue know that whatever this worker held is free."""
        assert self._database is not None
        queue = Queue.of(self._database, self.service)
        try:
            if queue.give_up(slot.id):
                queue.rescue()
            presence.forget(self._database, slot.id)
            slot.dead = False
        except UnavailableError as error:
            log.warning("a dead worker's videos wait", worker=slot.id, reason=str(error))
