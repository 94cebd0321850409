"""What a delivered file's manifest says it was made by and from."""

from collections.abc import Mapping
from pathlib import Path

from pleinair.backends.base import MODELS
from pleinair.media.provenance import Origin
from pleinair.request import VideoRequest


def origin_of(
    request: VideoRequest, number: int = 0, sources: Mapping[str, Path] | None = None
) -> Origin:
    """The origin of one variation of a request.

    Args:
        request: what was made.
        number: of the variation.
        sources: the files that the request was given, by their SHA-256.
    """
    return Origin(request, number, sources or {}, learnt=MODELS[request.model].learnt)
