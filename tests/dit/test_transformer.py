from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from pleinair.dit.rope import rotate, rotations
from pleinair.dit.transformer import Transformer, attend, waves


def _inputs(frames: int = 3, height: int = 2, width: int = 3) -> tuple[torch.Tensor, ...]:
    """Two clips: latents, levels, text and where there is text."""
    latents, sigma = torch.randn(2, 8, frames, height, width), torch.rand(2, frames)
    return latents, sigma, torch.randn(2, 4, 16), torch.arange(4) < torch.tensor([[4], [2]])


@pytest.mark.parametrize(("height", "width"), [(5, 9), (9, 5), (7, 7)])
@pytest.mark.parametrize("frames", [1, 2, 5])
@torch.no_grad()
def test_a_velocity_for_every_latent(
    transformer: Transformer, frames: int, height: int, width: int
) -> None:
    inputs = _inputs(frames, height, width)
    assert transformer(*inputs).shape == inputs[0].shape


@torch.no_grad()
def test_a_new_model_predicts_nothing(transformer: Transformer) -> None:
    assert not Transformer(transformer.config)(*_inputs()).any()


@torch.no_grad()
def test_masked_text_has_no_effect(transformer: Transformer) -> None:
    latents, sigma, context, mask = _inputs()
    velocity = transformer(latents, sigma, context, mask)
    noise = torch.where(mask[..., None], context, torch.randn_like(context))
    assert torch.equal(transformer(latents, sigma, noise, mask), velocity)
    alone = transformer(latents[1:], sigma[1:], context[1:, :2])
    torch.testing.assert_close(alone, velocity[1:])


@torch.no_grad()
def test_every_input_has_an_effect(transformer: Transformer) -> None:
    latents, sigma, context, mask = _inputs()
    velocity = transformer(latents, sigma, context, mask)
    other = sigma.clone()
    other[:, 1] = 0
    for changed in (
        transformer(latents.flip(2), sigma, context, mask).flip(2),
        transformer(latents.flip(4), sigma, context, mask).flip(4),
        transformer(latents, other, context, mask),
        transformer(latents, sigma, context + 1, mask),
    ):
        assert (changed - velocity).abs().amax() > 1e-4


@torch.no_grad()
def test_clips_of_a_batch_do_not_mix(transformer: Transformer) -> None:
    inputs = _inputs()
    alone = transformer(*(part[:1] for part in inputs))
    torch.testing.assert_close(alone, transformer(*inputs)[:1])


@torch.no_grad()
def test_patches_go_back_where_they_came_from(transformer: Transformer) -> None:
    network = Transformer(replace(transformer.config, patch=(1, 2, 2)))
    video = torch.arange(8 * 3 * 4 * 6.0).view(1, 8, 3, 4, 6)
    tokens = video.view(1, 8, 3, 1, 2, 2, 3, 2).permute(0, 2, 4, 6, 3, 5, 7, 1).flatten(4)
    assert torch.equal(network._unpatch(tokens), video)
    assert network(video, torch.rand(1, 3), torch.randn(1, 2, 16)).shape == video.shape


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_rotated_products_depend_on_distance_alone(axis: int) -> None:
    query, key = torch.randn(2, 64)
    turns = rotations(6, 6, 6, 64)
    place = [6 * 6, 6, 1][axis]  # tokens from one frame, row or column to the next

    def product(i: int, j: int) -> float:
        both = torch.stack([query, key])[None, :, None]
        turned = rotate(both, turns[:, [i * place, j * place]])
        return float(turned[0, 0, 0] @ turned[0, 1, 0])

    assert product(0, 2) == pytest.approx(product(3, 5), abs=1e-4)
    assert product(0, 2) != pytest.approx(product(0, 3), abs=1e-2)


def test_turning_keeps_lengths() -> None:
    x = torch.randn(2, 12, 3, 16)
    turned = rotate(x, rotations(2, 2, 3, 16))
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))
    assert torch.equal(turned[:, 0], x[:, 0])


def test_attention_is_that_of_torch() -> None:
    q, k, v = torch.randn(3, 2, 4, 6, 8)
    mask = torch.tensor([[True] * 6, [True] * 3 + [False] * 3])
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None])
    torch.testing.assert_close(attend(q, k, v, mask), expected)


def test_noise_levels_are_told_apart() -> None:
    levels = waves(torch.linspace(0, 1000, 50), 64)
    apart = torch.cdist(levels, levels) + 9 * torch.eye(50)
    assert levels.shape == (50, 64)
    assert apart.amin() > 0.1
