"""Pay: what members earn, and what of it was paid out. All of it is postings of the books.

What is earned goes from ``programme:ID:pay`` to ``member:ID:owed`` in the transaction of whatever
earned it; a payout goes from there to ``payouts``. What a member is owed never falls below zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from pleinair.access import members, money
from pleinair.access.actor import Actor
from pleinair.access.notices import tell
from pleinair.access.powers import Powers
from pleinair.errors import ConflictError, ForbiddenError, InputError
from pleinair.service import books
from pleinair.service.books import Balance
from pleinair.service.db import Database
from pleinair.service.programme_tables import Entry, Posting, Programme, Share

EARN_SHARE, EARN_REPORT, EARN_FEEDBACK = "earn.share", "earn.report", "earn.feedback"
PAYOUT = "payout"
PAYOUTS = "payouts"
"""The account of all that was paid out."""

MOST_REFERENCE = 200


@dataclass(frozen=True)
class Written:
    """A posting with its entries."""

    posting: Posting
    entries: tuple[Entry, ...]


class Pay:
    """What members earn and are paid.

    Args:
        database: of the books.
        powers: records payouts.
    """

    def __init__(self, database: Database, powers: Powers) -> None:
        self.database = database
        self.powers = powers

    def earn_share(self, session: Session, share: Share) -> None:
        """Owe its owner what an approved video earns, in the transaction that approves it.

        A video earns once, also when it is withdrawn and shared again.
        """
        programme = session.get(Programme, share.programme_id)
        if programme is not None:
            amount = programme.pay_share
            earn(session, programme, share.owner, EARN_SHARE, share.video_id, amount, share.title)

    def pay(
        self, actor: Actor, member_id: str, amount: str, currency: str, reference: str
    ) -> Posting:
        """Note that a member was paid some of what they are owed.

        Args:
            actor: an administrator.
            member_id: who was paid, also if they have left.
            amount: decimal text such as ``12.50``, above 0 and at most what they are owed.
            currency: three letters.
            reference: of the transfer, 1–200 characters; each is paid once.

        Raises:
            NotFoundError: there is no such member.
            ForbiddenError: it would be to the actor.
            ConflictError: the member is owed less, or the reference was paid before.
            InputError: a value is not allowed.
        """
        paid = money.read("amount", amount)
        if not paid:
            raise InputError("amount", amount, "more than 0")
        money.check_currency(currency)
        reference = reference.strip()
        if not 1 <= len(reference) <= MOST_REFERENCE or not reference.isprintable():
            raise InputError("reference", reference, f"1 to {MOST_REFERENCE} printable characters")
        told = {"amount": money.show(paid), "currency": currency, "reference": reference}
        with self.powers.act(actor, "ledger.pay", member_id, **told) as act:
            session = act.session
            members.get(session, member_id)
            if actor.id == member_id:
                raise ForbiddenError("Another administrator has to pay you.")
            if _posted(session, PAYOUT, reference):
                raise ConflictError(f"the reference {reference!r} was paid before")
            owed = books.balance(session, books.owed(member_id), currency)
            if paid > owed:
                raise ConflictError(
                    f"member {member_id} is owed {money.show(owed)} {currency}, "
                    f"less than {money.show(paid)}"
                )
            sides = {books.owed(member_id): -paid, PAYOUTS: paid}
            posting = books.post(session, PAYOUT, reference, sides, currency)
            words = f"You were paid {money.show(paid)} {currency}; reference: {reference}."
            tell(session, member_id, "pay.paid", words, posting.id)
        return posting

    def balances(self) -> list[Balance]:
        """The balance of every account, by name."""
        with self.database.read() as session:
            return books.balances(session)

    def ledger(
        self, account: str | None = None, after: str | None = None, limit: int = 100
    ) -> tuple[list[Written], bool]:
        """Postings, the newest first, and whether there are more.

        Args:
            account: only those with an entry of this account.
            after: id of the last posting that was seen.
            limit: of postings, 1–1,000.

        Raises:
            InputError: there is no posting ``after``.
        """
        newest = select(Posting).order_by(Posting.created_at.desc(), Posting.id.desc())
        if account:
            with_it = select(Entry.posting_id).where(Entry.account == account)
            newest = newest.where(Posting.id.in_(with_it))
        with self.database.read() as session:
            if after:
                last = session.get(Posting, after)
                if last is None:
                    raise InputError("after", after, "the id of the last posting that was seen")
                same = and_(Posting.created_at == last.created_at, Posting.id < last.id)
                newest = newest.where(or_(Posting.created_at < last.created_at, same))
            postings = session.scalars(newest.limit(limit + 1)).all()
            return _written(session, postings[:limit]), len(postings) > limit


def earn(
    session: Session,
    programme: Programme,
    member_id: str,
    kind: str,
    subject: str,
    amount: int,
    memo: str = "",
) -> Posting | None:
    """Owe a member something, once for its kind and subject, and tell them.

    Args:
        session: of the transaction in which it is earned.
        programme: that pays.
        member_id: who earned it.
        kind, subject: for what; what earned before earns nothing more.
        amount: millionths of the programme's currency; 0 is no posting.
        memo: for whoever reads the books.
    """
    if not amount or _posted(session, kind, subject):
        return None
    sides = {f"programme:{programme.id}:pay": -amount, books.owed(member_id): amount}
    posting = books.post(session, kind, subject, sides, programme.currency, memo)
    words = f"You earned {money.show(amount)} {programme.currency}."
    tell(session, member_id, "pay.earned", words, subject)
    return posting


def _posted(session: Session, kind: str, subject: str) -> bool:
    same = select(Posting.id).where(Posting.kind == kind, Posting.subject == subject)
    return session.scalars(same).first() is not None


def _written(session: Session, postings: Sequence[Posting]) -> list[Written]:
    """Postings with their entries, in the order they come."""
    ids = [posting.id for posting in postings]
    found: dict[str, list[Entry]] = {name: [] for name in ids}
    entries = select(Entry).where(Entry.posting_id.in_(ids)).order_by(Entry.number)
    for entry in session.scalars(entries):
        found[entry.posting_id].append(entry)
    return [Written(posting, tuple(found[posting.id])) for posting in postings]
