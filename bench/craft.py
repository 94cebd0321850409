"""How well the embedded model does what begins from pictures and clips, and loops and stills.

Clips that are given are renders of scenes that no weights saw. All is measured at the native size
and rate, so that nothing is scaled or interpolated between: ``figures/bench-craft.json``, and
contact sheets. What takes a prompt alone is in ``asked.py``, a minute in ``drift.py``.

    python bench/craft.py --count 100 --pictures docs/pictures
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.operations.drawing import SEED, Drawing, given
from bench.operations.found import (
    COLUMNS,
    SHARES,
    Found,
    gather,
    options_of,
    rows_of,
    write_sheets,
)
from bench.operations.measures import FPS, READ, adherence, layout, psnr, seam, sharpness
from pleinair.diffusion.training.classifier import ATTRIBUTES, Classifier, load_classifier
from pleinair.diffusion.training.evaluate import cases
from pleinair.figures import write_figure
from pleinair.media.frames import Frames

STRENGTHS = (0.5, 0.7, 0.88, 1.0)
SHEETS = (
    "first frame",
    "keyframe in the middle",
    "last frame",
    "still picture",
    "extended forward",
    "extended backward",
    "two clips connected",
    "one second drawn anew",
    "changed at strength 0.7",
    "loop",
)


class Craft(Drawing):
    """The operations, each with what is measured of it."""

    def pictures(self) -> dict[str, Found]:
        """A picture given at the start, in the middle, at the end, or nowhere.

        The autoencoder alone, there and back, is the most that can be kept of one.
        """
        places = {"first frame": 0.0, "keyframe in the middle": 1.0, "last frame": 2.0}
        measure = "PSNR of the picture, dB"
        alone = {
            f"{name}, autoencoder alone": n for name, n in (("first frame", 1), ("keyframe", 5))
        }
        found = {name: Found() for name in (*places, *alone, "picture not given")}
        for case, real in self.pairs():
            free = self.make(case)
            for name, at in places.items():
                index = min(len(real) - 1, round(at * FPS))
                made = self.make(case, given("frame", real[index], at=at))
                place = min(len(made) - 1, index)
                found[name].add({measure: psnr(made[place], real[index])}, made)
            for name, count in alone.items():  # a keyframe is given as a group of four frames
                picture = real[len(real) // 2 * (count > 1)]
                kept = self.again(np.repeat(picture[None], count, 0))[-1]
                found[name].add({measure: psnr(kept, picture)})
            found["picture not given"].add({measure: psnr(free[0], real[0])}, free)
        return found

    def joins(self) -> dict[str, Found]:
        """New parts after, before, between and within clips."""
        found: dict[str, Found] = {}
        for i, (case, real) in enumerate(self.pairs()):
            n = len(real)
            after = self.make(case, given("extend", real))
            before = self.make(case, given("before", real))
            other = next(
                self.real[j % len(self.real)]
                for j in range(i + 1, i + 1 + len(self.real))
                if self.real[j % len(self.real)].shape == real.shape
            )
            between = self.make(case, given("extend", real), given("before", other))
            retake = self.make(case, given("retake", real, at=0.5, strength=1.0), seconds=1.0)
            new = len(before) - n
            for name, made, seams in (
                ("extended forward", after, (n,)),
                ("extended backward", before, (new,)),
                ("two clips connected", between, (n, len(between) - n)),
                ("one second drawn anew", retake, (4, 12)),
            ):
                worst = max(seam(made, at) for at in seams)
                found.setdefault(name, Found()).add({"seam, times own motion": worst}, made)
            found.setdefault("no seam, within renders", Found()).add(
                {"seam, times own motion": seam(real, n // 2)}, real
            )
            same = (
                np.array_equal(after[:n], real)
                and np.array_equal(before[new:], real)
                and np.array_equal(between[:n], real)
                and np.array_equal(retake[:4], real[:4])
                and np.array_equal(retake[12:], real[12:])
            )
            found.setdefault("clips kept in all four", Found()).add(
                {"frames bit-equal, share": float(same)}, retake
            )
        return found

    def blur(self) -> dict[str, Found]:
        """How sharp what is drawn is, behind a clip that is given and with none."""
        added, free, given_clip = "three seconds added", "three seconds drawn freely", "clip given"
        found = {name: Found() for name in (added, free, given_clip)}
        for case, real in self.pairs():
            unit = sharpness(self.again(real))
            measure = "sharpness, times the autoencoder's"
            found[given_clip].add({measure: sharpness(real) / unit})
            behind = self.make(case, given("extend", real), seconds=3.0)[len(real) :]
            for name, made in ((added, behind), (free, self.make(case, seconds=3.0))):
                for second in (1, 3):
                    part = made[(second - 1) * FPS :][:FPS]
                    told = f"sharpness of second {second}, times the autoencoder's"
                    found[name].add({told: sharpness(part) / unit})
        return found

    def loops(self) -> dict[str, Found]:
        """From the last frame to the first."""
        found = {"loop": Found(), "not asked to loop": Found()}
        for case, _ in self.pairs():
            for name, loop in (("loop", True), ("not asked to loop", False)):
                made = self.make(case, seconds=4.0, loop=loop)
                turned = np.concatenate([made[-FPS:], made[:FPS]])
                name_of = "closure, times own motion"
                found[name].add({name_of: seam(turned, FPS)}, made)
        return found

    def changes(self, reader: Classifier) -> dict[str, Found]:
        """Clips drawn anew with the prompt of another scene, at several strengths."""
        found: dict[str, Found] = {}
        for strength in STRENGTHS:
            made: dict[int, Frames] = {}
            name = f"changed at strength {strength:g}"
            for i, (case, real) in enumerate(self.pairs()):
                wanted = self.next(i)
                item = given("edit", real, strength=strength)
                made[i] = self.make(case, item, prompt=wanted.prompt)
                found.setdefault(name, Found()).add(
                    {"layout kept, correlation": layout(made[i][:FPS], real[:FPS])}, made[i]
                )
            asked = [self.next(i) for i in made]
            found[name].values["adherence, %"] = [adherence(reader, list(made.values()), asked)]
        return found

    def stills(self, reader: Classifier) -> dict[str, Found]:
        """One frame alone, read as a clip that stands still."""
        found = {"still picture": Found()}
        made = []
        for case, _ in self.pairs():
            picture = self.make(case, seconds=1 / FPS)
            made.append(np.repeat(picture[:1], READ, 0))
            found["still picture"].add({}, made[-1])
        names = [name for name in ATTRIBUTES if name != "camera"]
        found["still picture"].values["adherence but the camera's, %"] = [
            adherence(reader, made, self.asked, names)
        ]
        return found


def main(arguments: list[str] | None = None) -> int:
    """Measure and write."""
    options = options_of(__doc__, arguments)
    bench, reader = Craft(cases(options.count, SEED, held_out=False)), load_classifier()
    parts: tuple[Callable[[], dict[str, Found]], ...] = (
        bench.pictures,
        bench.joins,
        bench.blur,
        bench.loops,
        lambda: bench.changes(reader),
        lambda: bench.stills(reader),
    )
    found = gather(parts)
    steps = "the model's own choice of steps"
    write_figure(
        "bench-craft",
        title="Operations of the embedded model",
        columns=COLUMNS,
        rows=rows_of(found),
        n=options.count,
        seeds=[SEED],
        notes=f"Given clips are renders of unseen scenes; native size and rate, {steps}. A seam is "
        "the step into the first frame behind it over the median step around it, the worse one "
        "where there are two. Sharpness is the mean step between neighbouring pixels, over that of "
        "the given clip through the autoencoder alone. Adherence: place, hour, weather, camera and "
        f"look, of the other scene whose prompt is asked for. {SHARES}",
        out=options.out,
    )
    if options.pictures:
        write_sheets(found, SHEETS, options.pictures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
