"""The same clip drawn by diffusers' pipelines and by ours, from the same random weights."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pleinair.dit.clips import Clips
from pleinair.dit.speed import Speed
from pleinair.wan.pipeline import WanPipeline
from pleinair.wan.presets import PRESETS, Preset
from tests.wan import tiny

EXACT = Speed(dtype="float32")
PROMPT, AWAY, SEED, STEPS = "a red boat at night", "ugly blurred", 7, 3
SMALL = PRESETS["wan2.1-t2v-1.3b"]
TEXT_IMAGE = PRESETS["wan2.2-ti2v-5b"]
PIXELS = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)


def expected(pipeline: Any, size: int, scales: tuple[float, ...], pictured: bool) -> Tensor:  # noqa: ANN401
    call: dict[str, Any] = {
        "prompt": PROMPT,
        "negative_prompt": AWAY,
        "height": size,
        "width": size,
        "num_frames": 5,
        "num_inference_steps": STEPS,
        "guidance_scale": scales[0],
        "generator": torch.Generator().manual_seed(SEED),
        "output_type": "pt",
    }
    if len(scales) > 1:
        call["guidance_scale_2"] = scales[1]
    if pictured:
        call["image"] = Image.fromarray(PIXELS[:size, :size])
    with torch.no_grad():
        frames: Tensor = pipeline(**call).frames[0]
    return frames.transpose(0, 1) * 2 - 1  # 3 T H W


def picture(size: int) -> Tensor:
    """The first frame that is given, (3, H, W) in [-1, 1]."""
    return torch.from_numpy(PIXELS[:size, :size].copy()).permute(2, 0, 1) / 127.5 - 1


def draw(pipeline: WanPipeline, size: int = 32, **changes: Any) -> Clips:  # noqa: ANN401
    """What is drawn here."""
    asked: dict[str, Any] = {
        "negative_prompt": AWAY,
        "frames": 5,
        "width": size,
        "height": size,
        "seed": SEED,
        "steps": STEPS,
    }
    return pipeline.generate(PROMPT, **(asked | changes))


def parts(kind: str) -> tuple[Any, Preset, int]:
    """A pipeline of diffusers, our preset for it and the size to draw."""
    two = {"transformer_2": tiny.transformer(), "boundary_ratio": 0.875}
    shown = {
        "scheduler": tiny.scheduler(5.0),
        "transformer": tiny.transformer(in_channels=36),
        "transformer_2": tiny.transformer(in_channels=36),
        "boundary_ratio": 0.9,
        "image_encoder": None,
        "image_processor": None,
    }
    held = {
        "scheduler": tiny.scheduler(5.0),
        "transformer": tiny.transformer(in_channels=48, out_channels=48),
        "vae": tiny.autoencoder_22(),
        "expand_timesteps": True,
    }
    still = {"image_encoder": None, "image_processor": None}
    if kind == "text":
        return tiny.wan_pipeline(), SMALL, 32
    if kind == "text, two experts":
        preset = PRESETS["wan2.2-t2v-a14b"]
        return tiny.wan_pipeline(scheduler=tiny.scheduler(12.0), **two), preset, 32
    if kind == "picture, encoded":
        return tiny.wan_picture_pipeline(), PRESETS["wan2.1-i2v-14b-480p"], 32
    if kind == "picture, two experts":
        preset = replace(PRESETS["wan2.2-i2v-a14b"], guidance=(3.5, 2.0))
        return tiny.wan_picture_pipeline(**shown), preset, 32
    if kind == "text, 2.2 5B":
        return tiny.wan_pipeline(**held), TEXT_IMAGE, 64
    return tiny.wan_picture_pipeline(**held, **still), TEXT_IMAGE, 64


KINDS = (
    "text",
    "text, two experts",
    "picture, encoded",
    "picture, two experts",
    "text, 2.2 5B",
    "picture, 2.2 5B",
)
