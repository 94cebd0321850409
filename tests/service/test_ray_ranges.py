"""Ranges of a clip's frames on a Ray cluster, of whose processes one is killed."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pleinair.backends import ranges
from pleinair.backends.base import open_backend
from pleinair.media.codec import write_video
from pleinair.media.segments import LENGTH
from pleinair.request import VideoRequest
from pleinair.service.ray_engine import Tasks
from pleinair.settings import Settings

pytestmark = pytest.mark.xdist_group("engines")


@pytest.fixture
def _cluster() -> Iterator[None]:
    import ray

    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.mark.usefixtures("_cluster")
def test_a_clip_drawn_all_over_a_cluster_is_the_same_file_though_a_process_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = VideoRequest(
        "drawn slow 10",
        model="test-card",
        seconds=5.5 * LENGTH / 24,
        width=64,
        height=48,
        seed=1,
    )
    whole = open_backend("test-card", Settings()).generate(request).clips[0]
    write_video(tmp_path / "whole.mp4", whole, 24)
    monkeypatch.setattr(ranges, "executor", Tasks)
    spread = open_backend("test-card", Settings(parallel="ranges:2")).generate(request).clips[0]
    done, killed = 0, list[int]()

    def each(count: int, _: object) -> None:
        nonlocal done
        done += count
        if done and not killed:
            drawing = next(p for p in psutil.process_iter() if p.name().startswith("ray::make"))
            drawing.kill()
            killed.append(drawing.pid)

    write_video(tmp_path / "spread.mp4", spread, 24, each=each)
    assert killed
    assert done == request.frames
    assert (tmp_path / "spread.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()
