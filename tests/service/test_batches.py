"""Batches as callers see them: what comes of the lines, and of the batch."""

import json

import pytest
from sqlalchemy import update

from pleinair.errors import ConflictError, InputError, NotFoundError
from pleinair.service import feeder
from pleinair.service.batches import Batches
from pleinair.service.db import Database
from pleinair.service.files import Files
from pleinair.service.queue import Queue
from pleinair.service.storage import Storage
from pleinair.service.tables import BATCH, Batch
from pleinair.service.videos import Videos
from tests.service.conftest import made
from tests.service.desk import (
    Plain,
    begin,
    carry,
    line,
    make_all,
    told,
    videos_of,
)


@pytest.fixture
def files(database: Database, storage: Storage) -> Files:
    return Files(database, storage)


@pytest.fixture
def batches(database: Database, files: Files, videos: Videos) -> Batches:
    return Batches(database, files, videos, Plain())


def test_a_batch_makes_a_video_of_each_line(
    database: Database, batches: Batches, files: Files, queue: Queue
) -> None:
    batch = begin(batches, "a", "b", "c")
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


def test_a_refused_line_is_told_of_in_the_error_file(
    batches: Batches, files: Files, queue: Queue
) -> None:
    ended = carry(batches, begin(batches, "a", "refuse this", "b"), queue)
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
) -> None:
    batch = begin(batches, "a", "b")
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


def test_a_file_with_a_wrong_line_is_no_batch(
    database: Database, batches: Batches, files: Files
) -> None:
    rows = [line("a"), line("a"), line("b", url="/v1/embeddings"), line("c")]
    text = "\n".join(json.dumps(row) for row in rows)
    batch = batches.create("ann", files.create("ann", "x", text.encode(), "batch").id)
    ended = carry(batches, batch)
    assert (ended.state, ended.total) == ("failed", 0)
    mistakes = (ended.errors or {})["data"]
    assert [(mistake["line"], mistake["param"]) for mistake in mistakes] == [
        (2, "custom_id"),
        (3, "url"),
    ]
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
) -> None:
    monkeypatch.setattr(feeder, "AT_ONCE", 2)
    batch = begin(batches, *"abcd")
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


def test_after_a_day_what_is_not_finished_has_expired(
    monkeypatch: pytest.MonkeyPatch,
    database: Database,
    batches: Batches,
    files: Files,
    queue: Queue,
) -> None:
    monkeypatch.setattr(feeder, "AT_ONCE", 2)
    batch = begin(batches, *"abc")
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


def test_a_batch_is_its_owners(batches: Batches, files: Files, queue: Queue) -> None:
    batch = begin(batches, "a")
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
