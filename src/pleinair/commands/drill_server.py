"""The server of a drill: a programme with members and keys in a folder, and its process."""

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from sqlalchemy import func, select

from pleinair.access import keys, members, programmes
from pleinair.access.actor import DEFAULT_SCOPES, Role
from pleinair.api.services import Services
from pleinair.errors import UnavailableError
from pleinair.service.programme_tables import Key
from pleinair.service.tables import COMPLETED, Video
from pleinair.settings import ServiceSettings

_ROLES = (Role.TESTER, Role.TESTER, Role.CREATIVE_PARTNER, Role.RED_TEAMER)
_START = 60.0  # seconds that a server may take to answer


@dataclass(frozen=True)
class Holder:
    """A member and their keys: the one that they work with, and another one."""

    id: str
    key_id: str
    secret: str
    other: str


@dataclass(frozen=True)
class Aftermath:
    """What the database says when all is over.

    Attributes:
        made: videos made with the published key since it was published.
        readable: those among them that anybody can still have.
        limited, stopped: keys of everybody else that were.
    """

    made: int
    readable: int
    limited: int
    stopped: int


def settings_of(home: Path) -> ServiceSettings:
    """A server in that folder that makes test cards."""
    return ServiceSettings(
        home=home, models=("test-card",), rate=0, max_queued=10**6, max_queued_each=10**6
    )


def people(settings: ServiceSettings, many: int, rng: random.Random) -> list[Holder]:
    """Make a programme and its members in the database of a server that does not run yet."""
    use = Services.open(settings)
    use.database.migrate()
    holders = []
    with use.database.write() as session:
        programme = programmes.add(session, name="Early access", terms="Be kind.")
        for number in range(many):
            role = rng.choice(_ROLES)
            made = members.add(session, f"member {number}", role, programme.id, accepted=True)
            key, secret = keys.add(session, made.id, "work", DEFAULT_SCOPES, None)
            _, other = keys.add(session, made.id, "another", DEFAULT_SCOPES, None)
            holders.append(Holder(made.id, key.id, secret, other))
    use.database.close()
    return holders


@contextmanager
def serving(home: Path, workers: int) -> Iterator[str]:
    """The address of a server of its own whose database is in that folder.

    Raises:
        UnavailableError: it does not start.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    inherited = {name: text for name, text in os.environ.items() if "PLEINAIR_" not in name}
    environment = inherited | {
        "PLEINAIR_HOME": str(home),
        "PLEINAIR_MODELS": "test-card",
        "PLEINAIR_RATE": "0",
        "PLEINAIR_MAX_QUEUED": "1000000",
        "PLEINAIR_MAX_QUEUED_EACH": "1000000",
    }
    command = [sys.executable, "-m", "pleinair", "serve", "--port", str(port)]
    command += ["--workers", str(workers)]
    with (home / "log").open("a") as log:
        child = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url, child)
            yield url
        finally:
            child.terminate()
            try:
                child.wait(60)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def aftermath(settings: ServiceSettings, holder: Holder, since: float) -> Aftermath:
    """What became of a published key's videos, and of everybody else's keys."""
    use = Services.open(settings)
    made = (Video.key_id == holder.key_id, Video.created_at >= since, Video.state == COMPLETED)
    count = select(func.count())
    others = count.select_from(Key).where(Key.id != holder.key_id)
    with use.database.read() as session:
        all_of_them = session.scalars(count.select_from(Video).where(*made)).one()
        free = count.select_from(Video).where(*made, Video.quarantined_at.is_(None))
        found = Aftermath(
            made=all_of_them,
            readable=session.scalars(free).one(),
            limited=session.scalars(others.where(Key.state == keys.LIMITED)).one(),
            stopped=session.scalars(others.where(Key.state == keys.STOPPED)).one(),
        )
    use.database.close()
    return found


def _wait(url: str, child: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + _START
    while time.monotonic() < end and child.poll() is None:
        try:
            if httpx.get(f"{url}/ready", trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise UnavailableError("the server of the drill did not start; its log is in its folder")
