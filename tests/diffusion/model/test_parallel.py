"""Two processes on one processor draw what one draws."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pleinair.diffusion.model.autoencoder import Autoencoder, AutoencoderConfig
from pleinair.diffusion.model.checkpoint import Model
from pleinair.diffusion.model.parallel import launch, spread
from pleinair.diffusion.model.pipeline import Pipeline
from pleinair.diffusion.model.text import TextConfig, TextEncoder
from pleinair.diffusion.model.vocabulary import Vocabulary
from pleinair.dit.speed import Speed, hasten
from pleinair.dit.transformer import Transformer, TransformerConfig
from pleinair.errors import InputError

# 3 × 3 places a frame, so that two ranks cannot share them evenly.
ASKED: dict[str, Any] = {"width": 48, "height": 48, "seed": 5, "steps": 4, "seconds": 1.0}


def _pipeline(speed: Speed) -> Pipeline:
    torch.manual_seed(0)
    autoencoder = AutoencoderConfig(channels=8, quarter=8, eighth=8, group=8, latent=8, half=8)
    config = TransformerConfig(channels=8, dim=32, layers=2, heads=2, hidden=64, text=16)
    words = Vocabulary(["a", "boat", "lake"])
    text = TextEncoder(TextConfig(len(words), dim=16, layers=1, heads=2)).eval()
    network = Transformer(config).eval()
    nn.init.normal_(network.head.head.weight, std=0.1)
    hasten(network, speed)
    model = Model(Autoencoder(autoencoder).eval(), text, network, words, {"shift": 2.0})
    few = Transformer(replace(config, flow_map=True)).eval()
    nn.init.normal_(few.head.head.weight, std=0.1)
    return Pipeline(model, speed=speed, few=few)


def _draw(pipeline: Pipeline, guidance: float | None = 3.0) -> Tensor:
    given = {0: torch.zeros(8, 3, 3)}  # levels that differ from frame to frame
    return pipeline.generate("a boat", guidance=guidance, given=given, **ASKED).video


def _work() -> dict[str, Any]:
    """What is drawn in each way, and how many tokens and clips the blocks then saw."""
    torch.set_num_threads(1)
    made: dict[str, Any] = {}
    for how, speed in WAYS.items():
        pipeline = spread(_pipeline(speed), how.split()[0])
        seen: set[tuple[int, int]] = set()
        pipeline.transformer.blocks[0].register_forward_pre_hook(
            lambda _, inputs, seen=seen: seen.add((inputs[0].shape[0], inputs[0].shape[2]))
        )
        made[how] = (_draw(pipeline), seen)
    for how in ("sequence", "guidance"):
        pipeline = spread(_pipeline(WAYS["sequence"]), how)
        assert pipeline.few is not None
        seen = set()
        pipeline.few.blocks[0].register_forward_pre_hook(
            lambda _, inputs, seen=seen: seen.add((inputs[0].shape[0], inputs[0].shape[2]))
        )
        made[f"few {how}"] = (_draw(pipeline, None), seen)
    refused = spread(_pipeline(CACHED), "sequence")
    with pytest.raises(InputError, match="cache"):
        _draw(refused)
    return made


CACHED = Speed(dtype="float32", cache="first-block", threshold=0.05)
WAYS = {
    "sequence": Speed(dtype="float32"),
    "guidance": Speed(dtype="float32"),
    "guidance every other step": Speed(dtype="float32", every=2),
}


def test_two_ranks_draw_what_one_draws() -> None:
    made = launch(2, _work)
    for how, speed in WAYS.items():
        video, seen = made[how]
        torch.testing.assert_close(video, _draw(_pipeline(speed)), atol=1e-5, rtol=1e-5)
        # Five of nine tokens of both ways; all tokens of one way.
        assert seen == ({(2, 5)} if how == "sequence" else {(1, 9)})
    few = _draw(_pipeline(WAYS["sequence"]), None)
    for how, places in (("sequence", 5), ("guidance", 9)):  # guidance is built in: nothing to share
        video, seen = made[f"few {how}"]
        torch.testing.assert_close(video, few, atol=1e-5, rtol=1e-5)
        assert seen == {(1, places)}


def test_unknown_ways_are_refused() -> None:
    with pytest.raises(InputError, match="sequence or guidance"):
        spread(_pipeline(WAYS["sequence"]), "layers")
