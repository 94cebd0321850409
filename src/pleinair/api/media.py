"""Files by signed link: whoever has the link has the file until it expires."""

import mimetypes

from fastapi import APIRouter, Request, Response

from pleinair.api.content import serve, told_of
from pleinair.api.services import Use
from pleinair.api.shapes import REFUSALS
from pleinair.errors import WithheldError

router = APIRouter(tags=["media"], responses=REFUSALS)
FILE = told_of("video/mp4", "image/webp", "image/jpeg")
WITHHELD = ("videos", "shared")
"""Folders whose files no link gives where there is an access programme, however old the link."""


@router.head("/media/{key:path}", **FILE)
@router.get("/media/{key:path}", **FILE)
def media(key: str, request: Request, use: Use) -> Response:
    """The file that a link of `/v1/videos/{id}/link` leads to."""
    if key.partition("/")[0] in WITHHELD and use.admission.has_members():
        raise WithheldError("Here videos are shared by their public address, once approved.")
    use.storage.check_link(key, dict(request.query_params))
    use.library.check_key(key)
    name = request.query_params.get("filename", key.rpartition("/")[2])
    kind = request.query_params.get("content_type") or mimetypes.guess_type(key)[0]
    size = use.storage.size(key)
    return serve(
        use.storage,
        key,
        size,
        kind or "application/octet-stream",
        name,
        request.headers,
        head=request.method == "HEAD",
    )
