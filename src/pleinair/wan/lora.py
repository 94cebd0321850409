"""LoRA: small low-rank branches beside the layers of a transformer, put on and taken off.

Hu et al., arXiv 2106.09685. The weights are never touched, so that taking a LoRA off gives back
the model as it was, bit for bit, and needs no reading. Three ways of writing one are read: that of
diffusers and PEFT (``lora_A``, ``lora_B``), that of kohya (``lora_down``, ``lora_up``, ``alpha``)
and either of them over Wan's own names of the layers, behind ``diffusion_model.``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from pleinair.dit.packed import Packed
from pleinair.dit.transformer import Transformer
from pleinair.errors import ModelError
from pleinair.wan.layouts import diffusers_name

_PREFIXES = ("base_model.model.", "diffusion_model.", "transformer.", "lora_unet_")
_PART = re.compile(
    r"(?P<layer>.+)\.(?:(?P<down>lora_A|lora_down)|(?P<up>lora_B|lora_up))(?:\.default)?\.weight"
)
_JOINED = ("qkv", "kv")  # what `pleinair.dit.speed.fuse` makes of the layers q, k and v


@dataclass(frozen=True)
class Branch:
    """What a LoRA adds to one layer: ``up · down · x``.

    Attributes:
        down: (rank, in).
        up: (out, rank), with alpha over rank already in it.
    """

    down: Tensor
    up: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """(…, in) to (…, out), in the format of the branch."""
        down, up = (part.to(x.device) for part in (self.down, self.up))
        return x.to(down.dtype) @ down.mT @ up.mT


Lora = Mapping[str, Branch]
"""The branches of a LoRA by the names of the layers, ours."""


def read_lora(path: Path, transformer: Transformer) -> dict[str, Branch]:
    """Read a LoRA for a transformer.

    Raises:
        ModelError: the file is missing or corrupt, or has a name or a shape that does not fit; it
            names them.
    """
    try:
        with safe_open(path, "pt") as file:
            found: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError as error:
        raise ModelError(f"{path}: there is no LoRA here") from error
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: corrupt or cut short ({error})") from error
    layers = _layers(transformer)
    known = {alias: name for name in layers for alias in _aliases(name)}
    parts: dict[str, dict[str, Tensor]] = {}
    for key, value in found.items():
        layer, part = _read_key(key)
        if layer not in known or not part:
            raise ModelError(f"{path}: {key} belongs to no layer of this model")
        parts.setdefault(known[layer], {})[part] = value
    if not parts:
        raise ModelError(f"{path}: no LoRA: it holds nothing")
    return {name: _branch(path, name, part, layers[name]) for name, part in parts.items()}


class Loras:
    """The LoRAs that are on a transformer.

    Layers that were fused are known by their old names. Layers that were packed for a processor,
    and blocks that were compiled, cannot take one.
    """

    def __init__(self, transformer: Transformer) -> None:
        self.transformer = transformer
        self._hooks: dict[str, list[Any]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of those that are on."""
        return tuple(self._hooks)

    def put_on(self, name: str, lora: Lora, scale: float = 1.0) -> None:
        """Add a LoRA, in the place of one of the same name if there is one.

        Raises:
            ModelError: the layers cannot take it.
        """
        for block in self.transformer.blocks:
            if block._compiled_call_impl is not None:
                raise ModelError("compiled blocks take no LoRA: draw with compile=off")
        places = [(*self._place(layer), branch) for layer, branch in lora.items()]
        self.take_off(name)
        self._hooks[name] = [
            module.register_forward_hook(_adding(branch, scale, columns))
            for module, columns, branch in places
        ]

    def take_off(self, name: str) -> None:
        """Take a LoRA off; nothing happens if it is not on."""
        for hook in self._hooks.pop(name, []):
            hook.remove()

    def _place(self, layer: str) -> tuple[nn.Module, slice]:
        """The module that computes a layer, and where in its output."""
        owner, _, leaf = layer.rpartition(".")
        module = self.transformer.get_submodule(owner)
        if isinstance(getattr(module, leaf, None), Packed) or _is_packed(module):
            raise ModelError(f"{layer} is packed and takes no LoRA: draw with dtype=float32")
        if hasattr(module, leaf):
            return cast("nn.Module", getattr(module, leaf)), slice(None)
        joined = next(names for names in _JOINED if leaf in names and hasattr(module, names))
        width = self.transformer.config.dim
        at = joined.index(leaf) * width
        return cast("nn.Module", getattr(module, joined)), slice(at, at + width)


def _adding(branch: Branch, scale: float, columns: slice) -> Any:  # noqa: ANN401
    def add(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        made = output.clone()
        made[..., columns] += (scale * branch(inputs[0])).to(output.dtype)
        return made

    return add


def _is_packed(module: nn.Module) -> bool:
    return any(isinstance(part, Packed) for part in module.children())


def _layers(transformer: Transformer) -> dict[str, tuple[int, int]]:
    """Names of the linear layers, as they were before any was fused, with their (out, in)."""
    with torch.device("meta"):
        plain = Transformer(transformer.config)
    return {
        name: (part.out_features, part.in_features)
        for name, part in plain.named_modules()
        if isinstance(part, nn.Linear)
    }


def _aliases(layer: str) -> set[str]:
    """What a file may call a layer: our name, diffusers', and each in kohya's writing."""
    theirs = diffusers_name(f"{layer}.").removesuffix(".")
    return {layer, theirs, layer.replace(".", "_"), theirs.replace(".", "_")}


def _read_key(key: str) -> tuple[str, str]:
    """The layer of an entry, and its part: down, up, alpha, or nothing that is known."""
    for prefix in _PREFIXES:
        key = key.removeprefix(prefix)
    if key.endswith(".alpha"):
        return key.removesuffix(".alpha"), "alpha"
    match = _PART.fullmatch(key)
    if match is None:
        return key, ""
    return match["layer"], "down" if match["down"] else "up"


def _branch(path: Path, layer: str, parts: dict[str, Tensor], shape: tuple[int, int]) -> Branch:
    down, up = parts.get("down"), parts.get("up")
    if down is None or up is None:
        raise ModelError(f"{path}: {layer} has but one half of its branch")
    rank, (out, into) = down.shape[0], shape
    if tuple(down.shape) != (rank, into) or tuple(up.shape) != (out, rank):
        found = f"{list(up.shape)} · {list(down.shape)}"
        raise ModelError(f"{path}: {layer} is {found}, where [{out}, r] · [r, {into}] belongs")
    alpha = parts.get("alpha")
    return Branch(down, up if alpha is None else up * (float(alpha) / rank))
