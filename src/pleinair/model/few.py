"""The few-step transformer in a small file: what it has more than the one it was distilled from."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from pleinair.errors import ModelError
from pleinair.model.transformer import Transformer

FORMAT = 1


def few_of(path: Path) -> Path:
    """Where the few-step weights of a model lie: beside its file."""
    return path.with_name(f"{path.stem}-few.safetensors")


def save_few(path: Path, base: Transformer, few: Transformer, about: Mapping[str, Any]) -> None:
    """Write the difference between two transformers; the file appears whole or not at all.

    Differences of matrices are small, so that a byte for each number, with one scale for each row,
    keeps them to within 0.4 % of the largest in their row. Vectors and what the base does not have
    are kept in float16.
    """
    known = base.state_dict()
    tensors: dict[str, Tensor] = {}
    for name, value in few.state_dict().items():
        if name not in known:
            tensors[f"new.{name}"] = value.half()
            continue
        change = (value - known[name]).float()
        if value.ndim < 2:
            tensors[f"change.{name}"] = change.half()
            continue
        rows = change.flatten(1)
        scale = rows.abs().amax(1, keepdim=True).clamp(min=1e-12) / 127
        tensors[f"bytes.{name}"] = (rows / scale).round().to(torch.int8).view(value.shape)
        tensors[f"scale.{name}"] = scale.squeeze(1)
    head = {"format": FORMAT, "about": dict(about)}
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".tmp")
    contiguous = {name: value.cpu().contiguous() for name, value in tensors.items()}
    save_file(contiguous, unfinished, {"pleinair-few": json.dumps(head, sort_keys=True)})
    unfinished.replace(path)


def load_few(path: Path, base: Transformer) -> tuple[Transformer, dict[str, Any]]:
    """The few-step transformer, and what its file says of it.

    Args:
        path: a file that `save_few` wrote.
        base: the transformer that it was distilled from, in float32.

    Raises:
        ModelError: the file is missing, corrupt, of another format, or of another base.
    """
    if not path.is_file():
        raise ModelError(f"{path}: there are no weights here")
    try:
        with safe_open(path, "pt") as file:
            head = json.loads((file.metadata() or {})["pleinair-few"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except KeyError as error:
        raise ModelError(f"{path}: not a few-step model of Pleinair") from error
    except (OSError, SafetensorError, ValueError) as error:
        line = str(error).splitlines()[0]
        raise ModelError(f"{path}: corrupt or cut short ({line})") from error
    if head.get("format") != FORMAT:
        raise ModelError(f"{path}: format {head.get('format')!r}; this version reads {FORMAT}")
    device = next(base.parameters()).device
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers go on as if nothing was
        few = Transformer(replace(base.config, flow_map=True))
    weights = dict(base.state_dict())
    try:
        for name, value in tensors.items():
            kind, _, key = name.partition(".")
            value = value.to(device)
            if kind == "new":
                weights[key] = value.float()
            elif kind == "change":
                weights[key] = weights[key] + value.float()
            elif kind == "bytes":
                scale = tensors[f"scale.{key}"].to(device).view(-1, *[1] * (value.ndim - 1))
                weights[key] = weights[key] + value.float() * scale
        few.load_state_dict(weights, assign=True)
    except (KeyError, RuntimeError) as error:
        line = str(error).splitlines()[0]
        raise ModelError(f"{path}: does not fit the weights it goes with ({line})") from error
    return few.eval(), dict(head["about"])
