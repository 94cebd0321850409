"""``pleinair serve`` and ``pleinair worker``, as processes."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from pleinair.cli import main
from pleinair.service.db import Database
from pleinair.settings import ServiceSettings

BODY = {"prompt": "a lake", "model": "test-card", "seconds": "4", "size": "128x96"}


@contextmanager
def running(home: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command in a process of its own, and what it says first about its address."""
    environment = {
        **os.environ,
        "PLEINAIR_HOME": str(home),
        "PLEINAIR_MODELS": "test-card",
        "PLEINAIR_GRACE": "0.5",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "pleinair", *arguments],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        said = ""
        for line in process.stderr:
            said += line
            if found := re.search(r"OPENAI_BASE_URL=(\S+)/v1|worker started", line):
                yield process, found[1] or ""
                break
        else:
            raise AssertionError(f"it ended: {said}")
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_a_server_makes_videos_and_stops_when_told(tmp_path: Path) -> None:
    with running(tmp_path, "serve", "--port", "0") as (process, url):
        assert httpx.get(f"{url}/ready").json() == {"status": "ready"}
        made = httpx.post(f"{url}/v1/videos", json=BODY).raise_for_status().json()
        end = time.monotonic() + 120
        while (video := httpx.get(f"{url}/v1/videos/{made['id']}").json())["status"] != "completed":
            assert video["status"] != "failed", video
            assert time.monotonic() < end
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/health")


def test_without_workers_it_only_answers_and_a_worker_elsewhere_makes_the_video(
    tmp_path: Path,
) -> None:
    with running(tmp_path, "serve", "--port", "0", "--workers", "0") as (_, url):
        made = httpx.post(f"{url}/v1/videos", json=BODY).raise_for_status().json()
        assert made["status"] == "queued"
        with running(tmp_path, "worker") as (worker, _):
            end = time.monotonic() + 120
            while httpx.get(f"{url}/v1/videos/{made['id']}").json()["status"] != "completed":
                assert time.monotonic() < end
                time.sleep(0.1)
            worker.send_signal(signal.SIGINT)
            assert worker.wait(60) == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org"])
def test_it_does_not_listen_beyond_this_machine_without_keys(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLEINAIR_HOME", str(tmp_path))
    assert _run("serve", "--host", host) == 2
    said = capsys.readouterr().err
    assert "PLEINAIR_KEYS" in said
    assert "--open" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("serve", "--workers", "-1"), "workers"),
        (("serve", "--workers", "1000"), "workers"),
        (("serve", "--engine", "steam"), "local, ray"),
        (("serve", "--engine", "ray", "--worker-gpus", "-1"), "worker_gpus"),
        (("worker", "--count", "0"), "count"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    arguments: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PLEINAIR_HOME", str(tmp_path))
    if arguments[0] == "serve":
        arguments += ("--port", "0")
    assert _run(*arguments) == 2
    written = capsys.readouterr().err
    assert said in written
    assert written.count("\n") == 1


def test_a_port_in_use_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLEINAIR_HOME", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert _run("serve", "--port", str(port)) == 2
    assert f"port {port}" in capsys.readouterr().err


def test_two_workers_at_once(tmp_path: Path) -> None:
    with running(tmp_path, "worker", "--count", "2") as (process, _):
        database = Database(ServiceSettings(home=tmp_path).database_url)
        assert database.is_current()
        database.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def _run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    assert isinstance(caught.value.code, int)
    return caught.value.code
