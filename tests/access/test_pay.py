"""What members earn and are paid, and what their statements say of it."""

import csv
import io
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from pleinair.access import money
from pleinair.access.actor import Actor, Role
from pleinair.access.statements import read_time, safe
from pleinair.errors import ConflictError, ForbiddenError, InputError, NotFoundError
from pleinair.service import books
from pleinair.service.programme_tables import Contribution, Notice, Posting, Share
from tests.access.conftest import House, Open
from tests.access.test_quotas import create
from tests.service.conftest import made

FEEDBACK: dict[str, Any] = {
    "kind": "feedback",
    "title": "Slow dusk",
    "words": "It takes long.",
    "minutes": 90,
}
REPORT: dict[str, Any] = {"kind": "report", "title": "A face", "words": "It draws a real person."}


def owed(house: House, actor: Actor, currency: str = "EUR") -> int:
    with house.use.database.read() as session:
        return books.balance(session, books.owed(actor.id), currency)


def give(house: House, actor: Actor, amount: int) -> None:
    """Let a member earn an amount."""
    house.rules(pay_hour=amount * 60)
    filed = house.use.contributions.create(actor.id, **FEEDBACK | {"minutes": 1})
    house.use.contributions.decide(house.member(Role.ADMINISTRATOR), filed.id, "accept")


def finished(house: House, actor: Actor) -> str:
    """Id of a new finished video."""
    video = create(house, actor)
    claim = house.queue.claim("w", ["test-card"])
    assert claim is not None
    house.queue.complete(claim, made(claim))
    return video.id


def share(house: House, actor: Actor, video_id: str, name: str) -> Share:
    """A share of a video, as the approving transaction hands it over."""
    with house.use.database.write() as session:
        row = Share(
            id=name,
            video_id=video_id,
            owner=actor.id,
            programme_id=house.programme.id,
            state="approved",
            asked_at=1.0,
            due_at=2.0,
        )
        session.add(row)
        session.flush()
        house.use.pay.earn_share(session, row)
    return row


def test_money_is_read_and_shown_to_the_millionth() -> None:
    for text, micro in (("12.50", 12_500_000), ("0.000001", 1), ("3", 3_000_000)):
        assert money.read("amount", text) == micro
    assert [money.show(one) for one in (12_500_000, 1, -250_000, 0)] == [
        *("12.50", "0.000001", "-0.25", "0.00")
    ]
    for text in ("", "-1", "1e3", "1.0000001", "1,5", "NaN", "٣"):
        with pytest.raises(InputError, match="amount"):
            money.read("amount", text)


def test_a_video_earns_once_however_often_it_is_shared(house: House) -> None:
    house.rules(pay_share=25_000_000)
    actor = house.member()
    video_id = finished(house, actor)
    share(house, actor, video_id, "share_1")
    share(house, actor, video_id, "share_2")
    assert owed(house, actor) == 25_000_000
    share(house, actor, finished(house, actor), "share_3")
    assert owed(house, actor) == 50_000_000
    assert books.check(house.use.database) == []


def test_a_programme_that_pays_nothing_posts_nothing(house: House) -> None:
    actor = house.member()
    share(house, actor, finished(house, actor), "share_1")
    with house.use.database.read() as session:
        kinds = session.scalars(select(Posting.kind)).all()
    assert set(kinds) == {"reserve", "settle"}


def test_accepted_contributions_are_owed_at_the_rates_of_the_programme(house: House) -> None:
    house.rules(pay_report=40_000_000, pay_hour=30_000_000)
    teamer, admin = house.member(Role.RED_TEAMER), house.member(Role.ADMINISTRATOR)
    file, decide = house.use.contributions.create, house.use.contributions.decide
    report, feedback = file(teamer.id, **REPORT), file(teamer.id, **FEEDBACK)
    assert owed(house, teamer) == 0
    decide(admin, report.id, "accept", "Thank you.")
    decide(admin, feedback.id, "accept")
    assert owed(house, teamer) == 40_000_000 + 45_000_000
    refused = file(teamer.id, **FEEDBACK)
    decide(admin, refused.id, "refuse", "That was not feedback.")
    assert owed(house, teamer) == 85_000_000
    with pytest.raises(ConflictError, match="refused already"):
        decide(admin, refused.id, "accept")
    told = [notice.kind for notice in house.use.notices.list(teamer.id)]
    assert sorted(told) == [
        *("contribution.accepted", "contribution.accepted", "contribution.refused"),
        *("pay.earned", "pay.earned"),
    ]
    assert books.check(house.use.database) == []


def test_nobody_decides_about_their_own(house: House) -> None:
    house.rules(pay_hour=1)
    actor = house.member()
    filed = house.use.contributions.create(actor.id, **FEEDBACK)
    house.use.members.update(house.member(Role.ADMINISTRATOR), actor.id, role="administrator")
    promoted = Actor(actor.id, Role.ADMINISTRATOR, "session", session_id="test")
    with pytest.raises(ForbiddenError, match="your own"):
        house.use.contributions.decide(promoted, filed.id, "accept")
    assert [one.state for one in house.use.contributions.list(actor.id)] == ["open"]


def test_what_cannot_be_filed_is_refused(house: House) -> None:
    tester, other = house.member(), house.member()
    file = house.use.contributions.create
    with pytest.raises(ForbiddenError, match="red teamers"):
        file(tester.id, **REPORT)
    with pytest.raises(ForbiddenError, match="no programme"):
        file(house.member(programme_id=None).id, **FEEDBACK)
    theirs = finished(house, other)
    with pytest.raises(NotFoundError):
        file(tester.id, **FEEDBACK, video_id=theirs)
    for change in ({"minutes": 0}, {"minutes": 601}, {"title": " "}, {"words": ""}, {"kind": "x"}):
        with pytest.raises(InputError):
            file(tester.id, **FEEDBACK | change)


def test_at_most_so_many_are_undecided(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pleinair.access.contributions.MOST_OPEN", 2)
    actor = house.member()
    for _ in range(2):
        house.use.contributions.create(actor.id, **FEEDBACK)
    with pytest.raises(ConflictError, match="undecided"):
        house.use.contributions.create(actor.id, **FEEDBACK)


def test_a_payout_is_never_more_than_what_is_owed_and_paid_once(house: House) -> None:
    actor, admin = house.member(), house.member(Role.ADMINISTRATOR)
    give(house, actor, 10_000_000)
    pay = house.use.pay.pay
    with pytest.raises(ConflictError, match=r"is owed 10\.00 EUR, less than 10\.000001"):
        pay(admin, actor.id, "10.000001", "EUR", "T-1")
    with pytest.raises(ConflictError, match=r"is owed 0\.00 USD"):
        pay(admin, actor.id, "1", "USD", "T-1")
    pay(admin, actor.id, "4", "EUR", "T-1")
    with pytest.raises(ConflictError, match="paid before"):
        pay(admin, actor.id, "4", "EUR", "T-1")
    pay(admin, actor.id, "6.00", "EUR", "T-2")
    assert owed(house, actor) == 0
    with pytest.raises(ConflictError):
        pay(admin, actor.id, "0.000001", "EUR", "T-3")
    for wrong in (("0", "EUR", "T"), ("1", "euro", "T"), ("1", "EUR", " "), ("-1", "EUR", "T")):
        with pytest.raises(InputError):
            pay(admin, actor.id, *wrong)
    with pytest.raises(NotFoundError):
        pay(admin, "mem_none", "1", "EUR", "T-4")
    with pytest.raises(ForbiddenError, match="Another administrator"):
        pay(admin, admin.id, "1", "EUR", "T-4")
    with pytest.raises(ForbiddenError):
        pay(actor, actor.id, "1", "EUR", "T-4")
    assert books.check(house.use.database) == []


def shift(house: House, days: float, *kinds: str) -> None:
    """Let postings of these kinds have happened days before: the seal is broken for it."""
    from pleinair.service.seals import broken

    with house.use.database.write() as session, broken(session):
        earlier = update(Posting).where(Posting.kind.in_(kinds))
        session.execute(earlier.values(created_at=Posting.created_at - days * 86_400))


def test_a_statement_opens_and_closes_with_what_is_owed(house: House) -> None:
    house.rules(price=2_000_000)
    actor, admin = house.member(), house.member(Role.ADMINISTRATOR)
    give(house, actor, 10_000_000)
    shift(house, 20, "earn.feedback")
    house.use.pay.pay(admin, actor.id, "4", "EUR", "T-1")
    shift(house, 10, "payout")
    house.rules(pay_share=3_000_000)
    share(house, actor, finished(house, actor), "share_1")
    now = house.use.database.time()
    whole = house.use.statements.of(actor.id)
    assert [line.kind for line in whole.lines] == [
        *("earn.feedback", "payout", "settle", "earn.share")
    ]
    assert [line.balance for line in whole.lines] == [10_000_000, 6_000_000, 6_000_000, 9_000_000]
    assert [line.amount for line in whole.lines] == [10_000_000, -4_000_000, 2_000_000, 3_000_000]
    middle = house.use.statements.of(
        actor.id, str(int(now - 15 * 86_400)), str(int(now - 5 * 86_400))
    )
    (total,) = middle.totals
    assert (total.opening, total.paid, total.earned, total.cost, total.closing) == (
        *(10_000_000, 4_000_000, 0, 0, 6_000_000),
    )
    last = house.use.statements.of(actor.id, str(int(now - 5 * 86_400)))
    assert last.totals[0].opening == middle.totals[0].closing
    assert last.totals[0].closing == owed(house, actor) == 9_000_000
    assert house.use.statements.of(house.member().id).lines == []
    with pytest.raises(InputError, match="not before"):
        house.use.statements.of(actor.id, "2000", "1000")


def test_each_currency_has_its_own_sums(house: House) -> None:
    actor = house.member()
    give(house, actor, 1_000_000)
    house.rules(currency="USD")
    give(house, actor, 2_000_000)
    found = house.use.statements.of(actor.id)
    assert [(one.currency, one.closing) for one in found.totals] == [
        ("EUR", 1_000_000),
        ("USD", 2_000_000),
    ]


def test_times_are_numbers_or_dates() -> None:
    assert read_time("from", "86400") == read_time("from", "1970-01-02") == 86_400
    for wrong in ("yesterday", "2026-13-01", "999999999999", "-1"):
        with pytest.raises(InputError, match="from"):
            read_time("from", wrong)


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1x", "-cmd", "@SUM(A1)", "\t=1", "\r=1", "-1+cmd|' /C'"]
)
def test_no_cell_is_a_formula(cell: str) -> None:
    assert safe(cell) == f"'{cell}"


def test_numbers_and_words_stay_as_they_are() -> None:
    assert [safe(cell) for cell in ("-4.00", "4", "T-1", "")] == ["-4.00", "4", "T-1", ""]


def decide(client: httpx.Client, contribution: dict[str, Any], **body: str) -> httpx.Response:
    return client.post(f"/admin/v1/contributions/{contribution['id']}/decision", json=body)


def test_pay_through_the_routes(open_house: Open) -> None:
    open_house.house.rules(pay_hour=20_000_000)
    actor, member = open_house.as_role()
    _, admin = open_house.as_role(Role.ADMINISTRATOR)
    filed = member.post("/access/v1/contributions", json=FEEDBACK | {"title": "=2+2"}).json()
    assert filed["state"] == "open"
    waiting = admin.get("/admin/v1/contributions", params={"state": "open"}).json()["data"]
    assert waiting == [filed]
    assert decide(member, filed, decision="accept").status_code == 403
    assert decide(admin, filed, decision="maybe").status_code == 400
    assert decide(admin, filed, decision="accept", answer="Thanks.").json()["state"] == "accepted"
    assert decide(admin, filed, decision="accept").status_code == 409
    assert member.get("/access/v1/contributions").json()["data"][0]["answer"] == "Thanks."
    payout = {"member_id": actor.id, "amount": "12.5", "currency": "EUR", "reference": "@T-1"}
    paid = admin.post("/admin/v1/payouts", json=payout)
    assert paid.json()["amount"] == "12.50"
    assert admin.post("/admin/v1/payouts", json=payout).status_code == 409
    told = member.get("/access/v1/statement").json()
    assert told["totals"] == [
        {
            "currency": "EUR",
            "opening": "0.00",
            "earned": "30.00",
            "paid_out": "12.50",
            "generation": "0.00",
            "closing": "17.50",
        }
    ]
    assert [(one["kind"], one["amount"], one["balance"]) for one in told["lines"]] == [
        ("earn.feedback", "30.00", "30.00"),
        ("payout", "-12.50", "17.50"),
    ]
    assert admin.get(f"/admin/v1/members/{actor.id}/statement").json()["totals"] == told["totals"]
    assert member.get(f"/admin/v1/members/{actor.id}/statement").status_code == 403
    answer = member.get("/access/v1/statement", params={"format": "csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert [row[1] for row in rows] == ["kind", "opening", "earn.feedback", "payout", "closing"]
    assert rows[2][3] == "'=2+2"
    assert rows[3][2] == "'@T-1"
    assert rows[-1][-1] == "17.50"
    page = member.get("/access/v1/statement", params={"format": "html", "from": "2020-01-01"})
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["cache-control"] == "no-store"
    assert "17.50" in page.text
    assert "http" not in page.text.replace("http-equiv", "")
    assert "<script" not in page.text
    later = member.get("/access/v1/statement", params={"from": "4000000000", "to": "4000000001"})
    assert later.json()["totals"][0] | {"opening": "17.50"} == later.json()["totals"][0]
    assert later.json()["lines"] == []


def test_the_ledger_is_read_page_by_page(open_house: Open) -> None:
    house = open_house.house
    actor, member = open_house.as_role()
    _, admin = open_house.as_role(Role.ADMINISTRATOR)
    for _ in range(3):
        give(house, actor, 1_000_000)
    first = admin.get("/admin/v1/ledger", params={"limit": 2}).json()
    rest = admin.get(
        "/admin/v1/ledger", params={"limit": 2, "after": first["data"][-1]["id"]}
    ).json()
    assert (first["has_more"], rest["has_more"]) == (True, False)
    seen = [one["id"] for one in first["data"] + rest["data"]]
    assert len(set(seen)) == 3
    assert first["data"][0]["entries"] == [
        {
            "account": f"programme:{house.programme.id}:pay",
            "amount": "-1.00",
            "currency": "EUR",
        },
        {"account": f"member:{actor.id}:owed", "amount": "1.00", "currency": "EUR"},
    ]
    none = admin.get("/admin/v1/ledger", params={"account": "member:nobody:owed"}).json()
    assert none["data"] == []
    balances = admin.get("/admin/v1/ledger/balances").json()["data"]
    assert [(one["account"], one["amount"]) for one in balances] == [
        (f"member:{actor.id}:owed", "3.00"),
        (f"programme:{house.programme.id}:pay", "-3.00"),
    ]
    assert admin.get("/admin/v1/ledger", params={"after": "post_none"}).status_code == 400
    assert member.get("/admin/v1/ledger").status_code == 403


def test_an_acceptance_that_cannot_be_posted_is_none(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.rules(pay_hour=1_000_000)
    actor, admin = house.member(), house.member(Role.ADMINISTRATOR)
    filed = house.use.contributions.create(actor.id, **FEEDBACK)

    def broken(*_: object, **__: object) -> None:
        raise InputError("amounts", 1, "none")

    monkeypatch.setattr(books, "post", broken)
    with pytest.raises(InputError):
        house.use.contributions.decide(admin, filed.id, "accept")
    with house.use.database.read() as session:
        assert session.get_one(Contribution, filed.id).state == "open"
        assert session.scalars(select(Notice.kind).where(Notice.member_id == actor.id)).all() == []
