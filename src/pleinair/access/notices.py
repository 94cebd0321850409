"""Notices: what the programme tells a member, or the team."""

import secrets

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pleinair.errors import NotFoundError
from pleinair.service.db import Database, now
from pleinair.service.programme_tables import Notice


def tell(
    session: Session, member_id: str | None, kind: str, text: str, subject: str = ""
) -> Notice:
    """Leave a notice, in the transaction of what it tells of.

    Args:
        session: of that transaction.
        member_id: who is told; None is the team.
        kind: for programs, such as ``key.stopped``.
        text: for people.
        subject: id of what it is about.
    """
    notice = Notice(
        id=f"note_{secrets.token_hex(16)}",
        member_id=member_id,
        kind=kind,
        text=text,
        subject=subject,
        created_at=session.scalars(select(now())).one(),
    )
    session.add(notice)
    session.flush()
    return notice


class Notices:
    """The notices of all; each sees their own, the team its own."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def list(
        self, member_id: str | None, *, unread: bool = False, limit: int = 100
    ) -> list[Notice]:
        """The newest first; ``member_id`` None is the team's."""
        wanted = select(Notice).where(Notice.member_id == member_id)
        if unread:
            wanted = wanted.where(Notice.read_at.is_(None))
        with self.database.read() as session:
            newest = wanted.order_by(Notice.created_at.desc(), Notice.id).limit(limit)
            return list(session.scalars(newest))

    def read(self, member_id: str | None, notice_id: str) -> Notice:
        """Mark one as read; raises NotFoundError."""
        with self.database.write() as session:
            notice = session.get(Notice, notice_id)
            if notice is None or notice.member_id != member_id:
                raise NotFoundError(f"No notice has the id {notice_id!r}.")
            seen = update(Notice).where(Notice.id == notice_id, Notice.read_at.is_(None))
            session.execute(seen.values(read_at=now()))
            return session.get_one(Notice, notice_id, populate_existing=True)
