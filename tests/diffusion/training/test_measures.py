import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.diffusion.training import measures


def texture(height: int, width: int, seed: int = 0) -> Tensor:
    """Smooth random (1, 3, height, width) in [-1, 1]."""
    noise = torch.randn(1, 3, height // 8, width // 8, generator=torch.manual_seed(seed))
    return F.interpolate(noise, (height, width), mode="bicubic", align_corners=False).tanh()


def sliding(right: int, down: int, frames: int = 9) -> Tensor:
    """A clip (1, 3, T, 80, 144) whose picture moves by whole pixels a frame."""
    wide = texture(160, 288)
    views = [wide[..., 40 - down * t :, 72 - right * t :][..., :80, :144] for t in range(frames)]
    return torch.stack(views, 2)


def growing(a_frame: float, frames: int = 9) -> Tensor:
    wide = texture(160, 288)
    views = []
    for t in range(frames):
        reach = math.exp(-a_frame * t) / 2
        grid = F.affine_grid(
            torch.tensor([[[reach, 0, 0], [0, reach, 0]]]), [1, 3, 80, 144], align_corners=False
        )
        views.append(F.grid_sample(wide, grid, align_corners=False))
    return torch.stack(views, 2)


@pytest.mark.parametrize(("right", "down"), [(2, 0), (-2, 0), (0, 1), (0, -1), (0, 0)])
def test_picture_motion_is_the_shift_that_was_made(right: int, down: int) -> None:
    found = measures.picture_motion(sliding(right, down))[0]
    assert found[0].item() == pytest.approx(right * 8 / 80, abs=0.02)
    assert found[1].item() == pytest.approx(down * 8 / 80, abs=0.02)
    assert abs(found[2].item()) < 0.03


@pytest.mark.parametrize("growth", [0.035, -0.035])
def test_picture_motion_is_the_growth_that_was_made(growth: float) -> None:
    found = measures.picture_motion(growing(growth))[0]
    assert found[2].item() == pytest.approx(growth * 8, rel=0.15)
    assert found[:2].abs().max() < 0.02


def test_a_plain_picture_does_not_move() -> None:
    assert measures.picture_motion(torch.zeros(2, 3, 5, 80, 144)).abs().max() == 0


def test_wilson_knows_the_textbook_values() -> None:
    low, high = measures.wilson(8, 10)
    assert (low, high) == pytest.approx((0.4902, 0.9433), abs=1e-3)
    assert measures.wilson(0, 0) == (0, 1)
    assert measures.wilson(500, 500)[1] == pytest.approx(1)


def test_frechet_is_zero_for_the_same_set_and_knows_a_shift_and_a_scale() -> None:
    a = torch.randn(4000, 6, generator=torch.manual_seed(0))
    assert measures.frechet(a, a) < 1e-9
    assert measures.frechet(a, a + 2) == pytest.approx(6 * 4, rel=1e-6)
    spread = a.double().var(0).sum().item()
    about_zero = a - a.mean(0)
    assert measures.frechet(about_zero, 3 * about_zero) == pytest.approx(4 * spread, rel=1e-4)


def test_nearest_finds_the_copy() -> None:
    references = torch.randn(20, 5, generator=torch.manual_seed(1))
    distance, index = measures.nearest(references[[7, 3]], references)
    assert index.tolist() == [7, 3]
    assert distance.max() < 1e-3


def test_psnr_and_ssim_of_equal_and_spoiled_clips() -> None:
    clip = sliding(1, 0, frames=3)
    assert measures.psnr(clip, clip + 0.2).item() == pytest.approx(20, abs=1e-3)
    assert measures.ssim(clip, clip).item() == pytest.approx(1, abs=1e-4)
    noisy = clip + 0.3 * torch.randn(clip.shape, generator=torch.manual_seed(2))
    assert measures.ssim(clip, noisy).item() < 0.7


def test_flicker_is_zero_for_steady_change_and_largest_for_blinking() -> None:
    steady = torch.linspace(-1, 1, 9).view(1, 1, 9, 1, 1).expand(1, 3, 9, 4, 4)
    blinking = torch.tensor([-1.0, 1.0]).repeat(5)[:9].view(1, 1, 9, 1, 1).expand(1, 3, 9, 4, 4)
    assert measures.flicker(steady).item() < 1e-6
    assert measures.flicker(blinking).item() == pytest.approx(1)
