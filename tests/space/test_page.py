"""The page in a browser, before a real server with an access programme."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from openai import OpenAI
from playwright.sync_api import Browser, Page, expect, sync_playwright

from pleinair.access.actor import AT_THE_MACHINE
from pleinair.access.switchboard import Switchboard
from pleinair.api.services import Services
from pleinair.commands.drill_server import Holder, people, serving, settings_of
from tests.browser import arguments, chromium
from tests.space.conftest import page_of

pytestmark = [
    pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning"),
    pytest.mark.xdist_group("browser"),
]
PATIENCE = 60_000  # milliseconds that a step may take on a busy machine


@dataclass(frozen=True)
class Stage:
    """A server of a programme and the page before it.

    Attributes:
        server: base URL of the API.
        page: address of the page.
        holder: the member whose key the page has.
        use: the server's own services.
        folder: where the page writes.
    """

    server: str
    page: str
    holder: Holder
    use: Services
    folder: Path

    def off(self, message: str, hours: float | None = None) -> str:
        board: Switchboard = self.use.switchboard
        return board.off(AT_THE_MACHINE, "everyone", "", message, hours=hours)[0].id


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("stage")
    settings = settings_of(folder)
    holder = people(settings, 1, Random(0))[0]
    with (
        serving(folder, workers=1) as url,
        page_of(f"{url}/v1", holder.secret, folder, model="test-card") as page,
    ):
        use = Services.open(settings)
        yield Stage(f"{url}/v1", page, holder, use, folder)
        use.database.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=arguments())
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, stage: Stage) -> Iterator[Callable[..., Page]]:
    """Opens the page; whatever a browser asks of any other host fails the test."""
    asked: list[str] = []
    contexts = []

    def opened(**options: object) -> Page:
        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        page.goto(stage.page)
        return page

    yield opened
    for context in contexts:
        context.close()
    own = (f"{stage.page}/", "data:", "blob:")
    assert [url for url in asked if not url.startswith(own)] == []


def ask(page: Page, prompt: str) -> None:
    page.get_by_label("What is to be seen").fill(prompt)
    page.get_by_label("360p").check()
    page.get_by_role("button", name="Make the video").click()


def test_a_prompt_becomes_a_video_that_plays_and_can_be_downloaded(
    visit: Callable[..., Page], stage: Stage
) -> None:
    page = visit()
    ask(page, "a lake at dusk, slow 100")
    expect(page.get_by_role("progressbar")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("button", name="Make the video")).to_be_disabled()
    page.wait_for_function("document.querySelector('#video video')?.readyState >= 2")
    page.wait_for_function("document.querySelector('#video video').currentTime > 0.2")
    size = (
        "(v => [v.videoWidth, v.videoHeight, v.duration])(document.querySelector('#video video'))"
    )
    assert page.evaluate(size) == [640, 360, 5]
    with page.expect_download() as download:
        page.locator("#download").click()
    assert b"ftyp" in Path(download.value.path()).read_bytes()[:12]
    thumbnail = page.locator("#gallery img")
    expect(thumbnail).to_have_count(1)
    assert page.evaluate("document.querySelector('#gallery img').naturalWidth") > 0
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    # What one visitor made is not shown to another.
    stranger = visit()
    expect(stranger.get_by_text("Your video will be here.")).to_be_visible(timeout=PATIENCE)
    expect(stranger.locator("#gallery img")).to_have_count(0)


def test_a_video_that_is_stopped_is_cancelled_and_its_place_is_free(
    visit: Callable[..., Page], stage: Stage
) -> None:
    page = visit()
    ask(page, "stopped by hand, stall 600")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped.")).to_be_visible(timeout=PATIENCE)
    assert status_of(stage, "stopped by hand") == "failed"
    ask(page, "left alone, stall 600")
    expect(page.get_by_role("button", name="Stop")).to_be_visible(timeout=PATIENCE)
    page.context.close()  # the visitor goes
    page = visit()
    for _ in range(100):
        if status_of(stage, "left alone") == "failed":
            break
        page.wait_for_timeout(200)
    assert status_of(stage, "left alone") == "failed"


def status_of(stage: Stage, prompt: str) -> str:
    with OpenAI(base_url=stage.server, api_key=stage.holder.secret) as client:
        return next(v.status for v in client.videos.list() if (v.prompt or "").startswith(prompt))


def test_words_are_french_where_the_browser_asks_for_it(visit: Callable[..., Page]) -> None:
    page = visit(locale="fr-FR")
    expect(page.get_by_label("Ce que l’on doit voir")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("Votre vidéo sera ici.")).to_be_visible(timeout=PATIENCE)
    assert page.evaluate("document.documentElement.lang") == "fr"


def test_while_access_is_off_the_page_says_so_and_no_key_is_anywhere(
    visit: Callable[..., Page], stage: Stage
) -> None:
    open_before = visit()
    expect(open_before.get_by_text("Your video will be here.")).to_be_visible(timeout=PATIENCE)
    switch = stage.off("We look into a leak.", hours=2)
    # Whoever has the page open hears it from the create itself.
    ask(open_before, "a lake")
    for page in (open_before, visit()):
        notice = page.locator("#notice")
        expect(notice).to_contain_text("Access is switched off", timeout=PATIENCE)
        expect(notice).to_contain_text("We look into a leak.")
        expect(notice).to_contain_text("about 2 hours")
        expect(page.get_by_label("What is to be seen")).to_be_hidden()
        assert stage.holder.secret not in page.content()
    stage.use.switchboard.on(AT_THE_MACHINE, switch)
    assert stage.holder.secret not in (stage.folder / "page.log").read_text()
