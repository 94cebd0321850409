"""API keys: shown once, kept as digests, with a checksum that tells a typing mistake at once.

A key is ``pa_``, 30 random characters of base 62 and six of CRC-32 over what stands before them,
in the way of GitHub's tokens: a scanner knows a real one without asking anybody, and a wrong one
never reaches the database. With 178 random bits a plain SHA-256 is enough; a slow hash would only
let fewer requests through.
"""

import re
import secrets
import zlib
from collections.abc import Sequence

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from pleinair.access.actor import DEFAULT_SCOPES, SCOPES, Actor
from pleinair.access.powers import Powers
from pleinair.errors import ConflictError, ForbiddenError, InputError, NotFoundError
from pleinair.service.db import Database, now
from pleinair.service.programme_tables import Key, Member
from pleinair.settings import digest_of_key

PREFIX = "pa_"
ACTIVE, LIMITED, STOPPED, REVOKED = "active", "limited", "stopped", "revoked"
LIVE = (ACTIVE, LIMITED)
MOST_KEYS = 50
"""Live keys of one member."""

MOST_DAYS = 3650.0
MOST_OVERLAP = 7 * 24.0
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM, _SUM = 30, 6
_KEY = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_RANDOM + _SUM}}}")


def mint() -> str:
    """A new key."""
    body = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return body + _checksum(body)


def is_key(text: str) -> bool:
    """Whether a text is a key that `mint` could have made."""
    return bool(_KEY.fullmatch(text)) and text[-_SUM:] == _checksum(text[:-_SUM])


class Keys:
    """The keys of all members.

    Args:
        database: where their digests are.
        powers: records what administrators do.
    """

    def __init__(self, database: Database, powers: Powers) -> None:
        self.database = database
        self.powers = powers

    def create(
        self,
        actor: Actor,
        name: str,
        scopes: Sequence[str] = DEFAULT_SCOPES,
        days: float | None = None,
    ) -> tuple[Key, str]:
        """A member's new key, and the secret, which is told only here.

        Args:
            actor: whose it is; one who came by a key cannot make one that may more.
            name: to know it by, 1–80 characters.
            scopes: what it is good for; see `pleinair.access.actor.SCOPES`.
            days: until it expires, above 0 and at most 3650; None is never.

        Raises:
            InputError: a value is not allowed.
            ForbiddenError: the key that asks lacks one of the scopes.
            ConflictError: the member has too many already.
        """
        _check(name, scopes, days)
        _check_within(actor, scopes)
        with self.database.write() as session:
            key, secret = add(session, actor.id, name, scopes, days)
            if actor.key_id and (maker := session.get(Key, actor.key_id)):
                _stay_limited(maker, key)
            return key, secret

    def list(self, member_id: str) -> Sequence[Key]:
        """A member's keys, the newest first."""
        with self.database.read() as session:
            mine = select(Key).where(Key.member_id == member_id)
            return session.scalars(mine.order_by(Key.created_at.desc(), Key.id)).all()

    def all(self, state: str | None = None, limit: int = 100) -> Sequence[Key]:
        """Everybody's keys, the newest first."""
        wanted = select(Key).order_by(Key.created_at.desc(), Key.id).limit(limit)
        with self.database.read() as session:
            return session.scalars(wanted.where(Key.state == state) if state else wanted).all()

    def revoke(self, member_id: str, key_id: str) -> Key:
        """End a member's own key at once; raises NotFoundError."""
        with self.database.write() as session:
            key = _owned(session, member_id, key_id)
            return end(session, key, REVOKED, "revoked by its owner")

    def rotate(self, actor: Actor, key_id: str, overlap: float = 24.0) -> tuple[Key, str]:
        """A new key in the place of one that goes on for ``overlap`` hours, 0–168.

        Raises:
            ForbiddenError: the key that asks lacks one of its scopes.
            NotFoundError: the member has no such key.
            ConflictError: it has ended already.
            InputError: the overlap is not allowed.
        """
        if not 0 <= overlap <= MOST_OVERLAP:
            raise InputError("overlap_hours", overlap, f"0 to {MOST_OVERLAP:g}")
        with self.database.write() as session:
            old = _owned(session, actor.id, key_id)
            _check_within(actor, old.scopes)
            if old.state not in LIVE:
                raise ConflictError(f"key {key_id} is {old.state} already")
            if old.replaced_by:
                raise ConflictError(f"key {key_id} was replaced already, by {old.replaced_by}")
            new, secret = add(session, actor.id, old.name, old.scopes, None, replaces=1)
            _stay_limited(old, new)
            until = session.scalars(select(now())).one() + overlap * 3600
            if old.expires_at is not None and old.created_at is not None:
                new.expires_at = new.created_at + (old.expires_at - old.created_at)
                until = min(until, old.expires_at)
            old.expires_at, old.replaced_by = until, new.id
            session.flush()
            return new, secret

    def issue(
        self,
        actor: Actor,
        member_id: str | None,
        name: str,
        scopes: Sequence[str] = DEFAULT_SCOPES,
        days: float | None = None,
    ) -> tuple[Key, str]:
        """A key for a member, or with None a decoy: given to nobody, so that any use is a leak.

        Raises:
            InputError: a value is not allowed.
            NotFoundError: there is no such member.
        """
        _check(name, scopes, days)
        with self.powers.act(actor, "keys.issue", decoy=member_id is None) as act:
            if member_id is not None and act.session.get(Member, member_id) is None:
                raise NotFoundError(f"No member has the id {member_id!r}.")
            key, secret = add(act.session, member_id, name, scopes, days)
            act.subject = key.id
        return key, secret

    def stop(self, actor: Actor, key_id: str, reason: str) -> Key:
        """End anybody's key at once, with a reason of 1–500 characters.

        Raises:
            NotFoundError: there is no such key.
            InputError: there is no reason.
        """
        if not 1 <= len(reason.strip()) <= 500:
            raise InputError("reason", reason, "1 to 500 characters")
        with self.powers.act(actor, "keys.stop", key_id, reason=reason) as act:
            key = act.session.get(Key, key_id)
            if key is None:
                raise NotFoundError(f"No key has the id {key_id!r}.")
            return end(act.session, key, STOPPED, reason)


def add(
    session: Session,
    member_id: str | None,
    name: str,
    scopes: Sequence[str],
    days: float | None,
    *,
    replaces: int = 0,
) -> tuple[Key, str]:
    """A new key, in a transaction that is under way; ``replaces`` others do not count."""
    time = session.scalars(select(now())).one()
    live = select(func.count()).where(
        Key.member_id == member_id,
        Key.state.in_(LIVE),
        or_(Key.expires_at.is_(None), Key.expires_at > time),
    )
    if member_id is not None and session.scalars(live).one() - replaces >= MOST_KEYS:
        raise ConflictError(f"There are {MOST_KEYS} keys already; revoke one first.")
    secret = mint()
    key = Key(
        id=f"key_{secrets.token_hex(12)}",
        digest=digest_of_key(secret),
        member_id=member_id,
        name=name,
        hint=secret[-4:],
        scopes=list(scopes),
        state=ACTIVE,
        reason="",
        decoy=member_id is None,
        share=1.0,
        created_at=time,
        expires_at=None if days is None else time + days * 86_400,
    )
    session.add(key)
    session.flush()
    return key, secret


def end(session: Session, key: Key, state: str, reason: str) -> Key:
    """Stop or revoke a key, in a transaction that is under way; one that has ended stays so."""
    live = update(Key).where(Key.id == key.id, Key.state.in_(LIVE))
    session.execute(live.values(state=state, reason=reason, ended_at=now()))
    return session.get_one(Key, key.id, populate_existing=True)


def _owned(session: Session, member_id: str, key_id: str) -> Key:
    mine = select(Key).where(Key.id == key_id, Key.member_id == member_id)
    key = session.scalars(mine.with_for_update()).first()
    if key is None:
        raise NotFoundError(f"No key has the id {key_id!r}.")
    return key


def _stay_limited(old: Key, new: Key) -> None:
    """What a key was limited for it cannot shed by making another: a thief could do that too."""
    if old.state == LIMITED:
        new.state, new.share, new.reason = LIMITED, old.share, old.reason


def _check_within(actor: Actor, scopes: Sequence[str]) -> None:
    """Raise ForbiddenError for scopes that the key at hand has not itself."""
    for scope in scopes:
        if actor.scopes is not None and scope not in actor.scopes:
            raise ForbiddenError(f"This key lacks the scope {scope!r}, so it cannot give it.")


def _check(name: str, scopes: Sequence[str], days: float | None) -> None:
    if not 1 <= len(name.strip()) <= 80:
        raise InputError("name", name, "1 to 80 characters")
    for scope in scopes:
        if scope not in SCOPES:
            raise InputError("scopes", scope, ", ".join(SCOPES))
    if not scopes:
        raise InputError("scopes", list(scopes), f"one or more of {', '.join(SCOPES)}")
    if days is not None and not 0 < days <= MOST_DAYS:
        raise InputError("days", days, f"above 0 and at most {MOST_DAYS:g}")


def _checksum(text: str) -> str:
    number = zlib.crc32(text.encode())
    digits = ""
    for _ in range(_SUM):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
