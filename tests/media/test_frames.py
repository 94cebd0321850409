from fractions import Fraction

import numpy as np
import pytest
import torch

from pleinair.media.frames import at_rate, resize, resize_picture, to_frames, to_tensor
from tests.conftest import moving_card


@pytest.mark.parametrize("size", [(640, 360), (360, 640), (50, 50), (512, 32), (32, 512), (96, 64)])
def test_any_size_is_delivered(size: tuple[int, int]) -> None:
    assert resize(moving_card(3, 96, 64), *size).shape == (3, size[1], size[0], 3)


def test_the_same_size_is_left_alone() -> None:
    frames = moving_card(2, 96, 64)
    assert resize(frames, 96, 64) is frames


def test_shapes_are_kept_and_the_centre_stays() -> None:
    y, x = np.mgrid[:80, :144]
    disc = ((x - 71.5) ** 2 + (y - 39.5) ** 2 < 20**2)[None, :, :, None]
    frames = np.repeat(disc * np.uint8(255), 3, axis=3)
    for width, height in ((640, 360), (360, 640), (500, 500)):
        seen = resize(frames, width, height)[0, :, :, 0] > 127
        rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
        assert len(rows) == pytest.approx(len(columns), abs=2)
        assert rows.mean() == pytest.approx((height - 1) / 2, abs=1)
        assert columns.mean() == pytest.approx((width - 1) / 2, abs=1)


def test_many_frames_are_scaled_as_one_is() -> None:
    frames = moving_card(20, 48, 32)
    assert np.array_equal(resize(frames, 96, 64)[17], resize(frames[17:18], 96, 64)[0])


def test_the_model_s_range_becomes_bytes() -> None:
    levels = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0])
    frames = to_frames(levels.expand(3, 1, 1, 5))
    assert frames.shape == (1, 1, 5, 3)
    assert frames[0, 0, :, 0].tolist() == [0, 0, 128, 255, 255]


def test_bytes_become_the_model_s_range_and_come_back() -> None:
    frames = moving_card(3, 48, 32)
    video = to_tensor(frames)
    assert video.shape == (3, 3, 32, 48)
    assert float(to_tensor(np.full((1, 2, 2, 3), 255, np.uint8)).max()) == 1
    assert np.array_equal(to_frames(video), frames)
    assert np.array_equal(to_frames(to_tensor(frames[::-1])), frames[::-1])


@pytest.mark.parametrize("size", [(640, 360), (40, 90), (50, 50), (48, 32)])
def test_one_picture_is_scaled_like_a_clip(size: tuple[int, int]) -> None:
    frames = moving_card(1, 96, 64)
    alone = resize_picture(frames[0], *size).astype(int)
    assert alone.shape == (size[1], size[0], 3)
    assert np.abs(alone - resize(frames, *size)[0]).mean() < 4
    assert np.array_equal(resize_picture(frames[0], 96, 64), frames[0])


@pytest.mark.parametrize(
    ("fps", "to", "chosen"),
    [
        (24, 24, [0, 1, 2, 3, 4, 5]),
        (24, 8, [0, 3]),
        (24, 12, [0, 2, 4]),
        (4, 8, [0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 5]),
        (Fraction(30_000, 1001), 30, [0, 1, 2, 3, 4, 5]),
    ],
)
def test_a_rate_is_changed_by_choosing_the_nearest_frames(
    fps: Fraction | int, to: int, chosen: list[int]
) -> None:
    clip = np.arange(6, dtype=np.uint8)[:, None, None, None]
    assert at_rate(clip, fps, to).ravel().tolist() == chosen


def test_a_rate_is_changed_to_as_many_frames_as_asked_for() -> None:
    clip = np.arange(6, dtype=np.uint8)[:, None, None, None]
    assert at_rate(clip, 24, 24, 3).ravel().tolist() == [0, 1, 2]
    assert at_rate(clip, 24, 8, 4).ravel().tolist() == [0, 3, 5, 5]
