"""What a worker does with a video, when all goes well and when it does not."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError

from pleinair.backends import base
from pleinair.backends.base import Backend, Generation
from pleinair.errors import (
    InputError,
    MediaError,
    MemoryFullError,
    ModelError,
    StorageError,
    UnavailableError,
)
from pleinair.request import VideoRequest
from pleinair.service import hold as holding
from pleinair.service.db import Database
from pleinair.service.queue import Claim, LostError, Made, Queue
from pleinair.service.storage import Storage
from pleinair.service.tables import (
    CANCELLED,
    COMPLETED,
    FAILED,
    QUEUED,
    RUNNING,
    Artifact,
    Preview,
    Usage,
    Video,
)
from pleinair.service.tables import Worker as Row
from pleinair.service.videos import Draft, Videos
from pleinair.service.worker import STALLED, Worker
from pleinair.settings import ServiceSettings, Settings
from tests.ready import lay


class Bench:
    """A worker with its queue, and short ways to see what it did."""

    def __init__(self, settings: ServiceSettings, storage: Storage) -> None:
        self.settings = settings
        lay(settings.database_url)
        self.database = Database(settings.database_url)
        self.storage = storage
        self.videos = Videos(self.database, settings)
        self.queue = Queue.of(self.database, settings)
        self.left: list[int] = []

    def worker(self, **changes: float) -> Worker:
        service = replace(self.settings, **changes)  # type: ignore[arg-type]
        return Worker(
            Settings(),
            service,
            database=self.database,
            storage=self.storage,
            leave=self.left.append,
        )

    def ask(self, prompt: str = "a lake", *, steps: int = 3) -> str:
        request = VideoRequest(
            prompt,
            model="test-card",
            seconds=0.25,
            width=64,
            height=48,
            fps=12,
            seed=1,
            steps=steps,
        )
        return self.videos.create("ann", Draft("create", "test-card", request, 0.25)).video.id

    def video(self, video_id: str) -> Video:
        with self.database.read() as session:
            return session.get_one(Video, video_id)

    def rows(self, table: Any) -> list[Any]:  # noqa: ANN401  # any table
        with self.database.read() as session:
            return list(session.scalars(select(table)))

    def wait(self, video_id: str, stage: str = "draw") -> None:
        end = time.monotonic() + 60
        while self.video(video_id).stage != stage:
            assert time.monotonic() < end
            time.sleep(0.01)


@pytest.fixture
def bench(settings: ServiceSettings, storage: Storage) -> Iterator[Bench]:
    bench = Bench(settings, storage)
    yield bench
    bench.database.close()


@pytest.fixture
def does(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., Generation]], None]:
    """Has the test card do something else: ``does(lambda request, progress, **_: …)``."""

    def put(generate: Callable[..., Generation]) -> None:
        class Other:
            id, sizes, fps = "test-card", ((64, 48),), 24

        other: Any = Other()
        other.generate = generate

        def open_other(_: Settings) -> Backend:
            return other  # type: ignore[no-any-return]

        entry = replace(base.MODELS["test-card"], open=open_other)
        monkeypatch.setitem(base.MODELS, "test-card", entry)
        base.open_backend.cache_clear()

    return put


def test_an_empty_queue_gives_nothing_to_do(bench: Bench) -> None:
    assert bench.worker().run_one() is False


def test_a_finished_video_says_what_ran_and_what_it_took(bench: Bench) -> None:
    video_id = bench.ask()
    assert bench.worker().run_one()
    video = bench.video(video_id)
    assert video.state == COMPLETED
    assert video.made is not None
    assert {"draw", "write", "upload"} <= set(video.made["seconds"])
    assert video.made["request"]["prompt"] == "a lake"
    assert video.peak is not None
    assert video.peak > 10_000_000
    assert sorted(file.key for file in bench.rows(Artifact)) == [
        f"videos/{video_id}/1/0/{name}"
        for name in ("spritesheet.jpg", "thumbnail.webp", "video.mp4")
    ]


def test_progress_is_told_as_it_grows(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "WRITE_EVERY", 0.0)
    told: list[tuple[int, str]] = []
    beat = Queue.beat

    def listen(self: Queue, claim: Claim, progress: int, stage: str) -> bool:
        told.append((progress, stage))
        return beat(self, claim, progress, stage)

    monkeypatch.setattr(Queue, "beat", listen)
    bench.ask(steps=10)
    bench.worker().run_one()
    progress = [reached for reached, _ in told]
    assert progress == sorted(progress)
    assert progress[-1] == 99
    assert all(before != after for before, after in itertools.pairwise(told))
    assert {stage for _, stage in told} >= {"draw", "write", "upload"}


def test_progress_is_not_written_at_every_step(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "WRITE_EVERY", 3600.0)
    told: list[object] = []
    monkeypatch.setattr(Queue, "beat", lambda *news: told.append(news))
    bench.ask(steps=50)
    bench.worker().run_one()
    assert told == []


def test_whoever_looks_sees_a_small_picture(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "SHOW_EVERY", 0.0)
    shown: list[bytes] = []
    show = Queue.show

    def keep(self: Queue, claim: Claim, picture: bytes, number: int) -> bool:
        shown.append(picture)
        return show(self, claim, picture, number)

    monkeypatch.setattr(Queue, "show", keep)
    bench.ask("slow 20", steps=40)
    bench.worker().run_one()
    assert shown
    assert all(picture.startswith(b"\xff\xd8") for picture in shown)
    assert bench.rows(Preview) == []  # of a finished video there is none


def test_a_quick_video_shows_no_picture(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "SHOW_EVERY", 3600.0)
    drawn: list[int] = []
    monkeypatch.setattr(Queue, "show", lambda *_: drawn.append(1))
    bench.ask()
    bench.worker().run_one()
    assert drawn == []


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ModelError("no such weights"), "model_error", "no such weights"),
        (InputError("size", "1x1", "more"), "invalid_request", "size"),
        (MediaError("cannot write"), "media_error", "cannot write"),
        (MemoryFullError("64 GB at once"), "out_of_memory", "64 GB at once"),
        (MemoryError(), "out_of_memory", "64x48, 3 frames"),
    ],
)
def test_what_would_fail_again_fails_at_once(
    bench: Bench,
    does: Callable[[Callable[..., Generation]], None],
    error: Exception,
    code: str,
    said: str,
) -> None:
    does(_raises(error))
    video_id = bench.ask()
    assert bench.worker().run_one()
    video = bench.video(video_id)
    assert (video.state, video.error_code, video.tries) == (FAILED, code, 1)
    assert said in str(video.error_message)
    if code == "out_of_memory":
        assert "GB" in str(video.error_message)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StorageError("the disk is full"), "storage_error"),
        (UnavailableError("away"), "unavailable"),
        (RuntimeError("/home/ann/secret.py"), "server_error"),
    ],
)
def test_what_may_pass_is_tried_again_a_little_later(
    bench: Bench,
    does: Callable[[Callable[..., Generation]], None],
    error: Exception,
    code: str,
) -> None:
    does(_raises(error))
    video_id = bench.ask()
    worker = bench.worker()
    assert worker.run_one()
    video = bench.video(video_id)
    assert (video.state, video.error_code) == (QUEUED, code)
    assert video.not_before > bench.database.time()
    assert "ann" not in str(video.error_message)
    assert not worker.run_one()  # its time has not come


def test_memory_that_a_library_misses_is_memory(
    bench: Bench, does: Callable[[Callable[..., Generation]], None]
) -> None:
    def encode(*_: object, **__: object) -> Generation:
        try:
            raise OSError(12, "Cannot allocate memory")
        except OSError as error:
            raise MediaError("cannot write video.mp4") from error

    does(encode)
    video_id = bench.ask()
    bench.worker().run_one()
    assert bench.video(video_id).error_code == "out_of_memory"


def test_a_cancelled_video_ends_at_the_next_step_and_leaves_nothing(
    bench: Bench, does: Callable[[Callable[..., Generation]], None]
) -> None:
    steps: list[int] = []

    def generate(request: VideoRequest, progress: base.Progress, **_: object) -> Generation:
        for step in range(10):
            steps.append(step)
            if step == 4:
                bench.videos.cancel("ann", video_id)
            progress(step, 10, "draw")
        raise AssertionError("it went on")

    does(generate)
    video_id = bench.ask()
    assert bench.worker().run_one()
    assert steps == [0, 1, 2, 3, 4]
    assert bench.video(video_id).state == CANCELLED
    assert bench.rows(Artifact) == []


def test_a_video_cancelled_while_its_files_go_out_leaves_none(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    video_id = bench.ask()
    put = Storage.put

    def cancel(self: Storage, key: str, *rest: Any) -> None:  # noqa: ANN401
        put(self, key, *rest)
        if key.endswith("spritesheet.jpg"):
            bench.videos.cancel("ann", video_id)

    monkeypatch.setattr(Storage, "put", cancel)
    bench.worker().run_one()
    assert bench.video(video_id).state == CANCELLED
    assert list(bench.storage.list(f"videos/{video_id}")) == []
    assert bench.rows(Usage) == []


def test_a_video_whose_completion_was_not_answered_keeps_its_files(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete = Queue.complete
    calls: list[int] = []

    def cut_off(self: Queue, claim: Claim, made: Made) -> None:
        calls.append(1)
        complete(self, claim, made)
        if len(calls) == 1:
            raise UnavailableError("the answer was cut off")

    monkeypatch.setattr(Queue, "complete", cut_off)
    video_id = bench.ask()
    bench.worker().run_one()
    assert len(calls) == 2
    assert bench.video(video_id).state == COMPLETED
    assert len(bench.rows(Artifact)) == 3
    assert len(list(bench.storage.list(f"videos/{video_id}"))) == 3
    assert len(bench.rows(Usage)) == 1


def test_a_completed_video_keeps_its_files_though_nobody_ever_answers(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete = Queue.complete

    def cut_off(self: Queue, claim: Claim, made: Made) -> None:
        with suppress(LostError):
            complete(self, claim, made)
        raise UnavailableError("the answer was cut off")

    monkeypatch.setattr(Queue, "complete", cut_off)
    video_id = bench.ask()
    bench.worker(lease=0.3).run_one()
    assert bench.video(video_id).state == COMPLETED
    assert len(list(bench.storage.list(f"videos/{video_id}"))) == 3


def test_a_completion_that_did_not_arrive_is_made_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete = Queue.complete
    calls: list[int] = []

    def away(_: object) -> None:
        raise OperationalError("COMMIT", None, ConnectionError("away"))

    def cut(self: Queue, claim: Claim, made: Made) -> None:
        calls.append(1)
        if len(calls) == 1:
            event.listen(self.database.engine, "commit", away)
        try:
            complete(self, claim, made)
        finally:
            if len(calls) == 1:
                event.remove(self.database.engine, "commit", away)

    monkeypatch.setattr(Queue, "complete", cut)
    video_id = bench.ask()
    bench.worker().run_one()
    assert len(calls) == 2
    assert bench.video(video_id).state == COMPLETED
    assert len(bench.rows(Artifact)) == 3


def test_a_worker_that_lost_its_video_writes_nothing_of_it(
    bench: Bench, does: Callable[[Callable[..., Generation]], None]
) -> None:
    card = base.open_backend("test-card", Settings())

    def generate(request: VideoRequest, *_: object, **__: object) -> Generation:
        bench.queue.give_up(worker.id)
        bench.queue.rescue()
        assert bench.queue.claim("another", ["test-card"]) is not None
        return card.generate(request)

    does(generate)
    worker = bench.worker()
    video_id = bench.ask()
    assert worker.run_one()
    video = bench.video(video_id)
    assert (video.state, video.worker, video.attempt) == (RUNNING, "another", 2)
    assert list(bench.storage.list(f"videos/{video_id}")) == []


def test_a_step_loop_that_hangs_loses_its_lease_and_ends_its_process(bench: Bench) -> None:
    video_id = bench.ask("stall 5")
    worker = bench.worker(lease=0.3, stall=1.5)
    thread = threading.Thread(target=worker.run_one)
    thread.start()
    end = time.monotonic() + 60
    while not bench.queue.rescue():  # while it hangs
        assert time.monotonic() < end
        assert thread.is_alive()
        time.sleep(0.05)
    assert bench.video(video_id).state == QUEUED
    assert bench.left == []  # the lease goes first
    thread.join()
    assert bench.left == [STALLED]
    video = bench.video(video_id)
    assert (video.state, video.tries) == (QUEUED, 1)
    assert bench.rows(Artifact) == []


def test_a_slow_step_keeps_its_lease(bench: Bench) -> None:
    video_id = bench.ask("stall 1.5")
    bench.worker(lease=0.3, stall=60.0).run_one()
    assert bench.queue.rescue() == 0
    assert bench.video(video_id).state == COMPLETED
    assert bench.left == []


def test_told_to_stop_it_finishes_its_video_within_the_grace(bench: Bench) -> None:
    video_id, waiting = bench.ask("slow 50", steps=10), bench.ask()
    _stop_while_it_draws(bench, bench.worker(grace=60.0), video_id)
    assert bench.video(video_id).state == COMPLETED
    assert bench.video(waiting).state == QUEUED
    assert bench.rows(Row) == []


def test_after_the_grace_it_gives_the_video_back(bench: Bench) -> None:
    video_id = bench.ask("slow 100", steps=200)
    _stop_while_it_draws(bench, bench.worker(grace=0.1), video_id)
    video = bench.video(video_id)
    assert (video.state, video.tries, video.attempt) == (QUEUED, 0, 1)
    assert bench.left == []  # the loop ended by itself
    assert bench.rows(Row) == []


def test_a_step_longer_than_the_grace_does_not_keep_a_stopped_worker(bench: Bench) -> None:
    video_id = bench.ask("stall 3", steps=1)
    _stop_while_it_draws(bench, bench.worker(grace=0.1), video_id)
    assert bench.left == [0]  # before the step was over
    video = bench.video(video_id)
    assert (video.state, video.tries) == (QUEUED, 0)


def test_a_worker_is_seen_with_what_it_is_at(bench: Bench) -> None:
    video_id = bench.ask("slow 50", steps=20)
    worker, stop = bench.worker(memory_gb=4.0), threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    bench.wait(video_id)
    (row,) = bench.rows(Row)
    assert (row.id, row.models, row.memory) == (worker.id, ["test-card"], 4_000_000_000)
    assert row.video_id == video_id
    stop.set()
    thread.join()


def test_a_video_that_is_too_big_for_now_waits(bench: Bench) -> None:
    bench.ask()
    assert bench.worker(memory_gb=0.2).run_one() is False
    assert bench.worker(memory_gb=4.0).run_one() is True


def test_a_database_that_is_away_stops_no_worker(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    video_id = bench.ask()
    waits = Queue.waits
    calls: list[int] = []

    def sometimes(self: Queue, models: tuple[str, ...]) -> bool:
        calls.append(1)
        if len(calls) == 1:
            raise UnavailableError("away")
        if len(calls) == 2:
            raise RuntimeError("odd")
        return waits(self, models)

    monkeypatch.setattr(Queue, "waits", sometimes)
    monkeypatch.setattr("pleinair.service.worker.TROUBLE", 0.01)
    stop = threading.Event()
    thread = threading.Thread(target=bench.worker().run, args=(stop,))
    thread.start()
    bench.wait(video_id, "done")
    stop.set()
    thread.join()
    assert bench.video(video_id).state == COMPLETED


def test_an_idle_worker_only_looks(bench: Bench) -> None:
    """An empty queue is asked many times a second: none of that may take SQLite's write lock."""
    worker = bench.worker()
    worker._turn()  # says that it is there
    begun: list[str] = []
    event.listen(
        bench.database.engine,
        "before_cursor_execute",
        lambda _c, _k, statement, *_: begun.append(statement),
    )
    for _ in range(20):
        worker._turn()
    assert sum(statement.startswith("SELECT") for statement in begun) == 20
    assert {statement for statement in begun if not statement.startswith("SELECT")} == {"BEGIN"}


def _raises(error: Exception) -> Callable[..., Generation]:
    def generate(*_: object, **__: object) -> Generation:
        raise error

    return generate


def _stop_while_it_draws(bench: Bench, worker: Worker, video_id: str) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    bench.wait(video_id)
    stop.set()
    thread.join()
