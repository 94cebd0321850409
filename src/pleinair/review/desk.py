"""The reviewers' desk: shares with all that a person wants to know before deciding."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from pleinair.access.actor import Actor
from pleinair.errors import ForbiddenError, InputError, NotFoundError
from pleinair.review.held import file_of
from pleinair.review.reviews import OWN
from pleinair.review.states import STATES, WAITING, WITHDRAWN
from pleinair.service.db import Database, now
from pleinair.service.programme_tables import Flag, Member, Share
from pleinair.service.tables import Artifact, Video

WAITS = "waiting"


@dataclass(frozen=True)
class Case:
    """A share on the desk.

    Attributes:
        share, video, member: its rows; the member is the owner.
        flags: what checks found, cleared or not, the oldest first.
        history: how many shares of the member are in which state.
        overdue: whether the team should have decided by now.
    """

    share: Share
    video: Video
    member: Member
    flags: Sequence[Flag]
    history: Mapping[str, int]
    overdue: bool


class Desk:
    """What reviewers look at.

    Args:
        database: where shares are.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def list(
        self,
        state: str = WAITS,
        programme_id: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> list[Case]:
        """Shares by when they are due, the soonest first.

        Args:
            state: one of `STATES`, or ``waiting`` for all that wait for the team.
            programme_id: of one programme alone.
            after: id of the last share of the page before.
            limit: shares at most.

        Raises:
            InputError: there is no such state, or no such share.
        """
        if state not in (WAITS, *STATES):
            raise InputError("state", state, ", ".join((WAITS, *STATES)))
        wanted = select(Share).where(Share.state.in_(WAITING if state == WAITS else (state,)))
        if programme_id:
            wanted = wanted.where(Share.programme_id == programme_id)
        with self.database.read() as session:
            if after:
                last = session.get(Share, after)
                if last is None:
                    raise InputError("after", after, "the id of the last share of the page before")
                same = and_(Share.due_at == last.due_at, Share.id > last.id)
                wanted = wanted.where(or_(Share.due_at > last.due_at, same))
            soonest = wanted.order_by(Share.due_at, Share.id).limit(limit)
            return _cases(session, session.scalars(soonest).all())

    def get(self, share_id: str) -> Case:
        """One share; raises NotFoundError."""
        with self.database.read() as session:
            return _cases(session, [_known(session, share_id)])[0]

    def artifact(self, actor: Actor, share_id: str, variant: str, number: int) -> Artifact:
        """A file of the video of a share, for a person of the team to look at.

        Raises:
            NotFoundError: there is no such share, it is withdrawn, or it has no such file.
            ForbiddenError: it is the actor's own.
        """
        with self.database.read() as session:
            share = _known(session, share_id)
            if share.state == WITHDRAWN:
                raise NotFoundError(f"Share {share_id} is withdrawn; its video is its owner's.")
            if share.owner == actor.id:
                raise ForbiddenError(OWN)
            return file_of(session, share.video_id, variant, number)


def _known(session: Session, share_id: str) -> Share:
    found = session.get(Share, share_id)
    if found is None:
        raise NotFoundError(f"No share has the id {share_id!r}.")
    return found


def _cases(session: Session, shares: Sequence[Share]) -> list[Case]:
    """Shares with what belongs to them, in a few questions for all."""
    owners = {share.owner for share in shares}
    ids = {share.video_id for share in shares}
    videos = {video.id: video for video in session.scalars(select(Video).where(Video.id.in_(ids)))}
    found = session.scalars(select(Member).where(Member.id.in_(owners)))
    members = {member.id: member for member in found}
    flags: defaultdict[str, list[Flag]] = defaultdict(list)
    found_flags = select(Flag).where(Flag.video_id.in_(ids)).order_by(Flag.created_at, Flag.id)
    for flag in session.scalars(found_flags):
        flags[flag.video_id].append(flag)
    history: defaultdict[str, Counter[str]] = defaultdict(Counter)
    counted = select(Share.owner, Share.state, func.count()).where(Share.owner.in_(owners))
    for owner, state, count in session.execute(counted.group_by(Share.owner, Share.state)):
        history[owner][state] = count
    time = session.scalars(select(now())).one()
    return [
        Case(
            share,
            videos[share.video_id],
            members[share.owner],
            flags[share.video_id],
            history[share.owner],
            share.state in WAITING and share.due_at < time,
        )
        for share in shares
    ]
