import json
from pathlib import Path

import pytest

from pleinair.errors import InputError
from pleinair.figures import fill, read_figure, show, write_figure
from scripts import readme


def _write(folder: Path) -> Path:
    return write_figure(
        "speed",
        title="Seconds",
        columns=["size", "seconds", "cold"],
        rows=[["144x80", 2.3456, True], ["a|b", 1234, None]],
        n=5,
        seeds=[1, 2],
        notes="Mean.",
        out=folder,
    )


def test_a_figure_comes_back_as_written(tmp_path: Path) -> None:
    figure = read_figure(_write(tmp_path))
    assert figure.rows == [["144x80", 2.3456, True], ["a|b", 1234, None]]
    assert figure.measured.n == 5
    assert figure.measured.machine
    assert set(json.loads((tmp_path / "speed.json").read_text())) == {
        "title",
        "columns",
        "rows",
        "measured",
        "notes",
    }


def test_rows_must_fit_the_columns(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="2 cells"):
        write_figure("x", title="", columns=["a", "b"], rows=[[1]], n=1, seeds=[], out=tmp_path)


def test_a_document_is_filled_and_filled_again_the_same(tmp_path: Path) -> None:
    _write(tmp_path)
    text = "before\n<!-- figures:speed -->\nstale\n<!-- /figures -->\nafter\n"
    filled = fill(text, tmp_path)
    assert "| 144x80 | 2.35 | yes |" in filled
    assert "| a\\|b | 1,234 | – |" in filled
    assert "N = 5; seeds 1, 2" in filled
    assert "stale" not in filled
    assert filled.startswith("before\n")
    assert filled.endswith("after\n")
    assert fill(filled, tmp_path) == filled


def test_a_figure_not_measured_yet_says_so(tmp_path: Path) -> None:
    assert "Not measured yet" in fill("<!-- figures:no -->\n<!-- /figures -->\n", tmp_path)


def test_a_broken_figure_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(InputError, match="figure"):
        read_figure(tmp_path / "x.json")


@pytest.mark.parametrize(
    ("cell", "text"), [(0.12345, "0.123"), (250.7, "251"), (3, "3"), ("as it is", "as it is")]
)
def test_cells(cell: float | str, text: str) -> None:
    assert show(cell) == text


def test_the_documents_show_the_figures_of_this_checkout() -> None:
    assert readme.main(["--check"]) == 0
