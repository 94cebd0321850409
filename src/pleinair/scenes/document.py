"""Scenes as files: TOML for people, JSON for programs, both without loss.

A TOML document says behind every line what the number does and what it may be, so that a person
can change a line and draw again. Floats are written by their shortest exact form.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pleinair.errors import InputError
from pleinair.scenes.field import Choice, One, Part, Parts, Range, Rule, Words
from pleinair.scenes.scene import VERSION, Scene

MOST_BYTES = 256 * 1024
DEEPEST = 16
"""Levels of brackets, or of dotted keys; a scene needs four."""

# What may hold brackets and dots that nest nothing.
_QUOTED = re.compile(
    r'"""(?:\\.|[^\\])*?"""|' + r"'''.*?'''" + r'|"(?:\\.|[^"\\\n])*"' + r"|'[^'\n]*'|#[^\n]*",
    re.DOTALL,
)
_DOTTED = re.compile(r"(?:[\w-]*[ \t]*\.[ \t]*)" + f"{{{DEEPEST}}}")


def read_scene(source: str | Path) -> Scene:
    """Read a scene.

    Args:
        source: a file as a `Path`, or the document itself as a string: JSON if it begins with a
            brace, else TOML.

    Raises:
        InputError: the document is too big, broken, of a later version, or says something that a
            scene cannot hold; the error names the field.
    """
    text = _text(source) if isinstance(source, Path) else source
    if len(text.encode(errors="replace")) > MOST_BYTES:
        raise InputError(
            "scene", Words(f"{len(text):,} characters"), f"up to {MOST_BYTES // 1024} kB"
        )
    _check_depth(text)
    kind, read = ("JSON", _read_json) if text.lstrip().startswith("{") else ("TOML", tomllib.loads)
    try:
        values = read(text)
    except InputError:
        raise
    except ValueError as error:  # also numbers of thousands of digits
        raise InputError("scene", text, f"{kind} as it should be ({error})") from None
    return Scene.from_dict(values)


def write_scene(scene: Scene, path: Path) -> None:
    """Write a scene to a file: JSON if its name ends so, else TOML."""
    text = to_json(scene) if path.suffix.lower() == ".json" else to_toml(scene)
    path.write_text(text, encoding="utf-8")


def to_json(scene: Scene) -> str:
    """The document in JSON."""
    return json.dumps(scene.as_dict(), indent=2, ensure_ascii=False) + "\n"


def to_toml(scene: Scene) -> str:
    """The document in TOML, with what each line means behind it."""
    return "\n".join([f"version = {VERSION}", *_lines(scene, "")]) + "\n"


def digest(scene: Scene) -> str:
    """SHA-256 of the document: equal for scenes that are equal, in hexadecimal."""
    text = json.dumps(scene.as_dict(), separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def meaning(rule: Rule) -> str:
    """What a field does and what it may be, in one line."""
    if isinstance(rule, Range):
        return f"{rule.why} ({rule.span})"
    return f"{rule.why} ({rule.allowed})" if isinstance(rule, Choice) else rule.why


def _lines(part: Part, name: str) -> Iterator[str]:
    """The lines of a table: its own values first, as TOML wants it, then the tables inside."""
    rules = list(part.rules())
    for item, rule in rules:
        if isinstance(rule, Range | Choice):
            line = f"{item.name} = {_value(getattr(part, item.name))}"
            yield f"{line:<28} # {meaning(rule)}"
    for item, rule in rules:
        value, inside = getattr(part, item.name), f"{name}.{item.name}".lstrip(".")
        if isinstance(rule, One):
            yield from ("", f"[{inside}] # {rule.why}", *_lines(value, inside))
        elif isinstance(rule, Parts):
            for each in value:
                yield from ("", f"[[{inside}]]", *_lines(each, inside))


def _value(value: float | str) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value).removesuffix(".0")


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("scene", path.name, "a text file in UTF-8") from None
    except OSError as error:
        raise InputError("scene", str(path), f"a file to read ({error.strerror})") from None


def _check_depth(text: str) -> None:
    """Refuse what nests deeper than parsers like, before one is asked."""
    bare = _QUOTED.sub("", text)
    depth = 0
    for mark in re.findall(r"[\[\]{}]", bare):
        depth += 1 if mark in "[{" else -1
        if depth > DEEPEST:
            break
    if depth > DEEPEST or _DOTTED.search(bare):
        raise InputError("scene", Words("deeply nested values"), f"up to {DEEPEST} levels")


def _read_json(text: str) -> Any:  # noqa: ANN401
    return json.loads(text, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, in which no key may come twice."""
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise InputError(twice[:80], Words("two values"), "one value")
    return made
