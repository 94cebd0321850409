"""Wan's autoencoders against diffusers', on random weights so small that a clip is quick."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from pleinair.model.wan.autoencoder import WanAutoencoder, WanAutoencoderConfig
from pleinair.model.wan.autoencoder_layouts import (
    WEIGHTS,
    load_autoencoder,
)

SIZES = {
    "2.1": {"base_dim": 8},
    "2.2": {
        "base_dim": 8,
        "decoder_base_dim": 12,
        "is_residual": True,
        "patch_size": 2,
        "in_channels": 12,
        "out_channels": 12,
        "scale_factor_spatial": 16,
    },
}


@pytest.fixture(scope="module", params=SIZES)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def theirs(version: str) -> Any:  # noqa: ANN401  # diffusers has no types
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(3)
    network = diffusers.AutoencoderKLWan(
        **SIZES[version],
        z_dim=4,
        dim_mult=[1, 2, 4, 4],
        num_res_blocks=2,
        temperal_downsample=[False, True, True],
        latents_mean=[0.1, -0.2, 0.3, 0.0],
        latents_std=[0.5, 1.5, 0.7, 1.0],
    )
    for name, value in network.state_dict().items():
        if name.endswith("gamma"):
            value.uniform_(0.5, 1.5)
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def folder(theirs: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: ANN401
    path = tmp_path_factory.mktemp("wan")
    theirs.save_pretrained(path / "vae")
    return path


@pytest.fixture(scope="module")
def ours(folder: Path) -> WanAutoencoder:
    return load_autoencoder(folder)


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    for name in ("config.json", WEIGHTS):
        (tmp_path / name).write_bytes((folder / "vae" / name).read_bytes())
    return tmp_path


def _video(frames: int, height: int = 32, width: int = 48) -> Tensor:
    noise = torch.randn(1, 3, frames, height, width, generator=torch.Generator().manual_seed(1))
    return noise.mul(0.5).clamp(-1, 1)


def _latents(frames: int, height: int = 3, width: int = 4) -> Tensor:
    return torch.randn(1, 4, frames, height, width, generator=torch.Generator().manual_seed(2))


def _statistics(config: WanAutoencoderConfig) -> tuple[Tensor, Tensor]:
    mean, std = torch.tensor(config.mean), torch.tensor(config.std)
    return mean[:, None, None, None], std[:, None, None, None]


def _near(found: Tensor, expected: Tensor, within: float = 1e-4) -> None:
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= within * expected.abs().max()


@pytest.mark.parametrize("frames", [1, 5, 21])
def test_encode_is_that_of_diffusers(theirs: Any, ours: WanAutoencoder, frames: int) -> None:  # noqa: ANN401
    mean, std = _statistics(ours.config)
    video = _video(frames)
    plain = theirs.encode(video).latent_dist.mode()
    _near(ours.encode(video), (plain - mean) / std)


@pytest.mark.parametrize("frames", [1, 2, 6])
def test_decode_is_that_of_diffusers(theirs: Any, ours: WanAutoencoder, frames: int) -> None:  # noqa: ANN401
    mean, std = _statistics(ours.config)
    latents = _latents(frames)
    video = ours.decode(latents)
    assert video.shape[2] == 1 + 4 * (frames - 1)
    _near(video, theirs.decode(latents * std + mean).sample)
