"""Storyboards on the command line."""

import json
from pathlib import Path

import numpy as np
import pytest

from pleinair.cli import main
from pleinair.commands.board import read_board
from pleinair.errors import InputError, MediaError
from pleinair.media.codec import read_video
from pleinair.media.sheet import write_picture
from tests.conftest import moving_card

CARD = ("--model", "test-card", "--seed", "7", "--steps", "1", "--fps", "12")
BOARD = """
title = "A day"
size = "96x64"
[[card]]
prompt = "a lake at dawn"
seconds = 0.5
picture = "dawn.png"
[[card]]
prompt = "clouds drift in"
seconds = 1
[[card]]
prompt = "rain"
seconds = 0.5
picture = "rain.png"
"""


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("boards").mkdir()
    for seed, name in enumerate(("dawn", "rain")):
        write_picture(Path(f"boards/{name}.png"), moving_card(1, 96, 64, seed=seed)[0])


def _write(text: str) -> Path:
    path = Path("boards/day.toml")
    path.write_text(text)
    return path


def _generate(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["generate", "--storyboard", "boards/day.toml", "-o", "out.mp4", *CARD, *arguments])
    assert isinstance(caught.value.code, int)
    return caught.value.code


def _near(a: np.ndarray, b: np.ndarray) -> bool:
    return float(np.abs(a.astype(int) - b).mean()) < 12


def test_cards_become_one_video_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    _write(BOARD)
    assert _generate("--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["storyboard"] == "A day"
    assert told["request"]["prompt"] == "rain"
    assert [item["role"] for item in told["request"]["given"]] == ["extend", "frame"]
    frames = read_video(Path("out.mp4")).frames
    assert frames.shape == (24, 64, 96, 3)
    assert _near(frames[0], moving_card(1, 96, 64, seed=0)[0])
    assert _near(frames[-1], moving_card(1, 96, 64, seed=1)[0])
    _write(BOARD[: BOARD.index('[[card]]\nprompt = "rain"')])
    assert _generate("--json") == 0
    assert _near(read_video(Path("out.mp4")).frames, frames[:18])


def test_what_a_storyboard_made_is_known_to_be_a_models_work(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = BOARD.replace('picture = "dawn.png"', "").replace('picture = "rain.png"', "")
    _write(text)
    assert _generate() == 0
    assert "storyboard A day, 3 cards" in capsys.readouterr().out
    with pytest.raises(SystemExit) as caught:
        main(["verify", "out.mp4", "--json"])
    assert caught.value.code == 0
    report = json.loads(capsys.readouterr().out)
    assert report["source_type"].endswith("/trainedAlgorithmicMedia")


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('title = "A day"', "colour = 1", "colour"),
        ('size = "96x64"', 'size = "big"', "size"),
        ('size = "96x64"', "size = 96", "size"),
        ("seconds = 1", 'seconds = "1"', "card.2.seconds"),
        ("seconds = 1", "seconds = 0", "card.2.seconds"),
        ("seconds = 1", "seconds = 61", "card.2.seconds"),
        ("seconds = 1", "second = 1", "card.2.second"),
        ('prompt = "rain"', "", "card.3.prompt"),
        ('prompt = "rain"', 'prompt = " "', "card.3.prompt"),
        ("[[card]]", "[card]", "storyboard"),
        ('"A day"', "A day", "storyboard"),
    ],
)
def test_a_mistake_is_named_before_anything_is_made(
    old: str, new: str, field: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(BOARD.replace(old, new))
    assert _generate() == 2
    err = capsys.readouterr().err
    assert err.startswith(f"pleinair: {field}: ")
    assert err.count("\n") == 1
    assert not Path("out.mp4").exists()


def test_a_picture_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    _write(BOARD.replace("rain.png", "snow.png"))
    assert _generate() == 2
    assert "boards/snow.png" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [("--seconds", "2"), ("--loop",), ("--still",), ("--size", "64x64"), ("--variations", "2")],
)
def test_what_a_storyboard_says_is_not_said_beside_it(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    _write(BOARD)
    assert _generate(*arguments) == 2
    assert "storyboard" in capsys.readouterr().err


def test_no_board_or_one_without_cards_is_told() -> None:
    with pytest.raises(MediaError, match=r"none\.toml"):
        read_board(Path("none.toml"))
    with pytest.raises(InputError, match="card: "):
        read_board(_write('title = "empty"'))
    with pytest.raises(InputError, match="card: "):
        read_board(_write("[[card]]\nprompt = 'a'\n" * 21))
