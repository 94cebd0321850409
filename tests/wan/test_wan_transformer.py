"""Wan's transformers as ours, against those of diffusers with the same random weights."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from pleinair.dit.rope import rotations
from pleinair.dit.speed import Speed, fold, hasten
from pleinair.dit.transformer import Transformer, TransformerConfig
from pleinair.wan.layouts import diffusers_name, load_transformer
from pleinair.wan.presets import PRESETS
from tests.wan import tiny


def _ours(theirs: Any, folder: Path) -> Transformer:  # noqa: ANN401
    theirs.save_pretrained(folder)
    return load_transformer(folder)


def _level(*steps: int) -> Tensor:
    return torch.tensor([steps], dtype=torch.float64) / 1000


def _context(words: int = 4) -> Tensor:
    """A text padded with zeros to 512, as Wan's are."""
    context = torch.zeros(1, 512, 32)
    context[:, :words] = torch.randn(1, words, 32)
    return context


@torch.no_grad()
def test_one_level_for_the_clip(tmp_path: Path) -> None:
    theirs = tiny.transformer()
    ours = _ours(theirs, tmp_path)
    latents, context = torch.randn(1, 16, 3, 4, 6), _context()
    expected = theirs(latents, torch.tensor([437]), context, return_dict=False)[0]
    assert tiny.apart(ours(latents, _level(437), context), expected) < 1e-4
    assert tiny.apart(ours(latents, _level(400), context), expected) > 1e-2
    folded, mask = fold(context)
    assert folded.shape[1] == 5
    assert tiny.apart(ours(latents, _level(437), folded, mask), expected) < 1e-4


@torch.no_grad()
def test_a_level_for_each_frame(tmp_path: Path) -> None:
    theirs = tiny.transformer(in_channels=48, out_channels=48)
    ours = _ours(theirs, tmp_path)
    latents, context = torch.randn(1, 48, 3, 4, 6), _context()
    steps = torch.tensor([[0, 437, 437]]).repeat_interleave(2 * 3, 1)  # six tokens a frame
    expected = theirs(latents, steps, context, return_dict=False)[0]
    assert tiny.apart(ours(latents, _level(0, 437, 437), context), expected) < 1e-4


@torch.no_grad()
def test_channels_and_an_encoded_picture(tmp_path: Path) -> None:
    theirs = tiny.pictured()
    ours = _ours(theirs, tmp_path)
    latents, context, picture = torch.randn(1, 36, 3, 4, 6), _context(), torch.randn(1, 5, 32)
    expected = theirs(latents, torch.tensor([437]), context, picture, return_dict=False)[0]
    made = ours(latents, _level(437), ours.read(context, None, picture))
    assert made.shape == (1, 16, 3, 4, 6)
    assert tiny.apart(made, expected) < 1e-4
    assert tiny.apart(ours(latents, _level(437), ours.read(context)), expected) > 1e-2


@torch.no_grad()
def test_a_block_of_the_real_size() -> None:
    sizes = PRESETS["wan2.1-t2v-1.3b"].transformer
    theirs = tiny.transformer(
        num_attention_heads=sizes.heads,
        attention_head_dim=sizes.dim // sizes.heads,
        ffn_dim=sizes.hidden,
        freq_dim=256,
        num_layers=1,
    )
    tiny.shake(theirs, 0.03)
    config = TransformerConfig(
        channels=16,
        patch=(1, 2, 2),
        dim=1536,
        layers=1,
        heads=12,
        hidden=8960,
        text=32,
        pooled_text=False,
    )
    with torch.device("meta"):
        ours = Transformer(config)
    weights = theirs.state_dict()
    named = {name: weights[diffusers_name(name)] for name in ours.state_dict()}
    ours.load_state_dict(named, assign=True)
    latents, context = torch.randn(1, 16, 2, 4, 4), _context()
    expected = theirs(latents, torch.tensor([437]), context, return_dict=False)[0]
    assert tiny.apart(ours(latents, _level(437), context), expected) < 1e-4


def test_positions_are_shared_between_the_axes_as_wan_does() -> None:
    from diffusers.models.transformers.transformer_wan import WanRotaryPosEmbed

    cos, sin = WanRotaryPosEmbed(128, (1, 2, 2), 64)(torch.empty(1, 16, 3, 8, 10))  # 1 N 1 head
    turns = rotations(3, 4, 5, 128)
    torch.testing.assert_close(turns[0], cos[0, :, 0, ::2].float(), atol=1e-5, rtol=0)
    torch.testing.assert_close(turns[1], sin[0, :, 0, 1::2].float(), atol=1e-5, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("where", ["cpu", "elsewhere"])
def test_short_weights_come_close(tmp_path: Path, where: str) -> None:
    theirs = tiny.transformer()
    theirs.save_pretrained(tmp_path)
    short = load_transformer(tmp_path, dtype=torch.bfloat16)
    assert short.blocks[0].get_parameter("ffn.0.weight").dtype == torch.bfloat16
    assert short.get_parameter("time_embedding.0.weight").dtype == torch.float32
    latents, context = torch.randn(1, 16, 3, 4, 6), _context()
    expected = theirs(latents, torch.tensor([437]), context, return_dict=False)[0]
    # Elsewhere than on a processor nothing is packed.
    device = torch.device("cpu" if where == "cpu" else "meta")
    hasten(short, Speed(dtype="bfloat16"), device)
    assert tiny.apart(short(latents, _level(437), context), expected) < 0.05


@pytest.mark.parametrize("model", PRESETS)
def test_presets_have_the_size_that_their_name_says(model: str) -> None:
    sizes = PRESETS[model].transformer
    with torch.device("meta"):
        network = Transformer(
            TransformerConfig(
                channels=sizes.channels,
                out_channels=sizes.out_channels,
                patch=(1, 2, 2),
                dim=sizes.dim,
                layers=sizes.layers,
                heads=sizes.heads,
                hidden=sizes.hidden,
                text=4096,
                image=sizes.image,
                pooled_text=False,
            )
        )
    billions = sum(value.numel() for value in network.parameters()) / 1e9
    said = {"1.3b": 1.42, "5b": 5.0, "14b": 14.3, "a14b": 14.3}
    expected = next(said[part] for part in reversed(model.split("-")) if part in said)
    assert billions == pytest.approx(expected * (1.15 if sizes.image else 1), rel=0.02)
