import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from pleinair.diffusion.model.checkpoint import load_model
from pleinair.diffusion.training.export import export
from pleinair.diffusion.training.loop import run
from pleinair.errors import TrainingError

# No "render": clips are drawn when they are needed.
LEARNING = ("autoencoder", "latents", "reading", "diffusion", "sharpening")
DONE = ("autoencoder-done.pt", "reading-done.pt", "diffusion-done.pt", "sharpening-done.pt")
# torch says once that bfloat16 inputs and float32 weights of a norm cannot be fused.
pytestmark = pytest.mark.filterwarnings("ignore:Mismatch dtype")


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbed."""
    out = tmp_path_factory.mktemp("straight")
    run("tiny", out, stages=LEARNING)
    return out


def _steps(out: Path) -> list[tuple[str, int]]:
    log = out / "log.jsonl"
    lines = log.read_text().splitlines() if log.exists() else []
    records = [json.loads(line) for line in lines if line.endswith("}")]
    return [(record["stage"], record["step"]) for record in records]


def test_a_run_leaves_weights_a_log_and_sheets(straight: Path) -> None:
    steps = _steps(straight)
    for stage in ("autoencoder", "reading", "diffusion", "sharpening"):
        assert [step for name, step in steps if name == stage] == [1, 2, 3, 4, 5, 6]
        assert (straight / f"{stage}.pt").exists()
        assert (straight / f"{stage}-done.pt").exists()
        sheets = list((straight / "sheets").glob(f"{stage}-*.png"))
        assert len(sheets) == (0 if stage == "reading" else 2)
    records = map(json.loads, (straight / "log.jsonl").read_text().splitlines())
    losses = [record["loss"] for record in records if "loss" in record]
    assert all(0 <= loss < 100 for loss in losses)
    assert not list(straight.rglob("*.tmp"))


def test_a_run_that_is_killed_ends_as_if_it_had_not_been(straight: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pleinair.diffusion.training.loop import run; from pathlib import Path\n"
    )
    code += f"if __name__ == '__main__': run('tiny', Path(sys.argv[1]), stages={LEARNING})"
    seed = random.randrange(1000)  # a new moment each time
    moment = random.Random(seed)
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code, str(tmp_path)], stdout=subprocess.DEVNULL
    )
    wanted = moment.randint(1, 25)  # of 6 steps, 2 blocks, and thrice 6 steps
    try:
        while len(_steps(tmp_path)) < wanted and process.poll() is None:
            time.sleep(0.002)
        time.sleep(moment.uniform(0, 0.1))
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    before = len(_steps(tmp_path))
    run("tiny", tmp_path, stages=LEARNING)
    for name in DONE:
        one, other = torch.load(straight / name), torch.load(tmp_path / name)
        for key, value in one.items():
            assert torch.equal(value, other[key]), f"{name} {key}, killed after {before}, {seed=}"


def test_a_finished_run_has_nothing_left_to_do(straight: Path) -> None:
    before = {name: (straight / name).read_bytes() for name in DONE}
    steps = len(_steps(straight))
    run("tiny", straight, stages=("diffusion",))
    assert len(_steps(straight)) == steps
    assert (straight / DONE[-1]).read_bytes() == before[DONE[-1]]


def test_a_run_goes_on_from_a_model(straight: Path, tmp_path: Path) -> None:
    model = tmp_path / "model.safetensors"
    export(straight, "tiny", model)
    out = tmp_path / "onward"
    run("tiny", out, start=model)
    assert {stage for stage, _ in _steps(out)} == {"latents", "diffusion", "sharpening"}
    export(out, "tiny", tmp_path / "after.safetensors")
    before, after = load_model(model), load_model(tmp_path / "after.safetensors")
    old, new = (each.autoencoder.state_dict() for each in (before, after))
    changed = {name for name, value in old.items() if not torch.equal(value, new[name])}
    assert changed
    assert all(name.startswith("decoder.") for name in changed), "latents stay what they were"
    one, other = (each.transformer.state_dict() for each in (before, after))
    here, there = (each["patch_embedding.weight"] for each in (one, other))
    assert 0 < (here - there).norm() < 0.2 * here.norm()
    with pytest.raises(TrainingError, match=r"start: .* other sizes or words"):
        run("laptop", tmp_path / "other", start=model)


def test_a_sharpened_decoder_goes_most_of_the_way(straight: Path) -> None:
    before = torch.load(straight / "autoencoder-done.pt")
    there = torch.load(straight / "sharpening.pt")["average"]
    after = torch.load(straight / "sharpening-done.pt")
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    assert changed
    for name in changed:
        expected = 0.25 * before[name] + 0.75 * there[name]
        torch.testing.assert_close(after[name], expected)


def test_clips_are_rendered_in_a_second_process(tmp_path: Path) -> None:
    run("tiny", tmp_path, stages=("render",))
    assert len(list((tmp_path / "clips").glob("*.npz"))) == 2


@pytest.mark.parametrize(
    ("recipe", "stages", "minutes", "said"),
    [
        ("huge", None, None, "recipe: got 'huge'"),
        ("tiny", ("sleep",), None, "stage: got 'sleep'"),
        ("tiny", None, {"sleep": 3.0}, "stage: got 'sleep'"),
        ("tiny", ("diffusion",), None, r"autoencoder-done\.pt: missing"),
        ("tiny", ("latents",), None, r"autoencoder-done\.pt: missing"),
    ],
)
def test_what_cannot_be_run_is_refused(
    tmp_path: Path,
    recipe: str,
    stages: tuple[str, ...] | None,
    minutes: dict[str, float] | None,
    said: str,
) -> None:
    with pytest.raises(TrainingError, match=said):
        run(recipe, tmp_path, stages=stages, minutes=minutes)


def test_a_broken_checkpoint_is_told(tmp_path: Path) -> None:
    (tmp_path / "autoencoder.pt").write_bytes(b"nonsense")
    with pytest.raises(TrainingError, match=r"autoencoder\.pt: not a checkpoint"):
        run("tiny", tmp_path, stages=("autoencoder",))
