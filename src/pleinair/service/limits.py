"""What a server takes at most, of everybody and of one user."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pleinair.errors import BusyError
from pleinair.service.db import now
from pleinair.service.tables import QUEUED, Video
from pleinair.settings import ServiceSettings


@dataclass(frozen=True)
class Allowance:
    """Creates a minute, how many are left, seconds until one more is; all 0 without a limit."""

    limit: int = 0
    remaining: int = 0
    reset: float = 0.0


def check(session: Session, settings: ServiceSettings, owner: str) -> Allowance:
    """Raise BusyError when there is no room for one more create."""
    waiting = select(func.count()).select_from(Video).where(Video.state == QUEUED)
    if session.scalars(waiting).one() >= settings.max_queued:
        raise BusyError("the queue is full", retry_after=10)
    mine = session.scalars(waiting.where(Video.owner == owner)).one()
    if mine >= settings.max_queued_each:
        most = settings.max_queued_each
        raise BusyError(f"you have {mine} videos waiting; at most {most} may", 10)
    return rate(session, owner, settings.rate) if settings.rate else Allowance()


def rate(session: Session, owner: str, most: int, key_id: str | None = None) -> Allowance:
    """Raise BusyError when an owner has created as many videos in the last minute as they may.

    Args:
        session: of the transaction that creates one more.
        owner: whose videos count; those of batches do not.
        most: creates a minute.
        key_id: count only what came with this key.
    """
    recent = select(func.count(), func.min(Video.created_at)).where(
        Video.owner == owner, Video.created_at > now() - 60, Video.batch_id.is_(None)
    )
    if key_id is not None:
        recent = recent.where(Video.key_id == key_id)
    count, oldest = session.execute(recent).one()
    time = session.scalars(select(now())).one()
    reset = max(0.0, (oldest or time) + 60 - time)
    if count >= most:
        raise BusyError(f"at most {most} videos a minute; you asked for {count}", reset)
    return Allowance(most, most - count - 1, reset if count else 60.0)
