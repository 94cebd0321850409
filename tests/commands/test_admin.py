"""``pleinair admin``, as an operator types it."""

import io
import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from pleinair.access.authority import RULES
from pleinair.cli import main
from pleinair.commands.admin import routes


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLEINAIR_HOME", str(tmp_path))
    monkeypatch.setenv("PLEINAIR_MODELS", "test-card")
    return tmp_path


@pytest.fixture
def first(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """The key of the first administrator."""
    monkeypatch.setattr("sys.stdin", io.StringIO("a long enough password\n"))
    code, out, _ = run(capsys, "init", "--email", "boss@example.org")
    assert code == 0
    found = re.search(r"pa_[0-9A-Za-z]{36}", out)
    assert found is not None
    return found[0]


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        main(["admin", *words])
    out, err = capsys.readouterr()
    assert isinstance(caught.value.code, int)
    return caught.value.code, out, err


def told(capsys: pytest.CaptureFixture[str], *words: str) -> Any:  # noqa: ANN401
    """What a command answers, as JSON."""
    code, out, err = run(capsys, *words, "--json")
    assert code == 0, err
    return json.loads(out)


def test_the_first_administrator_is_made_once(
    first: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    members = told(capsys, "members", "list")["data"]
    assert [(row["role"], row["email"]) for row in members] == [
        ("administrator", "boss@example.org")
    ]
    monkeypatch.setattr("sys.stdin", io.StringIO("a long enough password\n"))
    code, _, err = run(capsys, "init", "--email", "another@example.org")
    assert code == 2
    assert "members already" in err


def test_a_short_password_makes_nobody(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    code, _, err = run(capsys, "init", "--email", "boss@example.org")
    assert code == 2
    assert "12 to 200" in err
    assert "short" not in err
    assert told(capsys, "members", "list")["data"] == []


def test_a_programme_is_changed_and_the_act_is_on_record(
    first: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    programme = told(capsys, "programmes", "list")["data"][0]
    words = ("programmes", "update", programme["id"], "--rate", "5", "--no-own-download")
    changed = told(capsys, *words)
    assert (changed["rate"], changed["own_download"]) == (5, False)
    free = told(capsys, "programmes", "update", programme["id"], "--no-limit", "rate")
    assert free["rate"] is None
    with sqlite3.connect(home / "pleinair.db") as database:
        acts = database.execute("SELECT act, actor, outcome FROM audit ORDER BY number").fetchall()
    assert acts == [
        ("members.create", "operator", "done"),
        ("programmes.update", "operator", "done"),
        ("programmes.update", "operator", "done"),
    ]
    assert len((home / "audit.anchor").read_text().splitlines()) == 3


def test_an_answer_is_shown_for_people(first: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "members", "list")
    assert "boss@example.org" in out
    assert re.search(r"20\d\d-\d\d-\d\d \d\d:\d\d UTC", out)
    _, _, err = run(capsys, "invitations", "list")
    assert "nothing" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("members", "get", "mem_no"), "mem_no"),
        (("members", "frob"), "invalid choice"),
        (("programmes", "update"), "PROGRAMME_ID"),
        (("programmes", "create", "--name", ""), "name"),
        (("invitations", "create", "--role", "king"), "king"),
    ],
)
def test_a_mistake_is_told_in_one_line(
    first: str, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.strip().splitlines()) == 1


def test_every_route_of_the_administrators_is_a_command() -> None:
    there = {f"{method} {route.path}" for route in routes() for method in route.methods or ()}
    wanted = {route for rule in RULES for route in rule.routes if " /admin/v1/" in route}
    assert there == wanted
    names = [route.name for route in routes() if "HEAD" not in (route.methods or ())]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z_]+\.[a-z_.]+", name) for name in names)


def test_keys_in_the_environment_and_members_do_not_go_together(
    first: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLEINAIR_KEYS", "ann:secret")
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        main(["serve", "--port", "0"])
    assert caught.value.code == 2
    assert "PLEINAIR_KEYS" in capsys.readouterr().err
