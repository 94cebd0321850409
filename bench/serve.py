"""The server under load: requests, time until a video begins, a queue of ten thousand.

The model is the test card, so that what is measured is the service. Load comes on a schedule, and a
request's time counts from when it was due, not from when it could be sent: a server that stalls
cannot hide it. Server, workers and load share this machine.
"""

import argparse
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

from pleinair.figures import Cell, write_figure

RATE = 200  # requests a second
SECONDS = 15
CONNECTIONS = 16
STARTS = 60  # videos timed from create to in_progress
QUEUED = 10_000
DRAINED = 400  # videos made to measure throughput
PARTS = ("requests", "start", "queue")
BODY = {"model": "test-card", "prompt": "a lake", "seconds": "1", "size": "64x48", "fps": 8}


@dataclass(frozen=True)
class Server:
    """A running server and its process."""

    port: int
    process: psutil.Process

    def connect(self) -> http.client.HTTPConnection:
        """A connection that is kept open."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)


def call(
    connection: http.client.HTTPConnection, method: str, path: str, body: object = None
) -> tuple[int, bytes]:
    """One request; status and body."""
    data = None if body is None else json.dumps(body)
    headers = {"content-type": "application/json", "authorization": "Bearer bench"}
    connection.request(method, path, data, headers)
    response = connection.getresponse()
    return response.status, response.read()


@contextmanager
def serving(workers: int, home: Path, models: str = "test-card") -> Iterator[Server]:
    """A server of its own, whose database is in that folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "PLEINAIR_HOME": str(home),
        "PLEINAIR_MODELS": models,
        "PLEINAIR_RATE": "0",
        "PLEINAIR_MAX_QUEUED": "1000000",
        "PLEINAIR_MAX_QUEUED_EACH": "1000000",
    }
    command = [sys.executable, "-m", "pleinair", "serve"]
    command += ["--port", str(port), "--workers", str(workers)]
    with (home / "log").open("a") as log:
        child = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            _wait(port, child)
            yield Server(port, psutil.Process(child.pid))
        finally:
            child.terminate()
            child.wait(60)


@contextmanager
def fresh(workers: int) -> Iterator[Server]:
    """A server with an empty database that goes away with it."""
    with tempfile.TemporaryDirectory() as home, serving(workers, Path(home)) as server:
        yield server


def _wait(port: int, child: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and child.poll() is None:
        try:
            if call(http.client.HTTPConnection("127.0.0.1", port), "GET", "/ready")[0] == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server did not start")


def on_schedule(
    server: Server, rate: float, seconds: float, path: Callable[[int], str]
) -> list[float]:
    """Seconds that each request took from when it was due; one that failed ends the bench."""
    count = int(rate * seconds)
    start = time.perf_counter() + 0.2
    times = [0.0] * count

    def drive(first: int) -> None:
        connection = server.connect()
        for i in range(first, count, CONNECTIONS):
            due = start + i / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            status, body = call(connection, "GET", path(i))
            if status != 200:
                raise SystemExit(f"{path(i)}: {status} {body[:200]!r}")
            times[i] = time.perf_counter() - due

    _together(drive, range(CONNECTIONS))
    return times


def creates(server: Server, count: int, connections: int = 4) -> tuple[list[float], float]:
    """Seconds that each create took, and how many a second there were."""
    times: list[float] = []
    started = time.perf_counter()

    def drive(first: int) -> None:
        connection = server.connect()
        for _ in range(first, count, connections):
            begun = time.perf_counter()
            status, body = call(connection, "POST", "/v1/videos", BODY)
            if status != 200:
                raise SystemExit(f"create: {status} {body[:200]!r}")
            times.append(time.perf_counter() - begun)

    _together(drive, range(connections))
    return times, count / (time.perf_counter() - started)


def starts(server: Server, count: int) -> list[float]:
    """Seconds from create to the first sight of in_progress, one video after the other."""
    connection = server.connect()
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        slow = BODY | {"prompt": "slow 20", "steps": 10}
        video = json.loads(call(connection, "POST", "/v1/videos", slow)[1])
        while video["status"] == "queued":
            time.sleep(0.002)
            video = _get(connection, video["id"])
        times.append(time.perf_counter() - begun)
        while video["status"] in ("queued", "in_progress"):
            time.sleep(0.02)
            video = _get(connection, video["id"])
    return times


def drain(server: Server) -> float:
    """Videos a second that the workers make of what is queued."""
    connection = server.connect()
    begun = time.perf_counter()
    left = before = _queued(connection)
    while left:
        time.sleep(0.5)
        left = _queued(connection)
    return before / (time.perf_counter() - begun)


def pages(server: Server) -> tuple[int, float]:
    """Videos seen and seconds taken to read the whole list, a hundred at a time."""
    connection = server.connect()
    begun, seen, after = time.perf_counter(), 0, ""
    while True:
        body = json.loads(call(connection, "GET", f"/v1/videos?limit=100{after}")[1])
        seen += len(body["data"])
        after = f"&after={body['last_id']}"
        if not body["has_more"]:
            return seen, time.perf_counter() - begun


def _get(connection: http.client.HTTPConnection, video_id: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(call(connection, "GET", f"/v1/videos/{video_id}")[1])
    return found


def _queued(connection: http.client.HTTPConnection) -> int:
    """Videos that are not done, as the metrics tell."""
    text = call(connection, "GET", "/metrics")[1].decode()
    lines = [line for line in text.splitlines() if line.startswith("pleinair_videos{")]
    return int(sum(float(line.split()[-1]) for line in lines))


def _together(drive: Callable[[int], None], firsts: range) -> None:
    threads = [threading.Thread(target=drive, args=(first,)) for first in firsts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _ms(times: list[float], share: float) -> float:
    ordered = sorted(times)
    return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def bench_requests(repeats: int, out: Path) -> None:
    """Write ``bench-requests.json``."""
    found: dict[str, list[tuple[float, float, float]]] = {}
    with fresh(workers=0) as server:
        times, _ = creates(server, 200)
        connection = server.connect()
        listed = json.loads(call(connection, "GET", "/v1/videos?limit=100")[1])
        ids = [video["id"] for video in listed["data"]]
        paths: dict[str, Callable[[int], str]] = {
            "health, which does nothing": lambda _: "/health",
            "retrieve": lambda i: f"/v1/videos/{ids[i % len(ids)]}",
            "list, a page of 20": lambda _: "/v1/videos?limit=20",
        }
        for _ in range(repeats):
            for name, path in paths.items():
                rate = RATE / 4 if name.startswith("list") else RATE
                times = on_schedule(server, rate, SECONDS, path)
                found.setdefault(name, []).append((rate, _ms(times, 0.5), _ms(times, 0.99)))
            times, rate = creates(server, 400)
            found.setdefault("create", []).append((rate, _ms(times, 0.5), _ms(times, 0.99)))
    rows: list[list[Cell]] = [
        [name, *(median(turn[i] for turn in turns) for i in range(3))]
        for name, turns in found.items()
    ]
    base = next(float(str(row[3])) for row in rows if str(row[0]).startswith("health"))
    write_figure(
        "bench-requests",
        title="Requests to a server on SQLite",
        columns=["request", "a second", "p50, ms", "p99, ms", "p99 against health"],
        rows=[[*row, f"{float(str(row[3])) / base:.1f}×"] for row in rows],
        n=repeats * int(RATE * SECONDS),
        seeds=[],
        notes=f"Reads on a schedule over {CONNECTIONS} connections, for {SECONDS} s; creates as "
        "fast as four connections go, each on the disk before it is answered. Server and load "
        "share the machine. Medians of the rounds. Goal: retrieve at 200 a second, p99 25 ms.",
        out=out,
    )


def bench_start(repeats: int, out: Path) -> None:
    """Write ``bench-start.json``."""
    begun: list[float] = []
    for _ in range(repeats):
        with fresh(workers=1) as server:
            starts(server, 3)  # the worker may still be loading its libraries
            begun += starts(server, STARTS)
    write_figure(
        "bench-start",
        title="From create to in_progress with an idle worker",
        columns=["p50, ms", "p99, ms"],
        rows=[[_ms(begun, 0.5), _ms(begun, 0.99)]],
        n=len(begun),
        seeds=[],
        notes="Seen by a client that asks every 2 ms. Goal: 150 ms.",
        out=out,
    )


def bench_queue(repeats: int, out: Path, queued: int) -> None:
    """Write ``bench-queue.json``."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(repeats):
        for workers, found in rates.items():
            with fresh(workers) as server:
                creates(server, DRAINED)
                found.append(drain(server))
    with tempfile.TemporaryDirectory() as folder:
        rows = _long_queue(queued, Path(folder))
    write_figure(
        "bench-queue",
        title="A queue, its list and its workers; the model is the test card",
        columns=["what", "figure"],
        rows=[
            ["videos made a second, 1 worker", median(rates[1])],
            ["videos made a second, 2 workers", median(rates[2])],
            ["2 workers against 1", f"{median(rates[2]) / median(rates[1]):.2f}×"],
            *rows,
        ],
        n=repeats,
        seeds=[],
        notes=f"Throughput over {DRAINED} videos of one second, 64×48, 12 steps. "
        "Server, workers and load share the machine.",
        out=out,
    )


def _long_queue(queued: int, home: Path) -> list[list[Cell]]:
    """Fill a queue, list it, then have two workers make all of it; memory on the way."""
    with serving(0, home) as server:
        creates(server, 100)
        small = _megabytes(server.process)
        _, rate = creates(server, queued - 100)
        pages(server)
        full = _megabytes(server.process)
        seen, spent = pages(server)
        after = _megabytes(server.process)
        newest = json.loads(call(server.connect(), "GET", "/v1/videos?limit=1")[1])["data"][0]
        waiting = on_schedule(server, 50, 5, lambda _: f"/v1/videos/{newest['id']}")
    with serving(2, home) as server:
        time.sleep(20)
        early = [_megabytes(child) for child in server.process.children(recursive=True)]
        print("the long queue is being made", file=sys.stderr)
        drain(server)
        late = [_megabytes(child) for child in server.process.children(recursive=True)]
        server_late = _megabytes(server.process)
    return [
        ["videos queued", seen],
        ["creates a second on the way there", rate],
        ["seconds to list all of them, 100 a page", spent],
        ["retrieve of the last in the queue with its place, p99, ms", _ms(waiting, 0.99)],
        ["server memory with 100 queued, MB", small],
        ["server memory with all queued, MB", full],
        ["server memory after listing them again, MB", after],
        ["memory of the largest worker after 20 s, MB", max(early)],
        ["memory of the largest worker once all are made, MB", max(late)],
        ["server memory once all are made, MB", server_late],
    ]


def _megabytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 1e6


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="rounds, of which the median")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of figures")
    parser.add_argument("--only", choices=PARTS, help="one part of the bench")
    parser.add_argument("--queued", type=int, default=QUEUED, help="length of the long queue")
    options = parser.parse_args(arguments)
    for part in [options.only] if options.only else PARTS:
        if part == "requests":
            bench_requests(options.repeats, options.out)
        elif part == "start":
            bench_start(options.repeats, options.out)
        else:
            bench_queue(options.repeats, options.out, options.queued)
    return 0


if __name__ == "__main__":
    sys.exit(main())
