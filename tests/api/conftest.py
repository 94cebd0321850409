"""A whole server on a free port of this machine, and clients that speak to it."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn
from openai import OpenAI

from pleinair.api.app import create_app
from pleinair.api.services import Services
from pleinair.service.queue import Queue
from pleinair.service.tables import ACTIVE, Video
from pleinair.service.worker import Worker
from pleinair.settings import ServiceSettings, Settings
from tests.ready import lay


@dataclass(frozen=True)
class Live:
    """A server that runs in this process.

    Attributes:
        url: where clients find it: ``http://127.0.0.1:PORT/v1``.
        settings, services: its own.
        queue: the queue that its workers would see; it has none.
    """

    url: str
    settings: ServiceSettings
    services: Services
    queue: Queue

    def video(self, video_id: str) -> Video:
        """The row of a video."""
        with self.services.database.read() as session:
            return session.get_one(Video, video_id)

    def finish(self, video_id: str) -> Video:
        """Play the worker until that video has ended; those whose turn is before it end too."""
        use = self.services
        worker = Worker(Settings(), self.settings, database=use.database, storage=use.storage)
        idle = 0
        while self.video(video_id).state in ACTIVE:
            if not worker.run_one():
                idle += 1  # a second try waits for its time
                assert idle < 500, f"nobody can claim {video_id}"
                time.sleep(0.02)
        return self.video(video_id)


@contextmanager
def serve(settings: ServiceSettings, *, fixture: bool = False) -> Iterator[Live]:
    """A server with these settings, from its start to its orderly end."""
    lay(settings.database_url)
    app = create_app(settings, fixture=fixture)
    config = uvicorn.Config(
        app, log_config=None, lifespan="on", ws="none", timeout_graceful_shutdown=5
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],), name="live server")
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                time.sleep(0.01)
            use: Services = app.state.services
            port = listener.getsockname()[1]
            queue = Queue.of(use.database, use.settings)
            yield Live(f"http://127.0.0.1:{port}/v1", use.settings, use, queue)
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def server_settings(tmp_path: Path) -> ServiceSettings:
    """What `live_server` runs with: SQLite and a folder; a test module may say otherwise."""
    return ServiceSettings(
        home=tmp_path / "home", models=("test-card",), aliases={"sora-2": "test-card"}, rate=0
    )


@pytest.fixture
def live_server(server_settings: ServiceSettings) -> Iterator[Live]:
    with serve(server_settings) as live:
        yield live


@pytest.fixture
def client(live_server: Live) -> Iterator[OpenAI]:
    """The SDK, told to try once."""
    with OpenAI(base_url=live_server.url, api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture
def http(live_server: Live) -> Iterator[httpx.Client]:
    """A plain client, for what the SDK does not do."""
    with httpx.Client(base_url=live_server.url) as client:
        yield client
