"""What stands around every page: the way to the others, language, theme, and news."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nicegui import ui

from pleinair.studio.parts import Tag, inside, link
from pleinair.studio.tongue import NAMES
from pleinair.studio.visitor import LANGUAGE, Visitor

STATIC = Path(__file__).parent / "static"
_SCRIPT = "<script>{code}</script>"
_THEME = "document.documentElement.dataset.theme = {theme!r};"


@contextmanager
def frame(visitor: Visitor, title: str, here: str) -> Iterator[Tag]:
    """A page of the studio.

    Args:
        visitor: who opened it.
        title: of the page, in their language.
        here: address of the page in the menu.
    """
    t = visitor.tongue
    dress(visitor, title)
    link(t("Skip to the content"), "#content", "skip")
    with inside("div", "frame"):
        with inside("header", "bar"):
            link("Pleinair", "/", "brand")
            with inside("nav", "menu", aria_label=t("Studio")):
                for text, address in _places(visitor):
                    current = "page" if address == here else None
                    link(text, address, aria_current=current)
            _settings(visitor)
        with inside("div", "content", id="content", tabindex="-1") as content:
            Tag("h1", title)
            if visitor.must_accept and here != "/account":
                with inside("p", "notice"):
                    Tag("span", t("The terms of your programme have changed."))
                    link(t("Read and accept them"), "/account")
            yield content
    news()


@contextmanager
def bare(visitor: Visitor, title: str) -> Iterator[Tag]:
    """A page for whoever is not signed in."""
    dress(visitor, title)
    with inside("div", "bare"):
        link("Pleinair", "/", "brand")
        with inside("div", "content", id="content") as content:
            Tag("h1", title)
            yield content
        _settings(visitor)
    news()


def dress(visitor: Visitor, title: str) -> None:
    """Give the page its title, its language and its theme before anything is drawn."""
    client = ui.context.client
    client.title = f"{title} · Pleinair"
    page = copy.copy(client.page)  # the page is shared by all who open it; its language is not
    page.language = {"en": "en-US", "fr": "fr"}[visitor.tongue.name]  # type: ignore[assignment]
    client.page = page
    if visitor.theme != "auto":
        ui.add_head_html(_SCRIPT.format(code=_THEME.format(theme=visitor.theme)))


def news() -> None:
    """The region in which `parts.tell` speaks, also to screen readers."""
    ui.context.client.storage["news"] = Tag(
        "div", "", "newsroom", role="status", aria_live="polite"
    )


def _places(visitor: Visitor) -> list[tuple[str, str]]:
    """The pages that this visitor has something to do on."""
    t = visitor.tongue
    places = []
    if visitor.role != "reviewer":
        places += [
            (t("Create"), "/"),
            (t("Storyboards"), "/storyboards"),
            (t("Library"), "/library"),
        ]
    if visitor.reviews:
        places.append((t("Review"), "/review"))
    if visitor.administers:
        places.append((t("Console"), "/console"))
    if visitor.me:
        places += [(t("Gallery"), "/gallery"), (t("Account"), "/account")]
    return places


def _settings(visitor: Visitor) -> None:
    t = visitor.tongue
    with inside("div", "settings"):
        other = next(name for name in NAMES if name != t.name)
        speak = Tag("button", NAMES[other], "button plain", type="button", lang=other)
        speak.on("click", js_handler=f"() => pleinair.choose('{LANGUAGE}', '{other}')")
        turn = Tag("button", t("Light or dark"), "button plain", type="button")
        turn.on("click", js_handler="() => pleinair.turn()")
