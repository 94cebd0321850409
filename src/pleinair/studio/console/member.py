"""One member: what they are, their keys, what they earned, and what was done to them."""

from collections.abc import Callable

from pleinair.studio.console import words
from pleinair.studio.console.form import Form, options
from pleinair.studio.console.keys import MOST, list_keys
from pleinair.studio.console.names import Names
from pleinair.studio.console.record import list_records
from pleinair.studio.console.room import Room
from pleinair.studio.pages import Pages
from pleinair.studio.parts import Button, Tag, facts, inside, link, tell
from pleinair.studio.visitor import Visitor


def install(pages: Pages) -> None:
    """Add the page."""

    @pages.page("/console/members/{member_id}")
    async def member(visitor: Visitor, member_id: str) -> None:
        await Member(visitor, member_id).open()


class Member(Room):
    """All that an administrator may know of a member, and do.

    Args:
        visitor: who opened it.
        member_id: whose page it is.
    """

    here = "/console/members"

    def __init__(self, visitor: Visitor, member_id: str) -> None:
        super().__init__(visitor)
        self.path = f"/admin/v1/members/{member_id}"

    async def load(self) -> None:
        """Ask for them, their keys, their statement and the record of what was done to them."""
        get = self.api.get
        self.found = await get(self.path)
        self.title = self.found["name"]
        self.names = await Names.of(self.visitor)
        keys = (await get("/admin/v1/keys", limit=MOST))["data"]
        self.keys = [key for key in keys if key["member_id"] == self.found["id"]]
        self.statement = await get(f"{self.path}/statement")
        self.history = (await get("/admin/v1/audit", subject=self.found["id"]))["data"]

    def draw(self) -> None:
        """One section for each."""
        t, found = self.t, self.found
        with inside("div", "sheets"):
            with inside("section", "sheet"):
                Tag("h2", t("Who they are"))
                facts(self._facts())
                self._power()
            if found["state"] != "left":
                with inside("section", "sheet"):
                    Tag("h2", t("Change"))
                    self._form()
        Tag("h2", t("Keys"))
        list_keys(self, self.keys, self.names)
        if found["state"] == "active":
            Button(t("Make a key for them"), self._issue)
        Tag("h2", t("Statement"))
        self._statement()
        Tag("h2", t("What was done"))
        list_records(self, self.history, self.names)

    def _facts(self) -> list[tuple[str, str]]:
        t, found = self.t, self.found
        programme = self.names.programmes.get(found["programme_id"] or "")
        rows = [
            (t("State"), t(words.STATES[found["state"]])),
            (t("Address"), found["email"] or "–"),
            (t("Role"), self.role(found["role"])),
            (t("Programme"), self.names.programme(found["programme_id"])),
            (t("Since"), self.when(found["created_at"])),
        ]
        if programme:
            accepted = found["terms_version"]
            said = t("version {n}", n=accepted) if accepted else t("none yet")
            if accepted != programme["terms_version"]:
                said = t("{said}; the newest is {n}", said=said, n=programme["terms_version"])
            rows.append((t("Terms accepted"), said))
        if found["reason"]:
            rows.append((t("Why suspended"), found["reason"]))
        if found["left_at"]:
            rows.append((t("Left"), self.when(found["left_at"])))
        return rows

    def _power(self) -> None:
        t, state = self.t, self.found["state"]
        if state == "active":
            Button(t("Suspend"), self._suspend, "danger")
        elif state == "suspended":
            Button(t("Reinstate"), self._reinstate)

    async def _suspend(self) -> None:
        t, name = self.t, self.found["name"]

        async def send() -> None:
            await self.api.post(f"{self.path}/suspend", {"reason": ask.form.text("reason") or ""})
            tell(t("{name} is suspended.", name=name))
            await self.refresh()

        said = (
            t("They are signed out, their keys open nothing, and their videos go on waiting."),
            t("What they have shared stays public. The public page counts suspensions."),
        )
        ask = self.ask(t("Suspend {name}?", name=name), said, t("Suspend them"), send)
        with ask.fields:
            ask.form.add("reason", t("Why"), "textarea", hint=t("Told to them."))

    async def _reinstate(self) -> None:
        t, name = self.t, self.found["name"]

        async def send() -> None:
            await self.api.post(f"{self.path}/reinstate")
            tell(t("{name} is back.", name=name))
            await self.refresh()

        said = t("They can sign in again, and their keys work again.")
        self.ask(t("Reinstate {name}?", name=name), said, t("Reinstate them"), send, danger=False)

    def _form(self) -> None:
        t, found, form = self.t, self.found, Form(self.t)
        programmes = {key: one["name"] for key, one in self.names.programmes.items()}
        none = {} if found["programme_id"] else {"": t("none")}
        form.add("name", t("Name"), value=found["name"])
        form.add("role", t("Role"), "select", value=found["role"], options=options(words.ROLES, t))
        form.add(
            "programme_id",
            t("Programme"),
            "select",
            value=found["programme_id"] or "",
            options=none | programmes,
        )

        async def check() -> None:
            body = {
                name: form.text(name) or ""
                for name in form.fields
                if (form.text(name) or "") != (found[name] or "")
            }
            if not body:
                tell(t("Nothing was changed."))
                return

            async def send() -> None:
                await self.api.post(self.path, body)

            async def change() -> None:
                if await form.attempt(send):
                    tell(t("Changed."))
                    await self.refresh()

            title = t("Change {name}?", name=found["name"])
            self.ask(title, self._told(body), t("Change it"), change, danger=False)

        form.button(t("Change"), check)

    def _told(self, body: dict[str, str]) -> list[str]:
        t = self.t
        shown: dict[str, Callable[[str], str]] = {
            "role": self.role,
            "programme_id": self.names.programme,
            "name": str,
        }
        called = {"role": t("Role"), "programme_id": t("Programme"), "name": t("Name")}
        return [
            t(
                "{field}: {before} → {after}",
                field=called[name],
                before=shown[name](self.found[name]),
                after=shown[name](value),
            )
            for name, value in body.items()
        ]

    async def _issue(self) -> None:
        t, name = self.t, self.found["name"]

        async def send() -> None:
            body = {"name": ask.form.text("name") or "", "member_id": self.found["id"]}
            made = await self.api.post("/admin/v1/keys", body)
            await self.refresh()
            await self.once(t("The key"), t("It is shown only now. Copy it."), made["secret"])

        said = t("It is good for videos, files and webhooks, and never expires.")
        title = t("Make a key for {name}?", name=name)
        ask = self.ask(title, said, t("Make it"), send, danger=False)
        with ask.fields:
            ask.form.add("name", t("Name"), hint=t("To know it by."))

    def _statement(self) -> None:
        t = self.t
        with inside("p", "row"):
            link(t("To print"), f"{self.path}/statement?format=html", "button", target="_blank")
            link(
                t("As a table (CSV)"), f"{self.path}/statement?format=csv", "button", download=True
            )
        heads = (
            t("Currency"),
            t("Before"),
            t("Earned"),
            t("Paid out"),
            t("Owed"),
            t("Videos cost"),
        )
        names = ("currency", "opening", "earned", "paid_out", "closing", "generation")
        rows = [[total[name] for name in names] for total in self.statement["totals"]]
        self.longer(t("Statement"), heads, rows, t("Nothing was earned yet."))
