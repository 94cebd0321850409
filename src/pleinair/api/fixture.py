"""Fixture mode, for tests of clients; off unless asked for, and every response says so.

Some things are there under fixed ids, whatever was deleted: ``video_123``, ``char_123``,
``file_id``, ``whe_123`` and ``batch_id``. Lists begin anew after an unknown cursor, uploads need
not be media, webhooks go nowhere, and no key is asked for. The OpenAI SDK's own tests of its
resources run against it; they are about forms, and say nothing of videos.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import structlog
from sqlalchemy import ColumnElement

from pleinair.access.actor import LOCAL
from pleinair.access.admission import Admission
from pleinair.api.services import Services
from pleinair.errors import InputError, NotFoundError
from pleinair.request import VideoRequest
from pleinair.service.batches import Batches
from pleinair.service.db import Database
from pleinair.service.endpoints import Endpoints
from pleinair.service.files import Files
from pleinair.service.materials import Materials
from pleinair.service.outbox import EVENT_TYPES
from pleinair.service.page import Page
from pleinair.service.tables import (
    CANCELLED,
    COMPLETED,
    Artifact,
    Base,
    Batch,
    Character,
    Endpoint,
    File,
    Material,
    Video,
)
from pleinair.service.videos import Videos

MARKS = {"x-pleinair-fixture": "true"}
DATA = b"Example data"
DIGEST = hashlib.sha256(DATA).hexdigest()
KEY = "fixture"
NOWHERE = "https://example.com/"
MODEL = "test-card"
ALIASES = {"sora-2": MODEL, "sora-2-pro": MODEL}
BEGUN = 1_750_000_000.0
IDS = ("video_123", "char_123", "file_id", "whe_123", "batch_id")
log = structlog.get_logger()


def pretend(use: Services) -> Services:
    """The same services in fixture mode, with what is always there; brings the tables up to date.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    log.warning("fixture mode: answers are made up, for tests of clients only")
    use.database.migrate()
    use.storage.put(KEY, DATA)
    _seed(use.database)
    settings = replace(use.settings, keys={}, models=(MODEL,), aliases=ALIASES)
    return replace(
        use,
        settings=settings,
        videos=_Videos(use.database, settings),
        materials=_Materials(use.database, use.storage),
        files=_Files(use.database, use.storage),
        batches=_Batches(use.database, use.files, use.videos, use.batches.feeder.wire),
        endpoints=_Endpoints(use.database, b"fixture", use.guard),
        admission=Admission(use.database, settings),
    )


def _seed(database: Database) -> None:
    request = VideoRequest("x", model=MODEL, seconds=4, width=720, height=1280, seed=1)
    common = {"owner": LOCAL, "created_at": BEGUN}
    video = Video(
        id="video_123",
        kind="create",
        state=COMPLETED,
        model="sora-2",
        backend=MODEL,
        prompt=request.prompt,
        size="720x1280",
        seconds="4",
        request=request.as_dict(),
        digest=request.digest,
        cost=4.0,
        progress=100,
        stage="done",
        started_at=BEGUN,
        completed_at=BEGUN,
        **common,
    )
    kinds = {"video": "video/mp4", "thumbnail": "image/webp", "spritesheet": "image/jpeg"}
    rows: list[Base] = [
        video,
        *(_artifact(video.id, variant, kind) for variant, kind in kinds.items()),
        Character(id="char_123", name="x", sha256=DIGEST, **common),
        File(
            id="file_id",
            purpose="user_data",
            filename="x",
            size=len(DATA),
            sha256=DIGEST,
            key=KEY,
            **common,
        ),
        Endpoint(
            id="whe_123",
            name="x",
            url=NOWHERE,
            event_types=list(EVENT_TYPES),
            updated_at=BEGUN,
            **common,
        ),
        Batch(
            id="batch_id",
            endpoint="/v1/videos",
            completion_window="24h",
            input_file_id="file_id",
            state=CANCELLED,
            expires_at=BEGUN + 86_400,
            cancelled_at=BEGUN,
            **common,
        ),
    ]
    with database.write() as session:
        for row in rows:
            session.merge(row)
            session.flush()


def _artifact(video_id: str, variant: str, kind: str) -> Artifact:
    return Artifact(
        video_id=video_id,
        variant=variant,
        number=0,
        key=KEY,
        content_type=kind,
        size=len(DATA),
        sha256=DIGEST,
    )


class _Videos(Videos):
    def list(
        self,
        owner: str,
        after: str | None,
        limit: int,
        order: str,
        *where: ColumnElement[bool],
    ) -> Page[Video]:
        try:
            return super().list(owner, after, limit, order, *where)
        except InputError:
            return super().list(owner, None, limit, order, *where)

    def delete(self, owner: str, video_id: str) -> None:
        if video_id not in IDS:
            super().delete(owner, video_id)


class _Materials(Materials):
    def take(self, data: bytes | Path, *, kind: str | None, field: str) -> Material:
        return Material(
            sha256=DIGEST, kind=kind or "video", width=1280, height=720, frames=96, fps=24.0
        )

    def adopt(self, artifact: Artifact) -> Material:
        return self.take(DATA, kind="video", field="video")


class _Files(Files):
    def list(
        self,
        owner: str,
        after: str | None = None,
        limit: int = 10_000,
        order: str = "desc",
        purpose: str | None = None,
    ) -> Page[File]:
        try:
            return super().list(owner, after, limit, order, purpose)
        except InputError:
            return super().list(owner, None, limit, order)

    def delete(self, owner: str, id: str) -> None:
        if id not in IDS:
            super().delete(owner, id)


class _Batches(Batches):
    def list(self, owner: str, after: str | None = None, limit: int = 20) -> Page[Batch]:
        try:
            return super().list(owner, after, limit)
        except InputError:
            return super().list(owner, None, limit)


class _Endpoints(Endpoints):
    def create(
        self, owner: str, name: str, url: str, event_types: Sequence[str]
    ) -> tuple[Endpoint, str]:
        return super().create(owner, name, NOWHERE, EVENT_TYPES)

    def update(
        self,
        owner: str,
        endpoint_id: str,
        *,
        name: str | None = None,
        url: str | None = None,
        event_types: Sequence[str] | None = None,
    ) -> Endpoint:
        return super().update(owner, endpoint_id, name=name)

    def delete(self, owner: str, endpoint_id: str) -> None:
        with suppress(NotFoundError):
            if endpoint_id not in IDS:
                super().delete(owner, endpoint_id)

    def test(self, owner: str, endpoint_id: str, event_type: str) -> int:
        self.get(owner, endpoint_id)
        return 200
