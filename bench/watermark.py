"""Whether the mark in a video is read after what happens to videos, and seen where none is."""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from statistics import mean

import numpy as np

from pleinair.diffusion.worlds.render import render
from pleinair.diffusion.worlds.scene import sample_scene
from pleinair.figures import Cell, write_figure
from pleinair.media import codec
from pleinair.media.encoder import Format, colour, encode
from pleinair.media.frames import Frames, resize, to_frames
from pleinair.media.glimpse import glimpse, luma, read_glimpse
from pleinair.media.mark import Marking
from pleinair.media.watermark import Watermark

SEED = 11
KEY = b"the key of this measurement"
WIDTH, HEIGHT, FPS = 640, 360, 24


def clips(count: int, frames: int, width: int = WIDTH, height: int = HEIGHT) -> Iterator[Frames]:
    """Renders of as many scenes, (frames, height, width, 3)."""
    for index in range(count):
        scene = sample_scene(SEED, index)
        yield resize(to_frames(render([scene], frames=frames)[0]), width, height)


def recode(frames: Frames, folder: Path, encoder: str = "libx264", crf: int = 28) -> Path:
    """A file of these frames, as a site that takes videos would make it."""
    options = {"crf": str(crf), "b": "0"}
    options |= {"preset": "veryfast"} if encoder == "libx264" else {"cpu-used": "8"}
    form = Format("matroska", encoder, "yuv420p", options)
    _, height, width, _ = frames.shape
    path = folder / "copy.mkv"
    encode(path, colour(frames), width, height, Fraction(FPS), form)
    return path


def crop(frames: Frames, share: float, rng: np.random.Generator) -> Frames:
    """A part of each side, anywhere."""
    _, height, width, _ = frames.shape
    h, w = int(height * share) // 2 * 2, int(width * share) // 2 * 2
    y, x = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
    return frames[:, y : y + h, x : x + w]


def scale(frames: Frames, share: float) -> Frames:
    _, height, width, _ = frames.shape
    return resize(frames, round(width * share / 2) * 2, round(height * share / 2) * 2)


def copies(frames: Frames, folder: Path, rng: np.random.Generator) -> Iterator[tuple[str, Path]]:
    """The same video after each attack, by name."""
    for crf in (23, 28, 33):
        yield f"H.264, CRF {crf}", recode(frames, folder, crf=crf)
    yield "VP9, CRF 38", recode(frames, folder, "libvpx-vp9", 38)
    for share in (0.9, 0.75):
        yield f"crop to {share:.0%}", recode(crop(frames, share, rng), folder)
    for share in (0.75, 0.5):
        yield f"scale to {share:.0%}", recode(scale(frames, share), folder)
    yield "crop to 75 %, scale to 75 %", recode(scale(crop(frames, 0.75, rng), 0.75), folder)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=1000, help="clean clips")
    parser.add_argument("--marked", type=int, default=100, help="clips that are marked, attacked")
    parser.add_argument("--frames", type=int, default=12, help="frames of a clip")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of figures")
    options = parser.parse_args(arguments)
    watermark, marking = Watermark(KEY), Marking(KEY)
    rng = np.random.default_rng(SEED)
    seen: dict[str, list[tuple[bool, bool, float]]] = {}
    psnr, shares = [], []
    with tempfile.TemporaryDirectory(prefix="pleinair-bench-") as name:
        folder = Path(name)
        for i, clip in enumerate(clips(options.marked, options.frames)):
            start = time.perf_counter()
            mark = marking.of(clip, str(i))
            assert mark is not None
            marked = np.stack([mark(k, frame) for k, frame in enumerate(clip)])
            middle = time.perf_counter()
            codec.write_video(folder / "a.mp4", marked, FPS)
            shares.append((middle - start) / (time.perf_counter() - middle))
            psnr.append(10 * np.log10(255**2 / np.square(marked - clip.astype(float)).mean()))
            delivered = codec.read_video(folder / "a.mp4").frames
            for attack, path in copies(delivered, folder, rng):
                read = watermark.read(luma(read_glimpse(path)))
                right = read.mark == watermark.mark_of(str(i))
                seen.setdefault(attack, []).append((read.found, right, read.score))
    small = clips(options.repeats, 2, 320, 180)
    clean = [watermark.read(luma(glimpse(clip))) for clip in small]
    n = options.marked
    rows: list[list[Cell]] = [
        [
            attack,
            f"{sum(found for found, _, _ in results)} of {n}",
            f"{sum(right for _, right, _ in results)} of {n}",
            mean(score for _, _, score in results),
        ]
        for attack, results in seen.items()
    ]
    false = sum(reading.found for reading in clean)
    score = max(reading.score for reading in clean)
    rows.append(["not marked: highest score", f"{false} of {len(clean)}", None, score])
    write_figure(
        "watermark",
        title="The invisible mark after what happens to videos",
        columns=["copy", "mark seen", "video read from it", "mean score"],
        rows=rows,
        n=options.repeats,
        seeds=[SEED],
        notes=f"Marked: {n} renders of {options.frames} frames, {WIDTH}×{HEIGHT}, delivered as "
        f"H.264, then copied; crops and scales are encoded at CRF 28. Not marked: "
        f"{len(clean)} renders of 2 frames, 320×180. PSNR of the mark: least {min(psnr):.1f}, "
        f"mean {mean(psnr):.1f} dB. Marking takes {mean(shares):.0%} of the time of encoding.",
        out=options.out,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
