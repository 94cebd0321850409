"""Reviews: what the team decides about shares. Each decision is an act of power, on record.

Nobody decides about a video of their own, whatever they are or became since, and an appeal is
decided by somebody else than the one who refused.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pleinair.access.actor import Actor
from pleinair.access.notices import tell
from pleinair.access.powers import THE_SERVER, Act, Powers
from pleinair.errors import ConflictError, ForbiddenError, InputError
from pleinair.review.publisher import DELETED, Publisher
from pleinair.review.states import (
    APPEALED,
    APPROVED,
    ASKED,
    CHANGES,
    POLICY,
    REASONS,
    REFUSED,
    check_words,
    locked,
)
from pleinair.service.db import now
from pleinair.service.programme_tables import Flag, Share
from pleinair.service.tables import Video

APPROVE, REFUSE, SEND_BACK = "approve", "refuse", "changes"
DECISIONS = {APPROVE: APPROVED, REFUSE: REFUSED, SEND_BACK: CHANGES}
OWN = "This video is yours; somebody else decides about it."
NOT_AGAIN = "You refused this video; somebody else decides about the appeal."


@dataclass(frozen=True)
class _Case:
    """A share under decision, in the transaction of the act."""

    act: Act
    share: Share
    video: Video

    @property
    def session(self) -> Session:
        return self.act.session

    def time(self) -> float:
        return self.session.scalars(select(now())).one()


class Reviews:
    """The decisions about shares.

    Args:
        powers: record them.
        publisher: makes public what is approved.
        approved: told of every approval, in its transaction.
    """

    def __init__(
        self,
        powers: Powers,
        publisher: Publisher,
        approved: Callable[[Session, Share], None] = lambda session, share: None,
    ) -> None:
        self.powers = powers
        self.publisher = publisher
        self.approved = approved

    def decide(
        self,
        actor: Actor,
        share_id: str,
        decision: str,
        reason: str | None = None,
        words: str = "",
    ) -> Share:
        """Decide about a video that its owner asked to share.

        Args:
            actor: of the team.
            share_id: which.
            decision: ``approve``, ``refuse`` or ``changes``.
            reason: one of `REASONS`, unless it is approved.
            words: to the owner, up to 2,000 characters.

        Raises:
            NotFoundError: there is no such share.
            ForbiddenError: it is the actor's own.
            ConflictError: it does not wait for a decision, or has no files any more.
            InputError: a value is not allowed.
        """
        if decision not in DECISIONS:
            raise InputError("decision", decision, ", ".join(DECISIONS))
        if decision == APPROVE and reason is not None:
            raise InputError("reason", reason, "none for an approval")
        if decision != APPROVE and reason not in REASONS:
            raise InputError("reason", reason, ", ".join(REASONS))
        check_words(words)
        with self._decide(actor, "reviews.decide", share_id, decision, reason=reason) as case:
            share = case.share
            if share.state == APPEALED:
                raise ConflictError(f"share {share_id} is appealed; decide the appeal")
            _check_state(share, ASKED)
            _decided(case, actor.id, DECISIONS[decision], reason, words)
            told = f"{_title(share)}: {_TOLD[decision]}"
            told += f" Reason: {reason}." if reason else ""
            told += f" {words.strip()}" if words.strip() else ""
            tell(case.session, share.owner, f"share.{share.state}", told, share.id)
        return share

    def by_policy(self, share_id: str) -> Share:
        """Approve what no person has to look at; raises ConflictError if it no longer waits."""
        with self._decide(THE_SERVER, "reviews.decide", share_id, APPROVE, policy=True) as case:
            _check_state(case.share, ASKED)
            _decided(case, POLICY, APPROVED, None, "")
            told = f"{_title(case.share)}: {_TOLD[APPROVE]}"
            tell(case.session, case.share.owner, "share.approved", told, share_id)
        return case.share

    def appeal(self, actor: Actor, share_id: str, decision: str, words: str) -> Share:
        """Decide the appeal of an owner, for good.

        Args:
            actor: of the team, and not the one who refused.
            share_id: which.
            decision: ``approve`` or ``refuse``.
            words: the answer, 1–2,000 characters.

        Raises:
            NotFoundError: there is no such share.
            ForbiddenError: it is the actor's own, or they refused it.
            ConflictError: there is no appeal, or the video has no files any more.
            InputError: a value is not allowed.
        """
        if decision not in (APPROVE, REFUSE):
            raise InputError("decision", decision, f"{APPROVE}, {REFUSE}")
        check_words(words, least=1)
        with self._decide(actor, "reviews.appeal", share_id, decision) as case:
            share = case.share
            _check_state(share, APPEALED)
            time = case.time()
            case.act.details["hours"] = _hours(share.appealed_at, time)
            share.state = DECISIONS[decision]
            share.appeal_decided_at, share.appeal_decided_by = time, actor.id
            share.appeal_answer = words.strip()
            told = "is approved now and public" if decision == APPROVE else "stays refused"
            told = f"{_title(share)}: your appeal was decided, and the video {told}. {words}"
            tell(case.session, share.owner, f"share.{share.state}", told.strip(), share.id)
        return share

    def withdraw(self, actor: Actor, share_id: str, words: str) -> Share:
        """Take a public video back; its address is dead at once.

        Raises:
            NotFoundError: there is no such share.
            ConflictError: it is not public.
            InputError: there are no words to its owner, or too many.
        """
        check_words(words, least=1)
        with self.powers.act(actor, "reviews.withdraw", share_id) as act:
            share, _ = locked(act.session, share_id)
            _check_state(share, APPROVED)
            self.publisher.remove(act.session, share, actor.id)
            told = f"{_title(share)}: the team took this video back. {words.strip()}"
            tell(act.session, share.owner, "share.withdrawn", told, share_id)
        self.publisher.clear(share_id)
        return share

    @contextmanager
    def _decide(
        self,
        actor: Actor,
        name: str,
        share_id: str,
        decision: str,
        **details: Any,  # noqa: ANN401
    ) -> Iterator[_Case]:
        """An act about a share that is not the actor's own; what it approves becomes public."""
        copies = self.publisher.copy(share_id) if decision == APPROVE else []
        try:
            with self.powers.act(actor, name, share_id, decision=decision, **details) as act:
                share, video = locked(act.session, share_id)
                check_person(actor, share)
                case = _Case(act, share, video)
                yield case
                if video.deleted_at is not None:
                    raise ConflictError(DELETED)
                if decision == APPROVE:
                    self.publisher.publish(act.session, share, video, copies)
                    if actor is not THE_SERVER:
                        clear_flags(act.session, video.id, actor.id)
                    self.approved(act.session, share)
        except BaseException:
            self.publisher.drop(copies)
            raise


def check_person(actor: Actor, share: Share) -> None:
    """Raise ForbiddenError for who may not decide about this, whatever their role is."""
    if actor.id == share.owner:
        raise ForbiddenError(OWN)
    if share.state == APPEALED and actor.id == share.decided_by:
        raise ForbiddenError(NOT_AGAIN)


def clear_flags(session: Session, video_id: str, by: str) -> None:
    """Note that a person has looked at whatever checks found of a video."""
    found = update(Flag).where(Flag.video_id == video_id, Flag.cleared_at.is_(None))
    session.execute(found.values(cleared_at=now(), cleared_by=by))


_TOLD = {
    APPROVE: "approved; it is public now.",
    REFUSE: "refused; you can appeal, and somebody else will decide.",
    SEND_BACK: "sent back; ask again once it is as the team wishes.",
}


def _decided(case: _Case, by: str, state: str, reason: str | None, words: str) -> None:
    share, time = case.share, case.time()
    case.act.details["hours"] = _hours(share.asked_at, time)
    share.state, share.reason, share.words = state, reason, words.strip()
    share.decided_at, share.decided_by = time, by


def _check_state(share: Share, wanted: str) -> None:
    if share.state != wanted:
        raise ConflictError(f"share {share.id} is {share.state}, not {wanted}")


def _hours(since: float | None, time: float) -> float:
    return round((time - (since or time)) / 3600, 3)


def _title(share: Share) -> str:
    return share.title or share.video_id
