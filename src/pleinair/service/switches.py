"""Switches: what is off, read in the very transactions that queue and claim videos.

A switch is off until somebody puts it on again or its time has passed. While it is off, creates
are refused, what waits goes on waiting, and what is being made pauses or is cancelled.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, and_, exists, or_, select, text, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from pleinair.errors import SwitchedOffError
from pleinair.service.db import now
from pleinair.service.programme_tables import Member, Programme, Switch
from pleinair.service.tables import Video

EVERYONE = "everyone"
KINDS = (EVERYONE, "programme", "role", "member", "key", "model")
_LOCK = 7310256
_COLUMNS: Mapping[str, tuple[InstrumentedAttribute[str | None] | InstrumentedAttribute[str], ...]]
_COLUMNS = {
    "programme": (Video.programme_id,),
    "role": (Video.role,),
    "member": (Video.owner,),
    "key": (Video.key_id,),
    "model": (Video.model, Video.backend),
}
"""Where a video says what it has to do with the target of a switch."""


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


def stops() -> ColumnElement[bool]:
    """Of a switch and a video: that the one is about the other."""
    about = [
        and_(Switch.kind == kind, Switch.target.in_(columns)) for kind, columns in _COLUMNS.items()
    ]
    return or_(Switch.kind == EVERYONE, *about)


def concerns(kind: str, target: str) -> ColumnElement[bool]:
    """Of a video: that a switch of this kind and target would be about it."""
    if kind == EVERYONE:
        return true()
    return or_(*(column == target for column in _COLUMNS[kind]))


def goes_on() -> ColumnElement[bool]:
    """Of a video: that nothing that is off is about it, and nobody has paused its makers.

    What a closed programme had taken on is still made.
    """
    paused = exists().where(Programme.id == Video.programme_id, Programme.state == "paused")
    suspended = exists().where(Member.id == Video.owner, Member.state == "suspended")
    return and_(~exists().where(is_off(), stops()), ~paused, ~suspended)


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
        told(switch.message, switch.until),
        None if switch.until is None else switch.until - time,
        everyone=switch.kind in (EVERYONE, "model"),
    )


def told(message: str, until: float | None) -> str:
    """What those hear who are shut out: the team's message, and until when if that is known."""
    if until is None:
        return message
    return f"{message} (until {datetime.fromtimestamp(until, UTC):%Y-%m-%d %H:%M} UTC)"
