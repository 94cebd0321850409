"""Mail: an outbox in the database, and the postman who hands it to a relay.

A mail is a row, written in the transaction of what it tells of, so that it is neither lost while
the relay is down nor sent for what was not kept. The row names whom and what it is about; what it
says, with its links, is written at the door, so that no token lies in the database. When the relay
has taken it, or will not, the row goes, and the address with it.
"""

import re
import secrets
import smtplib
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from urllib.parse import unquote, urlsplit

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from pleinair.service.db import Database, now
from pleinair.service.letter_tables import Mail
from pleinair.service.webhooks import Pace

ADDRESS = re.compile(
    r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?=.{1,190}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}",
    re.IGNORECASE,
)
"""Addresses of one person: no lists, no comments, nothing that means something in a header."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")
TIMEOUT = 30.0
PACE = Pace(first=30.0, longest=3600.0, give_up=24 * 3600.0)
log = structlog.get_logger()

Written = tuple[str, str]
"""Subject and text of a mail."""


@dataclass(frozen=True)
class Relay:
    """Who takes our mail.

    Attributes:
        host, port: where.
        wrapped: TLS from the first byte; else it begins with STARTTLS, where that is offered.
        user, password: to sign in there, if any.
        trust: certificates that are believed; the machine's if None.
    """

    host: str
    port: int
    wrapped: bool = False
    user: str = ""
    password: str = ""
    trust: ssl.SSLContext | None = None

    @classmethod
    def of(cls, url: str) -> "Relay":
        """The relay of ``smtp://user:password@host:587`` or ``smtps://…``, as checked before."""
        parts = urlsplit(url)
        wrapped = parts.scheme == "smtps"
        return cls(
            parts.hostname or "",
            parts.port or (465 if wrapped else 587),
            wrapped,
            unquote(parts.username or ""),
            unquote(parts.password or ""),
        )

    def send(self, message: EmailMessage) -> None:
        """Hand a mail over.

        Raises:
            smtplib.SMTPException: it was not taken, or a password would have gone in the open.
            OSError: nobody is there.
        """
        trust = self.trust or ssl.create_default_context()
        with self._connected(trust) as relay:
            relay.ehlo_or_helo_if_needed()
            safe = self.wrapped
            if not safe and relay.has_extn("starttls"):
                relay.starttls(context=trust)
                relay.ehlo()
                safe = True
            if self.user:
                if not safe and self.host not in LOOPBACK:
                    raise smtplib.SMTPNotSupportedError("no TLS, so no password is sent")
                relay.login(self.user, self.password)
            relay.send_message(message)

    def _connected(self, trust: ssl.SSLContext) -> smtplib.SMTP:
        if self.wrapped:
            return smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT, context=trust)
        return smtplib.SMTP(self.host, self.port, timeout=TIMEOUT)


def post(session: Session, address: str, subject: str, tongue: str) -> None:
    """Put a mail into the outbox, in the transaction of what it tells of.

    Args:
        session: of that transaction.
        address: whom.
        subject: id of what it is about.
        tongue: code of the language that it is to be in.
    """
    time = session.scalars(select(now())).one()
    session.add(
        Mail(
            id=f"mail_{secrets.token_hex(16)}",
            address=address,
            subject=subject,
            tongue=tongue,
            created_at=time,
            next_at=time,
        )
    )


class Postman:
    """Hands over what is due, one mail at a time; any number may work on one database.

    Args:
        database: has the outbox.
        relay: takes the mail.
        sender: who it is from.
        write: subject and text of a mail; None if there is nothing to say any more.
        pace: how often what was not taken is tried again.
    """

    def __init__(
        self,
        database: Database,
        relay: Relay,
        sender: str,
        write: Callable[[Mail], Written | None],
        pace: Pace = PACE,
    ) -> None:
        self.database = database
        self.relay = relay
        self.sender = sender
        self.write = write
        self.pace = pace

    def run(self, stop: threading.Event) -> None:
        """Hand over until told to stop; no error ends it."""
        while not stop.is_set():
            tried = False
            try:
                tried = self.step()
            except Exception as error:
                log.error("postman cannot work", kind=type(error).__name__)
            if not tried:
                stop.wait(self.pace.poll)

    def step(self) -> bool:
        """Try the mail that is due first; whether there was one."""
        mail = self._take()
        if mail is None:
            return False
        written = self.write(mail)
        if written is None:
            self._end(mail)
            return True
        try:
            self.relay.send(self._message(mail, written))
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            self._failed(mail, f"refused, {codes}", last=all(code >= 500 for code in codes))
        except (smtplib.SMTPException, OSError) as error:
            # Never its words: a relay repeats addresses in them.
            code = getattr(error, "smtp_code", None)
            self._failed(mail, f"{type(error).__name__}{f', {code}' if code else ''}")
        else:
            self._end(mail)
        return True

    def _take(self) -> Mail | None:
        """Lease a mail that is due: nobody else tries it before the lease ends."""
        due = select(Mail).where(Mail.next_at <= now()).order_by(Mail.next_at, Mail.id).limit(1)
        with self.database.read() as session:  # most looks find nothing and should lock nobody
            if session.scalars(due).first() is None:
                return None
        with self.database.write() as session:
            mail = session.scalars(due.with_for_update(skip_locked=True)).first()
            if mail is not None:
                mail.tries += 1
                mail.next_at = session.scalars(select(now())).one() + self.pace.lease
        return mail

    def _message(self, mail: Mail, written: Written) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self.sender
        message["To"] = mail.address
        message["Subject"], text = written
        message["Date"] = format_datetime(datetime.fromtimestamp(mail.created_at, UTC))
        domain = parseaddr(self.sender)[1].rpartition("@")[2]
        message["Message-ID"] = f"<{mail.id}@{domain}>"  # the same at every try
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        return message

    def _failed(self, mail: Mail, told: str, *, last: bool = False) -> None:
        time = self.database.time()
        given_up = last or time >= mail.created_at + self.pace.give_up
        log.warning("mail not sent", mail=mail.id, tries=mail.tries, told=told, given_up=given_up)
        if given_up:
            self._end(mail)
            return
        later = time + self.pace.wait(mail.tries)
        # The fence: a try whose lease ended says nothing of the one that follows it.
        mine = update(Mail).where(Mail.id == mail.id, Mail.tries == mail.tries)
        with self.database.write() as session:
            session.execute(mine.values(next_at=later))

    def _end(self, mail: Mail) -> None:
        with self.database.write() as session:
            session.execute(delete(Mail).where(Mail.id == mail.id))
