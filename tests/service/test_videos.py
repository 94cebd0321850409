import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import func, select, update

from pleinair.errors import BusyError, ConflictError, InputError, NotFoundError, ReusedKeyError
from pleinair.service.db import Database
from pleinair.service.queue import LostError, Queue
from pleinair.service.storage import Storage
from pleinair.service.tables import BATCH, Video
from pleinair.service.videos import Call, Draft, Videos
from pleinair.settings import ServiceSettings
from tests.service.conftest import SMALL, made

Ask = Callable[..., Video]


def _finish(queue: Queue) -> str:
    claim = queue.claim("w1", ["test-card"])
    assert claim is not None
    queue.complete(claim, made(claim))
    return claim.id


def test_an_owner_sees_only_their_own(videos: Videos, ask: Ask) -> None:
    video = ask("ann")
    assert videos.get("ann", video.id).prompt == "a lake"
    for call in (videos.get, videos.cancel, videos.delete, videos.artifacts, videos.source):
        with pytest.raises(NotFoundError, match=video.id):
            call("bob", video.id)
    assert videos.list("bob", None, 20, "desc").items == ()


def test_pages_follow_one_another_in_both_orders(videos: Videos, ask: Ask) -> None:
    ids = [ask("ann").id for _ in range(5)]
    for order, expected in (("asc", ids), ("desc", ids[::-1])):
        found: list[str] = []
        after = None
        while True:
            page = videos.list("ann", after, 2, order)
            found += [video.id for video in page.items]
            after = page.last_id
            if not page.has_more:
                break
        assert found == expected
    with pytest.raises(InputError, match="after"):
        videos.list("ann", "video_no", 2, "asc")


def test_files_are_there_once_it_is_finished(videos: Videos, queue: Queue, ask: Ask) -> None:
    video = ask()
    with pytest.raises(NotFoundError, match="not ready yet"):
        videos.artifacts("ann", video.id)
    with pytest.raises(ConflictError, match="queued"):
        videos.source("ann", video.id)
    _finish(queue)
    assert videos.source("ann", video.id)[1].variant == "video"


def test_files_that_have_expired_are_not_there(
    videos: Videos, queue: Queue, database: Database, ask: Ask
) -> None:
    video = ask()
    _finish(queue)
    with database.write() as session:
        session.execute(update(Video).values(expires_at=1.0))
    with pytest.raises(NotFoundError, match="expired"):
        videos.artifacts("ann", video.id)


def test_cancelling_ends_what_waits_and_what_runs(videos: Videos, queue: Queue, ask: Ask) -> None:
    waiting = ask()
    assert videos.cancel("ann", waiting.id).state == "cancelled"
    running = ask()
    claim = queue.claim("w1", ["test-card"])
    assert claim is not None
    videos.cancel("ann", running.id)
    assert not queue.holds(claim)
    with pytest.raises(LostError):
        queue.complete(claim, made(claim))
    assert queue.claim("w1", ["test-card"]) is None
    with pytest.raises(ConflictError, match="cancelled already"):
        videos.cancel("ann", running.id)


def test_a_finished_video_cannot_be_cancelled(videos: Videos, queue: Queue, ask: Ask) -> None:
    ask()
    done = _finish(queue)
    with pytest.raises(ConflictError, match="completed already"):
        videos.cancel("ann", done)
    assert videos.artifacts("ann", done)


def test_a_deleted_video_is_gone_and_its_worker_writes_nothing(
    videos: Videos, queue: Queue, ask: Ask
) -> None:
    video = ask()
    claim = queue.claim("w1", ["test-card"])
    assert claim is not None
    videos.delete("ann", video.id)
    with pytest.raises(LostError):
        queue.complete(claim, made(claim))
    with pytest.raises(NotFoundError):
        videos.get("ann", video.id)
    assert videos.list("ann", None, 20, "desc").items == ()
    with pytest.raises(NotFoundError):
        videos.delete("ann", video.id)


def test_an_extension_of_extensions_is_counted(videos: Videos, ask: Ask) -> None:
    before = ask().id
    assert videos.chain("ann", before, "extend") == 0
    for _ in range(3):
        before = ask(kind="extend", remixed_from=before).id
    assert videos.chain("ann", before, "extend") == 3


def test_a_key_makes_one_video_and_takes_no_other_request(videos: Videos, ask: Ask) -> None:
    first = ask(call=Call("same", key="k"))
    assert ask(call=Call("same", key="k")).id == first.id
    assert ask("bob", call=Call("same", key="k")).id != first.id
    known = videos.known("ann", Call("same", key="k"))
    assert known is not None
    assert known.video.id == first.id
    assert not known.fresh
    with pytest.raises(ReusedKeyError, match="Idempotency-Key"):
        ask(call=Call("other", key="k"))


def test_a_repetition_finds_the_video_of_the_try_before(ask: Ask) -> None:
    first = ask(call=Call("same"))
    assert ask(call=Call("same", retry=1)).id == first.id
    assert ask(call=Call("same", retry=2)).id == first.id


def test_two_first_tries_are_two_videos_and_each_is_found_once(ask: Ask) -> None:
    ids = {ask(call=Call("same")).id for _ in range(2)}
    assert len(ids) == 2
    assert {ask(call=Call("same", retry=1)).id for _ in range(2)} == ids
    assert ask(call=Call("same", retry=1)).id not in ids


def test_a_first_try_that_arrives_after_its_repetition_finds_it(ask: Ask) -> None:
    slow = Call("same")
    again = ask(call=Call("same", retry=1))
    assert ask(call=slow).id == again.id
    assert ask(call=Call("same")).id != again.id


def test_another_request_or_owner_is_no_repetition(ask: Ask) -> None:
    first = ask(call=Call("same"))
    assert ask(call=Call("other", retry=1)).id != first.id
    assert ask("bob", call=Call("same", retry=1)).id != first.id


def test_an_old_create_is_not_taken_for_the_try_before(database: Database, ask: Ask) -> None:
    first = ask(call=Call("same"))
    with database.write() as session:
        session.execute(update(Video).values(created_at=Video.created_at - 700))
    assert ask(call=Call("same", retry=1)).id != first.id


def test_many_tries_at_once_make_one_video(videos: Videos, database: Database) -> None:
    draft = Draft("create", "test-card", SMALL, 1.0)
    ids: list[str] = []

    def one(retry: int) -> None:
        ids.append(videos.create("ann", draft, Call("same", key="k", retry=retry)).video.id)

    threads = [threading.Thread(target=one, args=(i % 3,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8
    assert len(set(ids)) == 1
    with database.read() as session:
        assert session.scalars(select(func.count()).select_from(Video)).one() == 1


def _with(videos: Videos, settings: ServiceSettings) -> Videos:
    return Videos(videos.database, settings)


def test_a_full_queue_refuses_with_a_time(
    videos: Videos, queue: Queue, settings: ServiceSettings
) -> None:
    small = _with(videos, replace(settings, max_queued=3, max_queued_each=2))
    draft = Draft("create", "test-card", SMALL, 1.0)
    small.create("ann", draft)
    small.create("ann", draft)
    with pytest.raises(BusyError, match="at most 2") as caught:
        small.create("ann", draft)
    assert caught.value.retry_after > 0
    small.create("bob", draft)
    with pytest.raises(BusyError, match="queue is full"):
        small.create("cat", draft)
    assert small.create("ann", replace(draft, lane=BATCH, batch_id="batch_1")).fresh
    _finish(queue)
    _finish(queue)
    assert small.create("cat", draft).fresh


def test_a_repetition_is_answered_even_when_the_queue_is_full(
    videos: Videos, settings: ServiceSettings
) -> None:
    small = _with(videos, replace(settings, max_queued=1))
    draft = Draft("create", "test-card", SMALL, 1.0)
    first = small.create("ann", draft, Call("same", key="k"))
    assert small.create("ann", draft, Call("same", key="k")).video.id == first.video.id


def test_the_rate_is_told_and_kept(
    videos: Videos, database: Database, settings: ServiceSettings
) -> None:
    slow = _with(videos, replace(settings, rate=3))
    draft = Draft("create", "test-card", SMALL, 1.0)
    receipts = [slow.create("ann", draft) for _ in range(3)]
    assert [receipt.allowance.remaining for receipt in receipts] == [2, 1, 0]
    assert {receipt.allowance.limit for receipt in receipts} == {3}
    assert all(0 < receipt.allowance.reset <= 60 for receipt in receipts)
    with pytest.raises(BusyError, match="a minute") as caught:
        slow.create("ann", draft)
    assert 0 < caught.value.retry_after <= 60
    assert slow.create("bob", draft).allowance.remaining == 2
    with database.write() as session:
        session.execute(update(Video).values(created_at=Video.created_at - 61))
    assert slow.create("ann", draft).allowance.remaining == 2


def test_storage_is_not_touched_by_looking(storage: Storage, videos: Videos, ask: Ask) -> None:
    video = ask()
    videos.get("ann", video.id)
    assert list(storage.list("videos/")) == []
