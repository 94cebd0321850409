"""Progress as server-sent events: one look at the database for everybody who watches."""

import asyncio
import base64
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

from fastapi.responses import StreamingResponse
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from pleinair.api.shapes import VideoObject, video_object
from pleinair.errors import UnavailableError, WithheldError
from pleinair.service.db import Database
from pleinair.service.gate import Gate
from pleinair.service.standing import Standings
from pleinair.service.tables import ACTIVE, Preview, Video

EVERY = 0.25  # seconds between looks
SILENCE = 15.0  # seconds after which a comment keeps the connection alive


@dataclass(frozen=True)
class Sight:
    """What is seen of a video at one moment: itself, and the newest picture with its number."""

    video: VideoObject
    owner: str
    ended: bool
    picture: bytes | None = None
    number: tuple[int, int] = (0, 0)

    @property
    def image_url(self) -> str:
        """The picture as an address that holds it; empty if there is none."""
        if self.picture is None:
            return ""
        return f"data:image/jpeg;base64,{base64.b64encode(self.picture).decode()}"


class Watchers:
    """Those who watch videos; while there are any, a task looks at all of theirs at once.

    Args:
        database: of the videos.
        standings: tell where they stand.
        gate: says whose pictures are withheld.
    """

    def __init__(self, database: Database, standings: Standings, gate: Gate) -> None:
        self.database = database
        self.standings = standings
        self.gate = gate
        self._watched: Counter[str] = Counter()
        self._seen: dict[str, Sight | None] = {}
        self._news = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def watch(self, video_id: str) -> AsyncIterator[Sight | None]:
        """Sights of a video as they change, None when it is gone, until it has ended.

        A sight comes again after `SILENCE` even when nothing changed.
        """
        self._watched[video_id] += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look())
        try:
            last: Sight | None = None
            while not self._closed:
                await self._changed(video_id, last)
                if video_id not in self._seen:
                    continue
                last = self._seen[video_id]
                yield last
                if last is None or last.ended:
                    return
        finally:
            self._watched[video_id] -= 1
            if not self._watched[video_id]:
                del self._watched[video_id]
                self._seen.pop(video_id, None)

    async def _changed(self, video_id: str, last: Sight | None) -> None:
        """Wait until a video looks other than it did, or for `SILENCE`."""

        def changed() -> bool:
            news = video_id in self._seen and self._seen[video_id] != last
            return self._closed or news

        with suppress(TimeoutError):
            async with asyncio.timeout(SILENCE), self._news:
                await self._news.wait_for(changed)

    async def close(self) -> None:
        """End all streams: the server stops."""
        self._closed = True
        async with self._news:
            self._news.notify_all()
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _look(self) -> None:
        while self._watched:
            with suppress(UnavailableError):  # it may be there again at the next look
                seen = await run_in_threadpool(self._sights, list(self._watched))
                self._seen = {key: seen.get(key) for key in self._watched}
                async with self._news:
                    self._news.notify_all()
            await asyncio.sleep(EVERY)

    def _sights(self, ids: list[str]) -> dict[str, Sight]:
        """What is there of these videos now; those that are gone are left out."""
        seen = {}
        with self.database.read() as session:
            there = select(Video, Preview).outerjoin(Preview, Preview.video_id == Video.id)
            rows = session.execute(there.where(Video.id.in_(ids), Video.deleted_at.is_(None)))
            found: list[tuple[Video, Preview | None]] = [(video, shot) for video, shot in rows]
            visible = {
                video.id
                for video, preview in found
                if preview is not None and self._may_show(session, video)
            }
        for video, preview in found:
            shown = video_object(video, self.standings.of(video))
            sight = Sight(shown, video.owner, video.state not in ACTIVE)
            if preview is not None and video.id in visible and not sight.ended:
                number = (preview.attempt, preview.number)
                sight = Sight(shown, video.owner, False, preview.picture, number)
            seen[video.id] = sight
        return seen

    def _may_show(self, session: Session, video: Video) -> bool:
        """Whether the owner may see how far it is: what is withheld at its end is so before."""
        try:
            self.gate.leave(session, video)
        except WithheldError:
            return False
        return True


def stream(watchers: Watchers, owner: str, video_id: str) -> StreamingResponse:
    """The response that tells of a video until it has ended."""
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    events = _events(watchers, owner, video_id)
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


async def _events(watchers: Watchers, owner: str, video_id: str) -> AsyncIterator[str]:
    shown, video = (0, 0), None
    async for sight in watchers.watch(video_id):
        if sight is None or sight.owner != owner:
            yield _event("gone", {"id": video_id})
            return
        if sight.picture is not None and sight.number != shown:
            shown = sight.number
            yield _event("preview", {"image_url": sight.image_url})
        if sight.video == video:
            yield ": still there\n\n"
            continue
        video = sight.video
        yield _event(f"video.{video.status}", video.model_dump())


def _event(kind: str, data: object) -> str:
    return f"event: {kind}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"
