"""Promise 12: a hostile file harms nobody: it is refused, or it comes out clean."""

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pleinair.errors import InputError
from pleinair.figures import Cell
from pleinair.service.intake import BOUNDS, clean, isolation
from tests.promises.figure import publish, publish_table
from tests.promises.hostile import MARK, Hostile, collection

SEED = 12
# Of each of six valid files.
CUTS, FLIPS = (8, 24) if os.environ.get("FIGURES_OUT") else (6, 17)


@dataclass
class Outcome:
    """What came of the files, by their sort."""

    files: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    clean: Counter[str] = field(default_factory=Counter)
    harm: list[tuple[str, str]] = field(default_factory=list)
    calls: int = 0
    slowest: float = 0.0


def withstand(cuts: int, flips: int) -> Outcome:
    """Take every hostile file in, two at a time."""
    outcome = Outcome()

    def take(file: Hostile) -> None:
        outcome.files[file.sort] += 1
        begun = time.monotonic()
        try:
            with clean(file.data, kind=None, field="video") as made:
                outcome.clean[file.sort] += 1
                data, facts = made.path.read_bytes(), made.facts
                pixels = facts.width * facts.height * facts.frames
                if MARK in data or pixels > BOUNDS.pixels or len(data) > BOUNDS.video_bytes:
                    outcome.harm.append((file.sort, f"{file.name}: not clean"))
        except InputError as error:
            outcome.refused[file.sort] += 1
            if error.field != "video" or not error.allowed:
                outcome.harm.append((file.sort, f"{file.name}: {error}"))
        except Exception as error:
            outcome.harm.append((file.sort, f"{file.name}: {error!r}"))
        outcome.slowest = max(outcome.slowest, time.monotonic() - begun)

    with _server() as (address, calls), ThreadPoolExecutor(2) as pool:
        list(pool.map(take, collection(SEED, cuts, flips, address)))
        outcome.calls = len(calls)
    return outcome


@contextmanager
def _server() -> Iterator[tuple[str, list[object]]]:
    """A server that notes who connects to it."""
    calls: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    calls.append(server.accept())
                except OSError:
                    return

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", calls
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@dataclass(frozen=True)
class Traced:
    """System calls that decoding children made once they had looked at their file."""

    children: int
    sockets: int
    outside: list[str]


def trace(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Traced:
    """Watch one child for each sort of file and each kind, from outside."""
    log = folder / "trace"
    wrapper = folder / "python"
    wrapper.write_text(
        f"#!/bin/sh\nexec {shutil.which('strace')} -f -qq -e trace=network,%file -o {log}.$$ "
        f'{sys.executable} "$@"\n'
    )
    wrapper.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(wrapper))
    with _server() as (address, _):
        for file in _one_of_each(address):
            try:
                with clean(file.data, kind=None, field="video"):
                    pass
            except InputError:
                pass
    logs = list(folder.glob("trace.*"))
    sockets, outside = 0, []
    for path in logs:
        text = path.read_text()
        after = text[text.index('"upload"') :]
        sockets += len(re.findall(r"\b(?:socket|connect|sendto)\(", after))
        opened = re.findall(r'open(?:at|at2)?\((?:AT_FDCWD, )?"([^"]*)".*= \d', after)
        outside += [name for name in opened if not re.fullmatch(r"upload|\.|/?\.?clean.*", name)]
    return Traced(len(logs), sockets, outside)


def _one_of_each(address: str) -> Iterator[Hostile]:
    seen = set()
    for file in collection(SEED, 3, 1, address):
        this = (file.sort, file.name.partition(" ")[0])
        if this not in seen and file.sort != "another kind":
            seen.add(this)
            yield file


def _can_trace() -> bool:
    try:
        return (
            subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], check=False).returncode
            == 0
        )
    except FileNotFoundError:
        return False


def test_hostile_files_harm_nobody() -> None:
    begun = time.monotonic()
    outcome = withstand(CUTS, FLIPS)
    publish_table(
        "12-hostile-files",
        "A hostile file harms nobody",
        [
            {
                "sort": sort,
                "files": count,
                "refused": outcome.refused[sort],
                "clean": outcome.clean[sort],
                "harm": sum(hurt == sort for hurt, _ in outcome.harm),
            }
            for sort, count in outcome.files.items()
        ],
        n=outcome.files.total(),
        seeds=[SEED],
        notes=f"Connections out of the children: {outcome.calls}. Two children at a time, "
        f"{time.monotonic() - begun:.0f} s in all; the longest took {outcome.slowest:.1f} s; "
        f"none may hold more than {BOUNDS.memory / 1e9:.1f} GB. Held by: {isolation()}.",
    )
    assert outcome.harm == []
    assert outcome.calls == 0
    assert outcome.files.total() >= 200
    assert outcome.files == outcome.refused + outcome.clean
    assert outcome.refused["lie"] + outcome.refused["bomb"] >= 15
    assert outcome.refused["another kind"] == outcome.files["another kind"]


@pytest.mark.skipif(not _can_trace(), reason="strace cannot trace here")
def test_decoding_opens_no_socket_and_no_file_but_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    traced = trace(tmp_path, monkeypatch)
    row: dict[str, Cell] = {
        "children": traced.children,
        "sockets opened": traced.sockets,
        "files opened outside": len(traced.outside),
    }
    notes = "Counted from outside, by strace, from the moment that a child opens its file."
    publish("12-decoding-calls", "What decoding opens", row, n=traced.children, notes=notes)
    assert traced.children >= 15
    assert (traced.sockets, traced.outside) == (0, [])
