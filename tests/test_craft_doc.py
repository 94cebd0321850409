"""docs/craft.md: every command of it is run as it is written."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pleinair.cli import app
from pleinair.commands import make

PAGE = (Path(__file__).parent.parent / "docs" / "craft.md").read_text()


def test_every_command_of_the_page_makes_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(make, "_SIZE", "144x80")  # where the page leaves it open: small is quick
    [board] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    Path("board.toml").write_text(board)
    commands = [shlex.split(line) for line in re.findall(r"^\$ pleinair (.*)$", PAGE, re.MULTILINE)]
    assert len(commands) >= 12
    for command in commands:
        output = Path(command[command.index("-o") + 1])
        told = CliRunner().invoke(app, command)
        assert told.exit_code == 0, (command, told.output)
        several = output.with_stem(f"{output.stem}-2")
        assert output.is_file() or several.is_file()


def test_every_picture_of_the_page_is_there() -> None:
    found = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", PAGE)
    assert len(found) >= 10
    for name in found:
        assert (Path(__file__).parent.parent / "docs" / name).is_file()
