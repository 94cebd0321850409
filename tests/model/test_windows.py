from itertools import pairwise

import pytest
import torch
from torch import Tensor

from pleinair.model.sampler import adams, schedule
from pleinair.model.windows import OVERLAP, WINDOW, Watched, clean_estimate, denoise, windows


@pytest.mark.parametrize("frames", [1, 2, 5, 6, 8, 9, 121])
def test_windows_cover_a_clip_and_overlap(frames: int) -> None:
    found = windows(frames)
    assert (found[0].start, found[-1].stop) == (0, frames)
    for before, after in pairwise(found):
        assert after.start == before.stop - OVERLAP
        assert after.stop > before.stop
    assert max(window.stop - window.start for window in found) <= WINDOW


def test_the_clean_clip_is_known_from_one_velocity() -> None:
    noise, clean = torch.randn(2, 1, 4, WINDOW, 2, 2)
    way: Tensor = noise - clean

    def velocity(latents: Tensor, sigma: Tensor) -> Tensor:
        assert sigma.shape == (1, WINDOW)
        return way

    watched = Watched(velocity)
    assert watched.last is None
    held = torch.zeros(WINDOW, dtype=torch.bool)
    held[0] = True
    start = noise.clone()
    start[:, :, 0] = 7
    guesses: list[Tensor] = []

    def tick(*_: int) -> None:
        assert watched.last is not None
        guesses.append(clean_estimate(*watched.last).clone())

    denoise(adams, watched, start, held, schedule(3), tick)
    assert len(guesses) == 3
    assert (guesses[0][:, :, 0] == 7).all()  # a frame that is given is clean already
    torch.testing.assert_close(guesses[0][:, :, 1:], clean[:, :, 1:])
