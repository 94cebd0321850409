"""Chaos: workers, submitters and housekeepers that are killed and paused while they work.

Killing alone does not reveal a missing fence; a worker that was paused past its lease and wakes up
does. So there is both. What is killed is the product's own code, started in processes that fork
from a server with everything imported, so that a thousand kills take a minute.
"""

import hashlib
import multiprocessing
import os
import random
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path

from sqlalchemy import ColumnElement, func, select

from pleinair.request import VideoRequest
from pleinair.service.db import Database
from pleinair.service.queue import Claim, Queue
from pleinair.service.storage import Storage
from pleinair.service.tables import ACTIVE, COMPLETED, RUNNING, Artifact, Event, Usage, Video
from pleinair.service.videos import Draft, Videos
from pleinair.service.worker import Worker
from pleinair.settings import ServiceSettings, Settings

LEASE = 0.3
WORKERS = 3
MOST_WAITING = 40  # enough to do at any moment, and soon done in the end
SECRET = b"chaos"
_CONTEXT = multiprocessing.get_context("forkserver")
# What is installed can be imported there; this module itself cannot, and costs little.
_CONTEXT.set_forkserver_preload(["pleinair.service.worker", "pleinair.backends.testcard"])


@dataclass(frozen=True)
class Plan:
    """What happens: how many kills and pauses, in an order drawn from the seed."""

    settings: ServiceSettings
    kills: int
    pauses: int
    seed: int
    fenced: bool = True


@dataclass(frozen=True)
class Outcome:
    """What came of it; everything but the first three should be 0."""

    kills: int
    pauses: int
    acknowledged: int
    lost: int
    charged_twice: int
    delivered_twice: int
    stale: int
    broken: int
    seconds: float

    @property
    def harm(self) -> int:
        """All that must not be."""
        return self.lost + self.charged_twice + self.delivered_twice + self.stale + self.broken


def settings_of(home: Path, database: str = "") -> ServiceSettings:
    """Settings under which leases are short and nothing is given up."""
    return ServiceSettings(
        home=home,
        database=database,
        models=("test-card",),
        rate=0,
        max_queued_each=100_000,
        max_queued=100_000,
        lease=LEASE,
        stall=5.0,
        tries=1_000_000,
    )


def run(plan: Plan) -> Outcome:
    """Carry the plan out, let what is left be finished in peace, and count."""
    started = time.monotonic()
    plan.settings.home.mkdir(parents=True, exist_ok=True)
    log = plan.settings.home / "acknowledged"
    log.touch()
    database = Database(plan.settings.database_url)
    database.migrate()
    rng = random.Random(plan.seed)
    jobs = [work] * WORKERS + [submit, keep_house]
    children = [start(job, plan, i) for i, job in enumerate(jobs)]
    events = ["kill"] * plan.kills + ["pause"] * plan.pauses
    rng.shuffle(events)
    sleeping: dict[int, float] = {}
    for event in events:
        busy = busy_workers(database, children, sleeping)
        time.sleep(rng.uniform(0.0, 0.06))  # a video takes about as long: any moment of it
        if event == "pause":
            i = rng.choice(busy or [0])
            os.kill(_pid(children[i]), signal.SIGSTOP)
            sleeping[i] = time.monotonic() + rng.uniform(1.5, 3) * LEASE
        else:
            i = rng.choices(range(len(jobs)), weights=[5] * WORKERS + [2, 1])[0]
            _kill(children[i])
            sleeping.pop(i, None)
            children[i] = start(jobs[i], plan, i)
    time.sleep(3 * LEASE)
    _wake(children, sleeping, everybody=True)
    time.sleep(LEASE)  # those that were paused finish what they began, or try to
    for child in children:
        _kill(child)
    drain(plan, database)
    return _count(plan, database, started)


def work(plan: Plan) -> None:
    """A worker, as `pleinair worker` runs it."""
    if not plan.fenced:
        Queue._mine = _anybodys  # type: ignore[method-assign,assignment]
    Worker(Settings(), plan.settings).run(threading.Event())


def submit(plan: Plan) -> None:
    """A server that takes creates; an id is acknowledged once it is in the log."""
    videos = Videos(Database(plan.settings.database_url), plan.settings)
    rng = random.Random()
    active = select(func.count()).select_from(Video).where(Video.state.in_(ACTIVE))
    with (plan.settings.home / "acknowledged").open("a") as log:
        while True:
            with videos.database.read() as session:
                enough = session.scalars(active).one() >= MOST_WAITING
            if enough:
                time.sleep(0.02)
                continue
            request = VideoRequest(
                f"a lake {rng.random()}",
                model="test-card",
                seconds=0.1,
                width=32,
                height=32,
                fps=10,
                steps=2,
            )
            draft = Draft("create", "test-card", request, 0.1)
            receipt = videos.create(f"user {rng.randrange(3)}", draft)
            log.write(f"{receipt.video.id}\n")
            log.flush()
            time.sleep(rng.uniform(0.02, 0.06))


def keep_house(plan: Plan) -> None:
    """A server's rescue of what silent workers held."""
    queue = Queue.of(Database(plan.settings.database_url), plan.settings)
    while True:
        queue.rescue()
        time.sleep(LEASE / 3)


def _anybodys(_: Queue, claim: Claim) -> list[ColumnElement[bool]]:
    """No fence: whoever ever claimed the video may write."""
    return [Video.id == claim.id]


def start(job: object, plan: Plan, i: int) -> BaseProcess:
    process = _CONTEXT.Process(target=_quiet, args=(job, plan), name=f"chaos {i}", daemon=True)
    process.start()
    return process


def _quiet(job: object, plan: Plan) -> None:
    """Run with what is said in a file: those who are killed leave broken lines."""
    said = os.open(plan.settings.home / "said", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(said, 1)
    os.dup2(said, 2)
    assert callable(job)
    job(plan)


def _pid(process: BaseProcess) -> int:
    assert process.pid is not None
    return process.pid


def _kill(process: BaseProcess) -> None:
    process.kill()
    process.join()


def busy_workers(
    database: Database, children: list[BaseProcess], sleeping: dict[int, float]
) -> list[int]:
    """The workers that are awake and make a video: waited for, but not for ever."""
    held = select(Video.worker).where(Video.state == RUNNING)
    end = time.monotonic() + 2.0
    while True:
        _wake(children, sleeping)
        with database.read() as session:
            pids = {str(name).split("-")[-2] for name in session.scalars(held)}
        awake = [i for i in range(min(WORKERS, len(children))) if i not in sleeping]
        busy = [i for i in awake if str(children[i].pid) in pids]
        if busy or time.monotonic() > end:
            return busy
        time.sleep(0.005)


def _wake(children: list[BaseProcess], sleeping: dict[int, float], everybody: bool = False) -> None:
    for i, until in list(sleeping.items()):
        if everybody or time.monotonic() > until:
            with suppress(ProcessLookupError):
                os.kill(_pid(children[i]), signal.SIGCONT)
            del sleeping[i]


def drain(plan: Plan, database: Database) -> None:
    """Two workers in peace, with a lease that a busy machine does not break."""
    calm = replace(plan, settings=replace(plan.settings, lease=30.0), fenced=True)
    queue = Queue.of(database, calm.settings)
    children = [start(work, calm, i) for i in range(2)]
    # Without the fence some are never done: another's failure queues again what was completed.
    end = time.monotonic() + (300 if plan.fenced else 10)
    active = select(func.count()).select_from(Video).where(Video.state.in_(ACTIVE))
    while time.monotonic() < end:
        queue.rescue()
        with database.read() as session:
            if not session.scalars(active).one():
                break
        time.sleep(0.1)
    for child in children:
        _kill(child)


def _count(plan: Plan, database: Database, started: float) -> Outcome:
    storage = Storage(plan.settings.storage_url, SECRET)
    log = (plan.settings.home / "acknowledged").read_text().split("\n")
    acknowledged = set(log[:-1])  # what was killed in the middle of a line told nobody
    with database.read() as session:
        videos = {video.id: video for video in session.scalars(select(Video))}
        usage = select(Usage.video_id, func.count()).group_by(Usage.video_id)
        charges = dict(session.execute(usage).all())
        told = (
            select(Event.video_id, func.count())
            .where(Event.type == "video.completed")
            .group_by(Event.video_id)
        )
        events = dict(session.execute(told).all())
        artifacts = list(session.scalars(select(Artifact)))
    database.close()
    done = {key for key, video in videos.items() if video.state == COMPLETED}
    attempts = [
        artifact.key.split("/")[2] == str(videos[artifact.video_id].attempt)
        for artifact in artifacts
    ]
    whole = [
        hashlib.sha256(storage.get(artifact.key)).hexdigest() == artifact.sha256
        for artifact in artifacts
    ]
    return Outcome(
        kills=plan.kills,
        pauses=plan.pauses,
        acknowledged=len(acknowledged),
        lost=len(acknowledged - done),
        charged_twice=sum(charges.get(key, 0) != 1 for key in done)
        + sum(key not in done for key in charges),
        delivered_twice=sum(events.get(key, 0) != 1 for key in done),
        stale=attempts.count(False),
        broken=whole.count(False) + abs(len(artifacts) - 3 * len(done)),
        seconds=time.monotonic() - started,
    )
