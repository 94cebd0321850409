"""The child as the system sees it: what it can still do once it is shut in."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pleinair.media.decode_child import Bounds, Job
from tests.promises.hostile import clip, picture, valid

PROBE = """
import json, os, resource, socket, sys
from pleinair.media.decode_child import Bounds, shut_in

shut = shut_in(Bounds(memory=700_000_000), 7)

def can(act):
    try:
        act()
    except OSError:
        return False
    return True

limits = [resource.getrlimit(getattr(resource, "RLIMIT_" + name)) for name in sys.argv[1].split()]
print(json.dumps({
    "shut": shut,
    "limits": limits,
    "other files": can(lambda: open("/etc/hostname")) or can(lambda: open(sys.argv[2])),
    "own files": can(lambda: open("own", "w")),
    "another root": can(lambda: os.chroot("/")),
    "network": can(lambda: socket.socket().connect(("127.0.0.1", int(sys.argv[3])))),
}))
"""


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process finds that has shut itself in."""
    folder = tmp_path_factory.mktemp("own")
    other = tmp_path_factory.mktemp("other") / "secret"
    other.touch()
    with socket.create_server(("127.0.0.1", 0)) as server:
        arguments = ["AS CPU FSIZE NOFILE CORE", str(other), str(server.getsockname()[1])]
        done = subprocess.run(
            [sys.executable, "-I", "-c", PROBE, *arguments],
            cwd=folder,
            env={},
            capture_output=True,
            text=True,
            check=True,
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_limits_hold_everywhere(probe: dict[str, Any]) -> None:
    most = [700_000_000, 7, Bounds().video_bytes, 16, 0]
    assert probe["limits"] == [[limit, limit] for limit in most]


def test_what_the_host_allows_is_shut(probe: dict[str, Any]) -> None:
    assert probe["own files"]
    assert not probe["another root"]
    assert probe["network"] == ("no network" not in probe["shut"])
    assert probe["other files"] == ("no files but its own" not in probe["shut"])


@pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="needs root on Linux")
def test_root_on_linux_can_always_shut_the_files_away(probe: dict[str, Any]) -> None:
    assert "no files but its own" in probe["shut"]


def _decode(folder: Path, data: bytes, job: Job) -> tuple[int, str]:
    (folder / "upload").write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-I", "-m", "pleinair.media.decode_child", json.dumps(asdict(job))],
        cwd=folder,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_a_child_ends_when_it_needs_more_memory_than_it_may(tmp_path: Path) -> None:
    bounds = replace(Bounds(), memory=300_000_000)
    data = clip(2, 2048, 2048)
    assert _decode(tmp_path, data, Job("video", "mov", Bounds()))[0] == 0
    assert _decode(tmp_path, data, Job("video", "mov", bounds)) == (1, "")


def test_a_child_ends_when_it_needs_more_time_than_it_may(tmp_path: Path) -> None:
    noise = picture(Image.effect_noise((4096, 4096), 90), compress_level=1)
    bounds = replace(Bounds(), image_time=1)
    assert _decode(tmp_path, noise, Job("image", "PNG", bounds)) == (-9, "")


def test_only_the_demuxer_that_was_named_looks_at_the_file(tmp_path: Path) -> None:
    assert _decode(tmp_path, valid("webm"), Job("video", "matroska", Bounds()))[0] == 0
    assert _decode(tmp_path, valid("webm"), Job("video", "mov", Bounds())) == (1, "")
