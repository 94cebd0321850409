from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pleinair.errors import InputError, MediaError
from pleinair.media.sheet import (
    contact_sheet,
    grid,
    read_picture,
    spritesheet,
    thumbnail,
    write_picture,
)
from tests.conftest import moving_card


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_pictures_are_written(tmp_path: Path, suffix: str) -> None:
    picture = moving_card(1, 96, 64)[0]
    write_picture(tmp_path / f"a.{suffix}", picture)
    with Image.open(tmp_path / f"a.{suffix}") as opened:
        assert opened.size == (96, 64)


def test_other_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="png"):
        write_picture(tmp_path / "a.bmp", moving_card(1, 96, 64)[0])


def test_a_thumbnail_is_small_and_from_the_middle() -> None:
    frames = moving_card(5, 640, 360)
    assert thumbnail(frames).shape == (180, 320, 3)
    small = moving_card(5, 96, 64)
    assert np.array_equal(thumbnail(small), small[2])


def test_a_contact_sheet_spans_the_clip() -> None:
    frames = moving_card(48, 240, 136)
    sheet = contact_sheet(frames, 24, columns=4, rows=2)
    assert sheet.shape[1] == 4 * (240 + 8) + 8
    assert np.array_equal(sheet[8 : 8 + 136, 8 : 8 + 240], frames[0])


def test_a_clip_shorter_than_the_sheet() -> None:
    assert contact_sheet(moving_card(1, 96, 64), 24).ndim == 3


def test_a_grid_holds_captions_in_two_languages_of_any_length() -> None:
    clips = [moving_card(3, 96, 64, seed=i) for i in range(5)]
    bare = grid(clips, columns=2, width=96)
    told = grid(clips, ["été – œuvre " * 9, "", "a", "b", "c"], columns=2, width=96)
    assert bare.shape[1] == told.shape[1] == 2 * 104 + 8
    assert told.shape[0] > bare.shape[0]


def test_moments_run_from_first_to_last() -> None:
    clip = moving_card(9, 96, 64)
    sheet = grid([clip], width=96, moments=3)
    assert np.array_equal(sheet[8:72, 8:104], clip[0])
    assert np.array_equal(sheet[8:72, 200:296], clip[-1])


def test_a_spritesheet_runs_row_by_row_from_first_to_last() -> None:
    clip = moving_card(49, 80, 48)
    sheet = spritesheet(clip, columns=3, rows=2, width=80)
    assert sheet.shape == (2 * 48, 3 * 80, 3)
    assert np.array_equal(sheet[:48, :80], clip[0])
    assert np.array_equal(sheet[:48, 80:160], clip[10])
    assert np.array_equal(sheet[48:, 160:], clip[-1])
    assert spritesheet(clip).shape == (5 * 96, 5 * 160, 3)


def test_a_spritesheet_of_one_frame_is_full() -> None:
    clip = moving_card(1, 80, 48)
    assert np.array_equal(spritesheet(clip, width=80)[-48:, -80:], clip[0])


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "CMYK"])
def test_pictures_of_any_kind_are_read(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    Image.new(mode, (6, 4)).save(path)
    assert read_picture(path).shape == (4, 6, 3)


def test_a_picture_that_lies_on_its_side_is_read_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.new("RGB", (6, 4)).save(tmp_path / "a.jpg", exif=exif)
    assert read_picture(tmp_path / "a.jpg").shape == (6, 4, 3)


@pytest.mark.parametrize("content", [None, b"hello", b"\x89PNG\r\n\x1a\n" + b"x" * 60])
def test_what_is_no_picture_is_not_read(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MediaError, match=r"cannot read .*a\.png") as caught:
        read_picture(path)
    assert "\n" not in str(caught.value)
