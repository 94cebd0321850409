import math
from typing import Any

import pytest
import torch
from torch import Tensor

from pleinair.dit.sampler import SAMPLERS, adams, euler, guided, schedule

EACH = pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)


def test_a_schedule_goes_from_noise_to_clean() -> None:
    torch.testing.assert_close(schedule(4), torch.tensor([1, 0.75, 0.5, 0.25, 0]))
    shifted = schedule(4, shift=2.0)
    torch.testing.assert_close(shifted, torch.tensor([1, 6 / 7, 2 / 3, 0.4, 0]))
    assert (schedule(50, shift=3.0).diff() < 0).all()


def test_a_schedule_may_start_lower() -> None:
    whole = schedule(4, shift=2.0)
    torch.testing.assert_close(
        schedule(4, shift=2.0, start=0.7), torch.tensor([0.7, 2 / 3, 0.4, 0])
    )
    assert torch.equal(schedule(4, shift=2.0, start=1.0), whole)
    assert schedule(4, start=0.01).tolist() == pytest.approx([0.01, 0])


@EACH
def test_a_straight_way_is_exact_in_any_steps(sampler: Any) -> None:  # noqa: ANN401
    noise, clean = torch.randn(2, 1, 4, 3, 2, 2)
    for steps in (1, 3, 20):
        made = sampler(lambda *_: noise - clean, noise, schedule(steps, shift=2.0))
        torch.testing.assert_close(made, clean)


@pytest.mark.parametrize(("name", "order"), [("euler", 1), ("adams", 2), ("heun", 2)])
def test_twice_the_steps_leave_an_error_smaller_by_the_order(name: str, order: int) -> None:
    start = torch.ones(1, 1, 1, 1, 1, dtype=torch.float64)

    def error(steps: int) -> float:
        made = SAMPLERS[name](
            lambda x, sigma: x * (1 + sigma.double().view(1, 1, 1, 1, 1)),
            start,
            schedule(steps, shift=2.0),
        )
        return abs(float(made) - math.exp(-1.5))

    assert math.log2(error(40) / error(80)) == pytest.approx(order, abs=0.2)


@EACH
def test_held_frames_are_never_changed_and_seen_clean(sampler: Any) -> None:  # noqa: ANN401
    latents = torch.randn(2, 4, 3, 2, 2)
    held = torch.tensor([True, False, True])
    levels: list[Tensor] = []

    def velocity(x: Tensor, sigma: Tensor) -> Tensor:
        assert torch.equal(x[:, :, held], latents[:, :, held])
        levels.append(sigma)
        return torch.randn_like(x)

    made = sampler(velocity, latents, schedule(5), held=held)
    assert torch.equal(made[:, :, held], latents[:, :, held])
    assert not torch.equal(made[:, :, ~held], latents[:, :, ~held])
    seen = torch.stack(levels)
    assert not seen[:, :, held].any()
    assert seen.shape[1:] == (2, 3)
    assert (seen[:, :, 1] > 0).all()


@EACH
def test_progress_counts_the_steps_and_may_stop_them(sampler: Any) -> None:  # noqa: ANN401
    done: list[tuple[int, int]] = []

    def stop(step: int, total: int) -> None:
        done.append((step, total))
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sampler(lambda x, _: x, torch.randn(1, 1, 1, 1, 1), schedule(4), progress=stop)
    assert done == [(1, 4), (2, 4)]


def test_adams_needs_fewer_steps_than_euler() -> None:
    start = torch.ones(1, 1, 1, 1, 1)
    errors = [
        abs(float(sampler(lambda x, _: x, start, schedule(20))) - math.exp(-1))
        for sampler in (euler, adams)
    ]
    assert errors[1] < errors[0] / 10


def test_guidance() -> None:
    asked: list[str] = []

    def conditional(latents: Tensor, sigma: Tensor) -> Tensor:
        asked.append("conditional")
        return torch.full_like(latents, 2)

    def unconditional(latents: Tensor, sigma: Tensor) -> Tensor:
        asked.append("unconditional")
        return torch.full_like(latents, 1)

    def at(scale: float, level: float, interval: tuple[float, float] = (0, 1)) -> float:
        asked.clear()
        velocity = guided(conditional, unconditional, scale, interval=interval)
        sigma = torch.tensor([[0, level]])  # the first frame is given
        return float(velocity(torch.zeros(1, 1, 2, 1, 1), sigma).mean())

    assert at(3, 0.5) == 4
    assert at(0, 0.5) == 1
    assert at(1, 0.5) == 2
    assert asked == ["conditional"]
    assert at(3, 0.5, (0.6, 1)) == 2
    assert asked == ["conditional"]
    assert at(3, 0.7, (0.6, 1)) == 4
