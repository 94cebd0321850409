"""Files over HTTP: whole, in ranges, or not at all when the client has them already (RFC 9110)."""

import re
from collections.abc import Mapping
from typing import Any

from fastapi.responses import JSONResponse, Response, StreamingResponse

from pleinair.api.errors import Answer, envelope
from pleinair.api.shapes import ErrorEnvelope
from pleinair.service.storage import Storage
from pleinair.service.tables import Artifact

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def told_of(*kinds: str) -> dict[str, Any]:
    """What the document says of a route that serves files of these content types."""
    return {
        "response_class": Response,
        "responses": {
            200: {"content": {kind: {} for kind in kinds}},
            206: {"description": "The range that was asked for."},
            304: {"description": "The client has it already."},
            416: {"model": ErrorEnvelope, "description": "There is no such range."},
        },
    }


def serve_artifact(
    storage: Storage, artifact: Artifact, headers: Mapping[str, str], *, head: bool = False
) -> Response:
    """The response to a request for a file of a video."""
    name = f"{artifact.video_id}.{artifact.key.rpartition('.')[2]}"
    tag = f'"{artifact.sha256}"'
    return serve(
        storage,
        artifact.key,
        artifact.size,
        artifact.content_type,
        name,
        headers,
        tag=tag,
        head=head,
    )


def serve(
    storage: Storage,
    key: str,
    size: int,
    content_type: str,
    filename: str,
    headers: Mapping[str, str],
    *,
    tag: str | None = None,
    head: bool = False,
) -> Response:
    """A stored file, or the one range of it that is asked for.

    Args:
        size: of the file in bytes.
        headers: of the request: ``range``, ``if-range``, ``if-none-match``.
        tag: entity tag of the file, in quotes.
    """
    told = {
        "accept-ranges": "bytes",
        "cache-control": "private, no-store" if tag is None else "private, max-age=300",
        "content-disposition": f'inline; filename="{filename}"',
        "content-security-policy": "default-src 'none'; media-src 'self'; sandbox",
    }
    if tag:
        told["etag"] = tag
        known = re.split(r"\s*,\s*", headers.get("if-none-match", "").strip())
        if "*" in known or tag in [item.removeprefix("W/") for item in known]:
            return Response(status_code=304, headers=told)
    status, start, end = 200, 0, size
    asked = headers.get("range")
    if asked and headers.get("if-range") in (None, tag):
        found = _range(asked, size)
        if found == ():
            body = envelope(
                f"There is no range {asked[:60]!r} in {size} bytes.",
                Answer(416, "invalid_request_error", "invalid_range"),
            )
            return JSONResponse(body, 416, {**told, "content-range": f"bytes */{size}"})
        if found:
            status, (start, end) = 206, found
            told["content-range"] = f"bytes {start}-{end - 1}/{size}"
    told["content-length"] = str(end - start)
    if head:
        return Response(status_code=status, headers=told, media_type=content_type)
    body_bytes = storage.stream(key, start, end)
    return StreamingResponse(body_bytes, status, told, media_type=content_type)


def _range(asked: str, size: int) -> tuple[int, int] | tuple[()] | None:
    """Start and end of one range; () if it lies outside, None if it is to be ignored."""
    match = _RANGE.fullmatch(asked.strip())
    if match is None or not any(match.groups()):
        return None  # several ranges, or another unit: the whole file is a fair answer
    first, last = match.groups()
    if not first:  # the last so many bytes
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None
    return (start, end) if start < end else ()
