"""One rank's own process: what `Ranks` starts, as ``python -m pleinair.backends.rank FD``.

It is told everything over the connection FD. Its standard input stays open for as long as whoever
started it lives; the end of it ends the rank, whatever it does.
"""

import os
import signal
import sys
import threading
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pleinair.backends.base import MODELS, Backend, Materials
from pleinair.errors import ModelError, PleinairError
from pleinair.media.frames import Frames
from pleinair.request import VideoRequest
from pleinair.settings import Settings


@dataclass(frozen=True)
class Place:
    """What a rank needs to know: which it is, where the ranks meet, and what they run."""

    rank: int
    folder: Path
    model: str
    settings: Settings


@dataclass(frozen=True)
class Order:
    """What all ranks make together; the first is also asked for previews if ``looks``."""

    request: VideoRequest
    materials: Materials | None
    looks: bool


class StopError(Exception):
    """The video is not wanted any more."""


class EnoughError(Exception):
    """The rest is done by the first rank alone."""


def open_share(place: Place) -> Backend:
    """The model of a rank, with its work shared out.

    Raises:
        InputError: it cannot be shared like this.
        ModelError: it cannot be loaded, or knows no sharing.
    """
    from pleinair.backends.device import device_of
    from pleinair.diffusion.model.parallel import join, spread
    from pleinair.diffusion.model.pipeline import Pipeline

    settings, count = place.settings, place.settings.ranks
    gpu = device_of(settings.device) != "cpu"
    join(place.rank, count, place.folder, gpu=gpu)
    threads = settings.threads
    if threads is None and not gpu:
        threads = max(1, (os.cpu_count() or 1) // count)
    backend = MODELS[place.model].open(replace(settings, parallel="off", threads=threads))
    pipeline = getattr(backend, "pipeline", None)
    if not isinstance(pipeline, Pipeline):
        raise ModelError(f"{place.model} cannot be made by several ranks")
    spread(pipeline, settings.parallel.partition(":")[0])
    return backend


class _Rank:
    """Makes its part of each order, in step with the others."""

    def __init__(self, line: Connection, place: Place) -> None:
        self.line, self.first = line, place.rank == 0
        self.backend = open_share(place)

    def make(self, order: Order) -> tuple[str, object]:
        """How it ended, and the videos if this is the first rank."""
        try:
            made = self.backend.generate(
                order.request,
                self._step,
                materials=order.materials,
                preview=self._preview if order.looks and self.first else None,
            )
        except EnoughError:
            return "made", None
        except StopError:
            return "stopped", None
        return "made", made if self.first else None

    def _step(self, done: int, total: int, stage: str) -> None:
        if not self.first and stage in ("decode", "deliver"):
            raise EnoughError
        self.line.send(("step", (done, total, stage)))
        if not self.line.recv():
            raise StopError

    def _preview(self, look: Any) -> None:  # noqa: ANN401  # Callable[[], Frames]
        self.line.send(("look", None))
        while self.line.recv():
            picture: Frames | PleinairError
            try:
                picture = look()
            except Exception as error:
                picture = told(error)
            self.line.send(("picture", picture))


def told(error: Exception) -> PleinairError:
    """An error as another process can read it."""
    if isinstance(error, PleinairError):
        return error
    return ModelError(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")


def main() -> None:
    """Read the place, and take orders until the line ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who gives orders decides
    threading.Thread(target=_watch_parent, name="parent", daemon=True).start()
    line = Connection(int(sys.argv[1]))
    try:
        place: Place = line.recv()
        rank = _Rank(line, place)
        line.send(("ready", (rank.backend.id, rank.backend.sizes, rank.backend.fps)))
        while True:
            line.send(rank.make(line.recv()))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass
    except Exception as error:
        own = isinstance(error, PleinairError)
        line.send(("error" if own else "broken", told(error)))
        threading.Event().wait()  # so that a rank that ends is one that died
    os._exit(0)  # others may be gone already, whom taking leave would wait for


def _watch_parent() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
