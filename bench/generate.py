"""Time and memory of ``pleinair generate``: in a fresh process, a warm one, by kind of numbers.

Everything runs on this machine one after the other; repeats are interleaved, so that a busy moment
falls on all of them, and every figure is a median.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from pleinair.errors import PleinairError
from pleinair.figures import Cell, write_figure
from pleinair.request import VideoRequest

PROMPT = "two red hot-air balloons drift right over a snow field at dawn, the camera pans left"
SEED = 7
STEPS = (2, 12, 24)
SIZES = ((144, 80), (640, 360), (1280, 720))
SECONDS = (2.0, 6.0)
FIRST = VideoRequest(PROMPT, "pleinair-1", 2.0, 640, 360, seed=SEED)
_COMMAND = (sys.executable, "-c", "from pleinair.cli import main; main()", "generate")


@dataclass(frozen=True)
class Cold:
    """One whole process: seconds from start to exit, most memory in MB, seconds of each stage."""

    seconds: float
    megabytes: float
    stages: dict[str, float]


def plan() -> list[VideoRequest]:
    """What is timed: two seconds of one size, then one thing changed at a time."""
    requests = [FIRST]
    requests += [replace(FIRST, steps=steps) for steps in STEPS]
    requests += [replace(FIRST, width=w, height=h) for w, h in SIZES]
    requests += [replace(FIRST, seconds=seconds) for seconds in SECONDS]
    return list(dict.fromkeys(requests))


def cold(request: VideoRequest, out: Path) -> Cold:
    """Run the command as a person would, and watch its process."""
    options = {
        "output": out,
        "size": f"{request.width}x{request.height}",
        "seconds": request.seconds,
        "seed": request.seed,
        "model": request.model,
    }
    if request.steps:
        options["steps"] = request.steps
    arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    log = out.with_suffix(".json")
    with log.open("w") as file:
        start = time.perf_counter()
        child = subprocess.Popen([*_COMMAND, request.prompt, *arguments, "--json"], stdout=file)
        _, status, usage = os.wait4(child.pid, 0)
        spent = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(child.returncode)
    unit = 1e6 if sys.platform == "darwin" else 1e3  # ru_maxrss: bytes there, kilobytes here
    return Cold(spent, usage.ru_maxrss / unit, json.loads(log.read_text())["seconds"])


def warm(request: VideoRequest, out: Path) -> float:
    """Seconds from request to written file in this process, whose model is loaded."""
    from pleinair.backends.base import open_backend
    from pleinair.media.codec import write_video
    from pleinair.settings import Settings

    backend = open_backend(request.model, Settings.read())
    start = time.perf_counter()
    generation = backend.generate(request)
    write_video(out, generation.frames, generation.fps)
    return time.perf_counter() - start


def kinds() -> dict[str, Callable[[], object]]:
    """Ways to compute the same native clip; each call makes one."""
    import torch

    from pleinair.backends.base import MODELS
    from pleinair.diffusion.model.pipeline import Pipeline
    from pleinair.settings import Settings

    weights = Settings.read().weights / MODELS[FIRST.model].file
    plain = Pipeline.load(weights, dtype=torch.float32)
    half = Pipeline.load(weights, dtype=torch.bfloat16)
    compiled = Pipeline.load(weights, dtype=torch.bfloat16)
    compiled.transformer.compile()
    compiled.autoencoder.decoder.compile()

    def maker(pipeline: Pipeline) -> Callable[[], object]:
        return lambda: pipeline.generate(
            PROMPT,
            width=144,
            height=80,
            seed=SEED,
            steps=12,
            guidance=3.0,
        )

    return {
        "fp32, eager": maker(plain),
        "bf16, eager": maker(half),
        "bf16, torch.compile": maker(compiled),
    }


def bench_requests(repeats: int, out: Path) -> None:
    """Write ``bench-generate.json`` and ``bench-stages.json``."""
    requests = plan()
    colds: dict[VideoRequest, list[Cold]] = {request: [] for request in requests}
    warms: dict[VideoRequest, list[float]] = {request: [] for request in requests}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "clip.mp4"
        warm(requests[0], file)  # loads the weights
        for turn in range(repeats):
            for request in requests:
                colds[request].append(cold(request, file))
                warms[request].append(warm(request, file))
            print(f"round {turn + 1} of {repeats}", file=sys.stderr)
    rows: list[list[Cell]] = [
        [
            f"{request.seconds:g} s",
            f"{request.width}×{request.height}",
            request.steps or "its own",
            median(c.seconds for c in colds[request]),
            median(warms[request]),
            median(c.megabytes for c in colds[request]),
        ]
        for request in requests
    ]
    write_figure(
        "bench-generate",
        title="pleinair generate, from sentence to file",
        columns=["video", "size", "steps", "cold, s", "warm, s", "peak memory, MB"],
        rows=rows,
        n=repeats,
        seeds=[SEED],
        notes="Cold is the whole process with imports and weights. Medians.",
        out=out,
    )
    default = colds[requests[0]]
    stages = {name: median(c.stages[name] for c in default) for name in default[0].stages}
    total = median(c.seconds for c in default)
    stages["start, imports and exit"] = total - sum(stages.values())
    write_figure(
        "bench-stages",
        title="Where the seconds of a cold run go",
        columns=["stage", "seconds", "share"],
        rows=[[name, spent, f"{spent / total:.0%}"] for name, spent in stages.items()],
        n=repeats,
        seeds=[SEED],
        notes=f"Defaults: 2 s at {requests[0].width}×{requests[0].height}. Medians.",
        out=out,
    )


def bench_kinds(repeats: int, out: Path) -> None:
    """Write ``bench-kinds.json``: number formats and compilation against plain fp32."""
    makers = kinds()
    first, times = {}, {name: list[float]() for name in makers}
    for name, make in makers.items():
        first[name] = _seconds(make)
    for _ in range(repeats):
        for name, make in makers.items():
            times[name].append(_seconds(make))
    plain = median(times["fp32, eager"])
    write_figure(
        "bench-kinds",
        title="One native clip of 2 s, 144×80, in a warm process",
        columns=["numbers", "first call, s", "then, s", "speed against fp32"],
        rows=[
            [name, first[name], median(spent), f"{plain / median(spent):.2f}×"]
            for name, spent in times.items()
        ],
        n=repeats,
        seeds=[SEED],
        notes="Same run, interleaved; the first call of the compiled model compiles. Medians.",
        out=out,
    )


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="runs of each, of which the median")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of figures")
    parser.add_argument("--only", choices=("requests", "kinds"), help="one half of the bench")
    options = parser.parse_args(arguments)
    try:
        if options.only != "kinds":
            bench_requests(options.repeats, options.out)
        if options.only != "requests":
            bench_kinds(options.repeats, options.out)
    except PleinairError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
