"""Contributions: red-team reports and feedback, for which members ask to be paid."""

import secrets
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pleinair.access.actor import Actor, Role
from pleinair.access.authority import ARTISTS
from pleinair.access.notices import tell
from pleinair.access.pay import EARN_FEEDBACK, EARN_REPORT, earn
from pleinair.access.powers import Powers
from pleinair.errors import ConflictError, ForbiddenError, InputError, NotFoundError
from pleinair.service.db import Database, now
from pleinair.service.programme_tables import Contribution, Member, Programme
from pleinair.service.tables import Video

REPORT, FEEDBACK = "report", "feedback"
KINDS = (REPORT, FEEDBACK)
OPEN, ACCEPTED, REFUSED = "open", "accepted", "refused"
ACCEPT, REFUSE = "accept", "refuse"
DECISIONS = {ACCEPT: ACCEPTED, REFUSE: REFUSED}
MOST_OPEN = 100
MOST_MINUTES = 600
MOST_WORDS = 20_000
MOST_ANSWER = 2_000


class Contributions:
    """What members contributed beside their videos.

    Args:
        database: where it is.
        powers: records the decisions.
    """

    def __init__(self, database: Database, powers: Powers) -> None:
        self.database = database
        self.powers = powers

    def create(
        self,
        member_id: str,
        kind: str,
        title: str,
        words: str,
        video_id: str | None = None,
        minutes: int = 0,
    ) -> Contribution:
        """File a contribution, for an administrator to accept.

        Args:
            member_id: whose it is.
            kind: ``report``, of a red teamer, or ``feedback``, of any artist.
            title: 1–120 characters.
            words: 1–20,000 characters.
            video_id: one of their videos, if it is about one.
            minutes: that feedback took, 1–600; 0 for a report.

        Raises:
            InputError: a value is not allowed.
            NotFoundError: the member has no such video.
            ForbiddenError: the kind is not for them, or they are in no programme.
            ConflictError: too many of theirs are undecided.
        """
        _check(kind, title, words, minutes)
        with self.database.write() as session:
            member = session.get_one(Member, member_id, populate_existing=True)
            if kind == REPORT and member.role != Role.RED_TEAMER:
                raise ForbiddenError("Reports are for red teamers; give feedback instead.")
            if member.role not in ARTISTS or member.programme_id is None:
                raise ForbiddenError("You are in no programme that pays for this.")
            if video_id is not None:
                _check_video(session, member_id, video_id)
            mine = select(func.count()).where(
                Contribution.member_id == member_id, Contribution.state == OPEN
            )
            if session.scalars(mine).one() >= MOST_OPEN:
                raise ConflictError(f"{MOST_OPEN} of your contributions are undecided already")
            made = Contribution(
                id=f"contrib_{secrets.token_hex(12)}",
                member_id=member_id,
                programme_id=member.programme_id,
                kind=kind,
                title=title.strip(),
                words=words.strip(),
                video_id=video_id,
                minutes=minutes,
                state=OPEN,
                created_at=session.scalars(select(now())).one(),
                answer="",
            )
            session.add(made)
            session.flush()
            tell(session, None, "contribution.filed", f"A {kind}: {made.title}", made.id)
        return made

    def list(
        self, member_id: str | None = None, *, state: str | None = None, limit: int = 100
    ) -> Sequence[Contribution]:
        """A member's, or with None everybody's, the newest first."""
        wanted = select(Contribution).order_by(Contribution.created_at.desc(), Contribution.id)
        if member_id is not None:
            wanted = wanted.where(Contribution.member_id == member_id)
        if state is not None:
            wanted = wanted.where(Contribution.state == state)
        with self.database.read() as session:
            return session.scalars(wanted.limit(limit)).all()

    def decide(
        self, actor: Actor, contribution_id: str, decision: str, answer: str = ""
    ) -> Contribution:
        """Accept a contribution, which is then owed at the programme's rates, or refuse it.

        Args:
            actor: an administrator; never about their own.
            contribution_id: which.
            decision: ``accept`` or ``refuse``.
            answer: told to the member, up to 2,000 characters; a refusal needs one.

        Raises:
            NotFoundError: there is no such contribution.
            ForbiddenError: it is the actor's own.
            ConflictError: it was decided before.
            InputError: a value is not allowed.
        """
        if decision not in DECISIONS:
            raise InputError("decision", decision, ", ".join(DECISIONS))
        answer = answer.strip()
        if len(answer) > MOST_ANSWER or (decision == REFUSE and not answer):
            raise InputError("answer", answer, f"1 to {MOST_ANSWER:,} characters for a refusal")
        with self.powers.act(
            actor, "contributions.decide", contribution_id, decision=decision
        ) as act:
            session = act.session
            made = session.get(Contribution, contribution_id, populate_existing=True)
            if made is None:
                raise NotFoundError(f"No contribution has the id {contribution_id!r}.")
            if made.member_id == actor.id:
                raise ForbiddenError("This is your own; somebody else has to decide.")
            if made.state != OPEN:
                raise ConflictError(f"contribution {contribution_id} was {made.state} already")
            made.state, made.answer = DECISIONS[decision], answer
            made.decided_at, made.decided_by = session.scalars(select(now())).one(), actor.id
            if decision == ACCEPT:
                _earn(session, made)
            words = f"{made.title}: {made.state}. {answer}".strip()
            tell(session, made.member_id, f"contribution.{made.state}", words, made.id)
        return made


def _earn(session: Session, made: Contribution) -> None:
    programme = session.get_one(Programme, made.programme_id)
    if made.kind == REPORT:
        kind, amount = EARN_REPORT, programme.pay_report
    else:  # half a millionth is given to the member
        kind, amount = EARN_FEEDBACK, (programme.pay_hour * made.minutes + 30) // 60
    earn(session, programme, made.member_id, kind, made.id, amount, made.title)


def _check(kind: str, title: str, words: str, minutes: int) -> None:
    if kind not in KINDS:
        raise InputError("kind", kind, ", ".join(KINDS))
    if not 1 <= len(title.strip()) <= 120:
        raise InputError("title", title, "1 to 120 characters")
    if not 1 <= len(words.strip()) <= MOST_WORDS:
        raise InputError("words", words, f"1 to {MOST_WORDS:,} characters")
    if kind == FEEDBACK and not 1 <= minutes <= MOST_MINUTES:
        raise InputError("minutes", minutes, f"1 to {MOST_MINUTES}")
    if kind == REPORT and minutes:
        raise InputError("minutes", minutes, "none for a report")


def _check_video(session: Session, member_id: str, video_id: str) -> None:
    video = session.get(Video, video_id)
    if video is None or video.owner != member_id or video.deleted_at is not None:
        raise NotFoundError(f"No video has the id {video_id!r}.")
