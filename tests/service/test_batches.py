"""A batch loses no line and doubles none, whatever happens to the server that carries it on."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from pleinair.errors import (
    ConflictError,
    InputError,
    ModelError,
    NotFoundError,
    PleinairError,
    UnavailableError,
)
from pleinair.service import feeder
from pleinair.service.batches import Batches
from pleinair.service.db import Database
from pleinair.service.files import Files
from pleinair.service.queue import Queue
from pleinair.service.storage import Storage
from pleinair.service.tables import BATCH, Batch, BatchLine, File, Video
from pleinair.service.videos import Draft, Videos
from pleinair.settings import ServiceSettings
from tests.service.conftest import SMALL, made

Told = dict[str, Any]


class Plain:
    """A wire whose bodies have a prompt and nothing else."""

    def check(self, body: Told) -> None:
        if not isinstance(body.get("prompt"), str):
            raise InputError("prompt", body.get("prompt"), "text")

    def draft(self, owner: str, body: Told) -> Draft:
        self.check(body)
        if "refuse" in body["prompt"]:
            raise ModelError("there is no such model")
        return Draft("create", "test-card", SMALL, 1.0)

    def tell(self, video: Video) -> Told:
        return {"id": video.id, "status": video.state}

    def refuse(self, error: PleinairError | None) -> Told:
        return {"status_code": 400 if error else 500, "body": {"error": str(error)}}


class Killed(BaseException):
    """The process ends here."""


class Mortal(Database):
    """A database whose process is killed at one of its transactions.

    Attributes:
        left: transactions until then, or 0; the last one is kept if ``kept``.
    """

    left = 0
    kept = False

    @contextmanager
    def write(self) -> Iterator[Session]:
        self.left -= 1
        with super().write() as session:
            yield session
            if self.left == 0 and not self.kept:
                raise Killed
        if self.left == 0:
            raise Killed


@pytest.fixture
def files(database: Database, storage: Storage) -> Files:
    return Files(database, storage)


@pytest.fixture
def batches(database: Database, files: Files, videos: Videos) -> Batches:
    return Batches(database, files, videos, Plain())


@pytest.fixture
def begin(files: Files, batches: Batches) -> Callable[..., Batch]:
    """Begins a batch of these prompts; the line of prompt "a" is called "id of a"."""

    def create(*prompts: str) -> Batch:
        text = "\n".join(json.dumps(line(prompt)) for prompt in prompts)
        file = files.create("ann", "in.jsonl", text.encode(), "batch")
        return batches.create("ann", file.id)

    return create


def line(prompt: str, **changed: object) -> Told:
    fields = {"custom_id": f"id of {prompt}", "method": "POST", "url": "/v1/videos"}
    return {**fields, "body": {"prompt": prompt}, **changed}


def make_all(queue: Queue) -> int:
    """Play the workers until nothing waits."""
    count = 0
    while claim := queue.claim("worker", ["test-card"]):
        queue.complete(claim, made(claim))
        count += 1
    return count


def carry(batches: Batches, batch: Batch, queue: Queue | None = None) -> Batch:
    """Tick until the batch has ended."""
    for _ in range(100):
        batches.tick()
        if queue:
            make_all(queue)
        batch = batches.get("ann", batch.id)
        if batch.state not in feeder.LIVE:
            return batch
    raise AssertionError(f"still {batch.state}")


def told(files: Files, file_id: str | None) -> list[Told]:
    return [json.loads(row) for row in files.content("ann", file_id or "").splitlines()]


def videos_of(database: Database, batch: Batch) -> list[Video]:
    with database.read() as session:
        return list(session.scalars(select(Video).where(Video.batch_id == batch.id)))


def test_a_batch_makes_a_video_of_each_line(
    database: Database, batches: Batches, files: Files, queue: Queue, begin: Callable[..., Batch]
) -> None:
    batch = begin("a", "b", "c")
    assert batch.state == "validating"
    batches.tick()
    assert (batches.get("ann", batch.id).state, batches.get("ann", batch.id).total) == (
        "in_progress",
        3,
    )
    batches.tick()
    assert {video.lane for video in videos_of(database, batch)} == {BATCH}
    ended = carry(batches, batch, queue)
    assert ended.state == "completed"
    assert ended.error_file_id is None
    assert batches.counts([ended])[batch.id].completed == 3
    output = told(files, ended.output_file_id)
    assert [row["custom_id"] for row in output] == ["id of a", "id of b", "id of c"]
    assert {row["response"]["status_code"] for row in output} == {200}
    assert {row["response"]["body"]["status"] for row in output} == {"completed"}
    assert len({row["id"] for row in output}) == 3
    assert files.get("ann", ended.output_file_id or "").purpose == "batch_output"


def test_only_some_videos_of_a_batch_wait_at_once(
    monkeypatch: pytest.MonkeyPatch,
    database: Database,
    batches: Batches,
    queue: Queue,
    begin: Callable[..., Batch],
) -> None:
    monkeypatch.setattr(feeder, "AT_ONCE", 2)
    batch = begin(*"abcde")
    for _ in range(4):
        batches.tick()
    assert len(videos_of(database, batch)) == 2
    claim = queue.claim("worker", ["test-card"])
    assert claim
    queue.complete(claim, made(claim))
    batches.tick()
    assert len(videos_of(database, batch)) == 3


def test_a_refused_line_is_told_of_in_the_error_file(
    batches: Batches, files: Files, queue: Queue, begin: Callable[..., Batch]
) -> None:
    ended = carry(batches, begin("a", "refuse this", "b"), queue)
    assert ended.state == "completed"
    counts = batches.counts([ended])[ended.id]
    assert (counts.completed, counts.failed, ended.total) == (2, 1, 3)
    assert len(told(files, ended.output_file_id)) == 2
    (row,) = told(files, ended.error_file_id)
    assert (row["custom_id"], row["response"]["status_code"]) == ("id of refuse this", 400)


def test_a_failed_and_a_deleted_video_end_their_lines(
    database: Database,
    batches: Batches,
    videos: Videos,
    files: Files,
    queue: Queue,
    begin: Callable[..., Batch],
) -> None:
    batch = begin("a", "b")
    batches.tick()
    batches.tick()
    claim = queue.claim("worker", ["test-card"])
    assert claim
    queue.fail(claim, "model_error", "it said so")
    (other,) = [video for video in videos_of(database, batch) if video.id != claim.id]
    videos.delete("ann", other.id)
    ended = carry(batches, batch)
    assert batches.counts([ended])[ended.id].failed == 2
    (failed,) = told(files, ended.output_file_id)
    assert failed["response"]["body"] == {"id": claim.id, "status": "failed"}
    (deleted,) = told(files, ended.error_file_id)
    assert (deleted["response"], deleted["error"]["code"]) == (None, "video_deleted")


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("not json", "line"),
        ("[1]", "line"),
        ('{"custom_id": NaN}', "line"),
        ("[" * 200_000, "line"),
        (line("x", custom_id=""), "custom_id"),
        (line("x", custom_id="a\x00b"), "custom_id"),
        (line("x", custom_id="id of a"), "custom_id"),
        (line("x", method="GET"), "method"),
        (line("x", url="/v1/embeddings"), "url"),
        (line("x", body="x"), "body"),
        (line("x", body={"prompt": 1}), "prompt"),
        (line("x", extra=1), "extra"),
    ],
)
def test_a_file_with_a_wrong_line_is_no_batch(
    database: Database, batches: Batches, files: Files, row: str | Told, field: str
) -> None:
    wrong = row if isinstance(row, str) else json.dumps(row)
    text = f"{json.dumps(line('a'))}\n\n{wrong}\n"
    batch = batches.create("ann", files.create("ann", "x", text.encode(), "batch").id)
    ended = carry(batches, batch)
    assert ended.state == "failed"
    (mistake,) = (ended.errors or {})["data"]
    assert (mistake["line"], mistake["param"]) == (3, field)
    assert not videos_of(database, batch)


def test_a_file_may_be_empty_too_long_or_gone_only_to_fail(
    monkeypatch: pytest.MonkeyPatch, batches: Batches, files: Files
) -> None:
    monkeypatch.setattr("pleinair.service.lines.MOST_LINES", 2)
    rows = "\n".join(json.dumps(line(prompt)) for prompt in "abc")
    ids = [files.create("ann", "x", text, "batch").id for text in (b"\n \n", rows.encode(), b"x")]
    begun = [batches.create("ann", file_id) for file_id in ids]
    files.delete("ann", ids[2])
    ended = [carry(batches, batch) for batch in begun]
    codes = [(batch.errors or {})["data"][0]["code"] for batch in ended]
    assert codes == ["empty_file", "too_many_lines", "invalid_input_file"]


def test_cancelling_stops_what_runs_and_begins_nothing_more(
    monkeypatch: pytest.MonkeyPatch,
    database: Database,
    batches: Batches,
    files: Files,
    queue: Queue,
    begin: Callable[..., Batch],
) -> None:
    monkeypatch.setattr(feeder, "AT_ONCE", 2)
    batch = begin(*"abcd")
    batches.tick()
    batches.tick()
    claim = queue.claim("worker", ["test-card"])
    assert claim
    queue.complete(claim, made(claim))
    assert batches.cancel("ann", batch.id).state == "cancelling"
    ended = carry(batches, batch)
    assert (ended.state, batches.cancel("ann", batch.id).state) == ("cancelled", "cancelled")
    assert not make_all(queue)
    states = sorted(row["response"]["body"]["status"] for row in told(files, ended.output_file_id))
    assert states == ["cancelled", "completed"]
    codes = [row["error"]["code"] for row in told(files, ended.error_file_id)]
    assert codes == ["batch_cancelled", "batch_cancelled"]
    counts = batches.counts([ended])[batch.id]
    assert (counts.completed, counts.failed) == (1, 3)
    assert len(videos_of(database, batch)) == 2


def test_a_line_that_is_being_read_when_its_batch_is_cancelled_makes_no_video(
    database: Database,
    batches: Batches,
    begin: Callable[..., Batch],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batch = begin("a")
    batches.tick()
    draft = Plain.draft

    def cancelled(self: Plain, owner: str, body: Told) -> Draft:
        batches.cancel("ann", batch.id)
        return draft(self, owner, body)

    monkeypatch.setattr(Plain, "draft", cancelled)
    batches.tick()
    assert not videos_of(database, batch)
    assert carry(batches, batch).state == "cancelled"


def test_after_a_day_what_is_not_finished_has_expired(
    monkeypatch: pytest.MonkeyPatch,
    database: Database,
    batches: Batches,
    files: Files,
    queue: Queue,
    begin: Callable[..., Batch],
) -> None:
    monkeypatch.setattr(feeder, "AT_ONCE", 2)
    batch = begin(*"abc")
    assert batch.expires_at == pytest.approx(batch.created_at + 86_400)
    batches.tick()
    batches.tick()
    claim = queue.claim("worker", ["test-card"])
    assert claim
    queue.complete(claim, made(claim))
    with database.write() as session:
        session.execute(update(Batch).values(expires_at=batch.created_at - 1))
    ended = carry(batches, batch)
    assert ended.state == "expired"
    assert ended.expired_at
    states = sorted(row["response"]["body"]["status"] for row in told(files, ended.output_file_id))
    assert states == ["completed", "expired"]
    (never,) = told(files, ended.error_file_id)
    assert never["error"]["code"] == "batch_expired"
    assert not make_all(queue)
    reasons = {video.error_code for video in videos_of(database, batch)}
    assert reasons == {None, "batch_expired"}


def test_a_line_waits_while_something_that_it_needs_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch,
    batches: Batches,
    queue: Queue,
    begin: Callable[..., Batch],
) -> None:
    batch = begin("a")
    batches.tick()

    def away(self: Plain, owner: str, body: Told) -> Draft:
        raise UnavailableError("not now")

    with monkeypatch.context() as context:
        context.setattr(Plain, "draft", away)
        batches.tick()
    assert batches.get("ann", batch.id).state == "in_progress"
    ended = carry(batches, batch, queue)
    assert batches.counts([ended])[ended.id].completed == 1


def test_a_line_that_our_own_fault_refuses_does_not_hold_up_the_others(
    monkeypatch: pytest.MonkeyPatch,
    batches: Batches,
    files: Files,
    queue: Queue,
    begin: Callable[..., Batch],
) -> None:
    draft = Plain.draft

    def broken(self: Plain, owner: str, body: Told) -> Draft:
        if body["prompt"] == "a":
            raise KeyError("a bug")
        return draft(self, owner, body)

    monkeypatch.setattr(Plain, "draft", broken)
    ended = carry(batches, begin("a", "b"), queue)
    assert batches.counts([ended])[ended.id].completed == 1
    (row,) = told(files, ended.error_file_id)
    assert row["response"]["status_code"] == 500


@pytest.mark.parametrize("kept", [False, True], ids=["before", "after"])
def test_killed_at_any_transaction_a_batch_loses_and_doubles_nothing(
    monkeypatch: pytest.MonkeyPatch,
    database: Database,
    storage: Storage,
    settings: ServiceSettings,
    queue: Queue,
    begin: Callable[..., Batch],
    kept: bool,
) -> None:
    monkeypatch.setattr(feeder, "CHUNK", 2)
    monkeypatch.setattr(feeder, "AT_ONCE", 2)
    mortal = Mortal(str(database.engine.url.render_as_string(hide_password=False)))
    mortal.kept = kept
    files = Files(mortal, storage)
    batches = Batches(mortal, files, Videos(mortal, storage, settings), Plain())
    deaths, alive = 0, True
    while alive:
        batch = begin("a", "refuse", "b")
        mortal.left = deaths + 1
        try:
            carry(batches, batch, queue)
            alive = False  # there is no such transaction any more
        except Killed:
            deaths += 1
        ended = carry(batches, batch, queue)
        assert ended.state == "completed"
        output, errors = told(files, ended.output_file_id), told(files, ended.error_file_id)
        assert [row["custom_id"] for row in output] == ["id of a", "id of b"]
        assert [row["custom_id"] for row in errors] == ["id of refuse"]
        assert len(videos_of(database, batch)) == 2
    mortal.close()
    assert deaths >= 10, "2 chunks of lines, 3 lines, 2 files and 3 changes of state"
    with database.read() as session:
        kinds = session.execute(select(File.purpose, func.count()).group_by(File.purpose))
        assert dict(kinds.all()) == {"batch": deaths + 1, "batch_output": 2 * deaths + 2}
    assert len(list(storage.list("files"))) == 3 * deaths + 3


def test_servers_that_work_on_one_batch_share_it(
    monkeypatch: pytest.MonkeyPatch,
    database: Database,
    batches: Batches,
    files: Files,
    queue: Queue,
    begin: Callable[..., Batch],
) -> None:
    monkeypatch.setattr(feeder, "CHUNK", 5)
    monkeypatch.setattr(feeder, "AT_ONCE", 4)
    prompts = [f"{i:02}" for i in range(24)]
    batch = begin(*prompts)
    start = threading.Barrier(4)
    failures: list[BaseException] = []

    def server() -> None:
        try:
            start.wait()
            carry(batches, batch, queue)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=server) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    ended = batches.get("ann", batch.id)
    output = told(files, ended.output_file_id)
    assert [row["custom_id"] for row in output] == [f"id of {prompt}" for prompt in prompts]
    assert len(videos_of(database, batch)) == len(prompts)
    assert len(files.list("ann", purpose="batch_output").items) == 1


def test_the_bodies_of_lines_go_once_they_have_been_of_use(
    database: Database, batches: Batches, queue: Queue, begin: Callable[..., Batch]
) -> None:
    carry(batches, begin("a", "refuse"), queue)
    with database.read() as session:
        assert session.scalars(select(BatchLine.body)).all() == [{}, {}]


def test_a_batch_is_its_owners(
    batches: Batches, files: Files, queue: Queue, begin: Callable[..., Batch]
) -> None:
    batch = begin("a")
    with pytest.raises(NotFoundError):
        batches.get("bob", batch.id)
    with pytest.raises(NotFoundError):
        batches.cancel("bob", batch.id)
    with pytest.raises(NotFoundError):
        batches.create("bob", batch.input_file_id)
    assert not batches.list("bob").items
    carry(batches, batch, queue)
    with pytest.raises(ConflictError, match="completed already"):
        batches.cancel("ann", batch.id)


def test_a_batch_wants_a_file_for_batches(batches: Batches, files: Files) -> None:
    file = files.create("ann", "x", b"x", "user_data")
    with pytest.raises(InputError, match="input_file_id"):
        batches.create("ann", file.id)
