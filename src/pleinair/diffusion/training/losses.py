"""What is learned: pictures that come back, and the way from noise to them."""

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.dit.sampler import shifted
from pleinair.dit.windows import OVERLAP

# Lightness, red against green, blue against yellow: else a small red boat may as well be brown.
_OPPONENTS = ((1 / 3, 1 / 3, 1 / 3), (1.0, -1.0, 0.0), (-0.5, -0.5, 1.0))
_ONE_LEVEL, _SOME_GIVEN = 0.65, 0.25  # the rest: a level for each frame


def autoencoder_loss(seen: Tensor, made: Tensor, latents: Tensor) -> Tensor:
    """How far a decoded clip is from the true one, a scalar.

    Absolute error of lightness and of two colour differences, which counts up to three times where
    the picture has edges, because a boat of twelve pixels is little else; the same of the picture
    made small; squared error; error of the differences between neighbouring pixels and frames;
    and a little for large latents.

    Args:
        seen, made: (B, 3, T, H, W) in [-1, 1], true and decoded.
        latents: (B, C, F, h, w), not normalised.
    """
    error = made - seen
    opponents = torch.tensor(_OPPONENTS, device=error.device)
    colour = torch.einsum("ij,bjthw->bithw", opponents, error)
    with torch.no_grad():
        grey = seen.mean(1)  # B T H W
        steep = F.pad(grey.diff(dim=-1).abs(), (0, 1))
        steep = steep + F.pad(grey.diff(dim=-2).abs(), (0, 0, 0, 1))
        edges = F.max_pool2d(steep, 5, 1, 2).mul_(4).clamp_(max=1)[:, None]
    loss = (colour.abs() * (1 + 2 * edges)).mean() + error.square().mean()
    loss = loss + F.avg_pool3d(colour, (1, 4, 4)).abs().mean()
    loss = loss + 0.5 * (error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean())
    if error.shape[2] > 1:
        loss = loss + 0.25 * error.diff(dim=2).abs().mean()
    return loss + 1e-4 * latents.square().mean()


def blurred(latents: Tensor, generator: torch.Generator) -> Tensor:
    """With a little noise, as latents that were drawn are not quite right either."""
    return latents + 0.05 * torch.randn(latents.shape, generator=generator).to(latents)


def noise_levels(
    clips: int, frames: int, shift: float, generator: torch.Generator, *, later: bool = False
) -> tuple[Tensor, Tensor]:
    """Draw the noise level of each latent frame of some clips.

    Most clips have one level throughout. A quarter have some frames given clean (the first, the
    last, both, the first or last half, any), from which follow image to video, extension both
    ways, keyframes and loops. A tenth have a level for each frame, as in diffusion forcing
    (arXiv 2407.01392).
    Of clips that begin later the frames that their window shares with the one before are given,
    and in a fifth the last ones too, as where two clips are connected.
    Levels are logit-normal (arXiv 2403.03206), a tenth uniform so that both ends are seen.

    Returns:
        sigma (B, F) float in [0, 1], and given (B, F) bool, where sigma is 0.
    """
    shape = (clips, frames)

    def uniform(*size: int) -> Tensor:
        return torch.rand(size, generator=generator)

    t = torch.sigmoid(torch.randn(shape, generator=generator))
    t = torch.where(uniform(clips, 1) < 0.1, uniform(*shape), t)
    sigma = shifted(t, shift)
    mode = uniform(clips, 1)
    sigma = torch.where(mode < _ONE_LEVEL + _SOME_GIVEN, sigma[:, :1], sigma)
    patterns = torch.zeros(6, clips, frames, dtype=torch.bool)
    patterns[[0, 2], :, 0] = True
    patterns[[1, 2], :, -1] = True
    patterns[3, :, : max(1, frames // 2)] = True
    patterns[4] = uniform(*shape) < 0.5
    patterns[5, :, -max(1, frames // 2) :] = True
    pattern = torch.randint(6, (clips,), generator=generator)
    given = patterns[pattern, torch.arange(clips)]
    given &= (mode >= _ONE_LEVEL) & (mode < _ONE_LEVEL + _SOME_GIVEN)
    if later:
        given = torch.zeros(shape, dtype=torch.bool)
        given[:, :OVERLAP] = True
        if frames > 2 * OVERLAP:
            given[:, -OVERLAP:] |= uniform(clips, 1) < 0.2
    given &= ~given.all(1, keepdim=True)  # something is left to learn
    return sigma.masked_fill(given, 0.0), given


def velocity_loss(velocity: Tensor, clean: Tensor, noise: Tensor, given: Tensor) -> Tensor:
    """Mean squared error of the velocity ``noise - clean`` in the frames not given, a scalar.

    Args:
        velocity, clean, noise: (B, C, F, h, w).
        given: (B, F) bool.
    """
    error = (velocity - (noise - clean)).square().mean((1, 3, 4))  # B F
    return error[~given].mean()
