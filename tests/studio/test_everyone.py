"""The studio for everybody: keyboard, screen reader, phone, French, both themes."""

import time
from collections.abc import Iterator

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

from pleinair.access.actor import Actor
from tests.studio.conftest import PHONE, Studio

PAGES = ("/", "/library", "/storyboards", "/account", "/nothing")


@pytest.fixture
def ann(programme: Studio) -> Actor:
    """A tester with a finished video, a storyboard and a key."""
    house = programme.members
    made = house.member()
    _, secret = house.key(made)
    with httpx.Client(
        base_url=programme.url, headers={"authorization": f"Bearer {secret}"}
    ) as client:
        body = {"prompt": "a lake at dawn", "seconds": "1", "size": "64x48"}
        video = client.post("/v1/videos", json=body).json()["id"]
        while client.get(f"/v1/videos/{video}").json()["status"] != "completed":
            time.sleep(0.1)
        client.post(f"/v1/videos/{video}/share", json={"title": "Dawn"})
        client.post("/v1/storyboards", json={"title": "One", "cards": []})
    return made


def rooms(programme: Studio, page: Page) -> Iterator[str]:
    """Every page that an artist sees, opened one after the other."""
    addresses = [*PAGES]
    for path in ("/library", "/storyboards"):
        page.goto(path)
        link = page.locator(".content .poster, .content .notices a").first
        expect(link).to_be_visible()
        addresses.append(str(link.get_attribute("href")))
    for address in addresses:
        page.goto(address)
        expect(page.locator("h1")).to_be_visible()
        page.wait_for_timeout(500)  # what a page fetches once it is there
        yield address
    stranger = programme.person()
    stranger.goto("/sign-in")
    expect(stranger.locator("h1")).to_be_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_page_has_a_serious_fault_of_accessibility(
    programme: Studio, ann: Actor, dark: bool
) -> None:
    page = programme.person(ann, dark=dark)
    for address in rooms(programme, page):
        found = Axe().run(page).response["violations"]
        serious = [
            (fault["id"], [node["html"][:200] for node in fault["nodes"]])
            for fault in found
            if fault["impact"] in ("serious", "critical")
        ]
        assert serious == [], address


def test_no_page_is_wider_than_a_phone(programme: Studio, ann: Actor) -> None:
    page = programme.person(ann, size=PHONE)
    for address in rooms(programme, page):
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= PHONE[0], address


def test_everything_is_french_for_whoever_speaks_it(programme: Studio, ann: Actor) -> None:
    page = programme.person(ann, language="fr-FR")
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect(page.get_by_role("heading", name="Créer")).to_be_visible()
    page.get_by_label("Ce qu'il faut voir").fill("un phare la nuit")
    page.get_by_label("Secondes").fill("1")
    page.get_by_role("button", name="Créer", exact=True).click()
    expect(page.locator(".stage").get_by_text("un phare la nuit").first).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Create")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en-US")
    page.goto("/library")
    expect(page.get_by_role("heading", name="Library")).to_be_visible()


def test_the_theme_is_chosen_and_kept(studio: Studio) -> None:
    page = studio.person()
    page.goto("/")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_role("button", name="Light or dark").click()
    dark = page.evaluate(paper)
    assert dark != light
    page.goto("/library")
    assert page.evaluate(paper) == dark


def test_a_video_is_made_and_deleted_by_keyboard_alone(studio: Studio) -> None:
    page = studio.person()
    page.goto("/")
    expect(page.get_by_role("button", name="Create", exact=True)).to_be_visible()

    def to(name: str, role: str = "button") -> None:
        """Press Tab until that has the focus."""
        for _ in range(80):
            page.keyboard.press("Tab")
            here = page.evaluate(
                "[document.activeElement.tagName, document.activeElement.labels?.[0]?.innerText"
                " || document.activeElement.ariaLabel || document.activeElement.innerText]"
            )
            if here[1] == name:
                assert (
                    page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
                )
                return
        raise AssertionError(f"Tab never came to {name}")

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # skip to the content
    to("What is to be seen")
    page.keyboard.type("a lake at dawn")
    to("Seconds")
    page.keyboard.press("Control+A")
    page.keyboard.type("1")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".stage .screen video")).to_be_visible()
    expect(page.get_by_role("listitem")).to_have_count(1)
    to("Delete")
    page.keyboard.press("Enter")
    expect(page.get_by_role("listitem")).to_have_count(0)
    to("Undo")
    page.keyboard.press("Enter")
    expect(page.get_by_role("listitem")).to_have_count(1)
