"""The studio: what a first visit weighs and takes, memory for each open page, a hundred who watch.

The page is opened by a real Chromium with an empty cache. The hundred are pages as a browser has
them, a socket each, without the browser. Server, worker, browser and watchers share this machine.
"""

import argparse
import asyncio
import json
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import socketio  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Request, sync_playwright

from pleinair.figures import write_figure

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.serve import Server, serving
from tests.browser import arguments, chromium

PAGES = 100
MODELS = "pleinair-1,test-card"
VISITS = 7
BODY = {"model": "test-card", "prompt": "a lake", "seconds": "8", "size": "640x360", "steps": 60}
READY = "window.socket?.connected && document.querySelector('[data-key=\"mod+enter\"]')"


def visit(browser: Browser, url: str, path: str) -> tuple[float, int, float, int]:
    """Kilobytes that came, requests, seconds until the page answers, requests elsewhere."""
    page = browser.new_context().new_page()
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    sizes: list[float] = []
    strays: list[str] = []
    network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))

    def asked(request: Request) -> None:
        if not request.url.startswith((url, "data:")):
            strays.append(request.url)

    page.on("request", asked)
    started = time.perf_counter()
    page.goto(url + path)
    page.wait_for_function(READY)
    # It answers: what is typed goes to the server, and what is unknown comes back marked.
    page.get_by_label("What is to be seen").fill("a zeppelin")
    page.locator(".prompt mark").wait_for()
    spent = time.perf_counter() - started
    page.context.close()
    return sum(sizes) / 1000, len(sizes), spent, len(strays)


@dataclass
class Watcher:
    """An open page without a browser; ``done`` is when it showed the finished video."""

    url: str
    socket: socketio.AsyncClient = field(default_factory=socketio.AsyncClient)
    updates: int = 0
    done: float = 0.0

    async def open(self, http: httpx.AsyncClient) -> None:
        """Fetch the page and keep its socket open."""
        page = (await http.get(self.url)).raise_for_status().text
        client = re.search(r"'client_id': '([^']+)'", page)
        first = re.search(r"'next_message_id': (\d+)", page)
        if client is None or first is None:
            raise SystemExit(f"this is no page of the studio: {page[:200]!r}")
        self.socket.on("update", self._updated)
        query = {
            "client_id": client[1],
            "next_message_id": first[1],
            "implicit_handshake": "true",
            "document_id": client[1],
            "tab_id": client[1],
            "old_tab_id": "null",
        }
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        await self.socket.connect(
            f"{self.url}?{asked}", transports=["websocket"], socketio_path="/_nicegui_ws/socket.io"
        )

    async def _updated(self, message: dict[str, Any]) -> None:
        self.updates += 1
        if (
            not self.done
            and '"video"' in json.dumps(message)
            and "variant=thumbnail" in str(message)
        ):
            self.done = time.time()


async def watch(server: Server, home: Path, pages: int) -> dict[str, float]:
    """Memory for each of so many open pages, and how soon they all see a video finished."""
    url = f"http://127.0.0.1:{server.port}/"
    async with httpx.AsyncClient(timeout=60) as http:
        warm = Watcher(url)
        await warm.open(http)
        await asyncio.sleep(2)
        before = server.process.memory_info().rss
        made = (await http.post(f"{url}v1/videos", json=BODY)).raise_for_status().json()
        watchers = [Watcher(url) for _ in range(pages)]
        for one in watchers:
            await one.open(http)
        opened = server.process.memory_info().rss
        cpu = sum(server.process.cpu_times()[:2])
        started = time.time()
        worker = _worker(home)  # nobody made the video before all pages were open
        while (video := (await http.get(f"{url}v1/videos/{made['id']}")).json())[
            "status"
        ] != "completed":
            if video["status"] == "failed" or worker.poll() is not None:
                raise SystemExit(f"it was not made: {video['error']}")
            await asyncio.sleep(0.05)
        finished = _completed(home)
        while any(not one.done for one in watchers) and time.time() < finished + 60:
            await asyncio.sleep(0.05)
        busy = (sum(server.process.cpu_times()[:2]) - cpu) / (time.time() - started)
        late = sorted(max(0.0, one.done - finished) for one in watchers if one.done)
        most = server.process.memory_info().rss
        for one in [warm, *watchers]:
            await one.socket.disconnect()
        worker.terminate()
    return {
        "pages that watched": pages,
        "pages that saw it finished": len(late),
        "memory for each page once open, MB": (opened - before) / pages / 1e6,
        "memory for each page at the end, MB": (most - before) / pages / 1e6,
        "updates to each page": statistics.mean(one.updates for one in watchers),
        "server's share of a core while they watch": busy,
        "until half of them see it, ms": 1000 * late[len(late) // 2],
        "until all of them see it, ms": 1000 * late[-1],
    }


def _completed(home: Path) -> float:
    """When the last video was finished, to the millisecond, which the API does not tell."""
    with sqlite3.connect(home / "pleinair.db") as database:
        found: float = database.execute("SELECT max(completed_at) FROM videos").fetchone()[0]
    return found


def _worker(home: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PLEINAIR_HOME": str(home), "PLEINAIR_MODELS": MODELS}
    return subprocess.Popen(
        [sys.executable, "-m", "pleinair", "worker"], env=environment, stderr=subprocess.DEVNULL
    )


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("figures"))
    parser.add_argument("--repeats", type=int, default=VISITS, help="visits that are timed")
    parser.add_argument("--pages", type=int, default=PAGES, help="open pages that watch")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, serving(0, Path(home), MODELS) as server:
        url = f"http://127.0.0.1:{server.port}"
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=arguments())
            visit(browser, url, "/")  # the first one of all compiles and caches on the server
            visits = [visit(browser, url, "/") for _ in range(options.repeats)]
            browser.close()
        told = asyncio.run(watch(server, Path(home), options.pages))
        memory = psutil.Process(server.process.pid).memory_info().rss / 1e6
    kilobytes, requests, seconds, strays = (list(column) for column in zip(*visits, strict=True))
    rows = {
        "first visit, kB that came": statistics.median(kilobytes),
        "first visit, requests": statistics.median(requests),
        "requests to other machines": sum(strays),
        "seconds until the page answers what is typed": statistics.median(seconds),
        **told,
        "memory of the server at the end, MB": memory,
    }
    write_figure(
        "bench-studio",
        title="The studio in a browser",
        columns=["", "measured"],
        rows=[[name, value] for name, value in rows.items()],
        n=options.repeats,
        seeds=[],
        notes=(
            f"Medians of {options.repeats} visits with an empty cache; a page answers once a word "
            "typed into it came back marked as unknown. Goals: 1,500 kB, 1.5 s, 2 MB a page."
        ),
        out=options.out,
    )


if __name__ == "__main__":
    main()
