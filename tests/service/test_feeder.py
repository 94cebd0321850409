"""A batch loses no line and doubles none, whatever happens to the server that carries it on."""

import threading

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pleinair.errors import UnavailableError
from pleinair.service import feeder
from pleinair.service.batches import Batches
from pleinair.service.db import Database
from pleinair.service.files import Files
from pleinair.service.queue import Queue
from pleinair.service.storage import Storage
from pleinair.service.tables import Batch, BatchLine, File, Video
from pleinair.service.videos import Draft, Videos
from pleinair.settings import ServiceSettings
from tests.service.conftest import made
from tests.service.desk import Killed, Mortal, Plain, Told, begin, carry, make_all, told, videos_of


@pytest.fixture
def files(database: Database, storage: Storage) -> Files:
    return Files(database, storage)


@pytest.fixture
def batches(database: Database, files: Files, videos: Videos) -> Batches:
    return Batches(database, files, videos, Plain())


def test_only_some_videos_of_a_batch_wait_at_once(
    monkeypatch: pytest.MonkeyPatch,
    database: Database,
    batches: Batches,
    queue: Queue,
) -> None:
    monkeypatch.setattr(feeder, "AT_ONCE", 2)
    batch = begin(batches, *"abcde")
    for _ in range(4):
        batches.tick()
    assert len(videos_of(database, batch)) == 2
    claim = queue.claim("worker", ["test-card"])
    assert claim
    queue.complete(claim, made(claim))
    batches.tick()
    assert len(videos_of(database, batch)) == 3


def test_a_line_that_is_being_read_when_its_batch_is_cancelled_makes_no_video(
    database: Database,
    batches: Batches,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batch = begin(batches, "a")
    batches.tick()
    draft = Plain.draft

    def cancelled(self: Plain, owner: str, body: Told) -> Draft:
        batches.cancel("ann", batch.id)
        return draft(self, owner, body)

    monkeypatch.setattr(Plain, "draft", cancelled)
    batches.tick()
    assert not videos_of(database, batch)
    assert carry(batches, batch).state == "cancelled"


def test_a_line_waits_while_something_that_it_needs_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch,
    batches: Batches,
    queue: Queue,
) -> None:
    batch = begin(batches, "a")
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
) -> None:
    draft = Plain.draft

    def broken(self: Plain, owner: str, body: Told) -> Draft:
        if body["prompt"] == "a":
            raise KeyError("a bug")
        return draft(self, owner, body)

    monkeypatch.setattr(Plain, "draft", broken)
    ended = carry(batches, begin(batches, "a", "b"), queue)
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
    kept: bool,
) -> None:
    monkeypatch.setattr(feeder, "CHUNK", 2)
    monkeypatch.setattr(feeder, "AT_ONCE", 2)
    mortal = Mortal(database.engine.url.render_as_string(hide_password=False))
    mortal.kept = kept
    files = Files(mortal, storage)
    batches = Batches(mortal, files, Videos(mortal, settings), Plain())
    deaths, alive = 0, True
    while alive:
        batch = begin(batches, "a", "refuse", "b")
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
) -> None:
    monkeypatch.setattr(feeder, "CHUNK", 5)
    monkeypatch.setattr(feeder, "AT_ONCE", 4)
    prompts = [f"{i:02}" for i in range(24)]
    batch = begin(batches, *prompts)
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


def test_a_file_that_another_server_wrote_before_it_died_is_not_written_again(
    monkeypatch: pytest.MonkeyPatch,
    database: Database,
    storage: Storage,
    videos: Videos,
    batches: Batches,
    files: Files,
    queue: Queue,
) -> None:
    batch = begin(batches, "a")
    while batches.get("ann", batch.id).state != "finalizing":
        batches.tick()
        make_all(queue)
    mortal = Mortal(database.engine.url.render_as_string(hide_password=False))
    other = Batches(mortal, Files(mortal, storage), videos, Plain())
    tell = Plain.tell

    def overtaken(self: Plain, video: Video) -> Told:
        monkeypatch.setattr(Plain, "tell", tell)
        mortal.left, mortal.kept = 1, True
        with pytest.raises(Killed):
            other.tick()
        return self.tell(video)

    monkeypatch.setattr(Plain, "tell", overtaken)
    batches.tick()
    mortal.close()
    written = files.list("ann", purpose="batch_output").items
    assert [file.id for file in written] == [carry(batches, batch).output_file_id]


def test_a_video_that_is_queued_while_its_batch_is_cancelled_is_cancelled_too(
    monkeypatch: pytest.MonkeyPatch,
    database: Database,
    batches: Batches,
    queue: Queue,
) -> None:
    batch = begin(batches, "a")
    batches.tick()
    note = feeder._note

    def end() -> None:
        batches.cancel("ann", batch.id)
        carry(batches, batch)

    ending = threading.Thread(target=end)

    def late(session: Session, batch: Batch, number: int, **values: object) -> None:
        note(session, batch, number, **values)
        session.flush()
        ending.start()
        ending.join(0.5)  # it must wait for this transaction, and so outlasts the half second

    monkeypatch.setattr(feeder, "_note", late)
    batches.tick()
    ending.join()
    assert batches.get("ann", batch.id).state == "cancelled"
    assert [video.state for video in videos_of(database, batch)] == ["cancelled"]


def test_the_bodies_of_lines_go_once_they_have_been_of_use(
    database: Database, batches: Batches, queue: Queue
) -> None:
    carry(batches, begin(batches, "a", "refuse"), queue)
    with database.read() as session:
        assert session.scalars(select(BatchLine.body)).all() == [{}, {}]
