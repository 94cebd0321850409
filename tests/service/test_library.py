"""The library: what is noted, what is found, and what comes back."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, select, update

from pleinair.errors import InputError, NotFoundError
from pleinair.service.db import Database
from pleinair.service.files import Files
from pleinair.service.library import UNDO, Library, Wanted
from pleinair.service.materials import Materials
from pleinair.service.queue import Queue
from pleinair.service.storage import Storage
from pleinair.service.tables import Video
from pleinair.service.tidy import LATE, Housekeeper
from pleinair.service.videos import Videos
from tests.service.conftest import made

Ask = Callable[..., Video]


@pytest.fixture
def library(database: Database) -> Library:
    return Library(database)


@pytest.fixture
def keeper(database: Database, storage: Storage, queue: Queue) -> Housekeeper:
    files, materials = Files(database, storage), Materials(database, storage)
    return Housekeeper(database, storage, queue, materials, files)


@pytest.fixture
def film(ask: Ask, queue: Queue, storage: Storage) -> Callable[[], Video]:
    """A finished video whose file is stored."""

    def make() -> Video:
        video = ask()
        claim = queue.claim("w1", ["test-card"])
        assert claim is not None
        handed = made(claim)
        storage.put(handed.artifacts[0].key, b"film")
        queue.complete(claim, handed)
        return video

    return make


def _found(videos: Videos, **wanted: object) -> list[str]:
    where = Wanted(**wanted).conditions()  # type: ignore[arg-type]
    return [video.prompt for video in videos.list("ann", None, 20, "asc", *where).items]


def _say(database: Database, video: Video, **values: object) -> None:
    with database.write() as session:
        session.execute(update(Video).where(Video.id == video.id).values(**values))


def test_what_is_noted_stays_and_what_is_left_out_too(
    library: Library, videos: Videos, ask: Ask
) -> None:
    video = ask()
    assert (video.favourite, video.folder) == (False, None)
    library.mark("ann", video.id, favourite=True, folder="  Harbours ")
    library.mark("ann", video.id, favourite=False)
    found = videos.get("ann", video.id)
    assert (found.favourite, found.folder) == (False, "Harbours")
    assert library.mark("ann", video.id, folder=None).folder is None
    for folder in ("x" * 81, "a\nb", "a\0b", "\ud800"):
        with pytest.raises(InputError, match="folder"):
            library.mark("ann", video.id, folder=folder)
    with pytest.raises(NotFoundError):
        library.mark("bob", video.id, favourite=True)


def test_folders_are_those_that_have_videos(library: Library, videos: Videos, ask: Ask) -> None:
    made = [ask() for _ in range(4)]
    for video, folder in zip(made, ["Sea", "Air", "Sea", None], strict=True):
        library.mark("ann", video.id, folder=folder)
    library.mark("bob", ask("bob").id, folder="Bob's")
    told = [(folder.name, folder.videos) for folder in library.folders("ann")]
    assert told == [("Air", 1), ("Sea", 2)]
    videos.delete("ann", made[1].id)
    assert [folder.name for folder in library.folders("ann")] == ["Sea"]


def test_a_search_finds_all_words_in_any_case_and_takes_them_literally(
    database: Database, videos: Videos, ask: Ask
) -> None:
    for prompt in ("Un été à la mer", "100% of a LAKE_side", "a lake at night"):
        _say(database, ask(), prompt=prompt)
    assert _found(videos, search="lake") == ["100% of a LAKE_side", "a lake at night"]
    assert _found(videos, search="NIGHT  lake") == ["a lake at night"]
    assert _found(videos, search="0%") == ["100% of a LAKE_side"]
    assert _found(videos, search="%night") == []
    assert _found(videos, search="lake_") == ["100% of a LAKE_side"]
    assert _found(videos, search="Un mer") == ["Un été à la mer"]
    assert len(_found(videos, search="  ")) == 3
    with pytest.raises(InputError, match="20 words"):
        _found(videos, search="a " * 21)


def test_letters_with_accents_have_no_case_either(
    database: Database, videos: Videos, ask: Ask
) -> None:
    if not database.sqlite:
        pytest.skip("PostgreSQL folds the letters of its own locale")
    _say(database, ask(), prompt="Été")
    assert _found(videos, search="éTÉ") == ["Été"]


def test_filters_combine_with_each_other_and_with_pages(
    database: Database, library: Library, videos: Videos, ask: Ask
) -> None:
    ids = [ask().id for _ in range(6)]
    for name in ids[:4]:
        library.mark("ann", name, folder="Sea", favourite=True)
    videos.cancel("ann", ids[0])
    library.mark("ann", ids[1], favourite=False)
    where = Wanted(favourite=True, folder="Sea", search="lake", status="queued").conditions()
    first = videos.list("ann", None, 1, "asc", *where)
    assert (first.last_id, first.has_more) == (ids[2], True)
    second = videos.list("ann", first.last_id, 1, "asc", *where)
    assert (second.last_id, second.has_more) == (ids[3], False)
    failed = videos.list("ann", None, 9, "asc", *Wanted(status="failed").conditions())
    assert [video.id for video in failed.items] == [ids[0]]
    nowhere = videos.list("ann", None, 9, "asc", *Wanted(folder="").conditions())
    assert [video.id for video in nowhere.items] == ids[4:]


def test_a_deleted_video_comes_back_whole_and_where_it_was(
    library: Library,
    videos: Videos,
    film: Callable[[], Video],
    keeper: Housekeeper,
    storage: Storage,
    database: Database,
) -> None:
    before, video, after = film(), film(), film()
    library.mark("ann", video.id, folder="Sea")
    videos.delete("ann", video.id)
    _say(database, video, deleted_at=database.time() - UNDO + 5)
    keeper.tidy()
    with pytest.raises(NotFoundError):
        videos.artifacts("ann", video.id)
    with pytest.raises(NotFoundError):
        library.restore("bob", video.id)
    back = library.restore("ann", video.id)
    assert (back.state, back.folder) == ("completed", "Sea")
    assert storage.get(videos.artifacts("ann", video.id)[0].key) == b"film"
    listed = [one.id for one in videos.list("ann", None, 9, "asc").items]
    assert listed == [before.id, video.id, after.id]
    assert library.restore("ann", video.id).deleted_at is None


def test_after_ten_minutes_it_is_gone_and_a_little_later_its_files_are(
    library: Library,
    videos: Videos,
    film: Callable[[], Video],
    keeper: Housekeeper,
    storage: Storage,
    database: Database,
) -> None:
    video = film()
    videos.delete("ann", video.id)
    _say(database, video, deleted_at=database.time() - UNDO - 1)
    keeper.tidy()
    assert list(storage.list(f"videos/{video.id}")), "nobody knows yet who was just restoring it"
    with pytest.raises(NotFoundError):
        library.restore("ann", video.id)
    _say(database, video, deleted_at=database.time() - UNDO - LATE - 1)
    keeper.tidy()
    assert not list(storage.list(f"videos/{video.id}"))
    with pytest.raises(NotFoundError):
        library.restore("ann", "video_never")


def test_what_its_deletion_cancelled_comes_back_cancelled(
    library: Library, videos: Videos, queue: Queue, ask: Ask, database: Database
) -> None:
    video = ask()
    assert queue.claim("w1", ["test-card"]) is not None
    videos.delete("ann", video.id)
    back = library.restore("ann", video.id)
    assert (back.state, back.error_code) == ("cancelled", "cancelled")
    assert queue.claim("w1", ["test-card"]) is None
    with database.read() as session:
        assert session.scalars(select(Video.completed_at)).one() is not None


def test_the_plain_list_reads_its_index(database: Database, videos: Videos) -> None:
    if not database.sqlite:
        pytest.skip("an empty table is read whole by PostgreSQL")
    asked: list[tuple[str, Any]] = []

    def note(*args: Any) -> None:  # noqa: ANN401
        asked.append((args[2], args[3]))

    event.listen(database.engine, "before_cursor_execute", note)
    videos.list("ann", None, 20, "desc")
    event.remove(database.engine, "before_cursor_execute", note)
    statement, values = asked[-1]
    with database.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    assert "ix_videos_owner_created_at_id" in str(plan)
    assert "TEMP B-TREE" not in str(plan)
