import subprocess
import sys
from pathlib import Path

import pytest

from bench import generate, origins, render, watermark
from pleinair.figures import read_figure
from pleinair.request import VideoRequest

BENCH = Path(generate.__file__).parent


@pytest.mark.parametrize("script", sorted(path.name for path in BENCH.glob("*.py")))
def test_every_bench_says_what_it_does(script: str) -> None:
    call = [sys.executable, str(BENCH / script), "--help"]
    shown = subprocess.run(call, capture_output=True, text=True, check=True).stdout
    assert "--repeats" in shown
    assert "--out" in shown


def test_the_plan_starts_with_the_defaults_and_changes_one_thing_at_a_time() -> None:
    first, *others = generate.plan()
    assert first == VideoRequest(generate.PROMPT, seed=generate.SEED)
    for other in others:
        changed = {name for name, value in vars(other).items() if value != getattr(first, name)}
        assert changed in ({"steps"}, {"seconds"}, {"width", "height"})


def test_render_bench_writes_its_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "SIZES", ((32, 32),))
    assert render.main(["--repeats", "1", "--batch", "1", "--out", str(tmp_path)]) == 0
    figure = read_figure(tmp_path / "bench-render.json")
    assert figure.rows[0][0] == "32×32"
    assert all(isinstance(rate, float) and rate > 0 for rate in figure.rows[0][1:])


def test_watermark_bench_writes_its_figure(tmp_path: Path) -> None:
    told = ["--repeats", "1", "--marked", "1", "--frames", "4", "--out", str(tmp_path)]
    assert watermark.main(told) == 0
    rows = {row[0]: row for row in read_figure(tmp_path / "watermark.json").rows}
    assert rows["H.264, CRF 23"][1:3] == ["1 of 1", "1 of 1"]
    assert rows["not marked: highest score"][1] == "0 of 1"


def test_origins_bench_writes_its_figure(tmp_path: Path) -> None:
    assert origins.main(["--repeats", "2", "--queries", "1", "--out", str(tmp_path)]) == 0
    rows = {row[0]: row for row in read_figure(tmp_path / "reverse-search.json").rows}
    assert rows["mirrored"][1:3] == ["1 of 1", "1 of 1"]


def test_prompts_are_twenty_half_of_them_french() -> None:
    prompts = (BENCH / "prompts.txt").read_text().splitlines()
    assert len(set(prompts)) == 20
