"""Pictures and clips from files, as a request and a model take them."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from pleinair.errors import MediaError
from pleinair.request import Given

if TYPE_CHECKING:
    from pleinair.media.codec import Video


def read_given(
    *, image: Path | None, edit: Path | None, strength: float, extend: Path | None
) -> tuple[tuple[Given, ...], dict[str, "Video"]]:
    """What a request is given, and the frames by the digest of each file's bytes.

    Args:
        image: picture that opens the video.
        edit: video to draw anew.
        strength: how much an edit may change, above 0 and at most 1.
        extend: video to continue.

    Raises:
        InputError: the strength is not allowed.
        MediaError: a file cannot be read.
    """
    from fractions import Fraction

    from pleinair.media.codec import Video, read_video
    from pleinair.media.sheet import read_picture

    given, materials = [], {}
    for role, path in (("frame", image), ("edit", edit), ("extend", extend)):
        if path is None:
            continue
        item = Given(role, _digest(path), strength=strength)
        given.append(item)
        if role == "frame":
            materials[item.sha256] = Video(read_picture(path)[None], Fraction(1))
        else:
            materials[item.sha256] = read_video(path)
    return tuple(given), materials


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise MediaError(f"cannot read {path}: {error.strerror or error}") from error
