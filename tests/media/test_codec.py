from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from pleinair.errors import InputError, MediaError
from pleinair.media.codec import check_writable, format_of, read_video, write_video
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
