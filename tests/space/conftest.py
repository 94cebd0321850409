"""The page of `space/` as a process, and the servers that it speaks to."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv" / "space" / "bin" / "python"
_START = 90.0  # seconds that it may take to start


@contextmanager
def page_of(server: str, key: str, folder: Path, **variables: str) -> Iterator[str]:
    """The address of the page while it runs.

    Args:
        server: base URL of the API.
        key: of the API.
        folder: for its log and its files.
        variables: of the Space, by name without the prefix.
    """
    assert PYTHON.exists(), f"{PYTHON} is not there: `make .venv/ready-space` makes it"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "OPENAI_BASE_URL": server,
        "OPENAI_API_KEY": key,
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_TEMP_DIR": str(folder / "files"),
        **{f"PAGE_{name.upper()}": text for name, text in variables.items()},
    }
    with (folder / "page.log").open("wb") as log:
        process = subprocess.Popen(
            [PYTHON, ROOT / "space" / "app.py"],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + _START
        while not _answers(address):
            said = (folder / "page.log").read_text()
            assert process.poll() is None, said
            assert time.monotonic() < end, said
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
