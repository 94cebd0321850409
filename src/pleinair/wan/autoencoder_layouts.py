"""The files that Wan's autoencoders come in: the original layout and that of diffusers."""

import json
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from pleinair.errors import ModelError
from pleinair.wan.autoencoder import WAN21, WAN22, WanAutoencoder, WanAutoencoderConfig

WEIGHTS = "diffusion_pytorch_model.safetensors"

# Original to diffusers, in this order; the numbers of blocks are counted anew in `_renamed`.
NAMES = (
    (r"^conv1\.", "quant_conv."),
    (r"^conv2\.", "post_quant_conv."),
    (r"^(\w+)\.conv1\.", r"\1.conv_in."),
    (r"\.head\.0\.", ".norm_out."),
    (r"\.head\.2\.", ".conv_out."),
    (r"\.middle\.1\.", ".mid_block.attentions.0."),
    (r"\.middle\.0\.", ".mid_block.resnets.0."),
    (r"\.middle\.2\.", ".mid_block.resnets.1."),
    (r"\.residual\.0\.", ".norm1."),
    (r"\.residual\.2\.", ".conv1."),
    (r"\.residual\.3\.", ".norm2."),
    (r"\.residual\.6\.", ".conv2."),
    (r"\.shortcut\.", ".conv_shortcut."),
)

# Only Wan 2.2 has layers within stages.
STAGES = re.compile(r"encoder\.(downsamples\.\d+\.downsamples|down_blocks\.\d+\.resnets)\.")


def layout(config: WanAutoencoderConfig) -> dict[str, str]:
    """Every name of the original layout, with its name in diffusers' `AutoencoderKLWan`."""
    return {name: _renamed(name, config) for name in _empty(config).state_dict()}


def to_diffusers(weights: Mapping[str, Tensor], config: WanAutoencoderConfig) -> dict[str, Tensor]:
    """Weights under the names that diffusers gives them; the tensors are the same.

    Raises:
        ModelError: a name is missing, not known, or of another shape.
    """
    names = layout(config)
    _check(weights, {name: name for name in names}, config)
    return {names[name]: value for name, value in weights.items()}


def from_diffusers(
    weights: Mapping[str, Tensor], config: WanAutoencoderConfig
) -> dict[str, Tensor]:
    """Weights under their original names, which are the network's; the tensors are the same.

    Raises:
        ModelError: a name is missing, not known, or of another shape.
    """
    names = layout(config)
    _check(weights, names, config)
    return {name: weights[other] for name, other in names.items()}


def load_autoencoder(
    path: Path,
    config: WanAutoencoderConfig | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> WanAutoencoder:
    """Read an autoencoder.

    Args:
        path: a folder of diffusers, or its ``vae`` folder, with ``config.json`` and
            ``diffusion_pytorch_model.safetensors``; a folder with the original
            ``Wan2.1_VAE.pth`` or ``Wan2.2_VAE.pth``; or one file, ``.pth`` or ``.safetensors``,
            with the names of either layout.
        config: its sizes; None takes ``config.json`` of a folder, and of a file the published
            sizes of the version that its names show.
        device: where it goes.
        dtype: of its weights; the published ones were made for float32.

    Raises:
        ModelError: a file is missing, corrupt or cut short, or does not fit; names the weight.
    """
    file = path
    originals = sorted(path.glob("Wan2.?_VAE.pth"))
    if originals:
        file = originals[0]
    elif path.is_dir():
        folder = path / "vae" if (path / "vae").is_dir() else path
        file = folder / WEIGHTS
        config = config or read_config(folder / "config.json")
    weights = _read(file)
    config = config or (WAN22 if any(STAGES.match(name) for name in weights) else WAN21)
    try:
        if "encoder.conv_in.weight" in weights:
            weights = from_diffusers(weights, config)
        else:
            _check(weights, {name: name for name in layout(config)}, config)
    except ModelError as error:
        raise ModelError(f"{file}: {error}") from error
    network = _empty(config)
    network.load_state_dict(
        {name: value.to(device, dtype) for name, value in weights.items()}, assign=True
    )
    return network.requires_grad_(False).eval()


def read_config(path: Path) -> WanAutoencoderConfig:
    """Sizes and statistics from the ``config.json`` of diffusers' `AutoencoderKLWan`.

    Raises:
        ModelError: the file is missing or corrupt, or describes a network that is not Wan's.
    """
    if not path.is_file():
        raise ModelError(f"{path}: there is no such file")
    try:
        given = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: corrupt or cut short ({_line(error)})") from error
    try:
        config = _config(given)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{path}: not the sizes of an autoencoder ({_line(error)})") from error
    sizes = (config.dim, config.decoder_dim, config.blocks, config.patch, *config.multipliers)
    if min(sizes) < 1:
        raise ModelError(f"{path}: a width, a multiplier, blocks and patch must be 1 or more")
    problems = {
        "attn_scales": bool(given.get("attn_scales")),
        "in_channels": given.get("in_channels", 3 * config.patch**2) != 3 * config.patch**2,
        "latents_mean": len(config.mean) != config.channels,
        "latents_std": len(config.std) != config.channels or min(config.std, default=0) <= 0,
        "temperal_downsample": len(config.temporal) != len(config.multipliers) - 1,
    }
    for field, wrong in problems.items():
        if wrong:
            raise ModelError(f"{path}: {field} is {given.get(field)}, which does not fit")
    return config


def _config(given: Mapping[str, Any]) -> WanAutoencoderConfig:
    """Fields that a file leaves out are Wan 2.1's, as in diffusers."""
    dim = int(given.get("base_dim", WAN21.dim))
    return WanAutoencoderConfig(
        dim=dim,
        decoder_dim=int(given.get("decoder_base_dim") or dim),
        channels=int(given.get("z_dim", WAN21.channels)),
        mean=tuple(map(float, given.get("latents_mean", WAN21.mean))),
        std=tuple(map(float, given.get("latents_std", WAN21.std))),
        multipliers=tuple(map(int, given.get("dim_mult", WAN21.multipliers))),
        blocks=int(given.get("num_res_blocks", WAN21.blocks)),
        temporal=tuple(map(bool, given.get("temperal_downsample", WAN21.temporal))),
        patch=int(given.get("patch_size") or 1),
        residual=bool(given.get("is_residual", False)),
    )


def _renamed(name: str, config: WanAutoencoderConfig) -> str:
    part, _, rest = name.partition(".")
    for pattern, other in NAMES:
        name = re.sub(pattern, other, name)
    if not rest.startswith(("downsamples.", "upsamples.")):
        return name
    down = part == "encoder"
    kind, sampler = ("down_blocks", "downsampler") if down else ("up_blocks", "upsampler")
    residuals = config.blocks + (not down)
    if config.residual:
        _, _, stage, _, number, tail = name.split(".", 5)
    else:
        _, _, number, tail = name.split(".", 3)
        if down:
            return f"{part}.{kind}.{number}.{tail}"
        stage, number = map(str, divmod(int(number), residuals + 1))
        sampler = "upsamplers.0"
    inner = f"resnets.{number}" if int(number) < residuals else sampler
    return f"{part}.{kind}.{stage}.{inner}.{tail}"


def _empty(config: WanAutoencoderConfig) -> WanAutoencoder:
    with torch.device("meta"):
        return WanAutoencoder(config)


def _check(
    weights: Mapping[str, Tensor], names: Mapping[str, str], config: WanAutoencoderConfig
) -> None:
    """Every weight of the network is there by its name in the file, in its shape, and no other."""
    expected = {names[k]: tuple(v.shape) for k, v in _empty(config).state_dict().items()}
    found = {name: tuple(value.shape) for name, value in weights.items()}
    for name in expected | found:
        if expected.get(name) != found.get(name):
            raise ModelError(
                f"{name} is {found.get(name, 'missing')}, "
                f"expected {expected.get(name, 'no such weight')}"
            )


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise ModelError(f"{path}: there are no weights here")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, ValueError, KeyError) as error:
        raise ModelError(f"{path}: corrupt or cut short ({_line(error)})") from error
    except (SafetensorError, pickle.UnpicklingError) as error:
        raise ModelError(f"{path}: corrupt, or more than weights ({_line(error)})") from error
    if not isinstance(found, dict) or not all(isinstance(v, Tensor) for v in found.values()):
        raise ModelError(f"{path}: not a table of weights")
    return found


def _line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
