"""A clip as closed segments of H.264, each encoded by itself and all joined without encoding again.

A segment is a closed group of pictures with an encoder of its own: what is in it follows from its
frames alone, whoever encodes it, when, and beside what others. So a clip that is made whole, in
parts by several processes, or by a second worker after the first was killed is the same to the
last bit (the principle of segmented encoding for adaptive streaming; ISO/IEC 23009-1).

A folder holds what is finished: ``0003.mp4`` is the fourth segment, and ``0003.npz`` the frames of
it that are looked at again, small. A segment is there once its MP4 is, whole.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import av
import numpy as np

from pleinair.media.clip import Clip, Drawn, Mark
from pleinair.media.encoder import FORMATS, colour, encode, replacing
from pleinair.media.frames import Picture
from pleinair.media.stills import Stills, chosen, small

LENGTH = 48
"""Frames of a segment; the last may have fewer."""


Each: TypeAlias = Callable[[int, Picture | None], None]
"""Called as ``each(count, picture)`` once so many more frames of a clip are written, with the last
of them where it is at hand; what it raises ends the work."""


def segments_of(length: int) -> list[range]:
    """Numbers of the frames in each segment of a clip."""
    return [range(i, min(i + LENGTH, length)) for i in range(0, length, LENGTH)]


def missing(folder: Path, length: int) -> list[int]:
    """Numbers of the segments that a folder does not hold yet."""
    count = len(segments_of(length))
    return [number for number in range(count) if not path_of(folder, number).is_file()]


def path_of(folder: Path, number: int) -> Path:
    """Where a segment is."""
    return folder / f"{number:04}.mp4"


def write_segments(
    folder: Path,
    clip: Clip,
    numbers: Sequence[int],
    fps: int,
    mark: Mark | None = None,
    each: Each | None = None,
) -> Iterator[int]:
    """Encode segments of a clip into a folder, in order, and yield the number of each.

    Args:
        folder: where they go.
        clip: the whole.
        numbers: of the segments, ascending.
        fps: frames a second.
        mark: makes of frame i the frame that is encoded.
        each: called as frames are encoded.

    Raises:
        MediaError: a file cannot be written.
    """
    _, height, width, _ = clip.shape
    parts = segments_of(len(clip))
    for run in _runs(numbers):
        pictures = iter(clip[parts[run[0]].start : parts[run[-1]].stop])
        for number in run:
            kept: dict[int, Picture] = {}
            path = path_of(folder, number)
            with replacing(path) as scratch:
                frames = passing(clip, parts[number], pictures, kept, mark=mark, each=each)
                encode(scratch, colour(frames), width, height, Fraction(fps), FORMATS["mp4"])
                _save(path.with_suffix(".npz"), kept)
            yield number


def passing(
    clip: Clip,
    numbers: range,
    pictures: Iterator[Picture],
    kept: dict[int, Picture],
    *,
    mark: Mark | None = None,
    each: Each | None = None,
) -> Iterator[Picture]:
    """Frames of a clip on their way into a file, as they are written.

    Args:
        clip: whose frames they are.
        numbers: of the frames.
        pictures: gives them, and perhaps more.
        kept: where those of a drawn clip that are looked at again are put, small.
        mark: makes of frame i the frame that is written.
        each: called as they are written.
    """
    looked_at = chosen(len(clip)) if isinstance(clip, Drawn) else ()
    for i, picture in zip(numbers, pictures, strict=False):
        if i in looked_at:
            kept[i] = small(picture)
        yield picture if mark is None else mark(i, picture)
        if each:
            each(1, picture)


def stills_of(folder: Path, length: int) -> Stills:
    """The small copy of a drawn clip of that length, whose segments are all there."""
    kept = dict[int, Picture]()
    for number in range(len(segments_of(length))):
        with np.load(path_of(folder, number).with_suffix(".npz")) as held:
            kept |= {int(name): held[name] for name in held.files}
    return Stills(length, kept)


def join(folder: Path, path: Path, length: int, fps: int) -> None:
    """Put the segments of a whole clip into one MP4, their pictures as they are.

    Raises:
        MediaError: a segment is not there or cannot be read, or the file cannot be written.
    """
    chosen_format = FORMATS["mp4"]
    with (
        replacing(path) as scratch,
        av.open(
            str(scratch),
            "w",
            format=chosen_format.muxer,
            container_options=chosen_format.muxer_options,
        ) as whole,
    ):
        stream = None
        rate = Fraction(fps)
        for number, frames in enumerate(segments_of(length)):
            with av.open(str(path_of(folder, number))) as part:
                source = part.streams.video[0]
                if stream is None:
                    stream = whole.add_stream_from_template(source)
                    stream.time_base = source.time_base
                later = round(frames.start / rate / (source.time_base or 1 / rate))
                for packet in part.demux(source):
                    if packet.pts is None or packet.dts is None:  # the end
                        continue
                    packet.pts, packet.dts = packet.pts + later, packet.dts + later
                    packet.stream = stream
                    whole.mux(packet)


def _save(path: Path, kept: Mapping[int, Picture]) -> None:
    named: dict[str, Any] = {str(number): picture for number, picture in kept.items()}
    np.savez(path, **named)


def _runs(numbers: Sequence[int]) -> Iterator[list[int]]:
    """Numbers that follow one another, together."""
    run: list[int] = []
    for number in numbers:
        if run and number != run[-1] + 1:
            yield run
            run = []
        run.append(number)
    if run:
        yield run
