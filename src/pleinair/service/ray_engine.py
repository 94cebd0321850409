"""Workers on a Ray cluster: Ray places them and starts them anew, the database tells the truth.

Ray is a placer of processes here and nothing else: videos are claimed, cancelled and completed
through the database, as everywhere. Nothing but this file knows of Ray.
"""

import os
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import structlog

from pleinair.backends import ranges
from pleinair.errors import InputError, UnavailableError
from pleinair.service import log as logs
from pleinair.service import memory, presence
from pleinair.service.child import Plan
from pleinair.service.db import Database
from pleinair.service.engine import LAST
from pleinair.service.presence import HOST
from pleinair.service.queue import Queue
from pleinair.service.worker import Worker
from pleinair.settings import ServiceSettings, Settings

_LOOK = 0.5
_ANSWER = 2.0  # seconds in which a living worker says that it is there
log = structlog.get_logger()


@dataclass(frozen=True)
class Cluster:
    """Where workers are placed.

    Attributes:
        address: of a running cluster, such as ``10.0.0.5:6379`` or ``auto``; a cluster of this
            machine alone is started, and ended with the engine, if None.
        cpus, gpus: what each worker takes of a machine; a GPU for each rank at least, where the
            cluster has any and a video is made by several. The machine that the engine runs on
            needs none of them.
    """

    address: str | None = None
    cpus: float = 1.0
    gpus: float = 0.0

    def __post_init__(self) -> None:
        """Check the amounts."""
        for name in ("cpus", "gpus"):
            if getattr(self, name) < 0:
                raise InputError(f"worker_{name}", getattr(self, name), "0 and more")

    def gpus_of(self, ranks: int, there: float) -> float:
        """GPUs to ask for, for one worker.

        Args:
            ranks: that make one video; each takes a GPU where there are any.
            there: GPUs of the cluster.
        """
        return max(self.gpus, ranks) if ranks > 1 and there else self.gpus


class Post:
    """A worker's place on the cluster: an actor, which Ray starts anew wherever it dies."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._stop = threading.Event()

    def work(self) -> None:
        """Be a worker until told to stop; Ray calls this again after each new start."""
        logs.configure(json=True)
        plan = self.plan
        memory.limit_process(plan.service.memory_gb)
        ranges.executor = Tasks
        database = Database(plan.service.database_url)
        _bury(database, plan)  # whoever was here before is dead
        Worker(plan.settings, plan.service, id=plan.id, database=database, leave=os._exit).run(
            self._stop
        )
        database.close()

    def stop(self) -> None:
        """Let the work end within the grace."""
        self._stop.set()

    def there(self) -> bool:
        """Answer that this process lives."""
        return True


class Tasks:
    """Makes ranges of a clip's frames as tasks all over the cluster.

    Ray makes a range again whose process or machine died. Tasks ask for no processor of their own:
    workers may hold all of them, who wait while their ranges are made.

    Args:
        count: how many at once.
    """

    def __init__(self, count: int) -> None:
        self._ray = _ray()
        self._task = self._ray.remote(
            num_cpus=0, max_retries=ranges.TRIES, scheduling_strategy="SPREAD"
        )(ranges.Range.make)
        self._pool = ThreadPoolExecutor(count, "range")
        self._under_way: set[Any] = set()

    def submit(self, part: ranges.Range) -> "Future[dict[str, bytes]]":
        """Have a range made as soon as one of the others is."""
        return self._pool.submit(self._make, part)

    def close(self) -> None:
        """End what is still under way."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for promise in list(self._under_way):
            self._ray.cancel(promise, force=True)

    def _make(self, part: ranges.Range) -> dict[str, bytes]:
        promise = self._task.remote(part)
        self._under_way.add(promise)
        try:
            made: dict[str, bytes] = self._ray.get(promise)
            return made
        finally:
            self._under_way.discard(promise)


class RayEngine:
    """Workers as actors of a Ray cluster; see `Cluster` for where.

    A worker that dies, alone or with its machine, is started anew by Ray where there is room, and
    what it was making is queued again at once. A cluster of several machines needs PostgreSQL and
    a storage that all of them reach.

    Args:
        count: how many.
        settings: where and with what models run, on each machine.
        service: settings of the service.
        cluster: where.

    Raises:
        InputError: Ray is not installed.
    """

    def __init__(
        self,
        count: int,
        settings: Settings,
        service: ServiceSettings,
        cluster: Cluster | None = None,
    ) -> None:
        self.service = service
        self.cluster = cluster or Cluster()
        self._ray = _ray()
        name = f"ray-{HOST}-{os.getpid()}-{os.urandom(2).hex()}"
        self._plans = [Plan(f"{name}-{i}", settings, service) for i in range(count)]
        self._posts: list[Any] = []  # actors, one for each plan
        self._work: list[Any] = []  # what Ray promises to each call of `Post.work`
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name="ray engine", daemon=True)

    def start(self) -> None:
        """Reach the cluster and ask for the workers; they come as there is room."""
        where: dict[str, Any] = {"address": self.cluster.address}
        if self.cluster.address is None:
            where = {"address": "local", "include_dashboard": False}
        if not self._ray.is_initialized():
            try:
                self._ray.init(**where, log_to_driver=False, logging_level="WARNING")
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise UnavailableError(f"the Ray cluster cannot be reached: {error}") from error
        ranks = max(plan.settings.ranks for plan in self._plans)
        actor = self._ray.remote(
            num_cpus=self.cluster.cpus,
            num_gpus=self.cluster.gpus_of(ranks, self._ray.cluster_resources().get("GPU", 0.0)),
            max_restarts=-1,
            max_task_retries=-1,
            max_concurrency=3,  # one works, two are free to answer
        )(Post)
        self._posts = [actor.remote(plan) for plan in self._plans]
        self._work = [post.work.remote() for post in self._posts]
        self._thread.start()

    def stop(self) -> None:
        """Tell all workers to stop, wait for the grace, and end those that are still there."""
        self._stopping.set()
        if not self._posts:
            return
        self._thread.join()
        for post in self._posts:
            post.stop.remote()
        self._ray.wait(self._work, num_returns=len(self._work), timeout=self.service.grace + LAST)
        for post in self._posts:
            self._ray.kill(post)
        self._ray.shutdown()
        database = Database(self.service.database_url)
        for plan in self._plans:
            try:
                _bury(database, plan)
            except UnavailableError as error:
                log.warning("a stopped worker's videos wait", worker=plan.id, reason=str(error))
        database.close()

    def alive(self) -> int:
        """How many workers answer now."""
        if not self._posts or self._stopping.is_set():
            return 0
        asked = [post.there.remote() for post in self._posts]
        answers, _ = self._ray.wait(asked, num_returns=len(asked), timeout=_ANSWER)
        return len(answers)

    def _supervise(self) -> None:
        """Set workers to work again whose loop ended by an error; Ray sees to the dead ones."""
        while not self._stopping.wait(_LOOK):
            for i, work in enumerate(self._work):
                ended, _ = self._ray.wait([work], timeout=0)
                if not ended or self._stopping.is_set():
                    continue
                try:
                    self._ray.get(work)
                except Exception as error:  # whatever it was, the place must not stay empty
                    log.error("worker ended", worker=self._plans[i].id, reason=str(error))
                time.sleep(_LOOK)
                self._work[i] = self._posts[i].work.remote()


def _bury(database: Database, plan: Plan) -> None:
    """Queue again what a dead worker held, and take its row away."""
    queue = Queue.of(database, plan.service)
    if queue.give_up(plan.id):
        queue.rescue()
    presence.forget(database, plan.id)


def _ray() -> Any:  # noqa: ANN401  # a module that may not be there
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # its own future default
    try:
        import ray
    except ImportError as error:
        raise InputError(
            "engine", "ray", "local; ray needs: pip install 'pleinair[ray]'"
        ) from error
    return ray
