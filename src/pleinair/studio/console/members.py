"""All members: looked for by name, address, role and state; and accounts for programs."""

from typing import Any

from pleinair.studio.console import words
from pleinair.studio.console.form import Form, options
from pleinair.studio.console.names import Names
from pleinair.studio.console.room import Room, Thing
from pleinair.studio.pages import Pages
from pleinair.studio.parts import Field, Tag, inside, link, tell
from pleinair.studio.visitor import Visitor

MOST = 1000


def install(pages: Pages) -> None:
    """Add the page."""

    @pages.page("/console/members")
    async def members(visitor: Visitor) -> None:
        await Members(visitor).open()


class Members(Room):
    """The list, which can be searched, and a form for a program's account."""

    here = "/console/members"

    def __init__(self, visitor: Visitor) -> None:
        super().__init__(visitor)
        self.search, self.role_of, self.state_of = "", "", ""

    async def load(self) -> None:
        """Ask for those of the chosen role and state."""
        self.names = await Names.of(self.visitor)
        found = await self.api.get(
            "/admin/v1/members", role=self.role_of, state=self.state_of, limit=MOST
        )
        self.found = found["data"]

    def draw(self) -> None:
        """What to look for, what is found, and the form."""
        t = self.t
        states = {name: words.STATES[name] for name in ("active", "suspended", "left")}
        with inside("div", "filters"):
            Field(t("Search"), type="search", placeholder=t("name or address"), said=self._search)
            Field(
                t("Role"),
                "select",
                options=options(words.ROLES, t, t("every role")),
                said=self._role,
            )
            Field(
                t("State"), "select", options=options(states, t, t("every state")), said=self._state
            )
        self.list = Tag("div", aria_live="polite")
        self._show()
        with inside("p", "row"):
            Tag("span", t("People come by invitation."))
            link(t("Invite somebody"), "/console/invitations")
        with inside("section", "sheet slim"):
            self._form()

    def _show(self) -> None:
        t, wanted = self.t, self.search.casefold().split()
        found = [
            member
            for member in self.found
            if all(word in f"{member['name']} {member['email']}".casefold() for word in wanted)
        ]
        self.list.clear()
        with self.list:
            Tag("p", t.count(len(found), "{n} member", "{n} members"), "small quiet")
            heads = (t("Name"), t("Address"), t("Role"), t("Programme"), t("State"), t("Since"))
            rows = [self._cells(member) for member in reversed(found)]
            self.longer(t("Members"), heads, rows, t("Nobody like that is here."))

    def _cells(self, member: Thing) -> tuple[Any, ...]:
        return (
            self.to(member["name"], f"/console/members/{member['id']}"),
            member["email"] or "–",
            self.role(member["role"]),
            self.names.programme(member["programme_id"]),
            self.state(member["state"]),
            self.when(member["created_at"]),
        )

    def _search(self, search: str) -> None:
        self.search = search
        self._show()

    async def _role(self, role: str) -> None:
        self.role_of = role
        await self.load()
        self._show()

    async def _state(self, state: str) -> None:
        self.state_of = state
        await self.load()
        self._show()

    def _form(self) -> None:
        t, form = self.t, Form(self.t)
        Tag("h2", t("An account for a program"))
        Tag("p", t("It has no password; it works by keys, which you make on its page."), "hint")
        programmes = {key: one["name"] for key, one in self.names.programmes.items()}
        with inside("div", "pair"):
            form.add("name", t("Name"))
            form.add(
                "role", t("Role"), "select", value="developer", options=options(words.ROLES, t)
            )
            form.add(
                "programme_id",
                t("Programme"),
                "select",
                value=next(iter(programmes), ""),
                options=programmes | {"": t("none")},
            )

        async def make() -> None:
            body = {name: form.text(name) for name in ("role", "programme_id")}
            made = await self.api.post(
                "/admin/v1/members", {"name": form.text("name") or "", **body}
            )
            tell(t("{name} has an account.", name=made["name"]))
            await self.refresh()

        form.button(t("Make it"), make)
