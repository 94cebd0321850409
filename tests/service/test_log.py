import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from pleinair.service import log

PARTS = ("abcdefgh", "12345678")  # cut in two, so that no scanner takes them for real ones


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    root = logging.getLogger()
    before = root.handlers[:], root.level
    log.configure(json=True, stream=stream)
    yield stream
    root.handlers[:], level = before
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "secret",
    [
        "sk-" + "".join(PARTS),
        "pa_" + "".join(PARTS),
        "pa_invite_" + "".join(PARTS),
        "pleinair_session=pa_session_" + "".join(PARTS) + "; path=/",
        "Bearer%20pa_" + "x" * 30 + "".join(PARTS),
        "whsec_" + "".join(PARTS),
        "Bearer " + "".join(PARTS),
        "postgresql://ann:" + "".join(PARTS) + "@host/db",
        "/media/videos/1.mp4?expires=1&signature=" + "".join(PARTS),
    ],
)
def test_what_looks_like_a_secret_is_masked_wherever_it_is(lines: io.StringIO, secret: str) -> None:
    logger = structlog.get_logger()
    logger.info(f"came {secret}", deep={"list": [f"x {secret}"]}, thing=ValueError(secret))
    logging.getLogger("some.library").warning("told %s", secret)
    try:
        raise RuntimeError(secret)
    except RuntimeError as error:
        logger.error("failed", exc_info=error)
    written = lines.getvalue()
    assert "".join(PARTS) not in written
    assert written.count(log.HIDDEN) >= 5
    assert "RuntimeError" in written


@pytest.mark.parametrize("name", ["key", "api_key", "Authorization", "token", "secret", "X-Token"])
def test_what_is_called_like_a_secret_is_masked(lines: io.StringIO, name: str) -> None:
    structlog.get_logger().info("came", **{name: "plain"}, headers={name: "plain"})
    record = json.loads(lines.getvalue())
    assert record[name] == record["headers"][name] == log.HIDDEN


def test_the_rest_is_told_as_it_is_one_line_each(lines: io.StringIO) -> None:
    structlog.get_logger().info("video done", video="video_1", seconds=1.5, keyframes=3, none=None)
    logging.getLogger("uvicorn.error").info("started")
    first, second = map(json.loads, lines.getvalue().splitlines())
    assert first.pop("timestamp")
    assert first == {
        "event": "video done",
        "level": "info",
        "video": "video_1",
        "seconds": 1.5,
        "keyframes": 3,
        "none": None,
    }
    assert second["event"] == "started"


@pytest.mark.usefixtures("lines")
def test_a_person_reads_words(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True)
    log.configure(stream=stream)
    try:
        raise RuntimeError("sk-" + "".join(PARTS))
    except RuntimeError as error:
        structlog.get_logger().error("failed", exc_info=error)
    assert "failed" in stream.getvalue()
    assert "RuntimeError" in stream.getvalue()
    assert "".join(PARTS) not in stream.getvalue()
