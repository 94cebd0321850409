"""Who acts: a member with one role, the one user of a small server, or nobody known."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum

LOCAL = "local"
OPERATOR = "operator"


class Role(StrEnum):
    """What a member is; each has one role."""

    ADMINISTRATOR = "administrator"
    REVIEWER = "reviewer"
    TESTER = "tester"
    RED_TEAMER = "red_teamer"
    CREATIVE_PARTNER = "creative_partner"
    DEVELOPER = "developer"


SCOPES: Mapping[str, str] = {
    "videos.read": "look at videos, models and characters, and download",
    "videos.write": "make, change and delete videos and characters",
    "files": "files and batches",
    "webhooks": "webhook endpoints",
    "share": "ask for sharing, withdraw, appeal",
    "account": "keys, notices, statements, contributions, export",
    "review": "the reviewers' acts",
    "admin": "the administrators' acts",
}
"""What a key may be good for, beside what its member's role allows."""

DEFAULT_SCOPES = ("videos.read", "videos.write", "files", "webhooks")


@dataclass(frozen=True)
class Actor:
    """Who sent a request.

    Attributes:
        id: of the member; ``local`` or the user's name on a server without members; ``operator``
            for whoever runs commands on the machine itself; empty for nobody known.
        role: None where there are no members, and for nobody.
        via: key, session, command, local or nobody.
        key_id, session_id: what it came with.
        scopes: what the key is good for; None is everything.
        programme_id: the member's.
    """

    id: str = ""
    role: Role | None = None
    via: str = "nobody"
    key_id: str | None = None
    session_id: str | None = None
    scopes: frozenset[str] | None = None
    programme_id: str | None = None


NOBODY = Actor()
AT_THE_MACHINE = Actor(OPERATOR, Role.ADMINISTRATOR, "command")

acting: ContextVar[Actor] = ContextVar("acting", default=NOBODY)
"""Who sent the request at hand; nobody in what the server does by itself."""
