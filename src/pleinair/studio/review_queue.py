"""The list of what waits: one row for each, which stays in its place while others come and go."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pleinair.review.reviews import NOT_AGAIN, OWN
from pleinair.studio.parts import Says, Tag
from pleinair.studio.tongue import Tongue
from pleinair.studio.visitor import Visitor

Json: TypeAlias = Mapping[str, Any]
STATES = {
    "asked": "waiting",
    "appealed": "appeal",
    "approved": "approved",
    "refused": "refused",
    "changes_asked": "changes asked",
    "withdrawn": "withdrawn",
}
_LOOKS = {"approved": "good", "refused": "bad", "appealed": "now"}


@dataclass(frozen=True)
class Entry:
    """A row.

    Attributes:
        id: of the share, or of the held video.
        state: of the share, or ``held``.
        title: what it is called.
        line: a few words on it.
        tags: short words, each with a class for the style sheet.
        pickable: whether it can be decided together with others.
        late: whether the team should have decided by now.
    """

    id: str
    state: str
    title: str
    line: str
    tags: Sequence[tuple[str, str]]
    pickable: bool = False
    late: bool = False


def entry_of(visitor: Visitor, case: Json) -> Entry:
    """The row of a share."""
    t, state = visitor.tongue, case["state"]
    waits = state in ("asked", "appealed")
    tags = [] if state == "asked" else [(t(STATES[state]), _LOOKS.get(state, ""))]
    if case["overdue"]:
        tags.insert(0, (t("overdue"), "bad"))
    if (visitor.me or {}).get("id") == case["owner"]:
        tags.append((t("yours"), ""))
    tags += flag_tags(t, case["flags"])
    when = due(t, case) if waits else t.date(case["appeal_decided_at"] or case["decided_at"])
    return Entry(
        case["id"],
        state,
        title_of(case),
        f"{case['owner_name']} · {when}",
        tags,
        state == "asked" and not hindrance(visitor, case),
        case["overdue"],
    )


def entry_of_held(visitor: Visitor, video: Json) -> Entry:
    """The row of a held video."""
    t = visitor.tongue
    tags = [(t("quarantine"), "bad")] if video["quarantined_at"] else []
    tags += flag_tags(t, video["flags"])
    waits = t("waits for {time}", time=t.span(time.time() - video["created_at"]))
    return Entry(video["video_id"], "held", video["prompt"], waits, tags)


def flag_tags(t: Tongue, flags: Sequence[Json]) -> list[tuple[str, str]]:
    """What checks found and nobody has cleared, each once."""
    found = dict.fromkeys(t(flag["label"]) for flag in flags if not flag["cleared_at"])
    return [(f"⚑ {label}", "flag") for label in found]


def title_of(case: Json) -> str:
    """What a share is called."""
    return str(case["title"] or case["prompt"])


def due(t: Tongue, case: Json) -> str:
    """When it is to be decided, in words."""
    left = case["due_at"] - time.time()
    if left < 0:
        return t("{time} late", time=t.span(-left))
    return t("due in {time}", time=t.span(left))


def hindrance(visitor: Visitor, case: Json) -> str:
    """Why this visitor may not decide about a share, or nothing."""
    mine = (visitor.me or {}).get("id")
    if case["owner"] == mine:
        return visitor.tongue(OWN)
    if case["state"] == "appealed" and case["decided_by"] == mine:
        return visitor.tongue(NOT_AGAIN)
    return ""


class Row(Tag):
    """One of what waits."""

    def __init__(self, t: Tongue, entry: Entry, chosen: Says, pick: Callable[[str], None]) -> None:
        super().__init__("li", classes="case-row")
        self.entry = Entry("", "", "", "", ())
        with self:
            self.box = Tag("input", type="checkbox", aria_label=t("Select"), hidden=True)
            self.button = Tag("button", "", "case-button", type="button")
            with self.button:
                self.title = Tag("span", "", "case-title")
                self.line = Tag("span", "", "small quiet")
                self.tags = Tag("span", "", "tags")

        async def choose() -> None:
            if (waiting := chosen(entry.id)) is not None:
                await waiting

        self.box.on("change", lambda: pick(entry.id), args=[])
        self.button.on("click", choose, args=[])
        self.show(entry, t)

    def show(self, entry: Entry, t: Tongue) -> None:
        """Tell how it stands now."""
        if entry == self.entry:
            return
        before, self.entry = self.entry, entry
        self.title.text, self.line.text = entry.title, entry.line
        self.box.put(hidden=not entry.pickable, aria_label=t("Select {title}", title=entry.title))
        if before.tags != entry.tags:
            self.tags.clear()
            with self.tags:
                for text, look in entry.tags:
                    Tag("span", text, f"tag {look}")


class Queue(Tag):
    """Rows, in the order of the API.

    Args:
        tongue: of the page.
        chosen: called with the id of a row that was opened.
        picked: called when the selection changed.
    """

    def __init__(self, tongue: Tongue, chosen: Says, picked: Callable[[], None]) -> None:
        super().__init__("ul", classes="cases")
        self.t, self._chosen, self._told = tongue, chosen, picked
        self.rows: dict[str, Row] = {}
        self.picked: set[str] = set()
        self.current = ""

    @property
    def entries(self) -> list[Entry]:
        """What it shows."""
        return [row.entry for row in self.rows.values()]

    def show(self, entries: Sequence[Entry]) -> None:
        """Show these, and leave alone the rows that are there already."""
        new = {entry.id: entry for entry in entries}
        for gone in self.rows.keys() - new.keys():
            self.rows.pop(gone).delete()
        rows = {}
        for place, entry in enumerate(entries):
            if (row := self.rows.get(entry.id)) is None:
                with self:
                    row = Row(self.t, entry, self._chosen, self.pick)
            row.show(entry, self.t)
            if self.default_slot.children.index(row) != place:
                row.move(self, place)
            rows[entry.id] = row
        self.rows = rows
        self.point(self.current)
        self.select({id for id in self.picked if id in new and new[id].pickable})

    def point(self, current: str) -> None:
        """Show which is the case in hand."""
        for id, row in self.rows.items():
            now = "true" if id == current else None
            if row.button._props.get("aria-current") != now:
                row.button.put(aria_current=now)
        self.current = current

    def beside(self, step: int) -> str:
        """The id of the case so many rows further, or nothing at an end of the list."""
        ids = list(self.rows)
        if self.current not in self.rows:
            return ids[0] if ids else ""
        place = ids.index(self.current) + step
        return ids[place] if 0 <= place < len(ids) else ""

    def pick(self, id: str) -> None:
        """Select a row, or no longer."""
        row = self.rows.get(id)
        if row and row.entry.pickable:
            self.select(self.picked ^ {id})

    def select(self, ids: set[str]) -> None:
        """Select these rows and no others."""
        for id, row in self.rows.items():
            if (id in ids) != ("checked" in row.box._props):
                row.box.put(checked=id in ids)
        self.picked = ids
        self._told()
