import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch

from pleinair.diffusion.training import evaluate as e
from pleinair.diffusion.training.classifier import (
    UNKNOWN,
    Classifier,
    ClassifierConfig,
    Labels,
    truth,
)
from pleinair.diffusion.training.findings import Setting, publish
from pleinair.diffusion.training.scores import ROWS, Score, scores, things_table, values_table
from pleinair.diffusion.worlds.scene import Scene, Thing, is_held_out
from pleinair.dit.clips import Clips
from pleinair.errors import InputError

SILENT = Setting(seed=1, steps=2, guidance=1.5)


@dataclass
class FakeGenerator:
    """Grey noise, and a list of what it was asked."""

    asked: list[str] = field(default_factory=list)

    def generate(
        self, prompt: str, *, width: int, height: int, seed: int, steps: int, guidance: float | None
    ) -> Clips:
        self.asked.append(prompt)
        noise = torch.randn(1, 1, 17, height, width, generator=torch.manual_seed(seed))
        return Clips((noise / 4).expand(-1, 3, -1, -1, -1), (), 0, {})


def quiet(line: str) -> None:
    pass


def labels(*scenes: Scene) -> Labels:
    return truth(scenes)


BOATS = Scene(
    "sea", "day", "clear", "static", "photo", (Thing("sailboat", 2, "blue", "left"),), seed=0
)
EMPTY = Scene("sea", "day", "clear", "static", "photo", (), seed=0)


def test_cases_are_reproducible_told_in_both_languages_and_kept_apart() -> None:
    known = e.cases(20, 3, held_out=False)
    assert known == e.cases(20, 3, held_out=False)
    assert known[:10] == e.cases(10, 3, held_out=False)
    assert {case.language for case in known} == {"en", "fr"}
    assert not any(is_held_out(case.scene) for case in known)
    assert all(is_held_out(case.scene) for case in e.cases(10, 3, held_out=True))
    assert len({(case.width, case.height) for case in known}) == 3
    assert len({case.seed for case in known}) == 20


def test_a_killed_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    asked = e.cases(7, 0, held_out=False)
    whole = e.generate(asked, FakeGenerator(), SILENT, tmp_path / "a", batch=3, report=quiet)
    first = FakeGenerator()
    e.generate(asked[:3], first, SILENT, tmp_path / "b", batch=3, report=quiet)
    (tmp_path / "b" / "00003-00006.partial").write_bytes(b"half of a fi")  # killed while saving
    second = FakeGenerator()
    again = e.generate(asked, second, SILENT, tmp_path / "b", batch=3, report=quiet)
    assert len(first.asked) == 3
    assert second.asked == [case.prompt for case in asked[3:]]
    assert all(torch.equal(a, b) for a, b in zip(whole, again, strict=True))


def test_perfect_reading_scores_full_and_counts_only_what_was_asked() -> None:
    asked = labels(BOATS, EMPTY)
    found = scores(asked, asked)
    assert list(found) == list(ROWS)
    assert all(score.right == score.total for score in found.values())
    assert found["place"].total == found["everything"].total == 2
    assert found["present"] == found["number"] == found["colour"] == Score(1, 1)
    assert found["absent"] == Score(23, 23)


def test_each_mistake_costs_its_own_row_and_everything() -> None:
    asked = labels(BOATS)
    for name in ("number", "colour", "direction"):
        seen = {**asked, name: asked[name].clone()}
        seen[name][asked[name] != UNKNOWN] += 1
        found = scores(seen, asked)
        wrong = {row for row, score in found.items() if score.right < score.total}
        assert wrong == {name, "everything"}
    found = scores(labels(EMPTY), asked)
    assert found["present"] == found["number"] == found["colour"] == Score(0, 1)
    assert found["everything"] == Score(0, 1)
    assert found["attributes"] == Score(1, 1)
    found = scores(asked, labels(EMPTY))  # a boat that nobody asked for
    assert found["absent"] == Score(11, 12)
    assert found["everything"] == Score(1, 1)


def test_a_score_shows_its_interval() -> None:
    assert str(Score(8, 10)) == "80.0 % (49.0–94.3)"
    assert Score(8, 10).short == "80.0 %"
    assert str(Score(0, 0)) == "–"


def test_tables_name_every_kind_and_value_and_the_commonest_mistake() -> None:
    asked, seen = labels(BOATS, EMPTY), labels(EMPTY, BOATS)
    seen["place"][:] = 1
    rows = things_table(seen, asked, asked)
    assert rows[0] == ["sailboat", 1, "0.0 % (0.0–79.3)", "100.0 %", "100.0 %"]
    assert len(rows) == 12
    values = values_table(seen, asked, asked)
    assert values[0] == ["place", "sea", 2, "0.0 % (0.0–65.8)", "100.0 %", "lake"]
    assert len(values) == 35


def test_every_figure_and_picture_is_written(tmp_path: Path) -> None:
    torch.manual_seed(0)
    reader = Classifier(ClassifierConfig(widths=(4, 4, 4, 4), window=8, features=6)).eval()
    asked = e.cases(10, 0, held_out=False), e.cases(2, 0, held_out=True)
    made = [
        e.generate(part, FakeGenerator(), SILENT, tmp_path / name, report=quiet)
        for part, name in zip(asked, ("known", "held-out"), strict=True)
    ]
    training = e.training_features(reader, 3, tmp_path / "training", report=quiet)
    assert training.shape == (3, 6)
    evidence = e.gather(asked, made, reader, lambda video: video * 0.9, training)
    publish(evidence, SILENT, tmp_path / "figures")
    names = ("attributes", "languages", "looks", "things", "values", "quality")
    for name in names:
        figure = json.loads((tmp_path / "figures" / f"evaluate-{name}.json").read_text())
        assert figure["measured"]["n"] == 10
        assert figure["rows"]
    quality = {row[0]: row for row in figure["rows"]}
    assert quality["autoencoder, PSNR in decibels on held-out renders"][1] > 15
    e.picture(asked[0], made[0], evidence.real, tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").stat().st_size > 10_000


def test_too_few_clips_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="count"):
        e.run(count=4, out=tmp_path, seed=0, weights=None)
