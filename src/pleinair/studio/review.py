"""The review desk: what waits for the team, and beside it the case in hand."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from nicegui import ui

from pleinair.studio.client import RefusedError
from pleinair.studio.pages import Pages
from pleinair.studio.parts import Button, Dialog, Tag, attempt, choices, inside, link, tell
from pleinair.studio.review_bulk import Bulk
from pleinair.studio.review_case import EARLIER, CaseView, key_button
from pleinair.studio.review_held import HeldView
from pleinair.studio.review_queue import Entry, Json, Queue, entry_of, entry_of_held, title_of
from pleinair.studio.shell import frame
from pleinair.studio.visitor import Visitor

SHOWS: Mapping[str, str] = {
    "waiting": "Waiting",
    "appealed": "Appeals",
    "held": "Held by checks",
    "decided": "Decided",
}
EVERY = 15.0
"""Seconds after which the queue is asked for again."""
MOST = 200


def install(pages: Pages) -> None:
    """Add the page."""

    @pages.page("/review")
    async def review(visitor: Visitor, show: str = "waiting", case: str = "") -> None:
        t = visitor.tongue
        desk = Desk(visitor, show if show in SHOWS else "waiting")
        entries = await desk.fetch()  # before anything is drawn: it refuses who is not of the team
        notices = (await visitor.api.get("/admin/v1/notices", unread=True))["data"]
        with frame(visitor, t("Review"), "/review"):
            desk.draw(notices)
            await desk.begin(entries, case)


@dataclass
class Hand:
    """The case in hand: its id, and its state when it was drawn."""

    id: str = ""
    state: str = ""


class Desk:
    """The page.

    Args:
        visitor: who decides.
        show: one of `SHOWS`.
    """

    def __init__(self, visitor: Visitor, show: str) -> None:
        self.visitor, self.t, self.show = visitor, visitor.tongue, show
        self.hand = Hand()

    def draw(self, notices: Sequence[Json]) -> None:
        """Draw all but the rows and the case."""
        t = self.t
        _notices(self.visitor, notices)
        keys = self._keys()
        with inside("div", "row spread deskbar"):
            shows = {name: t(text) for name, text in SHOWS.items()}
            choices(t("Show"), shows, self.show, self.turn)
            with inside("div", "row"):
                Button(t("Refresh"), self.again, "plain")
                key_button(
                    t("Keys"),
                    "?",
                    "plain",
                    data_key="?",
                    data_opens=keys.html_id,
                    aria_haspopup="dialog",
                )
        with inside("div", "desk"):
            with inside("section", "queue", aria_label=t("Queue")):
                self.count = Tag("h2", "")
                self.bulk = Bulk(self.visitor, self.decided_many)
                self.queue = Queue(t, self.take, self._picked)
                self.bulk.queue = self.queue
                self.nothing = Tag("p", t("Nothing waits here."), "empty", hidden=True)
                self.more = Tag("p", t("These are the first {n}.", n=MOST), "hint", hidden=True)
            with inside("section", "case sheet", aria_label=t("The case in hand")) as self.sheet:
                with inside("div", "row spread"):
                    self.heading = Tag("h2", "", tabindex="-1")
                    with inside("div", "row steps"):
                        self._step(t("Previous"), "k", -1)
                        self._step(t("Next"), "j", 1)
                self.place = Tag("div")
        Tag("button", "", type="button", hidden=True, data_key="x").on("click", self._pick, args=[])
        self.timer = ui.timer(EVERY, self._tick, immediate=False)

    async def begin(self, entries: Sequence[Entry], case: str) -> None:
        """Show the first rows, and the case that was asked for or the first."""
        self._list(entries)
        await self.take(case or self.queue.beside(0), focus=False)

    # The queue

    async def fetch(self) -> list[Entry]:
        """What the API tells of what is shown."""
        api = self.visitor.api
        if self.show == "held":
            found = (await api.get("/admin/v1/held", limit=MOST))["data"]
            return [entry_of_held(self.visitor, video) for video in found]
        found = (await api.get("/admin/v1/reviews", state=self.show, limit=MOST))["data"]
        return [entry_of(self.visitor, case) for case in found]

    def _list(self, entries: Sequence[Entry]) -> None:
        t, n = self.t, len(entries)
        self.queue.show(entries)
        late = sum(entry.late for entry in entries)
        said = t.count(n, "{n} video", "{n} videos")
        self.count.text = said + (f" · {t('{n} overdue', n=late)}" if late else "")
        self.nothing.hide(n > 0)
        self.more.hide(n < MOST)

    async def turn(self, show: str) -> None:
        """Show another queue."""
        self.show = show
        if await attempt(self._reload):
            await self.take(self.queue.beside(0), focus=False)

    async def _reload(self) -> None:
        show = self.show
        entries = await self.fetch()
        if show == self.show:  # or another was asked for meanwhile
            self._list(entries)

    async def again(self) -> None:
        """Ask anew, and see whether somebody else has decided about the case in hand."""
        known = self.hand.id in self.queue.rows
        await self._reload()
        self.timer.activate()
        if not self.hand.id:
            await self.take(self.queue.beside(0), focus=False)
        elif known:
            row = self.queue.rows.get(self.hand.id)
            if row is None or row.entry.state != self.hand.state:
                tell(self.t("Somebody else has decided about this one."))
                await self.take(self.hand.id, focus=False)

    async def _tick(self) -> None:
        if not await attempt(self.again):
            self.timer.deactivate()  # the button takes it up again

    # The case in hand

    async def take(self, id: str, *, focus: bool = True) -> None:
        """Take up a case, or none."""
        self.hand = Hand(id)
        self.queue.point(id)
        if not id:
            self._clear()
            return
        try:
            draw = await (self._held(id) if self.show == "held" else self._share(id))
        except RefusedError as error:
            tell(str(error), wrong=True)
            if self.hand.id == id:
                self._clear()
            return
        if self.hand.id != id:
            return  # another was taken up meanwhile
        self.sheet.hide(False)
        self.place.clear()
        with self.place:
            draw()
            ui.navigate.history.replace(f"/review?show={self.show}&case={id}")
            if focus:
                ui.run_javascript(f"document.getElementById({self.heading.html_id!r})?.focus()")

    def _clear(self) -> None:
        self.hand = Hand()
        self.place.clear()
        self.sheet.hide()

    async def _share(self, id: str) -> Callable[[], None]:
        api = self.visitor.api
        case = await api.get(f"/admin/v1/reviews/{id}")
        asked = {"state": "decided", "owner": case["owner"], "limit": EARLIER + 1}
        others = (await api.get("/admin/v1/reviews", **asked))["data"]
        earlier = [other for other in others if other["id"] != id][:EARLIER]
        view = CaseView(self.visitor, case, earlier, self._after(id))
        return self._drawn(id, title_of(case), case["state"], view.draw)

    async def _held(self, id: str) -> Callable[[], None]:
        held = (await self.visitor.api.get("/admin/v1/held", limit=1000))["data"]
        video = next((one for one in held if one["video_id"] == id), None)
        if video is None:
            message = self.t("It is not held any more.")
            raise RefusedError(message, 404, "", None, None)
        view = HeldView(self.visitor, video, self._after(id))
        return self._drawn(id, video["prompt"], "held", view.draw)

    def _drawn(
        self, id: str, title: str, state: str, draw: Callable[[], None]
    ) -> Callable[[], None]:
        def do() -> None:
            self.hand = Hand(id, state)
            self.heading.text = title
            draw()

        return do

    def _after(self, id: str) -> Callable[[], Awaitable[None]]:
        """What follows a decision: the next case, or the same one where all are kept."""

        async def after() -> None:
            following = self.queue.beside(1) or self.queue.beside(-1)
            await self._reload()
            kept = id in self.queue.rows
            known = following if following in self.queue.rows else self.queue.beside(0)
            await self.take(id if kept else known)

        return after

    def _step(self, text: str, key: str, step: int) -> None:
        async def go() -> None:
            if beside := self.queue.beside(step):
                await self.take(beside)

        with Button("", go, "plain", data_key=key, aria_keyshortcuts=key):
            Tag("span", text)
            Tag("kbd", key, aria_hidden="true")

    # Several at once

    def _pick(self) -> None:
        self.queue.pick(self.hand.id)

    def _picked(self) -> None:
        self.bulk.tell_picked()

    async def decided_many(self) -> None:
        """Show what waits after several were decided."""
        await self._reload()
        if self.hand.id not in self.queue.rows:
            await self.take(self.queue.beside(0))

    # Help

    def _keys(self) -> Dialog:
        t = self.t
        told = {
            "j, k": t("next and previous case"),
            t("Space, p"): t("play or pause"),
            "a": t("approve, or let go what is held"),
            "r": t("refuse"),
            "c": t("ask for changes"),
            "w": t("withdraw what is public"),
            "x": t("select for a decision about several"),
            "Shift+A": t("approve the selected"),
            "Enter": t("confirm in a dialog"),
            "Esc": t("close a dialog"),
            "?": t("this list"),
        }
        dialog = Dialog(t("Keys"), t)
        with dialog, inside("table"), inside("tbody"):
            for key, what in told.items():
                with inside("tr"):
                    with inside("th", scope="row"):
                        Tag("kbd", key)
                    Tag("td", what)
        return dialog


def _notices(visitor: Visitor, notices: Sequence[Json]) -> None:
    """What the server tells the team, until somebody of it has read it."""
    if not notices:
        return
    t = visitor.tongue
    with inside("details"):
        Tag("summary", t.count(len(notices), "{n} notice to the team", "{n} notices to the team"))
        with inside("ul", "notices"):
            for notice in notices:
                _notice(visitor, notice)


def _notice(visitor: Visitor, notice: Json) -> None:
    t, subject = visitor.tongue, str(notice["subject"])
    with inside("li", "row") as item:
        Tag("span", t.date(notice["created_at"]), "small quiet")
        Tag("span", notice["text"])
        if subject.startswith("share_"):
            link(t("Open the case"), f"/review?case={subject}")
        elif notice["kind"] == "video.held":
            link(t("Open the case"), f"/review?show=held&case={subject}")

        async def read() -> None:
            await visitor.api.post(f"/admin/v1/notices/{notice['id']}/read")
            item.hide()

        Button(t("Read"), read, "plain", aria_label=t("Read: {text}", text=notice["text"]))
