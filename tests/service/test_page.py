import pytest

from pleinair.errors import InputError
from pleinair.service.db import Database
from pleinair.service.page import Page, page
from pleinair.service.tables import File


@pytest.fixture
def filled(database: Database) -> Database:
    with database.write() as session:
        for i in range(7):  # pairs made at the same moment, so that the id decides
            session.add(_file(f"file-{i}", "ann", i // 2))
        session.add(_file("file-of-bob", "bob", 3))
    return database


def _file(id: str, owner: str, time: float) -> File:
    return File(
        id=id,
        owner=owner,
        purpose="batch" if id == "file-4" else "vision",
        filename="a.png",
        size=1,
        sha256="0" * 64,
        key=f"files/{id}",
        created_at=time,
    )


def _walk(database: Database, limit: int, order: str) -> list[str]:
    seen: list[str] = []
    after = None
    with database.read() as session:
        while True:
            found = page(session, File, "ann", after, limit, order)
            assert len(found.items) <= limit
            seen += [item.id for item in found.items]
            if not found.has_more:
                return seen
            after = found.last_id


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 100])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_show_every_row_of_the_owner_once_and_in_order(
    filled: Database, limit: int, order: str
) -> None:
    names = [f"file-{i}" for i in range(7)]
    assert _walk(filled, limit, order) == (names if order == "asc" else names[::-1])


def test_a_page_names_its_ends(filled: Database) -> None:
    with filled.read() as session:
        found = page(session, File, "ann", limit=3)
        assert (found.first_id, found.last_id, found.has_more) == ("file-6", "file-4", True)
        assert page(session, File, "nobody") == Page((), None, None, False)


def test_what_else_must_hold_is_heeded_and_its_rows_still_serve_as_marks(
    filled: Database,
) -> None:
    with filled.read() as session:
        found = page(session, File, "ann", "file-4", 2, "desc", File.purpose == "vision")
        assert [item.id for item in found.items] == ["file-3", "file-2"]


@pytest.mark.parametrize(
    ("after", "limit", "order", "field"),
    [
        ("file-9", 2, "asc", "after"),
        ("file-of-bob", 2, "asc", "after"),
        (None, -1, "asc", "limit"),
        (None, 101, "asc", "limit"),
        (None, 2, "up", "order"),
    ],
)
def test_what_cannot_be_is_refused(
    filled: Database, after: str | None, limit: int, order: str, field: str
) -> None:
    with filled.read() as session, pytest.raises(InputError) as caught:
        page(session, File, "ann", after, limit, order)
    assert caught.value.field == field
