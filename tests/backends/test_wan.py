"""Wan behind the public door, on a model so small that a clip takes milliseconds."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pleinair.backends import wan
from pleinair.backends.base import Backend, Generation
from pleinair.backends.catalogue import CATALOGUE
from pleinair.backends.wan import Wan
from pleinair.errors import InputError, MemoryFullError, ModelError
from pleinair.media.codec import Video
from pleinair.request import Given, VideoRequest
from pleinair.settings import Settings
from tests.conftest import moving_card
from tests.wan import tiny

SETTINGS = Settings(device="cpu", speed="exact,dtype=float32")
SIZES = ((48, 32), (32, 48))
REQUEST = VideoRequest(
    "a red boat at night", seconds=0.5, width=96, height=64, fps=24, seed=4, steps=2
)
FRAME, CLIP = Given("frame", "a" * 64), Given("extend", "b" * 64)


def _model(
    model: str, theirs: Callable[..., Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Wan:
    torch.manual_seed(0)
    tiny.save(theirs(), folder)
    monkeypatch.setitem(CATALOGUE, model, replace(CATALOGUE[model], sizes=SIZES))
    return Wan(model, folder, SETTINGS)


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wan:
    return _model("wan2.1-t2v-1.3b", tiny.wan_pipeline, tmp_path, monkeypatch)


@pytest.fixture
def pictured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wan:
    return _model("wan2.1-i2v-14b-480p", tiny.wan_picture_pipeline, tmp_path, monkeypatch)


def _made(model: Backend, request: VideoRequest, **more: Any) -> tuple[list[str], Generation]:  # noqa: ANN401
    stages: list[str] = []
    made = model.generate(request, lambda _done, _total, stage: stages.append(stage), **more)
    return stages, made


def test_the_size_rate_and_length_asked_for_are_delivered(text: Wan) -> None:
    stages, made = _made(text, replace(REQUEST, variations=2))
    assert [clip.shape for clip in made.clips] == [(12, 64, 96, 3)] * 2
    assert made.frames.dtype == np.uint8
    assert made.fps == 24
    assert not np.array_equal(made.clips[0], made.clips[1])
    assert stages == [*["denoise"] * 5, *["decode"] * 2, *["deliver"] * 2]
    _, alone = _made(text, replace(REQUEST, seed=5))
    assert np.array_equal(alone.frames, made.clips[1])


def test_what_ran_is_recorded(text: Wan) -> None:
    _, made = _made(text, REQUEST)
    ran = made.metadata
    assert (ran.native_width, ran.native_height, ran.native_fps) == (48, 32, 16)
    assert ran.native_frames == 9
    assert (ran.steps, ran.guidance, ran.cut, ran.device) == (2, 6.0, 0, "cpu")
    assert list(ran.seconds) == ["load", "text", "encode", "denoise", "decode", "deliver"]
    _, again = _made(text, replace(REQUEST, guidance=2.0, prompt="lake " * 515))
    assert "load" not in again.metadata.seconds
    assert (again.metadata.guidance, again.metadata.cut) == (2.0, 4)


def test_without_numbers_the_published_ones_are_taken(text: Wan) -> None:
    text.preset = replace(text.preset, steps=3)
    stages, made = _made(text, replace(REQUEST, steps=None))
    assert stages.count("denoise") == 1 + 3
    assert made.metadata.steps == 3
    _, published = _made(text, REQUEST)
    _, same = _made(text, replace(REQUEST, negative_prompt=text.preset.negative_prompt))
    _, other = _made(text, replace(REQUEST, negative_prompt="a lake"))
    assert np.array_equal(published.frames, same.frames)
    assert not np.array_equal(published.frames, other.frames)


def test_previews_are_small_pictures(text: Wan) -> None:
    seen = []
    text.generate(REQUEST, preview=lambda look: seen.append(look()))
    assert [look.shape for look in seen] == [(1, 32, 48, 3)] * 2
    assert seen[0].dtype == np.uint8


def test_a_picture_begins_the_video(pictured: Wan) -> None:
    cards = {
        name * 64: Video(moving_card(1, 60, 40, seed=seed), Fraction(1))
        for seed, name in enumerate("ac")
    }
    asked = replace(REQUEST, model=pictured.id, given=(FRAME,))
    _, one = _made(pictured, asked, materials=cards)
    other = replace(FRAME, sha256="c" * 64)
    _, two = _made(pictured, replace(asked, given=(other,)), materials=cards)
    assert not np.array_equal(one.frames, two.frames)
    with pytest.raises(InputError, match="a picture at 0 seconds: this model begins from one"):
        pictured.generate(replace(asked, given=()))
    with pytest.raises(InputError, match="0 seconds"):
        pictured.generate(replace(asked, given=(replace(FRAME, at=0.2),)), materials=cards)
    with pytest.raises(ModelError, match="missing"):
        pictured.generate(asked)


def test_a_clip_goes_on_from_its_last_frame(pictured: Wan) -> None:
    clip = Video(moving_card(6, 60, 40), Fraction(12))
    asked = replace(REQUEST, given=(CLIP,))
    _, made = _made(pictured, asked, materials={CLIP.sha256: clip})
    assert len(made.frames) == 12 + 12  # half a second of the clip, half a second more
    assert any("last frame" in note for note in made.metadata.notes)
    assert any("12 frames" in note for note in made.metadata.notes)


def test_what_the_model_cannot_do_is_refused(text: Wan) -> None:
    with pytest.raises(InputError, match="at most 5"):
        text.generate(replace(REQUEST, seconds=6))
    card = {FRAME.sha256: Video(moving_card(1, 60, 40), Fraction(1))}
    with pytest.raises(InputError, match="nothing with this model"):
        text.generate(replace(REQUEST, given=(FRAME,)), materials=card)


@pytest.mark.parametrize(
    "trouble",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("can't allocate memory"),
    ],
)
def test_full_memory_is_said_and_survived(
    text: Wan, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    _, before = _made(text, REQUEST)

    def full(*_: object) -> None:
        raise trouble

    with monkeypatch.context() as patch:
        patch.setattr(text.pipeline.model.transformers[0].blocks[1], "forward", full)
        with pytest.raises(MemoryFullError, match="96x64"):
            text.generate(REQUEST)
    _, after = _made(text, REQUEST)
    assert np.array_equal(before.frames, after.frames)


def test_other_errors_are_not_called_full_memory(
    text: Wan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(text.pipeline, "generate", lambda *_, **__: broken())
    with pytest.raises(RuntimeError, match="shapes"):
        text.generate(REQUEST)


def test_a_folder_that_is_missing_or_half_downloaded_is_named(tmp_path: Path) -> None:
    model = "wan2.1-t2v-1.3b"
    with pytest.raises(ModelError, match="nowhere"):
        Wan(model, tmp_path / "nowhere", SETTINGS)
    with pytest.raises(ModelError, match="no Wan model"):
        Wan("wan3", tmp_path, SETTINGS)
    folder = tiny.save(tiny.wan_pipeline(), tmp_path / "model")
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(ModelError, match=r"diffusion_pytorch_model\.safetensors.*cut short"):
        Wan(model, folder, SETTINGS)
    weights.unlink()
    with pytest.raises(ModelError, match=r"diffusion_pytorch_model\.safetensors is missing"):
        Wan(model, folder, SETTINGS)


def test_what_waits_outside_a_gpu_follows_from_its_free_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny.save(tiny.wan_pipeline(), tmp_path)
    assert wan._offload(folder, "cpu", torch.float32) == "none"
    for free, expected in ((2 * wan.WORK, "none"), (wan.WORK, "blocks")):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _, free=free: (free, 2 * free))
        assert wan._offload(folder, "cuda", torch.bfloat16) == expected
