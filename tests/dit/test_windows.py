from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from pleinair.dit.sampler import adams, schedule
from pleinair.dit.windows import (
    OVERLAP,
    WINDOW,
    Watched,
    Window,
    clean_estimate,
    denoise,
    ring,
    windows,
)


@pytest.mark.parametrize("frames", [1, 2, 5, 6, 8, 9, 121])
def test_windows_cover_a_clip_and_overlap(frames: int) -> None:
    order = windows(frames)
    assert all(seen == new for seen, new in order)
    found = [seen for seen, _ in order]
    assert (found[0].start, found[-1].stop) == (0, frames)
    for before, after in pairwise(found):
        assert after.start == before.stop - OVERLAP
        assert after.stop > before.stop
    assert max(window.stop - window.start for window in found) <= WINDOW


@pytest.mark.parametrize("gap", [1, 2, 3, 4, 5, 6, 7, 8, 11, 30])
@pytest.mark.parametrize(("head", "tail"), [(0, 1), (0, 2), (1, 1), (1, 2), (2, 1), (2, 2)])
@pytest.mark.parametrize("after", [0, 1, 7])
def test_windows_draw_each_frame_once_beside_one_that_is_there(
    gap: int, head: int, tail: int, after: int
) -> None:
    end = head + gap + tail
    there = [*range(head), *range(head + gap, end)]
    order = windows(end + after, there)
    bridged = False
    for seen, new in order:
        drawn = set(range(new.start, new.stop)) - set(there)
        assert drawn
        assert 0 <= seen.start <= new.start < new.stop <= seen.stop <= end + after
        assert seen.stop - seen.start <= WINDOW
        known = set(range(seen.start, seen.stop)) & set(there)
        assert known & {min(drawn) - 1, max(drawn) + 1}
        bridged |= {min(drawn) - 1, max(drawn) + 1} <= known
        if not head and max(drawn) < gap:
            assert max(drawn) + 1 in known
            assert seen.start < new.start or new.start == 0
        there += drawn
    assert sorted(there) == list(range(end + after))
    assert bridged == bool(head)  # a window sees both sides of what was a gap


def test_a_picture_on_the_way_is_arrived_at() -> None:
    """Were the windows to go on forward, the last one would begin after frame 5 was drawn."""
    assert windows(6, {0, 1, 5})[-1] == Window(slice(1, 6), slice(3, 5))
    assert windows(5, {0, 4}) == [Window(slice(0, 5), slice(1, 4))]
    assert windows(8, {0, 1}) == windows(8, {0}) == windows(8)


def test_what_a_window_sees_and_does_not_keep_is_drawn_again() -> None:
    asked: list[Tensor] = []

    def sample(_: object, latents: Tensor, sigmas: Tensor, **more: Any) -> Tensor:  # noqa: ANN401
        asked.append(more["held"].clone())
        return torch.where(more["held"][:, None, None], latents, latents + 1)

    start = torch.zeros(1, 4, 7, 2, 2)
    held = torch.tensor([False] * 5 + [True] * 2)
    drawn = denoise(sample, start.clone, start, held, schedule(1), print, windows(7, {5, 6}))
    assert drawn[0, 0, :, 0, 0].tolist() == [1] * 5 + [0, 0]
    assert [held.tolist() for held in asked] == [
        [False] * 3 + [True] * 2,
        [False] * 3 + [True] * 2,
    ]


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 8])
def test_a_ring_knows_no_first_frame(frames: int) -> None:
    """Turned latents have the turned velocity, once the windows stand where they stood."""

    def velocity(latents: Tensor, sigma: Tensor) -> Tensor:
        assert latents.shape[2] == sigma.shape[1] == min(WINDOW, frames + 1)
        return latents.cumsum(2) * sigma[:, None, :, None, None]

    latents, sigma = torch.randn(1, 2, frames, 2, 2), torch.rand(1, frames)
    around = ring(velocity, frames)
    here, turned = around(latents, sigma), around(latents.roll(1, 2), sigma.roll(1, 1))
    assert torch.isfinite(here).all()
    torch.testing.assert_close(turned, here.roll(1, 2))


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
