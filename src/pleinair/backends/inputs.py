"""Pictures and clips from files, as a request and a model take them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from pleinair.errors import InputError, MediaError
from pleinair.media.digest import digest
from pleinair.request import MOST_SECONDS, Given, VideoRequest

if TYPE_CHECKING:
    from pleinair.media.codec import Video

File: TypeAlias = str | os.PathLike[str]

END = "end"
"""The time of a keyframe at the end, however long the video."""


@dataclass(frozen=True)
class Inputs:
    """Files that a video begins from; each may be None.

    Attributes:
        image: picture that it opens with.
        edit: video, or for a still picture, to draw anew.
        extend: video to go on with.
        before: video before which to begin.
        retake: video of which a part is drawn anew.
        span: seconds from and to which a retake draws.
        keyframes: pictures by their time in seconds, or ``end``.
        strength: how much an edit or a retake may change, above 0 and at most 1.
        still: whether a single picture is made.
    """

    image: File | None = None
    edit: File | None = None
    extend: File | None = None
    before: File | None = None
    retake: File | None = None
    span: tuple[float, float] | None = None
    keyframes: Mapping[float | str, File] = field(default_factory=dict)
    strength: float = Given.strength
    still: bool = False


@dataclass(frozen=True)
class Found:
    """What files hold.

    Attributes:
        given: of the request.
        materials: frames, by the digest of each file's bytes.
        sources: files, by their digest.
        seconds: length that the request has.
    """

    given: tuple[Given, ...]
    materials: "dict[str, Video]"
    sources: dict[str, Path]
    seconds: float


def read_inputs(inputs: Inputs, seconds: float | None = None, fps: int = VideoRequest.fps) -> Found:
    """Read what a video begins from.

    Args:
        inputs: the files.
        seconds: length asked for. If None it follows from an edit, a span or a still, and is that
            of any request otherwise.
        fps: delivered frames a second.

    Raises:
        InputError: a value is not allowed, or two do not go together.
        MediaError: a file cannot be read.
    """
    from pleinair.media.codec import Video, read_video
    from pleinair.media.sheet import read_picture

    _check(inputs, seconds)
    found = Found((), {}, {}, VideoRequest.seconds if seconds is None else seconds)
    given = []

    def take(role: str, file: File, at: float = 0.0) -> "Video":
        path = Path(file)
        item = Given(role, digest_of(path), at=at, strength=inputs.strength)
        picture = role == "frame"
        clip = Video(read_picture(path)[None], Fraction(1)) if picture else read_video(path)
        given.append(item)
        found.materials[item.sha256], found.sources[item.sha256] = clip, path
        return clip

    length = found.seconds
    if inputs.image is not None:
        take("frame", inputs.image)
    if inputs.edit is not None:
        clip = take("edit", inputs.edit)
        if seconds is None:
            length = min(MOST_SECONDS, float(len(clip.frames) / clip.fps))
    for role, file in (("extend", inputs.extend), ("before", inputs.before)):
        if file is not None:
            take(role, file)
    if inputs.retake is not None and inputs.span is not None:
        start, end = inputs.span
        take("retake", inputs.retake, start)
        length = end - start
    if inputs.still:
        length = 1 / fps
    for at, file in inputs.keyframes.items():
        take("frame", file, length if isinstance(at, str) else at)
    return Found(tuple(given), found.materials, found.sources, length)


def _check(inputs: Inputs, seconds: float | None) -> None:
    if (inputs.retake is None) != (inputs.span is None):
        allowed = "START-END in seconds, with a video to retake"
        raise InputError("span", inputs.span, allowed)
    if inputs.span is not None:
        start, end = inputs.span
        if not 0 <= start < end:
            raise InputError("span", f"{start:g}-{end:g}", "a start of at least 0, a later end")
        if seconds is not None:
            raise InputError("seconds", seconds, "none: the span of a retake says it")
    for at in inputs.keyframes:
        if isinstance(at, str) and at != END:
            raise InputError("keyframe", at, "seconds, or end")
    if inputs.still:
        if seconds is not None:
            raise InputError("seconds", seconds, "none for a still picture")
        for name in ("image", "extend", "before", "retake", "keyframes"):
            if getattr(inputs, name):
                raise InputError("still", f"with {name}", "a prompt, or with it what to edit")


def digest_of(path: Path) -> str:
    """SHA-256 of a file's bytes; raises MediaError when it cannot be read."""
    try:
        return digest(path)
    except OSError as error:
        raise MediaError(f"cannot read {path}: {error.strerror or error}") from error
