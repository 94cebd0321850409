"""One decision about several videos, and what came of each."""

from collections.abc import Awaitable, Callable

from pleinair.studio.parts import Button, Tag, inside, tell
from pleinair.studio.review_decision import Decision
from pleinair.studio.review_queue import Json, Queue
from pleinair.studio.visitor import Visitor

MOST = 100


class Bulk(Tag):
    """The bar above a queue that speaks of what is selected in it.

    Args:
        visitor: who decides.
        done: called after a decision.
    """

    def __init__(self, visitor: Visitor, done: Callable[[], Awaitable[None]]) -> None:
        super().__init__("div", classes="bulk")
        self.visitor, self.t, self.done = visitor, visitor.tongue, done
        self.queue: Queue | None = None
        t = self.t
        with self:
            with inside("label", "check") as self.all:
                self.box = Tag("input", type="checkbox")
                Tag("span", t("Select all"))
            self.box.on("change", self._all, args=[])
            self.bar = Tag("div", "", "row", hidden=True)
            with self.bar:
                self.number = Tag("span", "", "small", role="status")
                self._button(t("Approve the selected"), "approve", "A")
                self._button(t("Refuse the selected"), "refuse")
            self.results = Tag("div", "", "results", role="status")
            self.dialogs = Tag("div")

    def tell_picked(self) -> None:
        """Say how many are selected."""
        queue = self.queue
        if queue is None:
            return
        n = len(queue.picked)
        pickable = [entry for entry in queue.entries if entry.pickable]
        self.all.hide(not pickable)
        self.box.put(checked=bool(pickable) and n >= min(len(pickable), MOST))
        self.bar.hide(not n)
        self.number.text = self.t.count(n, "{n} video selected", "{n} videos selected") if n else ""

    def _button(self, text: str, decision: str, key: str | None = None) -> None:
        async def ask() -> None:
            await self._ask(decision)

        shortcut = f"Shift+{key}" if key else None
        with Button("", ask, "", data_key=key, aria_keyshortcuts=shortcut, aria_haspopup="dialog"):
            Tag("span", text)
            if shortcut:
                Tag("kbd", shortcut, aria_hidden="true")

    def _all(self) -> None:
        assert self.queue is not None  # the page sets it before anybody clicks
        pickable = [entry.id for entry in self.queue.entries if entry.pickable][:MOST]
        self.queue.select(set() if self.queue.picked >= set(pickable) else set(pickable))

    async def _ask(self, decision: str) -> None:
        """Have it confirmed, with how many there are."""
        t, queue = self.t, self.queue
        if queue is None or not queue.picked:
            tell(t("Nothing is selected: x selects the case in hand."))
            return
        titles = {entry.id: entry.title for entry in queue.entries if entry.id in queue.picked}
        n = len(titles)
        if decision == "approve":
            title = t.count(n, "Approve {n} video", "Approve {n} videos")
        else:
            title = t.count(n, "Refuse {n} video", "Refuse {n} videos")
        results: list[Json] = []

        async def decide(reason: str | None, words: str) -> None:
            said = {
                "share_ids": list(titles),
                "decision": decision,
                "reason": reason,
                "words": words,
            }
            told = await self.visitor.api.post("/admin/v1/reviews/decisions", said)
            results.extend(told["data"])

        async def done() -> None:
            queue.select(set())
            self._tell(titles, results)
            await self.done()

        self.dialogs.clear()
        with self.dialogs:
            dialog = Decision(t, title, title, decide, done, reasons=decision == "refuse")
            with dialog, inside("ul", "small") as names:
                for name in titles.values():
                    Tag("li", name)
            names.move(dialog, 1)
            await dialog.show()

    def _tell(self, titles: dict[str, str], results: list[Json]) -> None:
        """Say of each what came of it."""
        t = self.t
        n = sum(result["done"] for result in results)
        said = t.count(n, "{n} video is decided", "{n} videos are decided")
        tell(said, wrong=n < len(results))
        self.results.clear()
        with self.results, inside("div", "sheet"):
            with inside("div", "row spread"):
                Tag("h3", said)

                async def close() -> None:
                    self.results.clear()

                Button("×", close, "plain", aria_label=t("Close"))
            with inside("ul", "small"):
                for result in results:
                    with inside("li"):
                        Tag("span", titles[result["share_id"]])
                        done = t("approved") if result["state"] == "approved" else t("refused")
                        look = "good" if result["done"] else "bad"
                        Tag("span", done if result["done"] else result["message"], f"tag {look}")
