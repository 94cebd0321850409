from typing import Any

import pytest
import torch

from pleinair.dit.start import Start
from pleinair.errors import InputError

SHAPE = (5, 8, 2, 3)
CLEAN = torch.full((8, 5, 2, 3), 9.0)


def test_without_anything_it_is_noise() -> None:
    latents, held = Start(SHAPE).latents(4)
    assert latents.shape == (1, 8, 5, 2, 3)
    assert not held.any()
    assert torch.equal(latents, Start(SHAPE).latents(4)[0])
    assert not torch.equal(latents, Start(SHAPE).latents(5)[0])


def test_a_longer_clip_begins_with_the_noise_of_a_shorter_one() -> None:
    short, longer = Start(SHAPE).latents(4)[0], Start((9, 8, 2, 3)).latents(4)[0]
    assert torch.equal(longer[:, :, :5], short)


def test_a_source_shines_through_as_its_strength_says() -> None:
    noise = Start(SHAPE).latents(4)[0]
    start = Start(SHAPE, source=CLEAN, strength=0.25)
    assert start.level == 0.25
    torch.testing.assert_close(start.latents(4)[0], 0.75 * CLEAN[None] + 0.25 * noise)
    assert torch.equal(Start(SHAPE, source=CLEAN).latents(4)[0], noise)
    assert Start(SHAPE, strength=0.25).level == 1


def test_given_frames_are_clean_and_held_whatever_the_source() -> None:
    first = torch.zeros(8, 2, 3)
    latents, held = Start(SHAPE, {0: first}, CLEAN, 0.5).latents(4)
    assert held.tolist() == [True] + [False] * 4
    assert torch.equal(latents[0, :, 0], first)
    assert (latents[:, :, 1:] != 0).any()


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"given": {5: CLEAN[:, 0]}}, "given"),
        ({"given": {-1: CLEAN[:, 0]}}, "given"),
        ({"given": {0: CLEAN}}, "given"),
        ({"source": CLEAN[:, :4]}, "source"),
        ({"source": CLEAN[:7]}, "source"),
        ({"source": CLEAN, "strength": 0.0}, "strength"),
        ({"source": CLEAN, "strength": 1.1}, "strength"),
    ],
)
def test_what_does_not_fit_is_refused(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named) as caught:
        Start(SHAPE, **fields)
    assert caught.value.field == named
