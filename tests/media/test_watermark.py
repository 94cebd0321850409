from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pleinair.media.encoder import Format, colour, encode
from pleinair.media.frames import Frames, Picture
from pleinair.media.glimpse import glimpse, luma, read_glimpse
from pleinair.media.mark import Marking, labelled
from pleinair.media.watermark import FALSE_POSITIVES, Reading, Watermark, bound
from tests.conftest import moving_card

KEY = b"a secret of these tests"
WIDTH, HEIGHT = 640, 360


@pytest.fixture(scope="module")
def clip() -> Frames:
    return moving_card(10, WIDTH, HEIGHT)


@pytest.fixture(scope="module")
def marked(clip: Frames) -> Frames:
    mark = Marking(KEY).of(clip, "a video")
    assert mark is not None
    return np.stack([mark(i, frame) for i, frame in enumerate(clip)])


def read(frames: Frames, key: bytes = KEY) -> Reading:
    return Watermark(key).read(luma(glimpse(frames)))


def test_a_mark_is_not_seen_and_is_read(clip: Frames, marked: Frames) -> None:
    error = np.square(marked.astype(float) - clip).mean()
    assert 10 * np.log10(255**2 / error) >= 40
    seen = read(marked)
    assert seen.found
    assert seen.mark == Watermark(KEY).mark_of("a video")


def test_it_stands_still(clip: Frames, marked: Frames) -> None:
    added = marked.astype(int) - clip
    calm = ((clip > 8) & (clip < 247))[[0, -1]].all(0)
    assert calm.mean() > 0.5
    assert (added[0] == added[-1])[calm].all()


def test_a_clean_clip_and_another_key_show_no_mark(clip: Frames, marked: Frames) -> None:
    assert not read(clip).found
    assert not read(marked, b"another secret of these tests").found


@pytest.mark.parametrize(
    ("encoder", "crf"), [("libx264", "23"), ("libx264", "28"), ("libvpx-vp9", "38")]
)
def test_it_survives_encoding(marked: Frames, tmp_path: Path, encoder: str, crf: str) -> None:
    form = Format("matroska", encoder, "yuv420p", {"crf": crf, "b": "0"})
    path = tmp_path / "a.mkv"
    encode(path, colour(marked), WIDTH, HEIGHT, Fraction(24), form)
    seen = Watermark(KEY).read(luma(read_glimpse(path)))
    assert seen.mark == Watermark(KEY).mark_of("a video")


def test_it_survives_a_crop_scaled_and_mirrored(marked: Frames) -> None:
    cropped = marked[:, 40:310, 100:580, :]
    seen = read(np.stack([_scaled(frame, 360, 202) for frame in cropped])[:, :, ::-1])
    assert seen.mark == Watermark(KEY).mark_of("a video")
    assert seen.mirrored
    assert seen.zoom == pytest.approx(4 / 3, rel=0.02)


def _scaled(frame: Picture, width: int, height: int) -> Picture:
    scaled: Picture = np.asarray(Image.fromarray(frame).resize((width, height)))
    return scaled


def test_one_frame_is_enough(marked: Frames) -> None:
    assert read(marked[3:4]).mark == Watermark(KEY).mark_of("a video")


def test_too_small_a_picture_is_left_alone() -> None:
    assert Marking(KEY).of(moving_card(2, 64, 48), "a") is None


def test_what_is_extended_is_not_marked_twice(clip: Frames, marked: Frames) -> None:
    mark = Marking(KEY).of(np.concatenate([marked, clip]), "another", kept=(len(marked), 0))
    assert mark is not None
    assert (mark(0, marked[0]) == marked[0]).all()
    assert (mark(len(marked), clip[0]) != clip[0]).any()


def test_of_two_clips_that_are_connected_only_the_marked_one_is_left_as_it_is(
    clip: Frames, marked: Frames
) -> None:
    count = len(clip)
    whole = np.concatenate([clip, clip, marked])
    mark = Marking(KEY).of(whole, "another", kept=(count, count))
    assert mark is not None
    changed = [bool((mark(i, frame) != frame).any()) for i, frame in enumerate(whole)]
    assert changed == [True] * (2 * count) + [False] * count


def test_what_is_extended_is_marked_if_it_was_not(clip: Frames) -> None:
    mark = Marking(KEY).of(clip, "another", kept=(5, 0))
    assert mark is not None
    assert (mark(0, clip[0]) != clip[0]).any()


def test_the_bound_is_of_the_whole_search() -> None:
    assert bound(0) == 1
    assert bound(9.0) < FALSE_POSITIVES < bound(7.0)


def test_a_label_is_drawn_in_the_corner_alone() -> None:
    grey = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    changed = np.argwhere((labelled(grey) != grey).any(-1))
    assert changed[:, 0].min() > HEIGHT * 0.85
    assert changed[:, 1].min() > WIDTH * 0.6


def test_off_is_off(clip: Frames) -> None:
    assert Marking(KEY, invisible=False).of(clip, "a") is None
