"""A minute of the embedded model, drawn in one go, against its own first second.

At the native size and rate: ``figures/bench-drift.json``, and a contact sheet.

    python bench/drift.py --count 100 --pictures docs/pictures
"""

import sys
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.operations.drawing import SEED, Drawing
from bench.operations.found import SHOWN, Found, options_of, write_sheets
from bench.operations.measures import FPS, READ, adherence, colours, contrast, layout
from pleinair.diffusion.training.classifier import Classifier, load_classifier
from pleinair.diffusion.training.evaluate import cases
from pleinair.figures import Cell, write_figure
from pleinair.media.frames import Frames

SECONDS = (5, 15, 30, 59)
COLUMNS = [
    "at",
    "colour off, of 255",
    "a second",
    "layout, correlation",
    "contrast, share",
    "adherence of two seconds, %",
]


def drift(bench: Drawing, reader: Classifier) -> tuple[list[list[Cell]], list[Frames]]:
    """A row for each of SECONDS, by COLUMNS, and the clips."""
    clips = [bench.make(case, seconds=60.0) for case in bench.asked]
    rows: list[list[Cell]] = []
    for second in SECONDS:
        colour = median(colours(clip, second) for clip in clips)
        last = [clip[second * FPS - READ + 1 :][:READ] for clip in clips]
        rows.append(
            [
                f"{second} s",
                colour,
                colour / second,
                median(layout(clip[second * FPS :][:FPS], clip[:FPS]) for clip in clips),
                median(contrast(clip, second) for clip in clips),
                adherence(reader, last, bench.asked),
            ]
        )
    return rows, clips


def main(arguments: list[str] | None = None) -> int:
    """Measure and write."""
    options = options_of(__doc__, arguments)
    rows, clips = drift(Drawing(cases(options.count, SEED, held_out=False)), load_classifier())
    write_figure(
        "bench-drift",
        title="A minute against its own first second",
        columns=COLUMNS,
        rows=rows,
        n=options.count,
        seeds=[SEED],
        notes="Medians. Cameras pan and things move, so that some change of layout is asked for.",
        out=options.out,
    )
    if options.pictures:
        write_sheets({"a minute": Found(clips=clips[:SHOWN])}, ["a minute"], options.pictures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
