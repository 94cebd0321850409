from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from pleinair.errors import InputError
from pleinair.wan.layouts import load_transformer
from pleinair.wan.places import best_offload, check_offload, stream_blocks, visiting
from tests.wan import tiny

AWAY = torch.device("meta")  # the only other device that every machine has


def test_a_part_visits_and_its_weights_at_home_stay_the_same_ones() -> None:
    first, shared = nn.Linear(2, 3), nn.Linear(2, 3)
    shared.weight = first.weight
    part = nn.Sequential(first, nn.BatchNorm1d(3), shared)
    home = dict(part.state_dict(keep_vars=True))

    def work() -> None:
        with visiting(part, AWAY):
            assert all(value.is_meta for value in part.state_dict().values())
            assert shared.weight is first.weight
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    found = part.state_dict(keep_vars=True)
    assert all(found[name] is value for name, value in home.items())


def test_one_block_at_a_time_is_away(tmp_path: Path) -> None:
    tiny.pictured(num_layers=3).save_pretrained(tmp_path)
    network = load_transformer(tmp_path)
    home = network.state_dict()
    stream_blocks(network, AWAY)
    most = 0

    def count(*_: object) -> None:
        nonlocal most
        away = [any(v.is_meta for v in block.parameters()) for block in blocks]
        most = max(most, sum(away))

    blocks: list[Any] = list(network.blocks._modules.values())
    for block in blocks:
        block.register_forward_pre_hook(count)
        block.cross_attn.k.register_forward_pre_hook(count)
    with visiting(network, AWAY):
        assert network.patch_embedding.weight.is_meta
        assert not any(value.is_meta for value in network.blocks.parameters())
        text = network.read(
            torch.zeros(1, 4, 32, device=AWAY), None, torch.zeros(1, 5, 32, device=AWAY)
        )
        latents = torch.zeros(1, 36, 2, 4, 4, device=AWAY)
        made = network(latents, torch.zeros(1, 1, device=AWAY), text)
    assert made.is_meta
    assert most == 1
    found = network.state_dict()
    assert all(torch.equal(found[name], value) for name, value in home.items())


def test_what_waits_outside_is_what_must() -> None:
    assert best_offload([10, 20, 5], free=41, work=6) == "none"
    assert best_offload([10, 20, 5], free=40, work=6) == "parts"
    assert best_offload([10, 20, 5], free=25, work=6) == "blocks"
    with pytest.raises(InputError, match="none, parts, blocks"):
        check_offload("disk")
