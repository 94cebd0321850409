"""All that one has made: a grid that plays what is pointed at, with folders and a search."""

from nicegui import ui

from pleinair.studio import film
from pleinair.studio.pages import Pages
from pleinair.studio.parts import Button, Field, Tag, inside, link
from pleinair.studio.shell import frame
from pleinair.studio.visitor import Visitor

PAGE = 24


def install(pages: Pages) -> None:
    """Add the page."""

    @pages.page("/library")
    async def library(
        visitor: Visitor, folder: str = "", favourite: bool = False, search: str = ""
    ) -> None:
        folders = (await visitor.api.get("/v1/folders"))["data"]
        with frame(visitor, visitor.tongue("Library"), "/library"):
            await Library(visitor, folders, folder, favourite, search).begin()


class Library:
    """The videos of one person.

    Args:
        visitor: whose they are.
        folders: with the number of videos in each.
        folder: show those in it alone.
        favourite: show favourites alone.
        search: show those whose prompt has all these words.
    """

    def __init__(
        self,
        visitor: Visitor,
        folders: list[dict[str, object]],
        folder: str,
        favourite: bool,
        search: str,
    ) -> None:
        self.visitor, self.t = visitor, visitor.tongue
        self.folders, self.folder = folders, folder
        self.favourite, self.search = favourite, search
        self.last: str | None = None
        self.status = ""

    async def begin(self) -> None:
        """Draw it."""
        t = self.t
        with inside("div", "row spread"):
            with inside("nav", "row", aria_label=t("Folders")):
                chosen = self.folder or self.favourite
                link(t("All"), "/library", "button", aria_current=None if chosen else "page")
                current = "page" if self.favourite else None
                link(t("Favourites"), "/library?favourite=true", "button", aria_current=current)
                for found in self.folders:
                    name = str(found["name"])
                    current = "page" if name == self.folder else None
                    words = f"{name} ({found['videos']})"
                    href = f"/library?folder={film.quoted(name)}"
                    link(words, href, "button", aria_current=current)
            with inside("search", "row"):
                Field(
                    t("Search"),
                    type="search",
                    value=self.search,
                    placeholder=t("Words of the prompt"),
                    hidden_label=True,
                    said=self._search,
                    data_key="/",
                )
                states = {
                    "": t("All states"),
                    "completed": t("Finished"),
                    "in_progress": t("At work"),
                    "queued": t("Waiting"),
                    "failed": t("Failed"),
                }
                Field(t("State"), "select", options=states, hidden_label=True, said=self._state)
        self.empty = Tag("p", "", "empty", hidden=True)
        self.list = Tag("ul", "", "films", aria_label=t("Videos"))
        with inside("div", "row centre"):
            self.more = Button(t("More"), self.go_on, hidden=True)
        await self.refresh()

    async def _search(self, text: str) -> None:
        self.search = text
        ui.run_javascript(f"pleinair.address('search', {text!r})")
        await self.refresh()

    async def _state(self, status: str) -> None:
        self.status = status
        await self.refresh()

    async def refresh(self) -> None:
        """Show it from its beginning."""
        self.last = None
        self.list.clear()
        await self.go_on()

    async def go_on(self) -> None:
        """Show what comes next."""
        found = await self.visitor.api.get(
            "/v1/videos",
            limit=PAGE,
            after=self.last,
            folder=self.folder,
            favourite=True if self.favourite else None,
            search=self.search,
            status=self.status,
        )
        with self.list:
            for video in found["data"]:
                film.card(self.visitor, video, self.refresh)
        self.last = found["last_id"]
        self.more.hide(not found["has_more"])
        nothing = not found["data"] and not self.list.default_slot.children
        chosen = self.search or self.folder or self.favourite or self.status
        self.empty.text = self.t("Nothing is like that." if chosen else "Nothing was made yet.")
        self.empty.hide(not nothing)
