"""The gate of the reviewers: checks look at prompts, and what they hold nobody gets."""

from typing import TYPE_CHECKING

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from pleinair.access.notices import tell
from pleinair.errors import WithheldError
from pleinair.review import checks as sightings
from pleinair.review.checks import Checks, Sighting
from pleinair.review.found import Found
from pleinair.review.policy import is_held
from pleinair.review.states import APPROVED
from pleinair.service.limits import Allowance
from pleinair.service.programme_tables import Flag, Member, Programme, Share
from pleinair.service.tables import Artifact, Video

if TYPE_CHECKING:
    from pleinair.service.videos import Draft

HELD = "A check held this video; a person will look at it and then release it."
NOT_YET = "In this programme a video is yours to download once the team has approved it."
ORIGIN = "origin"


class ReviewGate:
    """What the reviewers have to say about videos.

    Args:
        checks: look at prompts.
    """

    def __init__(self, checks: Checks) -> None:
        self.checks = checks

    def enter(self, session: Session, draft: "Draft", video: Video) -> Allowance | None:
        """Flag what checks find in the prompt, and hold what is made from a held video."""
        if session.get(Member, video.owner) is None:
            return None
        found = self.checks.prompt(video.prompt)
        if draft.request.original:  # both were somebody's words, and a maker may say either again
            found += self.checks.prompt(draft.request.original)
        shas = {item.sha256 for item in draft.request.given}
        if held := _held_origin(session, video.owner, draft.remixed_from, shas):
            detail = f"made from {held}, which is held"
            found.append(Sighting(ORIGIN, Found("held video", detail, hold=True)))
        if not found:
            return None
        session.add(video)  # flags name it
        session.flush()
        flags = sightings.keep(session, video.id, found)
        if any(flag.hold for flag in flags):
            labels = ", ".join(sorted({flag.label for flag in flags if flag.hold}))
            tell(session, None, "video.held", f"A check held a video: {labels}.", video.id)
        return None

    def leave(self, session: Session, video: Video) -> None:
        """Raise WithheldError for what is held, and for what its owner may not have yet."""
        member = session.get(Member, video.owner)
        if member is None:
            return
        if is_held(session, video.id):
            raise WithheldError(HELD)
        programme_id = video.programme_id or member.programme_id
        programme = session.get(Programme, programme_id) if programme_id else None
        if programme is None or programme.own_download:
            return
        approved = select(Share.id).where(Share.video_id == video.id, Share.state == APPROVED)
        if session.scalars(approved.limit(1)).first() is None:
            raise WithheldError(NOT_YET)


def _held_origin(session: Session, owner: str, video_id: str | None, shas: set[str]) -> str | None:
    """The held video that another begins from: named, or by its content as a clip."""
    if video_id is None and not shas:
        return None
    held = Flag.hold & Flag.cleared_at.is_(None)
    found = (
        select(Video.id)
        .outerjoin(Flag, Flag.video_id == Video.id)
        .outerjoin(Artifact, Artifact.video_id == Video.id)
        .where(Video.owner == owner, or_(Video.id == video_id, Artifact.sha256.in_(shas)))
        .where(or_(held, Video.quarantined_at.is_not(None)))
    )
    return session.scalars(found.limit(1)).first()
