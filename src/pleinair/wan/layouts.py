"""Wan's transformers on disk, in Wan's own layout and in that of diffusers, to ours and back.

Our names of the weights are Wan's own. A repository keeps a transformer in one safetensors file or
in several with an index beside them, and its sizes in ``config.json``.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from pleinair.dit.transformer import Transformer, TransformerConfig
from pleinair.errors import ModelError
from pleinair.wan.shards import Shards

FILE = "diffusion_pytorch_model"  # its stem, in both layouts
LAYOUTS = ("original", "diffusers")
SHARD = 5 * 10**9  # bytes, at most, in one file that is written

_IMAGE = "img_emb.proj.1.weight"

# Ours and those of diffusers, where they differ; what comes first is tried first.
_NAMES = (
    (r"^text_embedding\.0\.", "condition_embedder.text_embedder.linear_1."),
    (r"^text_embedding\.2\.", "condition_embedder.text_embedder.linear_2."),
    (r"^time_embedding\.0\.", "condition_embedder.time_embedder.linear_1."),
    (r"^time_embedding\.2\.", "condition_embedder.time_embedder.linear_2."),
    (r"^time_projection\.1\.", "condition_embedder.time_proj."),
    (r"^img_emb\.proj\.0\.", "condition_embedder.image_embedder.norm1."),
    (r"^img_emb\.proj\.1\.", "condition_embedder.image_embedder.ff.net.0.proj."),
    (r"^img_emb\.proj\.3\.", "condition_embedder.image_embedder.ff.net.2."),
    (r"^img_emb\.proj\.4\.", "condition_embedder.image_embedder.norm2."),
    (r"^head\.head\.", "proj_out."),
    (r"^head\.modulation$", "scale_shift_table"),
    (r"\.modulation$", ".scale_shift_table"),
    (r"\.self_attn\.", ".attn1."),
    (r"\.cross_attn\.", ".attn2."),
    (r"\.([qkv])\.", r".to_\1."),
    (r"\.o\.", ".to_out.0."),
    (r"\.norm_k_img\.", ".norm_added_k."),
    (r"\.([kv])_img\.", r".add_\1_proj."),
    (r"\.norm3\.", ".norm2."),
    (r"\.ffn\.0\.", ".ffn.net.0.proj."),
    (r"\.ffn\.2\.", ".ffn.net.2."),
)


def diffusers_name(name: str) -> str:
    """The name in diffusers' layout of one of our weights."""
    for ours, theirs in _NAMES:
        name = re.sub(ours, theirs, name)
    return name


def read_config(folder: Path) -> tuple[TransformerConfig, str]:
    """Sizes of the transformer in a folder, and the layout it lies in, from its ``config.json``.

    Raises:
        ModelError: the file is missing or not that of one of Wan's transformers.
    """
    path = folder / "config.json"
    try:
        head: dict[str, Any] = json.loads(path.read_text())
        if "num_attention_heads" in head:
            return _from_diffusers(head), "diffusers"
        return _from_original(head), "original"
    except FileNotFoundError as error:
        raise ModelError(f"{path} is missing: was the download finished?") from error
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ModelError(f"{path}: corrupt or cut short ({error})") from error
    except KeyError as error:
        raise ModelError(f"{path}: not one of Wan's transformers: no entry {error}") from error


def load_transformer(
    folder: Path,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Transformer:
    """Read a transformer, tensor by tensor, so that at most one copy of its weights is in memory.

    Args:
        folder: with ``config.json`` and safetensors of either layout.
        device: where it goes.
        dtype: of the matrices of its blocks, which are nearly all of it; the rest is float32, as
            Wan's own code has it.

    Raises:
        ModelError: a file is missing, corrupt or cut short; weights are missing, too many or of
            another shape. It names the file and the weight.
    """
    config, layout = read_config(folder)
    with Shards(folder, FILE) as shards:
        if layout == "original" and _IMAGE in shards.where:  # their config does not say so
            config = replace(config, image=shards.shape(_IMAGE)[0])
        with torch.device("meta"):
            network = Transformer(config)
        shapes = {name: value.shape for name, value in network.state_dict().items()}
        expected = {
            (name if layout == "original" else diffusers_name(name)): name for name in shapes
        }
        shards.check({theirs: shapes[ours] for theirs, ours in expected.items()})
        for theirs, ours in expected.items():
            kind = dtype if _is_matrix_of_block(network, ours) else torch.float32
            place(network, ours, shards.read(theirs).to(device, kind))
    return network.requires_grad_(False).eval()


def save_transformer(
    network: Transformer, folder: Path, layout: str = "original", *, shard: int = SHARD
) -> None:
    """Write a transformer in either layout, as it is: bit for bit and in its own formats.

    Args:
        network: not hastened: its layers must still have their own names.
        folder: is made; what it holds is replaced.
        layout: ``original`` or ``diffusers``.
        shard: bytes, at most, in one file; with several an index is written.

    Raises:
        ModelError: the layout is unknown.
    """
    if layout not in LAYOUTS:
        raise ModelError(f"there is no layout {layout!r}; there are: {', '.join(LAYOUTS)}")
    folder.mkdir(parents=True, exist_ok=True)
    to_json = _to_original if layout == "original" else _to_diffusers
    (folder / "config.json").write_text(json.dumps(to_json(network.config), indent=2) + "\n")
    weights = {
        (name if layout == "original" else diffusers_name(name)): value.detach().cpu().contiguous()
        for name, value in network.state_dict().items()
    }
    parts: list[dict[str, Tensor]] = [{}]
    for name, value in weights.items():
        if parts[-1] and sum(part.nbytes for part in parts[-1].values()) + value.nbytes > shard:
            parts.append({})
        parts[-1][name] = value
    if len(parts) == 1:
        save_file(parts[0], folder / f"{FILE}.safetensors", {"format": "pt"})
        return
    where: dict[str, str] = {}
    for i, part in enumerate(parts, 1):
        file = f"{FILE}-{i:05}-of-{len(parts):05}.safetensors"
        save_file(part, folder / file, {"format": "pt"})
        where |= dict.fromkeys(part, file)
    total = sum(value.nbytes for value in weights.values())
    index = {"metadata": {"total_size": total}, "weight_map": where}
    (folder / f"{FILE}.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def place(network: nn.Module, name: str, value: Tensor) -> None:
    """Put a weight, which is not copied, into its place."""
    module, _, leaf = name.rpartition(".")
    network.get_submodule(module)._parameters[leaf] = nn.Parameter(value, requires_grad=False)


def _is_matrix_of_block(network: nn.Module, name: str) -> bool:
    module = network.get_submodule(name.rpartition(".")[0])
    return name.startswith("blocks.") and isinstance(module, nn.Linear)


def _from_original(head: Mapping[str, Any]) -> TransformerConfig:
    dim = int(head["dim"])
    return TransformerConfig(
        channels=head["in_dim"],
        out_channels=head["out_dim"],
        patch=cast("tuple[int, int, int]", tuple(head.get("patch_size", (1, 2, 2)))),
        dim=dim,
        layers=head["num_layers"],
        heads=head["num_heads"],
        hidden=head["ffn_dim"],
        text=head.get("text_dim", 4096),
        frequencies=head["freq_dim"],
        pooled_text=False,
        eps=head["eps"],
    )


def _to_original(config: TransformerConfig) -> dict[str, Any]:
    return {
        "_class_name": "WanModel",
        "model_type": "t2v" if config.channels == config.drawn else "i2v",
        "dim": config.dim,
        "eps": config.eps,
        "ffn_dim": config.hidden,
        "freq_dim": config.frequencies,
        "in_dim": config.channels,
        "out_dim": config.drawn,
        "num_heads": config.heads,
        "num_layers": config.layers,
        "patch_size": list(config.patch),
        "text_dim": config.text,
        "text_len": 512,
    }


def _from_diffusers(head: Mapping[str, Any]) -> TransformerConfig:
    if head.get("pos_embed_seq_len") is not None:
        raise KeyError("of a model between two pictures, which is not read here")
    return TransformerConfig(
        channels=head["in_channels"],
        out_channels=head["out_channels"],
        patch=cast("tuple[int, int, int]", tuple(head["patch_size"])),
        dim=head["num_attention_heads"] * head["attention_head_dim"],
        layers=head["num_layers"],
        heads=head["num_attention_heads"],
        hidden=head["ffn_dim"],
        text=head["text_dim"],
        image=head.get("image_dim"),
        frequencies=head["freq_dim"],
        pooled_text=False,
        eps=head["eps"],
    )


def _to_diffusers(config: TransformerConfig) -> dict[str, Any]:
    return {
        "_class_name": "WanTransformer3DModel",
        "added_kv_proj_dim": None if config.image is None else config.dim,
        "attention_head_dim": config.dim // config.heads,
        "cross_attn_norm": True,
        "eps": config.eps,
        "ffn_dim": config.hidden,
        "freq_dim": config.frequencies,
        "image_dim": config.image,
        "in_channels": config.channels,
        "num_attention_heads": config.heads,
        "num_layers": config.layers,
        "out_channels": config.drawn,
        "patch_size": list(config.patch),
        "pos_embed_seq_len": None,
        "qk_norm": "rms_norm_across_heads",
        "rope_max_seq_len": 1024,
        "text_dim": config.text,
    }
