"""The local engine: its processes come, are replaced, and go; the suite is in test_engines."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from sqlalchemy import update

from pleinair.errors import InputError
from pleinair.request import VideoRequest
from pleinair.service import engine as engines
from pleinair.service.db import Database
from pleinair.service.engine import LocalEngine, share
from pleinair.service.ray_engine import Cluster, RayEngine
from pleinair.service.tables import ACTIVE, COMPLETED, Video
from pleinair.service.videos import Draft, Videos
from pleinair.settings import ServiceSettings, Settings

# A whole server in short: it starts an engine, says who works for it, and waits to be killed.
PARENT = """
import sys, time
from pathlib import Path
from pleinair.service.db import Database
from pleinair.service.engine import LocalEngine
from pleinair.settings import ServiceSettings, Settings
service = ServiceSettings(home=Path(sys.argv[1]), models=("test-card",), grace=0.2)
Database(service.database_url).migrate()
engine = LocalEngine(1, Settings(), service)
engine.start()
print(engine._slots[0].process.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServiceSettings:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    service = ServiceSettings(home=tmp_path / "home", models=("test-card",), grace=0.2)
    database = Database(service.database_url)
    database.migrate()
    database.close()
    return service


@pytest.fixture
def engine(service: ServiceSettings) -> Iterator[LocalEngine]:
    engine = LocalEngine(1, Settings(), service)
    engine.start()
    yield engine
    engine.stop()


def test_it_keeps_its_workers_alive(engine: LocalEngine) -> None:
    assert engine.alive() == 1
    (slot,) = engine._slots
    assert slot.process is not None
    first = slot.process.pid
    os.kill(first, signal.SIGKILL)
    _until(lambda: slot.process is not None and slot.process.pid != first)
    assert engine.alive() == 1


def test_workers_share_the_processors_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert share(Settings(), 4).threads == 2
    assert share(Settings(), 16).threads == 1
    assert share(Settings(), 1).threads is None
    assert share(Settings(threads=3), 4).threads == 3


def test_after_a_stop_nothing_is_left(engine: LocalEngine, tmp_path: Path) -> None:
    (slot,) = engine._slots
    assert slot.process is not None
    process = psutil.Process(slot.process.pid)
    assert list(tmp_path.glob("pleinair-worker-*"))
    engine.stop()
    assert engine.alive() == 0
    assert not process.is_running()
    assert list(tmp_path.glob("pleinair-worker-*")) == []


def test_one_that_dies_at_once_is_started_at_longer_and_longer_intervals(
    service: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    engine = LocalEngine(1, Settings(), service)
    pauses = []
    engine.start()
    for _ in range(3):
        before = engine._slots[0].pause
        _until(lambda before=before: engine._slots[0].pause > before)  # type: ignore[misc]
        pauses.append(engine._slots[0].pause)
    engine.stop()
    assert pauses == sorted(pauses)


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = psutil.Process(int(parent.stdout.readline()))
    assert worker.is_running()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    worker.wait(60)


def test_a_video_beyond_the_workers_own_limit_ends_with_the_reason_and_the_next_is_made(
    service: ServiceSettings,
) -> None:
    service = replace(service, memory_gb=0.5)
    database = Database(service.database_url)
    videos = Videos(database, service)
    big = VideoRequest("a lake", model="test-card", seconds=8.0, width=1280, height=720, seed=1)
    small = replace(big, seconds=0.5, width=64, height=48)
    ids = [
        videos.create("ann", Draft("create", "test-card", request, request.seconds)).video.id
        for request in (big, small)
    ]
    with database.write() as session:
        session.execute(update(Video).values(memory=0))  # as if they had been underrated
    engine = LocalEngine(1, Settings(), service)
    engine.start()

    def ended() -> list[Video]:
        with database.read() as session:
            rows = [session.get_one(Video, video_id) for video_id in ids]
        return [row for row in rows if row.state not in ACTIVE]

    _until(lambda: len(ended()) == 2)
    engine.stop()
    failed, made = ended()
    database.close()
    assert (failed.error_code, failed.tries) == ("out_of_memory", 1)
    assert "1280x720" in str(failed.error_message)
    assert "0.5 GB" in str(failed.error_message)
    assert made.state == COMPLETED


def test_the_plan_shows_in_no_list_of_processes(
    service: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = ServiceSettings(home=service.home, models=("test-card",), secret="not for the eye")
    engine = LocalEngine(1, Settings(), hidden)
    engine.start()
    (slot,) = engine._slots
    assert slot.process is not None
    process = psutil.Process(slot.process.pid)
    shown = [*process.cmdline(), *process.environ().values()]
    engine.stop()
    assert not any("not for the eye" in text for text in shown)


def test_ray_that_is_not_installed_is_one_sentence(
    service: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"engine.*pip install 'pleinair\[ray\]'"):
        RayEngine(1, Settings(), service)


def test_a_worker_takes_no_less_than_nothing_of_a_machine() -> None:
    with pytest.raises(InputError, match="worker_gpus"):
        Cluster(gpus=-1)


def test_a_worker_of_several_ranks_asks_for_a_gpu_for_each_where_there_are_any() -> None:
    assert Cluster().gpus_of(4, there=8.0) == 4
    assert Cluster(gpus=6).gpus_of(4, there=8.0) == 6
    assert Cluster().gpus_of(4, there=0.0) == 0
    assert Cluster(gpus=0.5).gpus_of(1, there=8.0) == 0.5


def _until(fits: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not fits():
        assert time.monotonic() < end
        time.sleep(0.02)
