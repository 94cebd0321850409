import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from pleinair.cli import main
from pleinair.errors import ConflictError, InputError, StorageError
from pleinair.service import backup as backups
from pleinair.service import restore as restoring
from pleinair.service.backup import take
from pleinair.service.db import Database, now
from pleinair.service.endpoints import Endpoints
from pleinair.service.fetch import Guard
from pleinair.service.manifest import Manifest
from pleinair.service.queue import Queue
from pleinair.service.restore import PASSING, restore
from pleinair.service.schema import Base
from pleinair.service.storage import Storage
from pleinair.service.tables import (
    Artifact,
    Batch,
    BatchLine,
    Character,
    Delivery,
    File,
    IdempotencyKey,
    Material,
    Video,
    Worker,
)
from pleinair.service.videos import Call, Videos
from pleinair.settings import ServiceSettings
from tests.service.shelf import finish, loose, rows
from tests.service.test_storage import bucket as bucket
from tests.service.test_storage import s3 as s3

Ask = Callable[..., Video]
on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""For what the kind of database has nothing to do with."""


def stored(storage: Storage, key: str, data: bytes) -> dict[str, Any]:
    """Put a file; what its row says of it."""
    storage.put(key, data)
    return {"key": key, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


@pytest.fixture
def done(database: Database, storage: Storage, queue: Queue, ask: Ask) -> str:
    """A server in full use, with something in every table; the id of its finished video."""
    Endpoints(database, b"secret", Guard()).create(
        "ann", "é", "https://a.example/hook", ["video.completed"]
    )
    ask()
    done = finish(queue, storage)
    ask(call=Call(fingerprint="f", key="k"))
    running = queue.claim("w1", ["test-card"])
    assert running is not None
    queue.show(running, b"\xff\xd8\x00", 1)
    ask()
    with database.write() as session:
        clip = stored(storage, "materials/abc", b"a clip")
        session.add(Material(**clip, kind="image", width=8, height=8, frames=1, fps=1, used_at=1.0))
        session.add(
            Character(id="char_1", owner="ann", name="Zoé", sha256=clip["sha256"], created_at=1.0)
        )
        upload = stored(storage, "files/file-1", b"{}")
        session.add(
            File(
                id="file-1",
                owner="ann",
                purpose="batch",
                filename="ü.jsonl",
                created_at=0.1,
                **upload,
            )
        )
        session.add(
            Batch(
                id="batch_1",
                owner="ann",
                endpoint="/v1/videos",
                completion_window="24h",
                input_file_id="file-1",
                state="in_progress",
                notes={"a": "b"},
                created_at=1.0,
                expires_at=2.0,
            )
        )
        session.flush()
        session.add(
            BatchLine(batch_id="batch_1", number=0, custom_id="x", body={"prompt": "\u2028 🎈"})
        )
        session.add(
            Worker(
                id="w1",
                host="h",
                pid=1,
                models=["test-card"],
                memory=1,
                started_at=1.0,
                seen_at=1.0,
                stopping=False,
            )
        )
        _fill(session, done, storage)
    return done


def _fill(session: Session, video_id: str, storage: Storage) -> None:
    """A row in every table of the access programme."""
    public = stored(storage, "shared/share_1/0/video.mp4", b"public")
    known = {
        "video_id": video_id,
        "programme_id": "programmes_1",
        "member_id": "members_1",
        "key_id": "api_keys_1",
        "posting_id": "ledger_postings_1",
        "share_id": "shares_1",
        "content_type": "video/mp4",
        **public,
    }
    plain: dict[type, Any] = {
        str: "é",
        int: 7,
        float: 0.1,
        bool: True,
        object: ["a", "ü"],
        bytes: b"\x00\x01\xff",
    }
    for table in Base.metadata.sorted_tables:
        if session.execute(table.select().limit(1)).first():
            continue
        values = {
            column.name: known.get(column.name, plain[column.type.python_type])
            for column in table.columns
        }
        if "id" in values:
            values["id"] = f"{table.name}_1"
        session.execute(table.insert(), values)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[tuple[Database, Storage]]:
    """Where to restore: another database and another folder."""
    database = Database(f"sqlite:///{tmp_path / 'other.db'}")
    yield database, Storage(str(tmp_path / "other"), b"other")
    database.close()


@pytest.mark.usefixtures("done")
def test_everything_comes_back(
    database: Database, storage: Storage, empty: tuple[Database, Storage], tmp_path: Path
) -> None:
    before = rows(database)
    assert all(before.values()), "the server in use should have something in every table"
    manifest = take(database, storage, tmp_path / "backup")
    restore(tmp_path / "backup", *empty)
    after = rows(empty[0])
    for name, expected in before.items():
        if name == "videos":
            for row in expected:
                if row["state"] == "in_progress":
                    row |= {"state": "queued", "lease_until": None, "worker": None}
                    row |= {"progress": 0, "stage": "", "tries": 0}
        assert after[name] == ([] if name in PASSING else expected), name
        assert manifest.lists[f"tables/{name}.jsonl"].lines == len(expected)
    assert loose(*empty) == (set(), set())
    assert not manifest.gone
    assert not manifest.damaged


@pytest.mark.usefixtures("done")
def test_a_backup_goes_into_the_other_kinds_of_database_and_storage(
    database: Database,
    storage: Storage,
    empty: tuple[Database, Storage],
    bucket: str,
    tmp_path: Path,
) -> None:
    """From here to SQLite and a bucket, and back into what is here."""
    before = rows(database)
    other, films = empty[0], Storage(bucket, b"other")
    take(database, storage, tmp_path / "there")
    restore(tmp_path / "there", other, films)
    assert loose(other, films) == (set(), set())
    take(other, films, tmp_path / "back")
    restore(tmp_path / "back", database, storage, force=True)
    assert loose(database, storage) == (set(), set())
    after = rows(database)
    for name in before.keys() - PASSING - {"videos"}:
        assert after[name] == before[name]


@pytest.mark.usefixtures("done")
def test_work_goes_on_after_a_restore(
    database: Database, storage: Storage, empty: tuple[Database, Storage], tmp_path: Path
) -> None:
    take(database, storage, tmp_path / "backup")
    restore(tmp_path / "backup", *empty)
    queue = Queue(empty[0])
    with empty[0].read() as session:
        interrupted = session.scalars(select(Video).where(Video.attempt == 1, Video.tries == 0))
        video = interrupted.one()
        pending = session.scalars(select(Delivery).where(Delivery.state == "pending")).all()
    claims = [queue.claim("w2", ["test-card"]) for _ in range(3)]
    assert {claim.attempt for claim in claims if claim and claim.id == video.id} == {2}
    assert len([claim for claim in claims if claim]) == 2
    assert len(pending) == 1


class Falling(Storage):
    """A storage in which something happens before a file is read."""

    def __init__(self, root: Path, act: Callable[[str], None]) -> None:
        super().__init__(str(root), b"secret")
        self.act = act

    def stream(
        self, key: str, start: int = 0, end: int | None = None, chunk: int = 1024
    ) -> Iterator[bytes]:
        self.act(key)
        return super().stream(key, start, end, chunk)


def test_what_is_deleted_while_a_backup_is_taken_is_left_out(
    database: Database,
    storage: Storage,
    videos: Videos,
    done: str,
    empty: tuple[Database, Storage],
    tmp_path: Path,
) -> None:
    with database.read() as session:
        (thumbnail,) = session.scalars(select(Artifact.key).where(Artifact.variant == "thumbnail"))

    def remove(key: str) -> None:
        if key == thumbnail:  # the video may have been copied already
            videos.delete("ann", done)
            with database.write() as session:  # as the housekeeper does, ten minutes later
                session.execute(delete(Artifact))
            storage.delete(key)
        if key.startswith("files/"):
            with database.write() as session:
                session.execute(delete(File))
            storage.delete(key)

    manifest = take(database, Falling(tmp_path / "media", remove), tmp_path / "backup")
    assert set(manifest.gone) == {thumbnail, "files/file-1"}
    assert not manifest.damaged
    restore(tmp_path / "backup", *empty)
    assert loose(*empty) == (set(), set())
    assert set(empty[1].list()) == {"materials/abc", "shared/share_1/0/video.mp4"}
    with empty[0].read() as session:
        assert session.get_one(Video, done).purged_at == manifest.taken_at


@on_sqlite
@pytest.mark.parametrize(("variant", "left"), [("video", 0), ("thumbnail", 1)])
@pytest.mark.parametrize("how", ["lost", "changed"])
def test_damage_in_the_storage_is_told_and_costs_no_more_than_it_must(
    database: Database,
    storage: Storage,
    done: str,
    empty: tuple[Database, Storage],
    tmp_path: Path,
    variant: str,
    left: int,
    how: str,
) -> None:
    with database.read() as session:
        (key,) = session.scalars(select(Artifact.key).where(Artifact.variant == variant))
    if how == "lost":
        storage.delete(key)
    else:
        storage.put(key, b"something else")
    manifest = take(database, storage, tmp_path / "backup")
    assert manifest.damaged == (key,)
    assert not manifest.gone
    restore(tmp_path / "backup", *empty)
    assert loose(*empty) == (set(), set())
    with empty[0].read() as session:
        assert len(session.scalars(select(Artifact)).all()) == left
        assert (session.get_one(Video, done).purged_at is None) == bool(left)


@pytest.mark.usefixtures("done")
def test_all_rows_are_of_one_moment(
    database: Database,
    storage: Storage,
    queue: Queue,
    empty: tuple[Database, Storage],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A video is finished between the reading of two tables: the backup has it in none."""
    write = backups._write_lines
    finished = []

    def between(path: Path, lines: Any) -> Any:  # noqa: ANN401
        listing = write(path, lines)
        if path.name == "videos.jsonl":
            finished.append(finish(queue, storage))
        return listing

    monkeypatch.setattr(backups, "_write_lines", between)
    take(database, storage, tmp_path / "backup")
    monkeypatch.undo()
    restore(tmp_path / "backup", *empty)
    with empty[0].read() as session:
        artifacts = session.scalars(select(Artifact).where(Artifact.video_id.in_(finished))).all()
    assert len(finished) == 1
    assert artifacts == []
    assert loose(*empty) == (set(), set())


@on_sqlite
@pytest.mark.usefixtures("done")
def test_a_backup_that_fails_leaves_nothing(
    database: Database, storage: Storage, tmp_path: Path
) -> None:
    def fail(key: str) -> None:
        raise StorageError("the storage cannot be used")

    before = set(tmp_path.iterdir())
    with pytest.raises(StorageError, match="cannot be used"):
        take(database, Falling(tmp_path / "media", fail), tmp_path / "backup")
    assert set(tmp_path.iterdir()) == before


@on_sqlite
def test_a_folder_that_is_there_is_never_written_to(
    database: Database, storage: Storage, tmp_path: Path
) -> None:
    take(database, storage, tmp_path / "backup")
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o700
    with pytest.raises(InputError, match="not there yet"):
        take(database, storage, tmp_path / "backup")


def test_tables_of_another_version_are_not_backed_up(storage: Storage, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'bare.db'}")
    with pytest.raises(ConflictError, match="another version"):
        take(database, storage, tmp_path / "backup")
    database.close()


def _cut_a_row(folder: Path) -> None:
    path = folder / "tables/videos.jsonl"
    path.write_bytes(path.read_bytes().partition(b"\n")[2])


def _flip_a_bit(folder: Path) -> None:
    path = next(path for path in (folder / "media").rglob("*") if path.is_file())
    data = path.read_bytes()
    path.write_bytes(bytes([data[0] ^ 1]) + data[1:])


def _lose_a_file(folder: Path) -> None:
    next(path for path in (folder / "media").rglob("*") if path.is_file()).unlink()


def _say(**said: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | said))

    return change


@on_sqlite
@pytest.mark.usefixtures("done")
@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_cut_a_row, "videos.jsonl is not what was written"),
        (_flip_a_bit, "is not what was written"),
        (_lose_a_file, "No such file"),
        (_say(revision="0000"), "revision 0000"),
        (_say(format=99), "format 99"),
        (_say(lists=7), "is damaged"),
        (lambda folder: (folder / "manifest.json").unlink(), "pleinair backup"),
        (lambda folder: (folder / "secret").write_text("another one"), "secret is not what"),
    ],
    ids=["row", "bit", "file", "revision", "format", "manifest", "none", "secret"],
)
def test_a_backup_that_is_not_what_was_written_is_refused(
    database: Database,
    storage: Storage,
    empty: tuple[Database, Storage],
    tmp_path: Path,
    spoil: Callable[[Path], None],
    told: str,
) -> None:
    take(database, storage, tmp_path / "backup", secret=b"one", with_secret=True)
    spoil(tmp_path / "backup")
    with pytest.raises((InputError, StorageError), match=told):
        restore(tmp_path / "backup", *empty, force=True)
    assert not list(empty[1].list())
    assert not (tmp_path / "other.db").exists() or not empty[0].is_current()


def test_only_an_empty_place_is_restored_into(
    database: Database,
    storage: Storage,
    done: str,
    empty: tuple[Database, Storage],
    tmp_path: Path,
) -> None:
    take(database, storage, tmp_path / "backup")
    with pytest.raises(ConflictError, match=r"videos.*the storage; .*--force"):
        restore(tmp_path / "backup", database, storage)
    empty[1].put("else", b"of somebody")
    with pytest.raises(ConflictError, match="already in: the storage"):
        restore(tmp_path / "backup", *empty)
    assert set(empty[1].list()) == {"else"}
    with database.write() as session:
        session.execute(update(Video).where(Video.id == done).values(prompt="changed"))
    storage.put("else", b"of somebody")
    restore(tmp_path / "backup", database, storage, force=True)
    with database.read() as session:
        assert session.get_one(Video, done).prompt == "a lake"
    assert loose(database, storage) == (set(), set())


@pytest.mark.usefixtures("done")
def test_nothing_is_emptied_under_workers(
    database: Database, storage: Storage, tmp_path: Path
) -> None:
    with database.write() as session:
        session.execute(update(Worker).values(seen_at=now() - 5))
    before = rows(database)
    take(database, storage, tmp_path / "backup")
    with pytest.raises(ConflictError, match="stop servers and workers first"):
        restore(tmp_path / "backup", database, storage, force=True)
    assert rows(database) == before


@on_sqlite
@pytest.mark.usefixtures("done")
def test_a_restore_that_fails_leaves_both_empty(
    database: Database,
    storage: Storage,
    empty: tuple[Database, Storage],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    take(database, storage, tmp_path / "backup")
    monkeypatch.setattr(restoring, "insert", lambda table: insert(table).values(no_such_column=1))
    with pytest.raises(Exception, match="no_such_column"):
        restore(tmp_path / "backup", *empty)
    monkeypatch.undo()
    assert not any(rows(empty[0]).values())
    assert not list(empty[1].list())
    restore(tmp_path / "backup", *empty)


def test_rows_that_do_not_fit_are_told(
    database: Database, storage: Storage, empty: tuple[Database, Storage], tmp_path: Path
) -> None:
    """SQLite takes names of any length, PostgreSQL does not."""
    empty[0].migrate()
    with empty[0].write() as session:
        key = {"owner": "a" * 300, "key": "k", "fingerprint": "", "video_id": ""}
        session.add(IdempotencyKey(**key, created_at=1.0))
    take(*empty, tmp_path / "backup")
    if database.sqlite:
        restore(tmp_path / "backup", database, storage)
        return
    with pytest.raises(StorageError, match="idempotency_keys do not fit"):
        restore(tmp_path / "backup", database, storage)


def _run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    assert isinstance(caught.value.code, int)
    return caught.value.code


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServiceSettings:
    """A server's own home, with its database; commands find it by the environment."""
    monkeypatch.setenv("PLEINAIR_HOME", str(tmp_path / "home"))
    settings = ServiceSettings.read()
    database = Database(settings.database_url)
    database.migrate()
    database.close()
    return settings


@pytest.mark.parametrize("option", [(), ("--with-secret",)])
def test_the_secret_is_in_a_backup_only_when_asked_for(
    home: ServiceSettings,
    tmp_path: Path,
    option: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "backup"
    assert _run("backup", str(folder), *option) == 0
    assert "0 rows, 0 files" in capsys.readouterr().out
    secret = (home.home / "secret").read_bytes()
    said = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert (secret in said) == bool(option)
    shutil.rmtree(home.home)
    assert _run("restore", str(folder)) == 0
    kept = home.home / "secret"
    assert (kept.read_bytes() == secret) == bool(option)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert ("another secret" in capsys.readouterr().err) != bool(option)
    kept.write_text("the secret of somebody else")
    assert _run("restore", str(folder)) == 0
    assert kept.read_text() == "the secret of somebody else"
    assert "another secret" in capsys.readouterr().err
    assert _run("restore", str(folder), "--force") == 0
    assert (kept.read_bytes() == secret) == bool(option)


def test_the_command_says_what_is_damaged(
    home: ServiceSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = Database(home.database_url)
    with database.write() as session:
        lost = {"key": "files/f", "size": 1, "sha256": "0" * 64}
        session.add(File(id="f", owner="a", purpose="batch", filename="f", created_at=1.0, **lost))
    database.close()
    assert _run("backup", str(tmp_path / "backup")) == 1
    assert "files/f is lost" in capsys.readouterr().err
    assert Manifest.read(tmp_path / "backup").damaged == ("files/f",)
    assert _run("restore", str(tmp_path / "nothing")) == 2
