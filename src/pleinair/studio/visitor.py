"""Who opened a page: their language, their theme, and who they are to the API."""

from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request

from pleinair.api.identity import COOKIE
from pleinair.studio.client import Client, RefusedError
from pleinair.studio.tongue import LANGUAGES, Tongue

LANGUAGE, THEME = "pleinair_language", "pleinair_theme"
"""Cookies that say what was chosen; a page's script sets them."""

TEAM = ("administrator", "reviewer")
ARTISTS = ("tester", "red_teamer", "creative_partner")


@dataclass(frozen=True)
class Visitor:
    """Who opened a page.

    Attributes:
        api: the routes, as this person.
        tongue: what the page says, in their language.
        theme: ``light``, ``dark``, or ``auto`` as their system has it.
        me: the member, or None for the one user of a server without members.
    """

    api: Client
    tongue: Tongue
    theme: str
    me: dict[str, Any] | None = None

    @property
    def role(self) -> str:
        """What the member is; empty on a server without members."""
        return self.me["role"] if self.me else ""

    @property
    def reviews(self) -> bool:
        """Whether they decide what is shared."""
        return self.role in TEAM

    @property
    def administers(self) -> bool:
        """Whether they run the programme."""
        return self.role == "administrator"

    @property
    def shares(self) -> bool:
        """Whether they may ask for sharing."""
        return self.role in ARTISTS

    @property
    def must_accept(self) -> bool:
        """Whether the newest terms wait for them."""
        me = self.me or {}
        return me.get("terms_version") != me.get("terms_accepted")


class StrangerError(RefusedError):
    """Somebody who must sign in first."""


def stranger(app: FastAPI, request: Request) -> Visitor:
    """A visitor whom nobody asks who they are."""
    chosen = request.cookies.get(LANGUAGE) or _preferred(request)
    theme = request.cookies.get(THEME, "auto")
    return Visitor(
        Client(app, request),
        Tongue(chosen if chosen in LANGUAGES else "en"),
        theme if theme in ("light", "dark") else "auto",
    )


async def visitor(app: FastAPI, request: Request) -> Visitor:
    """Who opened this page.

    Raises:
        StrangerError: the server has members, and this is none of them, or no longer.
        RefusedError: the API refused for another reason, such as a suspended account.
    """
    found = stranger(app, request)
    try:
        me = await found.api.get("/access/v1/me")
    except RefusedError as error:
        if error.status == 401:
            raise StrangerError(
                str(error), error.status, error.code, error.param, error.after
            ) from error
        if request.cookies.get(COOKIE) and await _has_members(found):
            raise
        return found  # a server without members: one user, nothing to sign in to
    return Visitor(found.api, found.tongue, found.theme, me)


async def _has_members(found: Visitor) -> bool:
    """Whether a refusal was meant for a member, or for there being no programme at all."""
    try:
        await found.api.get("/v1/models")
    except RefusedError:
        return True
    return False


def _preferred(request: Request) -> str:
    """The first language of the browser's that the studio speaks."""
    asked = request.headers.get("accept-language", "")
    weighed = []
    for part in asked.split(","):
        name, _, weight = part.strip().partition(";q=")
        try:
            weighed.append((-float(weight or 1), name[:2].lower()))
        except ValueError:
            continue
    return next((name for _, name in sorted(weighed) if name in LANGUAGES), "en")
