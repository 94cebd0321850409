"""Video files, written and read by the FFmpeg libraries inside PyAV; no program is called."""

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
from pleinair.media.frames import Frames, Picture

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
    # without it the same frames always make the same file.
    "mp4": Format(
        "mp4",
        "libx264",
        "yuv420p",
        {"crf": "17", "preset": "medium", "x264-params": "mbtree=0"},
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


def write_video(
    path: Path,
    frames: Frames,
    fps: int,
    *,
    format: str | None = None,
    each: Callable[[], None] | None = None,
    mark: Callable[[int, Picture], Picture] | None = None,
) -> None:
    """Write a clip as H.264 in MP4 (streamable from its start), VP9 in WebM, GIF or WebP.

    Args:
        path: its suffix decides the format if ``format`` does not.
        frames: (T, H, W, 3), even sides.
        fps: frames a second; GIF keeps times to a hundredth of a second only.
        each: called after each frame; what it raises ends the writing, and no file is left.
        mark: makes of frame i the frame that is written; see `pleinair.media.mark`.

    Raises:
        InputError: the format is unknown or a side is odd.
        MediaError: the file cannot be written.
    """
    chosen = FORMATS[format_of(path, format)]
    _, height, width, _ = frames.shape
    marked = frames if mark is None else (mark(i, frame) for i, frame in enumerate(frames))
    palette = chosen.pixels == "pal8"
    pictures = _palette(marked, width, height, fps) if palette else _colour(marked)
    encode(path, pictures, width, height, Fraction(fps), chosen, each)


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
    if width % 2 or height % 2:
        raise InputError("size", f"{width}x{height}", "even sides")
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


def _colour(frames: Iterable[Picture]) -> Iterator[av.VideoFrame]:
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


def _palette(
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
