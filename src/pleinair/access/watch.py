"""The watch: sees every request that comes with a key, and acts when one is in other hands.

What is decided is decided at once and in memory: a request costs the watch no read and no write of
the database, but for the first of a key since this process began. Habits are kept every
`FLUSH_EVERY` seconds, those that changed, together with when each key was last used; what is lost
when a process dies is so much of a habit and no more.

The time here is this process's own: the database's would cost a read for every request, and
habits are about minutes and hours.
"""

import re
import threading
import time
from collections.abc import Callable, Mapping
from contextvars import Context
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pleinair.access.actor import Actor, acting
from pleinair.access.habits import Habit
from pleinair.access.incidents import REASON, Incidents
from pleinair.access.leaks import Observation, Score, Trace
from pleinair.errors import StoppedKeyError
from pleinair.service.db import Database
from pleinair.service.limits import Allowance
from pleinair.service.programme_tables import Habit as HabitRow
from pleinair.service.programme_tables import Key
from pleinair.service.tables import Video

if TYPE_CHECKING:
    from pleinair.service.videos import Draft

FLUSH_EVERY = 10.0
MOST_KEYS = 20_000
"""Keys in memory; those not used for longest leave it, and are read again when they return."""

DECOY_EVERY = 60.0
"""Seconds between two notes of the same decoy: whoever has one must not keep the server busy."""

_AT_ONCE = 100
_SYSTEMS = ("windows", "macos", "mac os x", "iphone", "ipad", "android", "linux")
_BROWSERS = ("edg/", "firefox/", "chrome/", "safari/")  # each claims to be those after it
log = structlog.get_logger()


@dataclass
class Watched:
    """A key in memory.

    Attributes:
        trace: its habit and what it did of late.
        used_at: its last request, seconds since 1970.
        step: what was done about it: nothing, limited, or stopped.
        dirty: whether it was used since its habit was kept.
        saved_at: `updated_at` of its row when this process last read or wrote it.
    """

    trace: Trace
    used_at: float = 0.0
    step: str = ""
    dirty: bool = False
    saved_at: float = 0.0


class Watch:
    """The watch over all keys; also a gate, which sees prompts and stops nobody.

    Args:
        database: where habits are kept.
        incidents: what acts.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        incidents: Incidents,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.database = database
        self.incidents = incidents
        self.clock = clock
        self._watched: dict[str, Watched] = {}
        self._decoys: dict[str, float] = {}
        self._lock = threading.Lock()
        self._flushed = clock()

    def see(self, actor: Actor, network: str, headers: Mapping[str, str]) -> None:
        """Take in a request before it is let in.

        Args:
            actor: who sent it; only keys are watched.
            network: where it came from.
            headers: what it says of itself.

        Raises:
            StoppedKeyError: with this request the key is stopped.
        """
        if actor.key_id is None:
            return
        try:
            if actor.via == "decoy":
                self._decoy(actor.key_id, network)
                return
            step = self._judge(actor.key_id, network, client_of(headers))
        except Exception as error:  # it watches the way; it must never stand in it
            log.error("the watch over keys failed", key=actor.key_id, exc_info=error)
            return
        if step == "stopped":
            raise StoppedKeyError(f"This API key was stopped: {REASON}.")

    def enter(self, session: Session, draft: "Draft", video: Video) -> Allowance | None:
        """See the prompt of a create; what follows from it is decided at the next request."""
        watched = self._watched.get(acting.get().key_id or "")
        if watched is not None:
            with self._lock:
                watched.trace.prompt(self.clock(), draft.request.prompt)
        return None

    def leave(self, session: Session, video: Video) -> None:
        """Nothing stands against it."""

    def tick(self) -> None:
        """Keep the habits that changed, if it is time; a chore of the housekeeper."""
        if self.clock() - self._flushed >= FLUSH_EVERY:
            self.flush()

    def flush(self) -> None:
        """Keep the habits that changed, and when keys were last used, now."""
        self._flushed = self.clock()
        with self._lock:
            due = [key for key, watched in self._watched.items() if watched.dirty or watched.step]
        for first in range(0, len(due), _AT_ONCE):
            try:
                self._keep(due[first : first + _AT_ONCE])
            except IntegrityError:  # another process wrote a first habit in this moment
                log.info("habits are kept at the next time")
        self._forget()

    def _judge(self, key_id: str, network: str, client: str) -> str:
        """See a request, act on it, and say what the key is now: nothing, limited or stopped."""
        watched = self._watched.get(key_id) or self._load(key_id)
        with self._lock:
            if watched.step == "stopped":
                return watched.step
            at = self.clock()
            watched.used_at, watched.dirty = at, True
            score = watched.trace.see(Observation(at, network, client))
            before, watched.step = watched.step, score.step(watched.step)
            step = watched.step
        if step != before:
            self._act(key_id, watched, before, score)
        return step

    def _act(self, key_id: str, watched: Watched, before: str, score: Score) -> None:
        """Have a step taken, in a context that knows nothing of the request."""
        act = self.incidents.stop if watched.step == "stopped" else self.incidents.limit
        try:
            Context().run(act, key_id, score)
        except Exception:
            with self._lock:
                watched.step = before  # the next request tries again
            raise

    def _decoy(self, key_id: str, network: str) -> None:
        with self._lock:
            at = self.clock()
            if at - self._decoys.get(key_id, 0.0) < DECOY_EVERY:
                return
            self._decoys[key_id] = at
        Context().run(self.incidents.decoy, key_id, network)

    def _load(self, key_id: str) -> Watched:
        with self.database.read() as session:
            row = session.get(HabitRow, key_id)
            state = session.scalars(select(Key.state).where(Key.id == key_id)).one()
        habit = Habit.from_json(row.habit) if row else Habit()
        step = state if state in ("limited", "stopped") else ""
        found = Watched(Trace(habit), step=step, saved_at=row.updated_at if row else 0.0)
        with self._lock:
            return self._watched.setdefault(key_id, found)

    def _keep(self, key_ids: list[str]) -> None:
        """Bring rows and memory together: what other processes saw, and what people decided."""
        with self.database.write() as session:
            rows = {
                row.key_id: row
                for row in session.scalars(
                    select(HabitRow).where(HabitRow.key_id.in_(key_ids)).with_for_update()
                )
            }
            keys = session.scalars(select(Key).where(Key.id.in_(key_ids)))
            states = {key.id: key.state for key in keys}
            at = self.clock()
            for key_id in key_ids:
                with self._lock:
                    watched = self._watched[key_id]
                    row = rows.get(key_id)
                    if row is not None and row.updated_at != watched.saved_at:
                        watched.trace.habit.merge(Habit.from_json(row.habit))
                    habit = watched.trace.habit.as_json()
                    state = states.get(key_id, "stopped")
                    watched.step = "" if state == "active" else watched.step
                    watched.dirty, watched.saved_at = False, at
                if row is None:
                    session.add(HabitRow(key_id=key_id, habit=habit, updated_at=at))
                else:
                    row.habit, row.updated_at = habit, at
                session.execute(
                    update(Key)
                    .where(
                        Key.id == key_id,
                        or_(Key.used_at.is_(None), Key.used_at < watched.used_at),
                    )
                    .values(used_at=watched.used_at)
                )

    def _forget(self) -> None:
        """Let go of keys that have ended, and of those not used for longest if there are many."""
        with self._lock:
            for key_id in [key for key, found in self._watched.items() if found.step == "stopped"]:
                if not self._watched[key_id].dirty:
                    del self._watched[key_id]
            if len(self._watched) > MOST_KEYS:
                oldest = sorted(self._watched, key=lambda key: self._watched[key].used_at)
                for key_id in oldest[: len(oldest) - MOST_KEYS]:
                    if not self._watched[key_id].dirty:
                        del self._watched[key_id]


def client_of(headers: Mapping[str, str]) -> str:
    """A short name of the program that sends a request: its library, system and runtime.

    Versions are left out, because updates are no strangers.
    """
    agent = headers.get("user-agent", "")[:200].lower()
    library = next((mark.strip("/") for mark in _BROWSERS if mark in agent), "")
    if not library:
        library = re.split(r"[/\s]", agent, maxsplit=1)[0][:30] or "unnamed"
    system = headers.get("x-stainless-os", "").lower() or next(
        (name for name in _SYSTEMS if name in agent), ""
    )
    runtime = headers.get("x-stainless-runtime", "").lower()
    return "/".join(part[:30] for part in (library, system, runtime) if part)
