"""The few-step transformer in a small file: what it has more than the one it was distilled from."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pleinair.diffusion.model.checkpoint import first_line, read_file, write_file
from pleinair.dit.transformer import Transformer
from pleinair.errors import ModelError

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
    contiguous = {name: value.cpu().contiguous() for name, value in tensors.items()}
    write_file(path, contiguous, "pleinair-few", {"format": FORMAT, "about": dict(about)})


def load_few(path: Path, base: Transformer) -> tuple[Transformer, dict[str, Any]]:
    """The few-step transformer, and what its file says of it.

    Args:
        path: a file that `save_few` wrote.
        base: the transformer that it was distilled from, in float32.

    Raises:
        ModelError: the file is missing, corrupt, of another format, or of another base.
    """
    head, tensors = read_file(path, "pleinair-few", "a few-step model of Pleinair", FORMAT)
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
        line = first_line(error)
        raise ModelError(f"{path}: does not fit the weights it goes with ({line})") from error
    return few.eval(), dict(head["about"])
