"""The child process that decodes what strangers send, started anew for each file.

``python -I -m pleinair.media.decode_child JOB`` runs in a folder of its own that holds ``upload``;
JOB is a `Job` as JSON. It shuts itself in, decodes, writes a clean file with nothing of the upload
in it but its pictures, and prints facts or a refusal as JSON. A decoder that a hostile file takes
over meets the limits of the process, no network and no other files: see `shut_in`.
"""

import ctypes
import json
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.reformatter import VideoReformatter
    from PIL import Image

UPLOAD, CLEAN = Path("upload"), {"image": Path("clean.png"), "video": Path("clean.mp4")}
DECODERS = ("h264", "hevc", "vp8", "vp9", "libvpx", "libvpx-vp9", "av1", "libdav1d", "mpeg4")
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000  # of Linux's sched.h
_CAPABILITIES_V3 = 0x20080522
_NO_NEW_PRIVILEGES = 38


@dataclass(frozen=True)
class Bounds:
    """The most that an upload may be, and that its child may take.

    Attributes:
        image_bytes, video_bytes: sizes of an uploaded picture and of an uploaded clip.
        least_side: pixels of the shorter side.
        most_side: pixels of the longer side.
        clean_side: pixels of the longer side that a clip is brought down to.
        pixels: of all frames of a clean clip.
        frames: decoded frames.
        seconds: length of a clip.
        fps: frames a second that a clip is brought down to.
        memory: bytes of address space; 0.25 GB of it are the libraries.
        image_time, video_time: seconds of processor time; of the clock it may be twice as many.
    """

    image_bytes: int = 20_000_000
    video_bytes: int = 200_000_000
    least_side: int = 16
    most_side: int = 4096
    clean_side: int = 1920
    pixels: int = 1_500_000_000
    frames: int = 3_600
    seconds: float = 125.0
    fps: int = 30
    memory: int = 1_500_000_000
    image_time: int = 10
    video_time: int = 60


@dataclass(frozen=True)
class Job:
    """What to decode: ``format`` is Pillow's name of a picture's, FFmpeg's demuxer of a clip's."""

    kind: str
    format: str
    bounds: Bounds


@dataclass(frozen=True)
class Facts:
    """What the clean file is; a picture has one frame and no rate."""

    width: int
    height: int
    frames: int
    fps: float


class RefusedError(Exception):
    """The file is over a bound: what it has, and what is allowed."""

    def __init__(self, got: str, allowed: str) -> None:
        super().__init__(got, allowed)
        self.got, self.allowed = got, allowed


def main(text: str) -> None:
    """Do one job, or for ``probe`` print what `shut_in` can do on this host."""
    if text == "probe":
        print(json.dumps(shut_in(Bounds(), Bounds.image_time)))
        return
    record: dict[str, Any] = json.loads(text)
    bounds = Bounds(**record["bounds"])
    shut_in(bounds, bounds.image_time if record["kind"] == "image" else bounds.video_time)
    job = Job(record["kind"], record["format"], bounds)
    try:
        facts = _picture(job) if job.kind == "image" else _clip(job)
        told = asdict(facts)
    except RefusedError as error:
        told = {"got": error.got, "allowed": error.allowed}
    except Exception:  # the file is broken, or worse: nobody reads what a traceback would say
        sys.exit(1)
    print(json.dumps(told))


def shut_in(bounds: Bounds, seconds: int) -> list[str]:
    """Give up all that decoding does not need, and return in words what the host allowed.

    The limits hold on every system that has them. No network and no files but those of this
    folder is for Linux, where user namespaces are allowed or this is root.
    """
    _load()
    shut = []
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "unshare") and libc.unshare(_NEW_USER | _NEW_NETWORK) == 0:
        shut.append("no network")
    with suppress(OSError, AttributeError):
        os.chroot(".")
        shut.append("no files but its own")
    _drop_powers(libc)
    for name, limit in {
        "RLIMIT_AS": bounds.memory,
        "RLIMIT_CPU": seconds,
        "RLIMIT_FSIZE": bounds.video_bytes,
        "RLIMIT_NOFILE": 16,
        "RLIMIT_NPROC": 0,
        "RLIMIT_CORE": 0,
    }.items():
        with suppress(OSError, ValueError, AttributeError):
            resource.setrlimit(getattr(resource, name), (limit, limit))
    return shut


def _load() -> None:
    """Load all that is needed, also what libraries load late, while its files can be read."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # else it starts threads, which cannot change user
    import av.logging
    import av.subtitles.codeccontext
    import av.subtitles.stream
    import av.video.reformatter
    import numpy as np  # noqa: F401
    import PIL.ImageColor
    import PIL.ImageOps
    import PIL.JpegImagePlugin
    import PIL.MpoImagePlugin
    import PIL.PngImagePlugin
    import PIL.TiffImagePlugin  # reads EXIF
    import PIL.WebPImagePlugin  # noqa: F401  # as all of these

    import pleinair.media.codec  # noqa: F401

    av.logging.set_level(None)


def _drop_powers(libc: ctypes.CDLL) -> None:
    """Hold no capability, nor get one again: a root that was changed could be left with them."""
    if hasattr(libc, "prctl") and hasattr(libc, "capset"):
        libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        header = (ctypes.c_uint32 * 2)(_CAPABILITIES_V3, 0)
        libc.capset(header, (ctypes.c_uint32 * 6)())


def _picture(job: Job) -> Facts:
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = None  # the bounds are ours
    with Image.open(UPLOAD, formats=[job.format]) as image:
        _check_sides(*image.size, job.bounds)
        image.load()
        turned = ImageOps.exif_transpose(image)
    clean = _rgb(turned)
    clean.save(CLEAN["image"], compress_level=3)
    return Facts(clean.width, clean.height, 1, 0.0)


def _rgb(image: "Image.Image") -> "Image.Image":
    """Only colours, over white where they let something through, and nothing told beside them."""
    import numpy as np
    from PIL import Image

    if image.mode.startswith("I"):  # 16 bits of grey
        levels = np.asarray(image).astype(np.int64) >> 8
        image = Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    clean = Image.new("RGB", image.size)
    clean.paste(image.convert("RGB"))
    return clean


def _clip(job: Job) -> Facts:
    import av

    from pleinair.media.encoder import FORMATS, encode

    bounds = job.bounds
    # No playlist, no reference to another file or address, no decoder that few have looked at.
    options = {
        "protocol_whitelist": "file",
        "codec_whitelist": ",".join(DECODERS),
        "max_pixels": str(bounds.most_side**2),
        "threads": "1",
    }
    with av.open(str(UPLOAD), format=job.format, options=options) as container:
        rate = _check_header(container, bounds)
        pictures = _pictures(container, rate, bounds)
        first = next(pictures)
        quick = {"crf": "14", "preset": "veryfast", "threads": "1", "x264-params": "mbtree=0"}
        count = 0

        def counted() -> Iterator["av.VideoFrame"]:
            nonlocal count
            count = 1
            yield first
            for picture in pictures:
                count += 1
                if count * picture.width * picture.height > bounds.pixels:
                    most = bounds.pixels // (picture.width * picture.height)
                    size = f"{picture.width}×{picture.height}"
                    raise RefusedError("a longer clip", f"{most:,} frames of {size}")
                yield picture

        encode(
            CLEAN["video"],
            counted(),
            first.width,
            first.height,
            rate,
            replace(FORMATS["mp4"], codec_options=quick),
        )
    return Facts(first.width, first.height, count, float(rate))


def _check_header(container: "InputContainer", bounds: Bounds) -> Fraction:
    """Refuse early what says itself that it is too much, and return the rate to bring it to."""
    import av

    if not container.streams.video:
        raise RefusedError("a file without pictures", "clips with pictures")
    stream = container.streams.video[0]
    stream.thread_count = 1
    if stream.frames > bounds.frames:
        raise RefusedError(f"{stream.frames:,} frames", f"at most {bounds.frames:,} frames")
    if container.duration and container.duration / av.time_base > bounds.seconds:
        seconds = container.duration / av.time_base
        raise RefusedError(f"{seconds:,.1f} seconds", f"at most {bounds.seconds:g} seconds")
    _check_sides(stream.width, stream.height, bounds)
    rate = stream.average_rate or stream.guessed_rate or Fraction(bounds.fps)
    return min(max(rate, Fraction(1)), Fraction(bounds.fps)).limit_denominator(1001)


def _pictures(
    container: "InputContainer", rate: Fraction, bounds: Bounds
) -> Iterator["av.VideoFrame"]:
    """Frames at an even rate and of the clean size: each is held until the next one's time."""
    from av.video.reformatter import VideoReformatter

    reformatter = VideoReformatter()
    held: av.VideoFrame | None = None
    start, last, given, size = 0.0, 0.0, 0, None
    for number, frame in enumerate(container.decode(video=0), 1):
        if number > bounds.frames:
            raise RefusedError("more frames", f"at most {bounds.frames:,} frames")
        _check_sides(frame.width, frame.height, bounds)
        time = last + float(1 / rate) if frame.pts is None else frame.time
        if held is None:
            start = time
        elif time <= last:
            continue  # no time can be shown twice
        last = time
        if time - start > bounds.seconds:
            raise RefusedError("a longer clip", f"at most {bounds.seconds:g} seconds")
        while held is not None and given < round((time - start) * rate):
            yield held
            given += 1
        size = size or _clean_size(frame, bounds)
        held = _upright(frame, size, reformatter)
    if held is None:
        raise RefusedError("a file without pictures", "clips with pictures")
    yield held


def _clean_size(frame: "av.VideoFrame", bounds: Bounds) -> tuple[int, int]:
    """Width and height, even and within bounds, as it will be seen."""
    scale = min(1.0, bounds.clean_side / max(frame.width, frame.height))
    width, height = (max(2, round(side * scale / 2) * 2) for side in (frame.width, frame.height))
    return (height, width) if frame.rotation in (90, -90) else (width, height)


def _upright(
    frame: "av.VideoFrame", size: tuple[int, int], reformatter: "VideoReformatter"
) -> "av.VideoFrame":
    """The frame in BT.709, of that size, turned as its camera was held."""
    import av
    import numpy as np
    from av.video.reformatter import ColorRange, Colorspace

    turns = round(frame.rotation / 90) % 4
    width, height = size[::-1] if turns % 2 else size
    shared = {"threads": 1, "dst_color_range": ColorRange.MPEG, "dst_colorspace": Colorspace.ITU709}
    if not turns:
        return reformatter.reformat(frame, width, height, "yuv420p", **shared)
    flat = reformatter.reformat(frame, width, height, "rgb24", dst_color_range=ColorRange.JPEG)
    turned = np.rot90(flat.to_ndarray(), turns).astype(np.uint8, order="C")
    upright = av.VideoFrame.from_ndarray(turned, format="rgb24")
    return reformatter.reformat(
        upright, format="yuv420p", src_color_range=ColorRange.JPEG, **shared
    )


def _check_sides(width: int, height: int, bounds: Bounds) -> None:
    if min(width, height) < bounds.least_side or max(width, height) > bounds.most_side:
        allowed = f"sides of {bounds.least_side} to {bounds.most_side:,} pixels"
        raise RefusedError(f"{width:,}×{height:,} pixels", allowed)


if __name__ == "__main__":
    main(sys.argv[1])
