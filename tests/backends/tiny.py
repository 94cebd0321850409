"""Pipelines with a few thousand random weights, saved as downloads would be."""

import hashlib
import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from pleinair.backends.receipts import NAME, File, Receipt
from pleinair.backends.weights import Licence, Weights

TINY = Weights(
    id="tiny",
    about="a pipeline for tests",
    repository="someone/tiny",
    licence=Licence("mit", "https://example.org/licence"),
    gb=0.001,
    pipeline="WanPipeline",
    sizes=((32, 16), (16, 32)),
    fps=8,
    step=4,
    most_frames=9,
)

TINY_LTX = replace(
    TINY,
    id="tiny-ltx",
    repository="someone/tiny-ltx",
    pipeline="LTXPipeline",
    sizes=((64, 32), (32, 64)),
    step=8,
)


def receipt_of(model: str, folder: Path) -> Receipt:
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != NAME:
            data = path.read_bytes()
            name = str(path.relative_to(folder))
            files[name] = File(len(data), hashlib.sha256(data).hexdigest())
    return Receipt(model, "someone/tiny", "c0ffee", "mit", files)


def _packages() -> tuple[Any, Any]:
    """Diffusers and transformers, without types, as both have few."""
    return import_module("diffusers"), import_module("transformers")


def _tokenizer() -> Any:  # noqa: ANN401
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = {w: i for i, w in enumerate(["<pad>", "</s>", "<unk>", "a", "lake", "snow"])}
    base = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    base.pre_tokenizer = pre_tokenizers.Whitespace()
    return _packages()[1].PreTrainedTokenizerFast(
        tokenizer_object=base, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )


def save_tiny(folder: Path) -> None:
    """A text-to-video pipeline of Wan's."""
    diffusers, transformers = _packages()
    torch.manual_seed(0)
    text = transformers.UMT5Config(
        vocab_size=8, d_model=12, d_kv=6, d_ff=16, num_layers=1, num_heads=2,
        relative_attention_num_buckets=8,
    )  # fmt: skip
    vae = diffusers.AutoencoderKLWan(
        base_dim=4, z_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1,
        temperal_downsample=[False, True, True],
        latents_mean=[0.0] * 4, latents_std=[1.0] * 4,
    )  # fmt: skip
    transformer = diffusers.WanTransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, in_channels=4,
        out_channels=4, text_dim=12, freq_dim=16, ffn_dim=16, num_layers=1, rope_max_seq_len=32,
    )  # fmt: skip
    made = diffusers.WanPipeline(
        tokenizer=_tokenizer(),
        text_encoder=transformers.UMT5EncoderModel(text),
        vae=vae,
        transformer=transformer,
        scheduler=diffusers.UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
        ),
    )
    made.save_pretrained(folder)
    index = json.loads((folder / "model_index.json").read_text())
    assert index["_class_name"] == "WanPipeline"


def save_tiny_ltx(folder: Path) -> None:
    """A text-to-video pipeline of LTX-Video's, whose latents are 32×32×8 times fewer."""
    diffusers, transformers = _packages()
    torch.manual_seed(0)
    text = transformers.T5Config(
        vocab_size=8, d_model=12, d_kv=6, d_ff=16, num_layers=1, num_heads=2,
        relative_attention_num_buckets=8,
    )  # fmt: skip
    vae = diffusers.AutoencoderKLLTXVideo(
        latent_channels=8, block_out_channels=(8, 8, 8, 8),
        decoder_block_out_channels=(8, 8, 8, 8), layers_per_block=(1, 1, 1, 1, 1),
        decoder_layers_per_block=(1, 1, 1, 1, 1),
    )  # fmt: skip
    transformer = diffusers.LTXVideoTransformer3DModel(
        in_channels=8, out_channels=8, num_attention_heads=2, attention_head_dim=12,
        cross_attention_dim=24, num_layers=1, caption_channels=12,
    )  # fmt: skip
    made = diffusers.LTXPipeline(
        tokenizer=_tokenizer(),
        text_encoder=transformers.T5EncoderModel(text),
        vae=vae,
        transformer=transformer,
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(),
    )
    made.save_pretrained(folder)
