"""Statements: what a member earned, was paid and what their videos cost, between two times.

The balance is what the programme owes the member. What their videos cost is the programme's to
bear: it is listed, and takes nothing from the balance.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pleinair.access import members
from pleinair.access.money import show
from pleinair.access.pay import PAYOUT
from pleinair.errors import InputError
from pleinair.service import books
from pleinair.service.db import Database, now
from pleinair.service.programme_tables import Entry, Posting

COLUMNS = (
    *("date", "kind", "subject", "memo", "currency"),
    *("earned", "paid_out", "generation", "balance"),
)
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True)
class Line:
    """One posting of a statement; amounts are millionths.

    Attributes:
        at: seconds since 1970.
        kind, subject: what happened to what.
        memo: more of it.
        currency: of the amounts.
        earned: below zero where a posting took back an earning.
        paid: out to the member.
        cost: of a finished video.
        balance: what the member is owed after it.
    """

    at: float
    kind: str
    subject: str
    memo: str
    currency: str
    earned: int
    paid: int
    cost: int
    balance: int

    @property
    def amount(self) -> int:
        """By how much the balance changes, or what a video cost."""
        return self.earned - self.paid if self.earned or self.paid else self.cost

    @property
    def date(self) -> str:
        """When, in UTC, to the second."""
        return date_of(self.at)


@dataclass
class Total:
    """The sums of a statement in one currency, in millionths."""

    currency: str
    opening: int = 0
    earned: int = 0
    paid: int = 0
    cost: int = 0

    @property
    def closing(self) -> int:
        """What the member is owed at the end."""
        return self.opening + self.earned - self.paid


@dataclass(frozen=True)
class Statement:
    """A member's account from ``since`` until before ``until``, seconds since 1970."""

    member_id: str
    name: str
    since: float
    until: float
    totals: list[Total] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    def csv(self) -> str:
        """The lines as CSV, between a line for each opening and one for each closing balance."""
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        for row in self._rows():
            writer.writerow([safe(cell) for cell in row])
        return text.getvalue()

    def _rows(self) -> Iterator[tuple[str, ...]]:
        begin, end = date_of(self.since), date_of(self.until)
        for total in self.totals:
            yield begin, "opening", "", "", total.currency, "", "", "", show(total.opening)
        for line in self.lines:
            amounts = [show(one) if one else "" for one in (line.earned, line.paid, line.cost)]
            named = line.date, line.kind, line.subject, line.memo, line.currency
            yield *named, *amounts, show(line.balance)
        for total in self.totals:
            sums = show(total.earned), show(total.paid), show(total.cost), show(total.closing)
            yield end, "closing", "", "", total.currency, *sums


class Statements:
    """The statements of all members.

    Args:
        database: of the books.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def of(self, member_id: str, since: str | None = None, until: str | None = None) -> Statement:
        """A member's statement.

        Args:
            member_id: whose.
            since, until: seconds since 1970 or a date such as 2026-01-31, in UTC; what happens
                at ``until`` is no longer in it. Without them all of it until now.

        Raises:
            NotFoundError: there is no such member.
            InputError: a time is none, or they are the wrong way round.
        """
        first = read_time("from", since) if since else 0.0
        last = read_time("to", until) if until else None
        with self.database.read() as session:
            name = members.get(session, member_id).name
            end = last if last is not None else session.scalars(select(now())).one()
            if end < first:
                raise InputError("to", until, "a time that is not before from")
            made = Statement(member_id, name, first, end)
            _fill(session, made)
        return made


def _fill(session: Session, made: Statement) -> None:
    owed, spent = books.owed(made.member_id), books.spent(made.member_id)
    before = (
        select(Entry.currency, func.sum(Entry.amount))
        .join(Posting, Posting.id == Entry.posting_id)
        .where(Entry.account == owed, Posting.created_at < made.since)
        .group_by(Entry.currency)
    )
    totals = {money: Total(money, int(sum_)) for money, sum_ in session.execute(before)}
    rows = (
        select(Posting, Entry)
        .join(Entry, Entry.posting_id == Posting.id)
        .where(
            Entry.account.in_((owed, spent)),
            Posting.created_at >= made.since,
            Posting.created_at < made.until,
        )
        .order_by(Posting.created_at, Posting.id, Entry.number)
    )
    for posting, entry in session.execute(rows):
        total = totals.setdefault(entry.currency, Total(entry.currency))
        cost = entry.amount if entry.account == spent else 0
        paid = -entry.amount if entry.account == owed and posting.kind == PAYOUT else 0
        earned = 0 if cost or paid or entry.account == spent else entry.amount
        total.earned += earned
        total.paid += paid
        total.cost += cost
        made.lines.append(
            Line(
                posting.created_at,
                posting.kind,
                posting.subject,
                posting.memo,
                entry.currency,
                earned,
                paid,
                cost,
                total.closing,
            )
        )
    made.totals.extend(totals[money] for money in sorted(totals))


def safe(cell: str) -> str:
    """A cell that a spreadsheet takes for text, unless it is a number."""
    risky = cell[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") and not _NUMBER.fullmatch(cell)
    return f"'{cell}" if risky else cell


def date_of(time: float) -> str:
    """A time in UTC, to the second, such as ``2026-01-31T12:00:00Z``."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_time(field: str, given: str) -> float:
    """Seconds since 1970 of a number of them or of a date; raises InputError."""
    try:
        if re.fullmatch(r"[0-9]{1,11}", given):
            return float(given)
        found = datetime.fromisoformat(given)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise InputError(field, given, "seconds since 1970, or a date as 2026-01-31") from error
