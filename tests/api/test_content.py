"""Files over HTTP, whole and in ranges."""

import asyncio
import hashlib
from pathlib import Path

import pytest
from fastapi import Response
from fastapi.responses import StreamingResponse
from hypothesis import given
from hypothesis import strategies as st

from pleinair.api.content import serve, serve_artifact
from pleinair.service.storage import Storage
from pleinair.service.tables import Artifact

DATA = bytes(range(256)) * 4
TAG = '"tag"'


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Storage:
    storage = Storage(str(tmp_path_factory.mktemp("media")), b"secret")
    storage.put("a.mp4", DATA)
    return storage


def get(storage: Storage, *, head: bool = False, tag: str | None = TAG, **asked: str) -> Response:
    """The response to a request with these headers, ``_`` standing for ``-``."""
    headers = {name.replace("_", "-"): value for name, value in asked.items()}
    return serve(storage, "a.mp4", len(DATA), "video/mp4", "a.mp4", headers, tag=tag, head=head)


def body(response: Response) -> bytes:
    if not isinstance(response, StreamingResponse):
        return bytes(response.body)

    async def collect() -> bytes:
        return b"".join([bytes(part) async for part in response.body_iterator])  # type: ignore[arg-type]

    return asyncio.run(collect())


def test_a_file_comes_whole_with_its_length_and_tag(storage: Storage) -> None:
    whole = get(storage)
    assert whole.status_code == 200
    assert body(whole) == DATA
    assert whole.headers["content-length"] == str(len(DATA))
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["etag"] == TAG
    assert whole.media_type == "video/mp4"


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=1000-", 1000, 1024),
        ("bytes=-24", 1000, 1024),
        ("bytes=-5000", 0, 1024),
        ("bytes=1020-5000", 1020, 1024),
    ],
)
def test_a_range_is_a_part_of_it(storage: Storage, asked: str, start: int, end: int) -> None:
    part = get(storage, range=asked)
    assert part.status_code == 206
    assert body(part) == DATA[start:end]
    assert part.headers["content-range"] == f"bytes {start}-{end - 1}/1024"
    assert part.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("asked", ["bytes=1024-", "bytes=2000-3000", "bytes=-0"])
def test_a_range_outside_is_refused_with_the_size(storage: Storage, asked: str) -> None:
    refused = get(storage, range=asked)
    assert refused.status_code == 416
    assert refused.headers["content-range"] == "bytes */1024"
    assert b'"code":"invalid_range"' in body(refused)


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=5-2",
        "bytes=-",
        "bytes=0-1,5-6",
        "items=0-1",
        "bytes",
        "bytes=a-b",
        "bytes=" + "9" * 5000 + "-",
    ],
)
def test_what_is_no_single_range_gets_the_whole(storage: Storage, asked: str) -> None:
    assert body(get(storage, range=asked)) == DATA


def test_if_range_asks_for_a_part_only_of_the_same_file(storage: Storage) -> None:
    assert get(storage, range="bytes=0-1", if_range=TAG).status_code == 206
    assert get(storage, range="bytes=0-1", if_range='"old"').status_code == 200


@pytest.mark.parametrize("sent", [TAG, f'"old", {TAG}', "*", f"W/{TAG}"])
def test_whoever_has_the_file_is_told_so(storage: Storage, sent: str) -> None:
    same = get(storage, if_none_match=sent)
    assert same.status_code == 304
    assert body(same) == b""
    assert same.headers["etag"] == TAG
    assert get(storage, if_none_match='"old"').status_code == 200


def test_head_tells_of_the_file_without_it(storage: Storage) -> None:
    told = get(storage, head=True)
    assert body(told) == b""
    assert told.headers["content-length"] == "1024"
    assert get(storage, head=True, range="bytes=0-9").status_code == 206


def test_a_file_without_a_tag_is_never_kept(storage: Storage) -> None:
    assert get(storage, tag=None).headers["cache-control"] == "private, no-store"
    assert "etag" not in get(storage, tag=None).headers


def test_a_file_of_a_video_is_served_under_the_name_of_the_video(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path), b"secret")
    storage.put("videos/v/1/0/thumbnail.webp", b"webp")
    artifact = Artifact(
        video_id="video_1",
        variant="thumbnail",
        number=0,
        key="videos/v/1/0/thumbnail.webp",
        content_type="image/webp",
        size=4,
        sha256=hashlib.sha256(b"webp").hexdigest(),
    )
    served = serve_artifact(storage, artifact, {})
    assert body(served) == b"webp"
    assert served.headers["content-disposition"] == 'inline; filename="video_1.webp"'
    assert served.headers["content-type"] == "image/webp"


@given(st.text("bytes=-,0123456789 ", max_size=24))
def test_any_range_header_gives_what_it_says(storage: Storage, asked: str) -> None:
    answer = get(storage, range=asked)
    if answer.status_code == 206:
        span, _, size = answer.headers["content-range"].removeprefix("bytes ").partition("/")
        first, last = map(int, span.split("-"))
        assert size == "1024"
        assert body(answer) == DATA[first : last + 1] != b""
    else:
        assert answer.status_code in (200, 416)


@given(st.integers(0, 2000), st.integers(0, 2000))
def test_ranges_side_by_side_make_the_whole(storage: Storage, first: int, second: int) -> None:
    start, end = sorted((first, second))
    parts = [get(storage, range=f"bytes={a}-{b - 1}") for a, b in ((0, start), (start, end))]
    parts.append(get(storage, range=f"bytes={end}-"))
    found = [body(part) for part in parts if part.status_code == 206]
    assert b"".join(found) == DATA
