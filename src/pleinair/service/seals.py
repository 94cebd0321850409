"""Seals: triggers by which the database refuses to change or delete what is only added to.

The migrations set them. `broken` takes them away for a transaction that empties the tables to
restore a backup; nothing else does.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.orm import Session

TABLES = ("audit", "ledger_entries", "ledger_postings")
_WHY = "is only added to"


@contextmanager
def broken(session: Session) -> Iterator[None]:
    """Let this transaction change and delete; the seals are back before it ends."""
    sqlite = session.get_bind().dialect.name == "sqlite"
    for table in TABLES:
        for act in ("update", "delete") if sqlite else ("change", "truncate"):
            on = "" if sqlite else f" ON {table}"
            session.execute(text(f"DROP TRIGGER IF EXISTS {table}_no_{act}{on}"))
    yield
    for table in TABLES:
        for statement in _sqlite(table) if sqlite else _postgresql(table):
            session.execute(text(statement))


def _sqlite(table: str) -> Iterator[str]:
    for act in ("update", "delete"):
        yield (
            f"CREATE TRIGGER {table}_no_{act} BEFORE {act.upper()} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} {_WHY}'); END"
        )


def _postgresql(table: str) -> Iterator[str]:
    yield (
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION pleinair_only_added_to()"
    )
    yield (
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION pleinair_only_added_to()"
    )
