"""The states of a share, and how a share is found in the transaction that changes it.

::

    asked ──> approved ──> withdrawn
      ├─────> changes_asked ──> asked
      └─────> refused ──> appealed ──> approved, or refused for good

Its owner may also withdraw what is asked, sent back or appealed. A video has at most one share
that is not withdrawn; a new one after that has a new id, so that old addresses stay dead.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from pleinair.errors import InputError, NotFoundError
from pleinair.service.programme_tables import Share
from pleinair.service.tables import Video

ASKED, APPROVED, REFUSED = "asked", "approved", "refused"
CHANGES, APPEALED, WITHDRAWN = "changes_asked", "appealed", "withdrawn"
STATES = (ASKED, APPROVED, REFUSED, CHANGES, APPEALED, WITHDRAWN)
WAITING = (ASKED, APPEALED)
"""States in which the team is asked."""

POLICY = "policy"
"""Who decided where no person did."""

REASONS = (
    "likeness of a real person",
    "violence",
    "sexual content",
    "hate",
    "rights of others",
    "quality",
    "other",
)
MOST_WORDS = 2000


def current(session: Session, video_id: str) -> Share | None:
    """The share of a video that is not withdrawn, or the last that was."""
    found = (
        select(Share)
        .where(Share.video_id == video_id)
        .order_by(Share.state == WITHDRAWN, Share.asked_at.desc(), Share.id)
        .limit(1)
        .execution_options(populate_existing=True)
    )
    return session.scalars(found).first()


def locked(session: Session, share_id: str) -> tuple[Share, Video]:
    """A share and its video, neither of which anybody else changes before this transaction ends.

    Raises:
        NotFoundError: there is no such share.
    """
    found = session.get(Share, share_id)
    if found is None:
        raise NotFoundError(f"No share has the id {share_id!r}.")
    video = lock_video(session, found.video_id)
    return session.get_one(Share, share_id, populate_existing=True), video


def lock_video(session: Session, video_id: str) -> Video:
    """The video of a share: shares of it are asked for and changed one after the other."""
    row = select(Video).where(Video.id == video_id).with_for_update()
    return session.scalars(row.execution_options(populate_existing=True)).one()


def check_words(words: str, *, least: int = 0, field: str = "words") -> None:
    """Raise InputError unless words are of a length that people read."""
    if not least <= len(words.strip()) or len(words) > MOST_WORDS:
        raise InputError(field, words, f"{least:,} to {MOST_WORDS:,} characters")
