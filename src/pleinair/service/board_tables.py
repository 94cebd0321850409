"""The table of storyboards; what is made for them are videos like all others."""

from typing import Any

from sqlalchemy import JSON, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from pleinair.service.tables import Base


class Board(Base):
    """Cards that become one video, one after the other; see `pleinair.service.boards`.

    A card has ``kind``, ``prompt``, ``seconds``, ``file_id`` and ``video_id``. A link is a card
    that is finished: ``digest`` of what it was made from, and ``video_id`` of the video that ends
    with it. Of all links only the last has its video still.
    """

    __tablename__ = "storyboards"
    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    title: Mapped[str]
    size: Mapped[str]
    model: Mapped[str | None]
    seed: Mapped[int | None]
    cards: Mapped[list[dict[str, Any]]] = mapped_column(JSON())
    state: Mapped[str]  # draft, rendering, completed, failed or cancelled
    card: Mapped[int | None]  # that is being made, or at which it ended
    making: Mapped[str | None]  # id of the video of that card, once it is queued
    video_id: Mapped[str | None]  # the video at work, or what there is
    links: Mapped[list[dict[str, Any]]] = mapped_column(JSON(), default=list)
    renders: Mapped[int] = mapped_column(default=0)  # how often it was begun
    key_id: Mapped[str | None]  # with which the last was begun
    error_code: Mapped[str | None]
    error_message: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[float]
    updated_at: Mapped[float]

    __table_args__ = (Index(None, "owner", "created_at", "id"), Index(None, "state"))
