"""What is drawn before, between and around clips, and in a circle."""

from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from pleinair.backends.base import Generation
from pleinair.backends.embedded import Embedded
from pleinair.diffusion.model.pipeline import Pipeline
from pleinair.errors import InputError
from pleinair.media.codec import Video
from pleinair.media.frames import Frames, resize
from pleinair.request import Given, VideoRequest
from pleinair.settings import Settings

REQUEST = VideoRequest("a lake", width=64, height=48, seconds=2, seed=4)
A, B, PICTURE = "a" * 64, "b" * 64, "9" * 64


def _clip(first: int, last: int, count: int = 24, fps: int = 24) -> Video:
    greys = np.linspace(first, last, count).round().astype(np.uint8)
    return Video(np.tile(greys[:, None, None, None], (1, 96, 128, 3)), Fraction(fps))


MATERIALS = {A: _clip(10, 33), B: _clip(200, 223), PICTURE: _clip(102, 102, 1)}


class _Pipeline:
    """Draws frame n as the grey n, and remembers what it was asked for."""

    vocabulary = SimpleNamespace(suggest={}.get)
    few: object = None

    def encode(self, frames: torch.Tensor) -> torch.Tensor:
        assert frames.shape[1] % 4 == 1
        return frames.mean((0, 2, 3))[::4].expand(1, -1)

    def generate(self, prompt: str, **asked: Any) -> SimpleNamespace:  # noqa: ANN401
        self.asked = asked | {"prompt": prompt}
        count = round(asked["seconds"] * 8)
        count = 4 * round(count / 4) if asked["loop"] else 1 + 4 * -(-(count - 1) // 4)
        greys = torch.arange(count)[None, None, :, None, None] / 127.5 - 1
        video = greys.expand(1, 3, -1, asked["height"], asked["width"])
        return SimpleNamespace(video=video, unknown=(), cut=0, timings={})


@pytest.fixture
def drawn() -> _Pipeline:
    return _Pipeline()


@pytest.fixture
def embedded(drawn: _Pipeline) -> Embedded:
    return Embedded(Settings(device="cpu"), cast("Pipeline", drawn))


def _make(embedded: Embedded, *given: Given, **changes: Any) -> Generation:  # noqa: ANN401
    return embedded.generate(replace(REQUEST, given=given, **changes), materials=MATERIALS)


def _seen(frames: Frames) -> list[float]:
    """Frames by the number that was drawn in them."""
    found: list[float] = frames.mean((1, 2, 3)).round(1).tolist()
    return found


def _greys(drawn: _Pipeline) -> dict[int, int]:
    given = drawn.asked["given"]
    return {frame: round(float((clean.mean() + 1) * 127.5)) for frame, clean in given.items()}


def _is(frames: Frames, clip: Video) -> bool:
    return np.array_equal(frames, resize(clip.frames, 64, 48))


def test_what_is_drawn_before_a_clip_ends_where_the_clip_begins(
    embedded: Embedded, drawn: _Pipeline
) -> None:
    made = _make(embedded, Given("before", B))
    assert len(made.frames) == 48 + 24
    assert made.kept == (0, 24)
    assert _is(made.frames[48:], MATERIALS[B])
    # The clip begins at frame 17, the first of latent 5: 48 frames at 24 are 16 at 8.
    assert _greys(drawn) == {5: 209, 6: 221}  # the last of each group of four
    assert round(drawn.asked["seconds"] * 8) == 25
    assert _seen(made.frames[:48]) == pytest.approx(1 + np.arange(48) / 3, abs=0.6)
    assert "the last 24 frames" in made.metadata.notes[0]


@pytest.mark.parametrize("seconds", [0.1, 0.5, 1, 1.3, 5])
def test_the_last_new_frame_is_one_before_the_clip(embedded: Embedded, seconds: float) -> None:
    made = _make(embedded, Given("before", B), seconds=seconds)
    new = round(seconds * 24)
    assert len(made.frames) == new + 24
    native = made.metadata.native_frames - 8  # where the clip begins
    assert _seen(made.frames[new - 1 : new])[0] == pytest.approx(native - 1 / 3, abs=0.6)


def test_two_clips_are_connected_by_what_leads_from_one_to_the_other(
    embedded: Embedded, drawn: _Pipeline
) -> None:
    made = _make(embedded, Given("before", B), Given("extend", A))
    assert len(made.frames) == 24 + 48 + 24
    assert made.kept == (24, 24)
    assert _is(made.frames[:24], MATERIALS[A])
    assert _is(made.frames[72:], MATERIALS[B])
    assert _greys(drawn) == {0: 21, 1: 33, 6: 209, 7: 221}
    # The first clip ends at frame 4 and the second begins at 21: 17 for 49 steps at 24.
    steps = 4 + 17 * np.arange(1, 49) / 49
    assert _seen(made.frames[24:72]) == pytest.approx(steps, abs=0.6)


def test_a_short_clip_that_follows_is_one_group(embedded: Embedded, drawn: _Pipeline) -> None:
    request = replace(REQUEST, given=(Given("before", B),))
    embedded.generate(request, materials={B: _clip(200, 205, 6)})
    assert _greys(drawn) == {5: 205}


def test_a_retake_keeps_all_but_its_part(embedded: Embedded, drawn: _Pipeline) -> None:
    made = _make(embedded, Given("retake", A, at=0.25, strength=0.6), seconds=0.5)
    assert len(made.frames) == 24
    assert made.kept == (6, 6)
    whole = resize(MATERIALS[A].frames, 64, 48)
    assert np.array_equal(made.frames[:6], whole[:6])
    assert np.array_equal(made.frames[18:], whole[18:])
    assert not np.array_equal(made.frames[6:18], whole[6:18])
    assert drawn.asked["strength"] == 0.6
    source = (drawn.asked["source"] + 1) * 127.5
    assert drawn.asked["source"].shape[1] * 4 - 3 == made.metadata.native_frames
    assert source[0, 1].item() == pytest.approx(26, abs=2)  # of the frames 16 to 27
    assert _greys(drawn)[0] == 15


@pytest.mark.parametrize(("at", "seconds", "kept"), [(0, 0.5, (0, 12)), (0.5, 0.5, (12, 0))])
def test_a_retake_of_an_end_is_held_on_one_side(
    embedded: Embedded, at: float, seconds: float, kept: tuple[int, int]
) -> None:
    made = _make(embedded, Given("retake", A, at=at), seconds=seconds)
    assert (len(made.frames), made.kept) == (24, kept)


@pytest.mark.parametrize(("at", "seconds"), [(0.75, 0.5), (3, 0.5), (0, 1), (0, 3)])
def test_a_retake_is_of_a_part_of_its_clip(embedded: Embedded, at: float, seconds: float) -> None:
    with pytest.raises(InputError, match="span"):
        _make(embedded, Given("retake", A, at=at), seconds=seconds)


def test_a_picture_is_seen_at_its_time_before_a_clip(embedded: Embedded, drawn: _Pipeline) -> None:
    made = _make(embedded, Given("before", B), Given("frame", PICTURE, at=1))
    assert _greys(drawn) == {3: 102, 5: 209, 6: 221}  # frame 9 is in latent 3
    made = _make(embedded, Given("before", B), Given("frame", PICTURE, at=2))
    assert "at the end has no effect" in made.metadata.notes[0]


def test_a_loop_goes_around_evenly_in_exactly_its_time(
    embedded: Embedded, drawn: _Pipeline
) -> None:
    made = _make(embedded, loop=True, seconds=1.9)
    assert drawn.asked["loop"]
    assert len(made.frames) == 46
    turn = 16 * np.arange(46) / 46
    assert _seen(made.frames)[:43] == pytest.approx(turn[:43], abs=0.6)
    assert _seen(made.frames)[-1] < 13  # between the last drawn frame, 15, and the first, 0


@pytest.mark.parametrize(("at", "group"), [(0, 0), (1, 2), (1.9, 3), (2, 0)])
def test_a_picture_in_a_loop_is_seen_in_its_group(
    embedded: Embedded, drawn: _Pipeline, at: float, group: int
) -> None:
    _make(embedded, Given("frame", PICTURE, at=at), loop=True)
    assert _greys(drawn) == {group: 102}


@pytest.mark.parametrize("fps", [8, 25, 30])
def test_lengths_are_exact_at_any_rate(embedded: Embedded, fps: int) -> None:
    clip = round(Fraction(24, 24) * fps)
    assert len(_make(embedded, Given("before", B), fps=fps).frames) == 2 * fps + clip
    both = Given("extend", A), Given("before", B)
    assert len(_make(embedded, *both, fps=fps).frames) == 2 * fps + 2 * clip
    assert len(_make(embedded, loop=True, fps=fps).frames) == 2 * fps
    assert len(_make(embedded, Given("retake", A, at=0.5), seconds=0.25, fps=fps).frames) == clip


@pytest.fixture(scope="module")
def shipped() -> Embedded:
    return Embedded(Settings(device="cpu"))


def _turns(frames: Frames) -> tuple[float, float]:
    """How much changes from the last frame to the first, and at most from one to the next."""
    around = np.concatenate([frames, frames[:1]]).astype(float)
    steps = np.abs(np.diff(around, axis=0)).mean((1, 2, 3))
    return float(steps[-1]), float(steps[:-1].max())


def test_the_last_frame_of_a_loop_leads_into_the_first(shipped: Embedded) -> None:
    prompt = "clouds drift over mountains at noon, the camera pans left"
    request = VideoRequest(prompt, seconds=2, width=144, height=80, fps=8, seed=7)
    end, most = _turns(shipped.generate(request).frames)
    assert end > 1.5 * most
    end, most = _turns(shipped.generate(replace(request, loop=True)).frames)
    assert end < 1.2 * most


def test_shipped_weights_lead_to_a_clip_and_from_one(shipped: Embedded) -> None:
    request = VideoRequest("a lake at dawn", seconds=2, width=144, height=80, fps=8, seed=7)
    clip = Video(shipped.generate(request).frames, Fraction(8))
    longer = replace(request, seed=9, seconds=2.5)
    given = Given("extend", A), Given("before", A)
    for roles in (given[1:], given):
        made = shipped.generate(replace(longer, given=roles), materials={A: clip})
        assert np.array_equal(made.frames[-16:], clip.frames)
        steps = np.abs(np.diff(made.frames.astype(float), axis=0)).mean((1, 2, 3))
        alone = shipped.generate(longer).frames.astype(float)
        jump = np.abs(alone[-1] - clip.frames[0]).mean()  # to the clip from what knows it not
        assert steps[len(made.frames) - 17] < jump / 2
