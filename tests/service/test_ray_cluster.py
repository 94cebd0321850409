"""A Ray cluster of two machines, played by two raylets here, of which one dies."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import ColumnElement, func, select

from pleinair.request import VideoRequest
from pleinair.service.db import Database
from pleinair.service.ray_engine import Cluster, RayEngine
from pleinair.service.storage import Storage
from pleinair.service.tables import (
    ACTIVE,
    COMPLETED,
    QUEUED,
    RUNNING,
    Artifact,
    Usage,
    Video,
    Worker,
)
from pleinair.service.videos import Draft, Videos
from pleinair.settings import ServiceSettings, Settings
from tests.promises.figure import publish

VIDEOS = 12
pytestmark = pytest.mark.xdist_group("engines")


@dataclass(frozen=True)
class Outcome:
    """What came of a queue on two nodes, of which one was killed in the middle."""

    videos: int
    workers_killed: int
    taken_over: int
    lost: int
    delivered_twice: int
    charged_twice: int
    broken_files: int


def measure(home: Path, database_url: str, videos: int) -> Outcome:
    """Queue videos, let two nodes make them, kill one, and count what became of them."""
    from ray.cluster_utils import Cluster as Nodes

    settings = ServiceSettings(
        home=home, database=database_url, models=("test-card",), rate=0, lease=4.0, grace=0.5
    )
    database = Database(settings.database_url)
    database.migrate()
    storage = Storage(settings.storage_url, b"secret of this test")
    for i in range(videos):
        _ask(Videos(database, settings), i)
    nodes: Any = Nodes(initialize_head=True, head_node_args={"num_cpus": 1})
    engine = RayEngine(2, Settings(), settings, Cluster(nodes.address))
    try:
        second = nodes.add_node(num_cpus=1)
        engine.start()
        killed = _kill_in_the_middle(database, nodes, second)
        _until(lambda: _count(database, Video.state.in_(ACTIVE)) == 0)
    finally:
        engine.stop()
        nodes.shutdown()
    outcome = _outcome(database, storage, videos, killed)
    database.close()
    return outcome


def test_a_cluster_finishes_its_queue_while_a_node_dies(tmp_path: Path, postgres_url: str) -> None:
    outcome = measure(tmp_path, postgres_url, VIDEOS)
    publish(
        "ray-node",
        "A queue on a Ray cluster of two nodes, one of them killed in the middle",
        {name.replace("_", " "): value for name, value in asdict(outcome).items()},
        n=1,
    )
    assert outcome.workers_killed == 1
    assert outcome.lost == 0
    assert outcome.delivered_twice == outcome.charged_twice == outcome.broken_files == 0


def test_workers_that_take_a_gpu_wait_for_a_node_that_has_one(tmp_path: Path) -> None:
    from ray.cluster_utils import Cluster as Nodes

    settings = ServiceSettings(home=tmp_path, models=("test-card",), rate=0, grace=0.5)
    database = Database(settings.database_url)
    database.migrate()
    _ask(Videos(database, settings), 0)
    nodes: Any = Nodes(initialize_head=True, head_node_args={"num_cpus": 1, "num_gpus": 0})
    engine = RayEngine(1, Settings(), settings, Cluster(nodes.address, gpus=1))
    try:
        engine.start()
        assert engine.alive() == 0
        assert _count(database, Video.state == QUEUED) == 1
        nodes.add_node(num_cpus=1, num_gpus=1)
        _until(lambda: _count(database, Video.state == COMPLETED) == 1)
        assert engine.alive() == 1
    finally:
        engine.stop()
        nodes.shutdown()
    database.close()


def _ask(videos: Videos, i: int) -> None:
    request = VideoRequest(
        "a lake, slow 200",
        model="test-card",
        seconds=0.5,
        width=64,
        height=48,
        fps=12,
        seed=i,
        steps=8,
    )
    videos.create("ann", Draft("create", "test-card", request, 0.5))


def _kill_in_the_middle(database: Database, nodes: Any, node: Any) -> int:  # noqa: ANN401
    """Kill a node while each has a video in hand; how many workers died with it."""
    working = (Video.state == RUNNING, Video.stage == "draw")
    _until(lambda: _count(database, *working) == 2 and _count(database, Video.state == COMPLETED))
    with database.read() as session:
        pids = session.scalars(select(Worker.pid)).all()
    nodes.remove_node(node, allow_graceful=False)
    _until(lambda: not all(map(psutil.pid_exists, pids)))
    return sum(not psutil.pid_exists(pid) for pid in pids)


def _until(fits: Callable[[], object]) -> None:
    end = time.monotonic() + 120
    while not fits():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def _count(database: Database, *which: ColumnElement[bool]) -> int:
    with database.read() as session:
        return session.scalars(select(func.count()).select_from(Video).where(*which)).one()


def _outcome(database: Database, storage: Storage, videos: int, killed: int) -> Outcome:
    with database.read() as session:
        rows = session.scalars(select(Video)).all()
        files = session.scalars(select(Artifact).where(Artifact.variant == "video")).all()
        charged = session.scalars(select(func.count()).select_from(Usage)).one()
    done = [row.id for row in rows if row.state == COMPLETED]
    return Outcome(
        videos=videos,
        workers_killed=killed,
        taken_over=sum(row.attempt > 1 for row in rows),
        lost=videos - len(done),
        delivered_twice=len(files) - len({file.video_id for file in files}),
        charged_twice=charged - len(done),
        broken_files=sum(storage.size(file.key) != file.size for file in files),
    )
