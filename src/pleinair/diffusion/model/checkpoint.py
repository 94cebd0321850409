"""A whole model in one file: the weights of its three networks, its words and where it is from."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from pleinair.diffusion.model.autoencoder import Autoencoder, AutoencoderConfig
from pleinair.diffusion.model.text import TextConfig, TextEncoder
from pleinair.diffusion.model.vocabulary import Vocabulary
from pleinair.dit.transformer import Transformer, TransformerConfig
from pleinair.errors import ModelError

FORMAT = 1


@dataclass(frozen=True)
class Model:
    """Everything that turns words into video.

    Attributes:
        about: where it is from: recipe, steps, minutes, seed, commit, date; and ``shift``, the
            schedule that it was trained for (see `pleinair.dit.sampler.schedule`).
    """

    autoencoder: Autoencoder
    text: TextEncoder
    transformer: Transformer
    vocabulary: Vocabulary
    about: Mapping[str, Any]


def save_model(
    path: Path,
    autoencoder: Autoencoder,
    text: TextEncoder,
    transformer: Transformer,
    vocabulary: Vocabulary,
    about: Mapping[str, Any],
) -> None:
    """Write a model to a file that appears whole or not at all; equal models give equal bytes.

    Matrices are kept in float16, eight times as exact as bfloat16 at these sizes; vectors, which
    weigh nothing, in float32.

    Raises:
        ModelError: a weight is not a number, or too large for float16.
    """
    parts: dict[str, nn.Module] = {
        "autoencoder": autoencoder,
        "text": text,
        "transformer": transformer,
    }
    tensors = {
        f"{part}.{name}": (value.half() if value.ndim > 1 else value).cpu().contiguous()
        for part, network in parts.items()
        for name, value in network.state_dict().items()
    }
    for name, value in tensors.items():
        if not value.isfinite().all():
            raise ModelError(f"{path}: not written: {name} has a value that float16 cannot hold")
    head = {
        "format": FORMAT,
        "configs": {
            "autoencoder": asdict(autoencoder.config),
            "text": asdict(text.config),
            "transformer": asdict(transformer.config),
        },
        "vocabulary": vocabulary.to_list(),
        "about": dict(about),
    }
    write_file(path, tensors, "pleinair", head)


def load_model(
    path: Path, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> Model:
    """Read a model.

    Args:
        path: a file that `save_model` wrote.
        device: where it goes.
        dtype: of its weights.

    Raises:
        ModelError: the file is missing, corrupt, of another format, or does not fit this code.
    """
    head, tensors = read_file(path, "pleinair", "a model of Pleinair", FORMAT)
    try:
        model = _empty(head)
        for part in ("autoencoder", "text", "transformer"):
            weights = {
                name.removeprefix(f"{part}."): value
                for name, value in tensors.items()
                if name.startswith(f"{part}.")
            }
            _fill(getattr(model, part), weights)
            getattr(model, part).to(device, dtype).eval()
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, ModelError) as error:
        raise ModelError(f"{path}: does not fit this version ({first_line(error)})") from error
    return model


def write_file(
    path: Path, tensors: Mapping[str, Tensor], key: str, head: Mapping[str, Any]
) -> None:
    """Write tensors and what is said of them; the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".tmp")
    save_file(dict(tensors), unfinished, {key: json.dumps(head, sort_keys=True)})
    unfinished.replace(path)


def read_file(
    path: Path, key: str, kind: str, format: int
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What `write_file` wrote: the head and the tensors.

    Args:
        path: the file.
        key: under which the head is kept.
        kind: what it should be, for the error.
        format: that this version reads.

    Raises:
        ModelError: the file is missing, corrupt, of another kind or format.
    """
    if not path.is_file():
        raise ModelError(f"{path}: there are no weights here")
    try:
        with safe_open(path, "pt") as file:
            head = json.loads((file.metadata() or {})[key])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except KeyError as error:
        raise ModelError(f"{path}: not {kind}") from error
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelError(f"{path}: corrupt or cut short ({first_line(error)})") from error
    if not isinstance(head, dict) or head.get("format") != format:
        found = head.get("format") if isinstance(head, dict) else None
        raise ModelError(f"{path}: format {found!r}; this version reads format {format}")
    return head, tensors


def _empty(head: dict[str, Any]) -> Model:
    """The networks with random weights; the caller's random numbers go on as if nothing was."""
    configs = head["configs"]
    transformer = {**configs["transformer"], "patch": tuple(configs["transformer"]["patch"])}
    vocabulary = Vocabulary.from_list(head["vocabulary"])
    with torch.random.fork_rng(devices=[]):
        model = Model(
            Autoencoder(AutoencoderConfig(**configs["autoencoder"])),
            TextEncoder(TextConfig(**configs["text"])),
            Transformer(TransformerConfig(**transformer)),
            vocabulary,
            {**head["about"], "shift": float(head["about"]["shift"])},
        )
    if len(vocabulary) != model.text.config.vocabulary:
        raise ModelError(f"{model.text.config.vocabulary} vectors for {len(vocabulary)} words")
    return model


def _fill(network: nn.Module, weights: dict[str, Tensor]) -> None:
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in weights.items()}
    for name in expected | found:
        if expected.get(name) != found.get(name):
            raise ModelError(f"{name} is {found.get(name)}, expected {expected.get(name)}")
    network.load_state_dict(weights)


def first_line(error: Exception) -> str:
    """What an error says first, or its class."""
    return (str(error) or type(error).__name__).splitlines()[0]
