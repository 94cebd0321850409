"""A worker's own process: what `LocalEngine` starts, as ``python -m pleinair.service.child``.

It reads a plan from its standard input, so that nothing of it shows in a list of processes. The
input stays open for as long as whoever started it lives; its end is the signal to stop.
"""

import os
import pickle
import signal
import sys
import threading
from dataclasses import dataclass

from pleinair.service import log, memory
from pleinair.service.worker import Worker
from pleinair.settings import ServiceSettings, Settings


@dataclass(frozen=True)
class Plan:
    """What a child needs to know."""

    id: str
    settings: Settings
    service: ServiceSettings


def work(settings: Settings, service: ServiceSettings, id: str | None = None) -> None:
    """Be a worker in this process until it is told to stop."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    memory.limit_process(service.memory_gb)
    Worker(settings, service, id=id, leave=os._exit).run(stop)


def main() -> None:
    """Read the plan and work."""
    log.configure()
    plan: Plan = pickle.load(sys.stdin.buffer)  # from our parent and nobody else
    threading.Thread(target=_watch_parent, name="parent", daemon=True).start()
    work(plan.settings, plan.service, plan.id)
    os._exit(0)  # all is done and written; libraries would take a second to take leave


def _watch_parent() -> None:
    while os.read(sys.stdin.fileno(), 1024):  # not through the buffer, which an end would wait for
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
