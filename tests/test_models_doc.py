"""The pages on open weights: their commands run, and what they list is what there is."""

import io
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pleinair.backends import hub
from pleinair.backends.base import check_model
from pleinair.backends.catalogue import CATALOGUE
from pleinair.backends.weights import listed
from pleinair.cli import main
from pleinair.commands import make
from pleinair.errors import ModelError
from tests.commands.test_models import FakeHub

DOCS = Path(__file__).parent.parent / "docs"
PAGES = ("models.md", "open-weights.md")


def commands(page: str) -> list[list[str]]:
    """Words of every line of the page's shell blocks, without comments."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (DOCS / page).read_text(), re.M | re.S)
    return [shlex.split(line, comments=True) for line in "".join(blocks).splitlines()]


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_run_up_to_the_loading_of_weights(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def load(model: str, _: object) -> None:
        raise ModelError(f"here {model} is loaded")

    monkeypatch.setattr(make, "open_backend", load)
    monkeypatch.setattr(hub, "_client", FakeHub)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("PLEINAIR_MODEL_FOLDER", str(tmp_path / "models"))
    monkeypatch.setenv("PLEINAIR_PROVENANCE", "off")
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.zeros((48, 64, 3), np.uint8)).save("boat.png")
    drawn = set()
    for words in commands(page):
        if words[0].startswith("PLEINAIR_MODELS="):
            for model in words[0].partition("=")[2].split(","):
                check_model(model)
            assert words[1:] == ["pleinair", "serve"]
        elif words[:2] != ["pip", "install"] and words != ["pleinair", "doctor"]:
            monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
            with pytest.raises(SystemExit) as caught:
                main(words[1:])
            said = capfd.readouterr()
            if words[1] == "generate":
                model = words[words.index("--model") + 1]
                assert f"here {model} is loaded" in said.err, said.err
                drawn.add(model)
            else:
                assert caught.value.code == 0, said.err
    native = page == "open-weights.md"
    assert drawn >= {name for name, weights in CATALOGUE.items() if weights.native is native}


def test_the_table_has_every_model_as_the_catalogue_has_it() -> None:
    page = (DOCS / "models.md").read_text()
    for weights in CATALOGUE.values():
        row = next(line for line in page.splitlines() if line.startswith(f"| `{weights.id}` |"))
        told = (
            weights.repository,
            weights.licence.link,
            f"{weights.gb:g} GB",
            listed(weights.sizes),
            f"| {weights.fps} | {weights.step}·n+1 | {weights.longest:g} s |",
        )
        assert all(value in row for value in told)
        assert ("●" in row) is weights.licence.accept
        assert ("| a picture |" in row) is (weights.needs == "frame")
