import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from pleinair.diffusion.model.checkpoint import FORMAT, Model, load_model, save_model
from pleinair.errors import ModelError

PARTS = ("autoencoder", "text", "transformer")


def _save(model: Model, path: Path) -> Path:
    save_model(
        path, model.autoencoder, model.text, model.transformer, model.vocabulary, model.about
    )
    return path


@pytest.fixture
def path(model: Model, tmp_path: Path) -> Path:
    return _save(model, tmp_path / "new" / "model.safetensors")


def _head(path: Path) -> dict[str, Any]:
    with safe_open(path, "pt") as file:
        head: dict[str, Any] = json.loads(file.metadata()["pleinair"])
    return head


def _with_head(path: Path, **changes: object) -> None:
    head = json.dumps(_head(path) | changes)
    save_file(load_file(path), path, {"pleinair": head})


def test_a_model_comes_back(model: Model, path: Path) -> None:
    again = load_model(path)
    for part in PARTS:
        before, after = getattr(model, part).state_dict(), getattr(again, part).state_dict()
        assert list(before) == list(after)
        for name, value in before.items():
            kept = value.half().float() if value.ndim > 1 else value
            assert torch.equal(after[name], kept), name
        assert getattr(again, part).config == getattr(model, part).config
        assert not getattr(again, part).training
    assert again.vocabulary.to_list() == model.vocabulary.to_list()
    assert again.about == model.about
    assert not list(path.parent.glob("*.tmp"))


def test_equal_models_are_equal_files(model: Model, path: Path, tmp_path: Path) -> None:
    assert _save(load_model(path), tmp_path / "again").read_bytes() == path.read_bytes()


def test_matrices_take_two_bytes(path: Path) -> None:
    for name, value in load_file(path).items():
        assert value.dtype == (torch.float16 if value.ndim > 1 else torch.float32), name


def test_convolutions_keep_their_memory_order(path: Path) -> None:
    weight = load_model(path).autoencoder.decoder.between.first.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)


def test_loading_draws_no_random_numbers(path: Path) -> None:
    before = torch.get_rng_state()
    load_model(path)
    assert torch.equal(torch.get_rng_state(), before)


def _refused(path: Path, said: str) -> None:
    with pytest.raises(ModelError, match=re.escape(str(path)) + ".*" + said) as caught:
        load_model(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    _refused(tmp_path / "none.safetensors", "no weights here")
    _refused(tmp_path, "no weights here")


@pytest.mark.parametrize("share", [0, 0.0005, 0.5, 0.999])
def test_a_file_cut_short_is_told(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    _refused(path, "corrupt or cut short")


@pytest.mark.parametrize("content", [b"\x07" * 5000, b"<html>not found</html>" * 50])
def test_another_kind_of_file_is_told(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    _refused(path, "corrupt")


def test_weights_of_somebody_else_are_told(path: Path) -> None:
    save_file(load_file(path), path)
    _refused(path, "not a model of Pleinair")


def test_another_format_is_told(path: Path) -> None:
    _with_head(path, format=FORMAT + 1)
    _refused(path, f"format {FORMAT + 1}; this version reads format {FORMAT}")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"vocabulary": ["a"]}, "words"),
        ({"vocabulary": None}, "not a list"),
        ({"about": {}}, "shift"),
        ({"configs": {}}, "autoencoder|transformer"),
        ({"configs": 3}, ""),
    ],
)
def test_a_head_that_does_not_fit_is_told(
    path: Path, changes: dict[str, object], said: str
) -> None:
    _with_head(path, **changes)
    _refused(path, f"does not fit.*({said})")


def test_weights_of_another_shape_are_named(path: Path) -> None:
    configs = _head(path)["configs"]
    _with_head(path, configs=configs | {"transformer": configs["transformer"] | {"hidden": 96}})
    _refused(path, r"blocks.0.ffn.0.weight is \(64, 32\), expected \(96, 32\)")


def test_a_missing_weight_is_named(path: Path) -> None:
    tensors = load_file(path)
    del tensors["text.words.weight"]
    save_file(tensors, path, {"pleinair": json.dumps(_head(path))})
    _refused(path, "words.weight is None")


@pytest.mark.parametrize("value", [1e6, float("nan")])
def test_weights_that_cannot_be_kept_are_refused(model: Model, path: Path, value: float) -> None:
    before = path.read_bytes()
    with torch.no_grad():
        model.transformer.head.head.weight[0, 0] = value
    with pytest.raises(ModelError, match=r"head\.head\.weight"):
        _save(model, path)
    assert path.read_bytes() == before
