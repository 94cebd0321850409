"""Promise 10: limits are exact however many come at once, and the books add up after anything."""

import os
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, event, select, update

from pleinair.access import members, programmes, quotas
from pleinair.errors import (
    BusyError,
    ConflictError,
    NotFoundError,
    QuotaError,
    UnavailableError,
)
from pleinair.figures import Cell
from pleinair.service import books
from pleinair.service.programme_tables import Reservation
from pleinair.service.tables import ACTIVE, Video
from pleinair.service.videos import Draft, Videos
from pleinair.settings import ServiceSettings
from tests.access.conftest import House, house_of
from tests.postgres import fresh_database, postgres_server
from tests.promises.figure import publish_table
from tests.ready import template
from tests.service.conftest import SMALL, made

FULL = bool(os.environ.get("FIGURES_OUT"))
THREADS = 64
GRANTED = 60
WINDOWS = 50 if FULL else 4  # of each limit on each database
STEPS = 5_000 if FULL else 300  # on each database
STEPS_EACH = 250  # in one database; then begins a new one
SEED = 10
PRICE = 250_000
DATABASES = ("sqlite", "postgresql")
# Each limit as it grants 60 videos of one second; the last two to all members together.
LIMITS = {
    "rate": GRANTED,
    "concurrent": GRANTED,
    "seconds_each": GRANTED,
    "spend_each": GRANTED * PRICE,
    "seconds_all": GRANTED,
    "spend_all": GRANTED * PRICE,
}


@contextmanager
def a_house(kind: str, home: Path, server: str) -> Iterator[House]:
    """A house on a new database of that kind; only its programme limits anything."""
    settings = ServiceSettings(
        home=home, models=("test-card",), rate=0, max_queued=10**9, max_queued_each=10**9
    )
    with _database(kind, server) as url:
        made_house = house_of(replace(settings, database=url) if url else settings)
        try:
            yield made_house
        finally:
            made_house.use.database.close()


@contextmanager
def _database(kind: str, server: str) -> Iterator[str | None]:
    if kind == "sqlite":
        yield None
        return
    with fresh_database(server, template(server)) as url:
        yield url


def small(seconds: float = 1.0) -> Draft:
    return Draft("create", "test-card", replace(SMALL, seconds=seconds), seconds)


def let_in(house: House, owners: Sequence[str], hands: ThreadPoolExecutor) -> int:
    """How many creates of many at the same moment are accepted, one of each of these owners."""
    together = threading.Barrier(len(owners))

    def ask(owner: str) -> bool:
        together.wait()
        try:
            house.use.videos.create(owner, small())
        except (BusyError, QuotaError, UnavailableError):
            return False
        return True

    return sum(hands.map(ask, owners))


def fill(house: House, limit: str, windows: int) -> list[int]:
    """How many were let in, window after window, where 60 are granted."""
    accepted = []
    owners: list[str] = []
    with ThreadPoolExecutor(THREADS) as hands:
        for _ in range(windows):
            if limit == "rate" and owners:  # a minute later
                with house.use.database.write() as session:
                    session.execute(update(Video).values(created_at=Video.created_at - 60))
            else:
                owners = _newcomers(house, limit)
            accepted.append(let_in(house, owners, hands))
    return accepted


def _newcomers(house: House, limit: str) -> list[str]:
    """Who comes at once, in a new programme: as many members, or one as many times."""
    with house.use.database.write() as session:
        programme = programmes.add(session, name=limit, price=PRICE, **{limit: LIMITS[limit]})
        count = THREADS if limit.endswith("_all") else 1
        made_now = [
            members.add(session, f"member {number}", "tester", programme.id, accepted=True).id
            for number in range(count)
        ]
    return made_now * (THREADS // count)


def test_exactly_as_many_are_let_in_as_is_granted(tmp_path: Path, postgres: str) -> None:
    rows: list[dict[str, Cell]] = []
    for kind in DATABASES:
        for limit in LIMITS:
            with a_house(kind, tmp_path / kind / limit, postgres) as house:
                accepted = fill(house, limit, WINDOWS)
                assert books.check(house.use.database) == []
            rows.append(_row(kind, limit, accepted, GRANTED))
        rows.append(_row(kind, "database unreachable", [_unreachable(kind, tmp_path)], 0))
    assert [row for row in rows if row["windows not exact"]] == []
    publish_table(
        "promise-10-limits",
        f"{THREADS} creates at the same moment against an exact limit",
        rows,
        n=sum(int(row["creates"] or 0) for row in rows),
        notes="A window is a new member in a new programme, for the limits of all together 64 "
        "members, for the rate the next minute. Threads of one process, each with a connection.",
    )


def _row(kind: str, limit: str, accepted: list[int], granted: int) -> dict[str, Cell]:
    return {
        "database": kind,
        "limit": limit,
        "windows": len(accepted),
        "creates": len(accepted) * THREADS,
        "granted": granted,
        "least accepted": min(accepted),
        "most accepted": max(accepted),
        "windows not exact": sum(one != granted for one in accepted),
    }


def _unreachable(kind: str, tmp_path: Path) -> int:
    """How many creates are accepted while the database cannot be reached."""
    with ThreadPoolExecutor(THREADS) as hands:
        if kind == "sqlite":
            home = tmp_path / "gone"
            with a_house(kind, home, "") as house:
                owners = [house.member().id] * THREADS
                house.use.database.close()
                home.rename(tmp_path / "elsewhere")
                return let_in(house, owners, hands)
        with postgres_server() as server:
            settings = ServiceSettings(
                home=tmp_path / "pg", models=("test-card",), rate=0, database=server
            )
            house = house_of(settings)
            owners = [house.member().id] * THREADS
        accepted = let_in(house, owners, hands)
        house.use.database.close()
        return accepted


@pytest.mark.parametrize(
    ("limit", "part", "name"),
    [("seconds_all", quotas, "_serialise"), ("seconds_each", Videos, "_serialise")],
)
def test_without_its_lock_more_would_be_let_in(
    limit: str,
    part: object,
    name: str,
    tmp_path: Path,
    postgres: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(part, name, lambda *_: None)
    with a_house("postgresql", tmp_path, postgres) as house:
        assert max(fill(house, limit, 3)) > GRANTED


class CrashError(Exception):
    """The process would have died here."""


@dataclass
class Crashes:
    """Ends a transaction at a chosen statement, or as it is about to be kept.

    Attributes:
        server: where a PostgreSQL connection is killed from; without one an error is raised.
        left: statements until then; None is never.
        hits: how often it came to that.
    """

    house: House
    server: str | None
    left: int | None = None
    hits: int = 0
    _listeners: list[tuple[str, Callable[..., None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        engine = self.house.use.database.engine
        event.listen(engine, "before_cursor_execute", self._before)
        event.listen(engine, "commit", self._commit)

    def _before(self, connection: Connection, *_: object) -> None:
        if self.left is None:
            return
        self.left -= 1
        if self.left < 0:
            self._crash(connection)

    def _commit(self, connection: Connection) -> None:
        if self.left is not None:
            self._crash(connection)

    def _crash(self, connection: Connection) -> None:
        self.left = None
        self.hits += 1
        if self.server is None:
            raise CrashError
        pid = connection.connection.driver_connection.info.backend_pid  # type: ignore[union-attr]
        with psycopg.connect(self.server, autocommit=True) as killer:
            killer.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))


class Walk:
    """A random walk of creates, ends and crashes under two budgets."""

    def __init__(self, house: House, rng: random.Random, server: str | None) -> None:
        self.house = house
        self.rng = rng
        self.crashes = Crashes(house, server)
        self.owners = [house.member().id for _ in range(3)]
        self.most_each, self.most_all = rng.randint(5, 15) * PRICE, rng.randint(15, 30) * PRICE
        house.rules(
            price=PRICE + rng.randint(-3, 3),
            spend_each=self.most_each,
            spend_all=self.most_all,
            period_hours=10.0,
        )
        self.acts: dict[str, Callable[[], object]] = {
            "create": self._create,
            "complete": self._complete,
            "fail": self._fail,
            "cancel": lambda: self.house.use.videos.cancel(*self._any(*ACTIVE)),
            "delete": lambda: self.house.use.videos.delete(*self._any(*ACTIVE, "completed")),
            "rescue": self._rescue,
        }
        self.done = dict.fromkeys((*self.acts, "refused", "crashed", "hours"), 0)
        self.problems: list[str] = []
        self.overspent = 0

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.step()

    def step(self) -> None:
        """One act, whole or cut off somewhere; what it must hold to holds after it."""
        act = self.rng.choices(list(self.acts), (8, 4, 1, 2, 1, 1))[0]
        cut = self.rng.random() < 0.3
        self.crashes.left = self.rng.randint(0, 25) if cut else None
        before = self.crashes.hits
        try:
            self.acts[act]()
            self.done[act] += 1
        except (BusyError, ConflictError, NotFoundError, QuotaError):
            self.done["refused"] += 1
        except (CrashError, UnavailableError):
            assert self.crashes.hits == before + 1
        finally:
            self.crashes.left = None
        self.done["crashed"] += self.crashes.hits - before
        if self.rng.random() < 0.1:
            self._pass(self.rng.uniform(0.5, 4))
        self.look()

    def look(self) -> None:
        """Note where the books do not add up, and where a budget is exceeded."""
        self.problems += books.check(self.house.use.database)
        with self.house.use.database.read() as session:
            time = self.house.use.database.time()
            rows = session.scalars(
                select(Reservation).where(
                    Reservation.state.in_(("held", "settled")),
                    Reservation.created_at > time - 10 * 3600,
                )
            ).all()
        self.overspent += sum(row.cost for row in rows) > self.most_all
        for owner in self.owners:
            mine = sum(row.cost for row in rows if row.owner == owner)
            self.overspent += mine > self.most_each

    def _create(self) -> None:
        self.house.use.videos.create(
            self.rng.choice(self.owners), small(self.rng.choice((0.5, 1.0, 2.3, 4.0)))
        )

    def _complete(self) -> None:
        if claim := self.house.queue.claim("w", ["test-card"]):
            self.house.queue.complete(claim, made(claim))

    def _fail(self) -> None:
        if claim := self.house.queue.claim("w", ["test-card"]):
            self.house.queue.fail(claim, "broken", "It broke.", again=self.rng.random() < 0.3)

    def _rescue(self) -> None:
        with self.house.use.database.write() as session:  # whose workers are silent
            session.execute(update(Video).where(Video.state == "in_progress").values(lease_until=0))
        self.house.queue.rescue()

    def _any(self, *states: str) -> tuple[str, str]:
        alive = select(Video.owner, Video.id).where(
            Video.state.in_(states), Video.deleted_at.is_(None)
        )
        with self.house.use.database.read() as session:
            found = session.execute(alive.order_by(Video.id)).all()
        owner, video_id = self.rng.choice(found) if found else (self.owners[0], "video_none")
        return owner, video_id

    def _pass(self, hours: float) -> None:
        with self.house.use.database.write() as session:
            for table in (Video, Reservation):
                session.execute(update(table).values(created_at=table.created_at - hours * 3600))
        self.done["hours"] += 1


def test_the_books_add_up_after_every_step_and_every_crash(tmp_path: Path, postgres: str) -> None:
    rows: list[dict[str, Cell]] = []
    for kind in DATABASES:
        rng = random.Random(SEED)
        total: dict[str, int] = {}
        problems: list[str] = []
        overspent = 0
        for number in range(0, STEPS, STEPS_EACH):
            with a_house(kind, tmp_path / kind / str(number), postgres) as house:
                walk = Walk(house, rng, None if kind == "sqlite" else postgres)
                walk.run(min(STEPS_EACH, STEPS - number))
                total = {name: total.get(name, 0) + n for name, n in walk.done.items()}
                problems += walk.problems
                overspent += walk.overspent
        assert min(total.values()) > 0, total
        assert (problems, overspent) == ([], 0)
        row: dict[str, Cell] = {"database": kind, "steps": STEPS, "problems": len(problems)}
        rows.append({**row, "overspent": overspent, **total})
    publish_table(
        "promise-10-books",
        "Random creates, ends and crashes; the books are checked after each",
        rows,
        n=STEPS * len(DATABASES),
        seeds=[SEED],
        notes="A crash on SQLite is an error raised at a random statement or before the commit; "
        "on PostgreSQL the connection is killed there. Hours pass in one step of ten.",
    )


def test_without_the_release_of_a_cancel_it_would_show(
    tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books, "release", lambda *_: None)
    with a_house("sqlite", tmp_path, postgres) as house:
        walk = Walk(house, random.Random(SEED), None)
        walk.run(100)
    assert any("may cost is held" in problem for problem in walk.problems)
