"""Webhook endpoints: addresses that are told of events, and the letters that tell them.

Letters are signed as Standard Webhooks says. Secrets are not kept: each is derived from the
server's secret, the endpoint's id and a version, which rotation raises.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from standardwebhooks import Webhook

from pleinair.errors import ConflictError, InputError, NotFoundError
from pleinair.service.db import Database, now
from pleinair.service.fetch import Guard, client, told
from pleinair.service.outbox import EVENT_TYPES
from pleinair.service.page import Page, page
from pleinair.service.tables import Delivery, Endpoint

PENDING, DELIVERED, GIVEN_UP = "pending", "delivered", "given_up"
KEEP_OLD = 86_400.0  # seconds for which a secret may outlive its rotation
MOST_ENDPOINTS = 100  # of one user: each event makes a delivery for each
MOST_URL = 2_048
DELETED = "the endpoint was deleted"


class Endpoints:
    """The endpoints of all users; each user sees only their own.

    Args:
        database: where they are kept.
        secret: the server's, from which theirs are derived.
        guard: decides which addresses they may have.
    """

    def __init__(self, database: Database, secret: bytes, guard: Guard) -> None:
        self.database = database
        self.guard = guard
        self._secret = secret

    def create(
        self, owner: str, name: str, url: str, event_types: Sequence[str]
    ) -> tuple[Endpoint, str]:
        """A new endpoint and its secret.

        Raises:
            InputError: a value is not allowed.
            ConflictError: the user has too many already.
        """
        endpoint = Endpoint(
            id=f"whe_{secrets.token_hex(16)}",
            owner=owner,
            name=_name(name),
            url=self._url(url),
            event_types=_types(event_types),
            version=1,
        )
        with self.database.write() as session:
            mine = select(func.count()).select_from(Endpoint).where(Endpoint.owner == owner)
            if session.scalars(mine).one() >= MOST_ENDPOINTS:
                raise ConflictError(f"There are {MOST_ENDPOINTS} webhook endpoints already.")
            endpoint.created_at = endpoint.updated_at = session.scalars(select(now())).one()
            session.add(endpoint)
        return endpoint, self.secret_of(endpoint)

    def get(self, owner: str, endpoint_id: str) -> Endpoint:
        """One endpoint; raises NotFoundError."""
        with self.database.read() as session:
            return _owned(session, owner, endpoint_id)

    def list(self, owner: str, after: str | None = None, limit: int = 20) -> Page[Endpoint]:
        """Endpoints, the newest first; raises InputError as `page` does."""
        with self.database.read() as session:
            return page(session, Endpoint, owner, after, limit)

    def update(
        self,
        owner: str,
        endpoint_id: str,
        *,
        name: str | None = None,
        url: str | None = None,
        event_types: Sequence[str] | None = None,
    ) -> Endpoint:
        """Change what is not None; raises NotFoundError, or InputError as `create` does."""
        wanted = {
            "name": None if name is None else _name(name),
            "url": None if url is None else self._url(url),
            "event_types": None if event_types is None else _types(event_types),
        }
        with self.database.write() as session:
            endpoint = _owned(session, owner, endpoint_id, lock=True)
            for field, value in wanted.items():
                if value is not None and value != getattr(endpoint, field):
                    setattr(endpoint, field, value)
                    endpoint.updated_at = session.scalars(select(now())).one()
        return endpoint

    def delete(self, owner: str, endpoint_id: str) -> None:
        """Remove an endpoint and give up what was on its way there; raises NotFoundError."""
        with self.database.write() as session:
            session.delete(_owned(session, owner, endpoint_id, lock=True))
            underway = update(Delivery).where(
                Delivery.endpoint_id == endpoint_id, Delivery.state == PENDING
            )
            session.execute(underway.values(state=GIVEN_UP, last=DELETED))

    def rotate(self, owner: str, endpoint_id: str, *, keep_old: bool) -> tuple[Endpoint, str]:
        """A new secret; with ``keep_old`` messages carry both signatures for 24 hours.

        Raises:
            NotFoundError: there is no such endpoint.
        """
        with self.database.write() as session:
            endpoint = _owned(session, owner, endpoint_id, lock=True)
            endpoint.updated_at = session.scalars(select(now())).one()
            endpoint.version += 1
            endpoint.old_until = endpoint.updated_at + KEEP_OLD if keep_old else None
        return endpoint, self.secret_of(endpoint)

    def test(self, owner: str, endpoint_id: str, event_type: str) -> int:
        """Send a sample event now, once, and return the HTTP status that came back.

        Raises:
            NotFoundError: there is no such endpoint.
            InputError: the type is unknown, or nothing answers at the endpoint's address.
        """
        (kind,) = _types([event_type], field="event_type")
        endpoint = self.get(owner, endpoint_id)
        time = self.database.time()
        event_id = f"evt_{secrets.token_hex(16)}"
        body = message(event_id, kind, f"video_{secrets.token_hex(16)}", time)
        letter = Letter(event_id, endpoint.url, body, self.secrets_of(endpoint, time))
        with client(self.guard, plain=False) as http:
            try:
                return letter.send(http)
            except InputError as error:
                raise InputError("url", endpoint.url, error.allowed) from None
            except httpx.HTTPError as error:
                why = f"addresses that answer ({told(error)})"
                raise InputError("url", endpoint.url, why) from error

    def secret_of(self, endpoint: Endpoint, *, back: int = 0) -> str:
        """The secret of an endpoint, or the one ``back`` rotations before."""
        told = f"webhook:{endpoint.id}:{endpoint.version - back}".encode()
        key = hmac.new(self._secret, told, hashlib.sha256).digest()
        return "whsec_" + base64.b64encode(key).decode()

    def secrets_of(self, endpoint: Endpoint, time: float) -> tuple[str, ...]:
        """The secrets that sign at a time, the newest first."""
        old = endpoint.old_until is not None and endpoint.old_until > time
        return tuple(self.secret_of(endpoint, back=back) for back in range(1 + old))

    def hint_of(self, endpoint: Endpoint) -> str:
        """Enough of the secret to know it by, and no more."""
        return "whsec_..." + self.secret_of(endpoint).rstrip("=")[-4:]

    def _url(self, url: str) -> str:
        if len(url) > MOST_URL:
            raise InputError("url", url, f"at most {MOST_URL:,} characters")
        self.guard.check_url(url, "url", plain=False)
        return url


def _owned(session: Session, owner: str, endpoint_id: str, *, lock: bool = False) -> Endpoint:
    owned = select(Endpoint).where(Endpoint.id == endpoint_id, Endpoint.owner == owner)
    endpoint = session.scalars(owned.with_for_update() if lock else owned).first()
    if endpoint is None:
        raise NotFoundError(f"No webhook endpoint found with id '{endpoint_id}'.")
    return endpoint


def _name(name: str) -> str:
    if not 1 <= len(name.strip()) <= 255 or "\0" in name:
        raise InputError("name", name, "1 to 255 characters")
    return name.strip()


def _types(event_types: Sequence[str], field: str = "event_types") -> list[str]:
    for kind in event_types:
        if kind not in EVENT_TYPES:
            raise InputError(field, kind, ", ".join(EVENT_TYPES))
    if not event_types:
        raise InputError(field, [], "at least one of " + ", ".join(EVENT_TYPES))
    return list(dict.fromkeys(event_types))


def message(event_id: str, kind: str, video_id: str, created_at: float) -> str:
    """The body of an event: it names the video, and the receiver asks for the rest."""
    body = {
        "id": event_id,
        "object": "event",
        "created_at": int(created_at),
        "type": kind,
        "data": {"id": video_id},
    }
    return json.dumps(body, separators=(",", ":"))


@dataclass(frozen=True)
class Letter:
    """A message for one address, and the secrets that sign it."""

    event_id: str
    url: str
    body: str
    secrets: tuple[str, ...]

    def send(self, http: httpx.Client) -> int:
        """Send it now and return the HTTP status; the answer's body is not read."""
        sent = datetime.now(UTC)
        signatures = [
            Webhook(secret).sign(self.event_id, sent, self.body) for secret in self.secrets
        ]
        headers = {
            "content-type": "application/json",
            "webhook-id": self.event_id,
            "webhook-timestamp": str(int(sent.timestamp())),
            "webhook-signature": " ".join(signatures),
        }
        with http.stream("POST", self.url, content=self.body, headers=headers) as response:
            return response.status_code
