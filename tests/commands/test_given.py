from pathlib import Path

import pytest

from pleinair.commands.given import parse_keyframes, parse_span
from pleinair.errors import InputError


def test_spans_are_read() -> None:
    assert parse_span("1.0-2.5") == (1, 2.5)
    assert parse_span(" 0 - 1 ") == (0, 1)
    assert parse_span(None) is None


@pytest.mark.parametrize("text", ["", "1", "1-", "-1", "a-b", "1-inf", "nan-2", "1-2-3"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"span: .*START-END"):
        parse_span(text)


def test_keyframes_are_read() -> None:
    texts = ["2.5=a.png", "end=b=c.png", "0=d.png"]
    expected = {2.5: Path("a.png"), "end": Path("b=c.png"), 0: Path("d.png")}
    assert parse_keyframes(texts) == expected


@pytest.mark.parametrize("texts", [["a.png"], ["1="], ["=a"], ["x=a"], ["inf=a"], ["1=a", "1.0=b"]])
def test_what_is_no_keyframe_is_refused(texts: list[str]) -> None:
    with pytest.raises(InputError, match="keyframe: "):
        parse_keyframes(texts)
