import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pleinair.errors import ModelError
from pleinair.wan.layouts import LAYOUTS, load_transformer, save_transformer
from pleinair.wan.shards import Shards
from tests.wan import tiny

FILE = "diffusion_pytorch_model.safetensors"


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A transformer as diffusers writes it."""
    tiny.pictured().save_pretrained(tmp_path / "theirs")
    return tmp_path / "theirs"


@pytest.mark.parametrize("shard", [10**9, 9_000])
def test_both_layouts_come_back_bit_for_bit(saved: Path, tmp_path: Path, shard: int) -> None:
    ours = load_transformer(saved)
    save_transformer(ours, tmp_path / "original", "original", shard=shard)
    again = load_transformer(tmp_path / "original")
    assert again.config == ours.config
    save_transformer(again, tmp_path / "diffusers", "diffusers", shard=shard)
    found = [path for path in (tmp_path / "diffusers").iterdir() if path.suffix == ".safetensors"]
    weights = {name: value for path in found for name, value in load_file(path).items()}
    before = load_file(saved / FILE)
    assert (len(found) > 1) == (shard < 10**6)
    assert weights.keys() == before.keys()
    for name, value in before.items():
        assert value.dtype == weights[name].dtype
        assert torch.equal(value, weights[name])


def test_diffusers_reads_what_is_written_here(saved: Path, tmp_path: Path) -> None:
    ours = load_transformer(saved)
    save_transformer(ours, tmp_path / "out", "diffusers", shard=9_000)
    kind = tiny.diffusers.WanTransformer3DModel
    theirs, said = kind.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not any(said[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    latents, context = torch.randn(1, 36, 2, 4, 4), torch.randn(1, 512, 32)
    with torch.no_grad():
        expected = theirs(latents, torch.tensor([500]), context, return_dict=False)[0]
        made = ours(latents, torch.tensor([[0.5]], dtype=torch.float64), context)
    assert tiny.apart(made, expected) < 1e-4


def test_wans_own_names_are_those_of_the_published_files(saved: Path, tmp_path: Path) -> None:
    save_transformer(load_transformer(saved), tmp_path / "original")
    names = load_file(tmp_path / "original" / FILE).keys()
    assert {
        "patch_embedding.weight",
        "text_embedding.2.bias",
        "time_embedding.0.weight",
        "time_projection.1.weight",
        "img_emb.proj.4.weight",
        "blocks.1.self_attn.norm_q.weight",
        "blocks.0.cross_attn.k_img.weight",
        "blocks.0.cross_attn.norm_k_img.weight",
        "blocks.0.norm3.bias",
        "blocks.0.ffn.2.weight",
        "blocks.0.modulation",
        "head.head.weight",
        "head.modulation",
    } <= names


def test_a_layout_that_is_none_is_refused(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"'gguf'.*original, diffusers"):
        save_transformer(load_transformer(saved), tmp_path, "gguf")
    assert LAYOUTS == ("original", "diffusers")


@pytest.fixture
def sharded(saved: Path, tmp_path: Path) -> Path:
    save_transformer(load_transformer(saved), tmp_path / "shards", "diffusers", shard=9_000)
    return tmp_path / "shards"


def _rewrite(path: Path, change: object) -> None:
    weights = load_file(path)
    change(weights)  # type: ignore[operator]
    save_file(weights, path)


def _fails(folder: Path, *said: str) -> None:
    with pytest.raises(ModelError) as error:
        load_transformer(folder)
    for words in said:
        assert words in str(error.value)


def test_a_missing_shard_is_named(sharded: Path) -> None:
    shard = sorted(sharded.glob("*-00002-of-*.safetensors"))[0]
    shard.unlink()
    _fails(sharded, shard.name, "was the download finished?")


def test_a_shard_that_is_cut_short_is_named(sharded: Path) -> None:
    shard = sorted(sharded.glob("*-00002-of-*.safetensors"))[0]
    shard.write_bytes(shard.read_bytes()[:-100])
    _fails(sharded, shard.name, "cut short")


def test_an_index_that_is_no_index_is_named(sharded: Path) -> None:
    index = sharded / f"{FILE}.index.json"
    index.write_text(index.read_text()[:50])
    _fails(sharded, index.name)


def test_an_index_that_lies_is_found_out(sharded: Path) -> None:
    index = sharded / f"{FILE}.index.json"
    where = json.loads(index.read_text())
    file = where["weight_map"]["proj_out.weight"]
    where["weight_map"] = dict.fromkeys(where["weight_map"], file)
    index.write_text(json.dumps(where))
    _fails(sharded, file, "though the index names it")


def test_a_missing_weight_is_named(saved: Path) -> None:
    _rewrite(saved / FILE, lambda weights: weights.pop("blocks.1.attn2.to_q.bias"))
    _fails(saved, "blocks.1.attn2.to_q.bias")


def test_an_unknown_weight_is_named(saved: Path) -> None:
    _rewrite(saved / FILE, lambda weights: weights.update(vace=torch.zeros(1)))
    _fails(saved, FILE, "unknown weight vace")


def test_a_wrong_shape_is_named(saved: Path) -> None:
    _rewrite(saved / FILE, lambda weights: weights.update({"proj_out.bias": torch.zeros(3)}))
    _fails(saved, FILE, "proj_out.bias", "[3]", "[64]")


def test_folders_and_sizes_that_are_not_there_are_named(saved: Path, tmp_path: Path) -> None:
    _fails(tmp_path / "nowhere", "nowhere/config.json")
    (saved / FILE).unlink()
    _fails(saved, FILE, "was the download finished?")
    config = saved / "config.json"
    head = json.loads(config.read_text())
    del head["ffn_dim"]
    config.write_text(json.dumps(head))
    _fails(saved, "config.json", "ffn_dim")
    config.write_text("{")
    _fails(saved, "config.json", "cut short")


def test_only_one_weight_is_read_at_a_time(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A weight is in its place before the next is read: never are there two copies of all."""
    placed: list[str] = []
    read = Shards.read

    def watched(shards: Shards, name: str) -> torch.Tensor:
        placed.append(name)
        return read(shards, name)

    def place(network: torch.nn.Module, name: str, value: torch.Tensor) -> None:
        assert len(placed) == 1
        placed.clear()
        original(network, name, value)

    from pleinair.wan import layouts

    original = layouts.place
    monkeypatch.setattr(Shards, "read", watched)
    monkeypatch.setattr(layouts, "place", place)
    network = load_transformer(saved)
    assert not any(value.is_meta for value in network.parameters())
