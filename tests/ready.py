"""Databases of this version without the wait: migrated once a process, and copied from then on."""

from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from sqlalchemy import make_url

from pleinair.service.db import Database
from pleinair.settings import ServiceSettings

TEMPLATE = "ready"


def lay(url: str) -> None:
    """Put tables of this version where SQLite has no file yet."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return
    file = Path(parsed.database)
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_sqlite())


@cache
def _sqlite() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "ready.db"
        _migrate(f"sqlite:///{file}")
        return file.read_bytes()


@cache
def template(server: str) -> str:
    """The name of a database of this version on a server of PostgreSQL, which others copy."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE}".encode())
    url = server.replace("/postgres?", f"/{TEMPLATE}?")
    _migrate(ServiceSettings(database=url).database_url)
    return TEMPLATE


def _migrate(url: str) -> None:
    with closing(Database(url)) as database:
        database.migrate()
