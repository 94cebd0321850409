"""Publication: public copies of a video's files, there only while its share is approved.

The copies are made before the transaction that approves, which names them in rows; without rows
they are nobody's. Rows go in the transaction that withdraws, which is effective at once, and the
copies after it. So the owner's own files may expire, and what is public does not go with them.
"""

import secrets
from collections.abc import Sequence
from contextlib import suppress

import structlog
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from pleinair.errors import ConflictError, NotFoundError, PleinairError
from pleinair.review.states import APPROVED, WAITING, WITHDRAWN
from pleinair.service.db import Database, now
from pleinair.service.programme_tables import Publication, Share
from pleinair.service.storage import Storage
from pleinair.service.tables import Artifact, Video

FOLDER = "shared"
QUARANTINED = "this video is in quarantine; look at it under held, and clear it there first"
EXPIRED = "the files of this video have expired or are gone"
DELETED = "this video was deleted by its owner"
log = structlog.get_logger()


class Publisher:
    """Makes public copies and takes them away.

    Args:
        database: of the shares.
        storage: of the files.
    """

    def __init__(self, database: Database, storage: Storage) -> None:
        self.database = database
        self.storage = storage

    def copy(self, share_id: str) -> list[Publication]:
        """Copy what a share that waits is about; rows that are in no session yet.

        Returns:
            None of them, if there is nothing to copy: `publish` then says so.
        """
        with self.database.read() as session:
            share = session.get(Share, share_id)
            if share is None or share.state not in WAITING:
                return []
            mine = select(Artifact).where(Artifact.video_id == share.video_id)
            artifacts = session.scalars(mine).all()
        # Under a name of its own, so that of two decisions at once neither removes the other's.
        folder = f"{FOLDER}/{share_id}/{secrets.token_hex(8)}"
        copies = []
        try:
            for artifact in artifacts:
                name = artifact.key.rpartition("/")[2]
                key = f"{folder}/{artifact.number}/{name}"
                self.storage.copy(artifact.key, key)
                copies.append(
                    Publication(
                        share_id=share_id,
                        variant=artifact.variant,
                        number=artifact.number,
                        key=key,
                        content_type=artifact.content_type,
                        size=artifact.size,
                        sha256=artifact.sha256,
                    )
                )
        except NotFoundError:
            self.drop(copies)
            return []
        except PleinairError:
            self.drop(copies)
            raise
        return copies

    def drop(self, copies: Sequence[Publication]) -> None:
        """Remove copies that no row came to name; what cannot be removed is left to `sweep`."""
        keys = [copy.key for copy in copies]
        with suppress(PleinairError):
            with self.database.read() as session:
                found = select(Publication.key).where(Publication.key.in_(keys))
                named = set(session.scalars(found))
            for key in keys:
                if key not in named:
                    self.storage.delete(key)

    def publish(
        self, session: Session, share: Share, video: Video, copies: Sequence[Publication]
    ) -> None:
        """Make a share public in the transaction that approves it.

        Raises:
            ConflictError: the video is deleted, in quarantine, or has no files any more.
        """
        if video.deleted_at is not None:
            raise ConflictError(DELETED)
        if video.quarantined_at is not None:
            raise ConflictError(QUARANTINED)
        if not copies:
            raise ConflictError(EXPIRED)
        share.state = APPROVED
        share.published_at = session.scalars(select(now())).one()
        session.add_all(copies)
        session.flush()

    def remove(self, session: Session, share: Share, by: str) -> None:
        """End a share in this transaction; after it, `clear` takes the files away."""
        share.state = WITHDRAWN
        share.withdrawn_at = session.scalars(select(now())).one()
        share.withdrawn_by = by
        session.execute(delete(Publication).where(Publication.share_id == share.id))
        session.flush()

    def clear(self, share_id: str) -> None:
        """Take the files of a withdrawn share away; what fails is left to `sweep`."""
        try:
            self.storage.delete(f"{FOLDER}/{share_id}")
        except PleinairError as error:
            log.warning("public copies are left", share=share_id, reason=str(error))

    def sweep(self) -> int:
        """Take away what is left of shares that are withdrawn; how many shares that were."""
        there = sorted({key.split("/")[1] for key in self.storage.list(FOLDER)})
        left = []
        with self.database.read() as session:
            for start in range(0, len(there), 500):
                some = there[start : start + 500]
                live = select(Share.id).where(Share.id.in_(some), Share.state != WITHDRAWN)
                alive = set(session.scalars(live))
                left += [share_id for share_id in some if share_id not in alive]
        for share_id in left:
            self.clear(share_id)
        return len(left)
