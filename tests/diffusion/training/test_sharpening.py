import pytest
import torch
from torch import Tensor

from pleinair.diffusion.model.autoencoder import Autoencoder
from pleinair.diffusion.training.losses import autoencoder_loss
from pleinair.diffusion.training.recipes import recipe_named
from pleinair.diffusion.training.sharpening import Critic, Sharpening


def _clips() -> tuple[Tensor, Tensor, Tensor]:
    """A true clip, a decoded one, and its latents."""
    generator = torch.Generator().manual_seed(0)
    seen = torch.rand(2, 3, 5, 32, 32, generator=generator) * 2 - 1
    made = (0.8 * seen).requires_grad_()
    return seen, made, torch.zeros(2, 8, 2, 2, 2)


def _sharpening(strength: float) -> Sharpening:
    torch.manual_seed(0)
    return Sharpening(Autoencoder(recipe_named("tiny").autoencoder), strength)


def _pull(strength: float) -> tuple[Tensor, Tensor]:
    """How a clip is pulled, and how the critic's verdict is."""
    seen, made, latents = _clips()
    network = _sharpening(strength)
    network.loss(seen, made, latents).backward()
    critic = network.critic.verdict.parametrizations.weight.original.grad
    assert made.grad is not None
    return made.grad, critic


def test_without_strength_a_clip_is_pulled_to_the_true_one_alone() -> None:
    seen, made, latents = _clips()
    (back,) = torch.autograd.grad(autoencoder_loss(seen, made, latents), made)
    torch.testing.assert_close(_pull(0.0)[0], back)


def test_the_critic_pulls_as_strongly_as_it_is_told() -> None:
    back, _ = _pull(0.0)
    for strength in (0.5, 2.0):
        pull, _ = _pull(strength)
        assert float((pull - back).norm()) == pytest.approx(strength * float(back.norm()), rel=1e-3)


def test_the_critic_learns_from_its_own_errors_alone() -> None:
    assert torch.equal(_pull(0.0)[1], _pull(2.0)[1])
    assert _pull(0.0)[1].abs().max() > 0


def test_the_critic_sees_three_frames_at_once() -> None:
    torch.manual_seed(0)
    critic = Critic()
    still = torch.rand(1, 3, 1, 32, 32).expand(-1, -1, 5, -1, -1)
    flicker = still.clone()
    flicker[:, :, 2] += 0.5
    verdict, features = critic(still)
    assert verdict.shape == (3, 1, 8, 8)
    assert len(features) == 3
    assert not torch.allclose(critic(flicker)[0][0], verdict[0])
