"""What videos need is learnt from those that were made; what there is, from the machine."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from sqlalchemy import update

from pleinair.errors import InputError
from pleinair.request import Given, VideoRequest
from pleinair.service import memory
from pleinair.service.db import Database, now
from pleinair.service.memory import Need, Peak, available, capacity, estimate, largest, learn
from pleinair.service.presence import HOST, Card, Presence
from pleinair.service.queue import Queue
from pleinair.service.tables import Material, Video, Worker
from pleinair.service.videos import Videos
from tests.service.conftest import SMALL, made

MB, GB = 10**6, 10**9
HD = VideoRequest("a lake", model="test-card", seconds=8.0, width=1280, height=720, fps=24, seed=1)


def _need(database: Database, request: VideoRequest) -> int:
    with database.read() as session:
        return estimate(session, request)


def _room(database: Database) -> int | None:
    with database.read() as session:
        return largest(session)


def test_before_any_video_the_need_is_more_than_enough(database: Database) -> None:
    pixels = 1280 * 720 * 192
    assert _need(database, HD) == Need().of(pixels)
    assert _need(database, HD) > GB


def test_the_need_follows_from_what_videos_took() -> None:
    truth = [(float(pixels), round(300 * MB + 4 * pixels)) for pixels in range(0, 10**8, 10**7)]
    need = learn(truth)
    for pixels in (0, 5 * 10**7, 10**9):
        took = 300 * MB + 4 * pixels
        assert took <= need.of(pixels) <= 1.2 * took


def test_small_videos_tell_the_base_and_not_the_rate() -> None:
    noisy = [(18_000.0 * (1 + i % 3), 130 * MB + 3 * MB * (i % 5)) for i in range(50)]
    need = learn(noisy)
    assert need.rate == pytest.approx(Need().rate * 1.1)
    assert 142 * MB <= need.of(36_000) <= 170 * MB


def test_one_that_took_much_more_is_heeded() -> None:
    took = [(1e6, 200 * MB)] * 18 + [(1e6, 600 * MB)] * 2
    assert learn(took).of(1e6) >= 600 * MB


def test_the_measured_peak_of_a_finished_video_counts(
    database: Database, queue: Queue, ask: Callable[..., Video]
) -> None:
    before = _need(database, SMALL)
    for _ in range(3):
        ask()
        claim = queue.claim("w", ["test-card"])
        assert claim is not None
        queue.complete(claim, replace(made(claim), peak=150 * MB))
    assert 150 * MB <= _need(database, SMALL) < before


def test_clips_that_a_video_begins_from_are_held_too(database: Database) -> None:
    with database.write() as session:
        clip = {"kind": "video", "width": 1000, "height": 500, "frames": 100, "fps": 24.0}
        session.add(Material(sha256="a" * 64, key="m/a", size=1, used_at=0.0, **clip))
    edit = replace(SMALL, given=(Given("edit", "a" * 64),))
    extend = replace(SMALL, given=(Given("extend", "a" * 64),))
    plain = _need(database, SMALL)
    assert _need(database, edit) - plain == Need().rate * 1000 * 500 * 100
    assert _need(database, extend) > _need(database, edit)
    for role in ("before", "retake"):
        kept = replace(SMALL, given=(Given(role, "a" * 64),))
        assert _need(database, kept) == _need(database, extend)


def test_the_largest_worker_is_one_seen_lately(database: Database) -> None:
    assert _room(database) is None
    Presence(database, Card("small", ["test-card"], 1 * GB), every=10).note()
    Presence(database, Card("large", ["test-card"], 9 * GB), every=10).note()
    assert _room(database) == 9 * GB
    with database.write() as session:
        session.execute(update(Worker).where(Worker.id == "large").values(seen_at=now() - 61))
    assert _room(database) == 1 * GB


def test_what_no_worker_could_hold_is_refused(
    database: Database, videos: Videos, ask: Callable[..., Video]
) -> None:
    Presence(database, Card("small", ["test-card"], 500 * MB), every=10).note()
    with pytest.raises(InputError, match=r"size.*0\.5 GB"):
        ask()


def test_a_video_that_is_too_big_now_is_passed_over(
    database: Database, queue: Queue, ask: Callable[..., Video]
) -> None:
    big, small = ask(), ask("bob")
    with database.write() as session:
        session.execute(update(Video).where(Video.id == big.id).values(memory=9 * GB))
    claim = queue.claim("w", ["test-card"], memory=1 * GB)
    assert claim is not None
    assert claim.id == small.id
    assert queue.claim("w", ["test-card"], memory=1 * GB) is None


def test_what_others_here_are_about_to_take_is_theirs(
    database: Database, queue: Queue, ask: Callable[..., Video]
) -> None:
    Presence(database, Card("other", ["test-card"], 9 * GB), every=10).note()
    video = ask()
    queue.claim("other", ["test-card"])
    with database.write() as session:
        session.execute(update(Video).where(Video.id == video.id).values(memory=5 * GB))
    mine = psutil.Process().memory_info().rss  # of this process, which plays the other worker
    with database.read() as session:
        promised = memory.promised(session, HOST, "me")
        assert abs(promised - (5 * GB - mine)) < 200 * MB
        assert memory.promised(session, HOST, "other") == 0
        assert memory.promised(session, "another-machine", "me") == 0
    assert available(promised=promised) < available()


def test_what_there_is_ends_at_the_own_limit() -> None:
    total = psutil.virtual_memory().total
    assert 0 < available() <= capacity() <= total
    assert capacity(0.5) == 500 * MB
    assert available(0.5) <= 500 * MB


@pytest.mark.parametrize(
    ("line", "folder", "names"),
    [
        ("0::/box", "box", ("memory.max", "memory.current", "inactive_file")),
        (
            "4:memory:/box",
            "memory/box",
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ),
    ],
    ids=["v2", "v1"],
)
def test_a_containers_limit_is_found(
    tmp_path: Path, line: str, folder: str, names: tuple[str, str, str]
) -> None:
    (tmp_path / "cgroup").write_text(f"9:cpu:/\n{line}\n")
    group = tmp_path / "root" / folder
    group.mkdir(parents=True)
    limit, used, cached = names
    (group / limit).write_text(f"{4 * GB}\n")
    (group / used).write_text(f"{3 * GB}\n")
    (group / "memory.stat").write_text(f"anon 7\n{cached} {1 * GB}\n")
    assert memory._groups(tmp_path / "root", tmp_path / "cgroup") == [(4 * GB, 2 * GB)]
    (group / limit).write_text("max\n")
    assert memory._groups(tmp_path / "root", tmp_path / "cgroup") == []


def test_the_peak_is_of_the_time_since_it_was_begun() -> None:
    first = b"1" * (300 * MB)
    del first
    peak = Peak()
    before = peak.read()
    second = b"1" * (200 * MB)
    del second
    assert 150 * MB < peak.read() - before < 280 * MB


def test_a_limited_process_meets_a_memory_error() -> None:
    code = (
        "from pleinair.service.memory import limit_process\n"
        "limit_process(0.5)\n"
        "try: x = b'1' * 800_000_000\n"
        "except MemoryError: print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "refused"
