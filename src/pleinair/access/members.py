"""Members: who has access, as what, in which programme."""

import re
import secrets
from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pleinair.access.actor import Actor, Role
from pleinair.access.notices import tell
from pleinair.access.powers import Powers
from pleinair.access.programmes import get as get_programme
from pleinair.errors import ConflictError, InputError, NotFoundError
from pleinair.service.db import Database, now
from pleinair.service.programme_tables import Key, Member, SignIn

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}\.[^@\s.]{2,60}")


class Members:
    """The members of a server, as administrators see them.

    Args:
        database: where they are.
        powers: records what is done to them.
    """

    def __init__(self, database: Database, powers: Powers) -> None:
        self.database = database
        self.powers = powers

    def create(
        self,
        actor: Actor,
        name: str,
        role: str,
        programme_id: str | None = None,
        email: str | None = None,
    ) -> Member:
        """A member without a password, such as a program; people come by invitation.

        Raises:
            InputError: a value is not allowed.
            NotFoundError: there is no such programme.
            ConflictError: another member has that address.
        """
        with self.powers.act(actor, "members.create", role=role, programme=programme_id) as act:
            member = add(act.session, name, role, programme_id, email)
            act.subject = member.id
        return member

    def get(self, member_id: str) -> Member:
        """One member; raises NotFoundError."""
        with self.database.read() as session:
            return get(session, member_id)

    def list(
        self,
        *,
        programme_id: str | None = None,
        role: str | None = None,
        state: str | None = None,
        limit: int = 1000,
    ) -> Sequence[Member]:
        """Members by their age, the oldest first."""
        wanted = select(Member).order_by(Member.created_at, Member.id).limit(limit)
        if programme_id:
            wanted = wanted.where(Member.programme_id == programme_id)
        if role:
            wanted = wanted.where(Member.role == role)
        if state:
            wanted = wanted.where(Member.state == state)
        with self.database.read() as session:
            return session.scalars(wanted).all()

    def update(
        self,
        actor: Actor,
        member_id: str,
        *,
        role: str | None = None,
        programme_id: str | None = None,
        name: str | None = None,
    ) -> Member:
        """Change what is not None; the last administrator stays one.

        Raises:
            NotFoundError: there is no such member or programme.
            InputError: a value is not allowed.
            ConflictError: nobody would be left to administer.
        """
        changes = {"role": role, "programme_id": programme_id, "name": name}
        changes = {field: value for field, value in changes.items() if value is not None}
        with self.powers.act(actor, "members.update", member_id, **changes) as act:
            member = get(act.session, member_id)
            if role is not None:
                check_role(role)
                if role != Role.ADMINISTRATOR:
                    keep_an_administrator(act.session, member)
            if programme_id is not None:
                get_programme(act.session, programme_id)
            if name is not None:
                _check_name(name)
            for field, value in changes.items():
                setattr(member, field, value)
        return member

    def suspend(self, actor: Actor, member_id: str, reason: str) -> Member:
        """Shut a member out, with the cause told to them and counted in public.

        Raises:
            NotFoundError: there is no such member.
            ConflictError: they are suspended or have left already, or nobody would be left.
            InputError: there is no reason.
        """
        if not 1 <= len(reason.strip()) <= 500:
            raise InputError("reason", reason, "1 to 500 characters")
        with self.powers.act(actor, "members.suspend", member_id, reason=reason) as act:
            member = get(act.session, member_id)
            if member.state != "active":
                raise ConflictError(f"member {member_id} is {member.state} already")
            keep_an_administrator(act.session, member)
            member.state, member.reason = "suspended", reason
            act.session.execute(
                update(SignIn).where(SignIn.member_id == member_id).values(expires_at=0.0)
            )
            tell(act.session, member_id, "member.suspended", reason)
        return member

    def reinstate(self, actor: Actor, member_id: str) -> Member:
        """Let a suspended member in again; raises NotFoundError or ConflictError."""
        with self.powers.act(actor, "members.reinstate", member_id) as act:
            member = get(act.session, member_id)
            if member.state != "suspended":
                raise ConflictError(f"member {member_id} is {member.state}, not suspended")
            member.state, member.reason = "active", ""
            tell(act.session, member_id, "member.reinstated", "Your access is back.")
        return member


def add(
    session: Session,
    name: str,
    role: str,
    programme_id: str | None = None,
    email: str | None = None,
    *,
    accepted: bool = False,
) -> Member:
    """A new member, in a transaction that is under way.

    Args:
        session: of that transaction.
        name: 1–80 characters.
        role: one of `Role`.
        programme_id: without one, a member cannot make videos.
        email: of a person.
        accepted: the terms as they are now.

    Raises:
        InputError: a value is not allowed.
        NotFoundError: there is no such programme.
        ConflictError: another member has that address.
    """
    _check_name(name)
    check_role(role)
    email = check_email(email) if email else None
    programme = get_programme(session, programme_id) if programme_id else None
    if email and session.scalars(select(Member.id).where(Member.email == email)).first():
        raise ConflictError("another member has that address already")
    time = session.scalars(select(now())).one()
    agreed = programme is not None and accepted
    member = Member(
        id=f"mem_{secrets.token_hex(12)}",
        name=name.strip(),
        email=email,
        role=role,
        programme_id=programme_id,
        state="active",
        reason="",
        terms_version=programme.terms_version if agreed and programme else None,
        terms_at=time if agreed else None,
        created_at=time,
    )
    session.add(member)
    session.flush()
    return member


def get(session: Session, member_id: str) -> Member:
    """One member; raises NotFoundError."""
    found = session.get(Member, member_id, populate_existing=True)
    if found is None:
        raise NotFoundError(f"No member has the id {member_id!r}.")
    return found


def shut_out(session: Session, member_id: str) -> None:
    """End all keys and sign-ins of a member who leaves."""
    live = update(Key).where(Key.member_id == member_id, Key.state.in_(("active", "limited")))
    session.execute(live.values(state="revoked", reason="its owner has left", ended_at=now()))
    session.execute(update(SignIn).where(SignIn.member_id == member_id).values(expires_at=0.0))


def check_role(role: str) -> None:
    """Raise InputError unless it is one."""
    if role not in list(Role):
        raise InputError("role", role, ", ".join(Role))


def check_email(email: str) -> str:
    """An address in small letters; raises InputError for what is none."""
    found = email.strip().lower()
    if not _EMAIL.fullmatch(found):
        raise InputError("email", email, "an address such as ann@example.org")
    return found


def _check_name(name: str) -> None:
    if not 1 <= len(name.strip()) <= 80:
        raise InputError("name", name, "1 to 80 characters")


def keep_an_administrator(session: Session, member: Member) -> None:
    """Raise ConflictError if this member is the last administrator."""
    if member.role != Role.ADMINISTRATOR:
        return
    others = select(Member.id).where(
        Member.role == Role.ADMINISTRATOR, Member.state == "active", Member.id != member.id
    )
    if session.scalars(others.limit(1)).first() is None:
        raise ConflictError("this is the last administrator; make another one first")
