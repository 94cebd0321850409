"""The programmes: a list, and a page for each on which all of it can be changed."""

from typing import Any

from pleinair.studio.console import words
from pleinair.studio.console.form import Form
from pleinair.studio.console.programme_form import ProgrammeForm
from pleinair.studio.console.room import Room, Thing
from pleinair.studio.pages import Pages
from pleinair.studio.parts import Tag, inside, tell
from pleinair.studio.visitor import Visitor

NEXT = {"open": "paused", "paused": "open", "closed": "open"}


def install(pages: Pages) -> None:
    """Add the pages."""

    @pages.page("/console/programmes")
    async def programmes(visitor: Visitor) -> None:
        await Programmes(visitor).open()

    @pages.page("/console/programmes/{programme_id}")
    async def programme(visitor: Visitor, programme_id: str) -> None:
        await Programme(visitor, programme_id).open()


class Programmes(Room):
    """All programmes, and room to begin one."""

    here = "/console/programmes"

    async def load(self) -> None:
        """Ask for them."""
        self.found = (await self.api.get("/admin/v1/programmes"))["data"]

    def draw(self) -> None:
        """The list, then the form for a new one."""
        t = self.t
        heads = (t("Name"), t("State"), t("Terms"), t("Reviewed"), t("Begun"), t("Acts"))
        self.longer(
            t("Programmes"),
            heads,
            [self._cells(programme) for programme in self.found],
            t("There is no programme yet."),
        )
        with inside("section", "sheet slim"):
            Tag("h2", t("Begin a programme"))
            form = Form(t)
            form.add("name", t("Name"))

            async def begin() -> None:
                made = await self.api.post(
                    "/admin/v1/programmes", {"name": form.text("name") or ""}
                )
                tell(t("{name} is begun. Its limits and terms can be set now.", name=made["name"]))
                await self.refresh()

            form.button(t("Begin it"), begin)

    def _cells(self, programme: Thing) -> tuple[Any, ...]:
        t = self.t
        return (
            self.to(programme["name"], f"/console/programmes/{programme['id']}"),
            self.state(programme["state"]),
            t("version {n}", n=programme["terms_version"]),
            t(words.REVIEWS[programme["review"]]),
            self.when(programme["created_at"]),
            self.acts((t(words.FLIPS[programme["state"]]), lambda: flip(self, programme), "plain")),
        )


class Programme(Room):
    """One programme and all that can be changed of it."""

    here = "/console/programmes"

    def __init__(self, visitor: Visitor, programme_id: str) -> None:
        super().__init__(visitor)
        self.path = f"/admin/v1/programmes/{programme_id}"

    async def load(self) -> None:
        """Ask for it."""
        self.found = await self.api.get(self.path)
        self.title = self.found["name"]

    def draw(self) -> None:
        """The form, and a question before anything is changed."""
        t, found = self.t, self.found
        with inside("p", "row"):
            self.tag(found["state"])
            changed = t("changed {date}", date=self.when(found["updated_at"]))
            Tag("span", changed, "small quiet")
        form = ProgrammeForm(t, found)

        async def check() -> None:
            body = form.changes()
            if not body:
                tell(t("Nothing was changed."))
                return

            async def change() -> None:
                if await form.attempt(lambda: self._send(body)):
                    tell(t("Changed."))
                    await self.refresh()

            title = t("Change {name}?", name=found["name"])
            self.ask(title, form.told(body), t("Change it"), change, danger=False)

        form.button(t("Change"), check)

    async def _send(self, body: dict[str, Any]) -> None:
        await self.api.post(self.path, body)


async def flip(room: Room, programme: Thing) -> None:
    """Ask whether to pause a programme, or to open it again."""
    t, name = room.t, programme["name"]
    state = NEXT[programme["state"]]

    async def send() -> None:
        await room.api.post(f"/admin/v1/programmes/{programme['id']}", {"state": state})
        tell(
            t("{name} is paused.", name=name)
            if state == "paused"
            else t("{name} is open.", name=name)
        )
        await room.refresh()

    if state == "paused":
        said = t("Its members can ask for no videos, and what waits goes on waiting.")
        room.ask(t("Pause {name}?", name=name), said, t("Pause it"), send)
    else:
        said = t("Its members can ask for videos again, and what waited goes on.")
        room.ask(t("Open {name}?", name=name), said, t("Open it"), send, danger=False)
