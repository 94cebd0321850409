"""The books: an append-only ledger of double entry, and what videos hold of it while they last.

Every posting sums to zero and happens once for its kind and subject: a second one of the same is
refused by the table itself. Nothing is changed or taken out; a mistake is mended by a posting that
says the opposite. Amounts are whole millionths of the currency.

A video's cost is reserved when it is queued, and settled or released in the transaction in which
it ends, so that no end goes without its posting and none is posted twice.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from sqlalchemy import ColumnElement, CursorResult, exists, func, select, update
from sqlalchemy.orm import Session

from pleinair.errors import InputError
from pleinair.service.db import Database, now
from pleinair.service.programme_tables import Entry, Posting, Reservation
from pleinair.service.tables import ACTIVE, CANCELLED, COMPLETED, FAILED, Video

MICRO = 1_000_000
HELD, SETTLED, RELEASED = "held", "settled", "released"
_STATES = {HELD: ACTIVE, SETTLED: (COMPLETED,), RELEASED: (CANCELLED, FAILED)}
"""States of the video behind a reservation."""


def post(
    session: Session,
    kind: str,
    subject: str,
    amounts: Mapping[str, int],
    currency: str,
    memo: str = "",
) -> Posting:
    """Write one posting.

    Args:
        session: of the transaction in which it becomes true.
        kind, subject: what happened to what, such as ``settle`` and a video's id.
        amounts: millionths that each account gets; those below zero are given.
        currency: of all of them.
        memo: for whoever reads the books.

    Raises:
        InputError: the amounts do not sum to zero.
        IntegrityError: the same kind was posted for this subject before.
    """
    if sum(amounts.values()):
        raise InputError("amounts", dict(amounts), "amounts that sum to zero")
    time = session.scalars(select(now())).one()
    posting = Posting(
        id=f"post_{secrets.token_hex(16)}", kind=kind, subject=subject, memo=memo, created_at=time
    )
    session.add(posting)
    session.flush()
    session.add_all(
        Entry(
            posting_id=posting.id, number=number, account=account, amount=amount, currency=currency
        )
        for number, (account, amount) in enumerate(amounts.items())
    )
    session.flush()
    return posting


def reserve(session: Session, reservation: Reservation) -> None:
    """Hold what a video may cost; the caller has checked that there is as much."""
    session.add(reservation)
    session.flush()
    _move(session, reservation, "reserve", {_source(reservation): -1, held(reservation.owner): 1})


def settle(session: Session, video_id: str) -> None:
    """A video is finished: what was held for it is spent."""
    if found := _end(session, video_id, SETTLED):
        _move(session, found, "settle", {held(found.owner): -1, spent(found.owner): 1})


def release(session: Session, video_id: str) -> None:
    """A video ended without being finished: what was held for it is free again."""
    if found := _end(session, video_id, RELEASED):
        _move(session, found, "release", {held(found.owner): -1, _source(found): 1})


@dataclass(frozen=True)
class Balance:
    """What an account has, or owes when below zero, in millionths of a currency."""

    account: str
    currency: str
    amount: int


def balances(session: Session, account: str | None = None) -> list[Balance]:
    """The balance of one account, or of every account that has had an entry, by name."""
    total = func.sum(Entry.amount)
    sums = select(Entry.account, Entry.currency, total).group_by(Entry.account, Entry.currency)
    if account is not None:
        sums = sums.where(Entry.account == account)
    ordered = sums.order_by(Entry.account, Entry.currency)
    return [Balance(name, money, int(sum_)) for name, money, sum_ in session.execute(ordered)]


def balance(session: Session, account: str, currency: str) -> int:
    """What an account has of a currency, in millionths."""
    mine = select(func.coalesce(func.sum(Entry.amount), 0))
    return int(
        session.scalars(mine.where(Entry.account == account, Entry.currency == currency)).one()
    )


def held(member_id: str) -> str:
    """The account of what a member's unfinished videos may cost."""
    return f"member:{member_id}:held"


def spent(member_id: str) -> str:
    """The account of what a member's finished videos cost."""
    return f"member:{member_id}:spent"


def owed(member_id: str) -> str:
    """The account of what the programme owes a member."""
    return f"member:{member_id}:owed"


def _end(session: Session, video_id: str, state: str) -> Reservation | None:
    """The reservation of a video, if it was held until now."""
    until_now = update(Reservation).where(
        Reservation.video_id == video_id, Reservation.state == HELD
    )
    result = session.execute(until_now.values(state=state, ended_at=now()))
    assert isinstance(result, CursorResult)
    if not result.rowcount:
        return None
    return session.get_one(Reservation, video_id, populate_existing=True)


def _move(session: Session, of: Reservation, kind: str, signs: Mapping[str, int]) -> None:
    amounts = {account: sign * of.cost for account, sign in signs.items()}
    post(session, kind, of.video_id, amounts, of.currency)


def _source(of: Reservation) -> str:
    return f"programme:{of.programme_id}:generation"


def check(database: Database) -> list[str]:
    """Read all of the books and say what does not add up; nothing, if all is well."""
    with database.read() as session:
        if not database.sqlite:  # where each statement would otherwise see another moment
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        return [
            *_unbalanced(session),
            *_out_of_step(session),
            *_unlike(session, HELD, held),
            *_unlike(session, SETTLED, spent),
            *_overdrawn(session),
        ]


def _unbalanced(session: Session) -> Iterator[str]:
    """Postings that do not sum to zero, mix currencies, or have no entries."""
    sums = (
        select(Posting.id, func.sum(Entry.amount), func.count(Entry.currency.distinct()))
        .outerjoin(Entry, Entry.posting_id == Posting.id)
        .group_by(Posting.id)
        .having((func.count(Entry.currency.distinct()) != 1) | (func.sum(Entry.amount) != 0))
    )
    for name, total, currencies in session.execute(sums):
        if currencies != 1:
            yield f"posting {name} is in {currencies} currencies, not in one"
        else:
            yield f"posting {name} sums to {total}, not to zero"


def _out_of_step(session: Session) -> Iterator[str]:
    """Reservations that differ from their postings or from their videos."""

    def times(kind: str) -> ColumnElement[int]:
        return func.count().filter(Posting.kind == kind)

    posted = (
        select(
            Posting.subject,
            times("reserve").label("reserve"),
            times("settle").label("settle"),
            times("release").label("release"),
        )
        .where(Posting.kind.in_(("reserve", "settle", "release")))
        .group_by(Posting.subject)
        .subquery()
    )
    rows = (
        select(Reservation.video_id, Reservation.state, posted, Video.state)
        .outerjoin(posted, posted.c.subject == Reservation.video_id)
        .outerjoin(Video, Video.id == Reservation.video_id)
    )
    for name, state, _, reserved, settled, released, video in session.execute(rows):
        expected = (1, int(state == SETTLED), int(state == RELEASED))
        if (found := (reserved or 0, settled or 0, released or 0)) != expected:
            yield f"video {name} is {state}; reserved, settled, released: {found}"
        if video not in _STATES[state]:
            yield f"video {name} is {video}, what it may cost is {state}"
    strays = select(posted.c.subject).where(
        ~exists().where(Reservation.video_id == posted.c.subject)
    )
    for name in session.scalars(strays):
        yield f"video {name} has postings but no reservation"
    alone = select(Video.id).where(
        Video.programme_id.is_not(None),
        ~exists().where(Reservation.video_id == Video.id),
    )
    for name in session.scalars(alone):
        yield f"video {name} was queued without a reservation"


def _unlike(session: Session, state: str, account: Callable[[str], str]) -> Iterator[str]:
    """Accounts that differ from the sum of the reservations behind them."""
    sums = (
        select(Reservation.owner, Reservation.currency, func.sum(Reservation.cost))
        .where(Reservation.state == state)
        .group_by(Reservation.owner, Reservation.currency)
    )
    expected = {(account(owner), money): int(sum_) for owner, money, sum_ in session.execute(sums)}
    found = {
        (one.account, one.currency): one.amount
        for one in balances(session)
        if fnmatchcase(one.account, account("*"))
    }
    for name, money in sorted(expected.keys() | found.keys()):
        has, should = found.get((name, money), 0), expected.get((name, money), 0)
        if has != should:
            yield f"account {name} has {has} {money}, the reservations say {should}"


def _overdrawn(session: Session) -> Iterator[str]:
    """Members who were paid more than they earned."""
    for one in balances(session):
        if fnmatchcase(one.account, owed("*")) and one.amount < 0:
            yield f"account {one.account} is overdrawn: {one.amount} {one.currency}"
