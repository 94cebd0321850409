"""Everybody's keys: what state they are in, stopping one, and decoys."""

from collections.abc import Sequence
from typing import Any

from pleinair.studio.console import words
from pleinair.studio.console.form import Form, options
from pleinair.studio.console.names import Names
from pleinair.studio.console.room import Room, Thing
from pleinair.studio.pages import Pages
from pleinair.studio.parts import Field, Tag, inside, tell
from pleinair.studio.visitor import Visitor

LIVE = ("active", "limited")
MOST = 1000
"""Keys that a list of the API holds at most."""


def install(pages: Pages) -> None:
    """Add the page."""

    @pages.page("/console/keys")
    async def keys(visitor: Visitor) -> None:
        await Keys(visitor).open()


class Keys(Room):
    """The list, and a form for decoys."""

    here = "/console/keys"

    def __init__(self, visitor: Visitor) -> None:
        super().__init__(visitor)
        self.chosen = ""

    async def load(self) -> None:
        """Ask for them, and for whose they are."""
        self.found = (await self.api.get("/admin/v1/keys", state=self.chosen, limit=MOST))["data"]
        self.names = await Names.of(self.visitor)

    def draw(self) -> None:
        """The list, then the form."""
        t = self.t

        async def choose(state: str) -> None:
            self.chosen = state
            await self.load()
            self._show()

        states = {name: words.STATES[name] for name in ("active", "limited", "stopped", "revoked")}
        with inside("div", "filters"):
            Field(
                t("State"),
                "select",
                value=self.chosen,
                options=options(states, t, t("every state")),
                said=choose,
            )
        self.list = Tag("div")
        self._show()
        with inside("section", "sheet slim"):
            Tag("h2", t("Make a decoy"))
            Tag("p", t("A decoy opens nothing. Leave it where only a thief looks."))
            Tag("p", t("Any use of it is a leak, and is told here."))
            form = Form(t)
            form.add("name", t("Name"), hint=t("To know it by, such as where you leave it."))

            async def make() -> None:
                made = await self.api.post("/admin/v1/keys", {"name": form.text("name") or ""})
                await self.refresh()
                await self.once(t("The decoy"), t("It is shown only now. Copy it."), made["secret"])

            form.button(t("Make it"), make)

    def _show(self) -> None:
        self.list.clear()
        with self.list:
            list_keys(self, self.found, self.names)


def list_keys(room: Room, found: Sequence[Thing], names: Names) -> None:
    """Keys as a table, with a way to stop each.

    Args:
        room: on whose page.
        found: as the API tells of them.
        names: of their owners.
    """
    t = room.t
    heads = (t("Key"), t("Owner"), t("State"), t("Last used"), t("Made"), t("Acts"))
    rows = [_cells(room, key, names) for key in found]
    room.longer(t("Keys"), heads, rows, t("There are no keys here."))


def _cells(room: Room, key: Thing, names: Names) -> tuple[Any, ...]:
    t = room.t

    def state() -> None:
        with inside("div"):
            room.tag(key["state"])
            if key["reason"]:
                Tag("p", key["reason"], "small quiet")

    def made() -> None:
        with inside("div"):
            Tag("span", room.when(key["created_at"]))
            if key["expires_at"]:
                expires = t("expires {date}", date=room.when(key["expires_at"]))
                Tag("p", expires, "small quiet")

    async def stop() -> None:
        await stop_key(room, key, names)

    buttons = [(t("Stop"), stop, "plain danger")] if key["state"] in LIVE else []
    return (
        f"{key['name']} {key['hint']}",
        t("nobody: a decoy") if key["decoy"] else names.to_member(key["member_id"]),
        state,
        room.when(key["used_at"]),
        made,
        room.acts(*buttons),
    )


async def stop_key(room: Room, key: Thing, names: Names) -> None:
    """Ask why, then stop a key."""
    t = room.t

    async def send() -> None:
        body = {"reason": ask.form.text("reason") or ""}
        await room.api.post(f"/admin/v1/keys/{key['id']}/revoke", body)
        tell(t("The key is stopped."))
        await room.refresh()

    called = f"{key['name']} {key['hint']}"
    said = (
        t("It opens nothing from this moment on, and cannot be put on again."),
        t("Other keys of {name} go on.", name=names.member(key["member_id"])),
    )
    title = t("Stop the key {name}?", name=called)
    ask = room.ask(title, said if key["member_id"] else said[:1], t("Stop it"), send)
    with ask.fields:
        ask.form.add("reason", t("Why"), "textarea", hint=t("Told to whoever goes on using it."))
