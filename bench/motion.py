"""How near interpolated frames come to the frames that the renderer draws there.

Every third frame of a render is given and the two between are made, by fading, by FFmpeg's
``minterpolate`` and along the motion as ``pleinair generate`` does it.
"""

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from statistics import mean

import av
import numpy as np
from av.filter import Graph

from pleinair.diffusion.worlds.render import render
from pleinair.diffusion.worlds.scene import sample_scene
from pleinair.figures import Cell, write_figure
from pleinair.media.frames import Frames, to_frames
from pleinair.media.motion import interpolate

SEED = 5
_PADDING = 4  # frames repeated at both ends: minterpolate gives none near them


def faded(given: Frames, count: int) -> Frames:
    """Three frames for each one by fading."""
    places = np.arange(count) / 3
    k, t = places.astype(int), (places % 1)[:, None, None, None]
    frames: Frames = ((1 - t) * given[k] + t * given[k + 1]).round().astype(np.uint8)
    return frames


def minterpolated(given: Frames, count: int) -> Frames:
    """Three frames for each one by FFmpeg's filter, in the mode that did best here."""
    _, h, w, _ = given.shape
    graph = Graph()
    size = f"video_size={w}x{h}:pix_fmt=yuv444p:pixel_aspect=1/1"
    source = graph.add("buffer", f"{size}:time_base=1/8:frame_rate=8/1")
    options = "fps=24:mi_mode=mci:mc_mode=aobmc:me_mode=bilat:mb_size=8:scd=none"
    between = graph.add("minterpolate", options)
    sink = graph.add("buffersink")
    source.link_to(between)
    between.link_to(sink)
    graph.configure()
    padded = np.concatenate([given[:1].repeat(_PADDING, 0), given, given[-1:].repeat(_PADDING, 0)])
    for i, picture in enumerate(padded):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv444p")
        frame.pts, frame.time_base = i, Fraction(1, 8)
        source.push(frame)
    source.push(None)
    made: dict[int, Frames] = {}
    with suppress(av.EOFError):
        while True:
            frame = sink.pull()  # type: ignore[assignment]  # a video sink pulls video frames
            moment = (frame.pts or 0) * (frame.time_base or 1) - Fraction(_PADDING, 8)
            made[round(moment * 24)] = frame.to_ndarray(format="rgb24").astype(np.uint8)
    return np.stack([made[i] for i in range(count)])


def along_motion(given: Frames, count: int) -> Frames:
    """Three frames for each one as the product makes them."""
    return interpolate(given, 8, 24, count)


WAYS: dict[str, Callable[[Frames, int], Frames]] = {
    "fading": faded,
    "FFmpeg minterpolate": minterpolated,
    "along the motion": along_motion,
}


def psnr(made: Frames, truth: Frames) -> float:
    """Peak signal to noise ratio in dB."""
    return float(10 * np.log10(255**2 / np.square(made.astype(float) - truth).mean()))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=48, help="clips, each of another scene")
    parser.add_argument("--frames", type=int, default=49, help="frames of a clip, 1 + 3k")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of figures")
    options = parser.parse_args(arguments)
    count = options.frames - 1
    between = [i for i in range(count) if i % 3]
    scores: dict[str, list[float]] = {name: [] for name in WAYS}
    seconds = dict.fromkeys(WAYS, 0.0)
    for index in range(options.repeats):
        truth = to_frames(render([sample_scene(SEED, index)], frames=options.frames)[0])
        for name, way in WAYS.items():
            start = time.perf_counter()
            made = way(truth[::3], count)
            seconds[name] += time.perf_counter() - start
            scores[name].append(psnr(made[between], truth[between]))
    ours = scores["along the motion"]
    rows: list[list[Cell]] = [
        [
            name,
            f"{mean(scores[name]):.1f}",
            f"{sum(a >= b for a, b in zip(ours, scores[name], strict=True))} of {options.repeats}",
            seconds[name] / options.repeats,
        ]
        for name in WAYS
    ]
    write_figure(
        "bench-motion",
        title="Frames made between frames, against the frames that belong there",
        columns=["way", "PSNR, dB", "along the motion is as good", "seconds a clip"],
        rows=rows,
        n=options.repeats,
        seeds=[SEED],
        notes=f"Renders of {options.frames} frames, 144×80; one in three is given; mean PSNR.",
        out=options.out,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
