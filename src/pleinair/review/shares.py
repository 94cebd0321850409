"""Shares: what the owner of a video does so that it may be public, and to take it back."""

from collections.abc import Sequence
from contextlib import suppress
from secrets import token_hex

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from pleinair.errors import (
    ConflictError,
    InputError,
    NotFoundError,
    PleinairError,
    WithheldError,
)
from pleinair.review import checks as sightings
from pleinair.review.checks import Checks, Sighting
from pleinair.review.policy import needs_person
from pleinair.review.reviews import Reviews
from pleinair.review.states import (
    APPEALED,
    APPROVED,
    ASKED,
    CHANGES,
    REFUSED,
    WITHDRAWN,
    check_words,
    current,
    lock_video,
)
from pleinair.service.db import Database, now
from pleinair.service.programme_tables import Member, Programme, Share
from pleinair.service.storage import Storage
from pleinair.service.tables import COMPLETED, Artifact, Video
from pleinair.service.videos import QUARANTINED, owned

MOST_TITLE = 120
HOUR, DAY = 3600.0, 86_400.0
FOR_GOOD = "this video was refused; asking anew does not change that"
log = structlog.get_logger()


class Shares:
    """The shares of all members; each sees their own.

    Args:
        database: where they are.
        storage: has the pictures that checks look at.
        checks: look at a video before the team does.
        reviews: approve what the policy leaves to nobody.
    """

    def __init__(
        self, database: Database, storage: Storage, checks: Checks, reviews: Reviews
    ) -> None:
        self.database = database
        self.storage = storage
        self.checks = checks
        self.reviews = reviews

    def ask(self, owner: str, video_id: str, title: str = "") -> Share:
        """Ask for a video to be public; asking twice is asking once.

        Args:
            owner: whose it is.
            video_id: which; it must be finished.
            title: to be shown with it, up to 120 characters.

        Raises:
            NotFoundError: there is no such video.
            ConflictError: it is not finished, its files have expired, or it was refused.
            WithheldError: it is in quarantine.
            InputError: the title is too long.
        """
        if len(title) > MOST_TITLE:
            raise InputError("title", title, f"up to {MOST_TITLE} characters")
        with self.database.read() as session:
            video = owned(session, owner, video_id)
            before = current(session, video_id)
            if before is not None and _stands(before):
                return before
            _check_ready(session, video)
            keys = _thumbnails(session, video_id)
        found = self.checks.video(video.prompt, title, self._pictures(keys))
        with self.database.write() as session:
            lock_video(session, video_id)
            video = owned(session, owner, video_id)
            before = current(session, video_id)
            if before is not None and _stands(before):
                return before
            _check_ready(session, video)
            share, person = _ask(session, video, before, title.strip(), found)
        if person:
            return share
        # Should this fail, the share waits for a person.
        try:
            return self.reviews.by_policy(share.id)
        except PleinairError as error:
            log.warning("not approved by policy", share=share.id, reason=str(error))
            return self.get(owner, video_id)

    def get(self, owner: str, video_id: str) -> Share:
        """How it stands with a video; raises NotFoundError if sharing was never asked."""
        with self.database.read() as session:
            owned(session, owner, video_id)
            return _known(session, video_id)

    def list(self, owner: str, limit: int = 100) -> Sequence[Share]:
        """An owner's shares, the newest first."""
        mine = select(Share).where(Share.owner == owner)
        with self.database.read() as session:
            newest = mine.order_by(Share.asked_at.desc(), Share.id).limit(limit)
            return session.scalars(newest).all()

    def withdraw(self, owner: str, video_id: str) -> Share:
        """Take a video back, or the wish to share it; a public address is dead at once.

        Raises:
            NotFoundError: there is no such video, or sharing was never asked.
            ConflictError: it was refused or withdrawn already.
        """
        with self.database.write() as session:
            owned(session, owner, video_id)
            lock_video(session, video_id)
            share = _known(session, video_id)
            if share.state in (REFUSED, WITHDRAWN):
                raise ConflictError(f"this video was {share.state} already")
            self.reviews.publisher.remove(session, share, owner)
        self.reviews.publisher.clear(share.id)
        return share

    def appeal(self, owner: str, video_id: str, words: str) -> Share:
        """Ask for another person's decision, once.

        Args:
            owner: whose it is.
            video_id: which; it was refused.
            words: why, 1–2,000 characters.

        Raises:
            NotFoundError: there is no such video, or sharing was never asked.
            ConflictError: it was not refused, was appealed before, or that is too long ago.
            InputError: there are no words, or too many.
        """
        check_words(words, least=1)
        with self.database.write() as session:
            owned(session, owner, video_id)
            lock_video(session, video_id)
            share = _known(session, video_id)
            if share.state != REFUSED or share.decided_at is None:
                raise ConflictError(f"this video is {share.state}; only a refusal can be appealed")
            if share.appealed_at is not None:
                raise ConflictError("this refusal was appealed before; it is decided for good")
            programme = session.get_one(Programme, share.programme_id)
            time = session.scalars(select(now())).one()
            if time > share.decided_at + programme.appeal_days * DAY:
                raise ConflictError(
                    f"a refusal can be appealed within {programme.appeal_days:g} days"
                )
            share.state, share.appeal_words, share.appealed_at = APPEALED, words.strip(), time
            share.due_at, share.reminded_at = time + programme.review_hours * HOUR, None
        return share

    def _pictures(self, keys: Sequence[str]) -> Sequence[bytes]:
        pictures = []
        with suppress(NotFoundError):  # gone in the meantime; the transaction says so
            pictures = [self.storage.get(key) for key in keys]
        return pictures


def _stands(share: Share) -> bool:
    """Whether a share is what asking would come to; raises ConflictError after a refusal."""
    over = share.state == WITHDRAWN and share.appealed_at and share.published_at is None
    if share.state == REFUSED or over:
        raise ConflictError(FOR_GOOD)
    return share.state in (ASKED, APPEALED, APPROVED)


def _check_ready(session: Session, video: Video) -> None:
    if video.state != COMPLETED:
        raise ConflictError(f"video {video.id} is {video.state}; only a completed one is shared")
    if video.quarantined_at is not None:
        raise WithheldError(QUARANTINED)
    time = session.scalars(select(now())).one()
    if video.purged_at or (video.expires_at and video.expires_at <= time):
        raise ConflictError(f"the files of {video.id} have expired")


def _thumbnails(session: Session, video_id: str) -> Sequence[str]:
    found = select(Artifact.key).where(
        Artifact.video_id == video_id, Artifact.variant == "thumbnail"
    )
    return session.scalars(found.order_by(Artifact.number)).all()


def _ask(
    session: Session, video: Video, before: Share | None, title: str, found: Sequence[Sighting]
) -> tuple[Share, bool]:
    """A new share, or the one that was sent back asked again; and whether a person decides."""
    sightings.keep(session, video.id, found)
    programme = _programme(session, video)
    person = needs_person(session, programme, video.owner, video.id)
    time = session.scalars(select(now())).one()
    share = before if before is not None and before.state == CHANGES else None
    if share is None:
        share = Share(
            id=f"share_{token_hex(12)}",
            video_id=video.id,
            owner=video.owner,
            programme_id=programme.id,
        )
        session.add(share)
    share.state, share.title, share.asked_at = ASKED, title, time
    share.due_at, share.reminded_at = time + programme.review_hours * HOUR, None
    share.decided_at = share.decided_by = share.reason = None
    share.words = share.appeal_words = share.appeal_answer = ""
    session.flush()
    return share, person


def _programme(session: Session, video: Video) -> Programme:
    """The programme that a video was made in, else the one that its owner is in."""
    owner = session.get(Member, video.owner)
    programme_id = video.programme_id or (owner and owner.programme_id)
    if programme_id is None:
        raise ConflictError("you are in no programme, so nobody could review this video")
    return session.get_one(Programme, programme_id)


def _known(session: Session, video_id: str) -> Share:
    share = current(session, video_id)
    if share is None:
        raise NotFoundError(f"Nobody asked for video {video_id} to be shared.")
    return share
