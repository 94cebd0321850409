"""A drawn clip made by several processes, each a range of frames, the same bits as made by one.

A range is a segment of `pleinair.media.segments`. Whoever is free takes the next; when a process
dies, another draws its range again. Processes are those of this machine, or what `executor` says.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

from pleinair.backends.base import open_backend
from pleinair.backends.rank import told
from pleinair.errors import ModelError
from pleinair.media.clip import Mark
from pleinair.media.segments import path_of, segments_of, write_segments
from pleinair.request import MOST_SEED, VideoRequest
from pleinair.settings import Settings, processors

TRIES = 3
"""How many processes may die over one range."""
_LOOK = 0.2  # seconds between two signs of life


@dataclass(frozen=True)
class Range:
    """One segment to be drawn.

    Attributes:
        request: of the clip, in one variation.
        number: of the segment.
        mark: makes of frame i the frame that is encoded.
        settings: where it is drawn.
    """

    request: VideoRequest
    number: int
    mark: Mark | None
    settings: Settings

    def make(self) -> dict[str, bytes]:
        """Draw it here: the files of the segment by their suffix, the MP4 last."""
        backend = open_backend(self.request.model, self.settings)
        clip = backend.generate(self.request).clips[0]
        with tempfile.TemporaryDirectory(prefix="pleinair-range-") as folder:
            path = path_of(Path(folder), self.number)
            for _ in write_segments(Path(folder), clip, [self.number], self.request.fps, self.mark):
                pass
            paths = [path.with_suffix(suffix) for suffix in (".npz", ".mp4")]
            return {path.suffix: path.read_bytes() for path in paths}


class Executor(Protocol):
    """Makes ranges somewhere."""

    def submit(self, part: Range) -> "Future[dict[str, bytes]]":
        """Have a range made; its files come one day."""
        ...

    def close(self) -> None:
        """End what is still under way."""
        ...


class Processes:
    """Processes of this machine.

    Args:
        count: how many; each is started when it is first needed.
    """

    def __init__(self, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, "range")
        self._mine = threading.local()
        self._children: list[_Child] = []
        self._closed = False

    def submit(self, part: Range) -> "Future[dict[str, bytes]]":
        """Have a range made by the next process that is free."""
        return self._pool.submit(self._make, part)

    def close(self) -> None:
        """End all processes at once."""
        self._closed = True
        for child in self._children:
            child.kill()
        self._pool.shutdown(cancel_futures=True)

    def _make(self, part: Range) -> dict[str, bytes]:
        for _ in range(TRIES):
            child: _Child | None = getattr(self._mine, "child", None)
            if child is None:
                child = self._mine.child = _Child()
                self._children.append(child)
            try:
                return child.ask(part)
            except (EOFError, OSError):
                child.kill()
                self._mine.child = None
                if self._closed:
                    break
        raise ModelError(f"processes died {TRIES} times over frames of one range")


executor: Callable[[int], Executor] = Processes
"""Gives what makes the ranges of one clip, for a number of them at once."""


@dataclass(frozen=True)
class Ranges:
    """The `Elsewhere` of a clip.

    Attributes:
        request: whose clip it is.
        variation: which of them.
        settings: how many processes, and where they draw.
    """

    request: VideoRequest
    variation: int
    settings: Settings

    def __call__(self, folder: Path, missing: Sequence[int], mark: Mark | None) -> Iterator[int]:
        """Put segments into a folder; yields how many frames more are there."""
        seed = (self.request.seed + self.variation) % (MOST_SEED + 1)
        one = replace(self.request, seed=seed, variations=1)
        threads = self.settings.threads or max(1, processors() // self.settings.ranges)
        settings = replace(self.settings, parallel="off", threads=threads)
        parts = segments_of(self.request.frames)
        makers = executor(self.settings.ranges)
        try:
            waiting = {makers.submit(Range(one, n, mark, settings)): n for n in missing}
            while waiting:
                done, _ = wait(waiting, _LOOK, FIRST_COMPLETED)
                for future in done:
                    number = waiting.pop(future)
                    _put(path_of(folder, number), future.result())
                    yield len(parts[number])
                if not done:
                    yield 0
        finally:
            makers.close()


def _put(path: Path, files: dict[str, bytes]) -> None:
    """The files of a segment, each there whole or not at all, the MP4 last."""
    for suffix in sorted(files, reverse=True):
        scratch = path.with_suffix(".part")
        scratch.write_bytes(files[suffix])
        scratch.replace(path.with_suffix(suffix))


class _Child:
    """A process that makes ranges, and the line to it."""

    def __init__(self) -> None:
        self.line, theirs = Pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pleinair.backends.ranges", str(theirs.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,  # ours may be read by a program
            pass_fds=(theirs.fileno(),),
        )
        theirs.close()

    def ask(self, part: Range) -> dict[str, bytes]:
        """What it makes of a range; raises its error, or EOFError or OSError if it died."""
        self.line.send(part)
        answer: dict[str, bytes] | Exception = self.line.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()


def main() -> None:
    """Make what comes over the line until it ends; so does this process when its parent dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who gives orders decides
    line = Connection(int(sys.argv[1]))
    threading.Thread(target=_watch_parent, name="parent", daemon=True).start()
    while True:
        try:
            part: Range = line.recv()
        except (EOFError, OSError):
            os._exit(0)
        try:
            line.send(part.make())
        except Exception as error:
            line.send(told(error))


def _watch_parent() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
