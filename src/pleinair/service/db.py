"""The database: SQLite in a file or PostgreSQL, one schema, two kinds of transaction.

``read()`` looks, ``write()`` changes. A write on SQLite takes the lock at its start, so that it
never fails half-way because another write came between; keep it free of input and output.
Times are seconds since 1970 by the database's own clock, `now`, so that machines whose clocks
differ still agree on who holds a lease.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Double, Engine, create_engine, event, make_url, select, text
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import FunctionElement

from pleinair.errors import InputError, UnavailableError

_MIGRATIONS = Path(__file__).parent / "migrations"

leave: ContextVar[Callable[[Session], None] | None] = ContextVar("leave", default=None)
"""Whether the caller of this request may write: asked in every transaction that does.

Being asked where the change is made, it cannot be forgotten by a route, and nobody slips through
between a look and a write. It raises what the caller is told.
"""


class now(FunctionElement[float]):  # noqa: N801  # reads as the SQL that it becomes
    """Seconds since 1970 by the database's clock, to the millisecond at least."""

    type = Double()
    inherit_cache = True


@compiles(now, "sqlite")
def _now_sqlite(*_: object, **__: object) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(now, "postgresql")
def _now_postgresql(*_: object, **__: object) -> str:
    return "extract(epoch from clock_timestamp())::double precision"


class Database:
    """One database, ready for many threads.

    Args:
        url: for SQLAlchemy, such as ``sqlite:////srv/pleinair.db``.

    Raises:
        InputError: the URL is of no database that is supported.
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self.sqlite = self.engine.dialect.name == "sqlite"
        self._reader = self.engine.execution_options(begin="BEGIN")
        self._writer = self.engine.execution_options(begin="BEGIN IMMEDIATE")
        # Threads of one process queue here instead of polling SQLite's lock.
        self._turn = threading.Lock() if self.sqlite else nullcontext()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that looks; raises UnavailableError when the database cannot be reached."""
        with _reached(), Session(self._reader, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that changes: all of it is kept at its end, or none if it raises.

        Raises:
            UnavailableError: the database cannot be reached, or stays locked for half a minute.
            PleinairError: what `leave` says.
        """
        with (
            _reached(),
            self._turn,
            Session(self._writer, expire_on_commit=False) as session,
            session.begin(),
        ):
            if ask := leave.get():
                ask(session)
            yield session

    def time(self) -> float:
        """The database's time, seconds since 1970."""
        with self.read() as session:
            return session.scalars(select(now())).one()

    def migrate(self) -> None:
        """Bring the tables to this version; many processes may do so at once."""
        with _reached(), self.engine.connect() as connection:
            if self.sqlite:
                connection = connection.execution_options(begin="BEGIN IMMEDIATE")
            with connection.begin():
                if not self.sqlite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(7310255)"))
                config = _config()
                config.attributes["connection"] = connection
                command.upgrade(config, "head")

    def is_current(self) -> bool:
        """Whether the tables are of this version."""
        try:
            with self.read() as session:
                found = session.execute(text("SELECT version_num FROM alembic_version")).scalar()
        except UnavailableError:
            raise
        except DBAPIError:
            return False
        return found == newest()

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def newest() -> str | None:
    """The revision of this version's tables."""
    return ScriptDirectory.from_config(_config()).get_current_head()


@contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except DataError as error:  # PostgreSQL's text has no NUL; SQLite would take it
        raise InputError("text", str(error.orig), "text without NUL") from error
    except (OperationalError, InterfaceError) as error:
        if "no such table" in str(error.orig):
            raise
        raise UnavailableError(f"the database cannot be reached: {error.orig}") from error


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise InputError("database", url[:20], "sqlite:///FILE or postgresql://…") from error
    if parsed.get_backend_name() == "sqlite":
        if parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(
            parsed, pool_size=10, max_overflow=60, connect_args={"check_same_thread": False}
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if parsed.get_backend_name() == "postgresql":
        return create_engine(parsed, pool_size=10, max_overflow=60, pool_pre_ping=True)
    raise InputError("database", parsed.get_backend_name(), "sqlite, postgresql")


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # transactions begin where we say so
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # what was acknowledged is on the disk
        "busy_timeout=30000",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")
    # Its own knows no letters but those of English; a search for "été" is to find "Été".
    connection.create_function("lower", 1, _lower, deterministic=True)


def _lower(text: str | bytes | float | None) -> str | bytes | float | None:
    return text.lower() if isinstance(text, str) else text


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
