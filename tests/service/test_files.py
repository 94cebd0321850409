from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from pleinair.errors import InputError, NotFoundError
from pleinair.media.digest import digest
from pleinair.service import files as module
from pleinair.service.db import Database
from pleinair.service.files import PURPOSES, Files
from pleinair.service.storage import Storage
from pleinair.service.tables import File


@pytest.fixture
def files(database: Database, storage: Storage) -> Files:
    return Files(database, storage)


def _expire(files: Files, file: File) -> None:
    with files.database.write() as session:
        session.execute(update(File).where(File.id == file.id).values(expires_at=1.0))


@pytest.mark.parametrize("purpose", PURPOSES)
def test_what_is_kept_is_given_back(files: Files, tmp_path: Path, purpose: str) -> None:
    (tmp_path / "lines").write_bytes(b"{}\n" * 3)
    for data in (b"{}\n" * 3, tmp_path / "lines"):
        made = files.create("ann", "lines.jsonl", data, purpose)
        found = files.get("ann", made.id)
        assert (found.filename, found.size, found.purpose) == ("lines.jsonl", 9, purpose)
        assert found.id.startswith("file-")
        assert files.content("ann", made.id) == b"{}\n" * 3
        assert b"".join(files.stream("ann", made.id)) == b"{}\n" * 3
    assert made.sha256 == digest(b"{}\n" * 3) == digest(tmp_path / "lines")


def test_nobody_reaches_anothers_file(files: Files) -> None:
    made = files.create("ann", "a.png", b"x", "vision")
    reach: tuple[Callable[[str, str], object], ...] = (
        files.get,
        files.content,
        files.stream,
        files.delete,
    )
    for ask in reach:
        with pytest.raises(NotFoundError) as caught:
            ask("bob", made.id)
        with pytest.raises(NotFoundError) as absent:
            ask("bob", "file-0")
        assert str(caught.value).replace(made.id, "file-0") == str(absent.value)
    assert files.list("bob").items == ()
    with pytest.raises(InputError, match="after"):
        files.list("bob", after=made.id)
    assert files.content("ann", made.id) == b"x"


def test_a_deleted_file_leaves_nothing(files: Files) -> None:
    made = files.create("ann", "a.png", b"x", "vision")
    files.delete("ann", made.id)
    with pytest.raises(NotFoundError):
        files.get("ann", made.id)
    assert list(files.storage.list()) == []


def test_what_has_expired_is_not_seen_and_goes_when_tidied(files: Files) -> None:
    old = files.create("ann", "a.png", b"x", "vision", 3600)
    kept = files.create("ann", "b.png", b"y", "vision", 3600)
    always = files.create("ann", "c.png", b"y", "vision")
    assert old.expires_at == old.created_at + 3600
    assert always.expires_at is None
    _expire(files, old)
    with pytest.raises(NotFoundError):
        files.content("ann", old.id)
    assert [file.id for file in files.list("ann", order="asc").items] == [kept.id, always.id]
    assert (files.tidy(), files.tidy()) == (1, 0)
    assert set(files.storage.list()) == {kept.key, always.key}


def test_inputs_of_batches_expire_after_thirty_days_unless_told_otherwise(files: Files) -> None:
    for asked, seconds in ((None, 2_592_000), (7200, 7200)):
        made = files.create("ann", "a.jsonl", b"x", "batch", asked)
        assert made.expires_at == made.created_at + seconds


def test_a_list_can_be_of_one_purpose(files: Files) -> None:
    seen = files.create("ann", "a.png", b"x", "vision")
    files.create("ann", "a.jsonl", b"x", "batch")
    assert [file.id for file in files.list("ann", purpose="vision").items] == [seen.id]


@pytest.mark.parametrize(
    ("filename", "purpose", "after", "field"),
    [
        ("a.png", "movies", None, "purpose"),
        ("a.png", "", None, "purpose"),
        ("", "vision", None, "filename"),
        ("folder/", "vision", None, "filename"),
        ("a\r\nset-cookie: b", "vision", None, "filename"),
        ("a" * 256, "vision", None, "filename"),
        ("a.png", "vision", 3599, "expires_after"),
        ("a.png", "vision", 2_592_001, "expires_after"),
        ("a.png", "vision", 0, "expires_after"),
    ],
)
def test_what_is_not_allowed_is_refused(
    files: Files, filename: str, purpose: str, after: int | None, field: str
) -> None:
    with pytest.raises(InputError) as caught:
        files.create("ann", filename, b"x", purpose, after)
    assert caught.value.field == field
    assert list(files.storage.list()) == []


@pytest.mark.parametrize(("purpose", "most"), [("batch", "MOST_BATCH"), ("vision", "MOST")])
def test_a_file_has_a_largest_size(
    files: Files, monkeypatch: pytest.MonkeyPatch, purpose: str, most: str
) -> None:
    monkeypatch.setattr(module, most, 4)
    files.create("ann", "a", b"1234", purpose)
    with pytest.raises(InputError, match="at most 4 bytes"):
        files.create("ann", "a", b"12345", purpose)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("../../etc/passwd", "passwd"), ("C:\\films\\été.mp4", "été.mp4"), ("a b.txt", "a b.txt")],
)
def test_a_name_is_kept_without_its_folders(files: Files, sent: str, kept: str) -> None:
    assert files.create("ann", sent, b"x", "vision").filename == kept


def test_a_file_is_kept_together_with_what_comes_with_it_or_not_at_all(files: Files) -> None:
    def refuse(session: Session, file: File) -> None:
        assert session.get(File, file.id) is file
        raise ConnectionError

    with pytest.raises(ConnectionError):
        files.create("ann", "out.jsonl", b"x", "batch_output", on_create=refuse)
    assert files.list("ann").items == ()
    assert list(files.storage.list()) == []
