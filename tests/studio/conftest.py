"""A studio on a real server, and people in real browsers before it."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from pleinair.access.actor import Actor, Role
from pleinair.api.identity import COOKIE
from pleinair.settings import ServiceSettings
from tests.access.conftest import House, house_of
from tests.browser import arguments, chromium

expect.set_options(timeout=30_000)
WIDE = (1280, 900)
PHONE = (390, 844)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test with a browser is tried once more: it shares its cores with other tests.

    The summary counts what was tried again.
    """
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def chrome() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=arguments())
        yield browser
        browser.close()


@dataclass
class Studio:
    """A running studio.

    Attributes:
        url: where it is, without a slash at its end.
        settings: of its server.
        house: its services, in this process, and short ways to have members; None without any.
        chrome: in which its pages are opened.
    """

    url: str
    settings: ServiceSettings
    house: House | None
    chrome: Browser
    _opened: list[BrowserContext] = field(default_factory=list)
    _strayed: list[str] = field(default_factory=list)
    _complaints: list[str] = field(default_factory=list)

    @property
    def members(self) -> House:
        """The house, of a studio that has members."""
        assert self.house is not None
        return self.house

    def person(
        self,
        role: Role | Actor | None = None,
        *,
        size: tuple[int, int] = WIDE,
        dark: bool = False,
        language: str = "en-GB",
    ) -> Page:
        """A browser of one's own, signed in as a new member of that role, or as that member.

        Whatever it asks for elsewhere than of this server, and whatever its scripts complain
        about, fails the test at its end.
        """
        context = self.chrome.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            locale=language,
            base_url=self.url,
        )
        self._opened.append(context)
        if role is not None:
            actor = role if isinstance(role, Actor) else self.members.member(role)
            token = self.members.use.accounts.begin(actor.id, "a browser of a test")
            context.add_cookies([{"name": COOKIE, "value": token, "url": self.url}])
        page = context.new_page()
        page.on("request", self._look)
        page.on("pageerror", lambda error: self._complaints.append(str(error)))
        return page

    def _look(self, request: Any) -> None:  # noqa: ANN401
        asked = urlsplit(request.url)
        if asked.scheme in ("http", "https", "ws", "wss") and asked.hostname != "127.0.0.1":
            self._strayed.append(request.url)

    def leave(self) -> None:
        """Close all browsers; raise for what went wrong in any.

        What each showed at last is printed, which is read only where the test failed.
        """
        for context in self._opened:
            for page in context.pages:
                print(page.url, page.locator("body").inner_text(), sep="\n")
            context.close()
        assert self._strayed == [], "requests left the machine"
        assert self._complaints == [], "scripts of the pages failed"


@contextmanager
def running(settings: ServiceSettings, *, workers: int = 1) -> Iterator[str]:
    """``pleinair serve`` with these settings, in a process; its address."""
    environment = {
        **os.environ,
        "PLEINAIR_HOME": str(settings.home),
        "PLEINAIR_MODELS": ",".join(settings.models),
        "PLEINAIR_ALIASES": ",".join(f"{name}={model}" for name, model in settings.aliases.items()),
        "PLEINAIR_GRACE": "0.5",
    }
    command = [sys.executable, "-m", "pleinair", "serve", "--port", "0", "--workers", str(workers)]
    log = settings.home.parent / "serve.log"
    with log.open("w") as stream:
        process = subprocess.Popen(command, env=environment, stderr=stream)
        try:
            while not (found := re.search(r"for browsers: (\S+)/\n", log.read_text())):
                assert process.poll() is None, log.read_text()
                time.sleep(0.05)
            yield found[1]
        finally:
            process.terminate()
            process.wait(timeout=60)
            print(log.read_text()[-4000:])
    faults = [line for line in log.read_text().splitlines() if "Traceback" in line]
    assert faults == [], "the server had faults"


@pytest.fixture
def studio_settings(tmp_path: Path) -> ServiceSettings:
    home = tmp_path / "home"
    home.mkdir()
    aliases = {"sora-2": "test-card", "sora-2-pro": "test-card"}
    return ServiceSettings(home=home, models=("test-card",), aliases=aliases)


@pytest.fixture
def studio(studio_settings: ServiceSettings, chrome: Browser) -> Iterator[Studio]:
    """A studio of one user, as on a laptop."""
    with running(studio_settings) as url:
        made = Studio(url, studio_settings, None, chrome)
        yield made
        made.leave()


@pytest.fixture
def programme(studio_settings: ServiceSettings, chrome: Browser) -> Iterator[Studio]:
    """A studio of a server with members."""
    house = house_of(studio_settings)
    house.member(Role.ADMINISTRATOR)  # a server without anybody would be one of a single user
    with running(studio_settings) as url:
        made = Studio(url, studio_settings, house, chrome)
        yield made
        made.leave()
    house.use.database.close()
