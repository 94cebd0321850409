import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pleinair.cli import app

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
SMALL = ["--size", "64x36", "--seconds", "0.2"]
COMMANDS = [
    line.removeprefix("$ ")
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("$ pleinair ")
]


def test_the_first_page_fits_a_screen_or_two() -> None:
    assert len(README.splitlines()) <= 170


def test_what_it_links_to_is_there() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_its_commands_do_what_they_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for command in COMMANDS:
        name, *arguments = shlex.split(command)[1:]
        if name == "serve":
            continue  # does not end; tests/test_serve.py starts it
        small = SMALL if name == "generate" else []
        result = CliRunner().invoke(app, [name, *arguments, *small])
        assert result.exit_code == 0, (command, result.output)
        written = arguments[arguments.index("-o") + 1]
        assert (tmp_path / written).stat().st_size > 0


def test_its_python_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    block = next(b for b in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "scene" in b)
    small = block.replace("seconds=4", "seconds=1 / 24, width=64, height=36")
    assert small != block
    names: dict[str, object] = {}
    exec(small.replace("video.frames  #", "frames = video.frames  #"), names)
    assert names["frames"].shape == (1, 36, 64, 3)  # type: ignore[attr-defined]
