from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from pleinair.dit.packed import packs
from pleinair.dit.speed import Speed, hasten
from pleinair.dit.transformer import Transformer
from pleinair.errors import ModelError
from pleinair.wan.layouts import load_transformer
from pleinair.wan.lora import Loras, read_lora
from tests.wan import tiny

LAYERS = {
    "blocks.0.self_attn.q": "blocks.0.attn1.to_q",
    "blocks.1.cross_attn.v": "blocks.1.attn2.to_v",
    "blocks.1.ffn.0": "blocks.1.ffn.net.0.proj",
    "blocks.0.ffn.2": "blocks.0.ffn.net.2",
    "blocks.0.self_attn.o": "blocks.0.attn1.to_out.0",
}
RANK, ALPHA = 3, 6.0


@pytest.fixture
def theirs() -> Any:  # noqa: ANN401
    return tiny.transformer()


@pytest.fixture
def ours(theirs: Any, tmp_path: Path) -> Transformer:  # noqa: ANN401
    theirs.save_pretrained(tmp_path / "model")
    return load_transformer(tmp_path / "model")


@pytest.fixture
def halves(ours: Transformer) -> dict[str, tuple[Tensor, Tensor]]:
    """Both halves of a branch for each layer: (rank, in) and (out, rank)."""
    made = {}
    for name in LAYERS:
        out, into = ours.get_parameter(f"{name}.weight").shape
        made[name] = torch.randn(RANK, into) / 5, torch.randn(out, RANK) / 5
    return made


def _write(path: Path, halves: dict[str, tuple[Tensor, Tensor]], kind: str) -> Path:
    """The LoRA as one of the ways of writing has it, each worth ALPHA / RANK = 2 times B · A."""
    weights: dict[str, Tensor] = {}
    for name, (down, up) in halves.items():
        if kind == "diffusers":
            weights[f"transformer.{LAYERS[name]}.lora_A.weight"] = down
            weights[f"transformer.{LAYERS[name]}.lora_B.weight"] = 2 * up
        elif kind == "wan":
            weights[f"diffusion_model.{name}.lora_A.weight"] = down
            weights[f"diffusion_model.{name}.lora_B.weight"] = 2 * up
        elif kind == "wan-alpha":
            weights[f"diffusion_model.{name}.lora_down.weight"] = down
            weights[f"diffusion_model.{name}.lora_up.weight"] = up
            weights[f"diffusion_model.{name}.alpha"] = torch.tensor(ALPHA)
        else:
            kohya = f"lora_unet_{name.replace('.', '_')}"
            weights[f"{kohya}.lora_down.weight"] = down
            weights[f"{kohya}.lora_up.weight"] = up
            weights[f"{kohya}.alpha"] = torch.tensor(ALPHA)
    save_file(weights, path)
    return path


@torch.no_grad()
def _draw(network: Transformer) -> Tensor:
    torch.manual_seed(5)
    latents, context = torch.randn(1, 16, 2, 4, 4), torch.randn(1, 512, 32)
    made: Tensor = network(latents, torch.tensor([[0.5]], dtype=torch.float64), context)
    return made


KINDS = ("diffusers", "wan", "wan-alpha", "kohya")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fuse", [False, True])
def test_every_way_of_writing_does_what_adding_to_the_weights_does(
    ours: Transformer,
    halves: dict[str, tuple[Tensor, Tensor]],
    tmp_path: Path,
    kind: str,
    fuse: bool,
) -> None:
    path = _write(tmp_path / "style.safetensors", halves, kind)
    plain = _draw(ours)
    for name, (down, up) in halves.items():
        ours.get_parameter(f"{name}.weight").add_(0.7 * 2 * up @ down)
    expected = _draw(ours)
    for name, (down, up) in halves.items():
        ours.get_parameter(f"{name}.weight").sub_(0.7 * 2 * up @ down)
    hasten(ours, Speed(fuse=fuse, dtype="float32"))
    loras = Loras(ours)
    loras.put_on("style", read_lora(path, ours), 0.7)
    assert tiny.apart(_draw(ours), expected) < 1e-4
    assert tiny.apart(plain, expected) > 1e-2


def test_diffusers_agrees(
    theirs: Any,  # noqa: ANN401
    ours: Transformer,
    halves: dict[str, tuple[Tensor, Tensor]],
    tmp_path: Path,
) -> None:
    path = _write(tmp_path / "style.safetensors", halves, "diffusers")
    theirs.load_lora_adapter(path, prefix="transformer")
    Loras(ours).put_on("style", read_lora(path, ours))
    torch.manual_seed(5)
    latents, context = torch.randn(1, 16, 2, 4, 4), torch.randn(1, 512, 32)
    with torch.no_grad():
        expected = theirs(latents, torch.tensor([500]), context, return_dict=False)[0]
    assert tiny.apart(_draw(ours), expected) < 1e-4


def test_taken_off_or_swapped_the_model_is_as_it_was_bit_for_bit(
    ours: Transformer, halves: dict[str, tuple[Tensor, Tensor]], tmp_path: Path
) -> None:
    lora = read_lora(_write(tmp_path / "style.safetensors", halves, "wan"), ours)
    before, plain = {k: v.clone() for k, v in ours.state_dict().items()}, _draw(ours)
    loras = Loras(ours)
    loras.put_on("style", lora)
    with_one = _draw(ours)
    loras.put_on("other", lora, 0.5)
    assert loras.names == ("style", "other")
    assert not torch.equal(_draw(ours), with_one)
    loras.take_off("other")
    assert torch.equal(_draw(ours), with_one)
    loras.put_on("style", lora, 0.3)  # in its own place, not on top
    loras.put_on("style", lora)
    assert torch.equal(_draw(ours), with_one)
    loras.take_off("style")
    loras.take_off("never put on")
    assert torch.equal(_draw(ours), plain)
    assert all(torch.equal(value, before[name]) for name, value in ours.state_dict().items())


def test_what_does_not_fit_is_named(ours: Transformer, tmp_path: Path) -> None:
    path = tmp_path / "style.safetensors"

    def fails(weights: dict[str, Tensor], *said: str) -> None:
        save_file(weights, path)
        with pytest.raises(ModelError) as error:
            read_lora(path, ours)
        for words in (path.name, *said):
            assert words in str(error.value)

    q, half = "diffusion_model.blocks.0.self_attn.q", torch.zeros(RANK, 24)
    fails({"diffusion_model.blocks.9.self_attn.q.lora_A.weight": half}, "blocks.9.self_attn.q")
    fails({f"{q}.hada_w1_a": half}, "hada_w1_a")
    fails({f"{q}.lora_A.weight": half}, "but one half")
    wrong = {f"{q}.lora_A.weight": half, f"{q}.lora_B.weight": torch.zeros(25, RANK)}
    fails(wrong, "blocks.0.self_attn.q", "[25, 3]", "[24, r]")
    fails({}, "nothing")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelError, match="cut short"):
        read_lora(path, ours)
    with pytest.raises(ModelError, match="no LoRA here"):
        read_lora(tmp_path / "nowhere.safetensors", ours)


def test_layers_that_cannot_take_one_say_so(
    ours: Transformer,
    halves: dict[str, tuple[Tensor, Tensor]],
    tmp_path: Path,
) -> None:
    lora = read_lora(_write(tmp_path / "style.safetensors", halves, "wan"), ours)
    hasten(ours, Speed(dtype="bfloat16"))
    if packs(torch.device("cpu"), torch.bfloat16):
        with pytest.raises(ModelError, match="dtype=float32"):
            Loras(ours).put_on("style", lora)
    else:  # a processor without the arithmetic keeps plain layers, and those take one
        Loras(ours).put_on("style", lora)
    ours.blocks[0].compile(backend="eager")
    with pytest.raises(ModelError, match="compile=off"):
        Loras(ours).put_on("style", lora)
