"""A video that a check holds, or that is in quarantine: it goes on once a person has looked."""

from collections.abc import Awaitable, Callable

from pleinair.review.reviews import OWN
from pleinair.studio.parts import Tag, facts, inside, tell
from pleinair.studio.review_case import Player, flags, key_button
from pleinair.studio.review_decision import Decision
from pleinair.studio.review_queue import Json, entry_of_held
from pleinair.studio.visitor import Visitor


class HeldView:
    """Draws a held video.

    Args:
        visitor: who looks.
        video: as the API told of it.
        done: called once it is let go.
    """

    def __init__(self, visitor: Visitor, video: Json, done: Callable[[], Awaitable[None]]) -> None:
        self.visitor, self.t = visitor, visitor.tongue
        self.video, self.done = video, done
        self.mine = video["owner"] == (visitor.me or {}).get("id")

    def draw(self) -> None:
        """Draw it all; the heading was drawn before."""
        t, video = self.t, self.video
        with inside("p", "tags"):
            for text, look in entry_of_held(self.visitor, video).tags:
                Tag("span", text, f"tag {look}")
        if self.mine or video["status"] != "completed":
            with inside("div", "screen"):
                Tag("p", t(OWN) if self.mine else t("It is not made yet."), "waiting")
        else:
            Player(t, f"/admin/v1/held/{video['video_id']}/content", video["prompt"])
        flags(t, video["flags"])
        Tag("h3", t("The video"))
        rows = [
            (t("Prompt"), video["prompt"]),
            (t("Owner"), video["owner"]),
            (t("Asked"), t.date(video["created_at"])),
        ]
        if video["quarantined_at"]:
            rows.append((t("In quarantine since"), t.date(video["quarantined_at"])))
        facts(rows)
        self._act()

    def _act(self) -> None:
        t, blocked = self.t, self.t(OWN) if self.mine else ""
        with inside("div", "acts"):
            why = Tag("p", blocked, "notice", hidden=not blocked)
            with inside("div", "row"):
                dialog = Decision(
                    t,
                    t("Let it go: {title}", title=self.video["prompt"]),
                    t("Let it go"),
                    self._clear,
                    self._told,
                    label=t("What you saw, for the record"),
                )
                key_button(
                    t("Let it go"),
                    "a",
                    "first",
                    data_key="a",
                    aria_haspopup="dialog",
                    data_opens=dialog.html_id,
                    aria_describedby=why.html_id if blocked else None,
                    disabled=bool(blocked),
                )

    async def _clear(self, _: str | None, words: str) -> None:
        path = f"/admin/v1/held/{self.video['video_id']}/clear"
        await self.visitor.api.post(path, {"words": words})

    async def _told(self) -> None:
        tell(self.t("Let go: {title}", title=self.video["prompt"]))
        await self.done()
