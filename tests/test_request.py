import math
from dataclasses import FrozenInstanceError, replace

import pytest

from pleinair.errors import InputError
from pleinair.request import VideoRequest, parse_size

GOOD = VideoRequest("a lake at dusk", seed=5, steps=20)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", ""),
        ("prompt", " \n"),
        ("prompt", "a" * 32_001),
        ("prompt", None),
        ("prompt", "a \udcff lake"),
        ("seconds", 0),
        ("seconds", -1.0),
        ("seconds", 60.1),
        ("seconds", math.nan),
        ("seconds", math.inf),
        ("seconds", "2"),
        ("seconds", True),
        ("fps", 0),
        ("fps", 61),
        ("fps", 24.0),
        ("seed", -1),
        ("seed", 2**32),
        ("seed", None),
        ("steps", 0),
        ("steps", 201),
        ("guidance", -0.1),
        ("guidance", 20.5),
        ("guidance", math.nan),
        ("variations", 0),
        ("variations", 17),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_field(field: str, value: object) -> None:
    with pytest.raises(InputError, match=field) as caught:
        replace(GOOD, **{field: value})  # type: ignore[arg-type]
    assert caught.value.field == field
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("side", [0, -2, 30, 4098, 641, 10**9, 64.0, "64"])
def test_a_bad_side_is_refused(side: object) -> None:
    with pytest.raises(InputError, match="size"):
        replace(GOOD, width=side)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="size"):
        replace(GOOD, height=side)  # type: ignore[arg-type]


def test_more_than_memory_holds_is_refused() -> None:
    with pytest.raises(InputError, match="pixels in all"):
        replace(GOOD, width=4096, height=4096, seconds=60)
    assert replace(GOOD, width=1280, height=720, seconds=60).frames == 1440


def test_the_edges_are_allowed() -> None:
    VideoRequest("x" * 32_000, seconds=60, fps=1, seed=0, steps=1, guidance=0, variations=1)
    VideoRequest("x", seconds=0.01, fps=60, seed=2**32 - 1, steps=200, guidance=20, variations=16)


@pytest.mark.parametrize(("seconds", "fps", "frames"), [(2, 24, 48), (0.01, 24, 1), (1.5, 25, 38)])
def test_number_of_frames(seconds: float, fps: int, frames: int) -> None:
    assert replace(GOOD, seconds=seconds, fps=fps).frames == frames


def test_a_seed_is_drawn_once_and_kept() -> None:
    request = VideoRequest("a lake")
    assert request.seed == replace(request, steps=3).seed
    assert len({VideoRequest("a lake").seed for _ in range(8)}) > 1


def test_a_request_cannot_change() -> None:
    with pytest.raises(FrozenInstanceError):
        GOOD.seed = 6  # type: ignore[misc]


def test_the_digest_names_the_request() -> None:
    # Written down: a digest recorded by one version must be found again by the next.
    expected = "15997c553f2f4cedbd494d0f9487093d6c0822e20ee541b1cd686b85f7274a85"
    assert GOOD.digest == expected
    assert replace(GOOD, seconds=2).digest == GOOD.digest
    others = [replace(GOOD, seed=6), replace(GOOD, prompt="un lac"), replace(GOOD, seconds=2.5)]
    assert len({GOOD.digest, *(other.digest for other in others)}) == 4


@pytest.mark.parametrize("text", ["1280x720", " 1280 X 720 ", "1280×720"])
def test_sizes_are_read(text: str) -> None:
    assert parse_size(text) == (1280, 720)


@pytest.mark.parametrize("text", ["", "big", "1280", "1280x", "-3x4", "1e3x5", "1x2x3", "9" * 30])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="WIDTHxHEIGHT"):
        parse_size(text)
