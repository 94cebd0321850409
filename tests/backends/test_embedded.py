from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from pleinair.backends.embedded import Embedded, nearest_size
from pleinair.errors import InputError
from pleinair.model.pipeline import Pipeline
from pleinair.request import VideoRequest
from pleinair.settings import Settings


class _Pipeline:
    """Draws a grey that grows lighter, and remembers what it was asked for."""

    vocabulary = SimpleNamespace(suggest={"baloon": "balloon"}.get)

    def generate(self, prompt: str, **asked: Any) -> SimpleNamespace:  # noqa: ANN401
        self.asked = asked
        frames = 1 + round(asked["seconds"] * 8)
        rise = torch.linspace(-1, 1, frames)[None, None, :, None, None]
        video = rise.expand(asked["variations"], 3, -1, asked["height"], asked["width"])
        asked["progress"](1, 1, "draw")
        unknown = ("baloon", "zzzz") if "baloon" in prompt else ()
        return SimpleNamespace(video=video, unknown=unknown, cut=3, timings={"draw": 0.5})


@pytest.fixture
def drawn() -> _Pipeline:
    return _Pipeline()


@pytest.fixture
def embedded(drawn: _Pipeline) -> Embedded:
    return Embedded(Settings(device="cpu"), cast("Pipeline", drawn))


def _stages(embedded: Embedded, request: VideoRequest) -> tuple[list[str], Any]:
    stages: list[str] = []
    made = embedded.generate(request, lambda _done, _total, stage: stages.append(stage))
    return stages, made


REQUEST = VideoRequest("a baloon over a lake", width=200, height=300, seconds=1, seed=4)


def test_the_size_rate_and_length_asked_for_are_delivered(
    embedded: Embedded, drawn: _Pipeline
) -> None:
    stages, made = _stages(embedded, replace(REQUEST, variations=2))
    assert [clip.shape for clip in made.clips] == [(24, 300, 200, 3)] * 2
    assert made.frames.dtype == np.uint8
    assert made.fps == 24
    assert (drawn.asked["width"], drawn.asked["height"]) == (80, 144)
    assert drawn.asked["seed"] == 4
    assert stages == ["draw", "deliver", "deliver"]


def test_what_ran_is_recorded(embedded: Embedded) -> None:
    _, made = _stages(embedded, REQUEST)
    metadata = made.metadata
    native = (metadata.native_width, metadata.native_height, metadata.native_fps)
    assert native == (80, 144, 8)
    assert metadata.native_frames == 9
    assert metadata.unknown == {"baloon": "balloon", "zzzz": None}
    assert metadata.cut == 3
    assert list(metadata.seconds) == ["load", "draw", "deliver"]
    _, again = _stages(embedded, REQUEST)
    assert list(again.metadata.seconds) == ["draw", "deliver"]


@pytest.mark.parametrize(
    ("size", "native"),
    [
        ((1280, 720), (144, 80)),
        ((720, 1280), (80, 144)),
        ((512, 512), (112, 112)),
        ((4096, 32), (144, 80)),
        ((640, 480), (112, 112)),
    ],
)
def test_the_native_size_is_the_one_of_the_nearest_shape(
    size: tuple[int, int], native: tuple[int, int]
) -> None:
    assert nearest_size(*size, Embedded.sizes) == native


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_gpu_that_is_not_there_is_refused(drawn: _Pipeline) -> None:
    with pytest.raises(InputError, match="no GPU"):
        Embedded(Settings(device="cuda"), cast("Pipeline", drawn))
