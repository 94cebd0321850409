import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from bench import completion, generate, origins, parity, provenance, render, speed, watermark
from pleinair.backends import testcard
from pleinair.backends.base import Generation
from pleinair.figures import read_figure
from pleinair.request import VideoRequest

BENCH = Path(generate.__file__).parent


@pytest.mark.parametrize("script", sorted(path.name for path in BENCH.glob("*.py")))
def test_every_bench_says_what_it_does(script: str) -> None:
    call = [sys.executable, str(BENCH / script), "--help"]
    shown = subprocess.run(call, capture_output=True, text=True, check=True).stdout
    assert "--repeats" in shown
    assert "--out" in shown


def test_the_plan_changes_one_thing_at_a_time() -> None:
    first, *others = generate.plan()
    assert first == generate.FIRST
    for other in others:
        changed = {name for name, value in vars(other).items() if value != getattr(first, name)}
        assert changed in ({"steps"}, {"seconds"}, {"width", "height"})


def test_render_bench_writes_its_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "SIZES", ((32, 32),))
    assert render.main(["--repeats", "1", "--batch", "1", "--out", str(tmp_path)]) == 0
    figure = read_figure(tmp_path / "bench-render.json")
    assert figure.rows[0][0] == "32×32"
    assert all(isinstance(rate, float) and rate > 0 for rate in figure.rows[0][1:])


def test_speed_bench_compares_equal_weights(tmp_path: Path) -> None:
    pytest.importorskip("diffusers")
    import torch

    from pleinair.dit.transformer import TransformerConfig

    config = TransformerConfig(
        channels=4,
        patch=(1, 2, 2),
        dim=24,
        layers=2,
        heads=2,
        hidden=32,
        text=16,
        pooled_text=False,
    )
    with torch.random.fork_rng():
        speed.bench_wan(config, (4, 2, 4, 4), 2, tmp_path, compiled=False)
    rows = {str(row[0]): row for row in read_figure(tmp_path / "bench-speed.json").rows}
    near = rows["ours, exact, fp32, first step"][4]
    assert near is None or float(near) > 100  # the same numbers but for rounding
    assert all(float(row[4] or 0) > 30 for name, row in rows.items() if "exact, bf16" in name)
    assert {f"ours, {name}, bf16" for name in ("exact", "balanced", "fast")} <= rows.keys()


def test_how_near_two_videos_are() -> None:
    import torch

    video = torch.rand(1, 3, 2, 16, 16) * 2 - 1
    assert speed.decibels(video, video) is None
    assert speed.similarity(video, video) == pytest.approx(1)
    off = (video + 0.02).clamp(-1, 1)
    assert speed.decibels(video + 0.02, video, 2.0) == pytest.approx(40)
    assert 0.9 < speed.similarity(off, video) < 1
    assert speed.similarity(torch.rand_like(video), video) < 0.5


def test_completion_bench_writes_its_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    asked: list[str] = []

    class Grey:
        def generate(self, prompt: str, **_: object) -> SimpleNamespace:
            asked.append(prompt)
            return SimpleNamespace(video=torch.zeros(1, 3, 17, 48, 48))

    monkeypatch.setattr("pleinair.diffusion.model.pipeline.Pipeline.load", lambda _: Grey())
    monkeypatch.setattr(completion, "NAMED", {"place": ("lake",), "things": ("balloon",)})
    told = ["--repeats", "1", "--out", str(tmp_path), "--pictures", str(tmp_path)]
    assert completion.main(told) == 0
    assert (tmp_path / "craft-completion.jpg").is_file()
    figure = read_figure(tmp_path / "prompt-completion.json")
    assert figure.measured.n == 4
    assert {row[0] for row in figure.rows} >= {"the place named", "the thing named", "added: hour"}
    plain, full = asked[::2], asked[1::2]
    assert plain == ["lake", "hot-air balloon", "lac", "montgolfière"]
    assert all(b.startswith(f"{a}, ") for a, b in zip(plain, full, strict=True))


def test_provenance_bench_writes_its_figure(tmp_path: Path) -> None:
    few = ["--repeats", "2", "--flips", "20", "--chains", "1", "--stride", "97"]
    assert provenance.main([*few, "--out", str(tmp_path)]) == 0
    rows = read_figure(tmp_path / "provenance.json").rows
    found = {str(name): int(figure or 0) for name, figure in rows}
    assert found["videos signed"] == found["of these valid"] == 2
    assert found["chains of an extension and its remix"] == found["of these told whole"] == 1
    assert found["bits flipped in the video"] > 10
    parts = [name.removeprefix("bits flipped in the ") for name in found if "flipped" in name]
    assert len(parts) >= 10
    for part in parts:
        assert found[f"bits flipped in the {part}"] == found[f"of these caught, in the {part}"]


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


def test_parity_bench_compares_every_part_with_diffusers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("diffusers")
    monkeypatch.setattr(parity, "REAL", {"ffn_dim": 48})
    assert parity.main(["--repeats", "1", "--out", str(tmp_path)]) == 0
    rows = read_figure(tmp_path / "wan-parity.json").rows
    parts = {str(row[0]) for row in rows}
    assert {"transformer", "scheduler unipc", "autoencoder", "whole clip"} < parts
    assert all(0 <= float(row[2] or 0) < 1e-4 for row in rows)
    assert [row[2] for row in rows if row[0] == "layouts, there and back"] == [0, 0]


def test_how_joins_and_drift_are_measured() -> None:
    import numpy as np

    from bench.operations import measures

    ramp = np.arange(24, dtype=np.uint8)[:, None, None, None] * np.ones((1, 16, 32, 3), np.uint8)
    assert measures.seam(ramp, 12) == pytest.approx(1)
    jump = ramp.copy()
    jump[12:] += 50
    assert measures.seam(jump, 12) == pytest.approx(51)
    assert measures.psnr(ramp[0], ramp[1]) == pytest.approx(48.13, abs=0.01)
    rng = np.random.default_rng(0)
    scene = rng.integers(0, 256, (8, 36, 64, 3), np.uint8)
    assert measures.layout(scene, scene) == pytest.approx(1)
    assert abs(measures.layout(scene, rng.integers(0, 256, scene.shape, np.uint8))) < 0.6
    assert measures.colours(np.concatenate([ramp[:8] * 0, ramp[:8] * 0 + 30]), 1) == pytest.approx(
        30
    )
    assert measures.contrast(np.concatenate([scene, scene // 2]), 1) == pytest.approx(0.5, abs=0.01)


class Card(testcard.TestCard):
    """The test card, with an autoencoder that loses nothing; it keeps what it was asked."""

    pipeline = SimpleNamespace(
        encode=lambda video: video, autoencoder=SimpleNamespace(decode=lambda latents: latents)
    )
    asked: ClassVar[list[VideoRequest]] = []

    def generate(self, request: VideoRequest, *args: Any, **others: Any) -> Generation:  # noqa: ANN401
        self.asked.append(request)
        return super().generate(request, *args, **others)


def _found(path: Path) -> dict[tuple[str, str], float]:
    """What stands in the table for each operation and measure."""
    return {(str(row[0]), str(row[1])): float(row[2] or 0) for row in read_figure(path).rows}


def test_craft_bench_writes_its_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bench import craft

    monkeypatch.setattr("bench.operations.drawing.Embedded", lambda _: Card())
    monkeypatch.setattr(craft, "STRENGTHS", (0.7,))
    told = ["--repeats", "1", "--out", str(tmp_path), "--pictures", str(tmp_path)]
    assert craft.main(told) == 0
    found = _found(tmp_path / "bench-craft.json")
    measure = "PSNR of the picture, dB"
    for name in ("first frame", "first frame, autoencoder alone", "keyframe, autoencoder alone"):
        assert found[name, measure] > 100  # the very picture
    assert found["picture not given", measure] < 30
    assert found["clips kept in all four", "frames bit-equal, share"] == 1
    assert found["clip given", "sharpness, times the autoencoder's"] == pytest.approx(1)
    assert {name for name, measure in found if "sharpness of second 3" in measure} == {
        "three seconds added",
        "three seconds drawn freely",
    }
    for name in craft.SHEETS:
        assert (tmp_path / f"craft-{name.replace(' ', '-')}.jpg").is_file()


def test_bench_of_what_is_asked_writes_its_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bench import asked

    Card.asked.clear()
    monkeypatch.setattr("bench.operations.drawing.Embedded", lambda _: Card())
    told = ["--repeats", "1", "--out", str(tmp_path), "--pictures", str(tmp_path)]
    assert asked.main(told) == 0
    found = _found(tmp_path / "bench-asked.json")
    same = "bit for bit what their seeds give alone, share"
    assert found["variations", same] == found["variations of a place alone", same] == 1
    assert {f"{w}×{h}" for w, h in (*asked.NATIVE, asked.SCALED)} <= {name for name, _ in found}
    second = [request for request in Card.asked if [g.role for g in request.given] == ["extend"]]
    assert len(second) == 2  # one of each storyboard
    [away] = [request for request in Card.asked if request.negative_prompt]
    [plain, _] = [r for r in Card.asked if r.prompt == away.prompt and r.guidance and r != away]
    assert replace(away, negative_prompt="") == plain
    for name in asked.SHEETS:
        assert (tmp_path / f"craft-{name.replace(' ', '-')}.jpg").is_file()


def test_variations_that_are_not_what_their_seeds_give_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from bench import asked
    from pleinair.diffusion.training.evaluate import cases

    class Other(Card):
        def generate(self, request: VideoRequest, *args: Any, **others: Any) -> Generation:  # noqa: ANN401
            made = super().generate(request, *args, **others)
            clips = tuple(np.asarray(clip) ^ (i > 0) for i, clip in enumerate(made.clips))
            return replace(made, clips=clips)

    monkeypatch.setattr("bench.operations.drawing.Embedded", lambda _: Other())
    bench = asked.Asked(cases(1, 0, held_out=False))
    values = bench.variations()["variations"].values
    assert values["bit for bit what their seeds give alone, share"] == [0]


def test_drift_bench_writes_its_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bench import drift

    monkeypatch.setattr("bench.operations.drawing.Embedded", lambda _: Card())
    told = ["--repeats", "1", "--out", str(tmp_path), "--pictures", str(tmp_path)]
    assert drift.main(told) == 0
    rows = read_figure(tmp_path / "bench-drift.json").rows
    assert [row[0] for row in rows] == ["5 s", "15 s", "30 s", "59 s"]
    assert (tmp_path / "craft-a-minute.jpg").is_file()
