"""Couriers in processes of their own, killed and paused while they carry letters."""

import multiprocessing
import os
import random
import signal
import threading
import time
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.process import BaseProcess

import structlog
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from pleinair.service.db import Database
from pleinair.service.endpoints import Endpoints
from pleinair.service.fetch import Guard
from pleinair.service.outbox import record
from pleinair.service.tables import Delivery
from pleinair.service.webhooks import Courier, Errand, Pace
from tests.service.receiver import LOOPBACK, Got, Reply, listen

SECRET = b"the server's secret"
GUARD = Guard(LOOPBACK)
PACE = Pace(first=0.05, longest=0.2, lease=0.5, poll=0.02, hands=8, each=8)
COURIERS = 2
BATCH = 50  # events between two blows
PAUSES = 0.2  # of all blows; the others kill
FAILING = 0.3  # of all requests
LIMIT = 120.0  # seconds after which what has not arrived counts as undelivered
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.promises.chaos", "tests.promises.couriers"])


class Careless(Courier):
    """Notes a letter as delivered before it goes out: the mistake that the order prevents."""

    def _try(self, errand: Errand) -> tuple[bool, str]:
        self._settle(errand, True, "surely")
        return super()._try(errand)


def work(url: str, careless: bool) -> None:
    """A courier's whole life in its process; only a signal ends it."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    database = Database(url)
    kind = Careless if careless else Courier
    kind(database, Endpoints(database, SECRET, GUARD), GUARD, PACE).run(threading.Event())


class Sink:
    """A receiver that checks signatures, fails at random, and may take a letter but not say so."""

    def __init__(self, secret: str, seed: int) -> None:
        self.secret = secret
        self.rng = random.Random(seed)
        self.lock = threading.Lock()
        self.requests = 0
        self.refused = 0  # for their signature
        self.ids: dict[str, set[str]] = defaultdict(set)  # webhook ids of each video
        self.taken: dict[str, int] = defaultdict(int)  # how often each video was taken

    def __call__(self, got: Got) -> Reply:
        """Take a letter, or not."""
        with self.lock:
            self.requests += 1
            try:
                event = Webhook(self.secret).verify(got.body, dict(got.headers))
            except WebhookVerificationError:
                self.refused += 1
                return Reply(401)
            video = event["data"]["id"]
            self.ids[video].add(got.headers["webhook-id"])
            self.ids[video].add(event["id"])
            if self.rng.random() >= FAILING:
                self.taken[video] += 1
                return Reply(204)
            reply = self.rng.choice(
                [Reply(500), Reply(429), Reply(302, {"location": "/"}), Reply(0)]
            )
            if not reply.status:  # the answer is lost, not the letter
                self.taken[video] += 1
            return reply


@dataclass(frozen=True)
class Outcome:
    """What became of the events."""

    events: int
    kills: int
    pauses: int
    requests: int
    undelivered: int
    again: int
    other_id: int
    refused: int
    unsettled: int


def run(url: str, seed: int, events: int, *, careless: bool = False) -> Outcome:
    """Let couriers deliver events while they are killed and paused at random moments."""
    rng = random.Random(seed)
    sink = Sink("", seed)
    with closing(Database(url)) as database, listen(sink) as receiver:
        database.migrate()
        endpoints = Endpoints(database, SECRET, GUARD)
        _, sink.secret = endpoints.create("ann", "sink", receiver.url, ["video.completed"])
        crew = [_hire(url, careless) for _ in range(COURIERS)]
        kills = pauses = 0
        for first in range(0, events, BATCH):
            with database.write() as session:
                for number in range(first, min(first + BATCH, events)):
                    record(session, "ann", "video.completed", f"video_{number}")
            _wait(database, rng.randrange(BATCH), seconds=LIMIT / 20)  # a blow at any moment
            chosen = rng.randrange(COURIERS)
            if rng.random() < PAUSES:
                pauses += 1
                _pause(crew[chosen], PACE.lease * 1.2)
            else:
                kills += 1
                _end(crew[chosen])
                crew[chosen] = _hire(url, careless)
        _wait(database, 0, seconds=LIMIT)
        for process in crew:
            _end(process)
        unsettled = _pending(database)
    return Outcome(
        events=events,
        kills=kills,
        pauses=pauses,
        requests=sink.requests,
        undelivered=events - len(sink.taken),
        again=sum(times - 1 for times in sink.taken.values()),
        other_id=sum(len(ids) > 1 for ids in sink.ids.values()),
        refused=sink.refused,
        unsettled=unsettled,
    )


def _hire(url: str, careless: bool) -> BaseProcess:
    process = _CONTEXT.Process(target=work, args=(url, careless), daemon=True)
    process.start()
    return process


def _end(process: BaseProcess) -> None:
    process.kill()
    process.join()


def _pause(process: BaseProcess, seconds: float) -> None:
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(process.pid, signal.SIGCONT)


def _wait(database: Database, left: int, seconds: float) -> None:
    """Wait until no more than that many deliveries are pending, or the time is over."""
    until = time.monotonic() + seconds
    while _pending(database) > left and time.monotonic() < until:
        time.sleep(0.01)


def _pending(database: Database) -> int:
    with database.read() as session:
        return session.query(Delivery).filter(Delivery.state == "pending").count()
