"""One video made by several processes: a pool of ranks behind the door of a single model."""

import atexit
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, cast

from pleinair.backends.base import Generation, Materials, Preview, Progress
from pleinair.backends.rank import Order, Place
from pleinair.errors import ModelError
from pleinair.media.frames import Frames
from pleinair.request import VideoRequest
from pleinair.settings import Settings

_LAST = 2.0  # seconds in which a rank that died is found, after others said what that did to them


@dataclass(frozen=True, eq=False)
class Member:
    """A rank's process and the line to it."""

    rank: int
    process: subprocess.Popen[bytes]
    line: Connection

    @classmethod
    def start(cls, place: Place) -> "Member":
        """Start a rank; it loads the model by itself."""
        ours, theirs = Pipe()
        process = subprocess.Popen(
            [sys.executable, "-m", "pleinair.backends.rank", str(theirs.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,  # ours may be read by a program
            pass_fds=(theirs.fileno(),),
            env={"OMP_WAIT_POLICY": "PASSIVE", **os.environ},
        )
        theirs.close()
        member = cls(place.rank, process, ours)
        member.line.send(place)
        return member

    def end(self) -> None:
        """End the process at once."""
        self.process.kill()
        self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()
        self.line.close()


class Ranks:
    """A model whose every video is made by several ranks, which stay warm between requests.

    Rank i takes GPU i, or all are on the processor. What ``progress`` raises ends the work on
    all ranks, which are then ready for the next request; after any error they are started anew.
    Previews are those of the first rank.
    Sharing itself is `pleinair.diffusion.model.parallel.spread`.

    Args:
        model: id of a model.
        settings: where and how fast it runs; ``parallel`` says how it is shared.

    Raises:
        InputError: it cannot be shared like this.
        ModelError: it cannot be loaded.
    """

    def __init__(self, model: str, settings: Settings) -> None:
        self.id = model
        self.settings = settings
        self.sizes: tuple[tuple[int, int], ...] = ()
        self.fps = 0
        self.members: list[Member] = []
        self._folder: tempfile.TemporaryDirectory[str] | None = None  # where the ranks meet
        self._turn = threading.Lock()
        atexit.register(self.close)
        self._open()

    def generate(
        self,
        request: VideoRequest,
        progress: Progress | None = None,
        *,
        materials: Materials | None = None,
        preview: Preview | None = None,
    ) -> Generation:
        """Make the videos on all ranks.

        Raises:
            InputError: the model cannot do what was asked for.
            ModelError: a material is missing, or a rank died.
            MemoryFullError: there is not enough memory.
        """
        with self._turn:
            if not self.members or any(m.process.poll() is not None for m in self.members):
                self._open()
            try:
                return _Work(self.members, progress, preview).make(request, materials)
            except _CancelledError as cancelled:
                raise cancelled.reason from None
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """End all ranks."""
        members, self.members = self.members, []
        for member in members:
            member.end()
        if self._folder:
            self._folder.cleanup()
            self._folder = None

    def _open(self) -> None:
        """Start the ranks and wait until they have met and loaded the model."""
        self.close()
        self._folder = tempfile.TemporaryDirectory(prefix="pleinair-ranks-")
        folder = Path(self._folder.name)
        try:
            for rank in range(self.settings.ranks):
                self.members.append(Member.start(Place(rank, folder, self.id, self.settings)))
            ready = _Work(self.members).hear(self.members)
        except BaseException:
            self.close()
            raise
        self.id, self.sizes, self.fps = ready[self.members[0]][1]


class _CancelledError(Exception):
    """All ranks have stopped because the caller wished it."""

    def __init__(self, reason: BaseException) -> None:
        super().__init__()
        self.reason = reason


class _Work:
    """One request, in rounds: each rank says how far it is, and all are told to go on or stop."""

    def __init__(
        self,
        members: list[Member],
        progress: Progress | None = None,
        preview: Preview | None = None,
    ) -> None:
        self.members, self.progress, self.preview = members, progress, preview
        self.trouble: BaseException | None = None  # what the caller raised

    def make(self, request: VideoRequest, materials: Materials | None) -> Generation:
        first, at_work = self.members[0], list(self.members)
        made: Any = None
        for member in at_work:
            self._tell(member, Order(request, materials, looks=self.preview is not None))
        while at_work:
            said = self.hear(at_work)
            if first in said:
                kind, made = said[first]
                if kind == "step" and self.progress:
                    self._ask(partial(self.progress, *made))
            at_work = [member for member in at_work if said[member][0] == "step"]
            for member in at_work:
                self._tell(member, self.trouble is None)
        if self.trouble is not None:
            raise _CancelledError(self.trouble)
        drawn = cast("Generation", made)
        device = f"{drawn.metadata.device}, {len(self.members)} ranks"
        return replace(drawn, metadata=replace(drawn.metadata, device=device))

    def hear(self, members: list[Member]) -> dict[Member, tuple[str, Any]]:
        """What each of them says next."""
        said: dict[Member, tuple[str, Any]] = {}
        while silent := {m.line: m for m in members if m not in said}:
            for line in wait(list(silent)):
                member = silent[cast("Connection", line)]
                kind, value = self._next(member)
                if kind == "look":
                    self._show(member)
                elif kind == "error":
                    raise value
                elif kind == "broken":
                    raise self._dead(_LAST) or ModelError(f"{self._name(member)}: {value}")
                else:
                    said[member] = kind, value
        return said

    def _next(self, member: Member) -> tuple[str, Any]:
        try:
            kind, value = member.line.recv()
        except (EOFError, OSError) as error:
            raise self._dead(_LAST) or ModelError(f"{self._name(member)} is gone") from error
        return kind, value

    def _tell(self, member: Member, what: object) -> None:
        try:
            member.line.send(what)
        except OSError as error:
            raise self._dead(_LAST) or ModelError(f"{self._name(member)} is gone") from error

    def _show(self, member: Member) -> None:
        """Offer the first rank's picture."""

        def look() -> Frames:
            self._tell(member, True)
            _, picture = self._next(member)
            if isinstance(picture, Exception):
                raise picture
            return cast("Frames", picture)

        if self.preview and self.trouble is None:
            self._ask(partial(self.preview, look))
        self._tell(member, False)

    def _ask(self, caller: Any) -> None:  # noqa: ANN401  # Callable[[], None]
        """Call the caller back; what that raises counts when all ranks are in step."""
        try:
            caller()
        except BaseException as error:
            self.trouble = error

    def _dead(self, seconds: float) -> ModelError | None:
        """The error of a rank that died, if one is found to have."""
        end = time.monotonic() + seconds
        while True:
            for member in self.members:
                code = member.process.poll()
                if code is not None:
                    how = f"by signal {-code}" if code < 0 else f"with code {code}"
                    name = self._name(member)
                    return ModelError(f"{name} ended {how}; the next request starts them anew")
            if time.monotonic() > end:
                return None
            time.sleep(0.05)

    def _name(self, member: Member) -> str:
        return f"rank {member.rank} of {len(self.members)}"
