"""The audit: what was written can be read, and what was changed is found."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from pleinair.access import members
from pleinair.access.actor import AT_THE_MACHINE, Role
from pleinair.access.authority import ACTS
from pleinair.access.keys import mint
from pleinair.access.powers import Powers
from pleinair.errors import NotFoundError, PleinairError, StorageError
from pleinair.service import audit
from pleinair.service.audit import Anchor, Head, verify
from pleinair.service.db import Database, leave
from pleinair.service.programme_tables import Record
from pleinair.service.seals import broken
from tests.access.conftest import House, Open, house, house_settings, open_house  # noqa: F401

ACT = "keys.stop"


@pytest.fixture
def powers(database: Database, tmp_path: Path) -> Powers:
    return Powers(database, Anchor(tmp_path / "kept" / "anchor"))


def write(powers: Powers, acts: int = 6) -> None:
    for number in range(acts):
        with powers.act(AT_THE_MACHINE, ACT, f"key_{number}", reason="a tést", n=number):
            pass


def tamper(powers: Powers, change: Callable[[Session], object]) -> None:
    """Do what the database itself refuses while its seals are whole."""
    with powers.database.write() as session, broken(session):
        change(session)


def found(powers: Powers, *, anchored: bool = True) -> list[tuple[int, str]]:
    heads = powers.anchor.heads() if anchored else []
    return [(one.number, one.words) for one in verify(powers.database, heads)]


def test_what_was_written_is_whole(powers: Powers) -> None:
    assert found(powers) == []
    write(powers)
    assert found(powers) == []
    assert audit.count(powers.database) == len(powers.anchor.heads()) == 6


def test_the_database_itself_refuses_changes(powers: Powers) -> None:
    write(powers)
    for statement in (update(Record).values(actor="bob"), delete(Record)):
        with pytest.raises(DBAPIError, match="only added to"), powers.database.write() as session:
            session.execute(statement)
    assert found(powers) == []


def test_an_edit_is_found(powers: Powers) -> None:
    write(powers)
    tamper(powers, lambda s: s.execute(update(Record).where(Record.number == 3).values(actor="b")))
    assert found(powers, anchored=False) == [(3, "was changed after it was written")]


def test_details_that_cannot_be_read_are_found_too(powers: Powers) -> None:
    write(powers)
    broken_json = text("UPDATE audit SET details = :new WHERE number = 2")
    if not powers.database.sqlite:
        broken_json = text("UPDATE audit SET details = CAST(:new AS json) WHERE number = 2")
    new = "{" if powers.database.sqlite else "[]"
    tamper(powers, lambda s: s.execute(broken_json, {"new": new}))
    assert found(powers, anchored=False) == [(2, "was changed after it was written")]


def test_a_deletion_is_found(powers: Powers) -> None:
    write(powers)
    tamper(powers, lambda s: s.execute(delete(Record).where(Record.number == 3)))
    assert found(powers, anchored=False) == [
        (4, "expected number 3"),
        (4, "does not follow the one before it"),
    ]


def test_a_key_in_the_place_of_an_id_is_masked(powers: Powers) -> None:
    secret = mint()
    with powers.act(AT_THE_MACHINE, ACT, secret, reason=f"{secret} was published"):
        pass
    record = audit.read(powers.database)[0]
    assert secret not in f"{record.subject} {record.details}"
    assert record.details["reason"] == "*** was published"
    assert found(powers) == []


def test_an_end_that_was_cut_off_is_found_by_the_anchor_alone(powers: Powers) -> None:
    write(powers)
    tamper(powers, lambda s: s.execute(delete(Record).where(Record.number > 4)))
    assert found(powers, anchored=False) == []
    assert found(powers) == [(5, "is anchored but not there"), (6, "is anchored but not there")]


def test_a_record_that_somebody_added_is_found_once_it_is_a_minute_old(powers: Powers) -> None:
    write(powers)
    with powers.database.write() as session:
        audit.append(session, actor="eve", role="administrator", via="key", act=ACT)
    assert found(powers) == []  # the server itself may be between the act and the anchor
    with powers.database.read() as session:
        rows = session.execute(select(Record.__table__).order_by(Record.number)).all()
    late = [row._asdict() for row in rows]

    def forge(session: Session) -> None:
        session.execute(delete(Record).where(Record.number == 7))
        forged = Record(**{**late[6], "at": late[6]["at"] - 120, "digest": ""})
        forged.digest = audit.seal(forged)
        session.add(forged)
        session.flush()

    tamper(powers, forge)
    assert found(powers) == [(7, "was never anchored")]


def test_an_anchor_that_began_later_vouches_for_what_came_since(powers: Powers) -> None:
    write(powers)
    powers.anchor.path.unlink()
    write(powers, 2)
    assert [head.number for head in powers.anchor.heads()] == [7, 8]
    assert found(powers) == []


def test_a_line_of_the_anchor_that_is_no_head_is_told(powers: Powers) -> None:
    write(powers, 2)
    with powers.anchor.path.open("a") as file:
        file.write('{"number": 3, "dig')
    assert len(powers.anchor.heads()) == 2
    assert [one.words for one in powers.anchor.torn()] == ["line 3 of the anchor is no head"]


def test_records_are_read_newest_first_and_by_what_they_are_about(powers: Powers) -> None:
    write(powers, 4)
    with powers.act(AT_THE_MACHINE, "members.create", "mem_1"):
        pass

    def numbers(**by: Any) -> list[int]:  # noqa: ANN401
        return [one.number for one in audit.read(powers.database, **by)]

    assert numbers() == [5, 4, 3, 2, 1]
    assert numbers(limit=2) == [5, 4]
    assert numbers(before=4, limit=2) == [3, 2]
    assert numbers(act="members.create") == numbers(subject="mem_1") == [5]
    assert numbers(actor="operator", subject="key_2") == [3]
    assert numbers(actor="nobody") == []


def test_an_act_that_breaks_leaves_neither_itself_nor_a_record(house: House) -> None:  # noqa: F811
    use = house.use
    before = audit.count(use.database)

    def crash() -> None:
        with use.powers.act(AT_THE_MACHINE, "members.create") as act:
            members.add(act.session, "Ann", Role.TESTER, house.programme.id)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        crash()
    assert audit.count(use.database) == before
    assert not use.members.list()


def test_an_act_that_is_refused_is_on_record_with_the_reason(house: House) -> None:  # noqa: F811
    boss = house.member(Role.ADMINISTRATOR)
    with pytest.raises(NotFoundError):
        house.use.keys.stop(boss, "key_none", "a test")
    record = audit.read(house.use.database)[0]
    assert (record.actor, record.act, record.subject) == (boss.id, ACT, "key_none")
    assert record.outcome == "No key has the id 'key_none'."


def test_who_is_shut_out_half_way_is_on_record_for_trying(house: House) -> None:  # noqa: F811
    """The refusal is written although the caller may not write."""
    boss, other = house.member(Role.ADMINISTRATOR), house.member(Role.ADMINISTRATOR)
    house.use.members.suspend(other, boss.id, "a test")
    asked = leave.set(lambda session: house.use.admission.check(session, boss, ACTS[ACT]))
    try:
        with pytest.raises(PleinairError, match="suspended"):
            house.use.keys.stop(boss, "key_none", "a test")
    finally:
        leave.reset(asked)
    record = audit.read(house.use.database, act=ACT)[0]
    assert (record.actor, record.outcome) == (boss.id, "This account is suspended: a test.")


def test_without_an_anchor_there_is_no_act(powers: Powers) -> None:
    powers.anchor.path.mkdir(parents=True)
    with pytest.raises(StorageError, match="anchor"):
        write(powers, 1)
    assert audit.count(powers.database) == 0


def test_an_administrator_reads_and_checks_it(open_house: Open) -> None:  # noqa: F811
    boss_actor, boss = open_house.as_role(Role.ADMINISTRATOR)
    for name in ("Ann", "Bob", "Cat"):
        boss.post("/admin/v1/members", json={"name": name, "role": "reviewer"})
    boss.post("/admin/v1/members/mem_none/suspend", json={"reason": "a test"})
    page = boss.get("/admin/v1/audit", params={"limit": 2}).json()
    assert page["has_more"]
    assert [one["act"] for one in page["data"]] == ["members.suspend", "members.create"]
    assert page["data"][0]["outcome"] == "No member has the id 'mem_none'."
    rest = boss.get("/admin/v1/audit", params={"after": page["last_id"]}).json()
    assert not rest["has_more"]
    assert [one["number"] for one in rest["data"]] == [2, 1]
    mine = boss.get("/admin/v1/audit", params={"actor": boss_actor.id, "act": "members.create"})
    assert len(mine.json()["data"]) == 3
    told = boss.get("/admin/v1/audit/verify").json()
    assert (told["whole"], told["records"], told["anchored"], told["found"]) == (True, 4, 4, 0)
    use = open_house.live.services
    tamper(
        use.powers, lambda s: s.execute(update(Record).where(Record.number == 2).values(actor="b"))
    )
    told = boss.get("/admin/v1/audit/verify").json()
    assert not told["whole"]
    assert told["findings"][0]["number"] == 2
    assert open_house.as_role(Role.REVIEWER)[1].get("/admin/v1/audit").status_code == 403


def test_strangers_cannot_fill_it(open_house: Open) -> None:  # noqa: F811
    open_house.as_role()
    for stranger in (open_house.client(), open_house.client("pa_wrong")):
        assert stranger.post("/admin/v1/members", json={}).status_code == 401
    assert audit.count(open_house.live.services.database) == 0
    assert open_house.as_role()[1].post("/admin/v1/members", json={}).status_code == 403
    assert audit.count(open_house.live.services.database) == 1


def test_heads_that_somebody_else_has_kept_count_too(powers: Powers) -> None:
    write(powers, 3)
    with powers.database.read() as session:
        head = audit.head(session)
    assert head
    assert verify(powers.database, [head]) == []
    words = [one.words for one in verify(powers.database, [Head(3, "0" * 64)])]
    assert words == ["is not the one that was anchored"]
