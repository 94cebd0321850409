from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from pleinair.dit.sampler import euler
from pleinair.wan.schedulers import euler_levels, levels, unipc
from tests.wan import tiny


class _Model:
    """A velocity that bends, and remembers the levels it was told."""

    def __init__(self) -> None:
        self.told: list[Tensor] = []
        self.mix = torch.randn(4, 4) / 2

    def __call__(self, latents: Tensor, sigma: Tensor) -> Tensor:
        self.told.append(sigma[0] * 1000)
        mixed = torch.einsum("dc,bcfhw->bdfhw", self.mix, latents).tanh()
        return mixed * (1 + sigma.float()[:, None, :, None, None])


def _theirs(scheduler: Any, model: _Model, latents: Tensor, steps: int) -> Tensor:  # noqa: ANN401
    scheduler.set_timesteps(steps)
    for t in scheduler.timesteps:
        sigma = (t / 1000).expand(1, latents.shape[2])
        latents = scheduler.step(model(latents, sigma), t, latents, return_dict=False)[0]
    return latents


CASES = [(1, 3.0), (2, 5.0), (3, 8.0), (8, 12.0), (20, 5.0)]


@pytest.mark.parametrize(("steps", "shift"), CASES)
def test_unipc_is_that_of_diffusers(steps: int, shift: float) -> None:
    model, latents = _Model(), torch.randn(1, 4, 3, 4, 4)
    scheduler = tiny.scheduler(shift)
    expected = _theirs(scheduler, model, latents, steps)
    model.told.clear()
    made = unipc(model, latents, levels(steps, shift=shift))
    assert tiny.apart(made, expected) < 1e-5
    told = [round(float(level[0]), 6) for level in model.told]
    assert told == scheduler.timesteps.tolist()


@pytest.mark.parametrize(("steps", "shift"), CASES)
def test_euler_is_that_of_diffusers(steps: int, shift: float) -> None:
    model, latents = _Model(), torch.randn(1, 4, 3, 4, 4)
    scheduler = tiny.diffusers.FlowMatchEulerDiscreteScheduler(shift=shift)
    expected = _theirs(scheduler, model, latents, steps)
    assert tiny.apart(euler(model, latents, euler_levels(steps, shift=shift)), expected) < 1e-5


def test_held_frames_stay_as_they_are_and_are_told_as_clean() -> None:
    model, latents = _Model(), torch.randn(1, 4, 3, 4, 4)
    held = torch.tensor([True, False, False])
    made = unipc(model, latents, levels(4, shift=5.0), held=held)
    assert torch.equal(made[:, :, 0], latents[:, :, 0])
    assert not torch.equal(made[:, :, 1], latents[:, :, 1])
    assert all(level[0] == 0 and level[1] > 0 for level in model.told)


@pytest.mark.parametrize(("sample", "schedule"), [(unipc, levels), (euler, euler_levels)])
def test_progress_counts_steps_and_what_it_raises_ends_them(
    sample: Callable[..., Tensor], schedule: Callable[..., Tensor]
) -> None:
    model, seen = _Model(), []

    def progress(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sample(model, torch.randn(1, 4, 3, 4, 4), schedule(5, shift=3.0), progress=progress)
    assert seen == [(1, 5), (2, 5)]
    assert len(model.told) == 2
