"""Recognising a create that came again because its answer was lost.

The OpenAI SDKs repeat a create whose answer did not arrive, but send no Idempotency-Key with it.
They do number their tries (``x-stainless-retry-count``: 0, then 1, then 2). So a create is taken
for the repetition of an earlier one when it comes from the same owner with the same content, the
earlier one came within `WINDOW` and under a lower number, and nobody has come for it under this
number yet. Two creates of one content that are both first tries are two videos. When the first try
is still under way while its repetition comes in, whichever is later finds the other's video.

What it cannot tell apart: of two equal creates in the same ten minutes, one answered and one never
received, the repetition of the second gets the first one's video. A client that minds sends keys.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from pleinair.service.db import now
from pleinair.service.tables import Video

WINDOW = 660.0  # seconds: the SDKs give up an answer after 600 and wait at most 8 between tries


@dataclass(frozen=True)
class Retry:
    """A create that may be a repetition.

    Attributes:
        fingerprint: digest of its content; nothing is recognised without one.
        number: of the try, from 0.
        elapsed: seconds since it began to come in.
    """

    fingerprint: str
    number: int
    elapsed: float


def recognise(session: Session, owner: str, retry: Retry) -> Video | None:
    """The video that another try of the same create made, which is then marked as found."""
    if not retry.fingerprint:
        return None
    bit = 1 << min(retry.number, 31)
    # A first try can only be found by what came while it was under way.
    window = WINDOW if retry.number else retry.elapsed
    alike = (
        select(Video, now())
        .where(
            Video.fingerprint == retry.fingerprint,
            Video.owner == owner,
            Video.created_at > now() - window,
            Video.deleted_at.is_(None),
        )
        .order_by(Video.created_at.desc())
    )
    for video, time in session.execute(alike):
        earlier = video.seen & (bit - 1)
        later = video.seen >= 2 * bit and video.created_at > time - retry.elapsed
        if not video.seen & bit and (earlier or later):
            video.seen |= bit
            return video
    return None
