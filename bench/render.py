"""Clips a second that the renderer draws, by size and number of threads."""

import argparse
import sys
import time
from pathlib import Path
from statistics import median

import torch

from pleinair.diffusion.worlds.render import render
from pleinair.diffusion.worlds.scene import sample_scene
from pleinair.figures import Cell, write_figure

SIZES = ((144, 80), (80, 144), (112, 112))
SEED = 3


def rate(batch: int, width: int, height: int, device: str, turn: int) -> float:
    """Clips of 17 frames a second, of scenes that differ with ``turn``."""
    scenes = [sample_scene(SEED, turn * batch + i) for i in range(batch)]
    start = time.perf_counter()
    clips = render(scenes, width=width, height=height, device=device)
    clips[0, 0, 0, 0, 0].item()  # waits for a GPU
    return batch / (time.perf_counter() - start)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=8, help="batches of each, for the median")
    parser.add_argument("--batch", type=int, default=16, help="clips a batch")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of figures")
    options = parser.parse_args(arguments)
    cores = torch.get_num_threads()
    choices = sorted({1, cores}) if options.device == "cpu" else [cores]
    rows: list[list[Cell]] = []
    for width, height in SIZES:
        row: list[Cell] = [f"{width}×{height}"]
        for threads in choices:
            torch.set_num_threads(threads)
            rate(options.batch, width, height, options.device, turn=0)  # warms up
            turns = range(1, options.repeats + 1)
            row.append(
                median(rate(options.batch, width, height, options.device, turn) for turn in turns)
            )
        rows.append(row)
    torch.set_num_threads(cores)
    on = "threads" if options.device == "cpu" else "host threads"
    write_figure(
        "bench-render",
        title="Clips of 17 frames that the renderer draws in a second",
        columns=["size", *(f"{threads} {on}" for threads in choices)],
        rows=rows,
        n=options.repeats * options.batch,
        seeds=[SEED],
        notes=f"Batches of {options.batch} on {options.device}; medians.",
        out=options.out,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
