"""A long clip of `pleinair-2` made whole, in ranges, and by workers that are killed: the same.

The clip is made as a person's command makes it, then by processes that share its segments, then by
a worker that is killed twice with SIGKILL while it draws, each time at another third. What is
compared is every decoded frame.
"""

import argparse
import json
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import av
import numpy as np

from pleinair.backends.base import open_backend
from pleinair.figures import Cell, write_figure
from pleinair.media.codec import write_video
from pleinair.media.frames import Frames
from pleinair.media.segments import missing, segments_of
from pleinair.request import VideoRequest, parse_size
from pleinair.settings import Settings

PROMPT = "a lake among mountains at golden hour with scattered clouds, the camera moves forward"
SEED = 7


def write(request: VideoRequest, path: Path, work: Path, parallel: str = "off") -> None:
    """Make the clip here, with what a folder holds of it already."""
    backend = open_backend(request.model, Settings(parallel=parallel))
    clip = backend.generate(request).clips[0]
    work.mkdir(exist_ok=True)
    write_video(path, clip, request.fps, work=work)


def killed(request: VideoRequest, path: Path, work: Path, times: int) -> int:
    """Have processes make it that are killed; how many segments the last one found."""
    spawn = multiprocessing.get_context("spawn")
    count = len(segments_of(request.frames))
    for i in range(times):
        worker = spawn.Process(target=write, args=(request, path, work))
        worker.start()
        while count - len(missing(work, request.frames)) < (i + 1) * count // (times + 1):
            time.sleep(0.02)
            assert worker.is_alive(), "it ended by itself"
        os.kill(worker.pid or 0, signal.SIGKILL)
        worker.join()
    found = count - len(missing(work, request.frames))
    write(request, path, work)
    return found


def frames(path: Path) -> Iterator[Frames]:
    """Decoded frames of a file, (H, W, 3) each."""
    with av.open(str(path)) as container:
        for frame in container.decode(container.streams.video[0]):
            yield frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)


def differing(first: Path, second: Path) -> int:
    """How many frames of two files are not the same to the last bit."""
    pairs = zip_longest(frames(first), frames(second))
    return sum(a is None or b is None or not np.array_equal(a, b) for a, b in pairs)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=2, help="how often the worker is killed")
    parser.add_argument("--seconds", type=float, default=60, help="length of the clip")
    parser.add_argument("--size", default="192x108", help="of the clip")
    parser.add_argument("--ranges", type=int, default=4, help="processes that share it")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of figures")
    options = parser.parse_args(arguments)
    width, height = parse_size(options.size)
    request = VideoRequest(PROMPT, seed=SEED, seconds=options.seconds, width=width, height=height)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        whole, shared, rescued = (folder / f"{name}.mp4" for name in ("whole", "shared", "rescued"))
        write(request, whole, folder / "1")
        write(request, shared, folder / "2", f"ranges:{options.ranges}")
        found = killed(request, rescued, folder / "3", options.repeats)
        rows: list[list[Cell]] = [
            [f"made in {options.ranges} processes", differing(whole, shared), request.frames],
            [
                f"worker killed {options.repeats} times, {found} segments found by the last",
                differing(whole, rescued),
                request.frames,
            ],
        ]
    write_figure(
        "landscapes-ranges",
        title=f"A landscape of {options.seconds:g} s, {options.size}, against the same made whole",
        columns=["how", "frames that differ", "of"],
        rows=rows,
        n=request.frames,
        seeds=[SEED],
        notes=f"Every decoded frame is compared. {PROMPT}.",
        out=options.out,
    )
    print(json.dumps(rows, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
