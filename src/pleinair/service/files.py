"""Files that a caller uploads, and those that batches leave for it."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from sqlalchemy import ColumnElement, delete, or_, select
from sqlalchemy.orm import Session

from pleinair.errors import InputError, NotFoundError
from pleinair.media.digest import digest
from pleinair.service.db import Database, now
from pleinair.service.page import Page, page
from pleinair.service.storage import CHUNK, Storage
from pleinair.service.tables import File

PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
"""What a caller may upload a file for."""

MADE_HERE = ("batch_output",)
MOST = 512_000_000
MOST_BATCH = 200_000_000
KEEP = (3_600, 2_592_000)
"""Seconds after which a file may expire: an hour to 30 days."""

_MOST_LISTED = 10_000

OnCreate = Callable[[Session, File], None]


class Files:
    """Files by owner.

    Args:
        database: where their rows are.
        storage: where their bytes are.
    """

    def __init__(self, database: Database, storage: Storage) -> None:
        self.database = database
        self.storage = storage

    def create(
        self,
        owner: str,
        filename: str,
        data: bytes | Path,
        purpose: str,
        expires_after: int | None = None,
        *,
        on_create: OnCreate | None = None,
    ) -> File:
        """Keep a file.

        Args:
            owner: whose it is.
            filename: its name, kept without any folders before it.
            data: its bytes, or where they are.
            purpose: one of `PURPOSES`, or of what is made here.
            expires_after: seconds until it expires; batches' inputs do so after 30 days at the
                latest, others are kept until they are deleted.
            on_create: called in the transaction that makes the file visible; if it raises, the
                file is not kept.

        Raises:
            InputError: the purpose, the name, the size or the time is not allowed.
        """
        if purpose not in PURPOSES + MADE_HERE:
            raise InputError("purpose", purpose, ", ".join(PURPOSES))
        name = filename.replace("\\", "/").rpartition("/")[2]
        if not 1 <= len(name) <= 255 or not name.isprintable():
            raise InputError("filename", filename, "names of 1 to 255 printable characters")
        if expires_after is None and purpose == "batch":
            expires_after = KEEP[1]
        if expires_after is not None and not KEEP[0] <= expires_after <= KEEP[1]:
            raise InputError("expires_after", expires_after, f"{KEEP[0]} to {KEEP[1]} seconds")
        size = len(data) if isinstance(data, bytes) else data.stat().st_size
        most = MOST_BATCH if purpose == "batch" else MOST
        if size > most:
            raise InputError("file", f"{size:,} bytes", f"at most {most:,} bytes")
        file = File(
            id=f"file-{secrets.token_hex(16)}",
            owner=owner,
            purpose=purpose,
            filename=name,
            size=size,
            sha256=digest(data),
        )
        file.key = f"files/{file.id}"
        self.storage.put(file.key, data)
        try:
            with self.database.write() as session:
                file.created_at = session.scalars(select(now())).one()
                file.expires_at = file.created_at + expires_after if expires_after else None
                session.add(file)
                if on_create is not None:
                    session.flush()
                    on_create(session, file)
        except BaseException:
            if not self._is_kept(file.id):  # what got lost may be the commit's answer alone
                self.storage.delete(file.key)
            raise
        return file

    def get(self, owner: str, id: str) -> File:
        """A file of this owner that has not expired; raises NotFoundError when there is none."""
        query = select(File).where(File.id == id, File.owner == owner, _kept())
        with self.database.read() as session:
            file = session.scalars(query).first()
        if file is None:
            raise NotFoundError(f"there is no file {id[:60]!r}")
        return file

    def list(
        self,
        owner: str,
        after: str | None = None,
        limit: int = 10_000,
        order: str = "desc",
        purpose: str | None = None,
    ) -> Page[File]:
        """A page of the owner's files; see `pleinair.service.page.page`."""
        where = [_kept(), *([File.purpose == purpose] if purpose else [])]
        with self.database.read() as session:
            return page(session, File, owner, after, limit, order, *where, most=_MOST_LISTED)

    def delete(self, owner: str, id: str) -> None:
        """Delete a file for good; raises NotFoundError when there is none."""
        self._remove([self.get(owner, id)])

    def content(self, owner: str, id: str) -> bytes:
        """All bytes of a file; raises NotFoundError when there is none."""
        return self.storage.get(self.get(owner, id).key)

    def stream(self, owner: str, id: str, chunk: int = CHUNK) -> Iterator[bytes]:
        """The bytes of a file, piece by piece; raises NotFoundError when there is none."""
        return self.storage.stream(self.get(owner, id).key, chunk=chunk)

    def tidy(self) -> int:
        """Delete what has expired, and return how many files that were."""
        with self.database.read() as session:
            files = session.scalars(select(File).where(~_kept())).all()
        self._remove(files)
        return len(files)

    def _is_kept(self, id: str) -> bool:
        with self.database.read() as session:
            return session.get(File, id) is not None

    def _remove(self, files: Sequence[File]) -> None:
        # Bytes go before rows: what a crash leaves can be found and deleted again.
        for file in files:
            self.storage.delete(file.key)
            with self.database.write() as session:
                session.execute(delete(File).where(File.id == file.id))


def _kept() -> ColumnElement[bool]:
    return or_(File.expires_at.is_(None), File.expires_at > now())
