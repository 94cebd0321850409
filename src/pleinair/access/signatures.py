"""Signatures of the open letter: asked for on a page, confirmed from a mail, counted once.

What an address has signed is known by its HMAC under the server's secret. Links carry tokens that
are derived from that secret too, so none is kept. What the page answers, and how long that takes,
is the same for an address that has signed and one that has not: only the mail tells.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, delete, func, or_, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pleinair.access.actor import Actor
from pleinair.access.letter import Letter
from pleinair.access.letter_mail import CONFIRM, KNOWN, REMOVED, written
from pleinair.access.powers import Powers
from pleinair.errors import BusyError, ConflictError, InputError, NotFoundError
from pleinair.service.db import Database, now
from pleinair.service.letter_tables import Mail, Signature, Signing
from pleinair.service.mail import Written, post

HOUR, DAY = 3600.0, 86_400.0
LASTS = 48 * HOUR
"""Seconds for which the link in a mail confirms."""

PER_NETWORK, PER_HOUR = 10, 500
"""Signings asked for within an hour: from one network, and of everybody."""

PER_ADDRESS = 3
"""Mails to one address within a day; more are not sent, and the page does not tell."""

DEAD = "This link was used before, or is too old."
TIDY_EVERY = 60.0
_TOKEN = re.compile(r"pa_(sign|withdraw)-([0-9a-f]{32,40})-([0-9a-f]{40})")


@dataclass(frozen=True)
class Wish:
    """What somebody who signs has said, as it was checked.

    Attributes:
        name: 1–80 characters.
        email: one address.
        who: a line about them, up to 120 characters.
        shown: whether the name may be public.
    """

    name: str
    email: str
    who: str = ""
    shown: bool = False


@dataclass(frozen=True)
class Names:
    """Public names, the newest first; ``following`` is where the next page begins."""

    items: Sequence[Signature]
    following: str | None


class Signatures:
    """The signatures of one letter.

    Args:
        database: where they are.
        powers: records what the team removes.
        secret: the server's.
        letter: what is signed; None if there is none.
        home: address of this server, for links.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        database: Database,
        powers: Powers,
        secret: bytes,
        letter: Letter | None,
        home: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.database = database
        self.powers = powers
        self.letter = letter
        self.home = home.rstrip("/")
        self._key = hmac.digest(secret, b"open letter", "sha256")
        self._clock = clock
        self._tidied = float("-inf")

    def sign(self, wish: Wish, network: str, tongue: str = "en") -> None:
        """Ask for a signature; a mail goes to the address, whatever is known of it.

        Raises:
            BusyError: too many came from this network, or of all.
        """
        address, network = self._sealed("address", wish.email.lower()), self._sealed("net", network)
        with self.database.write() as session:
            _one_at_a_time(session)
            time = session.scalars(select(now())).one()
            _check_room(session, time, network)
            lately = select(func.count()).where(
                Signing.address == address, Signing.created_at > time - DAY
            )
            signing = Signing(
                id=secrets.token_hex(16),
                address=address,
                network=network,
                name=wish.name,
                who=wish.who,
                shown=wish.shown,
                created_at=time,
                expires_at=time + LASTS,
            )
            if session.scalars(lately).one() < PER_ADDRESS:
                post(session, wish.email, signing.id, tongue)
            session.add(signing)

    def write(self, mail: Mail) -> Written | None:
        """What a mail says now; None if it is about nothing any more."""
        with self.database.read() as session:
            signing = session.get(Signing, mail.subject)
            if signing is None or self.letter is None:
                return None
            time = session.scalars(select(now())).one()
            signature = _of_address(session, signing.address)
        if signing.used_at is not None or signing.expires_at <= time:
            return None
        kind = CONFIRM if signature is None else KNOWN if signature.removed_at is None else REMOVED
        return written(
            kind,
            mail.tongue,
            title=self.letter.title,
            home=self.home,
            hours=round(LASTS / HOUR),
            confirm=f"{self.home}/letter/confirm/{self._token('sign', signing.id)}",
            withdraw=f"{self.home}/letter/withdraw/{self._token('withdraw', signing.address)}",
            reason=signature.reason if signature else "",
        )

    def look(self, token: str) -> Signing:
        """What a link would confirm; raises NotFoundError if it is used, too old, or none."""
        with self.database.read() as session:
            return _waiting(session, self._subject("sign", token))

    def confirm(self, token: str) -> bool:
        """Count a signature; False if the address has signed before. Once: then NotFoundError."""
        subject = self._subject("sign", token)
        with self.database.write() as session:
            signing = _waiting(session, subject, lock=True)
            time = session.scalars(select(now())).one()
            fresh = _of_address(session, signing.address) is None and _added(session, signing, time)
            signing.used_at, signing.name, signing.who = time, "", ""
        return fresh

    def standing(self, token: str) -> Signature:
        """What a link would withdraw; raises NotFoundError if there is nothing."""
        address = self._subject("withdraw", token)
        with self.database.read() as session:
            return _named(session, address)

    def withdraw(self, token: str) -> None:
        """Take a signature away, and all that is kept of it; raises NotFoundError.

        Of one that the team removed it stays on record that its address signs no more.
        """
        address = self._subject("withdraw", token)
        with self.database.write() as session:
            signature = _named(session, address)
            if signature.removed_at is None:
                session.delete(signature)
            signature.name = signature.who = ""
            old = update(Signing).where(Signing.address == address, Signing.used_at.is_(None))
            session.execute(old.values(name="", who="", used_at=now()))

    def count(self) -> int:
        """How many have signed."""
        with self.database.read() as session:
            return session.scalars(select(func.count()).where(Signature.removed_at.is_(None))).one()

    def names(self, after: str | None = None, limit: int = 50) -> Names:
        """Names that may be public; raises InputError for a place that no page gave."""
        wanted = select(Signature).where(Signature.shown, Signature.removed_at.is_(None))
        if after is not None:
            at, _, last = after.partition("_")
            if not re.fullmatch(r"\d{1,12}(\.\d{1,9})?", at):
                raise InputError("after", after, "a place that a page gave")
            older, same = Signature.confirmed_at < float(at), Signature.confirmed_at == float(at)
            wanted = wanted.where(or_(older, and_(same, Signature.id > last)))
        newest = wanted.order_by(Signature.confirmed_at.desc(), Signature.id).limit(limit + 1)
        with self.database.read() as session:
            rows = session.scalars(newest).all()
        last_one = rows[limit - 1] if len(rows) > limit else None
        following = f"{last_one.confirmed_at!r}_{last_one.id}" if last_one else None
        return Names(rows[:limit], following)

    def list(self, *, removed: bool = False, limit: int = 100) -> Sequence[Signature]:
        """Signatures as the team sees them, the newest first; ``removed`` ones alone if so."""
        gone = Signature.removed_at.is_not(None) if removed else Signature.removed_at.is_(None)
        newest = select(Signature).where(gone).order_by(Signature.confirmed_at.desc(), Signature.id)
        with self.database.read() as session:
            return session.scalars(newest.limit(limit)).all()

    def remove(self, actor: Actor, signature_id: str, reason: str) -> Signature:
        """Take a signature from the letter for good: its address signs no more.

        Raises:
            InputError: there is no reason.
            NotFoundError: there is no such signature.
            ConflictError: it was removed before.
        """
        if not 1 <= len(reason.strip()) <= 500:
            raise InputError("reason", reason, "1 to 500 characters")
        reason = " ".join(reason.split())
        with self.powers.act(actor, "signatures.remove", signature_id, reason=reason) as act:
            found = act.session.get(Signature, signature_id, with_for_update=True)
            if found is None:
                raise NotFoundError(f"No signature has the id {signature_id!r}.")
            if found.removed_at is not None:
                raise ConflictError("this signature was removed already")
            found.removed_at = act.session.scalars(select(now())).one()
            found.reason = reason
        return found

    def tidy(self) -> None:
        """Forget what nobody confirmed in time; once a minute."""
        if self._clock() < self._tidied + TIDY_EVERY:
            return
        self._tidied = self._clock()
        over = Signing.expires_at <= now()
        with self.database.read() as session:
            if session.scalars(select(Signing.id).where(over).limit(1)).first() is None:
                return
        with self.database.write() as session:
            session.execute(delete(Signing).where(over))

    def _sealed(self, kind: str, value: str) -> str:
        return hmac.new(self._key, f"{kind}:{value}".encode(), hashlib.sha256).hexdigest()[:40]

    def _token(self, kind: str, subject: str) -> str:
        return f"pa_{kind}-{subject}-{self._sealed(f'{kind} token', subject)}"

    def _subject(self, kind: str, token: str) -> str:
        found = _TOKEN.fullmatch(token)
        if found is None or not hmac.compare_digest(self._token(kind, found[2]), token):
            raise NotFoundError(DEAD)
        return found[2]


def _one_at_a_time(session: Session) -> None:
    """Who counts what came lately waits for the others; on SQLite every write does."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(7310258)"))


def _check_room(session: Session, time: float, network: str) -> None:
    lately = select(func.count(), func.min(Signing.created_at)).where(
        Signing.created_at > time - HOUR
    )
    for counted, most in (
        (lately.where(Signing.network == network), PER_NETWORK),
        (lately, PER_HOUR),
    ):
        count, oldest = session.execute(counted).one()
        if count >= most:
            raise BusyError("too many want to sign at once", oldest + HOUR - time)


def _waiting(session: Session, signing_id: str, *, lock: bool = False) -> Signing:
    signing = session.get(Signing, signing_id, with_for_update=lock, populate_existing=True)
    time = session.scalars(select(now())).one()
    if signing is None or signing.used_at is not None or signing.expires_at <= time:
        raise NotFoundError(DEAD)
    return signing


def _of_address(session: Session, address: str) -> Signature | None:
    return session.scalars(select(Signature).where(Signature.address == address)).first()


def _named(session: Session, address: str) -> Signature:
    signature = _of_address(session, address)
    if signature is None or not signature.name:
        raise NotFoundError(DEAD)
    return signature


def _added(session: Session, signing: Signing, time: float) -> bool:
    """Whether it was the first of its address; the constraint decides between two at once."""
    signature = Signature(
        id=f"sig_{secrets.token_hex(12)}",
        address=signing.address,
        name=signing.name,
        who=signing.who,
        shown=signing.shown,
        confirmed_at=time,
    )
    try:
        with session.begin_nested():
            session.add(signature)
    except IntegrityError:
        return False
    return True
