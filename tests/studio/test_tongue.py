"""Every word of the studio is there in every language."""

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

import pleinair.studio
from pleinair.access.actor import Role
from pleinair.review.found import UNCHECKED
from pleinair.review.states import REASONS
from pleinair.studio import account, beginning, board, film, prompt, share
from pleinair.studio.tongue import LANGUAGES, Tongue

SOURCE = Path(pleinair.studio.__file__).parent
SPEAKERS = ("t", "tongue")
# What pages say out of tables, and out of what the API tells.
TOLD = (
    *film.STAGES.values(),
    *(words for words, _ in share.STATES.values()),
    *beginning.WAYS.values(),
    *prompt.TITLES.values(),
    *account.QUOTAS.values(),
    *(words for words, _ in board.STATES.values()),
    *board.KINDS.values(),
    *board.SIZES.values(),
    *REASONS,
    UNCHECKED,
    *(role.replace("_", " ") for role in Role),
    *("active", "limited", "stopped", "revoked"),  # keys
    *("open", "paused", "closed"),  # programmes
    *("open", "accepted", "refused"),  # contributions
)


def _said(path: Path) -> Iterator[str]:
    """Every text that a module has translated."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", None) or getattr(node.func, "id", "")
        if name in SPEAKERS:
            texts = node.args[:1]
        elif name == "count" and len(node.args) == 3:
            texts = node.args[1:]
        else:
            continue
        for text in texts:
            yield from _constants(text)


def _constants(node: ast.expr) -> Iterator[str]:
    """Texts that stand there as they are, or as one of two."""
    if isinstance(node, ast.IfExp):
        yield from _constants(node.body)
        yield from _constants(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


ALL = sorted({*TOLD, *(text for path in SOURCE.rglob("*.py") for text in _said(path))} - {""})


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_everything_is_said_in_every_language(language: str) -> None:
    told = LANGUAGES[language]
    assert [text for text in ALL if text not in told] == []
    for english, other in told.items():
        assert _fields(english) == _fields(other), (english, other)
        assert other.strip(), english


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_nothing_is_translated_that_nobody_says(language: str) -> None:
    source = SOURCE.parent  # some of it comes from the API
    modules = " ".join(p.read_text() for p in source.rglob("*.py") if "french" not in p.name)
    plain = re.sub(r'"\s+f?"', "", modules)
    for text in LANGUAGES[language]:
        assert text in TOLD or text in plain, text


def test_numbers_and_times() -> None:
    english, french = Tongue("en"), Tongue("fr")
    assert english.count(0, "{n} second", "{n} seconds") == "0 seconds"
    assert french.count(0, "{n} second", "{n} seconds") == "0 seconde"
    assert english.span(5400) == "2 hours"
    assert english.date(0) == "1 January 1970, 00:00"
    assert french.date(0) == "1 janvier 1970, 00:00"
