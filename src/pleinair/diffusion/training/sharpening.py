"""A decoder that is not content with the mean of what may have been there.

Squared and absolute errors are least for the mean of all pictures that a latent may stand for, and
a mean is blurred. Here a critic learns to tell decoded clips from rendered ones, and the decoder
learns from it what is missing. The encoder stays, and with it every latent and whatever was taught
with latents.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from pleinair.diffusion.model.autoencoder import Autoencoder
from pleinair.diffusion.training.losses import autoencoder_loss

_SEEN = 3  # neighbouring frames that the critic sees at once, so that flicker is told too
_WIDTHS = (32, 64, 128)
_MATCHING = 4.0  # weight of its features against its verdict


class Critic(nn.Module):
    """Says of each patch of a clip how much it looks rendered.

    A patch critic, Isola et al., arXiv 1611.07004, with spectral norm, Miyato et al., arXiv
    1802.05957.
    """

    def __init__(self) -> None:
        super().__init__()
        first, second, third = _WIDTHS
        self.layers = nn.ModuleList(
            [
                spectral_norm(nn.Conv2d(3 * _SEEN, first, 4, stride=2, padding=1)),
                spectral_norm(nn.Conv2d(first, second, 4, stride=2, padding=1)),
                spectral_norm(nn.Conv2d(second, third, 3, padding=1)),
            ]
        )
        self.verdict = spectral_norm(nn.Conv2d(third, 1, 3, padding=1))

    def forward(self, video: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(B, 3, T, H, W) to verdicts (N, 1, H/4, W/4), and what they rest on.

        N counts the runs of three frames of all clips.
        """
        runs = video.unfold(2, _SEEN, 1).permute(0, 2, 5, 1, 3, 4)  # B T-2 3 C H W
        x = runs.flatten(2, 3).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
            features.append(x)
        return self.verdict(x), features


class Sharpening(nn.Module):
    """A decoder and its critic, which learn at once.

    Args:
        autoencoder: its decoder learns; nothing else in it does.
        strength: of the critic, against the distance to the true clip, where both pull at a
            decoded one: 1 is as strongly.
    """

    def __init__(self, autoencoder: Autoencoder, strength: float) -> None:
        super().__init__()
        self.decoder = autoencoder.decoder
        self.critic = Critic().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.strength = strength

    def loss(self, seen: Tensor, made: Tensor, latents: Tensor) -> Tensor:
        """A scalar whose gradients teach both; its value tells the distance and the critic's error.

        The critic's pull at the decoded clip is made as strong as that of the distance, as in
        Esser et al., arXiv 2012.09841, but measured at the clip itself. Hinge loss, Lim and Ye,
        arXiv 1705.02894; matched features, Wang et al., arXiv 1711.11585.

        Args:
            seen, made: (B, 3, T, H, W) in [-1, 1], true and decoded, T at least 3.
            latents: of them, not normalised.
        """
        shown = made.detach().requires_grad_()
        distance = autoencoder_loss(seen, shown, latents)
        (back,) = torch.autograd.grad(distance, shown)
        true, rests = self._judged(seen)
        self.critic.requires_grad_(False)
        verdict, features = self._judged(shown)
        self.critic.requires_grad_(True)
        away = torch.stack(
            [F.l1_loss(a.float(), b.detach().float()) for a, b in zip(features, rests, strict=True)]
        ).sum()
        (sharper,) = torch.autograd.grad(_MATCHING * away - verdict.mean(), shown)
        pull = back + self.strength * back.norm() / sharper.norm().clamp(min=1e-12) * sharper
        lesson: Tensor = (made * pull).sum()
        error = F.relu(1 - true).mean() + F.relu(1 + self._judged(shown.detach())[0]).mean()
        return lesson - lesson.detach() + distance.detach() + error

    def _judged(self, video: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The critic's verdicts in float32, and what they rest on."""
        with torch.autocast(video.device.type, torch.bfloat16):
            verdict, features = self.critic(video)
        return verdict.float(), features


def between(
    before: Mapping[str, Tensor], after: Mapping[str, Tensor], share: float
) -> dict[str, Tensor]:
    """Weights ``share`` of the way from those before sharpening to those after it.

    A critic overdoes it: decoded clips come to tremble more than true ones. The weights between
    keep most of the edges and lose the trembling (network interpolation, Wang et al., arXiv
    1809.00219). Floating-point weights only.
    """
    return {name: torch.lerp(old, after[name], share) for name, old in before.items()}
