import json
from pathlib import Path

import pytest

from pleinair.cli import main
from pleinair.media.codec import write_video
from tests.conftest import moving_card


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLEINAIR_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    return int(left.value.code or 0)


def draw(name: str) -> None:
    size = ["--size", "320x180", "--seconds", "0.5", "--seed", "1"]
    assert run("generate", "a lake", "--model", "test-card", "-o", name, *size) == 0


def test_what_was_generated_here_is_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLEINAIR_SECRET", "a secret of this test")
    draw("a.mp4")
    capsys.readouterr()
    assert run("find", "a.mp4", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["watermark"]["found"] is True
    assert found["videos"] == []


def test_without_a_secret_it_is_known_as_pleinair_s(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw("a.mp4")
    assert not home.exists()
    assert run("find", "a.mp4") == 0
    assert "Pleinair without a secret" in capsys.readouterr().out


def test_the_mark_can_be_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLEINAIR_WATERMARK", "off")
    draw("a.mp4")
    assert run("find", "a.mp4") == 1
    assert "mark       none" in capsys.readouterr().out


def test_a_strange_clip_is_not_known() -> None:
    write_video(Path("b.mp4"), moving_card(6, 320, 180), 24)
    assert run("find", "b.mp4") == 1
