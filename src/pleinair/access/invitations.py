"""Invitations: links that each make one member, until they expire or are revoked."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pleinair.access import members
from pleinair.access.actor import Actor, Role
from pleinair.access.passwords import Passwords
from pleinair.access.powers import Powers
from pleinair.access.programmes import get as get_programme
from pleinair.errors import ConflictError, InputError, NotFoundError, TermsError
from pleinair.service.db import Database, now
from pleinair.service.programme_tables import Invitation, Member, Programme
from pleinair.settings import digest_of_key

PREFIX = "pa_invite_"
MOST_DAYS = 365.0


@dataclass(frozen=True)
class Offer:
    """What an invitation says to whom it is given."""

    invitation: Invitation
    programme: Programme | None


class Invitations:
    """The invitations of a server.

    Args:
        database: where their digests are.
        powers: records who invites whom.
        passwords: hashes those that guests choose.
    """

    def __init__(self, database: Database, powers: Powers, passwords: Passwords) -> None:
        self.database = database
        self.powers = powers
        self.passwords = passwords

    def create(
        self,
        actor: Actor,
        role: str,
        programme_id: str | None,
        *,
        email: str | None = None,
        days: float = 14.0,
        note: str = "",
    ) -> tuple[Invitation, str]:
        """A new invitation and its token, which is told only here.

        Args:
            actor: who invites.
            role: that the guest gets.
            programme_id: into which; only the team can be without one.
            email: if given, only this address can use it.
            days: until it expires, above 0 and at most 365.
            note: for whoever reads the list, up to 500 characters.

        Raises:
            InputError: a value is not allowed.
            NotFoundError: there is no such programme.
            ConflictError: the programme is closed.
        """
        members.check_role(role)
        if programme_id is None and role not in (Role.ADMINISTRATOR, Role.REVIEWER):
            raise InputError("programme_id", None, f"a programme for a {role.replace('_', ' ')}")
        if not 0 < days <= MOST_DAYS:
            raise InputError("days", days, f"above 0 and at most {MOST_DAYS:g}")
        if len(note) > 500:
            raise InputError("note", note, "up to 500 characters")
        email = members.check_email(email) if email else None
        token = PREFIX + secrets.token_urlsafe(32)
        with self.powers.act(actor, "invitations.create", role=role, programme=programme_id) as act:
            if programme_id is not None:
                _check_open(get_programme(act.session, programme_id))
            time = act.session.scalars(select(now())).one()
            made = Invitation(
                id=f"inv_{secrets.token_hex(12)}",
                digest=digest_of_key(token),
                programme_id=programme_id,
                role=role,
                email=email,
                note=note,
                made_by=actor.id,
                created_at=time,
                expires_at=time + days * 86_400,
            )
            act.session.add(made)
            act.session.flush()
            act.subject = made.id
        return made, token

    def list(self, limit: int = 200) -> Sequence[Invitation]:
        """The newest first."""
        with self.database.read() as session:
            newest = select(Invitation).order_by(Invitation.created_at.desc(), Invitation.id)
            return session.scalars(newest.limit(limit)).all()

    def revoke(self, actor: Actor, invitation_id: str) -> Invitation:
        """End an invitation that nobody has used; raises NotFoundError or ConflictError."""
        with self.powers.act(actor, "invitations.revoke", invitation_id) as act:
            found = act.session.get(Invitation, invitation_id)
            if found is None:
                raise NotFoundError(f"No invitation has the id {invitation_id!r}.")
            if found.used_at is not None:
                raise ConflictError(f"invitation {invitation_id} was used already")
            found.revoked_at = found.revoked_at or act.session.scalars(select(now())).one()
        return found

    def look(self, token: str) -> Offer:
        """What an invitation offers; raises NotFoundError for one that cannot be used."""
        with self.database.read() as session:
            found = _usable(session, token)
            programme = found.programme_id and session.get(Programme, found.programme_id)
            return Offer(found, programme or None)

    def accept(
        self,
        token: str,
        name: str,
        *,
        email: str | None = None,
        password: str | None = None,
        terms_version: int | None = None,
        oidc: str | None = None,
    ) -> Member:
        """Make the one member that an invitation is good for.

        Args:
            token: of the invitation.
            name: 1–80 characters.
            email: of the guest; the one that the invitation names, if it names one.
            password: 12–200 characters, unless the guest signs in elsewhere.
            terms_version: that the guest has read and accepts.
            oidc: issuer and subject, if they sign in elsewhere.

        Raises:
            NotFoundError: the invitation cannot be used (any more).
            InputError: a value is not allowed.
            TermsError: the terms to accept are of another version.
            ConflictError: another member has that address.
        """
        hashed = None if password is None else self.passwords.hash(password)
        if hashed is None and oidc is None:
            raise InputError("password", None, "12 to 200 characters")
        if email is None:
            raise InputError("email", None, "an address such as ann@example.org")
        with self.database.write() as session:
            found = _usable(session, token)
            if found.email and found.email != members.check_email(email):
                raise InputError("email", email, "the address that was invited")
            programme = found.programme_id and get_programme(session, found.programme_id)
            if programme:
                _check_open(programme)
                if oidc is None and terms_version != programme.terms_version:
                    raise TermsError(
                        f"Accept version {programme.terms_version} of the terms of "
                        f"{programme.name}: send terms_version."
                    )
            agreed = bool(programme) and terms_version is not None
            member = members.add(
                session, name, found.role, found.programme_id, email, accepted=agreed
            )
            member.password, member.oidc = hashed, oidc
            used = (
                update(Invitation)
                .where(Invitation.id == found.id, Invitation.used_at.is_(None))
                .values(used_at=now(), used_by=member.id)
                .returning(Invitation.id)
            )
            if session.scalars(used).first() is None:  # another guest was faster
                raise NotFoundError(GONE)
            return member


GONE = "This invitation is not known, was used or revoked, or has expired."


def _usable(session: Session, token: str) -> Invitation:
    wanted = select(Invitation).where(
        Invitation.digest == digest_of_key(token),
        Invitation.used_at.is_(None),
        Invitation.revoked_at.is_(None),
        Invitation.expires_at > now(),
    )
    found = session.scalars(wanted).first()
    if found is None:
        raise NotFoundError(GONE)
    return found


def _check_open(programme: Programme) -> None:
    if programme.state == "closed":
        raise ConflictError(f"the programme {programme.name} is closed")
