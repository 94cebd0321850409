"""What the page shows of what was made, and whose it is to see.

The page's key may belong to a member of a programme whose videos are private, and all visitors
share it. So nobody sees what another visitor made, unless the makers share it on the server
itself, where a person has approved it, or the operator says that everything of the key is shown.
"""

import re
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from page.server import Clip, Server
from page.troubles import Trouble

PAGE = 6
KEEP = 1800.0
"""Seconds after which a file may be deleted here; the server still has it."""
_MOST_PAGES = 10  # asked for one page of finished videos


@dataclass(frozen=True)
class Item:
    """A finished video.

    Attributes:
        id: of the video, or of the share.
        caption: its prompt or title.
        maker: who shared it; empty for what is not shared.
        shared: whether everybody can see it on the server too.
    """

    id: str
    caption: str
    maker: str = ""
    shared: bool = False


@dataclass(frozen=True)
class View:
    """What one visitor has before them.

    Attributes:
        source: ``session``, ``key`` or ``feed``: where what is not theirs comes from.
        own: what they made since they opened the page, the newest first.
        listed: what the server listed so far.
        after: where the next page of that begins; None if there is none.
        shown: how many they asked to see.
    """

    source: str = "session"
    own: tuple[Item, ...] = ()
    listed: tuple[Item, ...] = ()
    after: str | None = None
    shown: int = PAGE

    @property
    def items(self) -> Sequence[Item]:
        """What is on the page."""
        mine = {item.id for item in self.own}
        return (*self.own, *(item for item in self.listed if item.id not in mine))[: self.shown]

    @property
    def more(self) -> bool:
        """Whether there is more."""
        return self.after is not None or len(self.own) + len(self.listed) > self.shown

    def with_own(self, item: Item) -> "View":
        """The same, with one more video of the visitor's in front."""
        return replace(self, own=(item, *self.own), shown=self.shown + 1)


class Gallery:
    """Pages of finished videos, and their files.

    Args:
        server: that has them.
        source: ``auto`` takes the server's public feed, which is empty where nothing is shared,
            ``session`` nothing but what a visitor made, ``key`` everything of the page's key.
        folder: for files, until they are deleted.
    """

    def __init__(self, server: Server, source: str, folder: Path) -> None:
        self._server = server
        self._source = source
        self._folder = folder
        self._lock = threading.Lock()
        self._files: dict[tuple[str, str], tuple[Path, float]] = {}

    def open(self) -> View:
        """What a visitor sees who has made nothing yet."""
        try:
            if self._source == "key":
                listed, after = self._of_key(None)
                return View("key", listed=listed, after=after)
            if self._source == "auto":
                listed, after = self._of_feed(None)
                return View("feed" if listed else "session", listed=listed, after=after)
        except Trouble:
            pass  # what stands against it is told in the place of the form
        return View("key" if self._source == "key" else "session")

    def more(self, view: View) -> View:
        """The same with one more page; raises Trouble."""
        view = replace(view, shown=view.shown + PAGE)
        if view.after is None or len(view.own) + len(view.listed) >= view.shown:
            return view
        found, after = (self._of_key if view.source == "key" else self._of_feed)(view.after)
        return replace(view, listed=view.listed + found, after=after)

    def thumbnail(self, item: Item) -> Path | None:
        """A small picture; None if the server has none."""
        try:
            return self._file(item, "thumbnail", "webp")
        except Trouble:
            return None

    def video(self, item: Item) -> Path:
        """The file; raises Trouble."""
        return self._file(item, "video", "mp4")

    def _of_key(self, after: str | None) -> tuple[tuple[Item, ...], str | None]:
        found: list[Item] = []
        for _ in range(_MOST_PAGES):
            clips, after = self._server.page(after, PAGE)
            found += [item_of(clip) for clip in clips if clip.status == "completed"]
            if after is None or len(found) >= PAGE:
                break
        return tuple(found), after

    def _of_feed(self, after: str | None) -> tuple[tuple[Item, ...], str | None]:
        entries, after = self._server.feed(after, PAGE)
        found = []
        for entry in entries:
            authors = entry.get("authors") or [{}]
            maker = str(authors[0].get("name") or "")
            found.append(Item(str(entry["id"]), str(entry.get("title") or ""), maker, True))
        return tuple(found), after

    def _file(self, item: Item, variant: str, ending: str) -> Path:
        """A file in the folder, fetched anew when it may be deleted soon.

        Nobody can guess its address from the id.
        """
        key = (item.id, variant)
        with self._lock:
            path, until = self._files.get(key, (None, 0.0))
            if path and until > time.monotonic() and path.exists():
                return path
        self._folder.mkdir(parents=True, exist_ok=True)
        plain = re.sub(r"[^A-Za-z0-9_-]", "_", item.id)[:80]
        path = self._folder / f"{plain}_{secrets.token_urlsafe(12)}.{ending}"
        if item.shared:
            self._server.save_shared(item.id, f"{variant}.{ending}", path)
        else:
            self._server.save(item.id, variant, path)
        now = time.monotonic()
        with self._lock:
            self._files = {k: v for k, v in self._files.items() if v[1] > now}
            self._files[key] = (path, now + KEEP / 2)
        return path


def item_of(clip: Clip, prompt: str = "") -> Item:
    """A finished video, by what was asked for."""
    return Item(clip.id, clip.prompt or prompt)
