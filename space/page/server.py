"""The server of the Videos API, through the official SDK."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openai import APIError, HttpxBinaryResponseContent, OpenAI

from page.settings import Settings
from page.troubles import Trouble, trouble_of

SIDES = {"360p": (640, 360), "480p": (854, 480), "720p": (1280, 720), "1080p": (1920, 1080)}
SHAPES = ("landscape", "portrait", "square")
LENGTHS = (5, 10)
NOWHERE = "video_0"
"""The id of no video."""
_POLL = (0.5, 5.0)  # seconds between two looks
_DOWNLOAD = 300.0  # seconds that one may take
_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True)
class Clip:
    """A video as the server tells of it; what it does not tell is None or empty.

    Attributes:
        status: ``queued``, ``in_progress``, ``completed`` or ``failed``.
        progress: percent.
        place: in the queue; 1 is next.
        left: estimated seconds until it is done.
        stage: what is being done.
        revised: the prompt as the server rewrote it.
        unknown: words that the model does not know, each with one like it or None.
        failure: why it failed.
        again: seconds after which to look again.
    """

    id: str
    status: str
    prompt: str = ""
    progress: int = 0
    place: int | None = None
    left: float | None = None
    stage: str = ""
    revised: str = ""
    unknown: tuple[tuple[str, str | None], ...] = ()
    failure: str = ""
    again: float = 1.0


def size_of(resolution: str, shape: str) -> str:
    """``WIDTHxHEIGHT``, such as ``720x1280``; a square has the shorter side twice."""
    width, height = SIDES[resolution]
    if shape == "portrait":
        width, height = height, width
    if shape == "square":
        width = height
    return f"{width}x{height}"


class Server:
    """The server, with the page's key; every method raises Trouble when it refuses.

    Args:
        settings: where it is and the key.
        client: the SDK, ready made for tests.
    """

    def __init__(self, settings: Settings, client: OpenAI | None = None) -> None:
        self._key = settings.key
        self._model = settings.model
        # Not tried again by itself: a visitor who is told to wait waits better.
        self._sdk = client or OpenAI(
            base_url=settings.base_url, api_key=settings.key, max_retries=0, timeout=30
        )
        root = settings.base_url.removesuffix("/v1")
        # What is public needs no key, so none is sent.
        self._public = self._sdk.with_options(base_url=root, api_key="none")

    def probe(self) -> None:
        """Raise Trouble if the server would not take a create now; nothing is made.

        Looking goes on while access is off, so it takes something that would change things: a
        remix of a video that is not there. Who lets the page in does not find the video, or does
        not know remixes at all.
        """
        try:
            with self._troubles():
                self._sdk.videos.remix(NOWHERE, prompt="is access on?")
        except Trouble as trouble:
            if trouble.kind in ("off", "key", "unreachable"):
                raise

    def create(self, prompt: str, size: str, seconds: int) -> Clip:
        """Ask for a video."""
        wanted: dict[str, Any] = {"prompt": prompt, "size": size, "seconds": str(seconds)}
        if self._model:
            wanted["model"] = self._model
        try:
            with self._troubles():
                return _clip(self._sdk.videos.with_raw_response.create(**wanted))
        except Trouble as trouble:
            if trouble.kind == "gone":  # the address itself
                raise Trouble("server") from None
            raise

    def look(self, video_id: str) -> Clip:
        """How far a video is."""
        with self._troubles():
            return _clip(self._sdk.videos.with_raw_response.retrieve(video_id))

    def cancel(self, video_id: str) -> None:
        """End a video that nobody waits for any more, on servers that can do that."""
        try:
            with self._troubles():
                self._sdk.post(f"/videos/{video_id}/cancel", cast_to=object)
        except Trouble:
            pass  # it is made in vain, that is all

    def page(self, after: str | None, limit: int) -> tuple[list[Clip], str | None]:
        """Videos of the key, the newest first, and where the next page begins."""
        place: dict[str, Any] = {"after": after} if after else {}
        with self._troubles():
            found = self._sdk.videos.list(limit=limit, order="desc", **place)
        clips = [_told(video.to_dict()) for video in found.data]
        more = len(clips) == limit if found.has_more is None else found.has_more
        return clips, clips[-1].id if clips and more else None

    def feed(self, after: str | None, limit: int) -> tuple[list[dict[str, Any]], str | None]:
        """What the server shares with everybody, the newest first, and where the next page begins.

        A server without such a feed shares nothing.
        """
        query = {"limit": limit} | ({"after": after} if after else {})
        try:
            with self._troubles():
                found: Any = self._public.get(
                    "/shared/feed.json", cast_to=object, options={"params": query}
                )
        except Trouble as trouble:
            if trouble.kind == "unreachable":
                raise
            return [], None
        if not isinstance(found, dict) or not isinstance(found.get("items"), list):
            return [], None
        following = re.search(r"[?&]after=([^&]+)", str(found.get("next_url") or ""))
        items = [item for item in found["items"] if _IDENTIFIER.fullmatch(str(item.get("id")))]
        return items, following[1] if following else None

    def save(self, video_id: str, variant: str, path: Path) -> None:
        """Write a file of a video: ``video`` or ``thumbnail``."""
        wanted: Any = variant
        with self._troubles():
            found = self._sdk.videos.download_content(video_id, variant=wanted, timeout=_DOWNLOAD)
        path.write_bytes(found.content)

    def save_shared(self, share_id: str, name: str, path: Path) -> None:
        """Write a file of what is shared: ``video.mp4`` or ``thumbnail.webp``."""
        with self._troubles():
            found = self._public.get(
                f"/shared/{share_id}/{name}",
                cast_to=HttpxBinaryResponseContent,
                options={"timeout": _DOWNLOAD},
            )
        path.write_bytes(found.content)

    @contextmanager
    def _troubles(self) -> Iterator[None]:
        try:
            yield
        except APIError as error:
            raise trouble_of(error, self._key) from None


def _clip(response: Any) -> Clip:  # noqa: ANN401  # what the SDK calls a raw response
    least, most = _POLL
    told = response.headers.get("openai-poll-after-ms", "")
    again = int(told) / 1000 if told.isdecimal() else 1.0
    return _told(response.parse().to_dict(), min(most, max(least, again)))


def _told(video: dict[str, Any], again: float = 1.0) -> Clip:
    error = video.get("error") or {}
    words = video.get("unknown_words") or {}
    unknown = words.items() if isinstance(words, dict) else ((word, None) for word in words)
    return Clip(
        id=str(video["id"]),
        status=str(video["status"]),
        prompt=str(video.get("prompt") or ""),
        progress=max(0, min(100, int(video.get("progress") or 0))),
        place=video.get("queue_position"),
        left=video.get("eta_seconds"),
        stage=str(video.get("stage") or ""),
        revised=str(video.get("revised_prompt") or ""),
        unknown=tuple((str(word), like and str(like)) for word, like in unknown),
        failure=str(error.get("message") or ""),
        again=again,
    )
