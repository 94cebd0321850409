"""A downloaded repository of Wan, in either layout: what lies where, and reading it."""

from dataclasses import dataclass
from pathlib import Path

import torch

from pleinair.dit.transformer import Transformer
from pleinair.errors import ModelError
from pleinair.wan.autoencoder import WanAutoencoder
from pleinair.wan.autoencoder_layouts import load_autoencoder
from pleinair.wan.layouts import FILE, load_transformer
from pleinair.wan.presets import Preset
from pleinair.wan.shards import numbers
from pleinair.wan.text import Clip, Umt5, load_clip, load_text

AUTOENCODERS = {"wan2.1": "Wan2.1_VAE.pth", "wan2.2": "Wan2.2_VAE.pth"}


@dataclass(frozen=True)
class WanModel:
    """Everything that turns words, or words and a picture, into video.

    Attributes:
        preset: which model it is.
        text: reads prompts.
        transformers: one, or the experts for high noise and for low.
        autoencoder: latents to video and back.
        clip: reads pictures; only of Wan 2.1's image-to-video.
    """

    preset: Preset
    text: Umt5
    transformers: tuple[Transformer, ...]
    autoencoder: WanAutoencoder
    clip: Clip | None = None


def layout_of(folder: Path) -> str:
    """The layout of a repository, ``original`` or ``diffusers``.

    Raises:
        ModelError: there is no such folder, or it holds neither.
    """
    if not folder.is_dir():
        raise ModelError(f"{folder}: there is no such model on this machine")
    if (folder / "model_index.json").is_file() or (folder / "transformer").is_dir():
        return "diffusers"
    if any((folder / name).exists() for name in ("config.json", "high_noise_model")):
        return "original"
    raise ModelError(f"{folder}: not a repository of Wan, or its download was not finished")


def load_wan(
    folder: Path,
    preset: Preset,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> WanModel:
    """Read a repository.

    Args:
        folder: as downloaded, in either layout.
        preset: which model it is.
        device: where its parts go.
        dtype: of the text encoder, the image encoder and the blocks of the transformers; the
            autoencoder and the rest of the transformers are float32, as Wan has them.

    Raises:
        ModelError: a file is missing, corrupt or cut short, or it is another model.
    """
    original = layout_of(folder) == "original"
    if preset.boundary is None:
        places = [folder if original else folder / "transformer"]
    elif original:
        places = [folder / "high_noise_model", folder / "low_noise_model"]
    else:
        places = [folder / "transformer", folder / "transformer_2"]
    transformers = []
    for place in places:
        transformer = load_transformer(place, device=device, dtype=dtype)
        _check(place, transformer, preset)
        transformers.append(transformer)
    file = folder / (AUTOENCODERS[preset.autoencoder] if original else "vae")
    autoencoder = load_autoencoder(file, device=device)
    text = load_text(folder, dtype=dtype)
    text.encoder.to(device)
    clip = None
    if transformers[0].config.image is not None:
        clip = load_clip(folder, dtype=dtype)
        clip.encoder.to(device)
    return WanModel(preset, text, tuple(transformers), autoencoder, clip)


def sizes_of(folder: Path, dtype: torch.dtype) -> list[int]:
    """Bytes that each part of a repository takes with its weights in this format, unread.

    Raises:
        ModelError: there is no such folder, it holds no repository, or a file is corrupt.
    """
    layout_of(folder)
    parts: dict[str, int] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".safetensors":
            size = numbers(path) * dtype.itemsize
        elif path.suffix == ".pth":
            size = path.stat().st_size
        else:
            continue
        # Shards of one network lie in one folder; other files are a part each.
        part = str(path.parent) if path.name.startswith((FILE, "model")) else str(path)
        parts[part] = parts.get(part, 0) + size
    return list(parts.values())


def _check(place: Path, transformer: Transformer, preset: Preset) -> None:
    """Raise ModelError where what was read is not of the kind that the preset says."""
    config, wanted = transformer.config, preset.transformer
    shown = config.channels > config.drawn
    if shown != (wanted.channels > wanted.out_channels):
        kind = "from a picture" if shown else "from text"
        raise ModelError(f"{place}: a model that draws {kind}: not {preset.id}")
    if (config.image is None) != (wanted.image is None):
        kind = "no image encoder" if config.image is None else "an image encoder"
        raise ModelError(f"{place}: a model with {kind}: not {preset.id}")
