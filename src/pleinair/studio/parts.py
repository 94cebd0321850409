"""What pages are made of: plain elements of HTML, which every browser makes usable by itself."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement
from nicegui.events import GenericEventArguments

from pleinair.studio.client import RefusedError
from pleinair.studio.tongue import Tongue

PAUSE = 0.2
"""Seconds without a keystroke after which it is looked at what was typed."""
Act: TypeAlias = Callable[[], Awaitable[None]]
Says: TypeAlias = Callable[[str], Awaitable[None] | None]


class Tag(TextElement):
    """An element of HTML.

    Args:
        tag: its name.
        text: inside it.
        classes: for the style sheet.
        attributes: ``aria_label="…"`` becomes ``aria-label``; ``for_`` becomes ``for``; those
            that are None or False are left out.
    """

    def __init__(self, tag: str, text: str = "", classes: str = "", **attributes: object) -> None:
        super().__init__(tag=tag, text=text)
        if classes:
            self.classes(classes)
        self.put(**attributes)

    def put(self, **attributes: object) -> "Tag":
        """Set attributes; None and False take them away."""
        for name, value in attributes.items():
            name = name.rstrip("_").replace("_", "-")
            if value is None or value is False:
                self._props.pop(name, None)
            else:
                self._props[name] = "" if value is True else value
        self.update()
        return self

    def hide(self, hidden: bool = True) -> None:
        """Take it out of sight, and out of reach of keyboards and screen readers."""
        self.put(hidden=hidden)


class Button(Tag):
    """A button that does one thing at a time and says on the page what the API refuses.

    Args:
        text: on it.
        act: what it does.
        classes: for the style sheet: ``first`` for the main one, ``plain``, ``danger``.
        attributes: of the element.
    """

    def __init__(self, text: str, act: Act, classes: str = "", **attributes: object) -> None:
        super().__init__("button", text, f"button {classes}".strip(), type="button", **attributes)
        self.act = act
        self.on("click", self.press, args=[])

    async def press(self) -> None:
        """Do it, unless it is being done."""
        if "disabled" in self._props:
            return
        self.put(disabled=True)
        try:
            await attempt(self.act)
        finally:
            if not self.is_deleted:
                self.put(disabled=False)


async def attempt(act: Act) -> bool:
    """Do something; what the API refuses is told on the page. Whether it was done."""
    try:
        await act()
    except RefusedError as error:
        tell(str(error), wrong=True)
        return False
    return True


class Field(Tag):
    """A control with its label, and room for what is wrong with it.

    Args:
        label: what it is for.
        tag: input, textarea or select.
        value: at first.
        options: of a select, value to text.
        hint: more words on it.
        typed: called with each new value at once.
        said: called with a new value after a pause.
        attributes: of the control.
    """

    def __init__(
        self,
        label: str,
        tag: str = "input",
        *,
        value: object = "",
        options: Mapping[str, str] | None = None,
        hint: str = "",
        typed: Callable[[str], None] | None = None,
        said: Says | None = None,
        hidden_label: bool = False,
        **attributes: object,
    ) -> None:
        super().__init__("div", classes="field")
        self.value = str(value)
        with self:
            self.label = Tag("label", label, "unseen" if hidden_label else "")
            self.control = Tag(tag).put(**attributes)
            self.wrong = Tag("p", "", "wrong", hidden=True)
            name = self.control.html_id
            self.label.put(for_=name)
            self.wrong.put(id=f"{name}-wrong", role="alert")
            if hint:
                Tag("p", hint, "hint", id=f"{name}-hint")
            self.control.put(aria_describedby=f"{name}-wrong" + (f" {name}-hint" if hint else ""))
            if tag == "select":
                with self.control:
                    for key, text in (options or {}).items():
                        Tag("option", text, value=key, selected=key == self.value)
            else:
                # Not the value itself, which any update of the page would set again, over what
                # somebody is typing.
                self.control.put(**{".defaultValue": self.value})
        self._typed, self._said, self._turn = typed, said, 0
        lists = tag == "select" or attributes.get("type") == "range"
        # Every keystroke comes at once, so that whoever presses a button is never ahead of what
        # they typed; what follows from it waits for a pause.
        emit = "e => emit(e.target.value)"
        self.control.on("change" if lists else "input", self._changed, js_handler=emit)

    async def _changed(self, event: GenericEventArguments) -> None:
        self.value = str(event.args)
        self.blame(None)
        if self._typed:
            self._typed(self.value)
        self._turn += 1
        turn = self._turn
        if self._said is None:
            return
        await asyncio.sleep(PAUSE)
        if turn == self._turn and not self.is_deleted:
            waiting = self._said(self.value)
            if waiting is not None:
                await waiting

    def fill(self, value: str) -> None:
        """Put another value into it."""
        self.value = value
        ui.run_javascript(f"pleinair.fill({self.control.html_id!r}, {value!r})")

    def blame(self, message: str | None) -> None:
        """Say what is wrong with it, or that nothing is."""
        if (message or "") == self.wrong.text:
            return
        self.wrong.text = message or ""
        self.wrong.hide(not message)
        self.control.put(aria_invalid="true" if message else None)

    @property
    def number(self) -> float | None:
        """Its value as a number, None if it is empty or none."""
        return number_of(self.value)

    @property
    def whole(self) -> int | None:
        """Its value as a whole number, None if it is empty or none."""
        found = self.number
        return None if found is None else int(found)


def number_of(text: str) -> float | None:
    """A number as people type it, with a point or a comma; None if it is empty or none."""
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None


@contextmanager
def inside(tag: str, classes: str = "", **attributes: object) -> Iterator[Tag]:
    """What is made in here stands inside a new element."""
    with Tag(tag, "", classes, **attributes) as made:
        yield made


def link(text: str, href: str, classes: str = "", **attributes: object) -> Tag:
    """A link."""
    return Tag("a", text, classes, href=href, **attributes)


class Drop(Tag):
    """A place for files, by drop, by paste or by its button; each goes up as the API takes it.

    Args:
        label: what is to be dropped.
        accept: media types.
        dropped: called with what became of each file: its ``state`` (begun, failed or done), its
            ``name``, and its ``type`` and ``id`` or a ``message``.

    Attributes:
        given: an element before the label, to show what is there.
        label: the element with the words.
    """

    def __init__(
        self, label: str, accept: str, dropped: Callable[[GenericEventArguments], Awaitable[None]]
    ) -> None:
        super().__init__("div", classes="drop")
        name = f"{self.html_id}-file"
        with self:
            self.given = Tag("div")
            self.label = Tag("label", label, for_=name)
            Tag("input", type="file", id=name, accept=accept)
        event = f"drop-{self.id}"
        self.put(data_drop=event)
        ui.on(event, dropped)


class Dialog(Tag):
    """A window above the page, which Escape closes and which keeps the focus while it is open."""

    def __init__(self, title: str, tongue: Tongue) -> None:
        super().__init__("dialog", classes="dialog", aria_label=title)
        with self, inside("header"):
            Tag("h2", title)
            Button("×", self.shut, "plain", aria_label=tongue("Close"))

    async def show(self) -> None:
        """Open it."""
        ui.run_javascript(f"pleinair.open({self.html_id!r})")

    async def shut(self) -> None:
        """Close it."""
        ui.run_javascript(f"pleinair.shut({self.html_id!r})")


def secret(text: str, tongue: Tongue) -> Tag:
    """Something to be copied, such as a key that is told once, and a button that copies it."""
    with inside("div") as made:
        told = Tag("code", text, "secret", tabindex="0")
        button = Tag("button", tongue("Copy"), "button", type="button", aria_live="polite")
        # The browser copies only in the very moment of a click.
        done = tongue("Copied")
        button.on("click", js_handler=f"e => pleinair.copy({told.html_id!r}, e.target, {done!r})")
    return made


def choices(
    label: str, options: Mapping[str, str], value: str, said: Says, classes: str = ""
) -> Tag:
    """A row of which one is chosen, as radio buttons that look like a switch."""
    with inside("fieldset", f"choices {classes}".strip()) as made:
        Tag("legend", label)
        for key, text in options.items():
            with inside("label"):
                button = Tag(
                    "input",
                    type="radio",
                    name=f"choices-{made.id}",
                    value=key,
                    checked=key == value,
                )
                Tag("span", text)

            async def changed(key: str = key) -> None:
                if (waiting := said(key)) is not None:
                    await waiting

            button.on("change", changed, args=[])
    return made


def tell(message: str, *, wrong: bool = False, act: Act | None = None, label: str = "") -> None:
    """Say something at the foot of the page for a while, with one thing to do about it."""
    client = ui.context.client
    region = client.storage["news"]
    with region, inside("div", "news wrong" if wrong else "news") as item:
        Tag("span", message)
        if act is not None:

            async def do() -> None:
                item.delete()
                assert act is not None
                await act()

            Button(label, do, "plain")

    def pass_by() -> None:
        if not item.is_deleted:
            item.delete()

    with client:
        ui.timer(10.0 if act or wrong else 5.0, pass_by, once=True)


def facts(rows: Iterable[tuple[str, str]]) -> Tag:
    """Names and values, as a list of descriptions."""
    with inside("dl", "facts") as made:
        for name, value in rows:
            Tag("dt", name)
            Tag("dd", value)
    return made


def follow(work: Awaitable[Any]) -> "asyncio.Task[Any]":
    """Run something beside the page, until it is done or the page is left."""
    client = ui.context.client

    async def run() -> None:
        with client:
            await work

    task = asyncio.ensure_future(run())
    client.on_delete(task.cancel)
    return task
