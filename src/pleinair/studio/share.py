"""Sharing one video: asking, how it stands, appealing, taking it back."""

from typing import Any

from pleinair.studio.client import RefusedError
from pleinair.studio.parts import Button, Field, Tag, facts, inside, link
from pleinair.studio.visitor import Visitor

STATES = {
    "asked": ("Asked; the team decides.", "now"),
    "approved": ("Approved and public.", "good"),
    "refused": ("Refused.", "bad"),
    "changes_asked": ("The team asks for changes.", "now"),
    "appealed": ("Appealed; another person decides.", "now"),
    "withdrawn": ("Withdrawn.", ""),
}


class Sharing:
    """The part of a page that is about sharing a video.

    Args:
        visitor: whose it is.
        video_id: of the video.
    """

    def __init__(self, visitor: Visitor, video_id: str) -> None:
        self.visitor, self.t = visitor, visitor.tongue
        self.path = f"/v1/videos/{video_id}/share"

    async def begin(self) -> None:
        """Draw it."""
        Tag("h2", self.t("Sharing"))
        self.box = Tag("div")
        try:
            share = await self.visitor.api.get(self.path)
        except RefusedError as error:
            if error.status != 404:
                raise
            share = None
        self._show(share)

    def _show(self, share: dict[str, Any] | None) -> None:
        t = self.t
        self.box.clear()
        with self.box:
            if share is None:
                Tag("p", t("Only you see it. A person looks at it before anybody else does."))
                self._ask(t("Ask to share it"), "")
                return
            words, kind = STATES[share["state"]]
            Tag("p", t(words), f"tag {kind}", role="status")
            self._facts(share)
            if share["state"] in ("changes_asked", "withdrawn"):
                self._ask(t("Ask again"), share["title"])
            if share["state"] == "refused" and share["appealed_at"] is None:
                self._appeal()
            if share["state"] in ("asked", "approved", "changes_asked", "appealed"):
                Button(t("Take it back"), self.withdraw, "plain danger")

    def _facts(self, share: dict[str, Any]) -> None:
        t = self.t
        rows = [(t("Asked"), t.date(share["asked_at"]))]
        if share["state"] in ("asked", "appealed"):
            rows.append((t("Decided by"), t.date(share["due_at"])))
        if share["reason"]:
            rows.append((t("Reason"), t(share["reason"])))
        if share["words"]:
            rows.append((t("The team says"), share["words"]))
        if share["appeal_words"]:
            rows.append((t("Your appeal"), share["appeal_words"]))
        if share["appeal_answer"]:
            rows.append((t("The answer"), share["appeal_answer"]))
        facts(rows)
        if share["url"]:
            path = "/shared/" + share["url"].rpartition("/shared/")[2]
            link(t("Its public page"), path)

    def _ask(self, words: str, before: str) -> None:
        title = Field(self.t("Title, which everybody sees"), value=before, maxlength=120)

        async def ask() -> None:
            self._show(await self.visitor.api.post(self.path, {"title": title.value}))

        Button(words, ask, "first")

    def _appeal(self) -> None:
        t = self.t
        Tag("h3", t("Appeal"))
        Tag("p", t("Once, to somebody who did not decide before."), "hint")
        words = Field(t("Why it should not stay refused"), "textarea", maxlength=2000)

        async def appeal() -> None:
            if not words.value.strip():
                words.blame(t("Say why."))
                return
            self._show(await self.visitor.api.post(f"{self.path}/appeal", {"words": words.value}))

        with inside("div", "row"):
            Button(t("Appeal"), appeal, "first")

    async def withdraw(self) -> None:
        """Take it back; its public address is dead at once."""
        self._show(await self.visitor.api.delete(self.path))
