"""Random valid scenes, drawn small: whether any fails, is not finite, or is all black or white."""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch

from pleinair.figures import write_figure
from pleinair.light.renderer import Renderer
from pleinair.scenes.sampling import sample_scene

SIZE = (64, 36)


def verdict(seed: int, index: int) -> str:
    """What became of one scene: "drawn", or what is wrong with it."""
    scene = sample_scene(seed, index)
    try:
        renderer = Renderer(scene, width=SIZE[0], height=SIZE[1], fps=24, frames=24)
        frame = renderer.frame(12)
        picture = renderer.draw(12)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    if not bool(torch.isfinite(frame.light).all()):
        return "not finite"
    if int(np.ptp(picture)) == 0 or picture.max() < 4 or picture.min() > 251:
        return f"all {'black' if picture.mean() < 128 else 'white'}"
    return "drawn"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=10_000, help="scenes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=600, help="stops after so long")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of figures")
    options = parser.parse_args(arguments)
    found: dict[str, int] = {}
    start, count = time.monotonic(), 0
    for index in range(options.repeats):
        what = verdict(options.seed, index)
        found[what] = found.get(what, 0) + 1
        count += 1
        if what != "drawn":
            print(f"scene {index}: {what}", flush=True)
        if time.monotonic() - start > options.minutes * 60:
            break
    write_figure(
        "landscapes-fuzz",
        title="Random valid scenes drawn at 64×36",
        columns=["what became of it", "scenes"],
        rows=[[what, number] for what, number in sorted(found.items())],
        n=count,
        seeds=[options.seed],
        notes="Over the whole range of every field, extremes more often than between.",
        out=options.out,
    )
    return 0 if set(found) <= {"drawn"} else 1


if __name__ == "__main__":
    sys.exit(main())
