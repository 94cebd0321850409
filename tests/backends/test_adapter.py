"""The adapter on pipelines of a few thousand random weights."""

import inspect
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from pleinair.backends import adapter, catalogue
from pleinair.backends.adapter import Adapter
from pleinair.backends.given import begin
from pleinair.errors import InputError, MemoryFullError, ModelError
from pleinair.media.codec import Video
from pleinair.request import Given, VideoRequest
from pleinair.settings import Settings
from tests.backends.tiny import TINY, TINY_LTX, receipt_of, save_tiny, save_tiny_ltx
from tests.conftest import moving_card

SETTINGS = Settings(device="cpu")
ASKED = VideoRequest(
    "a lake", model="tiny", seconds=0.5, width=64, height=32, fps=12, steps=2, seed=7
)
CLIP = "c" * 64
MATERIALS = {CLIP: Video(moving_card(6, 48, 32), Fraction(12))}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pipeline that nobody changes."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_tiny(folder)
    receipt_of("tiny", folder).write(folder)
    return folder


@pytest.fixture(scope="module", autouse=True)
def _listed() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(catalogue.CATALOGUE, "tiny", TINY)
        yield


@pytest.fixture(scope="module")
def tiny(saved: Path) -> Adapter:
    """The pipeline, loaded once."""
    return Adapter("tiny", saved, SETTINGS)


@pytest.fixture
def takes(tiny: Adapter, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Adapter]:
    """The same model with another pipeline's call."""

    def put(call: Any) -> Adapter:  # noqa: ANN401
        class Other:
            __call__ = call
            vae_scale_factor_temporal = 4
            components = tiny.pipeline.components

            def maybe_free_model_hooks(self) -> None: ...

        other = object.__new__(Adapter)
        other.__dict__ |= vars(tiny) | {"pipeline": Other()}
        other.takes = inspect.signature(other.pipeline.__call__).parameters
        return other

    return put


def test_a_video_comes_at_the_size_and_rate_asked_for(tiny: Adapter) -> None:
    made = tiny.generate(ASKED)
    assert made.frames.shape == (6, 32, 64, 3)
    assert made.frames.dtype == np.uint8
    assert made.fps == 12
    told = made.metadata
    assert (told.native_width, told.native_height, told.native_frames) == (32, 16, 5)
    assert (told.native_fps, told.steps, told.guidance, told.device) == (8, 2, 5.0, "cpu")
    assert {"draw", "deliver"} <= set(told.seconds)


def test_the_size_that_is_drawn_has_the_shape_asked_for(tiny: Adapter) -> None:
    told = tiny.generate(replace(ASKED, width=32, height=64)).metadata
    assert (told.native_width, told.native_height) == (16, 32)


def test_more_seconds_are_more_native_frames(tiny: Adapter) -> None:
    told = tiny.generate(replace(ASKED, seconds=0.75, steps=1)).metadata
    assert told.native_frames == 9


def test_a_variation_is_what_its_seed_alone_would_give(tiny: Adapter) -> None:
    both = tiny.generate(replace(ASKED, variations=2))
    alone = tiny.generate(replace(ASKED, seed=ASKED.seed + 1))
    assert np.array_equal(both.clips[1], alone.frames)
    assert not np.array_equal(both.clips[0], both.clips[1])


def test_steps_and_guidance_are_the_pipelines_own_unless_asked_for(tiny: Adapter) -> None:
    told = tiny.generate(replace(ASKED, steps=1, guidance=1.0)).metadata
    assert (told.steps, told.guidance) == (1, 1.0)
    call = tiny._call(replace(ASKED, steps=None), begin(ASKED, {}), (32, 16))
    assert (call["num_inference_steps"], call["guidance_scale"]) == (50, 5.0)


def test_what_to_keep_out_changes_the_video(tiny: Adapter) -> None:
    plain, without = tiny.generate(ASKED), tiny.generate(replace(ASKED, negative_prompt="snow"))
    assert not np.array_equal(plain.frames, without.frames)


def test_progress_is_told_after_each_step(tiny: Adapter) -> None:
    told: list[tuple[int, int, str]] = []
    tiny.generate(replace(ASKED, variations=2), lambda *now: told.append(now))
    drawn = [now[:2] for now in told if now[2] == "draw"]
    assert drawn == [(0, 4), (1, 4), (2, 4), (2, 4), (3, 4), (4, 4)]
    assert (1, 2, "deliver") in told


def test_what_the_progress_raises_ends_the_work(tiny: Adapter) -> None:
    class StoppedError(Exception):
        pass

    steps = []

    def stop(done: int, total: int, stage: str) -> None:
        steps.append(done)
        if done == 1:
            raise StoppedError

    with pytest.raises(StoppedError):
        tiny.generate(replace(ASKED, steps=5), stop)
    assert steps == [0, 1]
    assert tiny.generate(ASKED).frames.shape == (6, 32, 64, 3)


@pytest.mark.parametrize(
    "error",
    [MemoryError("no"), torch.OutOfMemoryError("CUDA"), RuntimeError("can't allocate memory")],
)
def test_a_full_memory_is_told_and_the_model_goes_on(
    tiny: Adapter, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def full(*_: object, **__: object) -> None:
        raise error

    freed: list[bool] = []
    with monkeypatch.context() as patch:
        patch.setattr(tiny.pipeline.vae, "decode", full)
        patch.setattr(tiny.pipeline, "maybe_free_model_hooks", lambda: freed.append(True))
        with pytest.raises(MemoryFullError, match="64x32, 6 frames"):
            tiny.generate(ASKED)
    assert freed  # its parts left the GPU
    assert tiny.generate(ASKED).frames.shape == (6, 32, 64, 3)


def test_another_error_is_not_called_a_full_memory(
    tiny: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(tiny.pipeline.vae, "decode", broken)
    with pytest.raises(RuntimeError, match="shapes differ"):
        tiny.generate(ASKED)


def test_broken_numbers_are_no_video(tiny: Adapter, monkeypatch: pytest.MonkeyPatch) -> None:
    with torch.no_grad():
        bias = next(tiny.pipeline.vae.decoder.conv_out.parameters())
        kept = bias.clone()
        bias.fill_(float("nan"))
    try:
        with pytest.raises(ModelError, match="its numbers are broken"):
            tiny.generate(ASKED)
    finally:
        with torch.no_grad():
            bias.copy_(kept)


def test_a_pipeline_from_words_alone_refuses_pictures_and_clips(tiny: Adapter) -> None:
    assert tiny.abilities == {"negative_prompt"}
    for role in ("frame", "edit", "extend"):
        request = replace(ASKED, given=(Given(role, CLIP),))
        with pytest.raises(InputError, match=f"got '{role}'; allowed: nothing"):
            tiny.generate(request, materials=MATERIALS)


def _drawn(call: dict[str, Any]) -> Any:  # noqa: ANN401
    frames = np.full((1, call["num_frames"], call["height"], call["width"], 3), 0.5, np.float32)
    return type("Output", (), {"frames": frames})()


def test_a_pipeline_with_a_picture_begins_from_it_and_extends(
    takes: Callable[[Any], Adapter],
) -> None:
    seen: list[dict[str, Any]] = []

    def call(
        self: object,
        image: Any,  # noqa: ANN401
        prompt: str,
        height: int,
        width: int,
        num_frames: int,
        num_inference_steps: int = 3,
        generator: object = None,
    ) -> Any:  # noqa: ANN401
        seen.append({"image": image})
        return _drawn({"num_frames": num_frames, "height": height, "width": width})

    model = takes(call)
    assert model.abilities == {"frame", "extend", "character"}
    made = model.generate(replace(ASKED, given=(Given("frame", CLIP),)), materials=MATERIALS)
    assert seen[0]["image"].size == (32, 16)
    assert (made.metadata.steps, made.metadata.guidance) == (2, None)
    made = model.generate(replace(ASKED, given=(Given("extend", CLIP),)), materials=MATERIALS)
    assert len(made.frames) == 6 + ASKED.frames
    assert "6 frames are those of the clip" in " ".join(made.metadata.notes)
    with pytest.raises(InputError, match="given: got 'nothing'; allowed: a frame"):
        model.generate(ASKED)
    late = replace(ASKED, given=(Given("frame", CLIP, at=0.5),))
    with pytest.raises(InputError, match=r"at: got 0\.5; allowed: 0 seconds"):
        model.generate(late, materials=MATERIALS)
    with pytest.raises(InputError, match="guidance"):
        model.generate(
            replace(ASKED, guidance=3.0, given=(Given("frame", CLIP),)), materials=MATERIALS
        )
    with pytest.raises(InputError, match="negative_prompt"):
        model.generate(replace(ASKED, negative_prompt="snow"))


def test_a_pipeline_with_a_last_picture_ends_with_it(takes: Callable[[Any], Adapter]) -> None:
    seen: list[dict[str, Any]] = []

    def call(
        self: object,
        image: Any,  # noqa: ANN401
        prompt: str,
        height: int,
        width: int,
        num_frames: int,
        last_image: Any = None,  # noqa: ANN401
        generator: object = None,
    ) -> Any:  # noqa: ANN401
        seen.append({"image": image, "last_image": last_image})
        return _drawn({"num_frames": num_frames, "height": height, "width": width})

    model = takes(call)
    first = Given("frame", CLIP)
    model.generate(replace(ASKED, given=(first,)), materials=MATERIALS)
    assert seen[0]["last_image"] is None
    model.generate(replace(ASKED, given=(first, Given("frame", CLIP, at=0.5))), materials=MATERIALS)
    assert seen[1]["last_image"].size == (32, 16)
    between = replace(ASKED, given=(first, Given("frame", CLIP, at=0.25)))
    with pytest.raises(InputError, match=r"at: got 0\.25"):
        model.generate(between, materials=MATERIALS)
    with pytest.raises(InputError, match="allowed: a frame"):
        model.generate(replace(ASKED, given=(Given("frame", CLIP, at=0.5),)), materials=MATERIALS)


@pytest.mark.parametrize(
    ("free", "way"),
    [(1000, ["to"]), (600, ["parts", "tiling"]), (200, ["layers", "tiling"])],
)
def test_a_small_gpu_holds_a_part_at_a_time(free: int, way: list[str]) -> None:
    done: list[str] = []

    class Recording:
        components: ClassVar[dict[str, Any]] = {
            "text": torch.nn.Linear(10, 10, bias=False),  # 400 bytes
            "transformer": torch.nn.Linear(8, 10, bias=False),  # 320
            "scheduler": None,
        }
        vae = SimpleNamespace(enable_tiling=lambda: done.append("tiling"))

        def to(self, device: str) -> "Recording":
            done.append("to")
            return self

        def enable_model_cpu_offload(self, device: str) -> None:
            done.append("parts")

        def enable_sequential_cpu_offload(self, device: str) -> None:
            done.append("layers")

    adapter.place(Recording(), "cuda", free)
    assert done == way


def test_another_family_has_its_own_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(catalogue.CATALOGUE, "tiny-ltx", TINY_LTX)
    save_tiny_ltx(tmp_path)
    receipt_of("tiny-ltx", tmp_path).write(tmp_path)
    model = Adapter("tiny-ltx", tmp_path, SETTINGS)
    assert model.abilities == {"negative_prompt"}
    made = model.generate(replace(ASKED, model="tiny-ltx"))
    assert made.frames.shape == (6, 32, 64, 3)
    told = made.metadata
    assert (told.native_width, told.native_height, told.native_frames) == (64, 32, 9)
    assert (told.steps, told.guidance) == (2, 3)


def test_a_pipeline_of_no_known_family_draws_in_whole_latents(tiny: Adapter) -> None:
    other = object.__new__(Adapter)
    other.__dict__ |= vars(tiny) | {"sizes": ()}
    # Eight pixels to a latent and two latents to a token, on each side.
    assert other._size(replace(ASKED, width=130, height=32)) == (128, 32)
    other.pipeline = SimpleNamespace(vae_spatial_compression_ratio=32)
    assert other._size(replace(ASKED, width=130, height=32)) == (128, 32)
    assert other._size(replace(ASKED, width=150, height=40)) == (160, 32)


def test_a_wan_pipeline_for_clips_draws_one_anew(
    saved: Path, tiny: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    diffusers: Any = import_module("diffusers")
    parts = {name: tiny.pipeline.components[name] for name in
             ("tokenizer", "text_encoder", "transformer", "vae", "scheduler")}  # fmt: skip
    pipeline = diffusers.WanVideoToVideoPipeline(**parts)
    pipeline.set_progress_bar_config(disable=True)
    monkeypatch.setattr(adapter, "_load", lambda *_: pipeline)
    model = Adapter("tiny", saved, SETTINGS)
    assert {"edit", "negative_prompt"} <= model.abilities
    edit = replace(ASKED, steps=4, given=(Given("edit", CLIP, strength=0.5),))
    made = model.generate(edit, materials=MATERIALS)
    assert made.frames.shape == (6, 32, 64, 3)
    assert made.metadata.steps == 2  # half of the four, as the strength says
    with pytest.raises(InputError, match="given: got 'nothing'; allowed: a clip to edit"):
        model.generate(ASKED)


def test_a_folder_that_is_not_whole_says_how_to_mend_it(saved: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    with pytest.raises(ModelError, match="`pleinair models pull tiny` fetches them"):
        Adapter("tiny", folder, SETTINGS)
    shutil.copytree(saved, folder)
    weights = folder / "vae" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4])
    with pytest.raises(ModelError, match="missing or cut short; `pleinair models pull tiny`"):
        Adapter("tiny", folder, SETTINGS)
    receipt_of("tiny", folder).write(folder)  # as if it had come so
    with pytest.raises(ModelError, match="cannot be read"):
        Adapter("tiny", folder, SETTINGS)
    (folder / "pleinair-receipt.json").unlink()
    with pytest.raises(ModelError, match="half finished"):
        Adapter("tiny", folder, SETTINGS)


def test_missing_packages_are_named(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(ModelError, match=r"pip install 'pleinair\[wan\]'"):
        Adapter("tiny", saved, SETTINGS)
