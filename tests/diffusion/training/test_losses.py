import pytest
import torch

from pleinair.diffusion.training.losses import autoencoder_loss, noise_levels, velocity_loss

CLIPS, FRAMES = 4000, 5


def _levels(shift: float = 2.0, frames: int = FRAMES) -> tuple[torch.Tensor, torch.Tensor]:
    return noise_levels(CLIPS, frames, shift, torch.Generator().manual_seed(3))


def test_levels_are_a_function_of_the_generator() -> None:
    for one, other in zip(_levels(), _levels(), strict=True):
        assert torch.equal(one, other)


def test_given_frames_have_no_noise_and_all_others_some() -> None:
    sigma, given = _levels()
    assert sigma.shape == given.shape == (CLIPS, FRAMES)
    assert not sigma[given].any()
    assert (sigma[~given] > 0).all()
    assert sigma.amax() < 1
    assert not given.all(1).any()


def test_most_clips_have_one_level_some_are_given_frames_few_have_many_levels() -> None:
    sigma, given = _levels()
    some = given.any(1)
    free = sigma.masked_fill(given, float("nan"))
    one = torch.nan_to_num(free, 0).amax(1) == torch.nan_to_num(free, 2).amin(1)
    assert some.float().mean() == pytest.approx(0.25, abs=0.03)
    assert (one & ~some).float().mean() == pytest.approx(0.65, abs=0.03)
    assert one[some].all()
    assert (~one).float().mean() == pytest.approx(0.10, abs=0.02)


def test_every_way_of_giving_frames_occurs() -> None:
    _, given = _levels()
    seen = {tuple(row) for row in given[given.any(1)].int().tolist()}
    for pattern in ((1, 0, 0, 0, 0), (0, 0, 0, 0, 1), (1, 0, 0, 0, 1), (1, 1, 0, 0, 0)):
        assert pattern in seen
    assert len(seen) > 20  # any frames at all
    _, given = _levels(frames=1)
    assert not given.any()


def test_of_clips_that_begin_later_what_the_window_before_drew_is_given() -> None:
    generator = torch.Generator().manual_seed(3)
    sigma, given = noise_levels(CLIPS, FRAMES, 2.0, generator, later=True)
    assert given[:, :2].all()
    assert not given[:, 2].any()
    assert given[:, -1].float().mean() == pytest.approx(0.2, abs=0.03)
    assert not sigma[given].any()
    _, given = noise_levels(CLIPS, 3, 2.0, generator, later=True)
    assert torch.equal(given[0], torch.tensor([True, True, False]))


def test_a_shift_means_more_noise() -> None:
    means = [float(_levels(shift)[0].mean()) for shift in (1.0, 2.0, 4.0)]
    assert means == sorted(means)
    assert means[2] > means[0] + 0.1


def test_given_frames_do_not_count_in_the_loss() -> None:
    clean, noise = torch.randn(2, 3, 2, 4, 2, 2)
    given = torch.tensor([[True, False, False, False], [False] * 4, [False] * 3 + [True]])
    velocity = noise - clean
    velocity[0, :, 0] = velocity[2, :, 3] = 99
    assert velocity_loss(velocity, clean, noise, given) == 0
    velocity[1, :, 2] += 3
    loss = velocity_loss(velocity, clean, noise, given)
    assert float(loss) == pytest.approx(9 / 10)  # one of ten frames is wrong by 3


@pytest.mark.parametrize("frames", [1, 5])
def test_a_perfect_picture_costs_nothing_and_a_wrong_one_something(frames: int) -> None:
    seen = torch.rand(1, 3, frames, 16, 16) * 2 - 1
    nothing = torch.zeros(1, 8, 1, 1, 1)
    assert autoencoder_loss(seen, seen, nothing) == 0
    assert autoencoder_loss(seen, seen, nothing + 9) > 0
    near = autoencoder_loss(seen, seen + 0.1, nothing)
    assert 0 < near < autoencoder_loss(seen, seen + 0.3, nothing)


def test_errors_at_edges_cost_more() -> None:
    seen = torch.zeros(1, 3, 1, 32, 32)
    seen[..., 8:] = 1
    patch = torch.zeros_like(seen)
    patch[..., 12:20, 6:10] = 0.5
    at_edge = autoencoder_loss(seen, seen + patch, torch.zeros(1))
    on_plain = autoencoder_loss(seen, seen + patch.roll(14, -1), torch.zeros(1))
    assert at_edge > 1.2 * on_plain
