"""Video files, written and read by the FFmpeg libraries inside PyAV; no program is called."""

import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from pleinair.errors import InputError, MediaError
from pleinair.media.clip import Clip, Drawn, Mark
from pleinair.media.encoder import FORMATS, check_sides, check_writable, colour, encode, palette
from pleinair.media.frames import Frames, Picture
from pleinair.media.segments import (
    Each,
    join,
    missing,
    passing,
    segments_of,
    stills_of,
    write_segments,
)
from pleinair.media.stills import Seen, Stills


def format_of(path: Path, asked: str | None = None) -> str:
    """The format asked for, else the one that the file name ends in."""
    suffix = path.suffix.lstrip(".").lower()
    if asked is None:
        if suffix not in FORMATS:
            raise InputError("output", str(path), "names ending in " + ", ".join(FORMATS))
        return suffix
    if asked not in FORMATS:
        raise InputError("format", asked, ", ".join(FORMATS))
    if suffix in FORMATS and suffix != asked:
        raise InputError("format", asked, f"{suffix}, as in the name {path}")
    return asked


def write_video(
    path: Path,
    frames: Clip,
    fps: int,
    *,
    format: str | None = None,
    each: Each | None = None,
    mark: Mark | None = None,
    work: Path | None = None,
) -> Seen:
    """Write a clip as H.264 in MP4 (streamable from its start), VP9 in WebM, GIF or WebP.

    A clip that is drawn is written as it comes and never held whole, but for GIF, whose colours
    are chosen from all frames.

    Args:
        path: its suffix decides the format if ``format`` does not.
        frames: (T, H, W, 3), even sides.
        fps: frames a second; GIF keeps times to a hundredth of a second only.
        each: called as frames are encoded; where it raises no file is left.
        mark: makes of frame i the frame that is written; see `pleinair.media.mark`.
        work: folder of the segments of an MP4, see `pleinair.media.segments`: what it holds is
            not drawn again, and what is finished stays there. A passing one if None.

    Returns:
        What to look at for pictures of it: a small copy of some frames if it was drawn, else the
        clip.

    Raises:
        InputError: the format is unknown or a side is odd.
        MediaError: the file cannot be written.
    """
    kind = format_of(path, format)
    _, height, width, _ = frames.shape
    check_sides(width, height)
    if kind == "mp4" and work is not None:
        return _write_mp4(path, frames, fps, each, mark, work)
    if kind == "mp4":
        with tempfile.TemporaryDirectory(prefix="pleinair-segments-") as folder:
            return _write_mp4(path, frames, fps, each, mark, Path(folder))
    kept: dict[int, Picture] = {}
    count = len(frames)
    pictures = passing(frames, range(count), iter(frames), kept, mark=mark, each=each)
    is_gif = FORMATS[kind].pixels == "pal8"
    coded = palette(pictures, width, height, fps) if is_gif else colour(pictures)
    encode(path, coded, width, height, Fraction(fps), FORMATS[kind])
    return Stills(count, kept) if isinstance(frames, Drawn) else frames


def _write_mp4(
    path: Path, clip: Clip, fps: int, each: Each | None, mark: Mark | None, work: Path
) -> Seen:
    check_writable(path)
    count = len(clip)
    there = count - sum(len(segments_of(count)[number]) for number in missing(work, count))
    if each and there:
        each(there, None)
    if isinstance(clip, Drawn) and clip.elsewhere:
        for more in clip.elsewhere(work, missing(work, count), mark):
            if each:
                each(more, None)
    for _ in write_segments(work, clip, missing(work, count), fps, mark, each):
        pass
    join(work, path, count, fps)
    return stills_of(work, count) if isinstance(clip, Drawn) else clip


@dataclass(frozen=True)
class Video:
    """A clip read from a file: frames (T, H, W, 3) and frames a second."""

    frames: Frames
    fps: Fraction


def read_video(path: Path) -> Video:
    """Read every frame of a file.

    Raises:
        MediaError: there is no such file or no video in it. FFmpeg does not read animated WebP.
    """
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise MediaError(f"cannot read {path}: there is no video in it")
            stream = container.streams.video[0]
            rate = stream.average_rate or Fraction(1)
            frames = [_rgb(frame) for frame in container.decode(stream)]
    except (OSError, av.FFmpegError) as error:
        raise MediaError(f"cannot read {path}: {error.strerror or error}") from error
    if not frames:
        raise MediaError(f"cannot read {path}: there is no frame in it")
    return Video(np.stack(frames), rate)


def _rgb(frame: av.VideoFrame) -> Frames:
    pixels: Frames = frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
    return pixels
