from dataclasses import replace

import pytest

from pleinair.backends.catalogue import CATALOGUE
from pleinair.backends.estimate import (
    Machine,
    check_room,
    clip_of,
    duration,
    fit,
    least_seconds,
    measure,
)
from pleinair.backends.estimate import operations as cost
from pleinair.errors import MemoryFullError

SMALL, LARGE = CATALOGUE["wan2.1-t2v-1.3b"], CATALOGUE["wan2.1-t2v-14b"]
LTX = CATALOGUE["ltx-video"]


def test_every_model_of_the_catalogue_is_estimated() -> None:
    machine = Machine(ram=64, vram=80, speed={2: 4e14})
    for weights in CATALOGUE.values():
        assert fit(weights, machine).startswith(("fits", "does not fit"))
        assert (least_seconds(weights, machine) or 0) > 1
        assert weights.network is not None
        assert weights.network.drawing in weights.network.parts


@pytest.mark.parametrize(
    ("ram", "vram", "told"),
    [
        (64, None, "fits: 20 of 64 GB RAM"),
        (16, None, "does not fit: 20 of 16 GB RAM"),
        (16, 24, "fits: 20 of 24 GB VRAM"),  # right into the GPU: memory outside holds nothing
        (64, 18, "fits, a part at a time: 17 of 18 GB VRAM"),
        (12, 18, "does not fit: 14 of 12 GB RAM"),
        (64, 8, "fits, a block at a time: 6 of 8 GB VRAM"),
        (64, 4, "does not fit, a block at a time: 6 of 4 GB VRAM"),
    ],
)
def test_weights_find_room(ram: float, vram: float | None, told: str) -> None:
    assert fit(SMALL, Machine(ram=ram, vram=vram)) == told


def test_weights_that_no_memory_here_could_hold_are_refused_before_they_are_read() -> None:
    for machine in (Machine(ram=12), Machine(ram=12, vram=18)):
        with pytest.raises(MemoryFullError, match="cannot be held here: does not fit"):
            check_room(SMALL, machine)
    for machine in (Machine(ram=16), Machine(ram=12, vram=24)):
        check_room(SMALL, machine)
    check_room(replace(LARGE, network=None), Machine(ram=1))  # nothing is known of it


def test_numbers_are_those_it_is_run_in() -> None:
    assert Machine(ram=64, half=False).bytes_of(SMALL) == 4
    assert Machine(ram=64, half=True).bytes_of(LTX) == 4
    assert Machine(ram=64, vram=24).bytes_of(LTX) == 2
    assert fit(LTX, Machine(ram=64, vram=8)).startswith("fits, a layer at a time")
    assert fit(LTX, Machine(ram=8, vram=24)).startswith("does not fit: 14 of 8 GB RAM")


def test_operations_are_those_of_the_layers() -> None:
    assert clip_of(LARGE) == (5.0, 832, 480)
    tokens = 21 * 52 * 30
    assert SMALL.network is not None
    step = 2 * SMALL.network.drawing * 1e9 * tokens + 4 * 30 * 1536 * tokens**2
    assert cost(SMALL, 5, 832, 480) == pytest.approx(50 * 2 * step)
    assert least_seconds(SMALL, Machine(ram=1, vram=1, speed={2: 1e14})) == pytest.approx(
        step / 1e12
    )
    assert least_seconds(SMALL, Machine(ram=1, speed={4: 1e14})) is None
    unknown = replace(SMALL, network=None)
    assert least_seconds(unknown, Machine(ram=1, speed={2: 1e14})) is None
    assert fit(unknown, Machine(ram=1)) == "not known"


def test_a_machine_is_measured() -> None:
    machine = measure("cpu", 64, 1)
    assert machine.ram > 0.1
    assert machine.vram is None
    assert set(machine.speed) == ({2, 4} if machine.half else {4})
    assert all(speed > 1e6 for speed in machine.speed.values())


def test_lengths_of_time_have_two_figures() -> None:
    assert [duration(s) for s in (0.123, 95, 240, 9000, 400_000)] == [
        "0.12 s",
        "95 s",
        "4 min",
        "2.5 h",
        "4.6 days",
    ]
