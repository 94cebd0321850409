from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from pleinair.backends.base import Generation
from pleinair.backends.embedded import Embedded, nearest_size
from pleinair.diffusion.model.autoencoder import Autoencoder, AutoencoderConfig
from pleinair.diffusion.model.checkpoint import Model
from pleinair.diffusion.model.pipeline import Pipeline
from pleinair.diffusion.model.text import TextConfig, TextEncoder
from pleinair.diffusion.model.vocabulary import Vocabulary
from pleinair.dit.transformer import Transformer, TransformerConfig
from pleinair.errors import InputError, MemoryFullError, ModelError
from pleinair.media.codec import Video
from pleinair.media.frames import Frames, resize, to_frames, to_tensor
from pleinair.request import Given, VideoRequest
from pleinair.settings import Settings
from tests.conftest import moving_card


class _Pipeline:
    """Draws a grey that grows lighter, and remembers what it was asked for.

    Latents are the grey of the last frame of each group.
    """

    vocabulary = SimpleNamespace(suggest={"baloon": "balloon"}.get)
    trouble: Exception | None = None
    few: object = None

    def encode(self, frames: torch.Tensor) -> torch.Tensor:
        assert frames.shape[1] % 4 == 1
        return frames.mean((0, 2, 3))[::4].expand(1, -1)

    def generate(self, prompt: str, **asked: Any) -> SimpleNamespace:  # noqa: ANN401
        if self.trouble is not None:
            raise self.trouble
        self.asked = asked | {"prompt": prompt}
        frames = 1 + round(asked["seconds"] * 8)
        rise = torch.linspace(-1, 1, frames)[None, None, :, None, None]
        video = rise.expand(asked["variations"], 3, -1, asked["height"], asked["width"])
        if asked["progress"]:
            asked["progress"](1, 1, "draw")
        unknown = ("baloon", "zzzz") if "baloon" in prompt else ()
        return SimpleNamespace(video=video, unknown=unknown, cut=3, timings={"draw": 0.5})


@pytest.fixture
def drawn() -> _Pipeline:
    return _Pipeline()


@pytest.fixture
def tiny() -> Pipeline:
    """A whole model with random weights."""
    torch.manual_seed(0)
    autoencoder = AutoencoderConfig(channels=8, quarter=8, eighth=8, group=8, latent=8, half=8)
    transformer = TransformerConfig(channels=8, dim=32, layers=1, heads=2, hidden=64, text=16)
    words = Vocabulary(["a", "lake"])
    model = Model(
        Autoencoder(autoencoder),
        TextEncoder(TextConfig(len(words), dim=16, layers=1, heads=2)),
        Transformer(transformer),
        words,
        {"shift": 2.0},
    )
    return Pipeline(model)


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


CLIP, PICTURE = "c" * 64, "9" * 64
GREYS = np.arange(0, 240, 10, dtype=np.uint8)  # a second of a clip that grows lighter
MATERIALS = {
    CLIP: Video(np.tile(GREYS[:, None, None, None], (1, 48, 64, 3)), Fraction(24)),
    PICTURE: Video(np.full((1, 30, 20, 3), 102, np.uint8), Fraction(1)),
}


def _given(embedded: Embedded, *given: Given, **changes: Any) -> Generation:  # noqa: ANN401
    request = replace(REQUEST, given=given, **changes)
    made = embedded.generate(request, materials=MATERIALS)
    assert made.metadata.request is request
    return made


def _greys(given: dict[int, torch.Tensor]) -> dict[int, float]:
    """Grey, 0–255, of the latents that were given."""
    return {frame: float((clean.mean() + 1) * 127.5) for frame, clean in given.items()}


@pytest.mark.parametrize(
    ("at", "group"), [(0, 0), (0.05, 0), (0.1, 1), (0.5, 1), (0.6, 2), (1, 2), (2, 4)]
)
def test_a_picture_is_given_at_the_group_of_its_time(
    embedded: Embedded, drawn: _Pipeline, at: float, group: int
) -> None:
    made = _given(embedded, Given("frame", PICTURE, at=at), seconds=2)
    assert _greys(drawn.asked["given"]) == {group: pytest.approx(102)}
    assert drawn.asked["source"] is None
    assert "as the model draws them, 80x144" in made.metadata.notes[0]
    assert "encode" in made.metadata.seconds


def test_an_edit_is_redrawn_from_its_strength_at_the_native_rate(
    embedded: Embedded, drawn: _Pipeline
) -> None:
    made = _given(embedded, Given("edit", CLIP, strength=0.4), seconds=1.5)
    assert drawn.asked["strength"] == 0.4
    assert not drawn.asked["given"]
    source = (drawn.asked["source"] + 1) * 127.5
    # Of 13 native frames, three of the clip's apart, every fourth; then the clip is over.
    assert source[0].tolist() == pytest.approx([0, 120, 230, 230])
    assert len(made.frames) == 36
    assert "noise level 0.4" in made.metadata.notes[0]


def test_an_extension_begins_with_the_end_of_the_clip(embedded: Embedded, drawn: _Pipeline) -> None:
    made = _given(embedded, Given("extend", CLIP), seconds=2)
    assert drawn.asked["seconds"] == 2.5
    assert _greys(drawn.asked["given"]) == {0: pytest.approx(110), 1: pytest.approx(230)}
    assert made.metadata.native_frames == 21
    assert "the first 24 frames" in made.metadata.notes[0]


def test_an_extension_goes_on_without_a_repeated_or_a_skipped_frame(embedded: Embedded) -> None:
    made = _given(embedded, Given("extend", CLIP), seconds=2)
    assert made.frames.shape == (24 + 48, 300, 200, 3)
    assert np.array_equal(made.frames[:24], resize(MATERIALS[CLIP].frames, 200, 300))
    # The fake draws frame n of 20 as the grey n / 20, and frame 4 is the clip's last one.
    moments = 4 + np.arange(1, 49) / 3
    seen = made.frames[24:].mean((1, 2, 3))
    assert seen == pytest.approx(moments / 20 * 255, abs=1.5)


def test_an_extension_at_another_rate_brings_the_clip_to_it(embedded: Embedded) -> None:
    made = _given(embedded, Given("extend", CLIP), seconds=1, fps=12)
    assert len(made.frames) == 12 + 12
    assert np.array_equal(made.frames[:12, 0, 0, 0], GREYS[::2])


def test_a_clip_of_a_moment_is_extended_from_its_last_frame(
    embedded: Embedded, drawn: _Pipeline
) -> None:
    moment = Video(MATERIALS[CLIP].frames[:6], Fraction(24))
    request = replace(REQUEST, given=(Given("extend", CLIP),))
    made = embedded.generate(request, materials={CLIP: moment})
    assert _greys(drawn.asked["given"]) == {0: pytest.approx(50)}
    assert drawn.asked["seconds"] == 1
    assert len(made.frames) == 6 + 24


def test_characters_are_named_to_nobody_and_open_the_video(
    embedded: Embedded, drawn: _Pipeline
) -> None:
    given = Given("character", PICTURE, name="Ana"), Given("character", CLIP, name="Bo")
    made = _given(embedded, *given, prompt="Ana waves to Bo by a lake")
    assert drawn.asked["prompt"].split() == ["waves", "to", "by", "a", "lake"]
    assert _greys(drawn.asked["given"]) == {0: pytest.approx(102), 2: pytest.approx(120)}
    assert any("no identities" in note for note in made.metadata.notes)


def test_what_to_keep_out_reaches_the_model(embedded: Embedded, drawn: _Pipeline) -> None:
    embedded.generate(replace(REQUEST, negative_prompt="snow"))
    assert drawn.asked["negative_prompt"] == "snow"
    assert drawn.asked["preview"] is None


def test_a_missing_clip_is_told(embedded: Embedded) -> None:
    with pytest.raises(ModelError, match="aaaaaaaaaaaa…"):
        _given(embedded, Given("edit", "a" * 64))


@pytest.mark.parametrize(
    "trouble",
    [
        MemoryError("Unable to allocate 9 GiB"),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 8 bytes"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes"),
        RuntimeError("could not create a primitive"),
    ],
)
def test_a_full_memory_is_told_and_the_next_video_is_made(
    embedded: Embedded, drawn: _Pipeline, trouble: Exception
) -> None:
    drawn.trouble = trouble
    with pytest.raises(MemoryFullError, match="not enough memory for 200x300, 24 frames") as caught:
        embedded.generate(REQUEST)
    assert "\n" not in str(caught.value)
    assert caught.value.__context__ is None  # else it would hold on to what filled the memory
    drawn.trouble = None
    assert len(embedded.generate(REQUEST).frames) == 24


def test_torch_itself_says_so(embedded: Embedded, drawn: _Pipeline) -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 50)
    drawn.trouble = caught.value
    with pytest.raises(MemoryFullError):
        embedded.generate(REQUEST)


def test_another_error_is_not_taken_for_a_full_memory(embedded: Embedded, drawn: _Pipeline) -> None:
    drawn.trouble = RuntimeError("shapes do not match")
    with pytest.raises(RuntimeError, match="shapes"):
        embedded.generate(REQUEST)


def test_a_real_pipeline_shows_the_picture_it_is_given(tiny: Pipeline) -> None:
    embedded = Embedded(Settings(device="cpu"), tiny)
    picture = moving_card(1, 144, 80)
    looks: list[Frames] = []
    request = replace(REQUEST, width=144, height=80, seconds=0.5, fps=8, steps=2)
    made = embedded.generate(
        replace(request, given=(Given("frame", PICTURE),)),
        materials={PICTURE: Video(picture, Fraction(1))},
        preview=lambda look: looks.append(look()),
    )
    seen = tiny.autoencoder.decode(tiny.encode(to_tensor(picture))[None])
    assert np.array_equal(made.frames[0], to_frames(seen[0])[0])
    assert [look.shape for look in looks] == [(5, 80, 144, 3)] * 2
    assert np.array_equal(looks[0][0], made.frames[0])


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_gpu_that_is_not_there_is_refused(drawn: _Pipeline) -> None:
    with pytest.raises(InputError, match="no GPU"):
        Embedded(Settings(device="cuda"), cast("Pipeline", drawn))


@pytest.mark.parametrize(
    ("asked", "few", "drawn_with"),
    [
        ({}, True, (4, None)),
        ({"steps": 2}, True, (2, None)),
        ({"steps": 8}, True, (8, 3.0)),
        ({"guidance": 5.0}, True, (12, 5.0)),
        ({"negative_prompt": "rain"}, True, (12, 3.0)),
        ({}, False, (12, 3.0)),
        ({"steps": 3}, False, (3, 3.0)),
    ],
)
def test_few_steps_are_taken_where_nothing_speaks_against_them(
    embedded: Embedded,
    drawn: _Pipeline,
    asked: dict[str, Any],
    few: bool,
    drawn_with: tuple[int, float | None],
) -> None:
    drawn.few = few or None
    made = embedded.generate(VideoRequest("a lake", seconds=0.5, fps=8, **asked))
    assert (drawn.asked["steps"], drawn.asked["guidance"]) == drawn_with
    assert (made.metadata.steps, made.metadata.guidance) == drawn_with
