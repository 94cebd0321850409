"""Storyboards: the list of them."""

from typing import Any

from nicegui import ui

from pleinair.studio.board import DRAFT, STATES
from pleinair.studio.pages import Pages
from pleinair.studio.parts import Button, Tag, inside, link, tell
from pleinair.studio.shell import frame
from pleinair.studio.visitor import Visitor


def install(pages: Pages) -> None:
    """Add the page."""

    @pages.page("/storyboards")
    async def boards(visitor: Visitor) -> None:
        t = visitor.tongue

        async def begin() -> None:
            made = await visitor.api.post(
                "/v1/storyboards", {"title": t("Untitled"), "size": "1280x720", "cards": [DRAFT]}
            )
            ui.navigate.to(f"/storyboards/{made['id']}")

        with frame(visitor, t("Storyboards"), "/storyboards"):
            with inside("div", "row spread"):
                Tag("p", t("Cards that follow one another become one video."), "quiet")
                Button(t("New storyboard"), begin, "first")
            await List(visitor).begin()


class List:
    """All storyboards of one person.

    Args:
        visitor: whose they are.
    """

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.t = visitor, visitor.tongue

    async def begin(self) -> None:
        """Draw it."""
        self.box = Tag("div")
        await self.refresh()

    async def refresh(self) -> None:
        """Show them as they are now."""
        t = self.t
        found = (await self.visitor.api.get("/v1/storyboards", limit=100))["data"]
        self.box.clear()
        with self.box:
            if not found:
                Tag("p", t("No storyboard yet."), "empty")
                return
            with inside("ul", "notices sheet"):
                for board in found:
                    self._row(board)

    def _row(self, board: dict[str, Any]) -> None:
        t = self.t

        async def delete() -> None:
            await self.visitor.api.delete(f"/v1/storyboards/{board['id']}")
            tell(t("Deleted; its video stays."))
            await self.refresh()

        with inside("li"):
            with inside("div"):
                with inside("p"):
                    link(board["title"], f"/storyboards/{board['id']}")
                    words, kind = STATES[board["state"]]
                    Tag("span", t(words), f"tag {kind}")
                cards = t.count(len(board["cards"]), "{n} card", "{n} cards")
                Tag("span", f"{cards} · {t.date(board['updated_at'])}", "small quiet")
            Button(
                t("Delete"),
                delete,
                "plain danger",
                aria_label=t("Delete {title}", title=board["title"]),
            )
