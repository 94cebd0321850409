"""The outbox: events are written in the transaction in which they happen, and leave later.

So an event leaves if and only if what it tells of was kept; see `pleinair.service.webhooks`.
"""

import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session

from pleinair.service.db import now
from pleinair.service.tables import Delivery, Endpoint, Event

EVENT_TYPES = ("video.completed", "video.failed")


def record(session: Session, owner: str, kind: str, video_id: str) -> None:
    """Write an event, and a delivery for each of the owner's endpoints that wants to know."""
    time = session.scalars(select(now())).one()
    event = Event(
        id=f"evt_{secrets.token_hex(16)}",
        owner=owner,
        type=kind,
        video_id=video_id,
        created_at=time,
    )
    session.add(event)
    session.flush()
    for endpoint in session.scalars(select(Endpoint).where(Endpoint.owner == owner)):
        if kind in endpoint.event_types:
            session.add(Delivery(event_id=event.id, endpoint_id=endpoint.id, next_at=time))
