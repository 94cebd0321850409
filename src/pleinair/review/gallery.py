"""The gallery: what is public now, asked of the database at every request."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from pleinair.errors import InputError, NotFoundError
from pleinair.review.states import APPROVED
from pleinair.service.db import Database
from pleinair.service.programme_tables import Member, Publication, Share
from pleinair.service.tables import Video

NOTHING = "Nothing is shared at this address."
"""Said of what was never there and of what is withdrawn alike."""


@dataclass(frozen=True)
class Shown:
    """A share that is public.

    Attributes:
        share, video: its rows.
        maker: name of the member who made it.
        files: public copies, in order of variation and variant.
    """

    share: Share
    video: Video
    maker: str
    files: Sequence[Publication]

    def file(self, variant: str, number: int = 0) -> Publication | None:
        """One of the files, if there is such a one."""
        found = (item for item in self.files if (item.variant, item.number) == (variant, number))
        return next(found, None)


@dataclass(frozen=True)
class Feed:
    """A page of what is public, the newest first; ``following`` is where the next one begins."""

    items: Sequence[Shown]
    following: str | None


def is_public() -> ColumnElement[bool]:
    """Of a share and its video: that anybody may see it now."""
    return and_(Share.state == APPROVED, Video.deleted_at.is_(None), Video.quarantined_at.is_(None))


class Gallery:
    """What is public.

    Args:
        database: that says so.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def get(self, share_id: str) -> Shown:
        """One share; raises NotFoundError for all that are not public."""
        return self._one(Share.id == share_id)

    def of_video(self, video_id: str) -> Shown:
        """The public share of a video; raises NotFoundError."""
        return self._one(Share.video_id == video_id)

    def file(self, share_id: str, variant: str, number: int) -> Publication:
        """One public file; raises NotFoundError."""
        wanted = (
            select(Publication)
            .join(Share, Share.id == Publication.share_id)
            .join(Video, Video.id == Share.video_id)
            .where(
                is_public(),
                Share.id == share_id,
                Publication.variant == variant,
                Publication.number == number,
            )
        )
        with self.database.read() as session:
            found = session.scalars(wanted).first()
        if found is None:
            raise NotFoundError(NOTHING)
        return found

    def feed(self, after: str | None = None, limit: int = 20) -> Feed:
        """What became public last; raises InputError for a place that no feed gave."""
        wanted = select(Share.id).join(Video, Video.id == Share.video_id).where(is_public())
        if after is not None:
            time, share_id = _place(after)
            older = Share.published_at < time
            wanted = wanted.where(or_(older, and_(Share.published_at == time, Share.id > share_id)))
        wanted = wanted.order_by(Share.published_at.desc(), Share.id).limit(limit + 1)
        with self.database.read() as session:
            ids = list(session.scalars(wanted))
            items = _shown(session, Share.id.in_(ids[:limit]))
        items.sort(key=lambda shown: ids.index(shown.share.id))
        last = items[-1].share if len(ids) > limit and items else None
        return Feed(items, f"{last.published_at!r}_{last.id}" if last else None)

    def _one(self, wanted: ColumnElement[bool]) -> Shown:
        with self.database.read() as session:
            found = _shown(session, wanted)
        if not found:
            raise NotFoundError(NOTHING)
        return found[0]


def _shown(session: Session, wanted: ColumnElement[bool]) -> list[Shown]:
    rows = session.execute(
        select(Share, Video, Member.name)
        .join(Video, Video.id == Share.video_id)
        .join(Member, Member.id == Share.owner)
        .where(is_public(), wanted)
    ).all()
    named = select(Publication).where(Publication.share_id.in_([share.id for share, *_ in rows]))
    files = session.scalars(named.order_by(Publication.number, Publication.variant.desc())).all()
    return [
        Shown(share, video, maker, [item for item in files if item.share_id == share.id])
        for share, video, maker in rows
    ]


def _place(text: str) -> tuple[float, str]:
    time, _, share_id = text.partition("_")
    try:
        return float(time), share_id
    except ValueError as error:
        raise InputError("after", text, "a place that a feed gave in its next_url") from error
