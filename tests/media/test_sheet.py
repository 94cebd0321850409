from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pleinair.errors import InputError
from pleinair.media.sheet import contact_sheet, grid, thumbnail, write_picture
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
