"""One video: to play, to know all about, to go on from, to share."""

from typing import Any

from nicegui import ui

from pleinair.studio import film
from pleinair.studio.beginning import WAYS, abilities_of, ways_of
from pleinair.studio.pages import Pages
from pleinair.studio.parts import Button, Dialog, Field, Tag, choices, facts, inside, link, tell
from pleinair.studio.share import Sharing
from pleinair.studio.shell import frame
from pleinair.studio.visitor import Visitor


def install(pages: Pages) -> None:
    """Add the page."""

    @pages.page("/videos/{video_id}")
    async def video(visitor: Visitor, video_id: str) -> None:
        t = visitor.tongue
        found = await visitor.api.get(f"/v1/videos/{video_id}")
        models = (await visitor.api.get("/v1/models"))["data"]
        abilities = abilities_of(models, found["model"])
        with frame(visitor, t("Video"), "/library"):
            await Details(visitor, found, abilities).begin()


class Details:
    """One video and all that can be done with it.

    Args:
        visitor: whose it is.
        video: as the API told of it.
        abilities: of its model.
    """

    def __init__(self, visitor: Visitor, video: film.Video, abilities: list[str]) -> None:
        self.visitor, self.t = visitor, visitor.tongue
        self.video, self.abilities = video, abilities
        self.path = f"/v1/videos/{video['id']}"

    async def begin(self) -> None:
        """Draw it."""
        with inside("div", "gallery"):
            self.show = Tag("section", classes="sheet", aria_label=self.t("Video"))
            with inside("div"):
                with inside("section", "sheet", aria_label=self.t("About it")):
                    self._facts()
                if self.visitor.shares and self.video["status"] == "completed":
                    with inside("section", "sheet", aria_label=self.t("Sharing")):
                        await Sharing(self.visitor, self.video["id"]).begin()
        self._show(0)

    def _show(self, index: int) -> None:
        t, video = self.t, self.video
        self.show.clear()
        with self.show:
            if video["status"] in film.ACTIVE:
                film.AtWork(self.visitor, video, self._ended)
                return
            film.screen(self.visitor, video, index)
            if video["n"] > 1:
                numbers = {str(i): str(i + 1) for i in range(video["n"])}
                choices(t("Variations"), numbers, str(index), lambda i: self._show(int(i)))
            if unknown := film.unknown_of(t, video):
                Tag("p", unknown, "notice")
            added = film.added_of(t, {**video, "completed": video["completed"][index:][:1]})
            for note in (*added, *video["notes"]):
                Tag("p", note, "notice")
            self._acts(index)

    async def _ended(self, video: film.Video) -> None:
        ui.navigate.reload()

    def _acts(self, index: int) -> None:
        t, video = self.t, self.video
        finished = video["status"] == "completed"
        with inside("div", "row"):
            here = f"/?source={video['id']}"
            for i, way in enumerate(ways_of(self.abilities) if finished else ()):
                link(t(WAYS[way]), f"{here}&how={way}", "button" if i else "button first")
            link(t("Once more, otherwise"), here, "button")
        with inside("div", "row"):
            if finished:
                name = f"{video['id']}-{index}" if index else video["id"]
                for variant, words, ending in (
                    ("video", t("Download"), "mp4"),
                    ("thumbnail", t("Picture"), "webp"),
                    ("spritesheet", t("Frames"), "jpg"),
                ):
                    address = film.content(video, variant, index)
                    link(words, address, "button plain", download=f"{name}.{ending}")
            Button(t("Delete"), self.delete, "plain danger")

    def _facts(self) -> None:
        t, video = self.t, self.video
        Tag("p", video["prompt"] or "", "told")
        if video["original_prompt"]:
            Tag("p", t("Before it was rewritten: {words}", words=video["original_prompt"]), "quiet")
        rows = [
            (t("Model"), video["model"]),
            (t("Size"), video["size"]),
            (t("Length"), f"{video['seconds']} s"),
            (t("Seed"), str(video["seed"])),
            (t("Asked for"), t.date(video["created_at"])),
        ]
        if video["completed_at"]:
            rows.append((t("Finished"), t.date(video["completed_at"])))
        if video["expires_at"]:
            rows.append((t("Kept until"), t.date(video["expires_at"])))
        rows.append((t("Id"), video["id"]))
        facts(rows)
        if video["remixed_from_video_id"]:
            link(t("What it was made from"), f"/videos/{video['remixed_from_video_id']}")
        with inside("label", "check"):
            box = Tag("input", type="checkbox", checked=video["favourite"])
            Tag("span", t("Favourite"))

        async def favour() -> None:
            await self._mark({"favourite": not self.video["favourite"]})

        box.on("change", favour, args=[])
        self.folder = Field(t("Folder"), value=video["folder"] or "", maxlength=80)

        async def put() -> None:
            await self._mark({"folder": self.folder.value.strip() or None})
            tell(t("Put there."))

        Button(t("Put there"), put)

    async def _mark(self, body: dict[str, Any]) -> None:
        self.video = await self.visitor.api.put(f"{self.path}/mark", body)

    async def delete(self) -> None:
        """Delete it, and say how to have it back."""
        await self.visitor.api.delete(self.path)
        t = self.t
        dialog = Dialog(t("Deleted."), t)
        with dialog:
            Tag("p", t("It can be brought back for ten minutes."))

            async def restore() -> None:
                await self.visitor.api.post(f"{self.path}/restore")
                ui.navigate.reload()

            with inside("div", "row"):
                Button(t("Bring it back"), restore, "first")
                link(t("To the library"), "/library", "button")
        await dialog.show()
