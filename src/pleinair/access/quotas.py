"""Quotas: what a programme grants its members, checked in the transaction that queues a video.

Creates a minute and videos at a time are a member's own, and less for a key that was limited after
a leak. Video-seconds and spend count over a period that moves along, of one member and of all
together: every video that is held or settled within it. What ended unfinished counts no more.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from pleinair.access.actor import acting
from pleinair.access.keys import LIVE
from pleinair.access.money import show
from pleinair.errors import (
    BusyError,
    ForbiddenError,
    NotFoundError,
    QuotaError,
    StoppedKeyError,
    SwitchedOffError,
)
from pleinair.service import books, limits, switches
from pleinair.service.db import Database, now
from pleinair.service.limits import Allowance
from pleinair.service.programme_tables import Key, Member, Programme, Reservation
from pleinair.service.tables import ACTIVE, Video
from pleinair.service.videos import Draft

MINUTE = 60.0
AGAIN = 5.0
"""Seconds after which a member with too many videos at a time may look again."""

_DUST = 1e-6  # sums of seconds such as 0.1 are off by less


@dataclass(frozen=True)
class Quota:
    """A limit and how it stands.

    Attributes:
        name: of the programme's field.
        unit: videos, seconds, or a currency, of which amounts are whole millionths.
        limit: None is none.
        used: of it.
        renews_at: when some of what is used is free again; None if that is not a matter of time.
    """

    name: str
    unit: str
    limit: int | None
    used: float
    renews_at: float | None = None

    @property
    def left(self) -> float | None:
        """What of the limit is not used."""
        return None if self.limit is None else max(0.0, self.limit - self.used)


@dataclass(frozen=True)
class _Grant:
    """What there is of one thing in a period."""

    name: str
    whose: str
    unit: str
    most: int | None
    column: InstrumentedAttribute[Any]
    counted: Sequence[ColumnElement[bool]]

    def used(self, session: Session) -> float:
        total = select(func.coalesce(func.sum(self.column), 0)).where(*self.counted)
        return float(session.scalars(total).one())

    def check(self, session: Session, needed: float, period: float) -> None:
        """Raise QuotaError unless there is as much as is needed."""
        if self.most is None:
            return
        used = self.used(session)
        if used + needed <= self.most + _DUST:
            return
        wait = self._wait(session, used + needed - self.most, period)
        what = f"{self._shown(used)} of {self._shown(self.most)}"
        raise QuotaError(
            f"{self.whose} used {what} in {period / 3600:g} hours; this video takes "
            f"{self._shown(needed)} ({self.name})",
            wait,
        )

    def _wait(self, session: Session, missing: float, period: float) -> float:
        """Seconds until as much as is missing has left the period; all of it if nothing helps."""
        time = session.scalars(select(now())).one()
        oldest = func.sum(self.column).over(order_by=Reservation.created_at)
        sums = select(Reservation.created_at, oldest.label("freed")).where(*self.counted).subquery()
        enough = select(func.min(sums.c.created_at)).where(sums.c.freed >= missing - _DUST)
        found: float | None = session.scalars(enough).one()
        return period if found is None else max(1.0, found + period - time)

    def _shown(self, amount: float) -> str:
        if self.unit == "seconds":
            return f"{round(amount, 3):g} video-seconds"
        return f"{show(round(amount))} {self.unit}"

    def told(self, session: Session, period: float) -> Quota:
        first = select(func.min(Reservation.created_at)).where(*self.counted)
        begun: float | None = session.scalars(first).one()
        renews = None if begun is None else begun + period
        return Quota(self.name, self.unit, self.most, round(self.used(session), 6), renews)


class Quotas:
    """The gate that holds members to what their programme grants.

    Args:
        database: of the members.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def enter(self, session: Session, draft: Draft, video: Video) -> Allowance | None:
        """Check all that is granted and hold what the video may cost.

        Lines of batches wait for their turn anyway: only seconds and spend count for them.

        Raises:
            ForbiddenError: the member has left, or has no programme that is open.
            SwitchedOffError: the member is suspended, the programme paused, or access off.
            BusyError: too many creates in this minute, or videos at a time.
            QuotaError: the seconds or the spend of the period are used up.
            StoppedKeyError: the key with which a storyboard was rendered has ended.
        """
        member = session.get(Member, video.owner, populate_existing=True)
        if member is None:  # of a server without members
            return None
        programme = _programme(session, member)
        batched = draft.batch_id is not None
        video.programme_id, video.role = programme.id, member.role
        video.key_id = None if batched else draft.key_id or acting.get().key_id
        allowance = None
        if batched or draft.board_id:  # no request came that would have been checked
            targets = {"programme": programme.id, "role": member.role, "member": member.id}
            switches.check(session, {**targets, "key": draft.key_id})
            _check_key(session, draft.key_id)
        if not batched:
            allowance = _pace(session, programme, member.id, video.key_id)
        seconds = Decimal(f"{video.cost:.6f}")
        cost = math.ceil(seconds * programme.price)
        period = programme.period_hours * 3600
        _serialise(session, programme)
        for grant in _grants(programme, member.id):
            grant.check(session, float(seconds) if grant.unit == "seconds" else cost, period)
        books.reserve(
            session,
            Reservation(
                video_id=video.id,
                owner=member.id,
                programme_id=programme.id,
                key_id=video.key_id,
                seconds=float(seconds),
                cost=cost,
                currency=programme.currency,
                state=books.HELD,
                created_at=video.created_at,
            ),
        )
        return allowance

    def leave(self, session: Session, video: Video) -> None:
        """Nothing stands against it: what was made was paid for."""

    def told(self, member_id: str) -> tuple[Programme, list[Quota]]:
        """A member's programme, and how each of its limits stands.

        Raises:
            NotFoundError: there is no such member, or they are in no programme.
        """
        with self.database.read() as session:
            member = session.get(Member, member_id)
            if member is None or member.programme_id is None:
                raise NotFoundError("You are in no programme, and so have no quotas.")
            programme = session.get_one(Programme, member.programme_id)
            recent = select(func.count(), func.min(Video.created_at)).where(
                Video.owner == member_id,
                Video.created_at > now() - MINUTE,
                Video.batch_id.is_(None),
            )
            creates, first = session.execute(recent).one()
            renews = first + MINUTE if creates else None
            period = programme.period_hours * 3600
            return programme, [
                Quota("rate", "videos", programme.rate, creates, renews),
                Quota("concurrent", "videos", programme.concurrent, _active(session, member_id)),
                *(grant.told(session, period) for grant in _grants(programme, member_id)),
            ]


def _programme(session: Session, member: Member) -> Programme:
    """The programme under which a member may make videos now."""
    if member.state != "active":
        if member.state == "suspended":
            raise SwitchedOffError("This account is suspended.")
        raise ForbiddenError(f"This account has {member.state}.")
    if member.programme_id is None:
        raise ForbiddenError("You are in no programme: an administrator can put you into one.")
    programme = session.get_one(Programme, member.programme_id, populate_existing=True)
    if programme.state == "paused":
        raise SwitchedOffError(f"The programme {programme.name} is paused.")
    if programme.state != "open":
        raise ForbiddenError(f"The programme {programme.name} is {programme.state}.")
    return programme


def _check_key(session: Session, key_id: str | None) -> None:
    """Raise StoppedKeyError when the key with which something was begun has ended since."""
    key = session.get(Key, key_id, populate_existing=True) if key_id else None
    if key is not None and key.state not in LIVE:
        raise StoppedKeyError(f"The API key (…{key.hint}) that began this was {key.state}.")


def _pace(
    session: Session, programme: Programme, owner: str, key_id: str | None
) -> Allowance | None:
    """Hold a member, and a limited key, to creates a minute and videos at a time."""
    key = session.get(Key, key_id, populate_existing=True) if key_id else None
    share = min(1.0, key.share) if key is not None else 1.0
    rate, concurrent = programme.rate, programme.concurrent
    allowance = limits.rate(session, owner, rate) if rate is not None else None
    if rate is not None and share < 1:
        of_key = limits.rate(session, owner, _part(rate, share), key_id)
        allowance = min(allowance or of_key, of_key, key=lambda one: one.remaining)
    if concurrent is not None:
        _check_active(session, owner, concurrent)
        if share < 1:
            _check_active(session, owner, _part(concurrent, share), key_id)
    return allowance


def _part(limit: int, share: float) -> int:
    return max(1, math.floor(limit * share))


def _check_active(session: Session, owner: str, most: int, key_id: str | None = None) -> None:
    if (active := _active(session, owner, key_id)) >= most:
        where = " by this key" if key_id else ""
        raise BusyError(
            f"{active} of your videos wait or are being made{where}; at most {most} may", AGAIN
        )


def _active(session: Session, owner: str, key_id: str | None = None) -> int:
    """Videos that wait or are being made; those of batches keep to their own lane."""
    mine = select(func.count()).where(
        Video.owner == owner, Video.state.in_(ACTIVE), Video.batch_id.is_(None)
    )
    return session.scalars(mine.where(Video.key_id == key_id) if key_id else mine).one()


def _serialise(session: Session, programme: Programme) -> None:
    """Sums of a whole programme one after the other; SQLite has a single writer anyway.

    Whoever sets the first such limit waits for all creates (`switches.hold`), so nothing is
    missed while there is none.
    """
    if programme.seconds_all is None and programme.spend_all is None:
        return
    if session.get_bind().dialect.name == "postgresql":
        lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:programme, 2))")
        session.execute(lock, {"programme": programme.id})


def _grants(programme: Programme, owner: str) -> list[_Grant]:
    counted = (
        Reservation.programme_id == programme.id,
        Reservation.state.in_((books.HELD, books.SETTLED)),
        Reservation.created_at > now() - programme.period_hours * 3600,
    )
    mine = (*counted, Reservation.owner == owner)
    same = Reservation.currency == programme.currency
    you, all_of_you = "you have", f"all of {programme.name} have"
    seconds, cost, money = Reservation.seconds, Reservation.cost, programme.currency
    return [
        _Grant("seconds_each", you, "seconds", programme.seconds_each, seconds, mine),
        _Grant("seconds_all", all_of_you, "seconds", programme.seconds_all, seconds, counted),
        _Grant("spend_each", you, money, programme.spend_each, cost, (*mine, same)),
        _Grant("spend_all", all_of_you, money, programme.spend_all, cost, (*counted, same)),
    ]
