"""Databases that every test of the service runs on, and short ways to put things into them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pleinair.request import VideoRequest
from pleinair.service.db import Database
from pleinair.service.queue import Claim, Made, Queue
from pleinair.service.storage import Storage
from pleinair.service.tables import Artifact, Video
from pleinair.service.videos import Call, Draft, Videos
from pleinair.settings import ServiceSettings
from tests.ready import lay

SMALL = VideoRequest("a lake", model="test-card", seconds=1.0, width=64, height=48, seed=1)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of each kind, of this version."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'test.db'}"
    else:
        url = request.getfixturevalue("postgres_url")
    lay(url)
    database = Database(ServiceSettings(database=url).database_url)
    yield database
    database.close()


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(str(tmp_path / "media"), b"secret of this test")


@pytest.fixture
def settings(tmp_path: Path) -> ServiceSettings:
    return ServiceSettings(home=tmp_path, models=("test-card",), rate=0)


@pytest.fixture
def videos(database: Database, settings: ServiceSettings) -> Videos:
    return Videos(database, settings)


@pytest.fixture
def queue(database: Database) -> Queue:
    return Queue(database)


@pytest.fixture
def ask(videos: Videos) -> Callable[..., Video]:
    """Queues a small video: ``ask("ann", seconds=2.0)``."""

    def create(
        owner: str = "ann",
        *,
        lane: int = 0,
        seconds: float = 1.0,
        call: Call | None = None,
        kind: str = "create",
        remixed_from: str | None = None,
    ) -> Video:
        request = VideoRequest(
            "a lake", model="test-card", seconds=seconds, width=64, height=48, seed=1
        )
        draft = Draft(kind, "test-card", request, seconds, lane=lane, remixed_from=remixed_from)
        return videos.create(owner, draft, call).video

    return create


def made(claim: Claim) -> Made:
    """What a worker would hand over for a claim, were there files."""
    key = f"{claim.prefix}/0/video.mp4"
    file = Artifact(
        video_id=claim.id,
        variant="video",
        number=0,
        key=key,
        content_type="video/mp4",
        size=4,
        sha256="0" * 64,
    )
    return Made([file], {"unknown": {}}, peak=1)
