"""A worker's row: that it is there, with how much memory, and what it is at."""

import os
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import CursorResult, delete, update

from pleinair.service.db import Database, now
from pleinair.service.tables import Worker

HOST = socket.gethostname()


@dataclass(frozen=True)
class Card:
    """What a worker says of itself."""

    id: str
    models: Sequence[str]
    memory: int  # bytes that it may ever hold


class Presence:
    """Keeps the row of one worker fresh, and takes it away.

    Args:
        database: where the row is.
        card: what it says.
        every: seconds between two writes that say nothing new.
    """

    def __init__(self, database: Database, card: Card, every: float) -> None:
        self.database = database
        self.card = card
        self.every = every
        self._said: tuple[str | None, bool] | None = None
        self._at = 0.0

    def note(self, video_id: str | None = None, *, stopping: bool = False) -> None:
        """Say what it is at, if that is due."""
        saying = (video_id, stopping)
        if saying == self._said and time.monotonic() - self._at < self.every:
            return
        self._said, self._at = saying, time.monotonic()
        values = {"video_id": video_id, "stopping": stopping, "seen_at": now()}
        with self.database.write() as session:
            mine = update(Worker).where(Worker.id == self.card.id)
            result = session.execute(mine.values(pid=os.getpid(), host=HOST, **values))
            assert isinstance(result, CursorResult)
            if result.rowcount == 0:
                row = Worker(
                    id=self.card.id,
                    host=HOST,
                    pid=os.getpid(),
                    models=list(self.card.models),
                    memory=self.card.memory,
                    started_at=now(),
                    **values,
                )
                session.add(row)

    def leave(self) -> None:
        """Take the row away."""
        forget(self.database, self.card.id)
        self._said = None


def forget(database: Database, worker_id: str) -> None:
    """Take away the row of a worker that is gone."""
    with database.write() as session:
        session.execute(delete(Worker).where(Worker.id == worker_id))
