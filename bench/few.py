"""Few steps against many: seconds, and how much of what was asked for is in the clip.

The baseline is the embedded model as it would be drawn by the book: fp32, eager, 50 steps with
guidance. Every way draws the same cases; a run that was killed goes on where it stopped.

    python bench/few.py --count 512
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch

from pleinair.diffusion.model.pipeline import Pipeline
from pleinair.diffusion.training import measures
from pleinair.diffusion.training.classifier import ATTRIBUTES, judge, load_classifier, truth
from pleinair.diffusion.training.evaluate import Case, cases, draw, generate
from pleinair.diffusion.training.findings import Setting
from pleinair.diffusion.training.scores import Score, scores
from pleinair.errors import PleinairError
from pleinair.figures import Cell, write_figure
from pleinair.settings import SHIPPED_WEIGHTS

SEED = 7
WEIGHTS = SHIPPED_WEIGHTS / "pleinair-1.safetensors"


@dataclass(frozen=True)
class Way:
    """One way of drawing.

    Attributes:
        name: in the table.
        steps, guidance: as of the pipeline; no guidance is that of the few-step weights.
        dtype: of products.
    """

    name: str
    steps: int
    guidance: float | None
    dtype: torch.dtype = torch.bfloat16


WAYS = (
    Way("50 steps, guidance 3, fp32", 50, 3.0, torch.float32),
    Way("50 steps, guidance 3", 50, 3.0),
    Way("12 steps, guidance 3", 12, 3.0),
    Way("4 steps, distilled", 4, None),
    Way("3 steps, distilled", 3, None),
    Way("2 steps, distilled", 2, None),
    Way("1 step, distilled", 1, None),
)
JUDGED = (WAYS[1], *WAYS[2:])
"""Ways whose clips are read: in bfloat16 the baseline takes half the time and draws the same."""


def seconds(way: Way, asked: list[Case]) -> tuple[list[float], list[float]]:
    """Seconds of drawing, and of drawing and decoding, of each case, warm."""
    pipeline = Pipeline.load(WEIGHTS, dtype=way.dtype)
    spent: list[dict[str, float]] = []
    for case in (asked[0], *asked):
        made = pipeline.generate(
            case.prompt,
            width=case.width,
            height=case.height,
            seed=case.seed,
            steps=way.steps,
            guidance=way.guidance,
        )
        spent.append(made.timings)
    drawing = [each["denoise"] for each in spent[1:]]
    return drawing, [sum(each.values()) for each in spent[1:]]


def adherence(found: dict[str, Score]) -> float:
    """Mean share of place, hour, weather, camera and look that are as asked, in percent."""
    return 100 * sum(found[name].right / found[name].total for name in ATTRIBUTES) / len(ATTRIBUTES)


def main(arguments: list[str] | None = None) -> int:
    """Write ``bench-few.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=512, help="clips that are judged")
    parser.add_argument("--repeats", type=int, default=10, help="clips that are timed")
    parser.add_argument("--draw", action="store_true", help="only draw what is to be judged")
    parser.add_argument("--way", type=int, default=None, help="with --draw: this one alone")
    parser.add_argument("--work", type=Path, default=Path("runs/bench-few"), help="keeps clips")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of the figure")
    options = parser.parse_args(arguments)
    try:
        run(options.count, options.repeats, options.work, options.out, options.draw, options.way)
    except PleinairError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def run(
    count: int,
    repeats: int,
    work: Path,
    out: Path,
    draw_only: bool = False,
    only: int | None = None,
) -> None:
    """Draw, judge, time and write."""
    asked = cases(count, SEED, held_out=False)
    made = {}
    for way in JUDGED if only is None else (JUDGED[only],):
        pipeline = Pipeline.load(WEIGHTS, dtype=way.dtype)
        setting = Setting(SEED, way.steps, way.guidance)
        folder = work / way.name.replace(" ", "-").replace(",", "")
        made[way.name] = generate(asked, pipeline, setting, folder, report=_tell)
    if draw_only:
        return
    reader = load_classifier()
    wanted = truth([case.scene for case in asked])
    _, real = judge(reader, draw(asked))
    found: dict[str, tuple[dict[str, Score], float]] = {}
    for name, clips in made.items():
        labels, features = judge(reader, clips)
        found[name] = scores(labels, wanted), measures.frechet(features, real)
    clocks = {way.name: seconds(way, asked[:repeats]) for way in WAYS}
    base = [median(times) for times in clocks[WAYS[0].name]]
    rows: list[list[Cell]] = []
    for way in WAYS:
        drawing, whole = (median(times) for times in clocks[way.name])
        judged = found.get(way.name)
        rows.append(
            [
                way.name,
                drawing,
                f"{base[0] / drawing:.1f}×",
                whole,
                f"{base[1] / whole:.1f}×",
                *(_judged(judged) if judged else ["as below", "", "", ""]),
            ]
        )
    write_figure(
        "bench-few",
        title="Few steps against many",
        columns=[
            "drawn with",
            "drawing, s",
            "faster",
            "with decoding, s",
            "faster",
            "adherence",
            "place",
            "things",
            "Fréchet distance to renders",
        ],
        rows=rows,
        n=count,
        seeds=[SEED],
        notes=(
            "Two seconds at the native size, eager, warm, medians. Adherence is the mean share of "
            "place, hour, weather, camera and look that the classifier reads as asked. The "
            f"baseline's clips are judged in bfloat16. {repeats} clips are timed."
        ),
        out=out,
    )


def _judged(judged: tuple[dict[str, Score], float]) -> list[Cell]:
    found, distance = judged
    return [f"{adherence(found):.1f} %", found["place"].short, found["present"].short, distance]


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
