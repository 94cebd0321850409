"""The switchboard: what is put off, with the videos behind it, and what is put on again.

A flip and all that follows from it are one transaction: whoever creates or claims a video reads
the switches in a transaction of their own, and so comes wholly before it or wholly after.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, CursorResult, func, insert, literal, or_, select, true, update
from sqlalchemy.orm import Session

from pleinair.access.actor import LOCAL, Actor, Role
from pleinair.access.keys import LIVE
from pleinair.access.powers import Powers
from pleinair.errors import ConflictError, InputError, NotFoundError
from pleinair.service.db import Database, now
from pleinair.service.programme_tables import Key, Member, Notice, Programme, Switch
from pleinair.service.queue import waiting
from pleinair.service.switches import EVERYONE, KINDS, concerns, is_off, told
from pleinair.service.tables import ACTIVE, QUEUED, RUNNING, Video
from pleinair.service.videos import end
from pleinair.settings import ServiceSettings

PAUSE, CANCEL = "pause", "cancel"
CODE = "switched_off"
"""Error code of a video that a switch has cancelled."""

MOST_HOURS = 8760.0


@dataclass(frozen=True)
class Reach:
    """What a switch stops.

    Attributes:
        members: active ones whom it concerns, and who are told.
        waiting: videos that wait, and go on waiting.
        running: videos that are being made.
        keys: live ones of those members, or the key itself.
    """

    members: int
    waiting: int
    running: int
    keys: int = 0


class Switchboard:
    """All switches.

    Args:
        database: where they are.
        powers: records who flips them.
        settings: name the models, and the users of a server without members.
    """

    def __init__(self, database: Database, powers: Powers, settings: ServiceSettings) -> None:
        self.database = database
        self.powers = powers
        self.settings = settings

    def off(
        self,
        actor: Actor,
        kind: str,
        target: str,
        message: str,
        *,
        hours: float | None = None,
        running: str = PAUSE,
    ) -> tuple[Switch, Reach]:
        """Put something off at once; what waits goes on waiting until it is on again.

        Args:
            actor: who does it.
            kind: one of `pleinair.service.switches.KINDS`.
            target: id of the programme, member, key or model, or name of the role; empty for
                everyone.
            message: what those hear who are shut out, 1–500 characters.
            hours: after which it is on again by itself, above 0 and at most 8760; None is never.
            running: what becomes of videos that are being made: ``pause`` puts them back into the
                queue, ``cancel`` ends them.

        Returns:
            The switch, and what it stopped.

        Raises:
            InputError: a value is not allowed.
            NotFoundError: there is no such target.
            ConflictError: it is off already.
        """
        _check(kind, message, hours, running)
        details = {"kind": kind, "target": target, "message": message, "hours": hours}
        with self.powers.act(actor, "switches.off", running=running, **details) as act:
            session = act.session
            self._check_target(session, kind, target)
            same = select(Switch.id).where(is_off(), Switch.kind == kind, Switch.target == target)
            if already := session.scalars(same).first():
                raise ConflictError(f"that is off already, by {already}")
            time = session.scalars(select(now())).one()
            switch = Switch(
                id=f"off_{secrets.token_hex(12)}",
                kind=kind,
                target=target,
                message=message.strip(),
                running=running,
                until=None if hours is None else time + hours * 3600,
                off_at=time,
                off_by=actor.id,
            )
            session.add(switch)
            session.flush()
            reach = _reach(session, kind, target)
            _tell(session, switch, "access.off", told(switch.message, switch.until))
            act.details["stopped"] = _stop(session, switch)
            act.subject = switch.id
            # Until here a worker may have handed over a video; from here on none can.
            switch.off_at = session.scalars(select(now())).one()
        return switch, reach

    def on(self, actor: Actor, switch_id: str) -> Switch:
        """Put on again what is off; what waited goes on.

        Raises:
            NotFoundError: there is no such switch.
            ConflictError: it is on already.
        """
        with self.powers.act(actor, "switches.on", switch_id) as act:
            switch = act.session.get(Switch, switch_id, populate_existing=True)
            if switch is None:
                raise NotFoundError(f"No switch has the id {switch_id!r}.")
            time = act.session.scalars(select(now())).one()
            if not off_at(switch, time):
                raise ConflictError(f"switch {switch_id} is on already")
            switch.on_at, switch.on_by = time, actor.id
            act.details |= {"kind": switch.kind, "target": switch.target}
            _tell(act.session, switch, "access.on", "Access is back on.")
        return switch

    def count(self, kind: str, target: str) -> Reach:
        """What a switch would stop now; raises InputError and NotFoundError as `off` does."""
        with self.database.read() as session:
            self._check_target(session, kind, target)
            return _reach(session, kind, target)

    def list(self, limit: int = 100) -> Sequence[tuple[Switch, Reach | None]]:
        """Those that are off, with what they stop, and after them those that were, newest first."""
        with self.database.read() as session:
            newest = select(Switch).order_by(Switch.off_at.desc(), Switch.id).limit(limit)
            off = session.scalars(newest.where(is_off())).all()
            on = session.scalars(newest.where(~is_off())).all()
            found: list[tuple[Switch, Reach | None]] = [
                (switch, _reach(session, switch.kind, switch.target)) for switch in off
            ]
        return (found + [(switch, None) for switch in on])[:limit]

    def _check_target(self, session: Session, kind: str, target: str) -> None:
        if kind not in KINDS:
            raise InputError("kind", kind, ", ".join(KINDS))
        if kind == EVERYONE and target:
            raise InputError("target", target, "nothing: everyone is everyone")
        if kind == "role" and target not in list(Role):
            raise InputError("target", target, ", ".join(Role))
        models = (*self.settings.models, *self.settings.aliases)
        if kind == "model" and target not in models:
            raise InputError("target", target, ", ".join(models))
        table = {"programme": Programme, "member": Member, "key": Key}.get(kind)
        if table is None or session.get(table, target) is not None:
            return
        if kind == "member" and session.scalars(select(Member.id).limit(1)).first() is None:
            users = tuple(self.settings.keys) or (LOCAL,)
            if target not in users:
                raise InputError("target", target, ", ".join(users))
            return
        raise NotFoundError(f"No {kind} has the id {target!r}.")


def _check(kind: str, message: str, hours: float | None, running: str) -> None:
    if kind not in KINDS:
        raise InputError("kind", kind, ", ".join(KINDS))
    if not 1 <= len(message.strip()) <= 500:
        raise InputError("message", message, "1 to 500 characters")
    if hours is not None and not 0 < hours <= MOST_HOURS:
        raise InputError("hours", hours, f"above 0 and at most {MOST_HOURS:g}")
    if running not in (PAUSE, CANCEL):
        raise InputError("running", running, f"{PAUSE}, {CANCEL}")


def off_at(switch: Switch, time: float) -> bool:
    """Whether a switch is off at a time by the database's clock."""
    return switch.on_at is None and (switch.until is None or switch.until > time)


def _stop(session: Session, switch: Switch) -> int:
    """Pause or cancel the videos that are being made; how many it were."""
    made = (Video.state == RUNNING, concerns(switch.kind, switch.target))
    if switch.running == PAUSE:
        # As if they had not been claimed. Their workers find out at the next step: it is fenced.
        back = update(Video).where(*made).values(**waiting(), tries=Video.tries - 1)
        result = session.execute(back)
        assert isinstance(result, CursorResult)
        return result.rowcount
    videos = session.scalars(select(Video).where(*made)).all()
    message = told(switch.message, switch.until)
    return sum(end(session, video, CODE, message) for video in videos)


def _reach(session: Session, kind: str, target: str) -> Reach:
    people = select(func.count()).select_from(Member).where(*_concerned(kind, target))
    states = select(Video.state, func.count()).where(
        Video.state.in_(ACTIVE), concerns(kind, target)
    )
    videos = dict(session.execute(states.group_by(Video.state)).all())
    return Reach(
        session.scalars(people).one(),
        videos.get(QUEUED, 0),
        videos.get(RUNNING, 0),
        _keys(session, kind, target),
    )


def _keys(session: Session, kind: str, target: str) -> int:
    """Keys that would be refused; one that asks for another model than the one put off is not."""
    if kind == "model":
        return 0
    alive = Key.state.in_(LIVE), or_(Key.expires_at.is_(None), Key.expires_at > now())
    theirs = Key.member_id.in_(select(Member.id).where(*_concerned(kind, target)))
    which = Key.id == target if kind == "key" else theirs
    count = select(func.count()).select_from(Key).where(*alive, Key.decoy.is_(False), which)
    return session.scalars(count).one()


def _concerned(kind: str, target: str) -> tuple[ColumnElement[bool], ...]:
    """Of a member: that a switch is about them, or about videos that they wait for."""
    waiting_for = select(Video.owner).where(Video.state.in_(ACTIVE), concerns(kind, target))
    which: dict[str, ColumnElement[bool]] = {
        EVERYONE: true(),
        "programme": Member.programme_id == target,
        "role": Member.role == target,
        "member": Member.id == target,
        "key": Member.id.in_(select(Key.member_id).where(Key.id == target)),
        "model": Member.id.in_(waiting_for),
    }
    return Member.state == "active", which[kind]


def _tell(session: Session, switch: Switch, kind: str, words: str) -> None:
    """Leave a notice to every member concerned, in one statement however many they are."""
    notices = select(
        literal(f"note_{secrets.token_hex(8)}_") + Member.id,
        Member.id,
        literal(kind),
        literal(words),
        literal(switch.id),
        now(),
    ).where(*_concerned(switch.kind, switch.target))
    columns = ["id", "member_id", "kind", "text", "subject", "created_at"]
    session.execute(insert(Notice).from_select(columns, notices))
