import subprocess
import sys

import pytest

from pleinair.errors import ModelError
from pleinair.wan.presets import NEGATIVE, PRESETS, preset_of


def test_presets_need_no_torch() -> None:
    code = "import sys, pleinair.wan.presets; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_model_is_named_with_those_there_are() -> None:
    with pytest.raises(ModelError, match=r"'wan9'.*wan2\.2-i2v-a14b"):
        preset_of("wan9")


def test_what_is_published_for_each_model() -> None:
    for preset in PRESETS.values():
        assert preset.repositories == (preset.repository, f"{preset.repository}-Diffusers")
        assert preset.negative_prompt.endswith(NEGATIVE)
        assert len(preset.guidance) == (1 if preset.boundary is None else 2)
        assert ("frame" in preset.abilities) == (preset.picture != "none")
        assert preset.picture_needed == ("i2v" in preset.id and "ti2v" not in preset.id)
