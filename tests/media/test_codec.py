import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from pleinair.errors import InputError, MediaError
from pleinair.media.codec import format_of, read_video, write_video
from pleinair.media.encoder import check_writable
from pleinair.media.frames import Frames
from tests.conftest import moving_card


def _psnr(a: Frames, b: Frames) -> float:
    return float(10 * np.log10(255**2 / np.square(a.astype(float) - b).mean()))


@pytest.mark.parametrize(("suffix", "least"), [("mp4", 29), ("webm", 29), ("gif", 26)])
def test_what_is_written_is_read_back(tmp_path: Path, suffix: str, least: float) -> None:
    frames = moving_card(12, 96, 64)
    path = tmp_path / f"clip.{suffix}"
    write_video(path, frames, 24)
    video = read_video(path)
    assert video.frames.shape == frames.shape
    assert _psnr(video.frames, frames) > least
    assert list(tmp_path.iterdir()) == [path]
    if suffix != "gif":  # GIF counts hundredths of a second
        assert video.fps == 24


def test_webp_moves(tmp_path: Path) -> None:
    frames = moving_card(12, 96, 64)
    write_video(tmp_path / "clip.webp", frames, 24)
    with Image.open(tmp_path / "clip.webp") as picture:
        assert getattr(picture, "n_frames", 1) == 12
        first = np.asarray(picture.convert("RGB"))
    assert _psnr(first, frames[0]) > 25


def test_mp4_plays_everywhere_and_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_video(path, moving_card(12, 96, 64), 24)
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        tags = (context.colorspace, context.color_primaries, context.color_trc, context.color_range)
        assert tags == (1, 1, 1, 1)
    content = path.read_bytes()
    assert content.find(b"moov") < content.find(b"mdat")


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255,) * 3, (9,) * 3])
def test_colours_stay(tmp_path: Path, colour: tuple[int, int, int]) -> None:
    frames = np.broadcast_to(np.array(colour, np.uint8), (4, 32, 32, 3))
    write_video(tmp_path / "c.mp4", frames, 8)
    seen = read_video(tmp_path / "c.mp4").frames.mean((0, 1, 2))
    assert np.abs(seen - colour).max() < 6


@pytest.mark.parametrize("count", [1, 2])
def test_very_short_clips(tmp_path: Path, count: int) -> None:
    for suffix in ("mp4", "webm", "gif", "webp"):
        write_video(tmp_path / f"c.{suffix}", moving_card(count, 32, 32), 24)
    assert len(read_video(tmp_path / "c.mp4").frames) == count


def test_an_old_file_stays_when_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "clip.mp4"
    path.write_text("precious")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(MediaError, match="No space left"):
        write_video(path, moving_card(2, 32, 32), 8)
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]


def test_odd_sides_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="even"):
        write_video(tmp_path / "clip.mp4", moving_card(2, 33, 32), 8)


@pytest.mark.parametrize("name", ["file/clip.mp4", "folder", "file/deep/clip.mp4"])
def test_what_cannot_be_written_is_known_before(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(MediaError, match="cannot write"):
        check_writable(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "asked", "found"),
    [("a.mp4", None, "mp4"), ("a.WebM", None, "webm"), ("a", "gif", "gif"), ("a.b", "mp4", "mp4")],
)
def test_formats(name: str, asked: str | None, found: str) -> None:
    assert format_of(Path(name), asked) == found


@pytest.mark.parametrize(
    ("name", "asked"), [("a", None), ("a.avi", None), ("a", "avi"), ("a.mp4", "gif")]
)
def test_unknown_formats(name: str, asked: str | None) -> None:
    with pytest.raises(InputError):
        format_of(Path(name), asked)


def test_what_is_no_video_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("hello " * 100)
    for name in ("text.mp4", "absent.mp4"):
        with pytest.raises(MediaError, match=f"cannot read .*{name}"):
            read_video(tmp_path / name)


WRITE = """
import sys
from pathlib import Path
import numpy as np
from pleinair.media.codec import write_video
y, x = np.mgrid[0:64, 0:96]
waves = [(np.sin(x / 9 + t / 3), np.cos(y / 7 - t / 2), np.sin((x + y) / 11 + t)) for t in range(8)]
noise = np.random.default_rng(1).integers(-6, 6, (8, 64, 96, 3))
frames = (127 + 100 * np.stack([np.stack(w, -1) for w in waves]) + noise).clip(0, 255)
write_video(Path(sys.argv[1]), frames.astype(np.uint8), 8)
"""


def test_the_same_frames_make_the_same_file_whatever_was_in_memory(tmp_path: Path) -> None:
    files = set()
    for filling in ("0", "85", "170"):  # of memory that nothing was written to, in glibc
        path = tmp_path / f"{filling}.mp4"
        environment = {**os.environ, "MALLOC_PERTURB_": filling}
        subprocess.run([sys.executable, "-c", WRITE, path], env=environment, check=True)
        files.add(path.read_bytes())
    assert len(files) == 1
