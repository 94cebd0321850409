from pathlib import Path

import pytest
import torch

from pleinair.diffusion.model.autoencoder import Autoencoder
from pleinair.diffusion.model.checkpoint import load_model
from pleinair.diffusion.model.pipeline import Pipeline
from pleinair.diffusion.model.vocabulary import Vocabulary
from pleinair.diffusion.training.export import export
from pleinair.diffusion.training.loop import Video
from pleinair.diffusion.training.recipes import recipe_named
from pleinair.diffusion.worlds.captions import vocabulary_words
from pleinair.errors import TrainingError

TINY = recipe_named("tiny")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that has an autoencoder, and a transformer after 7 of 9 steps."""
    torch.manual_seed(0)
    torch.save(Autoencoder(TINY.autoencoder).state_dict(), tmp_path / "autoencoder-done.pt")
    network = Video(TINY, Vocabulary(vocabulary_words()))
    plan = {"step": 7, "total": 9, "seconds": 90.0}
    kept = {"network": {}, "average": network.state_dict(), "optimisers": [], "plan": plan}
    torch.save(kept, tmp_path / "diffusion.pt")
    return tmp_path


def test_an_unfinished_run_gives_its_average_and_says_so(run: Path) -> None:
    path = run / "new" / "model.safetensors"
    export(run, "tiny", path, seed=3)
    model = load_model(path)
    about = model.about
    assert (about["recipe"], about["seed"], about["shift"]) == ("tiny", 3, TINY.shift)
    assert about["finished"] is False
    assert about["diffusion"] == {"step": 7, "of": 9, "minutes": 1.5}
    assert about["autoencoder"] == about["reading"] == {}
    assert about["commit"]
    assert about["date"].startswith("20")
    average = torch.load(run / "diffusion.pt")["average"]
    kept = average["transformer.blocks.1.self_attn.q.weight"].half().float()
    assert torch.equal(model.transformer.state_dict()["blocks.1.self_attn.q.weight"], kept)
    clips = Pipeline.load(path).generate(
        "a red sailboat", seconds=1, width=48, height=32, seed=1, steps=2, guidance=2.0
    )
    assert clips.video.shape == (1, 3, 9, 32, 48)
    assert clips.unknown == ()


def test_a_finished_run_gives_what_it_ended_with(run: Path) -> None:
    weights = torch.load(run / "diffusion.pt")["average"]
    weights["text.norm.bias"] = weights["text.norm.bias"] + 3
    torch.save(weights, run / "diffusion-done.pt")
    export(run, "tiny", run / "model.safetensors")
    model = load_model(run / "model.safetensors")
    assert model.about["finished"] is True
    assert (model.text.norm.bias == 3).all()


@pytest.mark.parametrize("name", ["autoencoder-done.pt", "diffusion.pt"])
def test_a_run_that_is_not_so_far_is_told(run: Path, name: str) -> None:
    (run / name).unlink()
    with pytest.raises(TrainingError, match=f"{name}: missing"):
        export(run, "tiny", run / "model.safetensors")
    (run / name).write_bytes(b"nonsense")
    with pytest.raises(TrainingError, match=f"{name}: corrupt"):
        export(run, "tiny", run / "model.safetensors")


def test_another_recipe_is_told(run: Path) -> None:
    with pytest.raises(TrainingError, match="not a run of the recipe 'laptop'"):
        export(run, "laptop", run / "model.safetensors")
    assert not (run / "model.safetensors").exists()
