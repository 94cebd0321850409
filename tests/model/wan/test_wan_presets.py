import subprocess
import sys

import pytest

from pleinair.errors import ModelError
from pleinair.model.wan.presets import NEGATIVE, PRESETS, preset_of


def test_presets_need_no_torch() -> None:
    code = "import sys, pleinair.model.wan.presets; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_model_is_named_with_those_there_are() -> None:
    with pytest.raises(ModelError, match=r"'wan9'.*wan2\.2-i2v-a14b"):
        preset_of("wan9")


def test_frames_are_four_k_and_one_and_never_too_many() -> None:
    small, text_image = PRESETS["wan2.1-t2v-1.3b"], PRESETS["wan2.2-ti2v-5b"]
    assert [small.frames_for(s) for s in (0.01, 1, 5, 60)] == [1, 17, 81, 81]
    assert [text_image.frames_for(s) for s in (1, 5, 60)] == [25, 121, 121]
    assert small.longest == text_image.longest == 5


def test_a_native_size_of_the_right_shape_that_is_no_larger_than_needed() -> None:
    preset = PRESETS["wan2.1-t2v-14b"]
    assert preset.native_size(640, 360) == (832, 480)
    assert preset.native_size(1280, 720) == (1280, 720)
    assert preset.native_size(1920, 1080) == (1280, 720)
    assert preset.native_size(360, 640) == (480, 832)


def test_what_is_published_for_each_model() -> None:
    for preset in PRESETS.values():
        assert preset.repositories == (preset.repository, f"{preset.repository}-Diffusers")
        assert preset.negative_prompt.endswith(NEGATIVE)
        assert len(preset.guidance) == (1 if preset.boundary is None else 2)
        assert ("frame" in preset.abilities) == (preset.picture != "none")
        assert preset.picture_needed == ("i2v" in preset.id and "ti2v" not in preset.id)
