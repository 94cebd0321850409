"""``pleinair serve`` and ``pleinair worker``: the server, and more hands for it."""

import ipaddress
import signal
import socket
import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from pleinair.commands.console import notes
from pleinair.errors import InputError, UnavailableError
from pleinair.settings import ServiceSettings, Settings

if TYPE_CHECKING:
    from pleinair.service.engine import Engine

MOST_WORKERS = 256
_FINISH = 10  # seconds that requests have to finish when the server stops


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; beyond this machine it takes keys.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8000,
    workers: Annotated[
        int, typer.Option(help="Workers to start beside it; 0 for the API alone.")
    ] = 1,
    engine: Annotated[str, typer.Option(help="local, or ray for a Ray cluster.")] = "local",
    ray_address: Annotated[
        str | None, typer.Option(help="A running Ray cluster; one is started here if none.")
    ] = None,
    worker_cpus: Annotated[float, typer.Option(help="Processors a worker takes, for Ray.")] = 1.0,
    worker_gpus: Annotated[float, typer.Option(help="GPUs a worker takes, for Ray.")] = 0.0,
    open_to_all: Annotated[
        bool, typer.Option("--open", help="Listen beyond this machine without keys.")
    ] = False,
    studio: Annotated[
        bool, typer.Option(help="Show the studio at /; a server with PLEINAIR_KEYS has none.")
    ] = True,
    fixture: Annotated[
        bool,
        typer.Option("--fixture", help="Answer with made-up videos, for tests of clients."),
    ] = False,
) -> None:
    """Answer OpenAI's Videos API, and make the videos."""
    service = service_settings()
    members = _has_members(service)
    if members and service.keys:
        raise InputError(
            "keys",
            "PLEINAIR_KEYS",
            "no keys in the environment: this server has members, who have keys of their own",
        )
    if not (members or service.keys or open_to_all or _is_loopback(host)):
        raise InputError(
            "host",
            host,
            "127.0.0.1 as long as there are no keys; run pleinair admin init, or set "
            "PLEINAIR_KEYS=name:key, or add --open to let everybody in who can reach this machine",
        )
    _check_count("workers", workers)
    import uvicorn

    from pleinair.api.app import create_app
    from pleinair.service import log

    with _listen(host, port) as listener:
        hands = None
        if workers and not fixture:
            hands = _engine(engine, workers, service, ray_address, worker_cpus, worker_gpus)
        log.configure()
        address = _address(host, listener.getsockname()[1])
        app = create_app(service, fixture=fixture)
        studio = studio and not (fixture or service.keys)  # a browser has no key to send
        if studio:
            from pleinair.studio.app import install

            install(app)

        class Server(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                if self.started:
                    key = "a member's key" if members else "anything"
                    key = "one of PLEINAIR_KEYS" if service.keys else key
                    _announce(address, key, workers if hands else 0, studio=studio)

        server = Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,  # addresses may be signed links
                proxy_headers=False,  # PLEINAIR_PROXIES says whom to believe
                lifespan="on",
                ws="websockets-sansio" if studio else "none",
                timeout_graceful_shutdown=_FINISH,
            )
        )

        def stop(*_: object) -> None:
            server.should_exit = True

        # Threads hand over within half a millisecond: at five, the default, whoever answers a
        # request waits behind whoever works on another.
        sys.setswitchinterval(0.0005)
        try:
            if hands:
                hands.start()
            # After the engine: Ray sets its own. After its end uvicorn raises the signal again.
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, stop)
            server.run(sockets=[listener])
        finally:
            if hands:
                hands.stop()
    if not server.started:
        raise UnavailableError("the server could not start; the log says why")


def worker(
    count: Annotated[int, typer.Option(help="How many, each in a process.")] = 1,
) -> None:
    """Make videos for a server on this machine or, with PostgreSQL and S3, on another."""
    service = service_settings()
    _check_count("count", count, least=1)
    from pleinair.service import child, log
    from pleinair.service.db import Database
    from pleinair.service.engine import LocalEngine

    log.configure()
    database = Database(service.database_url)
    database.migrate()
    database.close()
    check_certificate(service)
    if count == 1:
        child.work(Settings.read(), service)
        return
    engine = LocalEngine(count, Settings.read(), service)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    engine.start()
    try:
        stop.wait()
    finally:
        engine.stop()


def service_settings() -> ServiceSettings:
    """The settings of the service, once it is sure that its libraries are there."""
    try:
        import fastapi  # noqa: F401
        import obstore  # noqa: F401
        import sqlalchemy  # noqa: F401
        import structlog  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise UnavailableError(
            f"{error.name} is not installed; the server needs: pip install 'pleinair[server]'"
        ) from error
    service = ServiceSettings.read()
    return replace(service, home=service.home.absolute())  # whatever folder a worker starts in


def check_certificate(service: ServiceSettings) -> None:
    """Refuse to start where files could not be signed; InputError or MediaError says why."""
    from pleinair.media.provenance import signer_of

    signer_of(Settings.read(), service.home)


def _has_members(service: ServiceSettings) -> bool:
    """Bring the database up to date, and say whether there is an access programme."""
    from pleinair.access.admission import Admission
    from pleinair.service.db import Database

    database = Database(service.database_url)
    try:
        database.migrate()
        return Admission(database, service).has_members()
    finally:
        database.close()


def _engine(
    name: str,
    count: int,
    service: ServiceSettings,
    address: str | None,
    cpus: float,
    gpus: float,
) -> "Engine":
    check_certificate(service)
    if name == "local":
        from pleinair.service.engine import LocalEngine

        return LocalEngine(count, Settings.read(), service)
    if name == "ray":
        from pleinair.service.ray_engine import Cluster, RayEngine

        return RayEngine(count, Settings.read(), service, Cluster(address, cpus, gpus))
    raise InputError("engine", name, "local, ray")


def _check_count(name: str, count: int, least: int = 0) -> None:
    if not least <= count <= MOST_WORKERS:
        raise InputError(name, count, f"whole numbers from {least} to {MOST_WORKERS}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens, before anything else is begun."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=2048)
        # Inherited by its connections: without it the end of an answer waits for 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UnavailableError(f"cannot listen on {host}, port {port}: {reason}") from error


def _address(host: str, port: int) -> str:
    """Where clients on this machine find the server."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def _announce(address: str, key: str, workers: int, *, studio: bool) -> None:
    notes.print(f"Pleinair answers at {address}, with {workers or 'no'} workers beside it.")
    if studio:
        notes.print(f"The studio is there for browsers: {address}/", soft_wrap=True)
    notes.print("Programs written for OpenAI's SDKs need only:", style="dim")
    notes.print(f"  export OPENAI_BASE_URL={address}/v1", soft_wrap=True)
    notes.print(f"  export OPENAI_API_KEY={key!r}", soft_wrap=True)
