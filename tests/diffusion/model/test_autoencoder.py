import pytest
import torch

from pleinair.diffusion.model.autoencoder import Autoencoder
from pleinair.errors import InputError


@pytest.fixture
def video() -> torch.Tensor:
    return torch.rand(2, 3, 17, 32, 48) * 2 - 1


@pytest.mark.parametrize(("width", "height"), [(144, 80), (80, 144), (112, 112), (16, 16)])
@pytest.mark.parametrize("frames", [1, 5, 17])
@torch.no_grad()
def test_sizes_there_and_back(
    autoencoder: Autoencoder, width: int, height: int, frames: int
) -> None:
    latents = autoencoder.encode(torch.zeros(1, 3, frames, height, width))
    assert latents.shape == (1, 8, 1 + frames // 4, height // 16, width // 16)
    assert autoencoder.decode(latents).shape == (1, 3, frames, height, width)


@torch.no_grad()
def test_latents_depend_on_no_later_frame(autoencoder: Autoencoder, video: torch.Tensor) -> None:
    whole = autoencoder.encode(video)
    for frames in (1, 5, 13):
        short = autoencoder.encode(video[:, :, :frames])
        torch.testing.assert_close(short, whole[:, :, : short.shape[2]])


@torch.no_grad()
def test_frames_depend_on_no_later_latent(autoencoder: Autoencoder) -> None:
    latents = torch.randn(2, 8, 5, 2, 3)
    whole = autoencoder.decode(latents)
    latents[:, :, 3:] = 9
    changed = autoencoder.decode(latents)
    torch.testing.assert_close(changed[:, :, :9], whole[:, :, :9])
    assert (changed[:, :, 9:] - whole[:, :, 9:]).abs().amax() > 1e-3


@pytest.mark.parametrize("pieces", [(1, 1, 1, 1, 1), (2, 3), (1, 4), (4, 1)])
@torch.no_grad()
def test_decoding_in_pieces_is_decoding_the_whole(
    autoencoder: Autoencoder, pieces: tuple[int, ...]
) -> None:
    latents = torch.randn(2, 8, 5, 2, 3)
    frames, state = [], None
    for piece in latents.split(pieces, 2):
        video, state = autoencoder.decode_next(piece, state)
        frames.append(video)
    torch.testing.assert_close(torch.cat(frames, 2), autoencoder.decode(latents))


@torch.no_grad()
def test_normalised_latents_have_no_mean_and_unit_spread(
    autoencoder: Autoencoder, video: torch.Tensor
) -> None:
    before = autoencoder.decode(autoencoder.encode(video))
    for _ in range(2):  # again from what is normalised already
        autoencoder.normalise(autoencoder.encode(video))
        latents = autoencoder.encode(video).transpose(0, 1).flatten(1)
        torch.testing.assert_close(latents.mean(1), torch.zeros(8), atol=1e-4, rtol=0)
        torch.testing.assert_close(latents.std(1), torch.ones(8))
    torch.testing.assert_close(autoencoder.decode(autoencoder.encode(video)), before)


@pytest.mark.parametrize(
    ("frames", "width", "named"), [(4, 32, "frames"), (0, 32, "frames"), (5, 33, "size")]
)
def test_other_shapes_are_refused(
    autoencoder: Autoencoder, frames: int, width: int, named: str
) -> None:
    with pytest.raises(InputError, match=named):
        autoencoder.encode(torch.zeros(1, 3, frames, 32, width))
