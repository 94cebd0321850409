"""The reviewers' desk: shares with all that a person wants to know before deciding."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from pleinair.access.actor import Actor
from pleinair.errors import ForbiddenError, InputError, NotFoundError
from pleinair.review.held import file_of
from pleinair.review.reviews import OWN, check_person
from pleinair.review.states import REFUSED, STATES, WAITING, WITHDRAWN
from pleinair.service.db import Database, now
from pleinair.service.programme_tables import Flag, Member, Share
from pleinair.service.tables import Artifact, Video

WAITS, DECIDED = "waiting", "decided"
VIEWS = (WAITS, DECIDED, *STATES)
"""What a list can be of: what waits for the team, what a decision was made about, one state."""
MOST_REFUSALS = 5
"""Earlier refusals that a case tells of."""

_LONGEST = 8  # videos that go on from one another


@dataclass(frozen=True)
class Refusal:
    """A share that was refused once, with the prompt of its video."""

    share: Share
    prompt: str


@dataclass(frozen=True)
class Case:
    """A share on the desk.

    Attributes:
        share, video, member: its rows; the member is the owner.
        flags: what checks found, cleared or not, the oldest first.
        history: how many shares of the member are in which state.
        approved, refused: how many ever were, whatever became of them.
        refusals: other shares of the member that were refused once, the newest first, a few.
        prompts: of the videos that this one goes on from, the first one first.
        names: of members who decided, by their ids.
        overdue: whether the team should have decided by now.
    """

    share: Share
    video: Video
    member: Member
    flags: Sequence[Flag]
    history: Mapping[str, int]
    approved: int
    refused: int
    refusals: Sequence[Refusal]
    prompts: Sequence[str]
    names: Mapping[str, str]
    overdue: bool

    def is_for(self, actor: Actor) -> bool:
        """Whether it waits for a decision that this person may take."""
        try:
            check_person(actor, self.share)
        except ForbiddenError:
            return False
        return self.share.state in WAITING


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
        *,
        owner: str | None = None,
    ) -> list[Case]:
        """Shares by when they are due, the soonest first; decided ones by when, the last first.

        Args:
            state: one of `VIEWS`.
            programme_id: of one programme alone.
            after: id of the last share of the page before.
            limit: shares at most.
            owner: of one member alone.

        Raises:
            InputError: there is no such state, or no such share.
        """
        if state not in VIEWS:
            raise InputError("state", state, ", ".join(VIEWS))
        wanted = select(Share).where(_of(state))
        if programme_id:
            wanted = wanted.where(Share.programme_id == programme_id)
        if owner:
            wanted = wanted.where(Share.owner == owner)
        with self.database.read() as session:
            if after:
                last = session.get(Share, after)
                if last is None:
                    raise InputError("after", after, "the id of the last share of the page before")
                wanted = wanted.where(_behind(state, last))
            order = _ended().desc() if state == DECIDED else Share.due_at
            return _cases(session, session.scalars(wanted.order_by(order, Share.id).limit(limit)))

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


def _of(state: str) -> ColumnElement[bool]:
    if state == DECIDED:
        return Share.state.not_in(WAITING) & Share.decided_at.is_not(None)
    return Share.state.in_(WAITING if state == WAITS else (state,))


def _ended() -> ColumnElement[float | None]:
    return func.coalesce(Share.appeal_decided_at, Share.decided_at)


def _behind(state: str, last: Share) -> ColumnElement[bool]:
    """Whether a share comes after the last one of the page before."""
    if state == DECIDED:
        ended, before = _ended(), last.appeal_decided_at or last.decided_at
        return (ended < before) | ((ended == before) & (Share.id > last.id))
    return (Share.due_at > last.due_at) | ((Share.due_at == last.due_at) & (Share.id > last.id))


def _known(session: Session, share_id: str) -> Share:
    found = session.get(Share, share_id)
    if found is None:
        raise NotFoundError(f"No share has the id {share_id!r}.")
    return found


def _cases(session: Session, found_shares: Iterable[Share]) -> list[Case]:
    """Shares with what belongs to them, in a few questions for all."""
    shares = list(found_shares)
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
    ever = select(
        Share.owner,
        func.count().filter(Share.published_at.is_not(None)),
        func.count().filter(_was_refused()),
    )
    counts = {
        owner: (approved, refused)
        for owner, approved, refused in session.execute(
            ever.where(Share.owner.in_(owners)).group_by(Share.owner)
        )
    }
    refusals = _refusals(session, owners)
    prompts = _prompts(session, videos)
    deciders = {by for one in shares for by in (one.decided_by, one.appeal_decided_by) if by}
    named = select(Member.id, Member.name).where(Member.id.in_(deciders))
    names = dict(session.execute(named).all())
    time = session.scalars(select(now())).one()
    return [
        Case(
            share,
            videos[share.video_id],
            members[share.owner],
            flags[share.video_id],
            history[share.owner],
            *counts[share.owner],
            [one for one in refusals[share.owner] if one.share.id != share.id][:MOST_REFUSALS],
            prompts[share.video_id],
            names,
            share.state in WAITING and share.due_at < time,
        )
        for share in shares
    ]


def _was_refused() -> ColumnElement[bool]:
    """Of a share: that it was refused, whatever an appeal came to."""
    return or_(Share.state == REFUSED, Share.appealed_at.is_not(None))


def _refusals(session: Session, owners: set[str]) -> Mapping[str, Sequence[Refusal]]:
    """Shares of these members that were refused once, the newest first."""
    nth = func.row_number().over(partition_by=Share.owner, order_by=Share.decided_at.desc())
    newest = (
        select(Share.id.label("id"), nth.label("nth"))
        .where(Share.owner.in_(owners), _was_refused())
        .subquery()
    )
    wanted = (
        select(Share, Video.prompt)
        .join(Video, Video.id == Share.video_id)
        .join(newest, newest.c.id == Share.id)
        .where(newest.c.nth <= MOST_REFUSALS + 1)
        .order_by(newest.c.nth)
    )
    found: defaultdict[str, list[Refusal]] = defaultdict(list)
    for share, prompt in session.execute(wanted):
        found[share.owner].append(Refusal(share, prompt))
    return found


def _prompts(session: Session, videos: Mapping[str, Video]) -> Mapping[str, Sequence[str]]:
    """Prompts of the videos that each of these goes on from, a generation at a time."""
    found: dict[str, list[str]] = {name: [] for name in videos}
    before = {name: video.remixed_from for name, video in videos.items()}
    for _ in range(_LONGEST):
        ids = {parent for parent in before.values() if parent}
        if not ids:
            break
        rows = session.scalars(select(Video).where(Video.id.in_(ids)))
        parents = {row.id: row for row in rows}
        for name, parent_id in before.items():
            parent = parents.get(parent_id or "")
            if parent is None or parent.owner != videos[name].owner:
                before[name] = None
                continue
            found[name].insert(0, parent.prompt)
            before[name] = parent.remixed_from
    return found
