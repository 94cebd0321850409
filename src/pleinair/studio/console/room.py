"""A page of the console: the way to the others, and what all of them are made of."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeAlias

from nicegui import ui

from pleinair.studio.console import words
from pleinair.studio.console.form import Ask, Sent
from pleinair.studio.parts import Button, Dialog, Tag, inside, link, secret
from pleinair.studio.shell import frame
from pleinair.studio.visitor import Visitor

Cell: TypeAlias = str | Callable[[], object]
Thing: TypeAlias = dict[str, Any]
SHOWN = 50
"""Rows of a long list that are shown at first, and more at a time."""


class Room:
    """A page that is drawn again after each act. Its nouns say what they load and draw.

    Args:
        visitor: who opened it.
    """

    title = ""
    here = ""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.api, self.t = visitor, visitor.api, visitor.tongue

    async def load(self) -> None:
        """Ask the API for what is shown."""

    def draw(self) -> None:
        """Show it."""

    async def open(self) -> None:
        """Draw the page; whoever may not see what is on it is told so instead."""
        await self.load()
        title = self.t(self.title or words.PLACES[self.here])
        with frame(self.visitor, title, "/console"):
            with inside("nav", "rooms", aria_label=self.t("Console")) as rooms:
                for address, text in words.PLACES.items():
                    current = "page" if address == self.here else None
                    link(self.t(text), address, aria_current=current)
            rooms.move(target_index=0)
            self.body = Tag("div", "", "room")
            self.asked = Tag("div")  # dialogs, which outlive what they were opened from
        with self.body:
            self.draw()
        ui.run_javascript("pleinair.reveal('.rooms [aria-current]')")

    async def refresh(self) -> None:
        """Draw it as it is now."""
        await self.load()
        self.body.clear()
        with self.body:
            self.draw()

    def ask(
        self,
        title: str,
        said: str | Sequence[str],
        label: str,
        act: Sent,
        *,
        danger: bool = True,
    ) -> Ask:
        """Ask before an act; see `Ask`, which takes more fields."""
        paragraphs = (said,) if isinstance(said, str) else tuple(said)
        with self.asked:
            made = Ask(self.t, title, paragraphs, label, act, danger=danger)
            ui.run_javascript(f"pleinair.open({made.html_id!r})")
        return made

    async def once(self, title: str, said: str, text: str) -> None:
        """Show something that is told now and never again."""
        with self.asked, Dialog(title, self.t) as made:
            made.on("close", made.delete, args=[])
            Tag("p", said)
            secret(text, self.t)
            await made.show()

    # What pages show

    def table(self, caption: str, heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        """A table whose rows are cards on a phone; the first cell names its row."""
        with inside("table", "cards", role="table"):
            Tag("caption", caption, "unseen")
            with inside("thead", role="rowgroup"), inside("tr", role="row"):
                for head in heads:
                    Tag("th", head, scope="col", role="columnheader")
            with inside("tbody", role="rowgroup"):
                for row in rows:
                    self._row(heads, row)

    def _row(self, heads: Sequence[str], row: Sequence[Cell]) -> None:
        with inside("tr", role="row"):
            for number, (head, cell) in enumerate(zip(heads, row, strict=True)):
                made = (
                    Tag("td", "", data_label=head, role="cell")
                    if number
                    else Tag("th", "", scope="row", role="rowheader")
                )
                with made:
                    if isinstance(cell, str):
                        Tag("span", cell)
                    else:
                        cell()

    def longer(
        self, caption: str, heads: Sequence[str], rows: Sequence[Sequence[Cell]], empty: str
    ) -> None:
        """A table of which more is shown when asked for; or that there is nothing."""
        if not rows:
            self.empty(empty)
            return
        holder = Tag("div")
        shown = SHOWN

        async def more() -> None:
            nonlocal shown
            shown += SHOWN
            holder.clear()
            draw()

        def draw() -> None:
            with holder:
                self.table(caption, heads, rows[:shown])
            button.hide(shown >= len(rows))

        button = Button(self.t("Show more"), more)
        draw()

    def empty(self, said: str) -> None:
        """Say that there is nothing yet."""
        Tag("p", said, "empty")

    def tag(self, state: str) -> None:
        """A state, as a small label."""
        colour = "good" if state in words.GOOD else "bad" if state in words.BAD else ""
        Tag("span", self.t(words.word(words.STATES, state)), f"tag {colour}".strip())

    def state(self, state: str) -> Callable[[], None]:
        """The same, for a cell of a table."""
        return lambda: self.tag(state)

    def to(self, text: str, address: str) -> Callable[[], Tag]:
        """A link, for a cell of a table."""
        return lambda: link(text, address)

    def acts(self, *buttons: tuple[str, Callable[[], Awaitable[None]], str]) -> Callable[[], None]:
        """Buttons with their text, act and classes, for a cell of a table."""

        def draw() -> None:
            with inside("div", "row"):
                for text, act, classes in buttons:
                    Button(text, act, classes)

        return draw

    def when(self, time: float | None) -> str:
        """A time, or a dash for none."""
        return "–" if time is None else self.t.date(time)

    def role(self, role: str) -> str:
        """A role, in words."""
        return self.t(words.word(words.ROLES, role))
