from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pleinair.diffusion.training import data
from pleinair.diffusion.training.data import Arrays, Blocks
from pleinair.diffusion.training.recipes import recipe_named

TINY = recipe_named("tiny")


def _numbers(made: list[range]) -> Callable[[range], Arrays]:
    def make(indices: range) -> Arrays:
        made.append(indices)
        return {str(i): np.full(3, i) for i in indices}

    return make


def test_blocks_are_made_once_and_kept(tmp_path: Path) -> None:
    made: list[range] = []
    blocks = Blocks(tmp_path / "new", 4, _numbers(made))
    assert [blocks[i].tolist() for i in (5, 6, 1)] == [[5] * 3, [6] * 3, [1] * 3]
    assert made == [range(4, 8), range(4)]
    again = Blocks(tmp_path / "new", 4, _numbers(made))
    again.fill(1)
    assert again[7].tolist() == [7] * 3
    assert len(made) == 2
    assert again.has(1)
    assert not again.has(2)


def test_a_block_is_waited_for_while_another_process_makes_it(tmp_path: Path) -> None:
    elsewhere = Blocks(tmp_path, 4, _numbers([]))
    made: list[range] = []
    blocks = Blocks(tmp_path, 4, _numbers(made))

    def patience() -> bool:
        elsewhere.fill(0)
        return True

    blocks.patience = patience
    assert blocks[2].tolist() == [2] * 3
    assert made == []


def test_a_block_whose_making_fails_is_not_there(tmp_path: Path) -> None:
    def make(_: range) -> Arrays:
        raise KeyboardInterrupt

    blocks = Blocks(tmp_path, 4, make)
    with pytest.raises(KeyboardInterrupt):
        blocks.fill(0)
    assert not blocks.has(0)


def test_what_a_step_sees_is_a_function_of_seed_stage_and_step() -> None:
    def seen(seed: int, stage: str, step: int) -> tuple[float, float]:
        rng, generator = data.step_rng(seed, stage, step)
        return rng.random(), float(torch.rand(1, generator=generator))

    assert seen(1, "a", 2) == seen(1, "a", 2)
    others = {seen(1, "a", 2), seen(2, "a", 2), seen(1, "b", 2), seen(1, "a", 3)}
    assert len(others) == 4


def test_clips_come_back_as_drawn_and_every_size_has_its_turn(tmp_path: Path) -> None:
    clips = data.rendered(TINY, tmp_path, seed=4)
    for index, shape in ((0, (3, 5, 32, 48)), (7, (3, 5, 48, 32))):
        assert clips[index].shape == shape
        drawn = data.draw(TINY, 4, [index])
        assert torch.equal(clips[index], data.to_bytes(drawn[0]))
    assert not torch.equal(clips[0], data.rendered(TINY, tmp_path / "other", seed=5)[0])


def test_bytes_there_and_back() -> None:
    video = torch.tensor([-3.0, -1, 0, 0.3, 1, 3])
    again = data.from_bytes(data.to_bytes(video))
    torch.testing.assert_close(again, video.clamp(-1, 1), atol=0.51 / 127.5, rtol=0)
    every = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(data.to_bytes(data.from_bytes(every)), every)


@pytest.mark.parametrize("size", set(recipe_named("laptop").sizes))
def test_picked_clips_have_the_size_and_are_in_the_pool(size: tuple[int, int]) -> None:
    recipe = recipe_named("laptop")
    rng, _ = data.step_rng(0, "pick", 0)
    picked = data.pick(recipe, rng, size, 300, pool=100)
    assert {data.size_of(recipe, i) for i in picked} == {size}
    assert 0 <= min(picked) <= max(picked) < 100
    assert len(set(picked)) > 15


def test_pictures_come_first_and_motion_later() -> None:
    def share(progress: float, frames: int) -> float:
        rng, _ = data.step_rng(0, "frames", 0)
        drawn = [data.frames_of_step(rng, 5, progress, (0.85, 0.25)) for _ in range(2000)]
        assert set(drawn) <= {1, 2, 3, 4, 5}
        return drawn.count(frames) / len(drawn)

    assert share(0, 1) == pytest.approx(0.85, abs=0.03)
    assert share(1, 1) == pytest.approx(0.25, abs=0.03)
    assert share(1, 5) > 0.55
    rng, _ = data.step_rng(0, "frames", 0)
    assert {data.frames_of_step(rng, 1, 1.0, (0.0, 0.0)) for _ in range(20)} == {1}


def test_some_clips_begin_later_if_enough_is_left_to_draw() -> None:
    recipe = replace(recipe_named("tiny"), later=3, later_share=0.5)
    rng, _ = data.step_rng(0, "start", 0)
    starts = [data.start_of_step(rng, recipe, 5) for _ in range(2000)]
    assert set(starts) == {0, 1, 2, 3}
    assert starts.count(0) / len(starts) == pytest.approx(0.5, abs=0.04)
    assert {data.start_of_step(rng, recipe, 2) for _ in range(50)} == {0}
    assert recipe.length == recipe.frames + 12
    assert data.draw(recipe, 0, [0]).shape[2] == recipe.length


def test_some_captions_are_empty() -> None:
    indices = list(range(200))
    rng, _ = data.step_rng(0, "captions", 0)
    captions = data.captions_of(0, indices, rng, 0.1)
    assert 5 < captions.count("") < 45
    rng, _ = data.step_rng(0, "captions", 0)
    assert data.captions_of(0, indices, rng, 0.1) == captions
