"""Backups: a whole server in one folder, taken while it works.

All rows are read in one transaction, as they stood at one moment; the files that they name are
copied after it, for a stored file never changes under its key. One that went in the meantime, as
its video was deleted or expired, is named in the manifest, and `pleinair.service.restore` leaves
out the rows that name it. The folder appears whole, under its own name, or not at all; what is in
it, `pleinair.service.manifest` says.
"""

import base64
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from pleinair.errors import ConflictError, InputError, NotFoundError, StorageError
from pleinair.service.db import Database, now
from pleinair.service.manifest import FORMAT, Listing, Manifest, mark
from pleinair.service.programme_tables import Publication
from pleinair.service.schema import Base
from pleinair.service.storage import Storage
from pleinair.service.tables import Artifact, File, Material

KEEPERS = (Artifact, Material, File, Publication)
"""Tables whose rows name a stored file, with its size and SHA-256."""

AT_ONCE = 1000
HANDS = 8  # files under way at once: a bucket answers slowly, but many at a time


def take(
    database: Database,
    storage: Storage,
    folder: Path,
    *,
    secret: bytes = b"",
    with_secret: bool = False,
) -> Manifest:
    """Write a backup into a folder that is not there yet.

    Args:
        database: may be in use, also by other machines.
        storage: likewise.
        folder: where to.
        secret: the server's.
        with_secret: also write the secret, so that links and webhooks go on after a restore; who
            reads the backup can then sign both.

    Raises:
        InputError: the folder is there already.
        ConflictError: the tables are of another version.
        StorageError: the folder cannot be written, or the storage not be read.
    """
    folder = folder.absolute()
    if folder.exists():
        raise InputError("folder", str(folder), "the name of a folder that is not there yet")
    if not database.is_current():
        raise ConflictError(
            "the tables are of another version of Pleinair: back up with that one, or start this "
            "one once to bring them up to date"
        )
    try:
        with _whole(folder) as part:
            manifest = _take(database, storage, part, secret)
            if with_secret:
                _write(part / "secret", [secret])
            _write(part / "manifest.json", [json.dumps(asdict(manifest), indent=1).encode()])
    except OSError as error:
        raise StorageError(f"{folder} cannot be written: {error.strerror}") from error
    return manifest


def _take(database: Database, storage: Storage, part: Path, secret: bytes) -> Manifest:
    lists: dict[str, Listing] = {}
    wanted: dict[str, str] = {}  # digests by key
    with database.read() as session:
        if not database.sqlite:  # SQLite's transactions see one moment by themselves
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        revision = session.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        time = session.scalars(select(now())).one()
        for table in Base.metadata.sorted_tables:
            name = f"tables/{table.name}.jsonl"
            lists[name] = _write_lines(part / name, _rows(session, select(table)))
        for keeper in KEEPERS:
            named = session.execute(select(keeper.key, keeper.sha256)).all()
            wanted |= dict(named)

    def copy(key: str) -> dict[str, Any] | None:
        try:
            size, digest = _write(part / "media" / key, storage.stream(key))
        except NotFoundError:
            return None
        if digest != wanted[key]:
            (part / "media" / key).unlink()
            return None
        return {"key": key, "size": size, "sha256": digest}

    with ThreadPoolExecutor(HANDS) as hands:
        copied = [line for line in hands.map(copy, wanted) if line]
    lists["files.jsonl"] = _write_lines(part / "files.jsonl", copied)
    missing = sorted(wanted.keys() - {line["key"] for line in copied})
    damaged = _still_named(database, missing)
    return Manifest(
        FORMAT,
        version("pleinair"),
        revision,
        time,
        mark(secret),
        sum(line["size"] for line in copied),
        lists,
        gone=tuple(key for key in missing if key not in damaged),
        damaged=tuple(key for key in missing if key in damaged),
    )


def _rows(session: Session, query: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    for row in session.execute(query.execution_options(yield_per=AT_ONCE)):
        yield dict(row._mapping)


def _still_named(database: Database, keys: Sequence[str]) -> set[str]:
    """Those keys that rows name now: rows go before their files, so these files are lost."""
    found: set[str] = set()
    with database.read() as session:
        for start in range(0, len(keys), AT_ONCE):
            some = keys[start : start + AT_ONCE]
            for keeper in KEEPERS:
                found.update(session.scalars(select(keeper.key).where(keeper.key.in_(some))))
    return found


def _write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> Listing:
    count = 0

    def lines() -> Iterator[bytes]:
        nonlocal count
        for row in rows:
            count += 1
            yield json.dumps(row, default=_base64).encode() + b"\n"

    _, digest = _write(path, lines())
    return Listing(count, digest)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _write(path: Path, pieces: Iterable[bytes]) -> tuple[int, str]:
    """Bring a new file to the disk; its size and SHA-256."""
    digest, size = hashlib.sha256(), 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        for piece in pieces:
            file.write(piece)
            digest.update(piece)
            size += len(piece)
        file.flush()
        os.fsync(file.fileno())
    return size, digest.hexdigest()


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """A folder beside, that only its owner can read, and that gets the name when all is in it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield part
        for path in (part, *part.rglob("*/")):
            _settle(path)
        part.rename(folder)
        _settle(folder.parent)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _settle(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
