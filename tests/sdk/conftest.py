"""A server as people start it, with a worker beside it, and what clients send to it."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from openai import OpenAI
from PIL import Image

from pleinair.media.codec import Video, read_video, write_video

ROOT = Path(__file__).parents[2]
SDKS = ROOT / ".venv" / "sdk"
KEY = "sk-of-a-test-000001"
RED = (200, 30, 40)
SIZE = "64x48"


@dataclass(frozen=True)
class Served:
    """A server in a process of its own: where it is, and what it wrote."""

    url: str
    log: Path


@contextmanager
def served(home: Path, *options: str, **variables: str) -> Iterator[Served]:
    """``pleinair serve`` on a free port until it is told to stop.

    Args:
        home: folder of the server.
        options: of the command.
        variables: settings, by name without the prefix.
    """
    home.mkdir(parents=True, exist_ok=True)
    bare = {name: text for name, text in os.environ.items() if not name.startswith("PLEINAIR_")}
    asked = {"home": str(home / "home"), "keys": f"ann:{KEY}", "rate": "0", **variables}
    environment = bare | {f"PLEINAIR_{name.upper()}": text for name, text in asked.items()}
    script = Path(sys.executable).parent / "pleinair"
    log = home / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [script, "serve", "--port", "0", *options], env=environment, stdout=out, stderr=out
        )
    try:
        while not (found := re.search(r"OPENAI_BASE_URL=(\S+)", log.read_text())):
            assert process.poll() is None, log.read_text()
            time.sleep(0.02)
        yield Served(found[1], log)
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose model is the test card, for all tests of this process."""
    home = tmp_path_factory.mktemp("server")
    aliases = "sora-2=test-card,sora-2-pro=test-card"
    with served(home, models="test-card", aliases=aliases) as server:
        yield server


@pytest.fixture
def client(server: Served) -> Iterator[OpenAI]:
    with OpenAI(base_url=server.url, api_key=KEY, max_retries=0) as client:
        yield client


@pytest.fixture(scope="session")
def picture() -> bytes:
    """A red PNG of the size that tests ask for."""
    file = BytesIO()
    Image.new("RGB", (64, 48), RED).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of red in MP4, twelve frames."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    write_video(path, np.broadcast_to(np.array(RED, np.uint8), (12, 48, 64, 3)), 12)
    return path


def decoded(data: bytes, folder: Path) -> Video:
    """The frames of an MP4."""
    path = folder / "decoded.mp4"
    path.write_bytes(data)
    return read_video(path)


def looks_red(video: Video, i: int = 0) -> bool:
    """Whether a frame is the red of `picture`, as far as H.264 keeps it."""
    mean = video.frames[i].reshape(-1, 3).mean(0)
    return bool(np.abs(mean - np.array(RED)).max() < 12)
