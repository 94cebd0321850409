import json
from pathlib import Path

import numpy as np
import pytest

import pleinair
from pleinair.cli import app, main
from pleinair.media.codec import read_video
from pleinair.settings import Settings
from tests.conftest import moving_card

SMALL = ("--seconds", "0.5", "--size", "96x64", "--seed", "7")


def _run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    assert isinstance(caught.value.code, int)
    return caught.value.code


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("card")
def test_generate_writes_a_video_of_the_size_and_length_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _run("generate", "a red baloon", "-o", "new/a.mp4", *SMALL) == 0
    video = read_video(Path("new/a.mp4"))
    assert video.frames.shape == (12, 64, 96, 3)
    assert video.fps == 24
    out, err = capsys.readouterr()
    for said in (
        "pleinair-2",
        "seed       7",
        "144x80",
        "8 frames/s",
        "96x64",
        "12 frames",
        "new/a.mp4",
    ):
        assert said in out
    assert "baloon; did you mean balloon?" in err


@pytest.mark.usefixtures("card")
def test_words_left_out_of_a_long_prompt_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("generate", "lake " * 100, "-o", "a.mp4", *SMALL) == 0
    assert "the last 4 words" in capsys.readouterr().err


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize("suffix", ["webm", "gif", "webp"])
def test_generate_writes_other_formats(suffix: str) -> None:
    assert _run("generate", "a lake", "--format", suffix, *SMALL) == 0
    assert Path(f"pleinair-7.{suffix}").stat().st_size > 1000


@pytest.mark.usefixtures("card")
def test_variations_are_numbered_and_each_has_its_pictures(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ("--variations", "2", "--thumbnail", "t.png", "--sheet", "s.jpg", "--json")
    assert _run("generate", "a lake", "-o", "a.mp4", *SMALL, *options) == 0
    record = json.loads(capsys.readouterr().out)
    names = ["a-1.mp4", "t-1.png", "s-1.jpg", "a-2.mp4", "t-2.png", "s-2.jpg"]
    assert record["files"] == names
    assert all(Path(name).is_file() for name in names)
    assert record["request"]["seed"] == 7
    assert len(record["digest"]) == 64
    first, second = (read_video(Path(name)).frames for name in ("a-1.mp4", "a-2.mp4"))
    assert not np.array_equal(first, second)


def test_device_and_threads_come_from_options_before_the_environment(
    card: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLEINAIR_THREADS", "3")
    monkeypatch.setenv("PLEINAIR_DEVICE", "cuda")
    assert _run("generate", "a lake", "-o", "a.mp4", *SMALL, "--device", "cpu") == 0
    assert (card[0].device, card[0].threads) == ("cpu", 3)


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("",), "prompt"),
        (("a" * 40_000,), "32,000"),
        (("x", "--size", "0x0"), "size"),
        (("x", "--size", "99999x99999"), "size"),
        (("x", "--size", "641x360"), "even"),
        (("x", "--seconds", "-3"), "seconds"),
        (("x", "--seconds", "soon"), "seconds"),
        (("x", "--model", "sora-9"), "pleinair-1"),
        (("x", "--device", "gpu"), "device"),
        (("x", "--threads", "0"), "threads"),
        (("x", "-o", "a.avi"), "mp4, webm, gif, webp"),
        (("x", "-o", "a.mp4", "--format", "gif"), "format"),
        (("x", "-o", "file/a.mp4"), "cannot write"),
        (("x", "-o", "folder.mp4"), "folder"),
        (("x", "-o", "a.mp4", "--thumbnail", "a.bmp"), "png"),
        (("x", "-o", "a.mp4", "--sheet", "file/a.png"), "cannot write"),
        (("x", "--nonsense"), "nonsense"),
    ],
)
def test_a_mistake_gets_one_line_and_exit_code_2(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("file").touch()
    Path("folder.mp4").mkdir()
    assert _run("generate", *arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("pleinair: ")
    assert err.count("\n") == 1
    assert said in err
    assert not Path("a.mp4").exists()


def test_an_error_of_our_own_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pleinair.commands.make.parse_size", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["generate", "x"])


@pytest.mark.parametrize("command", [c.name for c in app.registered_commands])
def test_every_command_answers_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(command, "--help") == 0
    assert command in capsys.readouterr().out


def test_no_command_shows_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run() == 2
    assert "generate" in capsys.readouterr().out


def test_missing_weights_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLEINAIR_WEIGHTS", str(tmp_path))
    assert _run("generate", "a lake", "--model", "pleinair-1", *SMALL) == 2
    err = capsys.readouterr().err
    assert "pleinair-1.safetensors" in err
    assert err.count("\n") == 1


def test_corrupt_weights_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pleinair-1.safetensors").write_bytes(b"\x07" * 100)
    monkeypatch.setenv("PLEINAIR_WEIGHTS", str(tmp_path))
    assert _run("generate", "a lake", "--model", "pleinair-1", *SMALL) == 2
    err = capsys.readouterr().err
    assert "pleinair-1.safetensors" in err
    assert err.count("\n") == 1


def test_doctor_names_missing_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLEINAIR_WEIGHTS", str(tmp_path))
    assert _run("doctor") == 2
    out = capsys.readouterr().out
    assert "missing" in out
    assert "torch" in out


def test_models_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("models") == 0
    assert "pleinair-1" in capsys.readouterr().out


def test_render_writes_clips_truth_and_a_sheet() -> None:
    options = ("--count", "2", "--size", "64x48", "--frames", "3", "--place", "lake")
    assert _run("render", *options, "--out", "clips", "--sheet", "s.png") == 0
    records = [json.loads(line) for line in Path("clips/scenes.jsonl").read_text().splitlines()]
    assert [record["scene"]["place"] for record in records] == ["lake", "lake"]
    assert all(record["caption"] for record in records)
    assert read_video(Path("clips/0001.mp4")).frames.shape == (3, 48, 64, 3)
    assert Path("s.png").is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--place", "moon"),
        ("--thing", "car"),
        ("--count", "0"),
        ("--language", "de"),
        ("--size", "8x8"),
        ("--sheet", "s.txt"),
        ("--place", "desert", "--weather", "snowfall"),
    ],
)
def test_render_refuses_what_cannot_be(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("render", *arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "--recipe", "huge"),
        ("train", "--diffusion-minutes", "0"),
        ("train", "--stage", "sleep"),
        ("train", "--threads", "-3"),
        ("evaluate", "--count", "0"),
    ],
)
def test_training_and_evaluation_refuse_bad_options(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(*arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.usefixtures("card")
def test_generate_from_python() -> None:
    done: list[str] = []
    made = pleinair.generate(
        "a lake",
        seconds=0.25,
        width=64,
        height=48,
        seed=9,
        progress=lambda _done, _total, stage: done.append(stage),
    )
    assert np.array_equal(made.frames, moving_card(6, 64, 48, seed=9))
    assert made.metadata.request.seed == 9
    assert done == ["draw"]
    with pytest.raises(pleinair.InputError, match="option"):
        pleinair.generate("a lake", colour="red")
