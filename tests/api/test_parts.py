"""What is made before, between and within videos, and loops, over the wire."""

from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from pleinair.media.codec import read_video
from pleinair.media.frames import Frames
from tests.api.conftest import Live

SMALL = {"prompt": "a lake", "seconds": "1", "size": "64x48", "fps": 12, "seed": 3}


@pytest.fixture
def seen(live_server: Live, http: httpx.Client, tmp_path: Path) -> Any:  # noqa: ANN401
    """Asks, finishes, and gives the video's id and frames."""

    def ask(route: str, **body: Any) -> tuple[str, Frames]:  # noqa: ANN401
        answer = http.post(route, json=body)
        assert answer.status_code == 200, answer.text
        video_id = answer.json()["id"]
        assert live_server.finish(video_id).state == "completed"
        path = tmp_path / f"{video_id}.mp4"
        path.write_bytes(http.get(f"/videos/{video_id}/content").content)
        return video_id, read_video(path).frames

    return ask


def _near(a: Frames, b: Frames) -> bool:
    return float(np.abs(a.astype(int) - b).mean()) < 6


def test_a_video_is_begun_earlier(seen: Any, http: httpx.Client) -> None:  # noqa: ANN401
    first, there = seen("/videos", **SMALL)
    asked = {"prompt": "before", "video": {"id": first}, "seconds": 0.5, "direction": "backward"}
    earlier, frames = seen("/videos/extensions", **asked)
    assert len(frames) == 6 + 12
    assert _near(frames[6:], there)
    assert http.get(f"/videos/{earlier}").json()["seconds"] == "1.5"
    refused = http.post("/videos/extensions", json={**asked, "direction": "up"})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "direction")


def test_two_videos_are_connected(seen: Any, http: httpx.Client) -> None:  # noqa: ANN401
    one, a = seen("/videos", **SMALL)
    two, b = seen("/videos", **{**SMALL, "prompt": "a forest"})
    asked = {"prompt": "on", "first": {"id": one}, "second": {"id": two}, "seconds": 0.5}
    both, frames = seen("/videos/connections", **asked)
    assert len(frames) == 12 + 6 + 12
    assert _near(frames[:12], a)
    assert _near(frames[18:], b)
    told = http.get(f"/videos/{both}").json()
    assert (told["seconds"], told["remixed_from_video_id"]) == ("2.5", one)
    refused = http.post("/videos/connections", json={**asked, "second": {"id": "video_none"}})
    assert refused.status_code == 404
    refused = http.post("/videos/connections", json={**asked, "second": None})
    assert refused.json()["error"]["param"] == "second"


def test_a_part_of_a_video_is_made_anew(seen: Any, http: httpx.Client) -> None:  # noqa: ANN401
    first, there = seen("/videos", **SMALL)
    asked = {"prompt": "anew", "video": {"id": first}, "start": 0.25, "end": 0.75}
    again, frames = seen("/videos/retakes", **asked, strength=1)
    near = [_near(*pair) for pair in zip(frames, there, strict=True)]
    assert near == [True] * 3 + [False] * 6 + [True] * 3
    told = http.get(f"/videos/{again}").json()
    assert (told["seconds"], told["seed"] != 3) == ("1", True)
    for start, end, param in (
        (0.5, 0.5, "end"),
        (0.5, 1.5, "end"),
        (0, 1, "end"),
        (-1, 1, "start"),
    ):
        refused = http.post("/videos/retakes", json={**asked, "start": start, "end": end})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, param)


def test_an_uploaded_video_is_retaken_too(
    seen: Any,  # noqa: ANN401
    live_server: Live,
    http: httpx.Client,
    tmp_path: Path,
) -> None:
    first, _ = seen("/videos", **SMALL)
    file = {"video": ("a.mp4", (tmp_path / f"{first}.mp4").read_bytes(), "video/mp4")}
    data = {"prompt": "anew", "start": "0", "end": "0.5"}
    answer = http.post("/videos/retakes", data=data, files=file)
    assert answer.status_code == 200, answer.text
    assert live_server.finish(answer.json()["id"]).state == "completed"


def test_a_loop_is_asked_for(seen: Any) -> None:  # noqa: ANN401
    _, loop = seen("/videos", **SMALL, loop=True)
    assert len(loop) == 12
    _, plain = seen("/videos", **SMALL)
    assert not _near(loop[1:], plain[1:])
