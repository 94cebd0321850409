"""Admission: who sent a request, and whether they may do it, now, in the transaction that writes.

A server without members is open to its one user, or to the users of ``PLEINAIR_KEYS``. From its
first member on, everybody comes with a member's key or signed in, and nothing else opens it.
"""

import hmac
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from pleinair.access.actor import LOCAL, NOBODY, Actor, Role
from pleinair.access.authority import NO_KEY, Rule
from pleinair.access.keys import LIVE, is_key
from pleinair.errors import (
    AccessError,
    ForbiddenError,
    StoppedKeyError,
    SwitchedOffError,
    TermsError,
)
from pleinair.service import switches
from pleinair.service.db import Database, now
from pleinair.service.programme_tables import Key, Member, Programme, SignIn
from pleinair.settings import ServiceSettings, digest_of_key


class Admission:
    """The way in.

    Args:
        database: of members, keys and switches.
        settings: may name users of their own, for a server without members.
    """

    def __init__(self, database: Database, settings: ServiceSettings) -> None:
        self.database = database
        self.settings = settings
        self._programme = False

    def has_members(self) -> bool:
        """Whether this server has an access programme; once it has, it stays so."""
        if not self._programme:
            with self.database.read() as session:
                self._programme = session.scalars(select(Member.id).limit(1)).first() is not None
        return self._programme

    def actor(self, authorization: str | None, cookie: str | None = None) -> Actor:
        """Who sent a request; nobody if it says nothing of that.

        Args:
            authorization: the header of that name.
            cookie: of a browser that is signed in.

        Returns:
            The actor. One with ``via`` of ``decoy`` has sent a key that was given to nobody.

        Raises:
            AccessError: the key is not known.
            StoppedKeyError: it was stopped, revoked, or has expired.
            ForbiddenError: the member is suspended.
        """
        if not self.has_members():
            return user_of(self.settings.keys, authorization)
        kind, _, key = (authorization or "").partition(" ")
        if kind.lower() == "bearer" and key.strip():
            return self._by_key(key.strip())
        return self._by_cookie(cookie) if cookie else NOBODY

    def check(self, session: Session, actor: Actor, rule: Rule) -> None:
        """Raise unless the actor may do this by what the database says in this transaction.

        Raises:
            ForbiddenError: the member is suspended or has left, or their programme is closed.
            StoppedKeyError: the key has ended.
            TermsError: the newest terms are not accepted.
            SwitchedOffError: it is off, or the programme paused.
        """
        if actor.via == "command":
            return
        switches.hold(session)
        if actor.role is None:
            if not rule.always:
                switches.check(session, {"member": actor.id})
            return
        found = session.execute(
            select(Member, Programme)
            .outerjoin(Programme, Programme.id == Member.programme_id)
            .where(Member.id == actor.id)
            .execution_options(populate_existing=True)
        ).first()
        if found is None:
            raise AccessError("This account is gone.")
        member, programme = found
        _check_member(member)
        if member.role != actor.role:
            raise ForbiddenError(f"You are a {member.role.replace('_', ' ')} now; try again.")
        if actor.key_id:
            key = session.get_one(Key, actor.key_id, populate_existing=True)
            _check_key(key, session.scalars(select(now())).one())
        if rule.always:
            return
        if programme is not None:
            if programme.state == "paused":
                raise SwitchedOffError(f"The programme {programme.name} is paused.")
            if programme.state != "open":
                raise ForbiddenError(f"The programme {programme.name} is {programme.state}.")
            if member.terms_version != programme.terms_version:
                raise TermsError(
                    f"Accept version {programme.terms_version} of the terms of {programme.name} "
                    "first: POST /access/v1/terms, or in the studio."
                )
        targets = {
            "programme": member.programme_id,
            "role": member.role,
            "member": member.id,
            "key": actor.key_id,
        }
        switches.check(session, targets)

    def _by_key(self, secret: str) -> Actor:
        unknown = AccessError(f"Incorrect API key provided: {cut(secret)}.")
        if not is_key(secret):
            raise unknown
        with self.database.read() as session:
            found = session.execute(
                select(Key, Member, now())
                .outerjoin(Member, Member.id == Key.member_id)
                .where(Key.digest == digest_of_key(secret))
            ).first()
        if found is None:
            raise unknown
        key, member, time = found
        if key.decoy:
            return Actor(via="decoy", key_id=key.id)
        _check_key(key, time)
        _check_member(member)
        return Actor(
            member.id,
            Role(member.role),
            "key",
            key_id=key.id,
            scopes=frozenset(key.scopes),
            programme_id=member.programme_id,
        )

    def _by_cookie(self, cookie: str) -> Actor:
        with self.database.read() as session:
            found = session.execute(
                select(SignIn, Member)
                .join(Member, Member.id == SignIn.member_id)
                .where(SignIn.digest == digest_of_key(cookie), SignIn.expires_at > now())
            ).first()
        if found is None:
            return NOBODY
        sign_in, member = found
        _check_member(member)
        return Actor(
            member.id,
            Role(member.role),
            "session",
            session_id=sign_in.id,
            programme_id=member.programme_id,
        )


def user_of(keys: Mapping[str, str], authorization: str | None) -> Actor:
    """The user of a server without members.

    Args:
        keys: digest of the key of each user; with none, whoever comes is the one user.
    """
    if not keys:
        return Actor(LOCAL, via="local")
    kind, _, key = (authorization or "").partition(" ")
    if kind.lower() != "bearer" or not key.strip():
        raise AccessError(NO_KEY)
    digest = digest_of_key(key.strip())
    found = [user for user, known in keys.items() if hmac.compare_digest(known, digest)]
    if not found:
        raise AccessError(f"Incorrect API key provided: {cut(key.strip())}.")
    return Actor(found[0], via="local")


def _check_key(key: Key, time: float) -> None:
    if key.state not in LIVE:
        raise StoppedKeyError(f"This API key (…{key.hint}) was {key.state}: {key.reason}.")
    if key.expires_at is not None and key.expires_at <= time:
        renewed = "; use the one that replaced it" if key.replaced_by else ""
        raise StoppedKeyError(f"This API key (…{key.hint}) has expired{renewed}.")


def _check_member(member: Member) -> None:
    if member.state != "active":
        why = f": {member.reason}" if member.reason else ""
        state = {"suspended": "is suspended", "left": "has left"}[member.state]
        raise ForbiddenError(f"This account {state}{why}.")


def cut(key: str) -> str:
    """Enough of a key to know one's own by, and no more."""
    return f"{key[:3]}…{key[-2:]}" if len(key) >= 12 else "…"
