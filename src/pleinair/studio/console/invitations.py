"""Invitations: making one, whose link is told once, and those that were made."""

import time
from typing import Any

from pleinair.studio.console import words
from pleinair.studio.console.form import Form, options
from pleinair.studio.console.names import Names
from pleinair.studio.console.room import Room, Thing
from pleinair.studio.pages import Pages
from pleinair.studio.parts import Tag, inside, tell
from pleinair.studio.visitor import Visitor


def install(pages: Pages) -> None:
    """Add the page."""

    @pages.page("/console/invitations")
    async def invitations(visitor: Visitor) -> None:
        await Invitations(visitor).open()


class Invitations(Room):
    """The form, and the list."""

    here = "/console/invitations"

    async def load(self) -> None:
        """Ask for them, and for what to call the programmes."""
        self.found = (await self.api.get("/admin/v1/invitations"))["data"]
        self.names = await Names.of(self.visitor)

    def draw(self) -> None:
        """The form first."""
        t = self.t
        with inside("section", "sheet"):
            Tag("h2", t("Invite somebody"))
            self._form()
        Tag("h2", t("Invitations"))
        heads = (
            t("For"),
            t("Role"),
            t("Programme"),
            t("State"),
            t("Made"),
            t("Expires"),
            t("Acts"),
        )
        rows = [self._cells(found) for found in self.found]
        self.longer(t("Invitations"), heads, rows, t("Nobody has been invited yet."))

    def _form(self) -> None:
        t, form = self.t, Form(self.t)
        open_ones = {
            key: programme["name"]
            for key, programme in self.names.programmes.items()
            if programme["state"] != "closed"
        }
        with inside("div", "pair"):
            form.add("role", t("Role"), "select", value="tester", options=options(words.ROLES, t))
            form.add(
                "programme_id",
                t("Programme"),
                "select",
                value=next(iter(open_ones), ""),
                options=open_ones | {"": t("none: only for the team")},
            )
            form.add(
                "email",
                t("Address"),
                type="email",
                hint=t("If given, the only one that may use it."),
            )
            form.add("days", t("Days until it expires"), value="14", inputmode="decimal")
            form.add("note", t("Note"), hint=t("For whoever reads this list."))

        async def invite() -> None:
            body = {
                "role": form.text("role"),
                "programme_id": form.text("programme_id"),
                "email": form.text("email"),
                "days": form.number("days"),
                "note": form.text("note"),
            }
            made = await self.api.post("/admin/v1/invitations", body)
            await self.refresh()
            # For a person, the page of the studio; the API's own address is for programs.
            address = made["url"]
            said = t("Send this link to them. It works once, and is shown only now.")
            await self.once(t("The invitation"), said, address)

        form.button(t("Invite"), invite)

    def _cells(self, found: Thing) -> tuple[Any, ...]:
        t, state = self.t, self._state(found)
        called = found["email"] or found["note"] or t("whoever has the link")

        async def revoke() -> None:
            async def send() -> None:
                await self.api.post(f"/admin/v1/invitations/{found['id']}/revoke")
                tell(t("Revoked."))
                await self.refresh()

            said = t("Its link then opens nothing any more.")
            title = t("Revoke the invitation for {name}?", name=called)
            self.ask(title, said, t("Revoke it"), send)

        buttons = [(t("Revoke"), revoke, "plain danger")] if state == "waiting" else []
        return (
            self.names.to_member(found["used_by"]) if found["used_by"] else called,
            self.role(found["role"]),
            self.names.programme(found["programme_id"]),
            self.state(state),
            t(
                "{date}, by {name}",
                date=self.when(found["created_at"]),
                name=self.names.member(found["made_by"]),
            ),
            self.when(found["expires_at"]),
            self.acts(*buttons),
        )

    def _state(self, found: Thing) -> str:
        if found["used_at"]:
            return "used"
        if found["revoked_at"]:
            return "revoked"
        return "expired" if found["expires_at"] <= time.time() else "waiting"
