"""Wan's models so small that a clip takes milliseconds, by diffusers and transformers."""

from pathlib import Path
from typing import Any

import pytest
from torch import Tensor, nn

# Without types, as both packages have few.
diffusers: Any = pytest.importorskip("diffusers")
transformers: Any = pytest.importorskip("transformers")

WORDS = ("a", "the", "lake", "boat", "red", "night", "at", "ugly", "blurred")


def transformer(**changes: Any) -> Any:  # noqa: ANN401
    """``WanTransformer3DModel`` of diffusers with random weights, none of them zero."""
    sizes: dict[str, Any] = {
        "num_attention_heads": 2,
        "attention_head_dim": 12,
        "in_channels": 16,
        "out_channels": 16,
        "text_dim": 32,
        "freq_dim": 32,
        "ffn_dim": 40,
        "num_layers": 2,
    }
    network = diffusers.WanTransformer3DModel(**(sizes | changes)).eval()
    shake(network)
    return network


def pictured(**changes: Any) -> Any:  # noqa: ANN401
    """One of image-to-video, with an image encoder's output of 32."""
    return transformer(in_channels=36, image_dim=32, added_kv_proj_dim=24, **changes)


def autoencoder() -> Any:  # noqa: ANN401
    """``AutoencoderKLWan`` of diffusers, 2.1's kind, in small."""
    return diffusers.AutoencoderKLWan(
        base_dim=4, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1
    ).eval()


def autoencoder_22() -> Any:  # noqa: ANN401
    """``AutoencoderKLWan`` of diffusers, 2.2's kind, in small."""
    return diffusers.AutoencoderKLWan(
        base_dim=4,
        decoder_base_dim=8,
        z_dim=48,
        dim_mult=[1, 1, 1, 1],
        num_res_blocks=1,
        latents_mean=[0.1 * (i % 7) for i in range(48)],
        latents_std=[0.5 + 0.05 * i for i in range(48)],
        in_channels=12,
        out_channels=12,
        patch_size=2,
        scale_factor_spatial=16,
        is_residual=True,
    ).eval()


def text_encoder() -> Any:  # noqa: ANN401
    """``UMT5EncoderModel`` of transformers, 32 wide."""
    config = transformers.UMT5Config(
        vocab_size=len(WORDS) + 3, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4
    )
    network = transformers.UMT5EncoderModel(config).eval()
    shake(network, 0.5)
    return network


def tokenizer() -> Any:  # noqa: ANN401
    """Words as tokens, with an end after the last."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing

    ids = {word: i for i, word in enumerate(["<pad>", "</s>", "<unk>", *WORDS])}
    tokens = Tokenizer(WordLevel(ids, unk_token="<unk>"))
    tokens.pre_tokenizer = Whitespace()
    tokens.post_processor = TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokens, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )


def image_encoder() -> tuple[Any, Any]:
    """``CLIPVisionModel`` of transformers, 32 wide, and its processor."""
    config = transformers.CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=37,
        num_hidden_layers=3,
        num_attention_heads=4,
        image_size=16,
        patch_size=8,
    )
    processor = transformers.CLIPImageProcessorPil(
        size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}
    )
    return transformers.CLIPVisionModel(config).eval(), processor


def scheduler(shift: float) -> Any:  # noqa: ANN401
    """UniPC as Wan's repositories in diffusers' layout configure it."""
    return diffusers.UniPCMultistepScheduler(
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        num_train_timesteps=1000,
        flow_shift=shift,
    )


def shake(network: nn.Module, spread: float = 0.2) -> None:
    """Random weights everywhere, so that no part of a network is without effect."""
    for value in network.parameters():
        nn.init.normal_(value, std=spread)


def apart(one: Tensor, other: Tensor) -> float:
    """Relative error: the norm of the difference over that of the other."""
    one, other = one.detach(), other.detach()
    return float((one.double() - other.double()).norm() / other.double().norm())


def wan_pipeline(**parts: Any) -> Any:  # noqa: ANN401
    """``WanPipeline`` of diffusers, text to video, in small."""
    pipeline = diffusers.WanPipeline(
        **(
            {
                "tokenizer": tokenizer(),
                "text_encoder": text_encoder(),
                "vae": autoencoder(),
                "scheduler": scheduler(8.0),
                "transformer": transformer(),
            }
            | parts
        )
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def wan_picture_pipeline(**parts: Any) -> Any:  # noqa: ANN401
    """``WanImageToVideoPipeline`` of diffusers in small, with an image encoder."""
    encoder, processor = image_encoder()
    pipeline = diffusers.WanImageToVideoPipeline(
        **(
            {
                "tokenizer": tokenizer(),
                "text_encoder": text_encoder(),
                "vae": autoencoder(),
                "scheduler": scheduler(3.0),
                "transformer": pictured(),
                "image_encoder": encoder,
                "image_processor": processor,
            }
            | parts
        )
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def save(pipeline: Any, folder: Path) -> Path:  # noqa: ANN401
    """A repository in diffusers' layout."""
    pipeline.save_pretrained(folder)
    return folder
