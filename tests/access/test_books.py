"""The books add up, say so, and cannot be changed."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pleinair.access.actor import Role
from pleinair.errors import InputError
from pleinair.service import audit, books
from pleinair.service.books import Balance
from pleinair.service.db import Database
from pleinair.service.programme_tables import Entry, Posting, Record, Reservation
from pleinair.service.seals import broken
from pleinair.service.tables import Video
from tests.access.conftest import House
from tests.access.test_quotas import create
from tests.service.conftest import database as database
from tests.service.conftest import made


def post(
    database: Database, kind: str = "earn.share", subject: str = "v1", amount: int = 5
) -> None:
    with database.write() as session:
        books.post(
            session, kind, subject, {"programme:p:pay": -amount, books.owed("m"): amount}, "EUR"
        )


def test_amounts_that_do_not_sum_to_zero_are_refused(database: Database) -> None:
    with pytest.raises(InputError, match="sum to zero"), database.write() as session:
        books.post(session, "earn.share", "v1", {"a": 1}, "EUR")


def test_the_same_is_not_posted_twice(database: Database) -> None:
    post(database)
    with pytest.raises(IntegrityError):
        post(database)
    with database.read() as session:
        assert books.balance(session, books.owed("m"), "EUR") == 5
        assert books.balance(session, books.owed("m"), "USD") == 0
        assert books.balances(session) == [
            Balance("member:m:owed", "EUR", 5),
            Balance("programme:p:pay", "EUR", -5),
        ]


@pytest.mark.parametrize("table", [Posting, Entry, Record])
@pytest.mark.parametrize("change", ["update", "delete", "truncate"])
def test_nothing_is_changed_or_taken_out(
    database: Database, table: type[Posting | Entry | Record], change: str
) -> None:
    post(database)
    with database.write() as session:
        audit.append(session, actor="a", role="administrator", via="key", act="keys.stop")
    changes = {
        Posting: update(Posting).values(memo="other"),
        Entry: update(Entry).values(amount=0),
        Record: update(Record).values(actor="other"),
    }

    def attempt(session: Session) -> None:
        if change == "update":
            session.execute(changes[table])
        elif change == "delete" or database.sqlite:
            session.execute(delete(table))
        else:
            session.execute(text(f"TRUNCATE {table.__tablename__} CASCADE"))

    with pytest.raises(IntegrityError, match="is only added to"), database.write() as session:
        attempt(session)
    assert books.check(database) == []
    assert audit.verify(database) == []


def test_to_restore_a_backup_they_are_emptied_and_sealed_again(database: Database) -> None:
    post(database)
    with database.write() as session, broken(session):
        session.execute(update(Posting).values(memo="other"))
        session.execute(delete(Entry))
        session.execute(delete(Posting))
    post(database)
    with pytest.raises(IntegrityError, match="is only added to"), database.write() as session:
        session.execute(update(Posting).values(memo="other"))


def test_a_life_of_videos_leaves_books_that_add_up(house: House) -> None:
    house.rules(price=1_000)
    ann, bob = house.member(), house.member(Role.CREATIVE_PARTNER)
    create(house, ann, 2.0)
    claim = house.queue.claim("w", ["test-card"])
    assert claim is not None
    house.queue.complete(claim, made(claim))
    cancelled = create(house, ann, 4.0)
    house.use.videos.cancel(ann.id, cancelled.id)
    create(house, bob, 3.0)
    with house.use.database.read() as session:
        found = {one.account: one.amount for one in books.balances(session)}
    assert found == {
        books.spent(ann.id): 2_000,
        books.held(ann.id): 0,
        books.held(bob.id): 3_000,
        f"programme:{house.programme.id}:generation": -5_000,
    }
    assert books.check(house.use.database) == []


def _entry_changed(session: Session, _: str) -> None:
    session.execute(update(Entry).values(amount=Entry.amount + 1))


def _entries_gone(session: Session, _: str) -> None:
    session.execute(delete(Entry))


def _postings_gone(session: Session, _: str) -> None:
    session.execute(delete(Entry))
    session.execute(delete(Posting))


def _reservation_gone(session: Session, _: str) -> None:
    session.execute(delete(Reservation))


def _reservation_ended(session: Session, _: str) -> None:
    session.execute(update(Reservation).values(state="released"))


def _reservation_changed(session: Session, _: str) -> None:
    session.execute(update(Reservation).values(cost=1))


def _video_ended(session: Session, _: str) -> None:
    session.execute(update(Video).values(state="cancelled"))


def _paid_too_much(session: Session, owner: str) -> None:
    books.post(session, "payout", "r1", {books.owed(owner): -1, "payouts": 1}, "EUR")


WRONG: dict[Callable[[Session, str], None], str] = {
    _entry_changed: "not to zero",
    _entries_gone: "in 0 currencies",
    _postings_gone: r"reserved, settled, released: \(0, 0, 0\)",
    _reservation_gone: "without a reservation",
    _reservation_ended: "is released",
    _reservation_changed: "the reservations say 1",
    _video_ended: "what it may cost is held",
    _paid_too_much: "is overdrawn",
}


@pytest.mark.parametrize("harm", WRONG)
def test_what_does_not_add_up_is_found(house: House, harm: Callable[[Session, str], None]) -> None:
    house.rules(price=1_000)
    actor = house.member()
    create(house, actor)
    assert books.check(house.use.database) == []
    with house.use.database.write() as session, broken(session):
        harm(session, actor.id)
    found = books.check(house.use.database)
    assert any(re.search(WRONG[harm], one) for one in found), found
