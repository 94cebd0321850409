"""Who is calling: the user of the API key, or the one user of a server that has no keys."""

import hmac
from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Request

from pleinair.errors import AccessError
from pleinair.settings import digest_of_key

LOCAL = "local"


def identify(keys: Mapping[str, str], authorization: str | None) -> str:
    """The user whose key came in an ``Authorization`` header.

    Args:
        keys: digest of the key of each user; with none, whoever comes is the one user.

    Raises:
        AccessError: no key came, or one that nobody has.
    """
    if not keys:
        return LOCAL
    kind, _, key = (authorization or "").partition(" ")
    if kind.lower() != "bearer" or not key.strip():
        raise AccessError(
            "You didn't provide an API key. Send it as: Authorization: Bearer YOUR_KEY."
        )
    digest = digest_of_key(key.strip())
    found = [user for user, known in keys.items() if hmac.compare_digest(known, digest)]
    if not found:
        raise AccessError(f"Incorrect API key provided: {_cut(key.strip())}.")
    return found[0]


def caller(request: Request) -> str:
    """The user who sent this request; raises AccessError."""
    keys = request.app.state.services.settings.keys
    user = identify(keys, request.headers.get("authorization"))
    request.state.user = user
    return user


Caller = Annotated[str, Depends(caller)]


def _cut(key: str) -> str:
    """Enough of a key to know one's own by, and no more."""
    return f"{key[:3]}…{key[-2:]}" if len(key) >= 12 else "…"
