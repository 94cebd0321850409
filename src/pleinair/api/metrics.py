"""Metrics in Prometheus' text form: requests as they come, the queue as it is when asked."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from pleinair.errors import UnavailableError
from pleinair.service.db import Database, now
from pleinair.service.tables import ACTIVE, Delivery, Usage, Video, Worker

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)


class Metrics:
    """What one web process counts; the database tells the rest at each scrape."""

    def __init__(self, database: Database) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "pleinair_requests", "Requests", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "pleinair_request_seconds",
            "Time to answer",
            ("route",),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.registry.register(_State(database))

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)


class _State(Collector):
    """Gauges of the database: videos by state, workers, deliveries, what was made."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def describe(self) -> list[Metric]:
        """Nothing before it is asked: the database may not be there yet."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The gauges now; none while the database cannot be reached."""
        videos = GaugeMetricFamily(
            "pleinair_videos", "Videos that wait or are made", labels=["state"]
        )
        workers = GaugeMetricFamily("pleinair_workers", "Workers seen in the last minute")
        waiting = GaugeMetricFamily(
            "pleinair_oldest_waiting_seconds", "Age of the oldest in the queue"
        )
        outbox = GaugeMetricFamily("pleinair_webhooks", "Webhook deliveries", labels=["state"])
        seconds = GaugeMetricFamily("pleinair_video_seconds_made", "Video-seconds made in all")
        try:
            with self.database.read() as session:
                states = select(Video.state, func.count()).where(Video.state.in_(ACTIVE))
                counts = dict(session.execute(states.group_by(Video.state)).all())
                for state in ACTIVE:
                    videos.add_metric([state], counts.get(state, 0))
                alive = select(func.count()).where(Worker.seen_at > now() - 60)
                workers.add_metric([], session.scalars(alive).one())
                oldest = select(now() - func.min(Video.created_at)).where(Video.state == "queued")
                waiting.add_metric([], session.scalars(oldest).one() or 0.0)
                ways = select(Delivery.state, func.count()).group_by(Delivery.state)
                for state, count in session.execute(ways):
                    outbox.add_metric([state], count)
                total = session.scalars(select(func.sum(Usage.amount))).one()
                seconds.add_metric([], total or 0.0)
        except UnavailableError:
            return
        yield from (videos, workers, waiting, outbox, seconds)
