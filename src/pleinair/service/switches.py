"""Switches: what is off, read in the very transactions that queue and claim videos.

A switch is off until somebody puts it on again or its time has passed. While it is off, creates
are refused, what waits goes on waiting, and what is being made pauses or is cancelled.
"""

from collections.abc import Mapping
from contextvars import ContextVar

from sqlalchemy import ColumnElement, and_, exists, or_, select, text
from sqlalchemy.orm import Session

from pleinair.errors import SwitchedOffError
from pleinair.service.db import now
from pleinair.service.programme_tables import Switch
from pleinair.service.tables import Video

EVERYONE = "everyone"
KINDS = (EVERYONE, "programme", "role", "member", "key", "model")
_LOCK = 7310256


changing: ContextVar[bool] = ContextVar("changing", default=False)
"""Whether the next transaction changes switches, members or keys: it then holds them alone from
its beginning. Were it to share them first, two at once would each wait for the other."""


def hold(session: Session) -> None:
    """Let nobody change switches, members or keys before this transaction ends.

    Args:
        session: of a transaction that writes. SQLite has one writer at a time anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        shared = "" if changing.get() else "_shared"
        session.execute(text(f"SELECT pg_advisory_xact_lock{shared}({_LOCK})"))


def is_off() -> ColumnElement[bool]:
    """Of a switch: that it is off now."""
    return and_(Switch.on_at.is_(None), or_(Switch.until.is_(None), Switch.until > now()))


def stops(switch: type[Switch] = Switch) -> ColumnElement[bool]:
    """Of a switch and a video: that the one is about the other."""
    return or_(
        switch.kind == EVERYONE,
        and_(switch.kind == "programme", switch.target == Video.programme_id),
        and_(switch.kind == "role", switch.target == Video.role),
        and_(switch.kind == "member", switch.target == Video.owner),
        and_(switch.kind == "key", switch.target == Video.key_id),
        and_(switch.kind == "model", switch.target.in_((Video.model, Video.backend))),
    )


def goes_on() -> ColumnElement[bool]:
    """Of a video: that nothing that is off is about it."""
    return ~exists().where(is_off(), stops())


def check(session: Session, targets: Mapping[str, str | None]) -> None:
    """Raise SwitchedOffError if something that is off is about these.

    Args:
        session: of the transaction that relies on it.
        targets: id by kind, such as ``{"member": "mem_1", "role": "tester"}``.
    """
    about = [Switch.kind == EVERYONE] + [
        and_(Switch.kind == kind, Switch.target == target)
        for kind, target in targets.items()
        if target
    ]
    rows = session.execute(select(Switch, now()).where(is_off(), or_(*about))).all()
    if not rows:
        return
    # The widest first: who hears "everyone" need not wonder what they did.
    switch, time = min(rows, key=lambda row: KINDS.index(row[0].kind))
    raise SwitchedOffError(
        switch.message,
        None if switch.until is None else switch.until - time,
        everyone=switch.kind in (EVERYONE, "model"),
    )
