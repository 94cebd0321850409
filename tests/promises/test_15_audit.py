"""Promise 15: no act of power without its record, and no record changed without it showing.

Whoever may write the database can break its seals, so they are broken here. What they do not have
is the anchor, which is kept where they cannot write: without it, an end that was cut off and a
whole that was written anew with new digests look right, and the last columns of the figure say so.
"""

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, event, insert, select
from sqlalchemy.exc import OperationalError

from pleinair.access.actor import AT_THE_MACHINE, Role
from pleinair.access.authority import RULES
from pleinair.access.powers import Powers
from pleinair.api.services import Services
from pleinair.service import audit
from pleinair.service.audit import START, Anchor, Head, verify
from pleinair.service.db import Database
from pleinair.service.letter_tables import Signature
from pleinair.service.programme_tables import Flag, Incident, Member, Programme, Record, Switch
from pleinair.service.seals import broken
from tests.access.conftest import Open
from tests.access.conftest import ask as ask
from tests.access.conftest import house_settings as house_settings
from tests.access.conftest import open_house as open_house
from tests.promises.figure import publish, publish_table

FULL = bool(os.environ.get("FIGURES_OUT"))
EACH = 200 if FULL else 10  # tamperings of each kind
CHAIN = 300 if FULL else 60  # records
SEED = 15
Row = dict[str, Any]
ACTS = [rule.act for rule in RULES if rule.power]


def edit(rows: list[Row], rng: random.Random) -> None:
    """Change a field of a record; half of the time with the digest that it should then have."""
    row = rng.choice(rows[:-1])
    field = rng.choice(("at", "actor", "role", "via", "act", "subject", "outcome", "details"))
    row[field] = {
        "at": row["at"] - 3600,
        "details": {**row["details"], "note": rng.random()},
    }.get(field, f"{row[field]}x")
    if rng.random() < 0.5:
        row["digest"] = audit.seal(Record(**row))


def take_out(rows: list[Row], rng: random.Random) -> None:
    """Delete one, and half of the time close the gap in the numbers."""
    place = rng.randrange(len(rows) - 1)
    del rows[place]
    if rng.random() < 0.5:
        for row in rows[place:]:
            row["number"] -= 1


def swap(rows: list[Row], rng: random.Random) -> None:
    """Change the order of two."""
    one, other = rng.sample(range(len(rows)), 2)
    rows[one], rows[other] = rows[other], rows[one]
    rows[one]["number"], rows[other]["number"] = rows[other]["number"], rows[one]["number"]


def cut_off(rows: list[Row], rng: random.Random) -> None:
    """Take away the end."""
    del rows[-rng.randint(1, len(rows) // 2) :]


def write_anew(rows: list[Row], rng: random.Random) -> None:
    """Change one, or leave one out, and write all that follows with new digests."""
    place = rng.randrange(len(rows) - 1)
    if rng.random() < 0.5:
        rows[place]["actor"] += "x"
    else:
        del rows[place]
    previous = START
    for number, row in enumerate(rows, 1):
        row |= {"number": number, "previous": previous}
        previous = row["digest"] = audit.seal(Record(**row))


KINDS: dict[str, Callable[[list[Row], random.Random], None]] = {
    "edit": edit,
    "deletion": take_out,
    "swap": swap,
    "truncation": cut_off,
    "whole rewrite": write_anew,
}


def put(database: Database, rows: list[Row]) -> None:
    """Make these rows the audit."""
    with database.write() as session, broken(session):
        session.execute(delete(Record))
        session.execute(insert(Record), rows)


def test_every_tampering_shows_against_the_anchor(database: Database, tmp_path: Path) -> None:
    powers = Powers(database, Anchor(tmp_path / "anchor"))
    rng = random.Random(SEED)
    for number in range(CHAIN):
        act, subject = rng.choice(ACTS), f"mem_{rng.randrange(40)}"
        with powers.act(AT_THE_MACHINE, act, subject, reason="a reason", number=number):
            pass
    with database.read() as session:
        columns = select(Record.__table__).order_by(Record.number)
        whole = [dict(row._mapping) for row in session.execute(columns)]
    heads = powers.anchor.heads()
    table: list[dict[str, str | int]] = []
    for kind, tamper in KINDS.items():
        found, alone = 0, 0
        for _ in range(EACH):
            rows = deepcopy(whole)
            tamper(rows, rng)
            put(database, rows)
            found += bool(verify(database, heads))
            alone += bool(verify(database))
        table.append(
            {
                "tampering": kind,
                "done": EACH,
                "found": found,
                "found without the anchor": alone,
            }
        )
    put(database, whole)
    assert verify(database, heads) == [], "and nothing is found in what is whole"
    assert [row["found"] for row in table] == [EACH] * len(KINDS), table
    without = {row["tampering"]: row["found without the anchor"] for row in table}
    assert without["truncation"] == without["whole rewrite"] == 0, "which is why it is there"
    publish_table(
        f"promise-15-{database.engine.dialect.name}",
        f"Tamperings of a record of {CHAIN} acts on {database.engine.dialect.name}",
        table,
        n=EACH * len(KINDS),
        seeds=[SEED],
    )


def test_one_kept_head_is_enough_for_what_was_before_it(database: Database, tmp_path: Path) -> None:
    """An operator who only ever writes down one number finds a rewriting of what came before."""
    powers = Powers(database, Anchor(tmp_path / "anchor"))
    for number in range(20):
        with powers.act(AT_THE_MACHINE, "keys.stop", f"key_{number}"):
            pass
    last = powers.anchor.heads()[-1]
    with database.read() as session:
        rows = [dict(row._mapping) for row in session.execute(select(Record.__table__))]
    write_anew(rows, random.Random(1))
    put(database, rows)
    assert verify(database) == []
    assert verify(database, [Head(last.number, last.digest)])


@dataclass(frozen=True)
class Step:
    """An act of power as it is called: what must be on record for it."""

    act: str
    path: str
    body: Row


def steps(use: Services, made: Open, asked: Callable[..., httpx.Response]) -> Iterator[Step]:
    """Every act of power with success, each in the state that it needs."""
    tester, client = made.as_role(Role.TESTER)
    programme = made.house.programme.id
    yield Step("programmes.create", "programmes", {"name": "Another"})
    yield Step("programmes.update", f"programmes/{programme}", {"rate": 100, "pay_share": 10**6})
    yield Step("members.create", "members", {"name": "Bot", "role": "reviewer"})
    yield Step("members.update", f"members/{tester.id}", {"name": "Tess"})
    yield Step("members.suspend", f"members/{tester.id}/suspend", {"reason": "a test"})
    yield Step("members.reinstate", f"members/{tester.id}/reinstate", {})
    yield Step("invitations.create", "invitations", {"role": "reviewer"})
    invitation = use.invitations.list()[0].id
    yield Step("invitations.revoke", f"invitations/{invitation}/revoke", {})
    with use.database.write() as session:
        row = {"address": "a", "name": "Ann", "who": "", "shown": True, "confirmed_at": 1.0}
        session.add(Signature(id="sig_test", **row))
    yield Step("signatures.remove", "signatures/sig_test/remove", {"reason": "no person"})
    yield Step("keys.issue", "keys", {"name": "decoy"})
    decoy = use.keys.all()[0].id
    yield Step("keys.stop", f"keys/{decoy}/revoke", {"reason": "a test"})
    yield Step("switches.off", "switches", {"kind": "everyone", "message": "A test."})
    yield Step("switches.on", f"switches/{use.switchboard.list()[0][0].id}/on", {})
    videos = [asked(client).json()["id"] for _ in range(2)]
    for video in videos:
        made.live.finish(video)
    first, second = (
        client.post(f"/v1/videos/{video}/share", json={"title": "Mine"}).json()["id"]
        for video in videos
    )
    no = {"decision": "refuse", "reason": "other", "words": "A test."}
    yield Step("reviews.decide", f"reviews/{first}/decision", {"decision": "approve"})
    yield Step("reviews.decide", "reviews/decisions", {"share_ids": [second], **no})
    client.post(f"/v1/videos/{videos[1]}/share/appeal", json={"words": "Look again."})
    yield Step("reviews.appeal", f"reviews/{second}/appeal", {**no, "reason": None})
    yield Step("reviews.withdraw", f"reviews/{first}/withdraw", {"words": "A test."})
    held, key = asked(client).json()["id"], made.house.key(tester)[0]
    with use.database.write() as session:
        session.add(
            Flag(id="flag_1", video_id=held, source="test", label="x", hold=True, created_at=1.0)
        )
        session.add(
            Incident(
                **{"id": "inc_1", "key_id": key, "member_id": tester.id, "kind": "use"},
                **{"state": "limited", "score": 1.0, "evidence": {}, "began_at": 1.0},
                **{"created_at": 1.0, "updated_at": 1.0},
            )
        )
    yield Step("flags.clear", f"held/{held}/clear", {})
    yield Step("incidents.close", "incidents/inc_1/close", {"verdict": "honest"})
    paper = {"kind": "feedback", "title": "Thoughts", "words": "Good.", "minutes": 30}
    work = client.post("/access/v1/contributions", json=paper).json()["id"]
    yield Step("contributions.decide", f"contributions/{work}/decision", {"decision": "accept"})
    money = {"member_id": tester.id, "amount": "0.50", "currency": "EUR", "reference": "T1"}
    yield Step("ledger.pay", "payouts", money)


def failing(made: Open) -> list[Step]:
    """Every act of power on what is not there."""
    no = {"decision": "refuse", "reason": "other", "words": "A test."}
    pay = {"member_id": "mem_none", "amount": "1", "currency": "EUR", "reference": "T0"}
    gone = {"role": "tester", "programme_id": "prog_none"}
    return [
        Step("programmes.update", "programmes/prog_none", {"rate": 1}),
        Step("members.create", "members", {"name": "X", **gone}),
        Step("members.update", "members/mem_none", {"name": "X"}),
        Step("members.suspend", "members/mem_none/suspend", {"reason": "a test"}),
        Step("members.reinstate", "members/mem_none/reinstate", {}),
        Step("invitations.create", "invitations", gone),
        Step("invitations.revoke", "invitations/inv_none/revoke", {}),
        Step("keys.issue", "keys", {"name": "x", "member_id": "mem_none"}),
        Step("keys.stop", "keys/key_none/revoke", {"reason": "a test"}),
        Step("switches.off", "switches", {"kind": "key", "target": "key_none", "message": "x"}),
        Step("switches.on", "switches/off_none/on", {}),
        Step("reviews.decide", "reviews/share_none/decision", no),
        Step("reviews.appeal", "reviews/share_none/appeal", {**no, "reason": None}),
        Step("reviews.withdraw", "reviews/share_none/withdraw", {"words": "A test."}),
        Step("flags.clear", "held/video_none/clear", {}),
        Step("incidents.close", "incidents/inc_none/close", {"verdict": "honest"}),
        Step("contributions.decide", "contributions/con_none/decision", {"decision": "accept"}),
        Step("ledger.pay", "payouts", pay),
    ]


def call(client: httpx.Client, step: Step) -> httpx.Response:
    body = {name: value for name, value in step.body.items() if value is not None}
    return client.post(f"/admin/v1/{step.path}", json=body)


def test_every_act_is_on_record_and_every_refusal(
    open_house: Open, ask: Callable[..., httpx.Response]
) -> None:
    use = open_house.live.services
    boss_actor, boss = open_house.as_role(Role.ADMINISTRATOR)
    _, second = open_house.as_role(Role.ADMINISTRATOR)
    _, tester = open_house.as_role()
    calls: Counter[str] = Counter()
    missing = []

    def tried(client: httpx.Client, step: Step, statuses: set[int]) -> None:
        before = audit.count(use.database)
        answer = call(client, step)
        assert answer.status_code in statuses, (step, answer.text)
        fresh = audit.read(use.database, limit=max(1, audit.count(use.database) - before))
        done = statuses == {200}
        mine = [one for one in fresh if one.act == step.act and (one.outcome == "done") is done]
        calls["done" if done else "refused"] += 1
        if audit.count(use.database) == before or len(mine) != 1:
            missing.append((step, [(one.act, one.outcome) for one in fresh]))

    for step in failing(open_house):
        tried(boss, step, {404})
        tried(tester, step, {403})
    covered = set()
    for step in steps(use, open_house, ask):
        tried(second if step.act == "reviews.appeal" else boss, step, {200})
        covered.add(step.act)
    assert covered == set(ACTS), "every act of the table is called"
    assert not missing, missing
    assert verify(use.database, use.powers.anchor.heads()) == []
    assert {one.actor for one in audit.read(use.database, act="switches.off")} >= {boss_actor.id}
    broken_off, without = _break(use, boss)
    publish(
        "promise-15-acts",
        "Acts of power and their records",
        {
            "acts": len(ACTS),
            "done, on record": calls["done"],
            "refused, on record": calls["refused"],
            "without a record": len(missing),
            "refused while the anchor or the record cannot be written": broken_off,
            "of these done all the same": without,
        },
        n=sum(calls.values()) + broken_off,
    )


def _state(use: Services) -> list[Any]:
    with use.database.read() as session:
        return [
            sorted(tuple(map(repr, row)) for row in session.execute(select(table.__table__)))
            for table in (Member, Programme, Switch, Record)
        ]


def _break(use: Services, boss: httpx.Client) -> tuple[int, int]:
    """Try acts while the anchor is no file, and while the record takes nothing."""
    tries = [
        Step("programmes.create", "programmes", {"name": "Never"}),
        Step("members.create", "members", {"name": "Never", "role": "reviewer"}),
        Step("invitations.create", "invitations", {"role": "reviewer"}),
        Step("keys.issue", "keys", {"name": "never"}),
        Step("switches.off", "switches", {"kind": "everyone", "message": "Never."}),
    ]
    before, refused = _state(use), 0
    anchor = use.powers.anchor.path
    aside = anchor.rename(anchor.with_suffix(".aside"))
    anchor.mkdir()
    for step in tries:
        answer = call(boss, step)
        assert answer.status_code == 503, answer.text
        assert "anchor" in answer.json()["error"]["message"]
        refused += 1
    anchor.rmdir()
    aside.rename(anchor)

    def full(_: Any, __: Any, statement: str, *___: Any) -> None:  # noqa: ANN401
        if statement.startswith("INSERT INTO audit"):
            raise OperationalError(statement, None, Exception("disk full"))

    event.listen(use.database.engine, "before_cursor_execute", full)
    for step in tries:
        assert call(boss, step).status_code == 503
        refused += 1
    event.remove(use.database.engine, "before_cursor_execute", full)
    after = _state(use)
    return refused, sum(one != other for one, other in zip(before, after, strict=True))


def test_numbers_follow_each_other_when_many_act_at_once(
    database: Database, tmp_path: Path
) -> None:
    powers = Powers(database, Anchor(tmp_path / "anchor"))

    def act(number: int) -> None:
        with powers.act(AT_THE_MACHINE, "keys.stop", f"key_{number}"):
            pass

    with ThreadPoolExecutor(8) as hands:
        list(hands.map(act, range(40)))
    records = audit.read(database, limit=100)
    assert [one.number for one in records] == list(range(40, 0, -1))
    assert all(one.previous == before.digest for one, before in pairwise(records))
    assert verify(database, powers.anchor.heads()) == []


def test_without_the_anchor_a_rewriting_would_not_show(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Anchor, "keep", lambda _, head: None)
    powers = Powers(database, Anchor(tmp_path / "anchor"))
    for number in range(10):
        with powers.act(AT_THE_MACHINE, "keys.stop", f"key_{number}"):
            pass
    with database.read() as session:
        rows = [dict(row._mapping) for row in session.execute(select(Record.__table__))]
    write_anew(rows, random.Random(1))
    put(database, rows)
    assert verify(database, powers.anchor.heads()) == []
