"""The audit: every act of power, one after the other, each sealed with what came before it.

A record is written in the transaction that does the act, so neither is there without the other.
Its digest covers its content and the digest before it, so that an edit, a deletion or a change of
order shows. Somebody who may write the database could still cut off the end or write all of it
anew; against that the newest digest, the head, is kept outside in an `Anchor` after every act.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from pleinair.errors import StorageError
from pleinair.service.db import Database, now
from pleinair.service.programme_tables import Record

START = "0" * 64
_LOCK = 7310257
_SEALED = ("number", "at", "actor", "role", "via", "act", "subject", "outcome", "details")


@dataclass(frozen=True)
class Head:
    """The newest record: its number, from 1, and its digest."""

    number: int
    digest: str


@dataclass(frozen=True)
class Finding:
    """Something in the audit that is not as it was written."""

    number: int
    words: str


def append(
    session: Session,
    *,
    actor: str,
    role: str,
    via: str,
    act: str,
    subject: str = "",
    outcome: str = "done",
    details: Mapping[str, Any] | None = None,
) -> Record:
    """Write a record in the transaction of its act.

    Args:
        session: of a transaction that writes.
        actor, role, via: who, as what, and whether by key, session or command.
        act: name of the act, as `pleinair.access.authority` has it.
        subject: id of what it was done to.
        outcome: ``done``, or why it was refused.
        details: more that a reader wants to know; no secrets.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    last = session.execute(
        select(Record.number, Record.digest).order_by(Record.number.desc()).limit(1)
    ).first()
    number, previous = (last[0] + 1, last[1]) if last else (1, START)
    record = Record(
        number=number,
        at=session.scalars(select(now())).one(),
        actor=actor,
        role=role,
        via=via,
        act=act,
        subject=subject,
        outcome=outcome,
        details=json.loads(json.dumps(details or {})),
        previous=previous,
        digest="",
    )
    record.digest = seal(record)
    session.add(record)
    session.flush()
    return record


def seal(record: Record) -> str:
    """The digest that a record has if nobody changed it: SHA-256 of its content and `previous`."""
    content = {name: getattr(record, name) for name in _SEALED}
    plain = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(f"{record.previous}\n{plain}".encode()).hexdigest()


def head(session: Session) -> Head | None:
    """The newest record, None before the first."""
    found = session.execute(
        select(Record.number, Record.digest).order_by(Record.number.desc()).limit(1)
    ).first()
    return Head(*found) if found else None


def verify(database: Database, heads: Sequence[Head] = ()) -> list[Finding]:
    """Read all of the audit and say what is not as it was written; nothing, if all is well.

    Args:
        database: that holds it.
        heads: those that an `Anchor`, or anybody, has kept.
    """
    findings: list[Finding] = []
    digests: dict[int, str] = {0: START}
    with database.read() as session:
        expected, previous = 1, START
        all_of_it = select(Record).order_by(Record.number).execution_options(yield_per=500)
        for record in session.scalars(all_of_it):
            if record.number != expected:
                findings.append(Finding(record.number, f"expected number {expected}"))
            if record.previous != previous:
                findings.append(Finding(record.number, "does not follow the one before it"))
            if record.digest != seal(record):
                findings.append(Finding(record.number, "was changed after it was written"))
            expected, previous = record.number + 1, record.digest
            digests[record.number] = record.digest
            session.expunge(record)
    for kept in heads:
        there = digests.get(kept.number)
        if there is None:
            findings.append(Finding(kept.number, "is anchored but not there: the end was cut off"))
        elif there != kept.digest:
            findings.append(Finding(kept.number, "is not the one that was anchored"))
    return findings


def count(database: Database) -> int:
    """How many records there are."""
    with database.read() as session:
        return session.scalars(select(func.count()).select_from(Record)).one()


class Anchor:
    """A file outside the database that keeps heads, one JSON line each, and only grows.

    Args:
        path: put it where whoever can write the database cannot write.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def ready(self) -> None:
        """Raise StorageError unless a head could be kept now: no act goes without."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        except OSError as error:
            raise StorageError(
                f"the anchor of the audit cannot be written: {error.strerror}"
            ) from error

    def keep(self, head: Head) -> None:
        """Add a head and bring it to the disk; raises StorageError."""
        line = json.dumps({"number": head.number, "digest": head.digest}) + "\n"
        try:
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(handle, line.encode())
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise StorageError(
                f"the anchor of the audit cannot be written: {error.strerror}"
            ) from error

    def heads(self) -> list[Head]:
        """All heads that were kept; raises StorageError for a line that is none."""
        if not self.path.exists():
            return []
        heads = []
        for number, line in enumerate(self.path.read_text().splitlines(), 1):
            try:
                found = json.loads(line)
                heads.append(Head(int(found["number"]), str(found["digest"])))
            except (ValueError, TypeError, KeyError) as error:
                raise StorageError(f"{self.path}, line {number}: not a head") from error
        return heads
