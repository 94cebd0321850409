"""Files of batches are read to the line that is wrong, and lines told of under steady names."""

import json
from collections.abc import Iterator

import pytest

from pleinair.service.lines import Body, Line, Mistake, outcome, read_lines
from tests.service.desk import Plain, line


def read(text: str | bytes, piece: int = 7) -> list[Line | Mistake]:
    """Everything in a text that comes in small pieces."""
    raw = text.encode() if isinstance(text, str) else text

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(raw), piece):
            yield raw[start : start + piece]

    return list(read_lines(pieces(), Plain().check))


@pytest.mark.parametrize("piece", [1, 2, 64, 10_000])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_come_out_whole_wherever_the_file_is_cut(piece: int, end: str) -> None:
    text = f"{end}{json.dumps(line('é'))}{end}{end}{json.dumps(line('b'))}"
    assert read(text, piece) == [
        Line(2, "id of é", {"prompt": "é"}),
        Line(4, "id of b", {"prompt": "b"}),
    ]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("not json", "line"),
        ("[1]", "line"),
        ('{"custom_id": NaN}', "line"),
        ("[" * 200_000, "line"),
        (b"\xff\xfe{}", "line"),
        (line("x", custom_id=""), "custom_id"),
        (line("x", custom_id=7), "custom_id"),
        (line("x", custom_id="x" * 256), "custom_id"),
        (line("x", custom_id="a\x00b"), "custom_id"),
        (line("x", custom_id="id of a"), "custom_id"),
        (line("x", method="GET"), "method"),
        (line("x", url="/v1/embeddings"), "url"),
        (line("x", body="x"), "body"),
        (line("x", body={"prompt": 1}), "prompt"),
        (line("x", extra=1), "extra"),
    ],
)
def test_a_wrong_line_is_told_by_its_number_and_field(row: str | bytes | Body, field: str) -> None:
    raw = row if isinstance(row, bytes) else json.dumps(row) if isinstance(row, dict) else row
    wrong = raw if isinstance(raw, bytes) else raw.encode()
    first, mistake, last = read(
        b"\n".join([json.dumps(line("a")).encode(), wrong, json.dumps(line("b")).encode()]), 10_000
    )
    assert isinstance(first, Line)
    assert isinstance(last, Line)
    assert isinstance(mistake, Mistake)
    assert (mistake.line, mistake.param) == (2, field)
    assert mistake.message.startswith(f"{field}: got ")


def test_a_file_of_nothing_and_one_of_too_much_are_no_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pleinair.service.lines.MOST_LINES", 2)
    (empty,) = read("\n \n")
    *_, full = read("\n".join(json.dumps(line(prompt)) for prompt in "abcd"))
    assert isinstance(empty, Mistake)
    assert isinstance(full, Mistake)
    assert (empty.code, full.code, full.line) == ("empty_file", "too_many_lines", 3)


def test_a_line_has_the_same_names_however_often_it_is_told_of() -> None:
    refused = {"status_code": 400, "body": {"error": "x"}}
    one, again = (
        outcome("batch_1", (3, "x", refused), None, reason="batch_expired") for _ in range(2)
    )
    other = outcome("batch_1", (4, "x", refused), None, reason="batch_expired")
    assert one == again
    assert one[1]["id"] != other[1]["id"]
