"""One suite for all engines, databases and storages: what becomes of videos, and of trouble."""

import hashlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
from moto.server import ThreadedMotoServer
from sqlalchemy import select

from pleinair.media.codec import read_video
from pleinair.request import VideoRequest
from pleinair.service.db import Database
from pleinair.service.engine import Engine, LocalEngine
from pleinair.service.ray_engine import Cluster, RayEngine
from pleinair.service.storage import Storage
from pleinair.service.tables import COMPLETED, FAILED, QUEUED, RUNNING, Artifact, Usage, Video
from pleinair.service.tables import Worker as Row
from pleinair.service.videos import Draft, Videos
from pleinair.settings import ServiceSettings, Settings
from tests.postgres import fresh_database

COMBINATIONS = (
    ("local", "sqlite", "folder"),
    ("local", "postgres", "s3"),
    ("ray", "postgres", "folder"),
    ("ray", "sqlite", "s3"),
)
WORKERS = 2
T = TypeVar("T")
pytestmark = pytest.mark.xdist_group("engines")


@dataclass
class House:
    """A service with an engine and no web server."""

    name: str
    settings: ServiceSettings
    database: Database
    storage: Storage
    engine: Engine

    @classmethod
    def build(cls, name: str, settings: ServiceSettings) -> "House":
        """The house of these settings; its engine is not started."""
        database = Database(settings.database_url)
        database.migrate()
        storage = Storage(settings.storage_url, b"secret of this test")
        return cls(name, settings, database, storage, cls._engine(name, settings))

    @staticmethod
    def _engine(name: str, settings: ServiceSettings) -> Engine:
        if name == "local":
            return LocalEngine(WORKERS, Settings(), settings)
        return RayEngine(WORKERS, Settings(), settings, Cluster(cpus=0.5))

    def restart(self) -> None:
        """A new engine after the last was stopped."""
        self.engine = self._engine(self.name, self.settings)
        self.engine.start()

    def ask(self, prompt: str, *, steps: int = 4, variations: int = 1) -> str:
        """Queue a small video and return its id."""
        request = VideoRequest(
            prompt,
            model="test-card",
            seconds=0.5,
            width=64,
            height=48,
            fps=12,
            seed=1,
            steps=steps,
            variations=variations,
        )
        videos = Videos(self.database, self.settings)
        return videos.create("ann", Draft("create", "test-card", request, 0.5)).video.id

    def video(self, video_id: str) -> Video:
        with self.database.read() as session:
            return session.get_one(Video, video_id)

    def artifacts(self, video_id: str) -> list[Artifact]:
        with self.database.read() as session:
            found = select(Artifact).where(Artifact.video_id == video_id)
            return list(session.scalars(found))

    def workers(self) -> list[Row]:
        with self.database.read() as session:
            return list(session.scalars(select(Row)))

    def wait(self, video_id: str, fits: Callable[[Video], bool]) -> Video:
        """The video, as soon as it fits."""
        return until(lambda: self.video(video_id), fits)

    def finish(self, video_id: str) -> Video:
        return self.wait(video_id, lambda video: video.state not in (QUEUED, RUNNING))


def until(look: Callable[[], T], fits: Callable[[T], bool]) -> T:
    """What is seen, as soon as it fits."""
    end = time.monotonic() + 120
    while not fits(seen := look()):
        assert time.monotonic() < end, f"it never came: {seen}"
        time.sleep(0.05)
    return seen


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """A bucket of moto's server, which the environment leads to."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_REGION", "us-east-1")
        httpx.put(f"http://{host}:{port}/videos").raise_for_status()
        yield "s3://videos/of-tests"
    server.stop()


@pytest.fixture(scope="module", params=COMBINATIONS, ids="-".join)
def house(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    engine, database, storage = request.param
    with ExitStack() as stack:
        url = ""
        if database == "postgres":
            url = stack.enter_context(fresh_database(request.getfixturevalue("postgres")))
        settings = ServiceSettings(
            home=tmp_path_factory.mktemp("home"),
            database=url,
            storage=request.getfixturevalue("bucket") if storage == "s3" else "",
            models=("test-card",),
            rate=0,
            lease=600.0,  # so that nothing but the engine frees what a dead worker held
            grace=0.5,
        )
        house = House.build(engine, settings)
        house.engine.start()
        yield house
        house.engine.stop()
        house.database.close()


def test_a_video_is_made_with_all_its_files(house: House, tmp_path: Path) -> None:
    video = house.finish(house.ask("a lake", variations=2))
    assert (video.state, video.progress, video.tries) == (COMPLETED, 100, 1)
    assert video.made is not None
    assert video.made["digest"] == video.digest
    assert video.peak is not None
    assert video.peak > 10_000_000
    files = house.artifacts(video.id)
    assert {(file.variant, file.number) for file in files} == {
        (variant, number) for variant in ("video", "thumbnail", "spritesheet") for number in (0, 1)
    }
    for file in files:
        data = house.storage.get(file.key)
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file.size, file.sha256)
        if file.variant == "video":
            (tmp_path / "clip.mp4").write_bytes(data)
            assert read_video(tmp_path / "clip.mp4").frames.shape == (6, 48, 64, 3)
    with house.database.read() as session:
        used = session.scalars(select(Usage).where(Usage.video_id == video.id)).all()
    assert [usage.amount for usage in used] == [1.0]


def test_cancelling_frees_the_worker_at_its_next_step(house: House) -> None:
    video_id = house.ask("slow 500", steps=200)  # which would take minutes
    house.wait(video_id, lambda video: video.stage == "draw")
    Videos(house.database, house.settings).cancel("ann", video_id)
    until(house.workers, lambda rows: all(row.video_id != video_id for row in rows))
    assert house.video(video_id).state == "cancelled"
    assert house.artifacts(video_id) == []
    assert list(house.storage.list(f"videos/{video_id}")) == []


@pytest.mark.parametrize(
    ("prompt", "code", "said"),
    [
        ("please fail", "model_error", "the prompt said fail"),
        ("no memory", "out_of_memory", "64x48, 6 frames"),
    ],
)
def test_a_video_that_cannot_be_made_says_why_and_the_next_one_is_made(
    house: House, prompt: str, code: str, said: str
) -> None:
    before = {row.pid for row in house.workers()}
    failed = house.finish(house.ask(prompt))
    assert (failed.state, failed.error_code, failed.tries) == (FAILED, code, 1)
    assert said in str(failed.error_message)
    assert house.finish(house.ask("a lake")).state == COMPLETED
    assert before <= {row.pid for row in house.workers()}  # no worker died of it


def test_what_a_killed_worker_was_making_is_finished_by_another(house: House) -> None:
    video_id = house.ask("slow 100", steps=30)
    begun = house.wait(video_id, lambda video: video.stage == "draw")
    killed = next(row.pid for row in house.workers() if row.id == begun.worker)
    os.kill(killed, signal.SIGKILL)
    video = house.finish(video_id)
    assert (video.state, video.attempt, video.tries) == (COMPLETED, 2, 2)
    assert {file.key.split("/")[2] for file in house.artifacts(video_id)} == {"2"}
    until(house.workers, lambda rows: len({row.pid for row in rows} - {killed}) == WORKERS)


def test_a_video_that_kills_its_workers_ends_after_three(house: House) -> None:
    video = house.finish(house.ask("a crash"))
    assert (video.state, video.error_code, video.tries) == (FAILED, "worker_lost", 3)
    assert "3 times" in str(video.error_message)
    assert house.finish(house.ask("a lake")).state == COMPLETED


def test_a_stop_gives_videos_back_as_if_never_begun(house: House) -> None:
    video_id = house.ask("slow 500", steps=8)
    house.wait(video_id, lambda video: video.stage == "draw")
    house.engine.stop()
    given_back = house.video(video_id)
    assert (given_back.state, given_back.tries) == (QUEUED, 0)
    assert house.workers() == []
    house.restart()
    assert house.finish(video_id).tries == 1
    assert house.engine.alive() > 0
