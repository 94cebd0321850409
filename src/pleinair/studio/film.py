"""One video on a page: while it is made, once it can be played, and as a card among others."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import quote

from nicegui import ui

from pleinair.api.events import Sight
from pleinair.studio.client import RefusedError
from pleinair.studio.parts import Button, Field, Tag, follow, inside, link, tell
from pleinair.studio.tongue import Tongue
from pleinair.studio.visitor import Visitor

Video: TypeAlias = Mapping[str, Any]
ACTIVE = ("queued", "in_progress")
STILL = "0.04"
"""Seconds of a single frame, as the studio asks for one."""
OFFERED = 50
"""Videos of which one can be chosen."""
# What the stages of a backend are called on a page; others are work like any.
STAGES = {
    "load": "Preparing",
    "text": "Reading",
    "denoise": "Painting",
    "decode": "Developing",
    "deliver": "Finishing",
    "write": "Finishing",
}


def quoted(text: str) -> str:
    """A text as part of an address."""
    return quote(text, safe="")


def content(video: Video, variant: str = "video", index: int = 0) -> str:
    """Where a file of a video is; the browser's cookie opens it."""
    query = "" if variant == "video" else f"?variant={variant}"
    if index:
        query += f"{'&' if query else '?'}index={index}"
    return f"/v1/videos/{video['id']}/content{query}"


def line_of(t: Tongue, video: Video) -> str:
    """How far a video is, in words."""
    if video["status"] == "queued":
        place = video["queue_position"]
        said = t("Next in line") if place == 1 else t("In line: number {n}", n=place or "?")
    else:
        stage = t(STAGES.get(video["stage"], "At work"))
        said = t("{stage}: {progress} %", stage=stage, progress=video["progress"])
    if video["eta_seconds"]:
        said += " · " + t("about {time} left", time=t.span(video["eta_seconds"]))
    return said


def shape(video: Video) -> str:
    """The style that gives a screen the proportions of a video."""
    width, _, height = str(video["size"]).partition("x")
    return f"--shape: {width} / {height}"


def is_still(video: Video) -> bool:
    """Whether it is a single picture."""
    return float(video["seconds"]) <= float(STILL)


class Glimpse(Tag):
    """The screen of a video that is not finished: pictures of how far it is.

    Args:
        visitor: whose it is.
        video: as the API told of it.
        changed: called with what is seen of it, each time that it changes.
        done: called with the video once it has ended.
    """

    def __init__(
        self,
        visitor: Visitor,
        video: Video,
        changed: Callable[[Video], None] | None = None,
        done: Callable[[Video], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__("div", classes="screen")
        self.visitor, self.video = visitor, video
        self.changed, self.done = changed, done
        self.style(shape(video))
        with self:
            self.picture = Tag("img", alt=visitor.tongue("How far it is"), hidden=True)
            self.waiting = Tag("p", line_of(visitor.tongue, video), "waiting")
        follow(self._follow())

    async def _follow(self) -> None:
        """Show what is seen of it until it has ended."""
        try:
            async for sight in self.visitor.api.watch(self.video["id"]):
                if self.is_deleted:
                    return
                if sight is None:
                    break
                self.video = sight.video.model_dump()
                if sight.ended:
                    break
                self._show(sight)
        except RefusedError as error:
            tell(str(error), wrong=True)
            return
        if self.done:
            await self.done(self.video)

    def _show(self, sight: Sight) -> None:
        if self.changed:
            self.changed(self.video)
        if sight.image_url:
            self.picture.put(src=sight.image_url, hidden=False)
            self.waiting.hide()
        else:
            self.waiting.text = line_of(self.visitor.tongue, self.video)


class AtWork(Tag):
    """A video that waits or is made: what is seen of it, its progress, a way to end it.

    Args:
        visitor: whose it is.
        video: as the API told of it.
        done: called with the video once it has ended.
    """

    def __init__(
        self, visitor: Visitor, video: Video, done: Callable[[Video], Awaitable[None]]
    ) -> None:
        super().__init__("div", classes="at-work")
        t = visitor.tongue
        self.visitor, self.video = visitor, video
        with self:
            Glimpse(visitor, video, self._tell, done)
            self.bar = Tag("progress", max=100, value=video["progress"], aria_label=t("Progress"))
            with inside("div", "row spread"):
                self.line = Tag("span", line_of(t, video), "small quiet", aria_live="polite")
                Button(t("Cancel"), self.cancel, "plain danger")
            Tag("p", video["prompt"] or "", "small")

    async def cancel(self) -> None:
        """End the video."""
        await self.visitor.api.post(f"/v1/videos/{self.video['id']}/cancel")

    def _tell(self, video: Video) -> None:
        said = line_of(self.visitor.tongue, video)
        if said != self.line.text:
            self.line.text = said
            self.bar.put(value=video["progress"])


def screen(visitor: Visitor, video: Video, index: int = 0) -> None:
    """A finished video to be played, or why there is none."""
    t = visitor.tongue
    with inside("div", "screen") as made:
        made.style(shape(video))
        if video["status"] == "completed" and is_still(video):
            Tag("img", src=content(video, "thumbnail", index), alt=video["prompt"])
        elif video["status"] == "completed":
            Tag(
                "video",
                src=content(video, index=index),
                poster=content(video, "thumbnail", index),
                controls=True,
                autoplay=True,
                loop=True,
                muted=True,
                playsinline=True,
                aria_label=video["prompt"],
            )
        else:
            Tag("p", ended(t, video), "waiting")


def ended(t: Tongue, video: Video) -> str:
    """Why a video did not come to be."""
    error = video["error"] or {}
    if error.get("code") == "cancelled":
        return t("Cancelled")
    return t("It failed: {why}", why=error.get("message", ""))


def unknown_of(t: Tongue, video: Video) -> str:
    """What the model did not understand, or nothing."""
    words = ", ".join(video["unknown_words"])
    return t("The model did not know: {words}", words=words) if words else ""


def added_of(t: Tongue, video: Video) -> list[str]:
    """What was added to the prompt, of each variation that is there."""
    found = [words for words in video["completed"] if words]
    return [t("Filled in: {words}", words=words) for words in found]


class Choice(Field):
    """A list of finished videos, of which one is chosen; they come once the page is there.

    Args:
        visitor: whose they are.
        label: what it is for.
        none: what stands for no video.
        chosen: the id at first; empty for none.
        said: called with the video, or None.
    """

    def __init__(
        self,
        visitor: Visitor,
        label: str,
        none: str,
        chosen: str,
        said: Callable[[Video | None], Awaitable[None] | None],
    ) -> None:
        self.visitor, self.there = visitor, dict[str, Video]()
        super().__init__(
            label,
            "select",
            value=chosen,
            options={"": none},
            said=lambda video: said(self.there.get(video)),
        )
        ui.timer(0, self._offer, once=True)

    async def _offer(self) -> None:
        found = await self.visitor.api.get("/v1/videos", status="completed", limit=OFFERED)
        if self.is_deleted:
            return
        self.there = {one["id"]: one for one in found["data"]}
        with self.control:
            for key, one in self.there.items():
                text = (one["prompt"] or key)[:80]
                Tag("option", text, value=key, selected=key == self.value)


def card(visitor: Visitor, video: Video, changed: Callable[[], Awaitable[None]]) -> Tag:
    """A video among others, as an item of a list.

    Args:
        visitor: whose it is.
        video: as the API told of it.
        changed: called when it was marked, deleted or brought back.
    """
    t, api = visitor.tongue, visitor.api
    address = f"/videos/{video['id']}"
    finished = video["status"] == "completed"

    async def favour() -> None:
        await api.post(f"/v1/videos/{video['id']}/mark", {"favourite": not video["favourite"]})
        await changed()

    async def restore() -> None:
        await api.post(f"/v1/videos/{video['id']}/restore")
        await changed()

    async def delete() -> None:
        await api.delete(f"/v1/videos/{video['id']}")
        if finished:
            tell(t("Deleted."), act=restore, label=t("Undo"))
        await changed()

    with inside("li", "film") as made:
        film = content(video) if finished else None
        with link("", address, "poster", aria_label=video["prompt"], data_film=film):
            if finished:
                Tag("img", src=content(video, "thumbnail"), alt="", loading="lazy")
            elif video["status"] in ACTIVE:
                follow(_live(visitor, video, Tag("span", line_of(t, video), "waiting"), changed))
            else:
                Tag("span", ended(t, video), "waiting")
        with inside("div", "told"):
            Tag("p", video["prompt"] or "")
            Tag("span", f"{video['seconds']} s · {video['size']}", "small quiet")
        with inside("div", "row"):
            star = "★" if video["favourite"] else "☆"
            Button(
                star,
                favour,
                "plain",
                aria_label=t("Favourite"),
                aria_pressed="true" if video["favourite"] else "false",
            )
            if finished:
                link(t("Download"), content(video), "button plain", download=f"{video['id']}.mp4")
            Button(t("Delete"), delete, "plain danger")
    return made


async def _live(
    visitor: Visitor, video: Video, line: Tag, changed: Callable[[], Awaitable[None]]
) -> None:
    """Tell on a card how far its video is, until it has ended."""
    async for sight in visitor.api.watch(video["id"]):
        if line.is_deleted:
            return
        if sight is None or sight.ended:
            await changed()
            return
        line.text = line_of(visitor.tongue, sight.video.model_dump())
