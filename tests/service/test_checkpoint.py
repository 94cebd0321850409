"""A worker that is killed while it draws a video, and the next one, which goes on where it was."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from pleinair.media.codec import Video as Clip
from pleinair.media.codec import read_video
from pleinair.media.segments import LENGTH
from pleinair.request import VideoRequest
from pleinair.service.checkpoint import Checkpoint, prefix_of
from pleinair.service.db import Database
from pleinair.service.engine import LocalEngine
from pleinair.service.queue import Claim
from pleinair.service.storage import Storage
from pleinair.service.tables import CANCELLED, COMPLETED, Artifact, Video
from pleinair.service.tables import Worker as Row
from pleinair.service.videos import Draft, Videos
from pleinair.service.worker import Worker
from pleinair.settings import ServiceSettings, Settings
from tests.ready import lay

COUNT = 3 * LENGTH + 10
pytestmark = pytest.mark.xdist_group("engines")


@pytest.fixture
def database(settings: ServiceSettings) -> Iterator[Database]:
    lay(settings.database_url)
    database = Database(settings.database_url)
    yield database
    database.close()


def _ask(database: Database, settings: ServiceSettings, prompt: str) -> str:
    request = VideoRequest(
        prompt, model="test-card", seconds=COUNT / 24, width=64, height=48, seed=1
    )
    videos = Videos(database, settings)
    return videos.create("ann", Draft("create", "test-card", request, 1.0)).video.id


def _wait(database: Database, fits: Callable[[Video], bool], video_id: str) -> Video:
    end = time.monotonic() + 120
    while True:
        with database.read() as session:
            video = session.get_one(Video, video_id)
        if fits(video):
            return video
        assert time.monotonic() < end, (video.state, video.stage, video.progress)
        time.sleep(0.02)


def _film(database: Database, storage: Storage, video_id: str, folder: Path) -> Clip:
    with database.read() as session:
        mine = (Artifact.video_id == video_id, Artifact.variant == "video")
        key = session.scalars(select(Artifact.key).where(*mine)).one()
    storage.download(key, folder / f"{video_id}.mp4")
    return read_video(folder / f"{video_id}.mp4")


def test_a_video_whose_worker_is_killed_twice_is_the_same_and_drawn_but_once(
    database: Database, settings: ServiceSettings, tmp_path: Path
) -> None:
    storage = Storage(settings.storage_url, b"secret of this test")
    engine = LocalEngine(1, Settings(watermark="off", provenance="off"), settings)
    engine.start()
    try:
        whole = _ask(database, settings, "drawn slow 15")
        _wait(database, lambda video: video.state == COMPLETED, whole)
        video_id = _ask(database, settings, "drawn slow 15")
        kept: list[int] = []
        segments = prefix_of(video_id)
        for tries in (1, 2):
            _wait(database, lambda video: video.tries == len(kept) + 1, video_id)
            end = time.monotonic() + 120
            while len(list(storage.list(segments))) < 2 * tries:
                assert time.monotonic() < end
                time.sleep(0.02)
            with database.read() as session:
                pid = session.scalars(select(Row.pid).where(Row.video_id == video_id)).one()
            os.kill(pid, signal.SIGKILL)
            kept.append(len([key for key in storage.list(segments) if key.endswith(".mp4")]))
        video = _wait(database, lambda video: video.state == COMPLETED, video_id)
    finally:
        engine.stop()
    assert video.tries == 3
    assert kept[1] > kept[0] >= 1
    assert list(storage.list(prefix_of(video_id))) == []
    first, second = (_film(database, storage, name, tmp_path) for name in (whole, video_id))
    assert len(first.frames) == COUNT
    assert np.array_equal(first.frames, second.frames)


def test_a_video_cancelled_while_it_is_drawn_ends_between_two_frames(
    database: Database, settings: ServiceSettings, storage: Storage
) -> None:
    video_id = _ask(database, settings, "drawn slow 20")
    worker = Worker(Settings(), settings, database=database, storage=storage)
    thread = threading.Thread(target=worker.run_one)
    thread.start()
    _wait(database, lambda video: video.stage == "draw" and video.progress > 0, video_id)
    Videos(database, settings).cancel("ann", video_id)
    thread.join(timeout=60)
    assert not thread.is_alive()
    with database.read() as session:
        assert session.get_one(Video, video_id).state == CANCELLED
        assert session.scalars(select(Artifact)).all() == []
    assert [key for key in storage.list(f"videos/{video_id}") if "/segments/" not in key] == []


def test_what_is_kept_is_fetched_whole_or_not_at_all(storage: Storage, tmp_path: Path) -> None:
    request = VideoRequest("x", model="test-card", seed=1)
    claim = Claim("video_1", 1, "ann", request)
    first = Checkpoint(storage, claim, 0, tmp_path / "first")
    first.fetch()
    for name in ("0000.npz", "0000.mp4", "0001.npz", "0001.mp4"):
        (tmp_path / "first" / name).write_bytes(name.encode())
    first.keep()
    storage.delete(f"{first.prefix}/0001.npz")  # it was cut off
    second = Checkpoint(storage, claim, 0, tmp_path / "second")
    second.fetch()
    found = {path.name: path.read_bytes() for path in (tmp_path / "second").iterdir()}
    assert found == {"0000.npz": b"0000.npz", "0000.mp4": b"0000.mp4"}
    for other in (
        Checkpoint(storage, claim, 1, tmp_path / "other"),
        Checkpoint(storage, Claim("video_2", 1, "ann", request), 0, tmp_path / "other"),
    ):
        other.fetch()
        assert list((tmp_path / "other").iterdir()) == []
