"""Programmes: the terms, limits, review and pay under which members work."""

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pleinair.access.actor import Actor
from pleinair.access.powers import Powers
from pleinair.errors import InputError, NotFoundError
from pleinair.service.db import Database, now
from pleinair.service.programme_tables import Programme

STATES = ("open", "paused", "closed")
REVIEWS = ("all", "new", "flagged", "none")
_LIMITS = ("rate", "concurrent", "seconds_each", "seconds_all", "spend_each", "spend_all")
_AMOUNTS = ("price", "pay_share", "pay_report", "pay_hour", "new_videos")
_TIMES = ("period_hours", "review_hours", "appeal_days")
FIELDS = (
    *("name", "state", "terms", "currency", "review", "own_download"),
    *(_LIMITS + _AMOUNTS + _TIMES),
)
"""What of a programme can be said and changed; its columns say what each is."""


class Programmes:
    """The programmes of a server.

    Args:
        database: where they are.
        powers: records what is done to them.
    """

    def __init__(self, database: Database, powers: Powers) -> None:
        self.database = database
        self.powers = powers

    def create(self, actor: Actor, values: Mapping[str, Any]) -> Programme:
        """A new programme; raises InputError for a value that is not allowed."""
        _check(values)
        if not values.get("name"):
            raise InputError("name", values.get("name"), "1 to 80 characters")
        with self.powers.act(actor, "programmes.create", **values) as act:
            programme = add(act.session, **values)
            act.subject = programme.id
        return programme

    def update(self, actor: Actor, programme_id: str, values: Mapping[str, Any]) -> Programme:
        """Change a programme; new terms are a new version, which members must accept.

        Raises:
            NotFoundError: there is no such programme.
            InputError: a value is not allowed.
        """
        _check(values)
        with self.powers.act(actor, "programmes.update", programme_id, **values) as act:
            programme = get(act.session, programme_id)
            if values.get("terms", programme.terms) != programme.terms:
                programme.terms_version += 1
            for name, value in values.items():
                setattr(programme, name, value)
            programme.updated_at = act.session.scalars(select(now())).one()
        return programme

    def get(self, programme_id: str) -> Programme:
        """One programme; raises NotFoundError."""
        with self.database.read() as session:
            return get(session, programme_id)

    def list(self) -> Sequence[Programme]:
        """All of them, the oldest first."""
        with self.database.read() as session:
            oldest = select(Programme).order_by(Programme.created_at, Programme.id)
            return session.scalars(oldest).all()


def add(session: Session, **values: Any) -> Programme:  # noqa: ANN401
    """A new programme, in a transaction that is under way."""
    time = session.scalars(select(now())).one()
    programme = Programme(
        id=f"prog_{secrets.token_hex(8)}", created_at=time, updated_at=time, **values
    )
    session.add(programme)
    session.flush()
    return programme


def get(session: Session, programme_id: str) -> Programme:
    """One programme; raises NotFoundError."""
    found = session.get(Programme, programme_id)
    if found is None:
        raise NotFoundError(f"No programme has the id {programme_id!r}.")
    return found


def _check(values: Mapping[str, Any]) -> None:
    """Raise InputError for the first value that is not allowed."""
    for name, value in values.items():
        if name not in FIELDS:
            raise InputError(name, value, ", ".join(FIELDS))
        if name == "state" and value not in STATES:
            raise InputError(name, value, ", ".join(STATES))
        if name == "review" and value not in REVIEWS:
            raise InputError(name, value, ", ".join(REVIEWS))
        if name == "currency" and not re.fullmatch(r"[A-Z]{3}", str(value)):
            raise InputError(name, value, "three letters such as EUR")
        if name == "name" and not 1 <= len(str(value).strip()) <= 80:
            raise InputError(name, value, "1 to 80 characters")
        if name == "terms" and len(str(value)) > 100_000:
            raise InputError(name, value, "up to 100,000 characters")
        if name in _LIMITS and value is not None and not 0 <= value <= 10**15:
            raise InputError(name, value, "null for no limit, or whole numbers from 0 to 10^15")
        if name in _AMOUNTS and not 0 <= value <= 10**15:
            raise InputError(name, value, "whole numbers from 0 to 10^15")
        if name in _TIMES and not 0 < value <= 100_000:
            raise InputError(name, value, "numbers above 0 and up to 100,000")
