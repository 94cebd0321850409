"""The server: its routes, and what goes on beside them. Torch is never loaded here."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool

from pleinair.api import (
    account,
    audit,
    batches,
    boards,
    entry,
    errors,
    files,
    incidents,
    letter,
    media,
    members,
    mine,
    models,
    notices,
    origins,
    pay,
    programmes,
    public,
    reviews,
    rewrites,
    scans,
    shares,
    signatures,
    switches,
    videos,
    webhooks,
)
from pleinair.api.document import Documented
from pleinair.api.events import Watchers
from pleinair.api.headers import Frame
from pleinair.api.identity import guard
from pleinair.api.metrics import Metrics
from pleinair.api.services import Services
from pleinair.api.shapes import ErrorEnvelope
from pleinair.errors import UnavailableError
from pleinair.service.mail import Postman, Relay
from pleinair.service.queue import Queue
from pleinair.service.tidy import Housekeeper
from pleinair.service.webhooks import Courier
from pleinair.settings import ServiceSettings

ABOUT = "Text in, video out. The whole OpenAI Videos API, and a little more that is marked Extra."
VERSION = version("pleinair")
NOUNS = (videos, models, rewrites, boards, files, batches, webhooks, origins)
PROGRAMME = (
    entry,
    account,
    programmes,
    members,
    shares,
    reviews,
    public,
    letter,
    signatures,
    incidents,
    scans,
    switches,
    audit,
    notices,
    mine,
    pay,
)
probes = APIRouter(tags=["probes"])


def create_app(settings: ServiceSettings | None = None, *, fixture: bool = False) -> FastAPI:
    """The server's app.

    Args:
        settings: those of the environment if None.
        fixture: have things under fixed ids and decode nothing, for tests of clients; see
            `pleinair.api.fixture`.
    """
    settings = settings or ServiceSettings.read()
    use = Services.open(settings)
    marks = {}
    if fixture:
        from pleinair.api.fixture import MARKS, pretend

        use, marks = pretend(use), MARKS
    app = Documented(
        title="Pleinair",
        version=VERSION,
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        lifespan=_lifespan,
        separate_input_output_schemas=False,
        dependencies=[Depends(guard)],
    )
    app.state.services = use
    app.state.metrics = Metrics(use.database)
    app.state.watchers = Watchers(use.database, use.standings, use.videos.gate)
    errors.install(app)
    for noun in (*NOUNS, *PROGRAMME):
        app.include_router(noun.router)
    app.include_router(media.router)
    app.include_router(probes)
    app.add_middleware(Frame, metrics=app.state.metrics, marks=marks)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Bring the database up to date; run what goes on beside the routes."""
    use: Services = app.state.services
    await run_in_threadpool(use.database.migrate)
    queue = Queue.of(use.database, use.settings)
    keeper = Housekeeper(use.database, use.storage, queue, use.materials, use.files, use.chores)
    courier = Courier(use.database, use.endpoints, use.guard)
    stop = threading.Event()
    tasks = {
        "housekeeper": keeper.run,
        "courier": courier.run,
        "batches": use.batches.run,
        "storyboards": use.boards.run,
    }
    if use.settings.mail:
        relay, sender = Relay.of(use.settings.mail), use.settings.mail_from
        tasks["postman"] = Postman(use.database, relay, sender, use.signatures.write).run
    threads = [
        threading.Thread(target=run, args=(stop,), name=name, daemon=True)
        for name, run in tasks.items()
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        courier.wake()
        await app.state.watchers.close()
        for thread in threads:
            await run_in_threadpool(thread.join, 5.0)
        use.database.close()


@probes.get("/health")
def health() -> dict[str, str]:
    """Whether this process answers."""
    return {"status": "ok", "version": VERSION}


@probes.get("/ready", responses={503: {"model": ErrorEnvelope}})
def ready(request: Request) -> dict[str, str]:
    """Whether requests can be served: database reached and of this version, storage reached."""
    use: Services = request.app.state.services
    if not use.database.is_current():
        raise UnavailableError("the database is of another version")
    use.storage.ping()
    return {"status": "ready"}


@probes.get("/metrics", response_class=Response)
def metrics(request: Request) -> Response:
    """What Prometheus scrapes."""
    found: Metrics = request.app.state.metrics
    return Response(found.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
