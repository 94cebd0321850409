import time

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.studio.conftest import Studio


def make(url: str, prompt: str) -> str:
    """A finished video; its id."""
    body = {"prompt": prompt, "seconds": "1", "size": "64x48"}
    made: str = httpx.post(f"{url}/v1/videos", json=body).raise_for_status().json()["id"]
    while (video := httpx.get(f"{url}/v1/videos/{made}").json())["status"] != "completed":
        assert video["status"] != "failed", video
        time.sleep(0.1)
    return made


@pytest.fixture
def library(studio: Studio) -> Page:
    """The library with three videos in it."""
    for prompt in ("a lake at dawn", "a lighthouse at night", "the sea at night"):
        make(studio.url, prompt)
    page = studio.person()
    page.goto("/library")
    expect(page.get_by_role("listitem")).to_have_count(3)
    return page


def test_it_is_searched_while_typing_and_the_address_keeps_it(library: Page) -> None:
    library.keyboard.press("/")
    library.keyboard.type("night")
    expect(library.get_by_role("listitem")).to_have_count(2)
    library.keyboard.type(" sea")
    expect(library.get_by_role("listitem")).to_have_count(1)
    library.wait_for_url("**search=night+sea")
    library.reload()
    expect(library.get_by_role("listitem")).to_have_count(1)
    library.get_by_label("Search").fill("nothing like it")
    expect(library.get_by_text("Nothing is like that.")).to_be_visible()


def test_a_film_plays_while_it_is_pointed_at_or_has_the_focus(library: Page) -> None:
    poster = library.get_by_role("link", name="a lake at dawn")
    expect(library.locator(".film video")).to_have_count(0)
    poster.hover()
    library.wait_for_function("document.querySelector('.film video')?.currentTime > 0.1")
    library.get_by_role("heading", name="Library").hover()
    expect(library.locator(".film video")).to_have_count(0)
    poster.focus()
    expect(library.locator(".film video")).to_have_count(1)


def test_a_deleted_video_comes_back_with_undo(library: Page) -> None:
    film = library.get_by_role("listitem").filter(has_text="a lighthouse")
    film.get_by_role("button", name="Delete").click()
    expect(library.get_by_role("listitem")).to_have_count(2)
    library.get_by_role("button", name="Undo").click()
    expect(library.get_by_role("listitem")).to_have_count(3)


def test_favourites_and_folders(library: Page) -> None:
    film = library.get_by_role("listitem").filter(has_text="the sea")
    film.get_by_role("button", name="Favourite").click()
    expect(film.get_by_role("button", name="Favourite")).to_have_attribute("aria-pressed", "true")
    library.get_by_role("link", name="Favourites").click()
    expect(library.get_by_role("listitem")).to_have_count(1)
    library.get_by_role("link", name="the sea at night").click()
    library.get_by_label("Folder", exact=True).fill("Nights & days")
    library.get_by_role("button", name="Put there").click()
    expect(library.get_by_text("Put there.")).to_be_visible()
    library.get_by_role("link", name="Library").click()
    library.get_by_role("link", name="Nights & days (1)").click()
    expect(library.get_by_role("listitem")).to_have_count(1)
    expect(library.get_by_text("the sea at night")).to_be_visible()


def test_a_video_is_told_of_and_gone_on_from(library: Page) -> None:
    library.get_by_role("link", name="a lake at dawn").click()
    expect(library.get_by_text("sora-2")).to_be_visible()
    with library.expect_download() as fetched:
        library.get_by_role("link", name="Download").click()
    assert fetched.value.suggested_filename.endswith(".mp4")
    library.get_by_role("link", name="Go on from its end").click()
    expect(library.get_by_label("What is to be seen")).to_have_value("a lake at dawn")
    expect(library.get_by_label("Go on from its end")).to_be_checked()
    library.get_by_label("Seconds").fill("1")
    library.get_by_role("button", name="Create", exact=True).click()
    library.wait_for_function("document.querySelector('.stage video')?.duration > 1.8")
