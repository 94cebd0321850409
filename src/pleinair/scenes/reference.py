"""The fields of a scene in Markdown, from their rules: for `docs/scenes.md`."""

from collections.abc import Iterator
from dataclasses import MISSING

from pleinair.scenes.field import Choice, One, Part, Parts, Range
from pleinair.scenes.scene import Scene


def reference() -> str:
    """A heading and a table for every part of a scene."""
    return "\n".join(_part(Scene, "")).strip() + "\n"


def _part(part: type[Part], name: str) -> Iterator[str]:
    inside: list[str] = []
    rows: list[str] = []
    for item, rule in part.rules():
        path = f"{name}.{item.name}".lstrip(".")
        if isinstance(rule, One):
            inside += ["", f"### `[{path}]` {rule.why}", "", *_part(rule.part, path)]
            continue
        if isinstance(rule, Parts):
            inside += ["", f"#### `[[{path}]]` {rule.why}, up to {rule.most}", ""]
            inside += _part(rule.part, path)
            continue
        default = "" if item.default is MISSING else _shown(item.default)
        allowed = rule.span if isinstance(rule, Range) else _words(rule)
        rows.append(f"| `{item.name}` | {default} | {allowed} | {rule.why} |")
    yield from ("| field | default | allowed | what it does |", "|---|---|---|---|", *rows, *inside)


def _words(rule: Choice) -> str:
    return ", ".join(f"`{word}`" for word in rule.words)


def _shown(value: float | str) -> str:
    return f"`{value}`" if isinstance(value, str) else f"{value:.10g}"
