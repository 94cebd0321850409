from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO

import httpx
import pytest
from PIL import Image
from playwright.sync_api import FilePayload, expect

from pleinair.api.services import Services
from pleinair.service.tables import Video
from pleinair.settings import ServiceSettings
from pleinair.studio import film
from pleinair.studio.tongue import Tongue
from tests.service.talker import Talker, talking
from tests.studio.conftest import PHONE, Studio


@pytest.fixture
def talker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Talker]:
    """An endpoint that the studio's server knows by its environment."""
    with talking() as made:
        monkeypatch.setenv("PLEINAIR_REWRITE_URL", made.url)
        monkeypatch.setenv("PLEINAIR_REWRITE_MODEL", "llama")
        yield made


@pytest.fixture
def studio_settings(studio_settings: ServiceSettings, talker: Talker) -> ServiceSettings:
    """With the embedded model too, for its words; only the test card draws in these tests."""
    return replace(studio_settings, models=("test-card", "pleinair-1"))


def test_the_first_run_leads_to_a_playing_video(studio: Studio) -> None:
    page = studio.person()
    page.goto("/")
    expect(page.get_by_role("heading", name="Create", level=1)).to_be_visible()
    page.get_by_label("What is to be seen").fill("a lake at dawn")
    page.get_by_label("Seconds").fill("1")
    page.get_by_label("360p").check()
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.locator(".at-work progress")).to_be_visible()
    film = page.locator(".stage .screen video")
    expect(film).to_be_visible()
    page.wait_for_function("document.querySelector('.stage video').currentTime > 0.2")
    assert film.evaluate("v => [v.videoWidth, v.videoHeight, v.paused]") == [640, 360, False]
    expect(page.get_by_role("listitem").get_by_text("a lake at dawn")).to_be_visible()


def test_a_field_that_is_not_allowed_is_named_where_it_stands(studio: Studio) -> None:
    page = studio.person(size=PHONE)
    page.goto("/")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("alert").get_by_text("Say what is to be seen.")).to_be_visible()
    page.get_by_label("What is to be seen").fill("a lake")
    page.get_by_label("Seconds").fill("4000")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_label("Seconds")).to_have_attribute("aria-invalid", "true")
    expect(page.locator(".at-work")).to_have_count(0)


def test_words_are_marked_mended_rewritten_and_filled_in(studio: Studio, talker: Talker) -> None:
    page = studio.person()
    page.goto("/")
    fill_in = page.get_by_label("Fill in what is left unsaid")
    expect(fill_in).to_be_hidden()  # the test card has no captions
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Model").select_option("pleinair-1")
    box = page.get_by_label("What is to be seen")
    box.fill("two baloons over a lake")
    expect(page.locator(".prompt mark")).to_have_text("baloons")
    page.get_by_role("button", name="baloons → balloons").click()
    expect(box).to_have_value("two balloons over a lake")
    expect(page.locator(".prompt mark")).to_have_count(0)
    page.get_by_text("What it knows").click()
    page.get_by_role("button", name="lighthouse").click()
    expect(box).to_have_value("two balloons over a lake, lighthouse")
    rewrite = page.get_by_role("button", name="Rewrite")
    rewrite.click()
    expect(box).to_have_value(talker.said)
    before = page.get_by_text("Before it was rewritten: two balloons over a lake, lighthouse")
    expect(before).to_be_visible()
    page.get_by_role("button", name="As it was").click()
    expect(box).to_have_value("two balloons over a lake, lighthouse")
    expect(before).to_have_count(0)
    rewrite.click()
    expect(box).to_have_value(talker.said)
    fill_in.check()
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.locator(".at-work")).to_be_visible()
    [made] = httpx.get(f"{studio.url}/v1/videos").json()["data"]
    assert made["prompt"] == talker.said
    assert made["original_prompt"] == "two balloons over a lake, lighthouse"
    house = Services.open(studio.settings)
    with house.database.read() as session:
        assert session.get_one(Video, made["id"]).request["complete"] is True
    house.database.close()


def test_what_was_filled_in_is_told_in_the_language_of_the_page() -> None:
    video = {"completed": ["at dawn", ""]}
    assert film.added_of(Tongue("en"), video) == ["Filled in: at dawn"]
    assert film.added_of(Tongue("fr"), video) == ["Complété : at dawn"]


def test_a_draft_comes_first_and_then_the_same_for_good(studio: Studio) -> None:
    page = studio.person()
    page.goto("/")
    page.get_by_label("What is to be seen").fill("a lake at dawn")
    page.get_by_label("Seconds").fill("1")
    page.get_by_role("button", name="Draft").click()
    page.get_by_role("button", name="Make it for good").click()
    page.wait_for_function("document.querySelector('.stage video')?.videoWidth === 1280")
    final, draft = httpx.get(f"{studio.url}/v1/videos").json()["data"]
    assert (draft["size"], final["size"]) == ("640x360", "1280x720")
    assert draft["seed"] == final["seed"]
    expect(page.get_by_role("button", name="Make it for good")).to_have_count(0)


def test_a_picture_that_is_dropped_begins_the_video(studio: Studio) -> None:
    data = BytesIO()
    Image.new("RGB", (96, 64), (180, 40, 30)).save(data, "PNG")
    picture: FilePayload = {"name": "a.png", "mimeType": "image/png", "buffer": data.getvalue()}
    page = studio.person()
    page.goto("/")
    page.get_by_label("Begin with a picture or a clip").set_input_files(picture)
    expect(page.get_by_role("img", name="The first picture")).to_be_visible()
    page.get_by_label("What is to be seen").fill("a lake at dawn")
    page.get_by_label("Seconds").fill("1")
    page.get_by_role("button", name="Create", exact=True).click()
    page.wait_for_function("document.querySelector('.stage video')?.readyState >= 2")
    [made] = httpx.get(f"{studio.url}/v1/videos").json()["data"]
    frame = httpx.get(f"{studio.url}/v1/videos/{made['id']}/content?variant=thumbnail")
    assert frame.status_code == 200
    page.get_by_role("button", name="Begin with nothing").click()
    expect(page.get_by_role("img", name="The first picture")).to_have_count(0)


def test_a_video_at_work_shows_how_far_it_is_and_is_cancelled(studio: Studio) -> None:
    page = studio.person()
    page.goto("/")
    page.get_by_label("What is to be seen").fill("a lake, slow 100")
    page.get_by_label("Seconds").fill("1")
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Steps").fill("200")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("img", name="How far it is")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".stage .screen").get_by_text("Cancelled")).to_be_visible()
    expect(page.locator(".at-work")).to_have_count(0)
