"""What Wan reads: its prompts through UMT5, and for 2.1's image-to-video a picture through CLIP.

Both encoders are those of transformers, which is only imported when one is loaded.
"""

import html
import importlib
import pickle
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from pleinair.errors import ModelError

LENGTH = 512  # tokens that Wan's transformers see of a prompt
ORIGINAL = "models_t5_umt5-xxl-enc-bf16.pth"

# Names of UMT5's weights in Wan's own file, and what transformers calls them.
_UMT5 = (
    (r"^token_embedding\.", "shared."),
    (r"^norm\.", "encoder.final_layer_norm."),
    (r"^blocks\.(\d+)\.norm1\.", r"encoder.block.\1.layer.0.layer_norm."),
    (r"^blocks\.(\d+)\.norm2\.", r"encoder.block.\1.layer.1.layer_norm."),
    (r"^blocks\.(\d+)\.attn\.", r"encoder.block.\1.layer.0.SelfAttention."),
    (
        r"^blocks\.(\d+)\.pos_embedding\.embedding\.",
        r"encoder.block.\1.layer.0.SelfAttention.relative_attention_bias.",
    ),
    (r"^blocks\.(\d+)\.ffn\.gate\.0\.", r"encoder.block.\1.layer.1.DenseReluDense.wi_0."),
    (r"^blocks\.(\d+)\.ffn\.fc1\.", r"encoder.block.\1.layer.1.DenseReluDense.wi_1."),
    (r"^blocks\.(\d+)\.ffn\.fc2\.", r"encoder.block.\1.layer.1.DenseReluDense.wo."),
)


class Umt5:
    """UMT5's encoder with its tokens.

    Args:
        encoder: ``UMT5EncoderModel`` of transformers.
        tokenizer: of transformers.
    """

    def __init__(self, encoder: nn.Module, tokenizer: Any) -> None:  # noqa: ANN401
        self.encoder = encoder
        self.tokenizer = tokenizer

    @torch.no_grad()
    def __call__(self, prompts: list[str], device: torch.device | str = "cpu") -> Tensor:
        """Vectors (B, 512, text) of prompts on a device where the encoder is; 0 after their end."""
        tokens = self.tokenizer(
            [clean(prompt) for prompt in prompts],
            padding="max_length",
            max_length=LENGTH,
            truncation=True,
            return_attention_mask=True,
            return_tensors="pt",
        )
        mask = tokens.attention_mask.to(device)
        vectors: Tensor = self.encoder(tokens.input_ids.to(device), mask).last_hidden_state
        return cast("Tensor", vectors.float() * mask[..., None])

    def cut(self, prompt: str) -> int:
        """Tokens that are dropped from the end of a prompt that is too long."""
        return max(0, len(self.tokenizer(clean(prompt)).input_ids) - LENGTH)


class Clip:
    """CLIP's image encoder with what it does to a picture before.

    Args:
        encoder: ``CLIPVisionModel`` of transformers.
        processor: ``CLIPImageProcessor`` of transformers.
    """

    def __init__(self, encoder: nn.Module, processor: Any) -> None:  # noqa: ANN401
        self.encoder = encoder
        self.processor = processor

    @torch.no_grad()
    def __call__(self, picture: Tensor, device: torch.device | str = "cpu") -> Tensor:
        """Vectors (1, P, image), of the last layer but one, of a picture (3, H, W) in [-1, 1]."""
        levels = ((picture.float() + 1) * 127.5).round().clamp(0, 255).byte().cpu()
        pixels = self.processor(images=levels.permute(1, 2, 0).numpy(), return_tensors="pt")
        weight = next(self.encoder.parameters())
        seen = pixels["pixel_values"].to(device, weight.dtype)
        states = self.encoder(pixel_values=seen, output_hidden_states=True).hidden_states
        return cast("Tensor", states[-2]).float()


def clean(prompt: str) -> str:
    """A prompt as Wan was trained on them: broken characters mended, no runs of blanks.

    Raises:
        ModelError: ftfy is missing.
    """
    try:
        import ftfy
    except ImportError as error:
        raise _missing(error) from error
    text = html.unescape(html.unescape(ftfy.fix_text(prompt)))
    return re.sub(r"\s+", " ", text).strip()


def load_text(folder: Path, *, dtype: torch.dtype = torch.float32) -> Umt5:
    """Read the text encoder of a repository in either layout.

    Raises:
        ModelError: files are missing, corrupt or cut short, or transformers is missing.
    """
    if (folder / ORIGINAL).is_file():
        return _load_original(folder, dtype)
    transformers = _transformers()
    encoder = _load(transformers.UMT5EncoderModel, folder / "text_encoder", dtype)
    return Umt5(encoder, _open(transformers.AutoTokenizer, folder / "tokenizer"))


def load_clip(folder: Path, *, dtype: torch.dtype = torch.float32) -> Clip:
    """Read the image encoder of a repository in diffusers' layout.

    Raises:
        ModelError: files are missing, corrupt or cut short, or transformers is missing.
    """
    if not (folder / "image_encoder").is_dir():
        raise ModelError(
            f"{folder}: there is no image_encoder/: of Wan 2.1's image-to-video models it is read "
            "from the repository in diffusers' layout, the one that ends in -Diffusers"
        )
    transformers = _transformers()
    encoder = _load(transformers.CLIPVisionModel, folder / "image_encoder", dtype)
    # That without torchvision, where there are two.
    kind = getattr(transformers, "CLIPImageProcessorPil", transformers.CLIPImageProcessor)
    return Clip(encoder, _open(kind, folder / "image_processor"))


def umt5_name(name: str) -> str:
    """What transformers calls a weight of UMT5 in Wan's own file."""
    for theirs, ours in _UMT5:
        name = re.sub(theirs, ours, name)
    return name


def _load_original(folder: Path, dtype: torch.dtype) -> Umt5:
    transformers = _transformers()
    path = folder / ORIGINAL
    try:
        found: Mapping[str, Tensor] = torch.load(path, "cpu", weights_only=True, mmap=True)
        weights = {umt5_name(name): value for name, value in found.items()}
        with torch.device("meta"):
            encoder = transformers.UMT5EncoderModel(_umt5_config(transformers, weights))
        weights["encoder.embed_tokens.weight"] = weights["shared.weight"]
        expected = {name: value.shape for name, value in encoder.state_dict().items()}
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, AttributeError) as error:
        raise ModelError(f"{path}: corrupt or cut short ({_line(error)})") from error
    except KeyError as error:
        raise ModelError(f"{path}: no weight {error}: is it another model?") from error
    for name in expected | weights:
        one, other = expected.get(name), weights[name].shape if name in weights else None
        if one != other:
            raise ModelError(f"{path}: {name} is of shape {other}, where {one} belongs")
    encoder.load_state_dict({name: value.to(dtype) for name, value in weights.items()}, assign=True)
    encoder.tie_weights()
    tokenizer = _open(transformers.AutoTokenizer, folder / "google" / "umt5-xxl")
    return Umt5(encoder.requires_grad_(False).eval(), tokenizer)


def _umt5_config(transformers: Any, weights: Mapping[str, Tensor]) -> Any:  # noqa: ANN401
    """The sizes of a UMT5, which its file does not say, from its weights."""
    vocabulary, dim = weights["shared.weight"].shape
    first = "encoder.block.0.layer.0.SelfAttention"
    buckets, heads = weights[f"{first}.relative_attention_bias.weight"].shape
    layers = sum(name.endswith("SelfAttention.q.weight") for name in weights)
    return transformers.UMT5Config(
        vocab_size=vocabulary,
        d_model=dim,
        d_kv=weights[f"{first}.q.weight"].shape[0] // heads,
        d_ff=weights["encoder.block.0.layer.1.DenseReluDense.wo.weight"].shape[1],
        num_layers=layers,
        num_heads=heads,
        relative_attention_num_buckets=buckets,
        feed_forward_proj="gated-gelu",
    )


def _load(kind: Any, folder: Path, dtype: torch.dtype) -> nn.Module:  # noqa: ANN401
    """A network of transformers from a folder, whole or not at all."""

    def read() -> tuple[Any, dict[str, Any]]:
        read: Callable[..., tuple[Any, dict[str, Any]]] = kind.from_pretrained
        return read(folder, dtype=dtype, local_files_only=True, output_loading_info=True)

    network, found = _try(read, folder)
    missing = sorted(found["missing_keys"]) or sorted(map(str, found["mismatched_keys"]))
    if missing:
        raise ModelError(f"{folder}: {missing[0]} is missing or of another shape")
    return cast("nn.Module", network.requires_grad_(False).eval())


def _open(kind: Any, folder: Path) -> Any:  # noqa: ANN401
    return _try(lambda: kind.from_pretrained(folder, local_files_only=True), folder)


def _try(read: Callable[[], Any], folder: Path) -> Any:  # noqa: ANN401
    if not folder.is_dir():
        raise ModelError(f"{folder} is missing: was the download finished?")
    try:
        return read()
    except ImportError as error:
        raise _missing(error) from error
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
        raise ModelError(f"{folder}: corrupt or cut short ({_line(error)})") from error


def _transformers() -> Any:  # noqa: ANN401
    try:
        transformers: Any = importlib.import_module("transformers")
    except ImportError as error:
        raise _missing(error) from error
    transformers.utils.logging.disable_progress_bar()  # this house tells of progress itself
    return transformers


def _missing(error: ImportError) -> ModelError:
    return ModelError(f"Wan needs {error.name or error}: pip install 'pleinair[wan]'")


def _line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
