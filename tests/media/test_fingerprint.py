import numpy as np
import pytest

from pleinair.media.fingerprint import Fingerprint, distances, fingerprint
from pleinair.media.frames import Frames
from pleinair.media.glimpse import glimpse
from pleinair.service.origins import POSSIBLE
from tests.conftest import moving_card


@pytest.fixture(scope="module")
def clip() -> Frames:
    return moving_card(16, 320, 180, seed=3, speed=0.5)


def away(copy: Frames, clip: Frames, *, mirrored: bool = False) -> float:
    return distances(fingerprint(glimpse(copy), mirrored=mirrored), fingerprint(glimpse(clip)))[0]


def test_a_fingerprint_comes_back_from_its_bytes(clip: Frames) -> None:
    made = fingerprint(clip)
    back = Fingerprint.from_bytes(*made.to_bytes())
    assert (back.bits == made.bits).all()
    assert (back.colours == made.colours).all()
    assert tuple(map(len, made.to_bytes())) == (8 * 3 * 32, 8 * 48)


def test_changed_copies_are_near_and_others_far(clip: Frames) -> None:
    brighter = np.clip(clip * 1.2 + 10, 0, 255).astype(np.uint8)
    cropped = clip[:, 9:171, 16:304]
    written = clip.copy()
    written[:, 160:, 60:260] = 0
    for copy in (clip, brighter, cropped, written, clip[5:6]):
        assert away(copy, clip) <= POSSIBLE
    assert away(clip[:, :, ::-1], clip, mirrored=True) == 0
    for seed in range(10, 16):
        assert away(moving_card(16, 320, 180, seed=seed, speed=0.5), clip) > POSSIBLE
