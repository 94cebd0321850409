"""The policy of a programme: which videos a person looks at before they are public."""

from collections.abc import Sequence

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from pleinair.review.states import APPROVED, POLICY
from pleinair.service.programme_tables import Flag, Programme, Share


def uncleared(session: Session, video_id: str) -> Sequence[Flag]:
    """What checks found of a video and no person has looked at, the oldest first."""
    found = select(Flag).where(Flag.video_id == video_id, Flag.cleared_at.is_(None))
    return session.scalars(found.order_by(Flag.created_at, Flag.id)).all()


def is_held(session: Session, video_id: str) -> bool:
    """Whether nobody may have a video, its owner included."""
    held = select(Flag.id).where(Flag.video_id == video_id, Flag.hold, Flag.cleared_at.is_(None))
    return session.scalars(held.limit(1)).first() is not None


def needs_person(session: Session, programme: Programme, owner: str, video_id: str) -> bool:
    """Whether a person decides about a video that is to be shared.

    Args:
        session: of the transaction in which it is asked.
        programme: under whose policy.
        owner: of the video.
        video_id: which.
    """
    flags = uncleared(session, video_id)
    if any(flag.hold for flag in flags) or _had_person(session, owner, video_id):
        return True
    if programme.review == "none":
        return False
    if flags or programme.review == "all":
        return True
    return programme.review == "new" and _approved(session, owner) < programme.new_videos


def _had_person(session: Session, owner: str, video_id: str) -> bool:
    """Whether a person has stood against this video before: no policy goes over their head."""
    judged = and_(Share.decided_by.is_not(None), Share.decided_by != POLICY)
    stood = or_(
        and_(Share.withdrawn_by.is_not(None), Share.withdrawn_by != owner),
        and_(judged, Share.published_at.is_(None)),
    )
    found = select(Share.id).where(Share.video_id == video_id, stood)
    return session.scalars(found.limit(1)).first() is not None


def _approved(session: Session, owner: str) -> int:
    mine = select(func.count()).where(Share.owner == owner, Share.state == APPROVED)
    return session.scalars(mine.select_from(Share)).one()
