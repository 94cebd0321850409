import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pleinair.backends import testcard
from pleinair.backends.base import MODELS
from pleinair.backends.completing import Completing
from pleinair.cli import main
from pleinair.media.codec import read_video, write_video
from pleinair.media.sheet import read_picture, write_picture
from tests.conftest import moving_card
from tests.service.receiver import Reply
from tests.service.talker import talking

CARD = ("--model", "test-card", "--size", "96x64", "--seed", "7", "--steps", "1", "--fps", "12")


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_video(Path("clip.mp4"), moving_card(18, 96, 64), 12)
    write_picture(Path("picture.png"), moving_card(1, 96, 64)[0])


def _generate(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["generate", "a card", "-o", "out.mp4", *CARD, *arguments])
    assert isinstance(caught.value.code, int)
    return caught.value.code


def _near(a: np.ndarray, b: np.ndarray) -> bool:
    return float(np.abs(a.astype(int) - b).mean()) < 12


def test_an_image_opens_the_video() -> None:
    assert _generate("--image", "picture.png", "--seconds", "0.5") == 0
    frames = read_video(Path("out.mp4")).frames
    assert len(frames) == 6
    assert _near(frames[0], moving_card(1, 96, 64)[0])
    assert not _near(frames[1], moving_card(1, 96, 64)[0])


def test_an_edit_is_as_long_as_its_clip_unless_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert _generate("--edit", "clip.mp4", "--strength", "0.1", "--json") == 0
    frames = read_video(Path("out.mp4")).frames
    assert len(frames) == 18
    assert _near(frames[9], moving_card(18, 96, 64)[9])
    record = json.loads(capsys.readouterr().out)["request"]
    assert record["seconds"] == 1.5
    assert record["given"][0]["strength"] == 0.1
    assert _generate("--edit", "clip.mp4", "--seconds", "1") == 0
    assert len(read_video(Path("out.mp4")).frames) == 12


def test_an_extension_follows_its_clip(capsys: pytest.CaptureFixture[str]) -> None:
    assert _generate("--extend", "clip.mp4", "--seconds", "0.5") == 0
    frames = read_video(Path("out.mp4")).frames
    assert len(frames) == 24
    assert _near(frames[17], moving_card(18, 96, 64)[17])
    assert "24 frames, 2 s" in capsys.readouterr().out


def test_what_is_drawn_before_a_clip_comes_before_it() -> None:
    assert _generate("--before", "clip.mp4", "--seconds", "0.5") == 0
    frames = read_video(Path("out.mp4")).frames
    assert len(frames) == 6 + 18
    assert _near(frames[6:], moving_card(18, 96, 64))


def test_two_clips_are_connected() -> None:
    write_video(Path("last.mp4"), moving_card(12, 96, 64, seed=3), 12)
    both = ("--extend", "clip.mp4", "--before", "last.mp4")
    assert _generate(*both, "--seconds", "0.5") == 0
    frames = read_video(Path("out.mp4")).frames
    assert len(frames) == 18 + 6 + 12
    assert _near(frames[:18], moving_card(18, 96, 64))
    assert _near(frames[24:], moving_card(12, 96, 64, seed=3))


def test_a_retake_draws_its_span_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert _generate("--retake", "clip.mp4", "--span", "0.5-1", "--strength", "1", "--json") == 0
    frames = read_video(Path("out.mp4")).frames
    card = moving_card(18, 96, 64)
    near = [_near(*pair) for pair in zip(frames, card, strict=True)]
    assert near == [True] * 6 + [False] * 6 + [True] * 6
    assert json.loads(capsys.readouterr().out)["request"]["seconds"] == 0.5


def test_keyframes_are_seen_at_their_times() -> None:
    times = ("--keyframe", "0.25=picture.png", "--keyframe", "end=picture.png")
    assert _generate(*times, "--seconds", "1") == 0
    frames = read_video(Path("out.mp4")).frames
    near = [_near(frame, moving_card(1, 96, 64)[0]) for frame in frames]
    assert near == [i in (3, 11) for i in range(12)]


def test_a_loop_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert _generate("--loop", "--json") == 0
    assert json.loads(capsys.readouterr().out)["request"]["loop"] is True
    assert len(read_video(Path("out.mp4")).frames) == 48


@pytest.mark.parametrize("asked", [("-o", "out.jpg"), ("-o", "out.webp", "--still")])
def test_a_still_is_a_signed_picture(
    asked: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _generate(*asked) == 0
    assert "one picture" in capsys.readouterr().out
    picture = read_picture(Path(asked[1]))
    assert picture.shape == (64, 96, 3)
    with pytest.raises(SystemExit) as caught:
        main(["verify", asked[1]])
    assert caught.value.code == 0


def test_a_still_is_marked_like_a_video(capsys: pytest.CaptureFixture[str]) -> None:
    assert _generate("-o", "out.png", "--size", "640x360") == 0
    marked = read_picture(Path("out.png"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLEINAIR_WATERMARK", "off")
        assert _generate("-o", "out.png", "--size", "640x360") == 0
    plain = read_picture(Path("out.png"))
    assert 0 < np.abs(marked.astype(int) - plain).max() < 16


def test_a_picture_is_edited_into_a_still() -> None:
    assert _generate("--video", "picture.png", "--strength", "0.1", "-o", "out.png") == 0
    assert _near(read_picture(Path("out.png")), moving_card(1, 96, 64)[0])


def test_what_to_keep_out_is_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    assert _generate("--negative", "snow", "--json") == 0
    assert json.loads(capsys.readouterr().out)["request"]["negative_prompt"] == "snow"


def test_notes_on_what_was_given_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert _generate("--extend", "clip.mp4", "--image", "picture.png") == 0
    assert "note: the picture at 0 s has no effect" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--image", "none.png"), "cannot read none.png"),
        (("--image", "clip.mp4"), "cannot read clip.mp4"),
        (("--edit", "picture.txt"), "cannot read picture.txt"),
        (("--edit", "clip.mp4", "--extend", "clip.mp4"), "given"),
        (("--edit", "clip.mp4", "--strength", "0"), "strength"),
        (("--negative", " "), "negative_prompt"),
        (("--before", "none.mp4"), "cannot read none.mp4"),
        (("--retake", "clip.mp4"), "span"),
        (("--retake", "clip.mp4", "--span", "1"), "span"),
        (("--retake", "clip.mp4", "--span", "1-2"), "span"),
        (("--keyframe", "5=picture.png"), "at: got 5.0"),
        (("--keyframe", "picture.png"), "keyframe"),
        (("--loop", "--extend", "clip.mp4"), "loop"),
        (("--still", "--loop", "-o", "out.png"), "loop"),
        (("--still",), "output"),
        (("--still", "-o", "out.png", "--extend", "clip.mp4"), "still"),
        (("--storyboard", "none.toml"), "cannot read none.toml"),
    ],
)
def test_a_mistake_gets_one_line_and_exit_code_2(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _generate(*arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith("pleinair: ")
    assert err.count("\n") == 1
    assert said in err
    assert not Path("out.mp4").exists()


def test_a_prompt_is_rewritten_by_the_endpoint_of_the_settings(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _generate("--rewrite") == 2
    assert "PLEINAIR_REWRITE_URL" in capsys.readouterr().err
    with talking() as talker:
        monkeypatch.setenv("PLEINAIR_REWRITE_URL", talker.url)
        monkeypatch.setenv("PLEINAIR_REWRITE_MODEL", "llama")
        talker.said = "a [card] at dawn"
        assert _generate("--rewrite", "--seconds", "0.1") == 0
        told = capsys.readouterr().err
        assert "rewritten: a [card] at dawn" in told
        assert "from: a card" in told
        talker.answer = Reply(500)
        Path("out.mp4").unlink()
        assert _generate("--rewrite") == 2
        assert "endpoint answered with 500" in capsys.readouterr().err
        assert not Path("out.mp4").exists()


def test_what_was_filled_in_is_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _generate("--complete") == 2
    assert "complete: got True" in capsys.readouterr().err
    drawn = replace(
        MODELS["test-card"],
        open=lambda _: Completing(testcard.TestCard()),
        abilities=frozenset({"complete"}),
    )
    monkeypatch.setitem(MODELS, "test-card", drawn)
    assert _generate("--complete", "--seconds", "0.1", "--variations", "2") == 0
    told = capsys.readouterr().err
    assert re.search(r"completed 1: … .*the camera .*photorealistic", told)
    assert "completed 2: …" in told
