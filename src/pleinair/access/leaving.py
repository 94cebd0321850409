"""Leaving: a member goes, and nothing is kept of them but what the books and the audit say.

It is one transaction. What ends in it can no longer be had; files follow with the next tidying.
"""

from sqlalchemy import case, delete, select, update
from sqlalchemy.orm import Session

from pleinair.access import members
from pleinair.access.actor import Actor
from pleinair.access.money import show
from pleinair.access.notices import tell
from pleinair.access.powers import Powers
from pleinair.service import books
from pleinair.service.board_tables import Board
from pleinair.service.db import now
from pleinair.service.feeder import CANCELLING, OPEN
from pleinair.service.programme_tables import (
    Invitation,
    Member,
    Notice,
    Publication,
    Reservation,
    Share,
    SignIn,
)
from pleinair.service.tables import (
    ACTIVE,
    CANCELLED,
    Artifact,
    Batch,
    Character,
    Endpoint,
    File,
    Preview,
    Video,
)

LEFT = "left"
WITHDRAWN = "withdrawn"
_NEVER_PUBLIC = ("refused", WITHDRAWN)


def leave(powers: Powers, actor: Actor) -> Member:
    """Let a member go: access ends, videos and what was uploaded are deleted, shares withdrawn.

    What they are owed stays owed, under their id alone.

    Raises:
        ConflictError: nobody would be left to administer.
    """
    with powers.act(actor, "members.leave", actor.id) as act:
        session = act.session
        member = members.get(session, actor.id)
        members.keep_an_administrator(session, member)
        members.shut_out(session, member.id)
        _end_shares(session, member.id)
        _end_videos(session, member.id)
        _forget(session, member)
        owed = [one for one in books.balances(session, books.owed(member.id)) if one.amount]
        words = ", ".join(f"{show(one.amount)} {one.currency}" for one in owed)
        text = f"A member has left and is owed {words or 'nothing'}."
        tell(session, None, "member.left", text, member.id)
    return member


def _end_shares(session: Session, owner: str) -> None:
    mine = select(Share.id).where(Share.owner == owner)
    session.execute(delete(Publication).where(Publication.share_id.in_(mine)))
    ended = update(Share).where(Share.owner == owner, Share.state.not_in(_NEVER_PUBLIC))
    session.execute(ended.values(state=WITHDRAWN, withdrawn_at=now(), withdrawn_by=owner))
    session.execute(
        update(Share).where(Share.owner == owner).values(title="", appeal_words="", words="")
    )


def _end_videos(session: Session, owner: str) -> None:
    """Delete all videos, batches and webhooks; workers stop at their next step."""
    held = select(Reservation.video_id).where(
        Reservation.owner == owner, Reservation.state == books.HELD
    )
    for video_id in session.scalars(held).all():
        books.release(session, video_id)
    mine = select(Video.id).where(Video.owner == owner)
    session.execute(delete(Preview).where(Preview.video_id.in_(mine)))
    session.execute(delete(Artifact).where(Artifact.video_id.in_(mine)))
    session.execute(
        update(Video)
        .where(Video.owner == owner, Video.deleted_at.is_(None))
        .values(
            deleted_at=now(),
            state=case((Video.state.in_(ACTIVE), CANCELLED), else_=Video.state),
            lease_until=None,
        )
    )
    said = update(Video).where(Video.owner == owner)
    session.execute(said.values(prompt="", request={}, made=None))
    open_ = update(Batch).where(Batch.owner == owner, Batch.state.in_(OPEN))
    session.execute(open_.values(state=CANCELLING, cancelling_at=now()))
    session.execute(delete(Endpoint).where(Endpoint.owner == owner))
    session.execute(delete(Board).where(Board.owner == owner))


def _forget(session: Session, member: Member) -> None:
    """Take out what says who they were."""
    session.execute(update(File).where(File.owner == member.id).values(expires_at=0.0))
    session.execute(delete(Character).where(Character.owner == member.id))
    session.execute(delete(Notice).where(Notice.member_id == member.id))
    session.execute(delete(SignIn).where(SignIn.member_id == member.id))
    used = update(Invitation).where(Invitation.used_by == member.id)
    session.execute(used.values(email=None, note=""))
    member.name, member.email, member.password, member.oidc = LEFT, None, None, None
    member.state, member.reason = LEFT, ""
    member.left_at = session.scalars(select(now())).one()
