"""Records of the audit as a table: when, who, what, and what came of it."""

from collections.abc import Sequence
from typing import Any

from pleinair.studio.console import words
from pleinair.studio.console.names import Names
from pleinair.studio.console.room import Room, Thing
from pleinair.studio.parts import Tag, inside

HIDDEN = ("terms",)
"""Details that are too long for a line; they are in the record all the same."""


def list_records(room: Room, found: Sequence[Thing], names: Names) -> None:
    """Show records.

    Args:
        room: on whose page.
        found: as the API tells of them, the newest first.
        names: of whom they tell.
    """
    t = room.t
    heads = (t("When"), t("Who"), t("What"), t("About"), t("Details"))
    rows = [_cells(room, record, names) for record in found]
    room.longer(t("Record"), heads, rows, t("Nothing is on record here."))


def act_of(room: Room, act: str) -> str:
    """An act, in words."""
    return room.t(words.word(words.ACTS, act))


def _cells(room: Room, record: Thing, names: Names) -> tuple[Any, ...]:
    t = room.t

    def what() -> None:
        with inside("div"):
            Tag("span", act_of(room, record["act"]))
            if record["outcome"] != "done":
                Tag("p", t("refused: {why}", why=record["outcome"]), "small wrong")

    def details() -> None:
        said = [
            f"{name.replace('_', ' ')}: {_plain(value)}"
            for name, value in record["details"].items()
            if name not in HIDDEN and value not in (None, "", [])
        ]
        Tag("span", "; ".join(said) or "–", "small quiet")

    subject = record["subject"]
    return (
        room.when(record["at"]),
        names.to_member(record["actor"]),
        what,
        names.to_member(subject) if subject in names.members else _about(subject, names),
        details,
    )


def _about(subject: str, names: Names) -> str:
    return names.programme(subject) if subject in names.programmes else subject or "–"


def _plain(value: object) -> str:
    """A detail without the marks of a programming language."""
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
