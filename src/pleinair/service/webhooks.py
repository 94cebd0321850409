"""Webhooks: the courier, who tells endpoints of events.

A delivery is tried until the endpoint answers with 2xx, so that it arrives at least once; its id
is the same every time. A courier leases what it takes: if it dies, the lease ends and the next one
takes it; no transaction is open while a letter is on its way.
"""

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass

import httpx
import structlog
from sqlalchemy import select, update

from pleinair.errors import InputError
from pleinair.service.db import Database, now
from pleinair.service.endpoints import (
    DELETED,
    DELIVERED,
    GIVEN_UP,
    PENDING,
    Endpoints,
    Letter,
    message,
)
from pleinair.service.fetch import Guard, client, told
from pleinair.service.tables import Delivery, Endpoint, Event

__all__ = ["Courier", "Endpoints", "Pace"]

log = structlog.get_logger()


@dataclass(frozen=True)
class Pace:
    """How a courier works; times in seconds.

    Attributes:
        first: wait after the first failure; it doubles with each further one.
        longest: wait at most.
        give_up: age of an event after which a failure is the last.
        lease: time that one try may take before another courier repeats it; longer than the
            time-outs of a connection and of a look-up together.
        poll: rest when nothing is due.
        hands: tries at once.
        each: of these to one endpoint, so that a slow one leaves hands to the others.
    """

    first: float = 5.0
    longest: float = 6 * 3600.0
    give_up: float = 72 * 3600.0
    lease: float = 120.0
    poll: float = 1.0
    hands: int = 16
    each: int = 2

    def wait(self, tries: int) -> float:
        """Seconds to wait after so many failed tries; chance keeps endpoints apart."""
        return min(self.first * 2.0 ** min(tries - 1, 60), self.longest) * random.uniform(0.8, 1.2)


@dataclass(frozen=True)
class Errand:
    """One try of a delivery, in a courier's hands until its lease ends."""

    endpoint_id: str
    tries: int
    created_at: float
    letter: Letter


class Courier:
    """Delivers what is due. Any number of couriers may work on one database.

    Args:
        database: where deliveries are.
        endpoints: sign for their endpoints.
        guard: decides where connections may go.
        pace: how it works.
    """

    def __init__(
        self, database: Database, endpoints: Endpoints, guard: Guard, pace: Pace | None = None
    ) -> None:
        self.database = database
        self.endpoints = endpoints
        self.pace = pace or Pace()
        self._http = client(guard, plain=False)
        self._underway: dict[threading.Thread, str] = {}
        self._lock = threading.Lock()
        self._freed = threading.Event()

    def run(self, stop: threading.Event) -> None:
        """Deliver until told to stop; no error ends it."""
        while not stop.is_set():
            started = 0
            try:
                started = self.step()
            except Exception as error:
                log.error("courier cannot work", exc_info=error)
            if not started:
                self._freed.wait(self.pace.poll)
            self._freed.clear()
        self.finish()

    def wake(self) -> None:
        """End a rest: to be called once it is told to stop."""
        self._freed.set()

    def finish(self, patience: float = 3.0) -> None:
        """Wait for what is underway; what does not end in time is repeated after its lease."""
        until = time.monotonic() + patience
        for thread in list(self._underway):
            thread.join(max(0.0, until - time.monotonic()))

    def step(self) -> int:
        """Take what is due, as far as hands are free, and set out; how many tries it was."""
        with self._lock:
            busy = Counter(self._underway.values())
        errands = self._take(busy)
        for errand in errands:
            thread = threading.Thread(target=self._go, args=(errand,), daemon=True)
            with self._lock:
                self._underway[thread] = errand.endpoint_id
            thread.start()
        return len(errands)

    def _take(self, busy: Counter[str]) -> list[Errand]:
        """Lease deliveries that are due: nobody else repeats them before the lease ends."""
        full = [name for name, count in busy.items() if count >= self.pace.each]
        free = self.pace.hands - busy.total()
        due = (
            select(Delivery, Event, Endpoint)
            .join(Event, Event.id == Delivery.event_id)
            .outerjoin(Endpoint, Endpoint.id == Delivery.endpoint_id)
            .where(Delivery.state == PENDING, Delivery.next_at <= now())
            .where(Delivery.endpoint_id.not_in(full))
            .order_by(Delivery.next_at)
            .limit(free)
        )
        with self.database.read() as session:  # most looks find nothing and should lock nobody
            if free < 1 or session.execute(due).first() is None:
                return []
        errands = []
        with self.database.write() as session:
            time = session.scalars(select(now())).one()
            rows = session.execute(due.with_for_update(of=Delivery, skip_locked=True))
            for delivery, event, endpoint in rows:
                if endpoint is None:
                    delivery.state, delivery.last = GIVEN_UP, DELETED
                elif busy[endpoint.id] < self.pace.each:
                    busy[endpoint.id] += 1
                    delivery.tries += 1
                    delivery.next_at = time + self.pace.lease
                    errands.append(self._errand(delivery, event, endpoint, time))
        return errands

    def _errand(self, delivery: Delivery, event: Event, endpoint: Endpoint, time: float) -> Errand:
        body = message(event.id, event.type, event.video_id, event.created_at)
        signers = self.endpoints.secrets_of(endpoint, time)
        letter = Letter(event.id, endpoint.url, body, signers)
        return Errand(endpoint.id, delivery.tries, event.created_at, letter)

    def _go(self, errand: Errand) -> None:
        try:
            self._settle(errand, *self._try(errand))
        except Exception as error:
            log.error("delivery cannot be settled", event_id=errand.letter.event_id, exc_info=error)
        finally:
            with self._lock:
                del self._underway[threading.current_thread()]
            self._freed.set()

    def _try(self, errand: Errand) -> tuple[bool, str]:
        """Whether it was accepted, and how it ended in words."""
        try:
            status = errand.letter.send(self._http)
        except (InputError, httpx.HTTPError, httpx.InvalidURL) as error:
            return False, told(error)
        return 200 <= status < 300, f"HTTP {status}"

    def _settle(self, errand: Errand, accepted: bool, told: str) -> None:
        mine = update(Delivery).where(
            Delivery.event_id == errand.letter.event_id,
            Delivery.endpoint_id == errand.endpoint_id,
            Delivery.state == PENDING,
        )
        with self.database.write() as session:
            if accepted:
                session.execute(mine.values(state=DELIVERED, last=told))
                return
            time = session.scalars(select(now())).one()
            last = errand.created_at + self.pace.give_up
            later = min(time + self.pace.wait(errand.tries), last)
            state = GIVEN_UP if time >= last else PENDING
            # The fence: a try whose lease ended says nothing of the one that follows it.
            mine = mine.where(Delivery.tries == errand.tries)
            session.execute(mine.values(state=state, next_at=later, last=told))
        log.warning(
            "webhook not delivered",
            event_id=errand.letter.event_id,
            endpoint=errand.endpoint_id,
            tries=errand.tries,
            told=told,
            given_up=state == GIVEN_UP,
        )
