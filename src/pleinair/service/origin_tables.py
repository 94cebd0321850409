"""The table by which videos are known again."""

from sqlalchemy import ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from pleinair.service.tables import Base


class Origin(Base):
    """How one variation of a finished video is known again; it goes when the video is deleted."""

    __tablename__ = "origins"
    video_id: Mapped[str] = mapped_column(ForeignKey("videos.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str]
    mark: Mapped[int | None] = mapped_column(index=True)  # None: it was not marked
    bits: Mapped[bytes] = mapped_column(LargeBinary)
    colours: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[float]

    __table_args__ = (Index(None, "created_at", "video_id", "number"), Index(None, "owner"))
