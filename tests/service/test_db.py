import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, select, update

from pleinair.errors import InputError, UnavailableError
from pleinair.request import VideoRequest
from pleinair.service.db import Database
from pleinair.service.schema import Base
from pleinair.service.tables import Character


def _character(name: str) -> Character:
    return Character(id=name, owner="ann", name=name, sha256="0" * 64, created_at=1.0)


def _count(database: Database) -> int:
    with database.read() as session:
        return session.scalars(select(func.count()).select_from(Character)).one()


def test_the_migrations_make_the_tables_that_the_code_has(database: Database) -> None:
    assert database.is_current()
    with database.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    assert differences == []


def test_a_new_database_is_not_current_until_it_is_migrated_by_many_at_once(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'new' / 'test.db'}")
    assert not database.is_current()
    threads = [threading.Thread(target=database.migrate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.is_current()
    database.close()


def test_a_write_is_kept_whole_or_not_at_all(database: Database) -> None:
    def half() -> None:
        with database.write() as session:
            session.add(_character("one"))
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert _count(database) == 0
    with database.write() as session:
        session.add(_character("one"))
    assert _count(database) == 1


def test_writers_at_once_do_not_fail(database: Database) -> None:
    with database.write() as session:
        session.add(_character("one"))
    errors: list[Exception] = []

    def write() -> None:
        try:
            for _ in range(20):
                with database.write() as session:
                    more = update(Character).values(created_at=Character.created_at + 1)
                    session.execute(more)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with database.read() as session:
        assert session.scalars(select(Character.created_at)).one() == 121.0


def test_the_clock_is_the_databases_and_right(database: Database) -> None:
    assert abs(database.time() - time.time()) < 5
    assert database.time() <= database.time()


def test_text_that_a_database_cannot_hold_is_the_callers_mistake() -> None:
    with pytest.raises(InputError, match="without NUL"):
        VideoRequest("a lake\0")


def test_a_nul_in_a_look_up_finds_nothing_or_is_refused(database: Database) -> None:
    with suppress(InputError), database.read() as session:
        assert session.get(Character, "char\0") is None


@pytest.mark.parametrize("url", ["mysql://somewhere/db", "nonsense", "sqlserver+x://y"])
def test_another_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="database"):
        Database(url)


def test_a_database_that_cannot_be_reached_says_so() -> None:
    database = Database("postgresql+psycopg://nobody@127.0.0.1:1/none")
    with pytest.raises(UnavailableError, match="cannot be reached"):
        database.time()
