"""Export: all that is here of a member, in one archive that they can take away.

It is written to a file without a name on this machine's disk, which is gone once it was sent or
its process ends, so that an archive of any size takes no memory and leaves nothing behind.
"""

import json
import re
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any
from weakref import WeakValueDictionary

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from pleinair.access import members
from pleinair.access.statements import Statements, date_of
from pleinair.errors import BusyError, NotFoundError, WithheldError
from pleinair.service.board_tables import Board
from pleinair.service.db import Database
from pleinair.service.programme_tables import (
    Contribution,
    Incident,
    Key,
    Notice,
    Programme,
    Record,
    Reservation,
    Share,
    SignIn,
)
from pleinair.service.storage import CHUNK, Storage
from pleinair.service.tables import (
    COMPLETED,
    Artifact,
    Base,
    Batch,
    Character,
    Endpoint,
    File,
    Material,
    Video,
)

BUSY = "Your export is being made or sent already; there is one at a time."
README = """\
Everything that this server has of {name} ({id}), as of {date}.

profile.json        you, your programme and the terms that you accepted
keys.json           your API keys; what they are is known to nobody, so they are not here
sign_ins.json       browsers in which you signed in
videos.json         your videos, also deleted ones; files_left_out says why files are missing
videos/             their files
reservations.json   what your videos may cost or did cost, in millionths of the currency
characters.json     your characters; characters/ has their clips
shares.json         what you asked to share, with the decisions
contributions.json  your reports and feedback, with the decisions
incidents.json      what was found about your keys
notices.json        what you were told
statement.csv       what you earned, were paid, and what your videos cost
storyboards.json    your storyboards
batches.json        your batches
webhooks.json       addresses that are told of your videos
files.json          what you uploaded and what batches left you; files/ has the files
audit.json          acts of power by you, or about you or what is yours

Times in .json files are seconds since 1970.
"""
_SECRET = {
    Key: ("digest",),
    SignIn: ("digest",),
    Video: ("fingerprint", "seen", "turn", "finish", "worker", "lease_until", "not_before"),
    Incident: ("evidence",),
    Artifact: ("key",),
    File: ("key",),
}
"""Columns that are the server's own affair, or somebody else's."""

_PROFILE = ("id", "name", "email", "role", "state", "reason", "terms_version", "terms_at")


class Archive:
    """A finished archive: its length in bytes, and its pieces, once."""

    def __init__(self) -> None:
        self.file: IO[bytes] = tempfile.TemporaryFile(prefix="pleinair-")  # noqa: SIM115
        self.size = 0

    def __del__(self) -> None:
        self.file.close()  # whoever asked went away before it was sent

    def pieces(self) -> Iterator[bytes]:
        """The bytes from the first to the last; after them the file is gone."""
        try:
            self.file.seek(0)
            while piece := self.file.read(CHUNK):
                yield piece
        finally:
            self.file.close()


@dataclass(frozen=True)
class _Media:
    """A stored file and its place in the archive."""

    place: str
    key: str


class Exports:
    """Makes archives.

    Args:
        database: what is in them.
        storage: has the files.
        artifacts: files of a finished video that its owner may have; see `Videos.artifacts`.
        statements: writes the statement.
    """

    def __init__(
        self,
        database: Database,
        storage: Storage,
        artifacts: Callable[[str, str], Sequence[Artifact]],
        statements: Statements,
    ) -> None:
        self.database = database
        self.storage = storage
        self.artifacts = artifacts
        self.statements = statements
        self._open: WeakValueDictionary[str, Archive] = WeakValueDictionary()
        self._turn = threading.Lock()

    def make(self, member_id: str) -> Archive:
        """All that is here of a member.

        Raises:
            NotFoundError: there is no such member.
            BusyError: another one of theirs is being made or sent.
            StorageError: the storage cannot be reached.
        """
        with self._turn:
            before = self._open.get(member_id)
            if before is not None and not before.file.closed:
                raise BusyError(BUSY, retry_after=10)
            archive = self._open[member_id] = Archive()
        try:
            with zipfile.ZipFile(archive.file, "w", zipfile.ZIP_DEFLATED) as target:
                self._fill(target, member_id)
            archive.size = archive.file.tell()
        except BaseException:
            archive.file.close()
            raise
        return archive

    def _fill(self, target: zipfile.ZipFile, member_id: str) -> None:
        with self.database.read() as session:
            member = members.get(session, member_id)
            listed = _listed(session, member_id)
            media = [*_uploads(session, member_id), *_clips(session, member_id)]
            programme = session.get(Programme, member.programme_id) if member.programme_id else None
        profile = {name: getattr(member, name) for name in (*_PROFILE, "created_at", "left_at")}
        profile["programme"] = _plain(programme) if programme else None
        now = self.database.time()
        about = README.format(name=member.name, id=member.id, date=date_of(now))
        target.writestr("README.txt", about)
        _write(target, "profile", profile)
        for video in listed["videos"]:
            media += self._files(member_id, video)
        for name, rows in listed.items():
            _write(target, name, rows)
        target.writestr("statement.csv", self.statements.of(member_id).csv())
        for item in media:
            self._copy(target, item)

    def _files(self, member_id: str, video: dict[str, Any]) -> list[_Media]:
        """Files of a video that may be had; notes in it why there are none."""
        if video["state"] != COMPLETED:
            return []
        try:
            files = self.artifacts(member_id, video["id"])
        except (NotFoundError, WithheldError) as error:
            video["files_left_out"] = str(error)
            return []
        video["files"] = [_plain(file) for file in files]
        return [
            _Media(f"videos/{video['id']}/{file.number}-{file.key.rpartition('/')[2]}", file.key)
            for file in files
        ]

    def _copy(self, target: zipfile.ZipFile, item: _Media) -> None:
        """Copy a stored file piece by piece; one that has just gone is left out."""
        try:
            pieces = self.storage.stream(item.key)
        except NotFoundError:
            return
        entry = zipfile.ZipInfo(item.place)
        entry.compress_type = zipfile.ZIP_STORED  # videos do not get smaller
        with target.open(entry, "w", force_zip64=True) as file:
            for piece in pieces:
                file.write(piece)


def _listed(session: Session, member_id: str) -> dict[str, list[dict[str, Any]]]:
    """Rows about a member, by the name of the file that they go into."""
    tables: dict[str, tuple[type[Base], ColumnElement[bool]]] = {
        "keys": (Key, Key.member_id == member_id),
        "sign_ins": (SignIn, SignIn.member_id == member_id),
        "videos": (Video, Video.owner == member_id),
        "reservations": (Reservation, Reservation.owner == member_id),
        "characters": (Character, Character.owner == member_id),
        "shares": (Share, Share.owner == member_id),
        "contributions": (Contribution, Contribution.member_id == member_id),
        "incidents": (Incident, Incident.member_id == member_id),
        "notices": (Notice, Notice.member_id == member_id),
        "storyboards": (Board, Board.owner == member_id),
        "batches": (Batch, Batch.owner == member_id),
        "webhooks": (Endpoint, Endpoint.owner == member_id),
        "files": (File, File.owner == member_id),
        "audit": (Record, _concerns(member_id)),
    }
    return {
        name: [_plain(row) for row in session.scalars(select(table).where(which))]
        for name, (table, which) in tables.items()
    }


def _concerns(member_id: str) -> ColumnElement[bool]:
    """Of a record: that it is by a member, or about them or something of theirs."""
    theirs = (
        select(Key.id).where(Key.member_id == member_id),
        select(Video.id).where(Video.owner == member_id),
        select(Share.id).where(Share.owner == member_id),
        select(Contribution.id).where(Contribution.member_id == member_id),
        select(Incident.id).where(Incident.member_id == member_id),
    )
    return or_(
        Record.actor == member_id,
        Record.subject == member_id,
        *(Record.subject.in_(ids) for ids in theirs),
    )


def _uploads(session: Session, member_id: str) -> list[_Media]:
    files = session.scalars(select(File).where(File.owner == member_id)).all()
    return [_Media(f"files/{file.id}-{_named(file.filename)}", file.key) for file in files]


def _clips(session: Session, member_id: str) -> list[_Media]:
    rows = (
        select(Character.id, Material.key)
        .join(Material, Material.sha256 == Character.sha256)
        .where(Character.owner == member_id)
    )
    return [_Media(f"characters/{name}.mp4", key) for name, key in session.execute(rows)]


def _named(name: str) -> str:
    """A file's name without what an archive's reader could take for a path."""
    return re.sub(r"[^A-Za-z0-9._ -]", "_", name)[-120:]


def _plain(row: Base) -> dict[str, Any]:
    """A row by its columns, without those that are nobody's to have."""
    left_out = _SECRET.get(type(row), ())
    names = [column.key for column in row.__mapper__.column_attrs]
    return {name: getattr(row, name) for name in names if name not in left_out}


def _write(target: zipfile.ZipFile, name: str, content: object) -> None:
    target.writestr(f"{name}.json", json.dumps(content, ensure_ascii=False, indent=2) + "\n")
