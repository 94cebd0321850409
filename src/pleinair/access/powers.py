"""Acts of power: done and put on record in one transaction, or not done.

The record is refused together with the act if either cannot be: authority is read again in that
transaction, and the head of the audit is kept outside after it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy.orm import Session

from pleinair.access.actor import Actor, Role
from pleinair.access.authority import ACTS, permit
from pleinair.errors import ForbiddenError, PleinairError
from pleinair.service import audit, switches
from pleinair.service.audit import Anchor, Head
from pleinair.service.db import Database, leave
from pleinair.service.programme_tables import Key, Member

THE_SERVER = Actor("server", via="server")
"""Who acts when a policy, a deadline or the watch over keys does, without a person."""

log = structlog.get_logger()


@dataclass
class Act:
    """An act under way.

    Attributes:
        session: the transaction in which it is done.
        subject: id of what it is done to; say so here when it is new.
        details: more for the record; no secrets.
    """

    session: Session
    subject: str
    details: dict[str, Any] = field(default_factory=dict)


class Powers:
    """What records acts of power.

    Args:
        database: of the acts and the audit.
        anchor: keeps the heads of the audit outside.
    """

    def __init__(self, database: Database, anchor: Anchor) -> None:
        self.database = database
        self.anchor = anchor

    @contextmanager
    def act(
        self,
        actor: Actor,
        name: str,
        subject: str = "",
        /,  # an act's details may have a name of their own
        **details: Any,  # noqa: ANN401
    ) -> Iterator[Act]:
        """A transaction that does one act and its record.

        Args:
            actor: who does it.
            name: the act, as the table of authority has it.
            subject: id of what it is done to.
            details: more for the record; no secrets.

        Raises:
            ForbiddenError: the actor may not, or may no longer.
            StorageError: the head of the audit cannot be kept.
            PleinairError: whatever the act raises; the refusal is on record.
        """
        self.anchor.ready()
        alone = switches.changing.set(True)
        try:
            with self.database.write() as session:
                switches.hold(session)
                _still(session, actor, name)
                act = Act(session, subject, dict(details))
                yield act
                record = audit.append(
                    session,
                    actor=actor.id,
                    role=actor.role or "",
                    via=actor.via,
                    act=name,
                    subject=act.subject,
                    details=act.details,
                )
                head = Head(record.number, record.digest)
        except PleinairError as error:
            self.refused(actor, name, subject, error)
            raise
        finally:
            switches.changing.reset(alone)
        self.anchor.keep(head)

    def refused(self, actor: Actor, name: str, subject: str, error: PleinairError) -> None:
        """Put on record that an act was tried and not done.

        What strangers try is no act: they must not be able to fill the record.
        """
        if actor.via in ("nobody", "local", "decoy"):
            return
        asked = leave.set(None)  # who may not write any more is on record for trying
        try:
            with self.database.write() as session:
                record = audit.append(
                    session,
                    actor=actor.id,
                    role=actor.role or "",
                    via=actor.via,
                    act=name,
                    subject=subject[:200],
                    outcome=str(error)[:200],
                )
                head = Head(record.number, record.digest)
            self.anchor.keep(head)
        except PleinairError as trouble:
            log.error("a refusal is not on record", act=name, reason=str(trouble))
        finally:
            leave.reset(asked)
        log.warning("act refused", act=name, actor=actor.id, subject=subject, reason=str(error))


def _still(session: Session, actor: Actor, name: str) -> None:
    """Raise unless the actor may do this by what the database says now."""
    if actor.via == "server":
        return
    permit(actor, ACTS[name])
    if actor.via == "command":
        return
    member = session.get(Member, actor.id, populate_existing=True)
    if member is None or member.state != "active":
        raise ForbiddenError("This account is not active.")
    if actor.key_id is not None:
        key = session.get_one(Key, actor.key_id, populate_existing=True)
        if key.state not in ("active", "limited"):
            raise ForbiddenError(f"This key was {key.state}.")
    if member.role != actor.role:
        permit(Actor(actor.id, Role(member.role), actor.via, scopes=actor.scopes), ACTS[name])
