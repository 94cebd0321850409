"""The tables of the open letter and of mail that has yet to leave.

An address is nowhere but in `Mail`, and only until the mail has left. What stays of it is its
HMAC under the server's secret, by which the same address is known again.
"""

from sqlalchemy import Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from pleinair.service.tables import Base


class Signing(Base):
    """Somebody asked to sign; it counts once the link in the mail was used. Gone after 48 hours."""

    __tablename__ = "signings"
    id: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str]  # HMAC
    network: Mapped[str]  # HMAC
    name: Mapped[str]
    who: Mapped[str]
    shown: Mapped[bool]
    created_at: Mapped[float]
    expires_at: Mapped[float] = mapped_column(index=True)
    used_at: Mapped[float | None]

    __table_args__ = (
        Index(None, "address", "created_at"),
        Index(None, "network", "created_at"),
        Index(None, "created_at"),
    )


class Signature(Base):
    """A signature that counts, or one that the team removed: that address signs no more."""

    __tablename__ = "signatures"
    id: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(unique=True)  # HMAC
    name: Mapped[str]
    who: Mapped[str]
    shown: Mapped[bool]  # whether the name is public
    confirmed_at: Mapped[float]
    removed_at: Mapped[float | None]
    reason: Mapped[str] = mapped_column(Text, default="")  # of a removal

    __table_args__ = (Index(None, "confirmed_at", "id"),)


class Mail(Base):
    """A mail that has yet to leave: its row goes with it. What it says is written when it does."""

    __tablename__ = "mails"
    id: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str]
    subject: Mapped[str]  # id of what it is about
    tongue: Mapped[str]
    created_at: Mapped[float]
    next_at: Mapped[float] = mapped_column(index=True)
    tries: Mapped[int] = mapped_column(default=0)
