"""The books: an append-only ledger of double entry, and what videos hold of it while they last.

Every posting sums to zero and happens once for its kind and subject: a second one of the same is
refused by the table itself. Nothing is changed or taken out; a mistake is mended by a posting that
says the opposite. Amounts are whole millionths of the currency.

A video's cost is reserved when it is queued, and settled or released in the transaction in which
it ends, so that no end goes without its posting and none is posted twice.
"""

import secrets
from collections.abc import Mapping

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from pleinair.errors import InputError
from pleinair.service.db import now
from pleinair.service.programme_tables import Entry, Posting, Reservation

MICRO = 1_000_000
HELD, SETTLED, RELEASED = "held", "settled", "released"


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
    _move(session, reservation, "reserve", {_source(reservation): -1, _held(reservation): 1})


def settle(session: Session, video_id: str) -> None:
    """A video is finished: what was held for it is spent."""
    if found := _end(session, video_id, SETTLED):
        _move(session, found, "settle", {_held(found): -1, _spent(found): 1})


def release(session: Session, video_id: str) -> None:
    """A video ended without being finished: what was held for it is free again."""
    if found := _end(session, video_id, RELEASED):
        _move(session, found, "release", {_held(found): -1, _source(found): 1})


def _end(session: Session, video_id: str, state: str) -> Reservation | None:
    """The reservation of a video, if it was held until now."""
    held = update(Reservation).where(Reservation.video_id == video_id, Reservation.state == HELD)
    result = session.execute(held.values(state=state, ended_at=now()))
    assert isinstance(result, CursorResult)
    if not result.rowcount:
        return None
    return session.get_one(Reservation, video_id, populate_existing=True)


def _move(session: Session, held: Reservation, kind: str, signs: Mapping[str, int]) -> None:
    amounts = {account: sign * held.cost for account, sign in signs.items()}
    post(session, kind, held.video_id, amounts, held.currency)


def _source(held: Reservation) -> str:
    return f"programme:{held.programme_id}:generation"


def _held(held: Reservation) -> str:
    return f"member:{held.owner}:held"


def _spent(held: Reservation) -> str:
    return f"member:{held.owner}:spent"
