from playwright.sync_api import expect

from tests.studio.conftest import PHONE, Studio


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
