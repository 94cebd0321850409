import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from pleinair.errors import ModelError
from pleinair.wan.text import LENGTH, ORIGINAL, clean, load_clip, load_text
from tests.wan import tiny

PROMPTS = ["a red boat  &amp;amp;\n at night", "ugly"]

# Names of a UMT5 in Wan's own file, and what each is called in transformers.
WANS_OWN = {
    "token_embedding.weight": "shared.weight",
    "norm.weight": "encoder.final_layer_norm.weight",
    **{
        f"blocks.{i}.{ours}.weight": f"encoder.block.{i}.layer.{theirs}.weight"
        for i in range(2)
        for ours, theirs in {
            "norm1": "0.layer_norm",
            "norm2": "1.layer_norm",
            "attn.q": "0.SelfAttention.q",
            "attn.k": "0.SelfAttention.k",
            "attn.v": "0.SelfAttention.v",
            "attn.o": "0.SelfAttention.o",
            "pos_embedding.embedding": "0.SelfAttention.relative_attention_bias",
            "ffn.gate.0": "1.DenseReluDense.wi_0",
            "ffn.fc1": "1.DenseReluDense.wi_1",
            "ffn.fc2": "1.DenseReluDense.wo",
        }.items()
    },
}


@pytest.fixture
def encoder() -> Any:  # noqa: ANN401
    return tiny.text_encoder()


@pytest.fixture
def folder(encoder: Any, tmp_path: Path) -> Path:  # noqa: ANN401
    encoder.save_pretrained(tmp_path / "text_encoder")
    tiny.tokenizer().save_pretrained(tmp_path / "tokenizer")
    return tmp_path


@pytest.fixture
def original(encoder: Any, tmp_path: Path) -> Path:  # noqa: ANN401
    weights = encoder.state_dict()
    own = {name: weights[theirs].clone() for name, theirs in WANS_OWN.items()}
    (tmp_path / "wan").mkdir()
    torch.save(own, tmp_path / "wan" / ORIGINAL)
    tiny.tokenizer().save_pretrained(tmp_path / "wan" / "google" / "umt5-xxl")
    return tmp_path / "wan"


@torch.no_grad()
def test_prompts_read_as_by_diffusers(encoder: Any, folder: Path) -> None:  # noqa: ANN401
    pipeline = tiny.wan_pipeline(text_encoder=encoder)
    expected = [pipeline.encode_prompt(text, None, False, max_sequence_length=512)[0][0]
                for text in PROMPTS]  # fmt: skip
    read = load_text(folder)(PROMPTS)
    assert read.shape == (2, LENGTH, 32)
    assert tiny.apart(read, torch.stack(expected)) < 1e-5
    assert read[0, 0].any()
    assert not read[1, 2:].any()  # "ugly" and an end


def test_wans_own_file_says_the_same(folder: Path, original: Path) -> None:
    assert torch.equal(load_text(original)(PROMPTS), load_text(folder)(PROMPTS))


def test_a_prompt_is_mended_and_cut_at_512_tokens(folder: Path) -> None:
    assert clean(" a  &amp;lt; b\n\tschÃ¶n ") == "a < b schön"
    text = load_text(folder)
    assert text.cut("lake " * 511) == 0
    assert text.cut("lake " * 520) == 9
    assert text(["lake " * 520]).shape == (1, LENGTH, 32)


def test_a_picture_is_seen_as_by_diffusers(tmp_path: Path) -> None:
    encoder, processor = tiny.image_encoder()
    encoder.save_pretrained(tmp_path / "image_encoder")
    processor.save_pretrained(tmp_path / "image_processor")
    levels = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    pixels = processor(images=Image.fromarray(levels), return_tensors="pt")
    with torch.no_grad():
        expected = encoder(**pixels, output_hidden_states=True).hidden_states[-2]
    picture = torch.from_numpy(levels).permute(2, 0, 1) / 127.5 - 1
    seen = load_clip(tmp_path)(picture)
    assert seen.shape == (1, 5, 32)
    assert tiny.apart(seen, expected) < 1e-5


def _fails(work: Callable[[], object], *said: str) -> None:
    with pytest.raises(ModelError) as error:
        work()
    for words in said:
        assert words in str(error.value)


def test_files_that_are_missing_or_broken_are_named(folder: Path, tmp_path: Path) -> None:
    _fails(lambda: load_clip(folder), "image_encoder", "-Diffusers")
    weights = folder / "text_encoder" / "model.safetensors"
    whole = load_file(weights)
    save_file({k: v for k, v in whole.items() if "final_layer_norm" not in k}, weights)
    _fails(lambda: load_text(folder), "text_encoder", "encoder.final_layer_norm.weight")
    save_file(whole, weights)
    weights.write_bytes(weights.read_bytes()[:-10])
    _fails(lambda: load_text(folder), "text_encoder", "cut short")
    weights.unlink()
    _fails(lambda: load_text(folder), "text_encoder")
    _fails(lambda: load_text(tmp_path / "nowhere"), "nowhere/text_encoder is missing")


def test_wans_own_file_broken_in_any_way_is_named(original: Path) -> None:
    path = original / ORIGINAL
    weights = torch.load(path, weights_only=True)
    torch.save(weights | {"more.weight": torch.zeros(1)}, path)
    _fails(lambda: load_text(original), ORIGINAL, "more.weight")
    torch.save({k: v for k, v in weights.items() if k != "norm.weight"}, path)
    _fails(lambda: load_text(original), ORIGINAL, "encoder.final_layer_norm.weight")
    torch.save({"x": torch.zeros(1)}, path)
    _fails(lambda: load_text(original), ORIGINAL, "another model")
    path.write_bytes(path.read_bytes()[:-300])
    _fails(lambda: load_text(original), ORIGINAL, "cut short")


@pytest.mark.parametrize("package", ["transformers", "ftfy"])
def test_without_the_packages_it_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    text = load_text(folder)
    monkeypatch.setitem(sys.modules, package, None)  # what Python does of one that is missing
    _fails(lambda: (load_text(folder), text(PROMPTS)), package, "pip install 'pleinair[wan]'")
