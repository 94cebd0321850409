"""Whole clips against diffusers' pipelines: same weights, prompt and seed, in float32."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pleinair.errors import InputError, ModelError
from pleinair.wan.autoencoder_layouts import load_autoencoder
from pleinair.wan.layouts import save_transformer
from pleinair.wan.pipeline import WanPipeline
from pleinair.wan.places import OFFLOADS
from pleinair.wan.presets import PRESETS
from pleinair.wan.repository import layout_of, sizes_of
from tests.wan import clips, tiny
from tests.wan.test_wan_text import WANS_OWN


@pytest.mark.parametrize("kind", clips.KINDS)
def test_whole_clips_are_those_of_diffusers(kind: str, tmp_path: Path) -> None:
    theirs, preset, size = clips.parts(kind)
    pictured = kind.startswith("picture")
    expected = clips.expected(theirs, size, preset.guidance, pictured)
    tiny.save(theirs, tmp_path)
    for offload in OFFLOADS:
        ours = WanPipeline.load(tmp_path, preset, speed=clips.EXACT, offload=offload)
        made = clips.draw(ours, size, picture=clips.picture(size) if pictured else None)
        assert tiny.apart(made.video[0], expected) < 1e-4
    assert made.video.shape == (1, 3, 5, size, size)
    assert list(made.timings) == ["text", "encode", "denoise", "decode"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny.save(tiny.wan_pipeline(), tmp_path / "diffusers")


@pytest.fixture
def ours(folder: Path) -> WanPipeline:
    return WanPipeline.load(folder, clips.SMALL, speed=clips.EXACT)


def test_wans_own_layout_draws_the_same(folder: Path, ours: WanPipeline, tmp_path: Path) -> None:
    expected = clips.draw(ours).video
    plain = WanPipeline.load(folder, clips.SMALL, speed=replace(clips.EXACT, fuse=False))
    original = tmp_path / "original"
    save_transformer(plain.model.transformers[0], original)
    weights = plain.model.text.encoder.state_dict()
    own = {name: weights[theirs].clone() for name, theirs in WANS_OWN.items()}
    torch.save(own, original / "models_t5_umt5-xxl-enc-bf16.pth")
    tiny.tokenizer().save_pretrained(original / "google" / "umt5-xxl")
    assert layout_of(original) == "original"
    assert layout_of(folder) == "diffusers"
    # An autoencoder's own file does not say its sizes, and those of a tiny one are not Wan's.
    small = load_autoencoder(folder / "vae")
    torch.save(small.state_dict(), original / "Wan2.1_VAE.pth")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pleinair.wan.autoencoder_layouts.WAN21", small.config)
        again = WanPipeline.load(original, clips.SMALL, speed=clips.EXACT)
    for theirs, same in zip(_networks(again), _networks(ours), strict=True):
        found, known = theirs.state_dict(), same.state_dict()
        assert found.keys() == known.keys()
        assert all(torch.equal(found[name], known[name]) for name in known)
    # Weights stay where they lie in their file, and a processor's kernels may round by how they
    # are aligned: with AVX2 the clips differ by 2e-6, with AVX-512 by nothing.
    assert torch.allclose(clips.draw(again).video, expected, rtol=0, atol=1e-4)
    for pipeline in (ours, again):
        _align(pipeline)
    assert torch.equal(clips.draw(again).video, clips.draw(ours).video)


def _networks(pipeline: WanPipeline) -> list[nn.Module]:
    model = pipeline.model
    return [*model.transformers, model.text.encoder, model.autoencoder]


def _align(pipeline: WanPipeline) -> None:
    """Give every weight memory of its own, which torch aligns for all of them alike."""
    for network in _networks(pipeline):
        for value in network.parameters():
            value.data = value.data.clone()


def test_short_numbers_and_one_way_after_the_other_draw_nearly_the_same(folder: Path) -> None:
    def drawn(**changes: Any) -> Tensor:  # noqa: ANN401
        speed = replace(clips.EXACT, **changes)
        return clips.draw(WanPipeline.load(folder, clips.SMALL, speed=speed)).video

    assert tiny.apart(drawn(guidance="sequential"), drawn()) < 1e-5
    assert tiny.apart(drawn(dtype="bfloat16"), drawn()) < 0.1


def test_the_same_seed_draws_the_same_alone_or_among_others(ours: WanPipeline) -> None:
    both = clips.draw(ours, variations=2).video
    assert torch.equal(both[1:], clips.draw(ours, seed=clips.SEED + 1).video)
    assert not torch.equal(both[0], both[1])


def test_what_is_asked_has_an_effect(ours: WanPipeline) -> None:
    plain = clips.draw(ours).video
    for changes in (
        {"negative_prompt": None},
        {"guidance": 2.0},
        {"steps": 4},
        {"sampler": "euler"},
    ):
        assert not torch.equal(clips.draw(ours, **changes).video, plain)
    unguided = clips.draw(ours, guidance=1.0).video
    assert torch.equal(clips.draw(ours, guidance=1.0, negative_prompt="a lake").video, unguided)


def test_previews_are_decoded_only_when_asked_for(ours: WanPipeline) -> None:
    seen: list[Tensor] = []
    clips.draw(ours, preview=lambda look: seen.append(look()))
    assert [tuple(look.shape) for look in seen] == [(3, 1, 32, 32)] * clips.STEPS
    last = clips.draw(ours).video[0, :, :1]
    assert tiny.apart(seen[-1], last) < tiny.apart(seen[0], last)
    assert tiny.apart(seen[-1], last) < 0.02  # at the last step nothing is left to guess


@pytest.mark.parametrize("offload", OFFLOADS)
def test_cancelled_between_steps_it_can_be_used_again(folder: Path, offload: str) -> None:
    ours = WanPipeline.load(folder, clips.SMALL, speed=clips.EXACT, offload=offload)
    plain, told = clips.draw(ours).video, []

    def progress(done: int, total: int, stage: str) -> None:
        told.append((done, total, stage))
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        clips.draw(ours, progress=progress)
    assert told == [(0, 3, "denoise"), (1, 3, "denoise"), (2, 3, "denoise")]
    assert torch.equal(clips.draw(ours).video, plain)


def test_a_clip_is_decoded_piece_by_piece(ours: WanPipeline) -> None:
    latents = torch.randn(1, 16, 9, 4, 4)
    pieces = [piece.shape[2] for piece in ours.decode(latents)]
    assert len(pieces) > 1
    assert sum(pieces) == 1 + 8 * 4
    whole = ours.model.autoencoder.decode(latents)
    torch.testing.assert_close(torch.cat(list(ours.decode(latents)), 2), whole)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"frames": 6}, "frames"),
        ({"width": 40}, "multiples of 16"),
        ({"picture": torch.zeros(3, 32, 32)}, "none with wan2.1-t2v-1.3b"),
        ({"sampler": "heun"}, "unipc, euler"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    ours: WanPipeline, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        clips.draw(ours, **changes)


def test_a_model_that_needs_a_picture_says_so(tmp_path: Path) -> None:
    theirs, preset, _ = clips.parts("picture, two experts")
    ours = WanPipeline.load(tiny.save(theirs, tmp_path), preset, speed=clips.EXACT)
    with pytest.raises(InputError, match="picture"):
        clips.draw(ours)
    with pytest.raises(InputError, match=r"\(3, 32, 32\)"):
        clips.draw(ours, picture=torch.zeros(3, 16, 16))


def test_a_repository_of_another_model_or_none_is_refused(folder: Path, tmp_path: Path) -> None:
    def fails(place: Path, model: str, said: str) -> None:
        with pytest.raises(ModelError, match=said):
            WanPipeline.load(place, PRESETS[model], speed=clips.EXACT)

    fails(folder, "wan2.1-i2v-14b-480p", "not wan2.1-i2v-14b-480p")
    fails(folder, "wan2.2-t2v-a14b", "transformer_2")
    fails(tmp_path / "nowhere", "wan2.1-t2v-1.3b", "no such model")
    (tmp_path / "empty").mkdir()
    fails(tmp_path / "empty", "wan2.1-t2v-1.3b", "not finished")
    for part in ("vae", "text_encoder", "transformer"):
        file = next((folder / part).glob("*.safetensors"))
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        fails(folder, "wan2.1-t2v-1.3b", part)
        file.write_bytes(whole)


def test_the_size_of_each_part_is_known_before_it_is_read(folder: Path, ours: WanPipeline) -> None:
    parts = [ours.model.text.encoder, *ours.model.transformers, ours.model.autoencoder]
    expected = sorted(sum(v.numel() for v in part.parameters()) * 2 for part in parts)
    assert sorted(sizes_of(folder, torch.bfloat16)) == expected


def test_a_lora_is_put_on_every_expert_and_taken_off(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    theirs, preset, _ = clips.parts("text, two experts")
    ours = WanPipeline.load(tiny.save(theirs, tmp_path / "model"), preset, speed=clips.EXACT)
    plain, path = clips.draw(ours).video, tmp_path / "style.safetensors"
    name = "diffusion_model.blocks.0.self_attn.q"
    half = torch.randn(2, 24)
    save_file({f"{name}.lora_A.weight": half, f"{name}.lora_B.weight": half.mT.contiguous()}, path)
    ours.put_on(path, 0.8)
    assert all(loras.names == ("style",) for loras in ours.loras)
    assert not torch.equal(clips.draw(ours).video, plain)
    ours.take_off(path)
    assert torch.equal(clips.draw(ours).video, plain)
