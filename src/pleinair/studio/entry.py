"""The way in: signing in, and the page that an invitation's link leads to."""

import json
from collections.abc import Mapping

from nicegui import ui

from pleinair.studio.client import RefusedError
from pleinair.studio.pages import Pages
from pleinair.studio.parts import Button, Field, Tag, inside, link
from pleinair.studio.shell import bare
from pleinair.studio.visitor import Visitor


def install(pages: Pages) -> None:
    """Add the pages."""

    @pages.page("/sign-in", public=True)
    async def sign_in(visitor: Visitor, next: str = "/") -> None:
        t = visitor.tongue
        with bare(visitor, t("Sign in")):
            email = Field(t("Address"), type="email", autocomplete="username", autofocus=True)
            password = Field(t("Password"), type="password", autocomplete="current-password")

            async def enter() -> None:
                said = {"email": email.value, "password": password.value}
                await _enter("/access/v1/sign-in", said, _within(next), password)

            with inside("div", "row spread"):
                Button(t("Sign in"), enter, "first", data_key="Enter")
            if pages.settings.oidc:
                link(t("Sign in with your organisation"), "/access/v1/oidc/start", "button")
            Tag("p", t("Access is by invitation: open the link that you were sent."), "hint")

    @pages.page("/invitations/{token}", public=True)
    async def invitation(visitor: Visitor, token: str) -> None:
        t = visitor.tongue
        try:
            offer = await visitor.api.get(f"/access/v1/invitations/{token}")
        except RefusedError as error:
            with bare(visitor, t("This invitation is no longer good")):
                Tag("p", str(error))
            return
        with bare(visitor, t("You are invited")):
            role = t(str(offer["role"]).replace("_", " "))
            if offer["programme"]:
                Tag("p", t("To {programme}, as {role}.", programme=offer["programme"], role=role))
            else:
                Tag("p", t("To the team, as {role}.", role=role))
            name = Field(t("Your name"), autocomplete="name", autofocus=True)
            email = Field(
                t("Address"), type="email", value=offer["email"] or "", autocomplete="username"
            )
            password = Field(
                t("Password"),
                type="password",
                autocomplete="new-password",
                hint=t("12 characters or more"),
            )
            agreed = None
            if offer["terms"]:
                with inside("details", open=True):
                    Tag("summary", t("Terms, version {n}", n=offer["terms_version"]))
                    Tag("p", offer["terms"], "terms")
                with inside("label", "check"):
                    agreed = Tag("input", type="checkbox")
                    Tag("span", t("I have read the terms and accept them"))
            box = agreed.html_id if agreed else ""

            async def join() -> None:
                accepted = not box or await ui.run_javascript(
                    f"document.getElementById({box!r}).checked"
                )
                if not accepted:
                    password.blame(t("Please accept the terms first."))
                    return
                said = {
                    "name": name.value,
                    "email": email.value,
                    "password": password.value,
                    "terms_version": offer["terms_version"],
                }
                await _enter(f"/access/v1/invitations/{token}/accept", said, "/", password)

            Button(t("Join"), join, "first", data_key="Enter")


async def _enter(path: str, said: Mapping[str, object], then: str, field: Field) -> None:
    """Have the browser itself ask, as it is the one that gets the cookie."""
    asked = f"pleinair.ask({json.dumps(path)}, {json.dumps(dict(said))})"
    refused = await ui.run_javascript(f"return await {asked}", timeout=30.0)
    if refused:
        field.blame(refused)
    else:
        ui.navigate.to(then)


def _within(path: str) -> str:
    """A path on this server, whatever was asked for."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"
