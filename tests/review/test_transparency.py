"""The programme in numbers."""

import pytest

from pleinair.access.actor import Role
from pleinair.review.transparency import Transparency
from pleinair.service import books
from pleinair.service.db import Database
from pleinair.service.programme_tables import Incident, Key, Switch
from tests.access.conftest import House
from tests.review.films import film
from tests.review.test_shares import set_share


def earn(database: Database, subject: str, member: str, amount: int, currency: str) -> None:
    with database.write() as session:
        amounts = {"programme:p:pay": -amount, f"member:{member}:owed": amount}
        books.post(session, "earn.share", subject, amounts, currency)


def test_before_anything_happened_all_is_nothing(house: House) -> None:
    found = house.use.transparency.figures()
    assert (found.asked, found.public, found.hours, found.head) == (0, 0, None, None)
    assert found.decided == {"approved": 0, "refused": 0, "changes_asked": 0}
    assert found.suspensions == found.earned == found.incidents == found.switches == {}


def test_decisions_are_counted_from_the_record(house: House) -> None:
    owner, first, second = house.member(), house.member(Role.REVIEWER), house.member(Role.REVIEWER)
    reviews, shares = house.use.reviews, house.use.shares
    asked = [shares.ask(owner.id, film(house.use, owner)) for _ in range(6)]
    for number, share in enumerate(asked):
        set_share(house, share.id, asked_at=share.asked_at - number * 3600)
    reviews.decide(first, asked[0].id, "approve")
    reviews.decide(first, asked[1].id, "changes", "quality")
    shares.ask(owner.id, asked[1].video_id)
    for share, reason in zip(asked[2:5], ("hate", "hate", "violence"), strict=True):
        reviews.decide(first, share.id, "refuse", reason)
    for share, decision in zip(asked[2:4], ("approve", "refuse"), strict=True):
        shares.appeal(owner.id, share.video_id, "please")
        reviews.appeal(second, share.id, decision, "I looked")
    shares.appeal(owner.id, asked[4].video_id, "please")
    shares.withdraw(owner.id, asked[0].video_id)
    reviews.withdraw(first, asked[2].id, "no")
    house.rules(review="none")
    shares.ask(owner.id, film(house.use, owner))
    found = house.use.transparency.figures()
    assert (found.asked, found.waiting, found.public, found.by_policy) == (7, 3, 1, 1)
    assert found.decided == {"approved": 1, "refused": 3, "changes_asked": 1}
    assert found.refused == {"hate": 2, "violence": 1}
    assert found.hours == pytest.approx(2.0, abs=0.02)
    assert found.appeals == {"made": 3, "won": 1, "lost": 1, "waiting": 1}
    assert found.withdrawn == {"owner": 1, "team": 1}


def test_a_refused_try_is_no_decision(house: House) -> None:
    owner, reviewer = house.member(), house.member(Role.REVIEWER)
    share = house.use.shares.ask(owner.id, film(house.use, owner))
    house.use.reviews.decide(reviewer, share.id, "approve")
    with pytest.raises(Exception, match="approved"):
        house.use.reviews.decide(reviewer, share.id, "approve")
    assert house.use.transparency.figures().decided["approved"] == 1


def test_suspensions_pay_incidents_and_switches_are_counted(house: House) -> None:
    administrator, one, two = house.member(Role.ADMINISTRATOR), house.member(), house.member()
    for member in (one, two):
        house.use.members.suspend(administrator, member.id, "sold a key")
    earn(house.use.database, "a", one.id, 1_500_000, "EUR")
    earn(house.use.database, "b", two.id, 500_000, "EUR")
    earn(house.use.database, "c", two.id, 7_000_000, "USD")
    with house.use.database.write() as session:
        amounts = {f"member:{one.id}:owed": -1_000_000, "bank": 1_000_000}
        books.post(session, "payout", "d", amounts, "EUR")
        common = {"digest": "x", "name": "k", "hint": "k", "scopes": [], "created_at": 1.0}
        session.add(Key(id="key_1", member_id=one.id, **common))
        session.flush()
        for number, verdict in enumerate(("leak", "leak", None)):
            session.add(
                Incident(
                    id=f"inc_{number}",
                    key_id="key_1",
                    kind="use",
                    state="limited",
                    score=1.0,
                    evidence={},
                    began_at=1.0,
                    created_at=1.0,
                    updated_at=1.0,
                    verdict=verdict,
                )
            )
        session.add(
            Switch(id="sw_1", kind="everyone", message="", running="pause", off_at=1.0, off_by="x")
        )
    found = house.use.transparency.figures()
    assert found.suspensions == {"sold a key": 2}
    assert found.earned == {"EUR": 2_000_000, "USD": 7_000_000}
    assert found.incidents == {"leak": 2, "open": 1}
    assert found.switches == {"everyone": 1}
    assert found.head is not None
    assert found.head.number == 2


def test_the_numbers_are_kept_for_a_while(house: House) -> None:
    kept, fresh = Transparency(house.use.database, 1000.0), Transparency(house.use.database, 0.0)
    assert kept.figures().asked == fresh.figures().asked == 0
    owner = house.member()
    house.use.shares.ask(owner.id, film(house.use, owner))
    assert (kept.figures().asked, fresh.figures().asked) == (0, 1)
