"""Time and memory of `pleinair-2`: frames, set-up, workers, long clips; Mitsuba beside it.

Everything runs on this machine one after the other, on all its cores unless a row says otherwise.
With a Python that has Mitsuba 3.9.1 (`pip install mitsuba==3.9.1`), `--mitsuba PYTHON` path-traces
the same land and sky in the same run; see `bench/path_traced.py`.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

from pleinair.figures import Cell, write_figure
from pleinair.light.renderer import Renderer
from pleinair.scenes.draft import draft
from pleinair.scenes.scene import Scene

SEED = 7
MOVING = (
    "the sea by day with scattered clouds, the camera moves forward",
    "a lake among mountains at golden hour with scattered clouds, the camera moves forward",
    "a beach by day with scattered clouds, the camera pans left",
)
STILL = "a lake among mountains by day with scattered clouds, static camera"
SMALL, LARGE = (640, 360), (1280, 720)
FPS = 24


def scene(prompt: str) -> Scene:
    return draft(prompt, SEED).scene


def rate(scene: Scene, size: tuple[int, int], count: int, threads: int) -> float:
    """Frames a second once the scene is set up."""
    renderer = Renderer(scene, width=size[0], height=size[1], fps=FPS, frames=96)
    renderer.draw(0)
    start = time.perf_counter()
    for _ in renderer.stream(1, 1 + count, threads):
        pass
    return count / (time.perf_counter() - start)


def set_up(scene: Scene) -> float:
    """Seconds until a scene is ready, in this warm process."""
    start = time.perf_counter()
    Renderer(scene, width=SMALL[0], height=SMALL[1], fps=FPS, frames=96)
    return time.perf_counter() - start


def processes(count: int, frames: int) -> float:
    """Frames a second of single-threaded processes that share a film's frames between them."""
    code = (
        "import sys; from bench.landscapes import *; "
        "r = Renderer(scene(MOVING[1]), width=640, height=360, fps=FPS, frames=96); r.draw(0); "
        "print('ready', flush=True); sys.stdin.readline(); "
        "[None for _ in r.stream(int(sys.argv[1]), int(sys.argv[2]), 1)]; print('done')"
    )
    each = frames // count
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(1 + i * each), str(1 + (i + 1) * each)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": ".", "OMP_NUM_THREADS": "1"},
        )
        for i in range(count)
    ]
    for worker in workers:
        worker.stdout.readline()  # type: ignore[union-attr]
    start = time.perf_counter()
    for worker in workers:
        worker.stdin.write("go\n")  # type: ignore[union-attr]
        worker.stdin.flush()  # type: ignore[union-attr]
    for worker in workers:
        worker.stdout.readline()  # type: ignore[union-attr]
    seconds = time.perf_counter() - start
    for worker in workers:
        worker.wait()
    return each * count / seconds


def memory(seconds: int, size: tuple[int, int]) -> float:
    """Most memory of a whole command that draws a clip, MB."""
    code = (
        "import resource, sys; from pleinair.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, file=sys.stderr)"
    )
    out = Path("out") / f"memory-{seconds}.mp4"
    out.parent.mkdir(exist_ok=True)
    call = [sys.executable, "-c", code, "generate", MOVING[1], "-o", str(out), "--seed", str(SEED)]
    call += ["--seconds", str(seconds), "--size", f"{size[0]}x{size[1]}"]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    return float(done.stderr.strip().splitlines()[-1])


def first_frame() -> float:
    """Seconds from the start of a fresh process to its first frame."""
    code = (
        "from bench.landscapes import *; "
        "Renderer(scene(MOVING[1]), width=640, height=360, fps=FPS, frames=96).draw(0)"
    )
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": "."})
    return time.perf_counter() - start


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="repeats of each, for the median")
    parser.add_argument("--frames", type=int, default=48, help="frames of each repeat")
    parser.add_argument("--long", type=int, default=60, help="seconds of the long clip; 0 for none")
    parser.add_argument("--mitsuba", help="a Python that has Mitsuba")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of figures")
    options = parser.parse_args(arguments)
    pixels = SMALL[0] * SMALL[1] / 1e6
    count, repeats = options.frames, range(options.repeats)
    cores = os.cpu_count() or 1
    moving = [
        median(rate(scene(prompt), SMALL, count, cores) for _ in repeats) for prompt in MOVING
    ]
    rows: list[list[Cell]] = [
        [f"million pixels a second, {prompt}", found * pixels, "3"]
        for prompt, found in zip(MOVING, moving, strict=True)
    ]
    still = median(rate(scene(STILL), SMALL, count, cores) for _ in repeats)
    rows.append(["frames a second, 640×360, still camera", still, "24"])
    rows.append(["set-up, s", median(set_up(scene(MOVING[1])) for _ in repeats), "≤ 2"])
    rows.append(
        ["first frame of a fresh process, s", median(first_frame() for _ in repeats), "≤ 4"]
    )
    alone, both = (median(processes(n, count) for _ in repeats) for n in (1, 2))
    rows.append(["two workers of one thread against one", both / alone, "1.8"])
    short = memory(4, LARGE)
    rows.append(["memory, 1280×720, 4 s, MB", short, "≤ 1,200"])
    if options.long:
        length = memory(options.long, LARGE)
        rows.append([f"memory, {options.long} s against 4 s", length / short, "0.95 to 1.05"])
    if options.mitsuba:
        from bench.path_traced import seconds_of_mitsuba

        bare = scene("mountains by day, clear sky, static camera")
        bare = replace(bare, weather=replace(bare.weather, clouds=()))
        ours = 1 / median(rate(bare, SMALL, count, cores) for _ in repeats)
        theirs = seconds_of_mitsuba(bare, SMALL, 16, options.mitsuba)
        rows.append(
            ["Mitsuba's seconds a frame against ours, 16 samples a pixel", theirs / ours, "50"]
        )
    write_figure(
        "landscapes-speed",
        title="Landscapes, whole frames",
        columns=["what", "measured", "goal"],
        rows=rows,
        n=options.repeats * count,
        seeds=[SEED],
        notes="640×360 with exposure, lens and film, before encoding; medians.",
        out=options.out,
    )
    print(json.dumps(rows, ensure_ascii=False, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
