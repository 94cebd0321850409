import sys
from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from pleinair.dit.caching import FirstBlock, TeaCache
from pleinair.dit.guiding import Guidance, Guided
from pleinair.dit.packed import Packed, packs
from pleinair.dit.speed import PRESETS, Speed, fold, hasten, quantise
from pleinair.dit.transformer import Block, Text, Transformer, TransformerConfig, attend
from pleinair.errors import InputError, ModelError

SIGMAS = (1.0, 0.9, 0.8, 0.7)


@pytest.fixture
def wan() -> Transformer:
    """Wan's layout, small: no pooled text, patches of 1×2×2."""
    sizes: dict[str, Any] = {"dim": 32, "layers": 3, "heads": 2, "hidden": 64, "text": 16}
    network = Transformer(
        TransformerConfig(channels=4, patch=(1, 2, 2), pooled_text=False, **sizes)
    ).eval()
    nn.init.normal_(network.head.head.weight, std=0.3)
    return network.requires_grad_(False)


def _inputs(channels: int = 4) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(3)
    return torch.randn(1, channels, 3, 4, 4), torch.full((1, 3), 0.8), torch.randn(2, 5, 16)


def _steps(guided: Guided, sigmas: tuple[float, ...] = SIGMAS) -> list[Tensor]:
    """Velocities along a short way."""
    latents, sigma, _ = _inputs()
    made = []
    with torch.no_grad():
        for level in sigmas:
            made.append(guided(latents, torch.full_like(sigma, level)))
            latents = latents - 0.02 * made[-1]
    return made


def _runs(network: Transformer) -> list[int]:
    """Clips in each call of the last block to come."""
    runs: list[int] = []
    network.blocks[-1].register_forward_pre_hook(lambda _, inputs: runs.append(len(inputs[0])))
    return runs


@torch.no_grad()
def test_what_is_exact_changes_nothing(wan: Transformer) -> None:
    latents, sigma, context = _inputs()
    both = latents.expand(2, -1, -1, -1, -1)
    plain = wan(both, sigma.expand(2, -1), context)
    fast = hasten(wan, Speed(dtype="float32"))
    assert not hasattr(fast.blocks[0].self_attn, "q")
    text = fast.read(context)
    for levels in (sigma.expand(2, -1), sigma[:, :1]):  # one level for all is computed once
        torch.testing.assert_close(fast(both, levels, text), plain, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(fast(latents, sigma, text[1:2]), plain[1:], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_the_text_is_read_once(wan: Transformer) -> None:
    read: list[int] = []
    wan.text_embedding.register_forward_pre_hook(lambda *_: read.append(1))
    guided = Guided(wan, wan.read(_inputs()[2]), Guidance(3.0))
    _steps(guided)
    assert read == [1]


@torch.no_grad()
def test_padding_is_folded_without_a_difference(wan: Transformer) -> None:
    latents, sigma, context = _inputs()
    padded = torch.cat([context, torch.zeros(2, 40, 16)], 1)
    padded[1, 3:] = 0
    folded, weight = fold(padded)
    assert folded.shape == (2, 6, 16)
    assert weight is not None
    both = latents.expand(2, -1, -1, -1, -1)
    plain = wan(both, sigma, padded)
    torch.testing.assert_close(wan(both, sigma, wan.read(folded, weight)), plain)
    assert (wan(both, sigma, wan.read(folded)) - plain).abs().amax() > 1e-4
    assert fold(context)[1] is None
    assert fold(torch.zeros(2, 7, 16))[0].shape == (2, 1, 16)


def test_long_and_short_attention_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    q, k, v = torch.randn(3, 2, 4, 6, 8)
    masks = (None, torch.arange(6) < torch.tensor([[6], [3]]), torch.randn(2, 6))
    short = [attend(q, k, v, mask) for mask in masks]
    monkeypatch.setattr("pleinair.dit.transformer.LONG", 0)
    for mask, expected in zip(masks, short, strict=True):
        torch.testing.assert_close(attend(q, k, v, mask), expected)


@torch.no_grad()
def test_half_the_bits_draw_nearly_the_same(wan: Transformer) -> None:
    latents, sigma, context = _inputs()
    plain = wan(latents, sigma, context[:1])
    fast = hasten(wan, Speed(dtype="bfloat16"))
    if packs(torch.device("cpu"), torch.bfloat16):
        block = cast("Block", fast.blocks[0])
        assert isinstance(block.ffn[0], Packed)
    off = (fast(latents, sigma, context[:1]) - plain).norm() / plain.norm()
    assert 0 < off < 0.02


@torch.no_grad()
@pytest.mark.parametrize("layer", [nn.Linear(8, 12), nn.Linear(8, 12, bias=False)])
def test_a_packed_layer_is_the_layer_and_what_follows(layer: nn.Linear) -> None:
    if not packs(torch.device("cpu"), torch.bfloat16):
        pytest.skip("this processor multiplies no bfloat16")
    x = torch.randn(2, 3, 8)
    packed = Packed(layer, torch.bfloat16, gelu=True)
    expected = torch.nn.functional.gelu(layer(x), approximate="tanh")
    torch.testing.assert_close(packed(x).float(), expected, atol=0.03, rtol=0.03)


@torch.no_grad()
@pytest.mark.filterwarnings("ignore")  # of torchao on its own age
@pytest.mark.parametrize("kind", ["int8", "int8-dynamic"])
def test_eight_bits_err_by_little(wan: Transformer, kind: str) -> None:
    pytest.importorskip("torchao")
    latents, sigma, context = _inputs()
    plain = wan(latents, sigma, context[:1])
    fast = hasten(wan, Speed(dtype="float32", quantise=kind))
    off = (fast(latents, sigma, context[:1]) - plain).norm() / plain.norm()
    assert 1e-5 < off < 0.05


def test_what_a_machine_lacks_is_said(wan: Transformer, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match=r"8\.9"):
        hasten(wan, Speed(quantise="fp8"))
    monkeypatch.setitem(sys.modules, "torchao", None)
    with pytest.raises(ModelError, match=r"pip install 'pleinair\[quant\]'"):
        quantise(wan.blocks, "int8", torch.device("cpu"))


@pytest.mark.parametrize("kind", [FirstBlock, TeaCache])
def test_a_cache_skips_what_hardly_changes_and_nothing_at_zero(
    wan: Transformer, kind: type[FirstBlock] | type[TeaCache]
) -> None:
    _latents, _sigma, context = _inputs()
    name = "first-block" if kind is FirstBlock else "teacache"
    text = wan.read(context)
    plain = _steps(Guided(wan, text, Guidance(3.0)))
    runs = _runs(wan)
    careful = _steps(Guided(wan, text, Guidance(3.0, cache=name)))
    assert len(runs) == len(SIGMAS)
    for a, b in zip(careful, plain, strict=True):
        torch.testing.assert_close(a, b)
    runs.clear()
    bold = _steps(Guided(wan, text, Guidance(3.0, cache=name, threshold=9.0)), (*SIGMAS, 0.6, 0.5))
    assert len(runs) == 2  # three are skipped in a row, never more
    torch.testing.assert_close(bold[0], plain[0])
    assert not torch.equal(bold[1], plain[1])
    off = (bold[1] - plain[1]).norm() / plain[1].norm()
    assert off < 0.02, off


def test_a_new_window_begins_with_nothing_kept(wan: Transformer) -> None:
    guidance = Guidance(3.0, every=9, cache="first-block", threshold=9.0)
    text = wan.read(_inputs()[2])
    guided = Guided(wan, text, guidance)
    first = _steps(guided)
    for a, b in zip(_steps(guided), first, strict=True):
        assert torch.equal(a, b)


def test_the_ways_of_guidance_keep_their_own_memory(wan: Transformer) -> None:
    text = wan.read(_inputs()[2])
    guided = Guided(wan, text, Guidance(3.0, batched=False, cache="first-block", threshold=0.01))
    _steps(guided)
    towards, away = guided.walks["towards"], guided.walks["away"]
    assert isinstance(towards, FirstBlock)
    assert isinstance(away, FirstBlock)
    assert towards.first is not None
    assert away.first is not None
    assert not torch.equal(towards.first, away.first)


def test_one_after_the_other_is_both_at_once(wan: Transformer) -> None:
    text = wan.read(_inputs()[2])
    at_once = _steps(Guided(wan, text, Guidance(3.0)))
    in_turn = _steps(Guided(wan, text, Guidance(3.0, batched=False)))
    for a, b in zip(in_turn, at_once, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


def test_the_negative_prompt_is_asked_at_each_nth_step(wan: Transformer) -> None:
    text = wan.read(_inputs()[2])
    plain = _steps(Guided(wan, text, Guidance(3.0)))
    alone = _steps(Guided(wan, text, Guidance(1.0)))
    runs = _runs(wan)
    made = _steps(Guided(wan, text, Guidance(3.0, every=3)))
    assert runs == [2, 1, 1, 2]
    assert torch.equal(made[0], plain[0])
    assert (made[1] - plain[1]).norm() < (alone[1] - plain[1]).norm() / 3


def test_above_the_calm_every_step_is_whole(wan: Transformer) -> None:
    text = wan.read(_inputs()[2])
    plain = _steps(Guided(wan, text, Guidance(3.0)))
    guidance = Guidance(3.0, every=9, cache="first-block", threshold=9.0, calm=0.85)
    runs = _runs(wan)
    made = _steps(Guided(wan, text, guidance))
    assert runs == [2, 2, 1]  # at 0.8 its own way alone, which is then kept
    for a, b in zip(made[:2], plain[:2], strict=True):
        assert torch.equal(a, b)


def test_guidance_ends_at_the_level_of_the_preset(wan: Transformer) -> None:
    runs = _runs(wan)
    guidance = Speed(guided=0.85).guide(3.0)
    _steps(Guided(wan, wan.read(_inputs()[2]), guidance))
    assert runs == [2, 2, 1, 1]
    assert Speed(guided=0.2).guide(3.0, (0.3, 0.9)).interval == (0.3, 0.9)


def test_presets_and_what_differs_from_them() -> None:
    assert Speed.parse("exact") == Speed() == PRESETS["exact"]
    changed = Speed.parse("fast, compile=on, every=2, threshold=0.5, fuse=no")
    expected = replace(PRESETS["fast"], compile="on", every=2, threshold=0.5, fuse=False)
    assert changed == expected
    for preset in PRESETS.values():
        assert preset.compile == "off"  # one clip is never worth the wait
    for text in (
        "quick",
        "fast,cache=all",
        "fast,colour=red",
        "fast,every=0",
        "fast,every=x",
        "fast,calm=2",
    ):
        with pytest.raises(InputError, match="speed"):
            Speed.parse(text)


def test_a_text_can_be_cut_to_some_clips(wan: Transformer) -> None:
    text = wan.read(_inputs()[2], torch.ones(2, 5, dtype=torch.bool))
    assert len(text) == 2
    one = text[1:2]
    assert isinstance(one, Text)
    assert len(one) == 1
    assert one.mask is not None
    assert one.mask.shape == (1, 5)
