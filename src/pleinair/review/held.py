"""What is held: videos that nobody gets, their owners included, before a person has looked."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session

from pleinair.access.actor import Actor
from pleinair.access.notices import tell
from pleinair.access.powers import Powers
from pleinair.errors import ConflictError, ForbiddenError, NotFoundError
from pleinair.review.policy import uncleared
from pleinair.review.reviews import OWN, clear_flags
from pleinair.review.states import check_words, lock_video
from pleinair.service.db import Database
from pleinair.service.programme_tables import Flag
from pleinair.service.tables import Artifact, Video


@dataclass(frozen=True)
class HeldVideo:
    """A video that is held or in quarantine, with what no person has looked at."""

    video: Video
    flags: Sequence[Flag]


class Held:
    """The videos that wait for a person.

    Args:
        database: where they are.
        powers: record who lets them go.
    """

    def __init__(self, database: Database, powers: Powers) -> None:
        self.database = database
        self.powers = powers

    def list(self, limit: int = 100) -> list[HeldVideo]:
        """Those that wait longest first."""
        with self.database.read() as session:
            oldest = select(Video).where(_is_held()).order_by(Video.created_at, Video.id)
            videos = session.scalars(oldest.limit(limit)).all()
            return [HeldVideo(video, uncleared(session, video.id)) for video in videos]

    def artifact(self, actor: Actor, video_id: str, variant: str, number: int) -> Artifact:
        """A file of a held video, for a person of the team to look at.

        Raises:
            NotFoundError: no such video is held, or it has no such file.
            ForbiddenError: it is the actor's own.
        """
        with self.database.read() as session:
            video = _get(session, video_id)
            if video.owner == actor.id:
                raise ForbiddenError(OWN)
            return file_of(session, video_id, variant, number)

    def clear(self, actor: Actor, video_id: str, words: str = "") -> Video:
        """Let a video go to its owner.

        Args:
            actor: of the team, who has looked.
            video_id: which.
            words: for the record, up to 2,000 characters.

        Raises:
            NotFoundError: there is no such video.
            ConflictError: it is not held.
            ForbiddenError: it is the actor's own.
            InputError: there are too many words.
        """
        check_words(words)
        with self.powers.act(actor, "flags.clear", video_id, words=words.strip()) as act:
            if act.session.get(Video, video_id) is None:
                raise NotFoundError(f"No video has the id {video_id!r}.")
            video = lock_video(act.session, video_id)
            if video.owner == actor.id:
                raise ForbiddenError(OWN)
            found = select(Video.id).where(_is_held(), Video.id == video_id)
            if act.session.scalars(found).first() is None:
                raise ConflictError(f"video {video_id} is not held")
            clear_flags(act.session, video_id, actor.id)
            video.quarantined_at = None
            told = "A person has looked at this video; you can have it now."
            tell(act.session, video.owner, "video.released", told, video_id)
        return video


def file_of(session: Session, video_id: str, variant: str, number: int) -> Artifact:
    """A file of a finished video; raises NotFoundError."""
    found = session.get(Artifact, (video_id, variant, number))
    if found is None or session.get_one(Video, video_id).deleted_at is not None:
        raise NotFoundError(f"Video {video_id} has no {variant} with index {number} now.")
    return found


def _is_held() -> ColumnElement[bool]:
    held = exists().where(Flag.video_id == Video.id, Flag.hold, Flag.cleared_at.is_(None))
    return Video.deleted_at.is_(None) & or_(held, Video.quarantined_at.is_not(None))


def _get(session: Session, video_id: str) -> Video:
    found = session.scalars(select(Video).where(_is_held(), Video.id == video_id)).first()
    if found is None:
        raise NotFoundError(f"No video with the id {video_id!r} is held.")
    return found
