"""Restoring a backup: into an empty database and an empty storage, of whatever kind they are.

Everything is checked before anything is written. Files come first and all rows in one transaction
after them, so that nothing is promised that is not there. Videos that were being made wait again,
as if they had been given back; webhooks that had not arrived are still to be delivered.
"""

import base64
import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import LargeBinary, Table, delete, func, insert, inspect, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from pleinair.errors import ConflictError, StorageError
from pleinair.media.digest import digest
from pleinair.service.backup import AT_ONCE, HANDS, KEEPERS
from pleinair.service.db import Database, newest, now
from pleinair.service.manifest import Manifest, mark
from pleinair.service.schema import Base
from pleinair.service.seals import broken
from pleinair.service.storage import Storage
from pleinair.service.tables import QUEUED, RUNNING, Artifact, Preview, Video, Worker

PASSING = frozenset({Worker.__tablename__, Preview.__tablename__})
"""Tables of what ended with its process: a backup has them, but nothing restores them."""

_SEEN = 60.0  # seconds for which a worker that was seen may still be at work
_KEEPERS = frozenset(keeper.__tablename__ for keeper in KEEPERS)
_TABLES = [table for table in Base.metadata.sorted_tables if table.name not in PASSING]


def restore(folder: Path, database: Database, storage: Storage, *, force: bool = False) -> Manifest:
    """Put a backup into a database and a storage that nobody uses.

    Args:
        folder: the backup.
        database: gets the rows; may be of another kind than the one they came from.
        storage: gets the files; likewise.
        force: empty both first, instead of refusing what is not empty.

    Raises:
        InputError: the folder is no backup.
        StorageError: the backup is damaged or of another version, its rows do not fit the
            database, or the storage cannot be written.
        ConflictError: database or storage are not empty, of another version, or in use.
    """
    manifest = Manifest.read(folder)
    if manifest.revision != newest():
        raise StorageError(
            f"the backup has tables of revision {manifest.revision}, this version of Pleinair has "
            f"{newest()}: restore it with Pleinair {manifest.version}, then upgrade"
        )
    _check(folder, manifest)
    _make_room(database, storage, force=force)
    source = _Source.read(folder, manifest)
    try:
        with ThreadPoolExecutor(HANDS) as hands:
            for _ in hands.map(lambda item: storage.put(*item), source.files()):
                pass
        with database.write() as session:
            for table in _TABLES:
                _insert(session, table, source.rows(table))
    except BaseException:
        _empty(storage)
        raise
    return manifest


def restore_secret(folder: Path, home: Path, *, force: bool = False) -> None:
    """Put the secret that a backup may have where a server looks for it; ``force`` replaces one."""
    kept, path = folder / "secret", home / "secret"
    if not kept.is_file() or (path.exists() and not force):
        return
    home.mkdir(parents=True, exist_ok=True)
    scratch = home / ".secret.restored"
    scratch.unlink(missing_ok=True)
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(kept.read_bytes())
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)


@dataclass(frozen=True)
class _Source:
    """A backup as it is to be restored.

    Attributes:
        missing: keys of files that it does not have.
        purged: ids of videos that lack a file, and so have none.
    """

    folder: Path
    manifest: Manifest
    missing: frozenset[str]
    purged: frozenset[str]

    @classmethod
    def read(cls, folder: Path, manifest: Manifest) -> "_Source":
        gone, damaged = frozenset(manifest.gone), frozenset(manifest.damaged)
        purged = {
            row["video_id"]
            for row in _lines(folder / f"tables/{Artifact.__tablename__}.jsonl")
            # A lost picture of a video is not worth the video.
            if row["key"] in gone or (row["key"] in damaged and row["variant"] == "video")
        }
        return cls(folder, manifest, gone | damaged, frozenset(purged))

    def rows(self, table: Table) -> Iterator[dict[str, Any]]:
        """The rows of a table as they go into the database."""
        raw = [column.name for column in table.columns if isinstance(column.type, LargeBinary)]
        for row in _lines(self.folder / f"tables/{table.name}.jsonl"):
            for name in raw:
                row[name] = base64.b64decode(row[name])
            if table.name in _KEEPERS and self._leaves_out(row):
                continue
            if table.name == Video.__tablename__:
                if row["id"] in self.purged:
                    row["purged_at"] = self.manifest.taken_at
                if row["state"] == RUNNING:
                    row |= {"state": QUEUED, "lease_until": None, "worker": None}
                    row |= {"progress": 0, "stage": "", "tries": row["tries"] - 1}
            yield row

    def files(self) -> Iterator[tuple[str, Path, str]]:
        """Key, place and content type of each file that these rows name."""
        for keeper in KEEPERS:
            for row in self.rows(Base.metadata.tables[keeper.__tablename__]):
                kind = row.get("content_type", "application/octet-stream")
                yield row["key"], self.folder / "media" / row["key"], kind

    def _leaves_out(self, row: Mapping[str, Any]) -> bool:
        return row["key"] in self.missing or row.get("video_id") in self.purged


def _check(folder: Path, manifest: Manifest) -> None:
    """Raise StorageError unless every file of the backup is what was written."""
    expected = {name: listing.sha256 for name, listing in manifest.lists.items()}
    for name, sha256 in expected.items():
        _compare(folder / name, sha256)
    for line in _lines(folder / "files.jsonl"):
        _compare(folder / "media" / line["key"], line["sha256"])
    secret = folder / "secret"
    if secret.is_file() and mark(secret.read_bytes()) != manifest.secret:
        raise StorageError(f"the backup is damaged: {secret} is not what was written")


def _compare(path: Path, expected: str) -> None:
    try:
        found = digest(path)
    except OSError as error:
        raise StorageError(f"the backup is damaged: {path}: {error.strerror}") from error
    if found != expected:
        raise StorageError(f"the backup is damaged: {path} is not what was written")


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for line in file:
            yield json.loads(line)


def _make_room(database: Database, storage: Storage, *, force: bool) -> None:
    """Bring the tables to this version; see that nothing is there, or make it so."""
    if not database.is_current():
        if inspect(database.engine).get_table_names() and not force:
            raise ConflictError("the database has tables of another version: restore into another")
        database.migrate()
    with database.read() as session:
        full = [
            table.name
            for table in _TABLES
            if session.execute(select(table).limit(1)).first() is not None
        ]
        alive = select(func.count()).where(Worker.seen_at > now() - _SEEN)
        workers = session.scalars(alive).one()
    if next(iter(storage.list()), None) is not None:
        full.append("the storage")
    if full and not force:
        raise ConflictError(
            f"there is something already in: {', '.join(full)}; restore into an empty database "
            "and storage, or with --force, which empties them"
        )
    if workers:
        raise ConflictError(
            f"{workers} workers were at work within the last minute: stop servers and workers first"
        )
    if full:
        with database.write() as session, broken(session):
            for table in reversed(Base.metadata.sorted_tables):
                session.execute(delete(table))
        _empty(storage)


def _empty(storage: Storage) -> None:
    for name in {key.partition("/")[0] for key in storage.list()}:
        storage.delete(name)


def _insert(session: Session, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    try:
        while some := list(islice(rows, AT_ONCE)):
            session.execute(insert(table), some)
    except DBAPIError as error:
        reason = str(error.orig).partition("\n")[0]
        raise StorageError(
            f"the rows of {table.name} do not fit this database: {reason}"
        ) from error
