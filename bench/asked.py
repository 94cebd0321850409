"""What is asked of the embedded model beside one prompt: variations, cards, shapes, what to avoid.

All is delivered at the native rate, and read by the classifier of the evaluation:
``figures/bench-asked.json``, and contact sheets.

    python bench/asked.py --count 100 --pictures docs/pictures
"""

import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.operations.drawing import SEED, Drawing, renders
from bench.operations.found import (
    COLUMNS,
    SHARES,
    SHOWN,
    Found,
    gather,
    options_of,
    rows_of,
    write_sheets,
)
from bench.operations.measures import FPS, READ, adherence, layout, seam, seen
from pleinair.backends.embedded import GUIDANCE
from pleinair.commands.board import Board, Card, draw, plan
from pleinair.diffusion.training.classifier import Classifier, load_classifier
from pleinair.diffusion.training.evaluate import Case, cases
from pleinair.diffusion.worlds.scene import HOURS, Scene, may_stand
from pleinair.diffusion.worlds.suggestions import suggestions
from pleinair.figures import write_figure
from pleinair.media.frames import Frames, resize

NATIVE = ((144, 80), (80, 144), (112, 112))
SCALED, READ_AT = (640, 360), (144, 80)
"""A size that is not native, and the one at which the classifier reads it."""
CARD = 2.0  # seconds
ANOTHER = 1_000_000  # between the seeds of a case
SHEETS = (
    "variations",
    "variations of a place alone",
    "storyboard",
    "the same place at another hour",
    "shapes",
    "negative prompt",
)


class Asked(Drawing):
    """What may be asked for, each with what is measured of it."""

    def variations(self) -> dict[str, Found]:
        """Two variations of a prompt, against what their seeds give alone and against renders."""
        few_words, real_pair = "variations of a place alone", "renders of two scenes"
        found = {name: Found() for name in ("variations", few_words, real_pair)}
        common = "layout in common, correlation"
        for i, (case, real) in enumerate(self.pairs()):
            place = suggestions(case.language)["places"][case.scene.place]
            for name, prompt in (("variations", case.prompt), (few_words, place)):
                two = self.generate(case, prompt=prompt, variations=2)
                # One above the other on the sheet.
                found[name].add({common: layout(*two)}, np.concatenate(two, 1))
                alone = [self.make(case, prompt=prompt, seed=case.seed + k) for k in range(2)]
                same = all(np.array_equal(*each) for each in zip(two, alone, strict=True))
                found[name].add({"bit for bit what their seeds give alone, share": float(same)})
            other = resize(self.real[(i + 1) % len(self.real)], case.width, case.height)
            found[real_pair].add({common: layout(real, other)})
        return found

    def boards(self, reader: Classifier) -> dict[str, Found]:
        """Storyboards of two cards, as the command draws them."""
        found: dict[str, Found] = {}
        kinds: tuple[tuple[str, Callable[[int], Case]], ...] = (
            ("storyboard", self.next),
            ("the same place at another hour", lambda i: at_another_hour(self.asked[i])),
        )
        for name, follow in kinds:
            seconds = [follow(i) for i in range(len(self.asked))]
            boards = [self.board(*cards) for cards in zip(self.asked, seconds, strict=True)]
            cut = round(CARD * FPS)
            found[name] = Found()
            for board in boards:
                found[name].add({"seam, times own motion": seam(board, cut)}, board)
            first, second = [board[:cut] for board in boards], [board[cut:] for board in boards]
            found[name].values |= {
                "adherence of the first card, %": [adherence(reader, first, self.asked)],
                "adherence of the second card, %": [adherence(reader, second, seconds)],
            } | {
                f"{part} of the second card, %": [adherence(reader, second, seconds, [part])]
                for part in ("place", "hour")
            }
        return found

    def board(self, first: Case, second: Case) -> Frames:
        """Two cards at the size and with the seed of the first."""
        cards = tuple(Card(case.prompt, CARD) for case in (first, second))
        planned = plan(Board("two cards", None, cards), self.request(first))
        with tempfile.TemporaryDirectory() as folder:
            made, _ = draw(planned, self.model, Path(folder), None, lambda *_: None)
        return made.frames

    def shapes(self, reader: Classifier) -> dict[str, Found]:
        """The same scenes in each shape, and at a size that is scaled."""
        found: dict[str, Found] = {}
        sheets: list[list[Frames]] = []
        for width, height in (*NATIVE, SCALED):
            asked = [replace(case, width=width, height=height) for case in self.asked]
            size = READ_AT if (width, height) == SCALED else (width, height)
            measures = {"adherence, %": [resize(self.make(case), *size) for case in asked]}
            if (width, height) in NATIVE:
                sheets.append(measures["adherence, %"][:SHOWN])
                measures["adherence of renders, %"] = renders(asked)
            found[f"{width}×{height}"] = Found(
                {name: [adherence(reader, clips, asked)] for name, clips in measures.items()}
            )
        found["shapes"] = Found(clips=[side_by_side(clips) for clips in zip(*sheets, strict=True)])
        return found

    def negatives(self, reader: Classifier) -> dict[str, Found]:
        """A place alone, then without the hour or weather that came with it.

        Of another seed the same hour or weather comes by chance, so that is the comparison.
        """
        names = {"negative prompt": "still", "another seed": "again"}
        found = {name: Found() for name in ("place alone", *names)}
        for i, case in enumerate(self.asked):
            aspect = ("hour", "weather")[i // 2 % 2]  # languages take turns too
            told = suggestions(case.language)
            asked = {"prompt": told["places"][case.scene.place], "guidance": GUIDANCE}
            plain = self.make(case, **asked)
            came = seen(reader, plain)[aspect]
            made = {
                "place alone": plain,
                "negative prompt": self.make(
                    case, **asked, negative_prompt=told[f"{aspect}s"][came]
                ),
                "another seed": self.make(case, **asked, seed=case.seed + ANOTHER),
            }
            for name, clip in made.items():
                read = seen(reader, clip)
                if name in names:
                    measure = f"the {aspect} that came is there {names[name]}, share"
                    found[name].add({measure: float(read[aspect] == came)})
                there = float(read["place"] == case.scene.place)
                found[name].add({"place is there, share": there})
            both = np.concatenate([plain, made["negative prompt"]], 1)
            found["negative prompt"].add({}, both)
        return found


def at_another_hour(case: Case) -> Case:
    """The scene half a day later, with those of its things that may stand there then."""
    scene = case.scene
    hour = HOURS[(HOURS.index(scene.hour) + len(HOURS) // 2) % len(HOURS)]
    things = tuple(t for t in scene.things if may_stand(t.kind, scene.place, hour, scene.weather))
    later: Scene = replace(scene, hour=hour, things=things)
    return replace(case, scene=later)


def side_by_side(clips: tuple[Frames, ...]) -> Frames:
    """Clips of several shapes in one, on white."""
    tall = max(clip.shape[1] for clip in clips)
    parts = []
    for clip in clips:
        above = (tall - clip.shape[1]) // 2
        padding = ((0, 0), (above, tall - clip.shape[1] - above), (4, 4), (0, 0))
        parts.append(np.pad(clip, padding, constant_values=255))
    return np.concatenate(parts, 2)


def main(arguments: list[str] | None = None) -> int:
    """Measure and write."""
    options = options_of(__doc__, arguments)
    bench, reader = Asked(cases(options.count, SEED, held_out=False)), load_classifier()
    parts: tuple[Callable[[], dict[str, Found]], ...] = (
        bench.variations,
        lambda: bench.boards(reader),
        lambda: bench.shapes(reader),
        lambda: bench.negatives(reader),
    )
    found = gather(parts)
    write_figure(
        "bench-asked",
        title="What is asked of the embedded model beside one prompt",
        columns=COLUMNS,
        rows=rows_of(found),
        n=options.count,
        seeds=[SEED],
        notes=f"Scenes that no weights saw, at {FPS} frames a second and, but for "
        f"{SCALED[0]}×{SCALED[1]}, native sizes. A seam is the step into the first frame of the "
        "second card over the median step around it. A storyboard's second card is another scene, "
        "or the same half a day later. Adherence: place, hour, weather, camera and look, read in "
        f"{READ} frames. With negative prompts guidance is {GUIDANCE:g}, and so it is without. "
        f"{SHARES}",
        out=options.out,
    )
    if options.pictures:
        write_sheets(found, SHEETS, options.pictures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
