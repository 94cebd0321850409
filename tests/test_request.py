import json
import math
from dataclasses import FrozenInstanceError, replace

import pytest

from pleinair.errors import InputError
from pleinair.request import MOST_GIVEN, Given, VideoRequest, parse_size
from pleinair.scenes.scene import Scene

GOOD = VideoRequest("a lake at dusk", "pleinair-1", 2.0, 640, 360, seed=5, steps=20, guidance=3.0)
PICTURE, CLIP = Given("frame", "a" * 64), Given("extend", "b" * 64)


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
        ("negative_prompt", " "),
        ("negative_prompt", "a" * 32_001),
        ("negative_prompt", None),
        ("given", (PICTURE,) * (MOST_GIVEN + 1)),
        ("given", (CLIP, CLIP)),
        ("given", (CLIP, Given("edit", "c" * 64))),
        ("given", (Given("before", "b" * 64), Given("retake", "c" * 64))),
        ("given", (Given("before", "b" * 64),) * 2),
        ("loop", 1),
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
    expected = "4704545880eded1f908600b58db472ace0f8fba7bd19e4e47bde1e300d19f359"
    assert GOOD.digest == expected
    assert replace(GOOD, seconds=2).digest == GOOD.digest
    others = [replace(GOOD, seed=6), replace(GOOD, prompt="un lac"), replace(GOOD, seconds=2.5)]
    assert len({GOOD.digest, *(other.digest for other in others)}) == 4


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("given", {"role": "sound"}),
        ("given", {"sha256": "A" * 64}),
        ("given", {"sha256": "a" * 63}),
        ("given", {"sha256": None}),
        ("at", {"at": -0.1}),
        ("at", {"at": 60.1}),
        ("strength", {"strength": 0}),
        ("strength", {"strength": 1.1}),
        ("strength", {"strength": math.nan}),
        ("name", {"name": "n" * 81}),
    ],
)
def test_what_is_given_is_checked(field: str, values: dict[str, object]) -> None:
    with pytest.raises(InputError, match=field) as caught:
        replace(PICTURE, **values)  # type: ignore[arg-type]
    assert caught.value.field == field


def test_a_scene_belongs_to_the_request_and_stands_for_a_prompt() -> None:
    scene = Scene(seed=3)
    request = replace(GOOD, prompt="", scene=scene)
    assert VideoRequest.from_dict(json.loads(json.dumps(request.as_dict()))) == request
    assert len({GOOD.digest, replace(GOOD, scene=scene).digest, request.digest}) == 3
    with pytest.raises(InputError, match="prompt"):
        replace(request, scene=None)
    with pytest.raises(InputError, match="complete"):
        replace(GOOD, scene=scene, complete=True)
    broken = request.as_dict() | {"scene": {"camera": {"lens_mm": 0}}}
    with pytest.raises(InputError, match=r"scene\.camera\.lens_mm|camera\.lens_mm"):
        VideoRequest.from_dict(broken)


def test_a_picture_is_seen_within_the_video() -> None:
    assert replace(GOOD, given=(replace(PICTURE, at=2.0),)).given[0].at == 2
    with pytest.raises(InputError, match="within the video"):
        replace(GOOD, given=(replace(PICTURE, at=2.1),))


def test_what_is_given_and_kept_out_belongs_to_the_digest() -> None:
    others = [
        replace(GOOD, negative_prompt="snow"),
        replace(GOOD, given=(PICTURE,)),
        replace(GOOD, given=(replace(PICTURE, at=1.0),)),
    ]
    assert len({GOOD.digest, *(other.digest for other in others)}) == 4


def test_two_clips_can_be_connected_and_a_loop_has_none() -> None:
    both = replace(GOOD, given=(CLIP, Given("before", "c" * 64), PICTURE))
    assert len(both.given) == 3
    assert replace(GOOD, given=(PICTURE,), loop=True).loop
    for role in ("edit", "extend", "before", "retake"):
        with pytest.raises(InputError, match="loop: got True"):
            replace(GOOD, given=(Given(role, "c" * 64),), loop=True)


def test_a_retake_may_begin_late_in_a_long_clip() -> None:
    assert Given("retake", "a" * 64, at=110.0).at == 110


def test_a_request_that_is_no_loop_has_the_record_that_it_always_had() -> None:
    assert "loop" not in GOOD.as_dict()
    loop = replace(GOOD, loop=True)
    assert loop.as_dict() == {**GOOD.as_dict(), "loop": True}
    assert loop.digest != GOOD.digest
    assert VideoRequest.from_dict(json.loads(json.dumps(loop.as_dict()))) == loop


def test_a_request_comes_back_from_its_record() -> None:
    request = replace(GOOD, negative_prompt="snow", given=(PICTURE, CLIP), seconds=3)
    record = json.loads(json.dumps(request.as_dict()))
    assert VideoRequest.from_dict(record) == request
    assert VideoRequest.from_dict(record).digest == request.digest
    with pytest.raises(InputError, match="strength"):
        VideoRequest.from_dict({**record, "given": [{**record["given"][0], "strength": 2}]})


@pytest.mark.parametrize("text", ["1280x720", " 1280 X 720 ", "1280×720"])
def test_sizes_are_read(text: str) -> None:
    assert parse_size(text) == (1280, 720)


@pytest.mark.parametrize("text", ["", "big", "1280", "1280x", "-3x4", "1e3x5", "1x2x3", "9" * 30])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="WIDTHxHEIGHT"):
        parse_size(text)


def test_what_came_later_leaves_older_digests_as_they_were() -> None:
    assert not {"complete", "original"} & GOOD.as_dict().keys()
    more = replace(GOOD, complete=True), replace(GOOD, original="a lake")
    for request in more:
        assert VideoRequest.from_dict(request.as_dict()) == request
    assert len({GOOD.digest, *(request.digest for request in more)}) == 3


def test_what_a_picture_may_show_already_is_not_completed() -> None:
    with pytest.raises(InputError, match="complete"):
        replace(GOOD, complete=True, given=(Given("frame", "a" * 64),))
    with pytest.raises(InputError, match="original"):
        replace(GOOD, original="\0")
