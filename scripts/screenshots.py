"""Pictures of every page of the studio and of the public, light and dark, wide and on a phone.

A server of its own, with members and videos that the shipped weights draw, is started for them and
goes away after. All pictures go to ``out/screenshots``; with ``--docs``, those that the README
shows go to ``docs/pictures`` too.
"""

import argparse
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from pleinair.access.actor import Actor, Role
from pleinair.api.identity import COOKIE
from pleinair.settings import ServiceSettings
from tests.access.conftest import House, house_of
from tests.browser import arguments, chromium
from tests.studio.conftest import PHONE, WIDE, running

ROOT = Path(__file__).resolve().parent.parent
PROMPTS = (
    "two red hot-air balloons over a lake at dawn, pan left",
    "a lighthouse on the coast at night, full moon",
    "watercolour of a meadow with a windmill at golden hour",
    "snowfall in the mountains, the camera moves forward",
    "a sailboat on the sea at sunset, scattered clouds",
    "a black and white film of a forest in the fog",
)
TYPED = "two red hot-air baloons over a lake at dawn, pan left"
SHOWN = {"create": "studio-create", "storyboard": "studio-storyboard", "review": "studio-review"}
"""Pages that the README shows, and what their pictures are called there."""


@dataclass
class Scene:
    """A server with something to see on every page."""

    url: str
    house: House
    artist: Actor
    reviewer: Actor
    boss: Actor
    videos: list[str] = field(default_factory=list)
    board: str = ""
    shared: str = ""

    def client(self, actor: Actor) -> httpx.Client:
        """The API as a member."""
        _, secret = self.house.key(actor)
        return httpx.Client(
            base_url=self.url, headers={"authorization": f"Bearer {secret}"}, timeout=60
        )

    def draw(self) -> None:
        """Make videos, a storyboard, shares in several states, a switch that was used."""
        with self.client(self.artist) as artist, self.client(self.reviewer) as reviewer:
            for seed, prompt in enumerate(PROMPTS, 3):
                body = {"prompt": prompt, "seconds": "2", "size": "1280x720", "seed": seed}
                made = artist.post("/v1/videos", json=body).raise_for_status()
                self.videos.append(made.json()["id"])
            cards = [
                {"kind": "text", "prompt": "a lighthouse on the coast at dawn", "seconds": 2},
                {"kind": "text", "prompt": "a lighthouse on the coast at night", "seconds": 3},
            ]
            board = {"title": "From dawn to night", "size": "1280x720", "seed": 3, "cards": cards}
            self.board = artist.post("/v1/storyboards", json=board).json()["id"]
            for video in self.videos:
                _until(artist, f"/v1/videos/{video}")
            artist.post(f"/v1/storyboards/{self.board}/render").raise_for_status()
            _until(artist, f"/v1/storyboards/{self.board}", "state")
            artist.post(f"/v1/videos/{self.videos[0]}/mark", json={"favourite": True})
            artist.post(f"/v1/videos/{self.videos[1]}/mark", json={"folder": "Nights"})
            for video, title in zip(self.videos[:4], ("Dawn", "Moon", "Mill", "Snow"), strict=True):
                asked = artist.post(f"/v1/videos/{video}/share", json={"title": title})
                self.shared = asked.raise_for_status().json()["id"]
            reviewer.post(
                f"/admin/v1/reviews/{self.shared}/decision", json={"decision": "approve"}
            ).raise_for_status()
        off, _ = self.house.use.switchboard.off(self.boss, "role", "red_teamer", "For an hour.")
        self.house.use.switchboard.on(self.boss, off.id)

    def pages(self) -> dict[str, tuple[Actor | None, str]]:
        """Name of each page, who opens it, and where it is."""
        console = [
            "programmes",
            "invitations",
            "members",
            "keys",
            "switches",
            "incidents",
            "ledger",
            "audit",
        ]
        return {
            "create": (self.artist, "/"),
            "create-once-more": (self.artist, f"/?source={self.videos[0]}"),
            "library": (self.artist, "/library"),
            "video": (self.artist, f"/videos/{self.videos[1]}"),
            "storyboards": (self.artist, "/storyboards"),
            "storyboard": (self.artist, f"/storyboards/{self.board}"),
            "account": (self.artist, "/account"),
            "review": (self.reviewer, "/review"),
            "console": (self.boss, "/console"),
            **{f"console-{name}": (self.boss, f"/console/{name}") for name in console},
            "sign-in": (None, "/sign-in"),
            "nothing": (None, "/nothing"),
            "gallery": (None, "/gallery"),
            "shared": (None, f"/shared/{self.shared}"),
            "transparency": (None, "/transparency"),
        }


def _until(client: httpx.Client, path: str, name: str = "status") -> None:
    """Wait until it is completed."""
    while (found := client.get(path).json())[name] != "completed":
        if found[name] in ("failed", "cancelled"):
            raise SystemExit(f"{path}: {found['error']}")
        time.sleep(0.2)


def _open(browser: Browser, scene: Scene, who: Actor | None, dark: bool, phone: bool) -> Page:
    width, height = PHONE if phone else WIDE
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        locale="en-GB",
        base_url=scene.url,
    )
    if who is not None:
        token = scene.house.use.accounts.begin(who.id, "the camera")
        context.add_cookies([{"name": COOKIE, "value": token, "url": scene.url}])
    return context.new_page()


def take(scene: Scene, out: Path) -> None:
    """Take all pictures."""
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=arguments())
        for name, (who, address) in scene.pages().items():
            for kind in ("light", "dark", "phone"):
                page = _open(browser, scene, who, kind == "dark", kind == "phone")
                page.goto(address)
                page.wait_for_timeout(1500)
                if name == "create":  # with a word that the model does not know
                    page.get_by_label("What is to be seen").fill(TYPED)
                    page.wait_for_timeout(800)
                page.screenshot(path=out / f"{name}-{kind}.png")
                page.context.close()
                print(f"{name}-{kind}")
        browser.close()


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "screenshots")
    parser.add_argument("--docs", action="store_true", help="renew the pictures of the README")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        settings = ServiceSettings(home=home)
        house = house_of(settings)
        members = [house.member(role) for role in (Role.CREATIVE_PARTNER, Role.REVIEWER)]
        boss = house.member(Role.ADMINISTRATOR)
        with running(settings) as url:
            scene = Scene(url, house, members[0], members[1], boss)
            scene.draw()
            take(scene, options.out)
        house.use.database.close()
    if options.docs:
        for name, called in SHOWN.items():
            picture = Image.open(options.out / f"{name}-light.png").convert("RGB")
            picture.save(ROOT / "docs" / "pictures" / f"{called}.webp", quality=82, method=6)


if __name__ == "__main__":
    main()
