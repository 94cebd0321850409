import numpy as np
import pytest
import torch

from pleinair.media.frames import Frames
from pleinair.media.motion import flow, interpolate
from tests.conftest import moving_card


def _psnr(a: Frames, b: Frames) -> float:
    inside = (slice(None), slice(8, -8), slice(8, -8))  # what comes into view cannot be known
    miss = np.square(a[inside].astype(float) - b[inside]).mean()
    return float(10 * np.log10(255**2 / miss))


def _fade(frames: Frames, count: int) -> Frames:
    places = np.arange(count) / 3
    k, t = places.astype(int), (places % 1)[:, None, None, None]
    faded: Frames = ((1 - t) * frames[k] + t * frames[k + 1]).round().astype(np.uint8)
    return faded


def test_a_pan_moves_on_between_the_frames() -> None:
    truth = moving_card(25, 96, 64, speed=1.3)
    given = truth[::3]
    made = interpolate(given, 8, 24, 24)
    between = [i for i in range(24) if i % 3]
    ours = _psnr(made[between], truth[between])
    faded = _psnr(_fade(given, 24)[between], truth[between])
    assert ours > faded + 6
    assert ours > 35


def test_given_frames_stay_as_they_are() -> None:
    given = moving_card(5, 64, 48)
    assert np.array_equal(interpolate(given, 8, 24, 13)[::3], given)


def test_the_motion_found_is_the_motion_there_is() -> None:
    video = torch.from_numpy(moving_card(2, 96, 64, speed=2.5)).permute(0, 3, 1, 2) / 255
    motion = flow(video[:1], video[1:])[..., 8:-8, 8:-8]
    assert motion[:, 0].median() == pytest.approx(2.5, abs=0.1)
    assert motion[:, 1].median() == pytest.approx(0, abs=0.1)


def test_a_cut_fades_instead_of_smearing() -> None:
    black, white = np.zeros((1, 48, 64, 3), np.uint8), np.full((1, 48, 64, 3), 255, np.uint8)
    made = interpolate(np.concatenate([black, white]), 8, 16, 2)
    assert np.abs(made[1].astype(int) - 127.5).max() < 2


@pytest.mark.parametrize(("fps", "count"), [(24, 48), (30, 60), (8, 16), (5, 10), (60, 120)])
def test_exactly_as_many_frames_as_asked_for(fps: int, count: int) -> None:
    assert interpolate(moving_card(17, 48, 32), 8, fps, count).shape == (count, 32, 48, 3)


def test_time_after_the_end_shows_the_last_frame() -> None:
    given = moving_card(2, 48, 32)
    assert np.array_equal(interpolate(given, 8, 24, 6)[3:], np.repeat(given[1:], 3, axis=0))
    assert np.array_equal(interpolate(given[:1], 8, 24, 3), np.repeat(given[:1], 3, axis=0))


def test_the_same_twice() -> None:
    given = moving_card(3, 48, 32)
    assert np.array_equal(interpolate(given, 8, 24, 6), interpolate(given, 8, 24, 6))


def test_a_long_clip_is_the_same_as_its_pieces() -> None:
    given = moving_card(40, 48, 32)
    whole = interpolate(given, 8, 16, 79)
    for start in (0, 7, 15, 33):
        assert np.array_equal(
            interpolate(given[start : start + 6], 8, 16, 11), whole[2 * start :][:11]
        )
