"""Promise 19: a backup that was taken under load restores, and work goes on."""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

import pytest
from sqlalchemy import func, select

from pleinair.errors import NotFoundError
from pleinair.request import VideoRequest
from pleinair.service import restore as restoring
from pleinair.service import tidy
from pleinair.service.backup import take
from pleinair.service.db import Database
from pleinair.service.endpoints import Endpoints
from pleinair.service.fetch import Guard
from pleinair.service.files import Files
from pleinair.service.materials import Materials
from pleinair.service.queue import Queue
from pleinair.service.restore import restore
from pleinair.service.storage import Storage
from pleinair.service.tables import Artifact, Event, Usage, Video
from pleinair.service.tidy import Housekeeper
from pleinair.service.videos import Draft, Videos
from pleinair.service.worker import Worker
from pleinair.settings import ServiceSettings, Settings
from tests.postgres import fresh_database
from tests.promises.figure import publish_table
from tests.service.shelf import finish, loose

BACKUPS = 50 if os.environ.get("FIGURES_OUT") else 5
SEED = 19
SLOW = 0.004  # seconds that a stored file takes to be read: so a backup takes long enough
TINY = VideoRequest(
    "a lake", model="test-card", seconds=0.2, width=32, height=32, fps=10, steps=2, seed=1
)


@dataclass
class Outcome:
    """What was restored, and what must not be."""

    backups: int = 0
    videos: int = 0
    files: int = 0
    gone: int = 0
    no_file: int = 0
    no_row: int = 0
    invalid: int = 0
    idle: int = 0
    seconds: list[float] = field(default_factory=list)

    @property
    def harm(self) -> int:
        """All that must be 0."""
        return self.no_file + self.no_row + self.invalid + self.idle


class Disk(Storage):
    """A folder on a slow disk."""

    def stream(
        self, key: str, start: int = 0, end: int | None = None, chunk: int = 1024
    ) -> Iterator[bytes]:
        time.sleep(SLOW)
        return super().stream(key, start, end, chunk)


@contextmanager
def load(settings: ServiceSettings) -> Iterator[tuple[Database, Storage]]:
    """A server in use: creates, completions, uploads, deletes and clean-up go on beside."""
    database = Database(settings.database_url)
    database.migrate()
    storage = Disk(settings.storage_url, b"load")
    videos, files = Videos(database, settings), Files(database, storage)
    queue, rng = Queue.of(database, settings), random.Random(SEED)
    keeper = Housekeeper(database, storage, queue, Materials(database, storage), files)
    hook = ["video.completed", "video.failed"]
    Endpoints(database, b"load", Guard()).create("ann", "hook", "https://a.example/", hook)

    def create() -> None:
        videos.create(rng.choice(["ann", "bob"]), Draft("create", "test-card", TINY, 0.2))

    def make() -> None:
        with database.read() as session:
            waiting = session.scalars(select(Video.id).where(Video.state == "queued")).first()
        if waiting and rng.random() < 0.05:
            queue.claim("w2", ["test-card"])  # and it stays in the making
        elif waiting:
            finish(queue, storage)

    def upload() -> None:
        files.create("ann", "a.bin", rng.randbytes(2000), "user_data")

    def drop() -> None:
        with database.read() as session:
            ended = select(Video.id, Video.owner).where(
                Video.state == "completed", Video.deleted_at.is_(None)
            )
            found = session.execute(ended).all()
        if len(found) > 10:
            video = rng.choice(found)
            videos.delete(video.owner, video.id)
        kept = files.list("ann").items
        if len(kept) > 5:
            with suppress(NotFoundError):
                files.delete("ann", rng.choice(kept).id)
        keeper.tidy()

    stop = threading.Event()

    def repeat(act: Callable[[], None], rest: float) -> None:
        while not stop.wait(rest):
            act()

    for act in (create, make, upload):  # something to begin with
        for _ in range(12):
            act()
    tasks = {create: 0.02, make: 0.02, upload: 0.05, drop: 0.03}
    threads = [threading.Thread(target=repeat, args=task) for task in tasks.items()]
    for thread in threads:
        thread.start()
    try:
        yield database, storage
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        database.close()


def measure(settings: ServiceSettings, places: Iterator[ServiceSettings], backups: int) -> Outcome:
    """Take backups under load, then restore each into a place of its own and look."""
    outcome = Outcome()
    folders = [settings.home / f"backup-{i}" for i in range(backups)]
    with load(settings) as (database, storage):
        for folder in folders:
            outcome.gone += len(take(database, storage, folder).gone)
    for folder in folders:
        look(folder, next(places), outcome)
    return outcome


def look(folder: Path, place: ServiceSettings, outcome: Outcome) -> None:
    """Restore one backup, count what is wrong, and have a worker go on."""
    database = Database(place.database_url)
    storage = Storage(place.storage_url, b"another")
    started = time.monotonic()
    taken_at = restore(folder, database, storage).taken_at
    outcome.seconds.append(time.monotonic() - started)
    no_file, no_row = loose(database, storage)
    outcome.backups += 1
    outcome.no_file += len(no_file)
    outcome.no_row += len(no_row)
    outcome.invalid += invalid(database, taken_at)
    outcome.files += len(list(storage.list()))
    worker = Worker(Settings(), place, database=database, storage=storage)
    with database.read() as session:
        outcome.videos += session.scalars(select(func.count()).select_from(Video)).one()
        waiting = session.scalars(select(func.count()).where(Video.state == "queued")).one()
    done = worker.run_one()
    with database.read() as session:
        left = session.scalars(select(func.count()).where(Video.state == "queued")).one()
    outcome.idle += not done or left != waiting - 1 or bool(invalid(database, taken_at))
    database.close()


def invalid(database: Database, taken_at: float) -> int:
    """Videos in a state that cannot be, or that contradicts what is kept beside them.

    One that had expired when the backup was taken, or was deleted, may have files or not.
    """
    with database.read() as session:
        videos = session.scalars(select(Video)).all()
        shelved = set(session.scalars(select(Artifact.video_id)))
        paid = set(session.scalars(select(Usage.video_id)))
        told = set(session.scalars(select(Event.video_id)))
    wrong = 0
    for video in videos:
        kept = video.state == "completed" and not video.purged_at
        expired = video.expires_at is not None and video.expires_at <= taken_at
        due = expired or video.deleted_at is not None
        ended = video.state in ("completed", "failed", "cancelled")
        wrong += (
            not (ended or video.state == "queued")
            or ((video.id in shelved) != kept and not (kept and due))
            or (video.id in paid) != (video.state == "completed")
            or (ended and video.state == "completed" and video.id not in told)
            or video.lease_until is not None
            or (video.state == "queued" and (video.worker is not None or video.tries != 0))
        )
    return wrong


@pytest.fixture
def outcomes(
    tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[[int], dict[str, Outcome]]:
    """Measures so many backups on each kind of database."""
    monkeypatch.setattr(tidy, "LATE", 0.0)  # files of deleted videos go at once
    monkeypatch.setattr(tidy, "UNDO", 0.0)
    settings = ServiceSettings(
        home=tmp_path, models=("test-card",), rate=0, keep_hours=2 / 3600, max_queued=10**6
    )

    def places(kind: str) -> Iterator[ServiceSettings]:
        for i in range(BACKUPS):
            home = tmp_path / f"{kind}-{i}"
            if kind == "sqlite":
                yield replace(settings, home=home)
                continue
            with fresh_database(postgres) as url:
                yield replace(settings, home=home, database=url)

    def run(backups: int) -> dict[str, Outcome]:
        found = {}
        for kind, count in {"sqlite": backups - backups // 2, "postgres": backups // 2}.items():
            home = tmp_path / kind
            with fresh_database(postgres) as url:
                used = replace(settings, home=home, database=url if kind == "postgres" else "")
                found[kind] = measure(used, places(kind), count)
        return found

    return run


def test_backups_taken_under_load_restore(outcomes: Callable[[int], dict[str, Outcome]]) -> None:
    found = outcomes(BACKUPS)
    for kind, outcome in found.items():
        assert outcome.harm == 0, (kind, outcome)
        assert outcome.gone > 0, "nothing was deleted while a backup was taken"
        assert outcome.videos > 20 * outcome.backups / 2
    publish_table(
        "promise-19",
        "Backups taken while videos were created, completed and deleted, each restored",
        [
            {
                "database": kind,
                "backups": outcome.backups,
                "videos restored": outcome.videos,
                "files restored": outcome.files,
                "deleted meanwhile": outcome.gone,
                "rows without file": outcome.no_file,
                "files without row": outcome.no_row,
                "invalid states": outcome.invalid,
                "where no worker went on": outcome.idle,
                "seconds to restore, median": median(outcome.seconds),
            }
            for kind, outcome in found.items()
        ],
        n=BACKUPS,
        seeds=[SEED],
        notes="Small files. After each restore a worker made the next video.",
    )


def test_without_what_the_manifest_says_it_would_show(
    outcomes: Callable[[int], dict[str, Outcome]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restoring._Source, "_leaves_out", lambda *_: False)
    with pytest.raises(Exception, match=r"no stored file|No such file|cannot be used"):
        outcomes(4)
