from io import BytesIO

import httpx
from PIL import Image
from playwright.sync_api import FilePayload, expect

from tests.studio.conftest import Studio


def _picture() -> bytes:
    data = BytesIO()
    Image.new("RGB", (96, 64), (180, 40, 30)).save(data, "PNG")
    return data.getvalue()


def test_cards_become_one_video(studio: Studio) -> None:
    page = studio.person()
    page.goto("/storyboards")
    expect(page.get_by_text("No storyboard yet.")).to_be_visible()
    page.get_by_role("button", name="New storyboard").click()
    page.get_by_label("Title").fill("From dawn to night")
    page.get_by_label("What is to be seen").fill("a lake at dawn")
    page.get_by_label("Seconds").fill("1")
    page.get_by_role("button", name="Add a card").click()
    expect(page.get_by_role("heading", name="Card 2")).to_be_visible()
    page.get_by_label("What is to be seen").fill("the sun rises")
    page.get_by_label("Seconds").fill("1")
    page.get_by_role("button", name="Add a card").click()
    expect(page.get_by_role("heading", name="Card 3")).to_be_visible()
    page.get_by_label("Picture").check()
    expect(page.get_by_text("It ends on this picture.")).to_be_visible()
    page.get_by_label("What is to be seen").fill("a lake at night")
    page.get_by_label("Seconds").fill("1.5")
    picture: FilePayload = {"name": "night.png", "mimeType": "image/png", "buffer": _picture()}
    page.get_by_label("Drop a picture here, or choose").set_input_files(picture)
    expect(page.get_by_role("img", name="The picture")).to_be_visible()
    expect(page.get_by_text("3.5 seconds are drawn")).to_be_visible()
    page.get_by_role("button", name="Make the video").click()
    expect(
        page.get_by_text("Card 1 of 3").or_(page.get_by_text("Card 2 of 3")).first
    ).to_be_visible()
    expect(page.get_by_role("status").get_by_text("Finished")).to_be_visible(timeout=90_000)
    page.wait_for_function("document.querySelector('.screen video')?.duration > 3.3")
    assert page.locator(".screen video").evaluate("v => v.duration") < 3.8
    videos = httpx.get(f"{studio.url}/v1/videos").json()["data"]
    assert [video["seconds"] for video in videos] == ["3.5"]


def test_a_storyboard_is_kept_while_it_is_laid_and_wrong_cards_are_named(studio: Studio) -> None:
    page = studio.person()
    page.goto("/storyboards")
    page.get_by_role("button", name="New storyboard").click()
    page.get_by_label("What is to be seen").fill("a lake at dawn")
    expect(page.get_by_role("button", name="Card 1: a lake at dawn")).to_be_visible()
    page.get_by_role("button", name="Add a card").click()
    expect(page.get_by_role("button", name="Card 2: nothing said yet")).to_be_visible()
    page.get_by_role("button", name="Make the video").click()
    expect(page.locator(".newsroom").get_by_text("cards.1.prompt")).to_be_visible()
    page.get_by_role("button", name="Move it forward").click()
    expect(page.get_by_role("button", name="Card 2: a lake at dawn")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Card 2: a lake at dawn")).to_be_visible()
