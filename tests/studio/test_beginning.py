"""What a person makes of pictures and clips."""

from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import FilePayload, Page, expect

from pleinair.api.services import Services
from pleinair.media.codec import read_video
from pleinair.service.tables import Video
from tests.studio.conftest import PHONE, Studio
from tests.studio.test_library import make

RED, BLUE = (200, 20, 20), (20, 20, 200)


def picture(colour: tuple[int, int, int]) -> FilePayload:
    data = BytesIO()
    Image.new("RGB", (64, 48), colour).save(data, "PNG")
    return {"name": "a.png", "mimeType": "image/png", "buffer": data.getvalue()}


def create(page: Page, studio: Studio) -> dict[str, Any]:
    """Press the button, and wait for the video."""
    before = len(httpx.get(f"{studio.url}/v1/videos").json()["data"])
    page.get_by_role("button", name="Create", exact=True).click()
    page.wait_for_function(
        "n => document.querySelectorAll('.films .film').length > n"
        " && !document.querySelector('.at-work')",
        arg=before,
    )
    newest: dict[str, Any] = httpx.get(f"{studio.url}/v1/videos").json()["data"][0]
    assert newest["status"] == "completed", newest
    return newest


def frames_of(studio: Studio, video: dict[str, Any], folder: Path) -> np.ndarray:
    path = folder / f"{video['id']}.mp4"
    path.write_bytes(httpx.get(f"{studio.url}/v1/videos/{video['id']}/content").content)
    return read_video(path).frames


def roles(studio: Studio, video: dict[str, Any]) -> list[str]:
    """What the worker was told to do with each clip."""
    house = Services.open(studio.settings)
    with house.database.read() as session:
        given = session.get_one(Video, video["id"]).request["given"]
    house.database.close()
    return [item["role"] for item in given]


def is_of(frame: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(frame.mean((0, 1)) - colour).max() < 12)


def test_a_clip_is_begun_earlier_made_anew_in_part_and_led_to_another(
    studio: Studio, tmp_path: Path
) -> None:
    first, second = make(studio.url, "a lake at dawn"), make(studio.url, "the sea at night")
    old = frames_of(studio, {"id": first}, tmp_path)
    page = studio.person()

    page.goto(f"/videos/{first}")
    page.get_by_role("link", name="Begin it earlier").click()
    expect(page.get_by_label("Begin it earlier")).to_be_checked()
    page.get_by_label("Seconds").fill("1")
    earlier = create(page, studio)
    assert (float(earlier["seconds"]), earlier["remixed_from_video_id"]) == (2, first)
    assert roles(studio, earlier) == ["before"]

    page.get_by_label("Make a part anew", exact=True).check()
    expect(page.get_by_label("Seconds")).to_be_hidden()
    page.get_by_label("From second").fill("0.5")
    page.get_by_label("To second").fill("4")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_label("To second")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("To second").fill("0.75")
    part = create(page, studio)
    assert float(part["seconds"]) == 1
    frames = frames_of(studio, part, tmp_path)
    changed = np.abs(frames.astype(float) - old).mean((1, 2, 3))
    assert changed[12:18].min() > 1.5 * max(changed[:12].max(), changed[18:].max()), changed

    page.get_by_label("Lead to another clip", exact=True).check()
    page.get_by_role("button", name="Create", exact=True).click()
    choice = page.get_by_label("It leads to", exact=True)
    expect(choice).to_have_attribute("aria-invalid", "true")
    choice.select_option(second)
    page.get_by_label("Seconds").fill("1")
    both = create(page, studio)
    assert float(both["seconds"]) == 3
    assert roles(studio, both) == ["extend", "before"]


def test_dropped_clips_are_connected(studio: Studio, tmp_path: Path) -> None:
    made = make(studio.url, "a lake at dawn")
    data = httpx.get(f"{studio.url}/v1/videos/{made}/content").content
    clip: FilePayload = {"name": "a.mp4", "mimeType": "video/mp4", "buffer": data}
    page = studio.person(size=PHONE)
    page.goto("/")
    page.get_by_label("Begin with a picture or a clip").set_input_files(clip)
    page.get_by_label("Lead to another clip", exact=True).check()
    page.get_by_label("The clip that it leads to: drop it here").set_input_files(clip)
    expect(page.get_by_label("The clip that it leads to", exact=True)).to_be_visible()
    page.get_by_label("Begin with a picture or a clip").or_(
        page.get_by_label("The clip that it leads to: drop it here")
    ).set_input_files(picture(RED))
    page.get_by_label("At second").fill("0.5")
    page.get_by_label("What is to be seen").fill("from here to there")
    page.get_by_label("Seconds").fill("1")
    frames = frames_of(studio, create(page, studio), tmp_path)
    assert len(frames) == 72
    assert any(is_of(frame, RED) for frame in frames[24:48])


def test_pictures_are_seen_at_their_times(studio: Studio, tmp_path: Path) -> None:
    page = studio.person()
    page.goto("/")
    zone = page.get_by_label("Begin with a picture or a clip")
    zone.set_input_files(picture(RED))
    expect(page.get_by_role("img", name="The first picture")).to_be_visible()
    zone.set_input_files(picture(BLUE))
    expect(page.get_by_role("img", name="Picture 2")).to_be_visible()
    page.get_by_label("What is to be seen").fill("red becomes blue")
    page.get_by_label("Seconds").fill("1")
    page.get_by_label("360p").check()
    expect(page.get_by_label("At second").nth(1)).to_have_css("opacity", "1")
    page.get_by_label("At second").nth(1).fill("9")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_label("At second").nth(1)).to_have_attribute("aria-invalid", "true")
    page.get_by_label("At second").nth(1).fill("")
    frames = frames_of(studio, create(page, studio), tmp_path)
    assert is_of(frames[0], RED)
    assert is_of(frames[-1], BLUE)


@pytest.mark.parametrize("kind", ["Loop", "Picture"])
def test_loops_and_single_pictures(studio: Studio, tmp_path: Path, kind: str) -> None:
    page = studio.person()
    page.goto("/")
    page.get_by_label("What is to be seen").fill("waves on a shore")
    page.get_by_label("Seconds").fill("1")
    page.get_by_label("360p").check()
    page.get_by_label(kind, exact=True).check()
    video = create(page, studio)
    frames = frames_of(studio, video, tmp_path)
    if kind == "Picture":
        assert len(frames) == 1
        whole = httpx.get(f"{studio.url}/v1/videos/{video['id']}/content?variant=thumbnail")
        assert Image.open(BytesIO(whole.content)).size == (640, 360)
        expect(page.get_by_role("link", name="Picture")).to_be_visible()
    else:
        steps = np.abs(np.diff(frames.astype(float), axis=0)).mean((1, 2, 3))
        closing = np.abs(frames[0].astype(float) - frames[-1]).mean()
        assert len(frames) == 24
        assert closing < 2 * np.median(steps)
