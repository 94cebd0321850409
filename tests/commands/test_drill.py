import json
from pathlib import Path

import pytest

from pleinair.cli import main
from pleinair.commands.drill import COLUMNS


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["drill", "leak", *arguments])
    return int(left.value.code or 0)


def test_a_small_drill_stops_the_published_key_and_no_other(tmp_path: Path) -> None:
    code = run(
        *("--members", "12", "--strangers", "40", "--seeds", "7", "--seconds-before", "6"),
        *("--rate", "10", "--strangers-rate", "15", "--workers", "0", "--out", str(tmp_path)),
    )
    assert code == 0
    figure = json.loads((tmp_path / "drill-leak.json").read_text())
    row = dict(zip(COLUMNS, figure["rows"][0], strict=True))
    assert row["requests of strangers until the stop"] <= 60
    assert row["seconds until the stop"] is not None
    assert row["of these readable after"] == 0
    assert row["other keys stopped"] == row["other keys limited"] == 0
    assert row["members disturbed (401, 403, 429)"] == 0


@pytest.mark.parametrize(
    ("option", "value"),
    [("--members", "0"), ("--seeds", "one"), ("--rate", "0"), ("--seconds-before", "-1")],
)
def test_a_value_that_is_not_allowed_is_told_in_one_line(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(option, value) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "allowed" in line
