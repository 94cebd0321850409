"""The library: what owners note on their videos, look for among them, and bring back.

A deleted video keeps its files for `UNDO` seconds, in which it can be brought back; whoever shared
it has to ask anew. `pleinair.service.tidy` takes the files after that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, func, select, update
from sqlalchemy.orm import Session

from pleinair.errors import InputError, NotFoundError
from pleinair.service.db import Database, now
from pleinair.service.programme_tables import Publication, Share
from pleinair.service.tables import CANCELLED, COMPLETED, FAILED, Artifact, Video
from pleinair.service.videos import owned

UNDO = 600.0
"""Seconds for which a deleted video can be brought back."""

MOST_FOLDER = 80
MOST_WORDS = 20
_ENDED_SHARES = ("refused", "withdrawn")


@dataclass(frozen=True)
class Wanted:
    """What is looked for in a library; what is None does not matter.

    Attributes:
        favourite: whether it is a favourite.
        folder: name of the folder; an empty one is none.
        search: words that all occur in the prompt, in any order and case.
        status: as the API tells of it: a cancelled video has failed.
    """

    favourite: bool | None = None
    folder: str | None = None
    search: str | None = None
    status: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """What must hold for a video; raises InputError for too many words."""
        words = (self.search or "").split()
        if len(words) > MOST_WORDS:
            raise InputError("search", self.search, f"at most {MOST_WORDS} words")
        found = [Video.prompt.icontains(word, autoescape=True) for word in words]
        if self.favourite is not None:
            found.append(Video.favourite == self.favourite)
        if self.folder is not None:
            found.append(Video.folder == self.folder if self.folder else Video.folder.is_(None))
        if self.status is not None:
            states = (FAILED, CANCELLED) if self.status == FAILED else (self.status,)
            found.append(Video.state.in_(states))
        return found


@dataclass(frozen=True)
class Folder:
    """A folder and how many videos are in it."""

    name: str
    videos: int


class Library:
    """The libraries of all owners; each sees their own.

    Args:
        database: where the videos are.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def mark(self, owner: str, video_id: str, **values: Any) -> Video:  # noqa: ANN401
        """Note something on a video.

        Args:
            owner: whose it is.
            video_id: which.
            values: ``favourite``, yes or no, and ``folder``, a name of up to 80 characters or
                None; what is left out stays.

        Raises:
            NotFoundError: there is no such video.
            InputError: the name is not allowed.
        """
        if "folder" in values:
            values["folder"] = _named(values["folder"])
        with self.database.write() as session:
            video = owned(session, owner, video_id)
            for name, value in values.items():
                setattr(video, name, value)
        return video

    def folders(self, owner: str) -> Sequence[Folder]:
        """The folders of an owner by name; one without videos is not there."""
        found = (
            select(Video.folder, func.count())
            .where(Video.owner == owner, Video.folder.is_not(None))
            .where(Video.deleted_at.is_(None), Video.board_id.is_(None))
            .group_by(Video.folder)
            .order_by(Video.folder)
        )
        with self.database.read() as session:
            return [Folder(str(name), count) for name, count in session.execute(found)]

    def check_key(self, key: str) -> None:
        """Raise NotFoundError for a key of a deleted video, whose file may still be there."""
        folder, _, rest = key.partition("/")
        if folder != "videos":
            return
        video_id = rest.partition("/")[0]
        gone = select(Video.id).where(Video.id == video_id, Video.deleted_at.is_not(None))
        with self.database.read() as session:
            if session.scalars(gone).first() is not None:
                raise NotFoundError("The video of this link was deleted.")

    def restore(self, owner: str, video_id: str) -> Video:
        """Bring a deleted video back; one that is there stays as it is.

        Raises:
            NotFoundError: there is no such video, or it was deleted too long ago.
        """
        with self.database.write() as session:
            row = select(Video).where(Video.id == video_id, Video.owner == owner)
            video = session.scalars(row.with_for_update()).first()
            if video is None or not _is_there(session, video):
                raise NotFoundError(f"No video has the id {video_id!r}.")
            if video.deleted_at is not None:
                _withdraw(session, video)
                video.deleted_at = None
        return video


def _is_there(session: Session, video: Video) -> bool:
    """Whether a video can be had, or had again."""
    if video.deleted_at is None:
        return True
    if video.deleted_at <= session.scalars(select(now())).one() - UNDO:
        return False
    has_files = session.scalars(select(exists().where(Artifact.video_id == video.id))).one()
    return has_files or video.state != COMPLETED


def _withdraw(session: Session, video: Video) -> None:
    """End the shares of a deleted video, so that nothing is public again by its return."""
    ended = Share.video_id == video.id, Share.state.not_in(_ENDED_SHARES)
    ids = session.scalars(select(Share.id).where(*ended)).all()
    session.execute(delete(Publication).where(Publication.share_id.in_(ids)))
    share = update(Share).where(Share.id.in_(ids))
    session.execute(
        share.values(state="withdrawn", withdrawn_at=video.deleted_at, withdrawn_by=video.owner)
    )


def _named(folder: str | None) -> str | None:
    """The name of a folder, without spaces around it; None if nothing is left of it."""
    name = (folder or "").strip()
    if len(name) > MOST_FOLDER or not name.isprintable():
        raise InputError("folder", folder, f"up to {MOST_FOLDER} printable characters")
    return name or None
