"""Upkeep of shares: reminds the team, and takes away what is no longer public.

It decides nothing. That a share is past due is told once; what is withdrawn or deleted is served
no more long before this comes round, as every request asks the database.
"""

import time
from collections.abc import Callable

from sqlalchemy import CursorResult, select, update

from pleinair.access.notices import tell
from pleinair.review.publisher import Publisher
from pleinair.review.states import REFUSED, WAITING, WITHDRAWN, locked
from pleinair.service.db import Database, now
from pleinair.service.programme_tables import Share
from pleinair.service.tables import Video

LOOK_EVERY = 20.0
SWEEP_EVERY = 3600.0
_AT_ONCE = 100


class Upkeep:
    """A chore of the housekeeper.

    Args:
        database: of the shares.
        publisher: of their public copies.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        database: Database,
        publisher: Publisher,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.database = database
        self.publisher = publisher
        self.clock = clock
        self._looked = self._swept = float("-inf")

    def __call__(self) -> None:
        """Do what is due; most times nothing."""
        moment = self.clock()
        if moment >= self._looked + LOOK_EVERY:
            self._looked = moment
            self.remind()
            self.follow()
        if moment >= self._swept + SWEEP_EVERY:
            self._swept = moment
            self.publisher.sweep()

    def remind(self) -> int:
        """Tell the team of shares that are past due, once each; how many."""
        late = (Share.state.in_(WAITING), Share.due_at < now(), Share.reminded_at.is_(None))
        with self.database.read() as session:
            ids = session.scalars(select(Share.id).where(*late).limit(_AT_ONCE)).all()
        if not ids:
            return 0
        told = 0
        with self.database.write() as session:
            for share_id in ids:
                this = update(Share).where(Share.id == share_id, *late)
                result = session.execute(this.values(reminded_at=now()))
                assert isinstance(result, CursorResult)
                if result.rowcount:
                    text = "A video has waited for a decision longer than promised."
                    tell(session, None, "review.overdue", text, share_id)
                    told += 1
        return told

    def follow(self) -> int:
        """Withdraw the shares of videos that their owners deleted; how many.

        A refusal stays one: the video may come back, and asking anew does not change it.
        """
        gone = (
            select(Share.id)
            .join(Video, Video.id == Share.video_id)
            .where(Share.state.not_in((REFUSED, WITHDRAWN)), Video.deleted_at.is_not(None))
        )
        with self.database.read() as session:
            ids = session.scalars(gone.limit(_AT_ONCE)).all()
        for share_id in ids:
            with self.database.write() as session:
                share, _ = locked(session, share_id)
                if share.state not in (REFUSED, WITHDRAWN):
                    self.publisher.remove(session, share, share.owner)
            self.publisher.clear(share_id)
        return len(ids)
