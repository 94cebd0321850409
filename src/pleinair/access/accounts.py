"""Accounts as their members use them: signing in and out, terms, password."""

import secrets

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from pleinair.access import members
from pleinair.access.passwords import Passwords
from pleinair.access.programmes import get as get_programme
from pleinair.errors import AccessError, ConflictError, ForbiddenError
from pleinair.service.db import Database, now
from pleinair.service.programme_tables import Member, SignIn
from pleinair.settings import digest_of_key

SESSION = "pa_session_"
LASTS = 14 * 86_400.0
"""Seconds for which a browser stays signed in."""

WRONG = "The address or the password is wrong."


class Accounts:
    """The accounts of all members.

    Args:
        database: where they are.
        passwords: checks them.
    """

    def __init__(self, database: Database, passwords: Passwords) -> None:
        self.database = database
        self.passwords = passwords

    def sign_in(self, email: str, password: str, network: str, client: str = "") -> str:
        """Sign a browser in; the token that it keeps in a cookie.

        Args:
            email: of the member.
            password: theirs.
            network: where it comes from, for counting guesses.
            client: what the browser calls itself.

        Raises:
            AccessError: no member has that address and password.
            ForbiddenError: the account is suspended.
            BusyError: there were too many wrong passwords.
        """
        name = email.strip().lower()
        self.passwords.limit(name, network)
        with self.database.read() as session:
            member = session.scalars(select(Member).where(Member.email == name)).first()
        kept = member.password if member else None
        if not self.passwords.check(kept, password) or member is None:
            self.passwords.count(name, network)
            raise AccessError(WRONG)
        return self.begin(member.id, client)

    def begin(self, member_id: str, client: str = "") -> str:
        """Sign in a member who is known to be who they say."""
        token = SESSION + secrets.token_urlsafe(32)
        with self.database.write() as session:
            member = members.get(session, member_id)
            if member.state != "active":
                raise ForbiddenError(f"This account is {member.state}: {member.reason}.")
            time = session.scalars(select(now())).one()
            session.execute(delete(SignIn).where(SignIn.expires_at <= time))
            session.add(
                SignIn(
                    id=f"sign_{secrets.token_hex(12)}",
                    digest=digest_of_key(token),
                    member_id=member_id,
                    client=client[:200],
                    created_at=time,
                    seen_at=time,
                    expires_at=time + LASTS,
                )
            )
        return token

    def sign_out(self, member_id: str, sign_in_id: str | None) -> None:
        """Sign one browser out, or with None all of a member's."""
        mine = delete(SignIn).where(SignIn.member_id == member_id)
        with self.database.write() as session:
            session.execute(mine.where(SignIn.id == sign_in_id) if sign_in_id else mine)

    def accept_terms(self, member_id: str, version: int) -> Member:
        """Accept the terms of the member's programme; raises ConflictError for another version."""
        with self.database.write() as session:
            member = members.get(session, member_id)
            if member.programme_id is None:
                raise ConflictError("you are in no programme, so there are no terms to accept")
            programme = get_programme(session, member.programme_id)
            if version != programme.terms_version:
                raise ConflictError(
                    f"the terms are of version {programme.terms_version} now; read them again"
                )
            member.terms_version = version
            member.terms_at = session.scalars(select(now())).one()
            return member

    def change_password(self, member_id: str, old: str | None, new: str) -> None:
        """Change a password and sign all browsers out.

        Args:
            member_id: whose.
            old: the one until now; None for a member who has none yet.
            new: 12–200 characters.

        Raises:
            AccessError: the old one is wrong.
            InputError: the new one is not allowed.
            BusyError: there were too many wrong passwords.
        """
        self.passwords.limit(member_id)
        hashed = self.passwords.hash(new)
        with self.database.read() as session:
            kept = members.get(session, member_id).password
        if kept is not None and not self.passwords.check(kept, old or ""):
            self.passwords.count(member_id)
            raise AccessError("The old password is wrong.")
        with self.database.write() as session:
            # IS NOT DISTINCT FROM: a member who signs in elsewhere has had none.
            unchanged = Member.password.is_not_distinct_from(kept)
            same = update(Member).where(Member.id == member_id, unchanged)
            session.execute(same.values(password=hashed))
            session.execute(delete(SignIn).where(SignIn.member_id == member_id))

    def by_oidc(self, subject: str, email: str | None) -> Member | None:
        """The member who signs in elsewhere under that subject.

        Args:
            subject: issuer and subject.
            email: that the issuer has checked, if it has: it links a member at the first time.
        """
        with self.database.write() as session:
            known = session.scalars(select(Member).where(Member.oidc == subject)).first()
            if known is not None or email is None:
                return known
            return _link(session, subject, email)


def _link(session: Session, subject: str, email: str) -> Member | None:
    same = select(Member).where(Member.email == email.strip().lower(), Member.oidc.is_(None))
    found = session.scalars(same).first()
    if found is not None:
        found.oidc = subject
    return found
