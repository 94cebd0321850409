"""Encoding by the FFmpeg libraries inside PyAV: formats, colours, files that appear whole."""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.filter import Graph
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream

from pleinair.errors import InputError, MediaError
from pleinair.media.frames import Picture

_BT709 = 1  # the number of BT.709 in FFmpeg's tables of primaries, transfer and matrix
_LIMITED = 1  # 16–235, the range that players expect


@dataclass(frozen=True)
class Format:
    """How one kind of file is made: muxer, encoder, pixel format and their options."""

    muxer: str
    codec: str
    pixels: str
    codec_options: dict[str, str] = field(default_factory=dict)
    muxer_options: dict[str, str] = field(default_factory=dict)


FORMATS: dict[str, Format] = {
    # x264's macroblock tree reads memory that nothing was written to, at sizes such as 720x1280:
    # without it the same frames always make the same file. So does a fixed number of threads:
    # each sees less of its neighbours' frames.
    "mp4": Format(
        "mp4",
        "libx264",
        "yuv420p",
        {"crf": "17", "preset": "medium", "x264-params": "mbtree=0", "threads": "4"},
        {"movflags": "+faststart"},
    ),
    "webm": Format(
        "webm",
        "libvpx-vp9",
        "yuv420p",
        {"crf": "24", "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"},
    ),
    "gif": Format("gif", "gif", "pal8", muxer_options={"loop": "0"}),
    "webp": Format(
        "webp", "libwebp_anim", "yuv420p", {"quality": "85", "loop": "0"}, {"loop": "0"}
    ),
}


def check_writable(path: Path) -> None:
    """Make the folder and try to write there, before minutes go into a video.

    Raises:
        MediaError: the file could not be written.
    """
    try:
        if path.is_dir():
            raise MediaError(f"cannot write {path}: it is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name[:40]}."):
            pass
    except OSError as error:
        raise MediaError(f"cannot write {path}: {error.strerror or error}") from error


def check_sides(width: int, height: int) -> None:
    """Raise InputError unless both sides are even: colour is stored for pairs of pixels."""
    if width % 2 or height % 2:
        raise InputError("size", f"{width}x{height}", "even sides")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write to, which takes its place once all went well.

    Nobody ever sees half a file, and a file that was there stays until the new one is whole.

    Raises:
        MediaError: writing failed.
    """
    check_writable(path)
    scratch = path.with_name(f".{path.stem[:40]}.{os.getpid()}{path.suffix}")
    try:
        yield scratch
        scratch.replace(path)
    except (OSError, av.FFmpegError) as error:
        raise MediaError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            scratch.unlink()


def encode(
    path: Path,
    pictures: Iterable[av.VideoFrame],
    width: int,
    height: int,
    rate: Fraction,
    chosen: Format,
    each: Callable[[], None] | None = None,
) -> None:
    """Write pictures as they come, so that a long clip is never held whole.

    Args:
        path: where to.
        pictures: of that size and of the format's pixels, in BT.709 where these are YUV.
        width, height: even.
        rate: pictures a second.
        chosen: the format.
        each: called after each picture.

    Raises:
        InputError: a side is odd.
        MediaError: the file cannot be written.
    """
    check_sides(width, height)
    with (
        replacing(path) as scratch,
        av.open(
            str(scratch), "w", format=chosen.muxer, container_options=chosen.muxer_options
        ) as container,
    ):
        stream = container.add_stream(chosen.codec, rate=rate, options=dict(chosen.codec_options))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, chosen.pixels
        if chosen.pixels != "pal8":  # untagged files change colour by player
            context = stream.codec_context
            context.color_primaries = context.color_trc = context.colorspace = _BT709
            context.color_range = _LIMITED
        for i, picture in enumerate(pictures):
            picture.pts, picture.time_base = i, 1 / rate
            container.mux(stream.encode(picture))
            if each:
                each()
        container.mux(stream.encode(None))


def colour(frames: Iterable[Picture]) -> Iterator[av.VideoFrame]:
    """Frames in BT.709."""
    reformatter = VideoReformatter()
    for picture in frames:
        yield reformatter.reformat(
            av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
        )


def palette(
    frames: Iterable[Picture], width: int, height: int, fps: int
) -> Iterator[av.VideoFrame]:
    """Frames in the 256 colours that suit this clip best; the ordered dither stays still."""
    graph = Graph()
    size = f"video_size={width}x{height}:pix_fmt=rgb24:pixel_aspect=1/1"
    source = graph.add("buffer", f"{size}:time_base=1/{fps}:frame_rate={fps}/1")
    split = graph.add("split")
    palette = graph.add("palettegen", "stats_mode=full")
    use = graph.add("paletteuse", "dither=bayer:bayer_scale=4:diff_mode=rectangle")
    sink = graph.add("buffersink")
    source.link_to(split)
    split.link_to(use, 0, 0)
    split.link_to(palette, 1, 0)
    palette.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    for i, picture in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame.pts, frame.time_base = i, Fraction(1, fps)
        source.push(frame)
    source.push(None)
    with suppress(av.EOFError):
        while True:
            yield sink.pull()  # type: ignore[misc]  # a video sink pulls video frames
