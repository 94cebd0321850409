import numpy as np
import pytest
import torch

from pleinair.media.frames import resize, to_frames
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
