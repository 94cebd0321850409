"""One storyboard: a timeline of cards on top, the card in hand below, its video beside."""

from collections.abc import Callable
from typing import Any

from nicegui import ui
from nicegui.events import GenericEventArguments

from pleinair.backends.base import MODELS
from pleinair.settings import DEFAULT_MODEL, Settings
from pleinair.studio import film
from pleinair.studio.pages import Pages
from pleinair.studio.parts import Button, Drop, Field, Tag, choices, inside, link, number_of, tell
from pleinair.studio.prompt import Prompt
from pleinair.studio.shell import frame
from pleinair.studio.visitor import Visitor

STATES = {
    "draft": ("Not made yet", ""),
    "rendering": ("At work", "now"),
    "completed": ("Finished", "good"),
    "failed": ("Failed", "bad"),
    "cancelled": ("Cancelled", ""),
}
KINDS = {"text": "Text", "picture": "Picture", "clip": "Clip"}
SIZES = {"1280x720": "Wide", "720x1280": "Tall", "720x720": "Square"}
DRAFT = {"kind": "text", "prompt": "", "seconds": 4.0}
LOOKS = 0.7  # seconds between looks at a storyboard that is made


def install(pages: Pages) -> None:
    """Add the page."""

    @pages.page("/storyboards/{storyboard_id}")
    async def board(visitor: Visitor, storyboard_id: str) -> None:
        found = await visitor.api.get(f"/v1/storyboards/{storyboard_id}")
        with frame(visitor, visitor.tongue("Storyboard"), "/storyboards"):
            await Table(visitor, found).begin()


class Table:
    """The table at which one storyboard is laid.

    Args:
        visitor: whose it is.
        board: as the API told of it.
    """

    def __init__(self, visitor: Visitor, board: dict[str, Any]) -> None:
        self.visitor, self.t, self.board = visitor, visitor.tongue, board
        self.path = f"/v1/storyboards/{board['id']}"
        self.cards = [_told(card) for card in board["cards"] or [DRAFT]]
        self.hand = 0
        self.shown = ""

    async def begin(self) -> None:
        """Draw it."""
        t = self.t
        with inside("div", "pair"):
            self.title = Field(
                t("Title"), value=self.board["title"], maxlength=120, said=self._title
            )
            sizes = {size: t(name) for size, name in SIZES.items()}
            choices(t("Shape"), sizes, self.board["size"], self._size)
        with inside("section", aria_label=t("Timeline")):
            self.line = Tag("ol", "", "timeline")
            with inside("div", "row"):
                Button(t("Add a card"), self.add, data_key="n")
                self.length = Tag("span", "", "small quiet")
        with inside("div", "gallery turned"):
            self.card = Tag("section", "", "sheet", aria_label=t("The card in hand"))
            with inside("section", "sheet", aria_label=t("Its video")):
                self.state = Tag("p", "", "tag", role="status")
                self.bar = Tag("progress", max=100, value=0, aria_label=t("Progress"))
                self.screen = Tag("div")
                with inside("div", "row"):
                    self.render = Button(
                        t("Make the video"), self.make, "first", data_key="mod+enter"
                    )
                    self.cancel = Button(t("Cancel"), self.stop, "danger")
        self._lay()
        self._take(0)
        await self._tell()
        ui.timer(LOOKS, self._look)

    # The cards

    def _lay(self) -> None:
        """Lay the cards out, each as wide as it is long."""
        t = self.t
        self.line.clear()
        with self.line:
            for i, card in enumerate(self.cards):
                self._lay_one(i, card)
        whole = sum(card["seconds"] or 0 for card in self.cards if card["kind"] != "clip")
        self.length.text = t("{n} seconds are drawn", n=f"{whole:g}")

    def _lay_one(self, i: int, card: dict[str, Any]) -> None:
        t = self.t

        async def take() -> None:
            self._take(i)

        with inside("li") as place:
            place.style(f"flex-grow: {card['seconds'] or 4}")
            long = f"{card['seconds']:g} s" if card["kind"] != "clip" else ""
            words = card["prompt"] or t("nothing said yet")
            label = t("Card {n}: {words}", n=i + 1, words=words)
            with Button("", take, "card", aria_label=label) as button:
                button.put(aria_pressed="true" if i == self.hand else "false")
                Tag("span", f"{i + 1} · {t(KINDS[card['kind']])} {long}", "small quiet")
                Tag("span", words, "words-of")

    def _take(self, i: int) -> None:
        """Take a card into the hand."""
        t = self.t
        self.hand = min(i, len(self.cards) - 1)
        self._lay()
        self.card.clear()
        card = self.cards[self.hand]
        with self.card:
            with inside("div", "row spread"):
                Tag("h2", t("Card {n}", n=self.hand + 1))
                with inside("div", "row"):
                    Button("←", self._move(-1), "plain", aria_label=t("Move it forward"))
                    Button("→", self._move(1), "plain", aria_label=t("Move it back"))
                    Button(t("Remove"), self.remove, "plain danger")
            kinds = ("text", "picture", "clip") if self.hand == 0 else ("text", "picture")
            choices(t("What it is"), {k: t(KINDS[k]) for k in kinds}, card["kind"], self._kind)
            if card["kind"] == "clip":
                self._clip(card)
            else:
                self._drawn(card)

    def _drawn(self, card: dict[str, Any]) -> None:
        t = self.t
        # Cards that go on from one another are made by what stands in for the default.
        model = self.board["model"] or MODELS[DEFAULT_MODEL].stand_in
        words = MODELS[model].vocabulary(Settings.read()) if model in MODELS else None
        self.prompt = Prompt(
            t, words, card["prompt"], typed=self._keep("prompt"), said=self._changed
        )
        self.seconds = Field(
            t("Seconds"),
            type="number",
            value=f"{card['seconds'] or 0:g}",
            min=0.5,
            max=20,
            step=0.5,
            typed=self._keep("seconds"),
            said=self._changed,
        )
        if card["kind"] == "picture":
            where = "It begins with this picture." if self.hand == 0 else "It ends on this picture."
            Tag("p", t(where), "hint")
            self._picture(card)

    def _picture(self, card: dict[str, Any]) -> None:
        t = self.t
        zone = Drop(t("Drop a picture here, or choose"), "image/*", self._dropped)
        if card["file_id"]:
            with zone.given:
                Tag("img", src=f"/v1/files/{card['file_id']}/content", alt=t("The picture"))

    async def _dropped(self, event: GenericEventArguments) -> None:
        told = event.args
        if told["state"] == "failed":
            tell(told["message"] or self.t("It did not arrive."), wrong=True)
        elif told["state"] == "done":
            self.cards[self.hand]["file_id"] = told["id"]
            await self._save()
            self._take(self.hand)

    def _clip(self, card: dict[str, Any]) -> None:
        t = self.t
        film.Choice(
            self.visitor,
            t("The clip"),
            t("Choose a video"),
            card["video_id"] or "",
            self._chosen,
        )

    async def _chosen(self, video: film.Video | None) -> None:
        self.cards[self.hand]["video_id"] = video["id"] if video else None
        await self._save()

    async def add(self) -> None:
        """Add a card behind the one in hand."""
        self.cards.insert(self.hand + 1, _told(DRAFT))
        await self._save()
        self._take(self.hand + 1)

    async def remove(self) -> None:
        """Take the card in hand away."""
        if len(self.cards) == 1:
            self.cards = [_told(DRAFT)]
        else:
            del self.cards[self.hand]
        await self._save()
        self._take(max(0, self.hand - 1))

    def _move(self, by: int) -> Any:  # noqa: ANN401
        async def move() -> None:
            to = self.hand + by
            if not 0 <= to < len(self.cards):
                return
            self.cards.insert(to, self.cards.pop(self.hand))
            await self._save()
            self._take(to)

        return move

    async def _kind(self, kind: str) -> None:
        self.cards[self.hand]["kind"] = kind
        await self._save()
        self._take(self.hand)

    def _keep(self, name: str) -> Callable[[str], None]:
        """Keep what is typed for the card in hand, before anything else can be done."""
        card = self.cards[self.hand]

        def keep(text: str) -> None:
            card[name] = number_of(text) or 0.0 if name == "seconds" else text

        return keep

    async def _changed(self, text: str) -> None:
        await self._save()
        self._lay()

    # The storyboard

    async def _title(self, text: str) -> None:
        await self._save(title=text.strip() or self.t("Untitled"))

    async def _size(self, size: str) -> None:
        await self._save(size=size)

    async def _save(self, **more: object) -> None:
        """Keep it as it is; what is not finished is kept too."""
        self.board = await self.visitor.api.put(self.path, {"cards": self.cards, **more})
        await self._tell()

    async def make(self) -> None:
        """Make its video."""
        await self._save()
        self.board = await self.visitor.api.post(f"{self.path}/render")
        await self._tell()

    async def stop(self) -> None:
        """End it; the cards that are finished stay."""
        self.board = await self.visitor.api.post(f"{self.path}/cancel")
        await self._tell()

    async def _look(self) -> None:
        if self.board["state"] == "rendering":
            self.board = await self.visitor.api.get(self.path)
            await self._tell()

    async def _tell(self) -> None:
        """Say how it stands, and show its video."""
        t, board = self.t, self.board
        words, kind = STATES[board["state"]]
        said = t(words)
        working = board["state"] == "rendering"
        if working and board["card"] is not None:
            said = t("Card {n} of {all}", n=board["card"] + 1, all=len(self.cards))
        if board["error"]:
            said = f"{said}: {board['error']['message']}"
        if self.state.text != said:
            self.state.text = said
            self.state.classes(replace=f"tag {kind}")
        self.bar.put(value=board["progress"])
        self.bar.hide(not working)
        self.render.hide(working)
        self.cancel.hide(not working)
        await self._screen()

    async def _screen(self) -> None:
        """The video, once it is finished; what is drawn of it until then."""
        board = self.board
        now = f"{board['state']} {board['video_id']}"
        if board["video_id"] is None or now == self.shown:
            return
        self.shown = now
        video = await self.visitor.api.get(f"/v1/videos/{board['video_id']}")
        self.screen.clear()
        with self.screen:
            if video["status"] in film.ACTIVE:
                film.Glimpse(self.visitor, video)
            elif video["status"] == "completed":
                film.screen(self.visitor, video)
                link(self.t("Details"), f"/videos/{video['id']}", "button")


def _told(card: dict[str, Any]) -> dict[str, Any]:
    """A card with all its fields."""
    kept = {"kind": "text", "prompt": "", "seconds": 4.0, "file_id": None, "video_id": None}
    return kept | {name: value for name, value in card.items() if value is not None}
