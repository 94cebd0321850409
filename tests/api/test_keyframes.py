"""Pictures at times of an extension."""

import io
from base64 import b64encode
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from pleinair.media.codec import read_video
from tests.api.conftest import Live

RED = (200, 20, 20)


def _picture() -> dict[str, str]:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), RED).save(file, "PNG")
    return {"image_url": f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"}


def _is_red(frame: np.ndarray) -> bool:
    return bool(np.abs(frame.mean((0, 1)) - RED).max() < 12)


def _made(live: Live, http: httpx.Client, seconds: str) -> str:
    """A finished video at 12 frames a second; its id."""
    body = {"prompt": "a lake", "seconds": seconds, "size": "64x48", "fps": 12}
    made: str = http.post("/videos", json=body).json()["id"]
    live.finish(made)
    return made


def _frames(live: Live, http: httpx.Client, video: str, folder: Path) -> np.ndarray:
    """Those of a video, once it is finished."""
    assert live.finish(video).state == "completed"
    path = folder / "video.mp4"
    path.write_bytes(http.get(f"/videos/{video}/content").content)
    return read_video(path).frames


def test_an_extension_arrives_at_its_picture(
    live_server: Live, http: httpx.Client, tmp_path: Path
) -> None:
    first = _made(live_server, http, "1")
    asked = {
        "prompt": "on",
        "video": {"id": first},
        "seconds": 1,
        "keyframes": [{"at": 1, **_picture()}, {"at": 0, **_picture()}],
    }
    longer = http.post("/videos/extensions", json=asked).json()["id"]
    frames = _frames(live_server, http, longer, tmp_path)
    assert len(frames) == 24
    assert _is_red(frames[-1])
    assert not any(map(_is_red, frames[:23])), "at 0 the clip goes on"


def test_a_part_that_is_made_anew_passes_its_picture(
    live_server: Live, http: httpx.Client, tmp_path: Path
) -> None:
    first = _made(live_server, http, "2")
    asked = {"prompt": "red", "video": {"id": first}, "start": 0.5, "end": 1.5}
    keyframes = [{"at": 0.5, **_picture()}]
    anew = http.post("/videos/retakes", json={**asked, "keyframes": keyframes}).json()["id"]
    frames = _frames(live_server, http, anew, tmp_path)
    red = [i for i, frame in enumerate(frames) if _is_red(frame)]
    assert red == [12]


def test_a_picture_after_the_end_of_an_extension_is_refused(
    live_server: Live, http: httpx.Client
) -> None:
    first = _made(live_server, http, "1")
    asked = {"prompt": "on", "video": {"id": first}, "seconds": 1}
    keyframes = [{"at": 1.5, **_picture()}]
    answer = http.post("/videos/extensions", json={**asked, "keyframes": keyframes})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "at")
