"""Two processes behind the public door make what one makes, and outlive what goes wrong."""

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from torch import nn

from pleinair.backends import ranks
from pleinair.backends.base import open_backend
from pleinair.backends.completing import Completing
from pleinair.backends.ranks import Ranks
from pleinair.diffusion.model.autoencoder import Autoencoder, AutoencoderConfig
from pleinair.diffusion.model.checkpoint import save_model
from pleinair.diffusion.model.few import few_of, save_few
from pleinair.diffusion.model.text import TextConfig, TextEncoder
from pleinair.diffusion.model.vocabulary import Vocabulary
from pleinair.dit.transformer import Transformer, TransformerConfig
from pleinair.errors import InputError, ModelError
from pleinair.media.frames import Frames
from pleinair.request import VideoRequest
from pleinair.settings import Settings

REQUEST = VideoRequest(
    "a boat on a lake", width=64, height=64, seconds=1, seed=4, steps=3, guidance=3.0
)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Those of a whole small model with random weights, few-step ones too."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "pleinair-1.safetensors"
    autoencoder = AutoencoderConfig(channels=8, quarter=8, eighth=8, group=8, latent=8, half=8)
    config = TransformerConfig(channels=8, dim=32, layers=2, heads=2, hidden=64, text=16)
    words = Vocabulary(["a", "boat", "lake", "on"])
    text = TextEncoder(TextConfig(len(words), dim=16, layers=1, heads=2))
    network = Transformer(config)
    nn.init.normal_(network.head.head.weight, std=0.1)
    save_model(path, Autoencoder(autoencoder), text, network, words, {"shift": 2.0})
    few = Transformer(replace(config, flow_map=True))
    few.load_state_dict(few.state_dict() | network.state_dict())
    nn.init.normal_(few.blocks[0].self_attn.q.weight, std=0.3)  # type: ignore[union-attr,arg-type]
    save_few(few_of(path), network, few, {})
    return Settings(weights=path.parent, device="cpu", threads=1, speed="exact,dtype=float32")


@pytest.fixture(scope="module")
def pool(settings: Settings) -> Iterator[Ranks]:
    opened = open_backend("pleinair-1", replace(settings, parallel="sequence:2"))
    assert isinstance(opened, Completing)
    ranks = opened.backend
    assert isinstance(ranks, Ranks)
    yield ranks
    ranks.close()


@pytest.fixture(scope="module")
def alone(settings: Settings) -> Frames:
    return open_backend("pleinair-1", settings).generate(REQUEST).frames


def _same(one: Frames, other: Frames) -> None:
    assert one.shape == other.shape
    assert one.std() > 1  # not a blank clip
    assert np.abs(one.astype(int) - other.astype(int)).max() <= 1  # a rounding apart


def test_two_ranks_make_what_one_makes(pool: Ranks, alone: Frames) -> None:
    told: list[tuple[int, int, str]] = []
    pictures: list[Frames] = []

    def keep(look: Callable[[], Frames]) -> None:
        if not pictures:
            pictures.append(look())

    made = pool.generate(REQUEST, lambda *step: told.append(step), preview=keep)
    _same(made.frames, alone)
    assert made.metadata.device == "cpu, 2 ranks"
    assert [step for step in told if step[2] == "denoise"] == [(i, 3, "denoise") for i in range(4)]
    assert told[-1][2] == "deliver"
    assert pictures[0].ndim == 4


def test_few_steps_are_shared_too(pool: Ranks, settings: Settings) -> None:
    request = replace(REQUEST, guidance=None)
    made = pool.generate(request)
    assert made.metadata.guidance is None
    _same(made.frames, open_backend("pleinair-1", settings).generate(request).frames)


def test_what_progress_raises_ends_all_ranks_and_leaves_them_warm(
    pool: Ranks, alone: Frames, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes = [member.process.pid for member in pool.members]
    said: list[set[str]] = []
    hear = ranks._Work.hear

    def listen(work: ranks._Work, members: list[ranks.Member]) -> dict[ranks.Member, Any]:
        heard = hear(work, members)
        said.append({kind for kind, _ in heard.values()})
        return heard

    monkeypatch.setattr(ranks._Work, "hear", listen)

    def cancel(done: int, total: int, stage: str) -> None:
        if done == 2:
            raise TimeoutError("enough")

    with pytest.raises(TimeoutError, match="enough"):
        pool.generate(REQUEST, cancel)
    assert said == [{"step"}] * 3 + [{"stopped"}]

    def refuse(look: Callable[[], Frames]) -> None:
        raise InterruptedError("not this")

    with pytest.raises(InterruptedError, match="not this"):
        pool.generate(REQUEST, preview=refuse)
    _same(pool.generate(REQUEST).frames, alone)
    assert [member.process.pid for member in pool.members] == processes


def test_a_killed_rank_is_told_and_the_next_request_works(pool: Ranks, alone: Frames) -> None:
    processes = [psutil.Process(member.process.pid) for member in pool.members]

    def kill(done: int, total: int, stage: str) -> None:
        if done == 1 and processes[1].is_running():
            os.kill(processes[1].pid, signal.SIGKILL)

    with pytest.raises(ModelError, match="rank 1 of 2 ended by signal 9"):
        pool.generate(REQUEST, kill)
    assert not any(process.is_running() for process in processes)
    _same(pool.generate(REQUEST).frames, alone)


def test_what_cannot_be_shared_is_said_as_it_is(settings: Settings) -> None:
    before = psutil.Process().children()
    with pytest.raises(InputError, match="divisors of 2 heads"):
        open_backend("pleinair-1", replace(settings, parallel="sequence:3"))
    assert psutil.Process().children() == before


def test_a_missing_file_is_the_model_error_it_always_was(
    settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"pleinair-1\.safetensors"):
        open_backend("pleinair-1", replace(settings, weights=tmp_path, parallel="guidance:2"))


def test_a_model_without_weights_is_not_shared(settings: Settings) -> None:
    assert not isinstance(
        open_backend("test-card", replace(settings, parallel="guidance:2")), Ranks
    )
