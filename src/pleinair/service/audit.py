"""The audit: every act of power, one after the other, each sealed with what came before it.

A record is written in the transaction that does the act, so neither is there without the other.
Its digest covers its content and the digest before it, so that an edit, a deletion or a change of
order shows. Somebody who may write the database could still cut off the end or write all of it
anew; against that the newest digest, the head, is kept outside in an `Anchor` after every act.
"""

import errno
import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Text, cast, func, select, text
from sqlalchemy.orm import Session

from pleinair.errors import StorageError
from pleinair.service.db import Database, now
from pleinair.service.log import masked
from pleinair.service.programme_tables import Record

START = "0" * 64
SETTLED = 60.0
"""Seconds after which the head of an act must be in the anchor."""

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

    A key that somebody pastes where its id belongs is masked: what is on record stays there.
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
        subject=masked(subject),
        outcome=masked(outcome),
        details=json.loads(masked(json.dumps(details or {}))),
        previous=previous,
        digest="",
    )
    record.digest = seal(record)
    session.add(record)
    session.flush()
    return record


def seal(record: Record) -> str:
    """The digest that a record has if nobody changed it: SHA-256 of its content and `previous`."""
    return _seal(record.previous, {name: getattr(record, name) for name in _SEALED})


def _seal(previous: str, content: Mapping[str, Any]) -> str:
    sealed = {name: content[name] for name in _SEALED}
    plain = json.dumps(sealed, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(f"{previous}\n{plain}".encode()).hexdigest()


def head(session: Session) -> Head | None:
    """The newest record, None before the first."""
    found = session.execute(
        select(Record.number, Record.digest).order_by(Record.number.desc()).limit(1)
    ).first()
    return Head(*found) if found else None


def read(
    database: Database,
    *,
    actor: str | None = None,
    subject: str | None = None,
    act: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> Sequence[Record]:
    """Records, the newest first.

    Args:
        database: that holds them.
        actor, subject, act: only those of this one.
        before: only those with a lower number, for the next page.
        limit: at most so many.
    """
    wanted = select(Record).order_by(Record.number.desc()).limit(limit)
    for column, value in ((Record.actor, actor), (Record.subject, subject), (Record.act, act)):
        if value is not None:
            wanted = wanted.where(column == value)
    if before is not None:
        wanted = wanted.where(Record.number < before)
    with database.read() as session:
        return session.scalars(wanted).all()


def verify(database: Database, heads: Sequence[Head] = ()) -> list[Finding]:
    """Read all of the audit and say what is not as it was written; nothing, if all is well.

    Args:
        database: that holds it.
        heads: those that an `Anchor`, or anybody, has kept. Since an anchor keeps the head of
            every act, a record that comes later than its first and is not in it was added by
            somebody else, or the server died between the act and the anchor.
    """
    findings: list[Finding] = []
    kept = {found.number: found.digest for found in heads}
    first = min(kept, default=sys.maxsize)
    columns = [getattr(Record, name) for name in _SEALED if name != "details"]
    content = cast(Record.details, Text).label("details")  # whatever stands there now
    everything = select(*columns, content, Record.previous, Record.digest).order_by(Record.number)
    with database.read() as session:
        settled = session.scalars(select(now())).one() - SETTLED
        expected, previous = 1, START
        for row in session.execute(everything.execution_options(yield_per=1000)):
            number = row.number
            if number != expected:
                findings.append(Finding(number, f"expected number {expected}"))
            if row.previous != previous:
                findings.append(Finding(number, "does not follow the one before it"))
            if row.digest != _resealed(row._asdict()):
                findings.append(Finding(number, "was changed after it was written"))
            anchored = kept.pop(number, None)
            if anchored is not None and anchored != row.digest:
                findings.append(Finding(number, "is not the one that was anchored"))
            if anchored is None and number > first and _is_settled(row.at, settled):
                findings.append(Finding(number, "was never anchored"))
            expected, previous = number + 1, row.digest
    findings += [Finding(number, "is anchored but not there") for number in sorted(kept)]
    return findings


def _resealed(row: Mapping[str, Any]) -> str:
    """The digest that a row should have; none for content that cannot be read."""
    try:
        return _seal(row["previous"], {**row, "details": json.loads(row["details"])})
    except (ValueError, TypeError):
        return ""


def _is_settled(at: object, settled: float) -> bool:
    return not isinstance(at, float) or at < settled


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
                if os.write(handle, line.encode()) != len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise StorageError(
                f"the anchor of the audit cannot be written: {error.strerror}"
            ) from error

    def heads(self) -> list[Head]:
        """All heads that were kept; raises StorageError if they cannot be read."""
        return [head for head in self._lines() if isinstance(head, Head)]

    def torn(self) -> list[Finding]:
        """Lines that are no heads, such as one that was half written when the machine died."""
        lines = enumerate(self._lines(), 1)
        return [Finding(0, f"line {i} of the anchor is no head") for i, head in lines if not head]

    def _lines(self) -> list[Head | None]:
        try:
            return [_head(line) for line in self.path.read_bytes().splitlines()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageError(
                f"the anchor of the audit cannot be read: {error.strerror}"
            ) from error


def _head(line: bytes) -> Head | None:
    try:
        found = json.loads(line)
        return Head(int(found["number"]), str(found["digest"]))
    except (ValueError, TypeError, KeyError):
        return None
