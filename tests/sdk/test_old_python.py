"""Old Python SDKs, which send what newer ones no longer do, such as creates in JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from tests.sdk.conftest import KEY, SDKS, Served, decoded, looks_red

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")


@pytest.fixture(scope="module", params=["2.2.0", "2.26.0"])
def seen(
    request: pytest.FixtureRequest,
    server: Served,
    picture: bytes,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """What a life with that SDK looked like."""
    folder = SDKS / request.param
    assert folder.is_dir(), "`make .venv/ready-sdks` fetches it"
    path = tmp_path_factory.mktemp("picture") / "red.png"
    path.write_bytes(picture)
    script = Path(__file__).with_name("life.py")
    done = subprocess.run(
        [sys.executable, script, server.url, KEY, path],
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["version"] == request.param
    return told


def test_a_life_goes_from_create_to_delete(seen: dict[str, Any]) -> None:
    assert seen["made"] == "queued"
    assert seen["done"] == ["completed", "64x48", "0.5", 100]
    assert seen["remix"] == [seen["id"], "64x48", "0.5"]
    assert seen["id"] in seen["listed"]
    assert seen["async"] == ["completed", "ftyp"]
    assert seen["deleted"] == {"id": seen["id"], "object": "video.deleted", "deleted": True}


def test_files_are_of_their_kind(seen: dict[str, Any]) -> None:
    video, thumbnail, sheet = (bytes.fromhex(start) for start in seen["bytes"].values())
    assert video[4:8] == b"ftyp"
    assert (thumbnail[:4], thumbnail[8:]) == (b"RIFF", b"WEBP")
    assert sheet[:3] == b"\xff\xd8\xff"


def test_a_picture_becomes_the_first_frame_however_it_is_sent(
    seen: dict[str, Any], client: OpenAI, tmp_path: Path
) -> None:
    assert list(seen["pictures"]) == ["path", "bytes", "tuple"]
    for name, (video_id, status) in seen["pictures"].items():
        assert status == "completed", name
        assert looks_red(decoded(client.videos.download_content(video_id).read(), tmp_path)), name


def test_refusals_are_the_exceptions_that_its_users_catch(seen: dict[str, Any]) -> None:
    assert seen["gone"] == [404, "not_found", "req_"]
    assert seen["refused"] == ["seconds", "invalid_value"]
