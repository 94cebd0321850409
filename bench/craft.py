"""How well the embedded model does each operation: what is given, joins, loops, drift, changes.

Clips that are given are renders of scenes that no weights saw. All is measured at the native size
and rate, so that nothing is scaled or interpolated between: ``figures/bench-craft.json`` and
``figures/bench-drift.json``, and a contact sheet of each operation.

    python bench/craft.py --count 100 --pictures docs/pictures
"""

import argparse
import hashlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from statistics import median, quantiles

import numpy as np
import torch

from pleinair.backends.embedded import Embedded
from pleinair.figures import Cell, write_figure
from pleinair.media.codec import Video
from pleinair.media.frames import Frames, to_frames
from pleinair.media.sheet import grid, write_picture
from pleinair.request import Given, VideoRequest
from pleinair.settings import Settings
from pleinair.training.classifier import ATTRIBUTES, Classifier, judge, load_classifier, truth
from pleinair.training.evaluate import Case, cases, draw
from pleinair.training.scores import scores

SEED = 11
FPS = 8
STRENGTHS = (0.5, 0.7, 0.88, 1.0)
SECONDS = (5, 15, 30, 59)
"""At which drift is looked at, against the first second."""
SHOWN = 3  # cases on a contact sheet


@dataclass
class Found:
    """What was measured of one operation.

    Attributes:
        values: one for each case, by what they are called in the table.
        clips: the first few cases, delivered.
    """

    values: dict[str, list[float]] = field(default_factory=dict)
    clips: list[Frames] = field(default_factory=list)

    def add(self, clip: Frames, **values: float) -> None:
        """Take in one case."""
        for name, value in values.items():
            self.values.setdefault(name, []).append(value)
        if len(self.clips) < SHOWN:
            self.clips.append(clip)


class Bench:
    """The model, and what it is asked.

    Args:
        asked: cases, whose renders are the clips that are given.
    """

    def __init__(self, asked: list[Case]) -> None:
        self.model = Embedded(Settings.read({}))
        self.asked = asked
        self.real = [to_frames(clip.float() / 127.5 - 1) for clip in draw(asked)]

    def make(
        self,
        case: Case,
        *given: tuple[Given, Video],
        seconds: float = 2.0,
        loop: bool = False,
        prompt: str = "",
    ) -> Frames:
        """What is delivered at the native size and rate."""
        request = VideoRequest(
            prompt or case.prompt,
            seconds=seconds,
            width=case.width,
            height=case.height,
            fps=FPS,
            seed=case.seed,
            given=tuple(item for item, _ in given),
            loop=loop,
        )
        materials = {item.sha256: clip for item, clip in given}
        return self.model.generate(request, materials=materials).frames

    def pairs(self) -> Iterator[tuple[Case, Frames]]:
        """Each case with its render."""
        return zip(self.asked, self.real, strict=True)

    def pictures(self) -> dict[str, Found]:
        """A picture given at the start, in the middle, at the end, or nowhere."""
        places = {"first frame": 0.0, "keyframe in the middle": 1.0, "last frame": 2.0}
        found = {name: Found() for name in (*places, "picture not given")}
        for case, real in self.pairs():
            free = self.make(case)
            for name, at in places.items():
                index = min(len(real) - 1, round(at * FPS))
                made = self.make(case, given("frame", real[index], at=at))
                place = min(len(made) - 1, index)
                found[name].add(made, **{"PSNR of the picture, dB": psnr(made[place], real[index])})
            found["picture not given"].add(
                free, **{"PSNR of the picture, dB": psnr(free[0], real[0])}
            )
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
                found.setdefault(name, Found()).add(made, **{"seam, times own motion": worst})
            found.setdefault("no seam, within renders", Found()).add(
                real, **{"seam, times own motion": seam(real, n // 2)}
            )
            same = (
                np.array_equal(after[:n], real)
                and np.array_equal(before[new:], real)
                and np.array_equal(between[:n], real)
                and np.array_equal(retake[:4], real[:4])
                and np.array_equal(retake[12:], real[12:])
            )
            found.setdefault("clips kept in all four", Found()).add(
                retake, **{"frames bit-equal, share": float(same)}
            )
        return found

    def loops(self) -> dict[str, Found]:
        """From the last frame to the first."""
        found = {"loop": Found(), "not asked to loop": Found()}
        for case, _ in self.pairs():
            for name, loop in (("loop", True), ("not asked to loop", False)):
                made = self.make(case, seconds=4.0, loop=loop)
                turned = np.concatenate([made[-FPS:], made[:FPS]])
                name_of = "closure, times own motion"
                found[name].add(made, **{name_of: seam(turned, FPS)})
        return found

    def changes(self, reader: Classifier) -> dict[str, Found]:
        """Clips drawn anew with the prompt of another scene, at several strengths."""
        found: dict[str, Found] = {}
        for strength in STRENGTHS:
            made: dict[int, Frames] = {}
            name = f"changed at strength {strength:g}"
            for i, (case, real) in enumerate(self.pairs()):
                wanted = self.asked[(i + 1) % len(self.asked)]
                item = given("edit", real, strength=strength)
                made[i] = self.make(case, item, prompt=wanted.prompt)
                found.setdefault(name, Found()).add(
                    made[i], **{"layout kept, correlation": layout(made[i][:FPS], real[:FPS])}
                )
            asked = [self.asked[(i + 1) % len(self.asked)] for i in made]
            found[name].values["adherence, %"] = [adherence(reader, list(made.values()), asked)]
        return found

    def stills(self, reader: Classifier) -> dict[str, Found]:
        """One frame alone, read as a clip that stands still."""
        found = {"still picture": Found()}
        made = []
        for case, _ in self.pairs():
            picture = self.make(case, seconds=1 / FPS)
            made.append(np.repeat(picture[:1], 17, 0))
            found["still picture"].add(made[-1])
        names = [name for name in ATTRIBUTES if name != "camera"]
        found["still picture"].values["adherence but the camera's, %"] = [
            adherence(reader, made, self.asked, names)
        ]
        return found

    def drift(self, reader: Classifier) -> tuple[list[list[Cell]], Found]:
        """A minute, drawn in one go, against its own first second."""
        found, clips = Found(), []
        for case in self.asked:
            made = self.make(case, seconds=60.0)
            clips.append(made)
            found.add(made)
        rows: list[list[Cell]] = []
        for second in SECONDS:
            colour = [colours(clip, second) for clip in clips]
            kept = [layout(clip[second * FPS :][:FPS], clip[:FPS]) for clip in clips]
            spread = [contrast(clip, second) for clip in clips]
            last = [clip[second * FPS - 16 :][:17] for clip in clips]
            read = adherence(reader, [pad(clip) for clip in last], self.asked)
            rows.append(
                [
                    f"{second} s",
                    median(colour),
                    median(colour) / second,
                    median(kept),
                    median(spread),
                    read,
                ]
            )
        return rows, found


def given(
    role: str, frames: Frames, *, at: float = 0.0, strength: float = 0.88
) -> tuple[Given, Video]:
    """A picture (H, W, 3) or clip as a request has it, and in hand."""
    clip = frames if frames.ndim == 4 else frames[None]
    digest = hashlib.sha256(role.encode() + clip.tobytes()).hexdigest()
    return Given(role, digest, at=at, strength=strength), Video(clip, Fraction(FPS))


def psnr(made: Frames, real: Frames) -> float:
    """Of pictures in bytes, in decibels."""
    error = np.square(made.astype(np.float64) - real).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def seam(clip: Frames, at: int) -> float:
    """The step into frame ``at``, as many times the median step of the half second around it."""
    steps = np.abs(np.diff(clip.astype(np.float64), axis=0)).mean((1, 2, 3))
    around = np.concatenate([steps[max(0, at - 5) : at - 1], steps[at : at + 4]])
    return float(steps[at - 1] / max(np.median(around), 1e-3))


def layout(a: Frames, b: Frames) -> float:
    """Correlation of the mean pictures in light, 9 by 16 or so."""
    return float(np.corrcoef(coarse(a), coarse(b))[0, 1])


def coarse(clip: Frames) -> np.ndarray:
    """The mean picture in light, a cell for each 9 pixels or so, as a row."""
    light = torch.from_numpy(clip.astype(np.float32).mean((0, 3)))
    height, width = light.shape
    cells = (max(1, height // 9), max(1, width // 9))
    pooled = torch.nn.functional.adaptive_avg_pool2d(light[None, None], cells)
    flat: np.ndarray = pooled.flatten().numpy()
    return flat


def colours(clip: Frames, second: int) -> float:
    """Distance of the mean colour of a second to that of the first, of 255."""
    means = [
        part.astype(np.float64).mean((0, 1, 2)) for part in (clip[:FPS], clip[second * FPS :][:FPS])
    ]
    return float(np.linalg.norm(means[1] - means[0]) / np.sqrt(3))


def contrast(clip: Frames, second: int) -> float:
    """Spread of light of a second, as a share of that of the first."""
    spread = [part.astype(np.float64).std() for part in (clip[second * FPS :][:FPS], clip[:FPS])]
    return float(spread[0] / max(spread[1], 1e-6))


def pad(clip: Frames) -> Frames:
    """17 frames: what the classifier reads."""
    missing = max(0, 17 - len(clip))
    return np.concatenate([clip, np.repeat(clip[-1:], missing, 0)])[:17]


def adherence(
    reader: Classifier, clips: list[Frames], asked: list[Case], names: list[str] | None = None
) -> float:
    """Mean share of what was asked for that is read in the clips, in percent."""
    tensors = [torch.from_numpy(pad(clip).transpose(3, 0, 1, 2).copy()) for clip in clips]
    found = scores(judge(reader, tensors)[0], truth([case.scene for case in asked]))
    names = names or list(ATTRIBUTES)
    return 100 * sum(found[name].right / found[name].total for name in names) / len(names)


def rows_of(found: dict[str, Found]) -> list[list[Cell]]:
    """A row for each measure of each operation."""
    rows: list[list[Cell]] = []
    for operation, one in found.items():
        for measure, values in one.values.items():
            low, high = "", ""
            if len(values) > 1:
                tenths = quantiles(values, n=10)
                low, high = show(tenths[0]), show(tenths[-1])
            middle = median(values) if "share" not in measure else sum(values) / len(values)
            rows.append([operation, measure, show(middle), f"{low} to {high}" if low else ""])
    return rows


def show(value: float) -> str:
    """Three figures."""
    return f"{value:.3g}"


def main(arguments: list[str] | None = None) -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", "--repeats", type=int, default=100, help="cases of each")
    parser.add_argument("--minutes", type=int, default=None, help="clips of a minute; as many")
    parser.add_argument("--pictures", type=Path, default=None, help="folder of contact sheets")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of figures")
    options = parser.parse_args(arguments)
    asked = cases(options.count, SEED, held_out=False)
    bench, reader = Bench(asked), load_classifier()
    parts: tuple[Callable[[], dict[str, Found]], ...] = (
        bench.pictures,
        bench.joins,
        bench.loops,
        lambda: bench.changes(reader),
        lambda: bench.stills(reader),
    )
    found: dict[str, Found] = {}
    for part in parts:
        found |= part()
        print(*rows_of(found)[-4:], sep="\n", file=sys.stderr, flush=True)
    steps = "the model's own choice of steps"
    write_figure(
        "bench-craft",
        title="Operations of the embedded model",
        columns=["operation", "measure", "median", "tenth to ninetieth percentile"],
        rows=rows_of(found),
        n=options.count,
        seeds=[SEED],
        notes=f"Given clips are renders of unseen scenes; native size and rate, {steps}. A seam is "
        "the step into the first frame behind it over the median step around it, the worse one "
        "where there are two. Adherence: place, hour, weather, camera and look, of the other "
        "scene whose prompt is asked for.",
        out=options.out,
    )
    bench.asked = asked[: options.count if options.minutes is None else options.minutes]
    rows, minute = bench.drift(reader)
    write_figure(
        "bench-drift",
        title="A minute against its own first second",
        columns=[
            "at",
            "colour off, of 255",
            "a second",
            "layout, correlation",
            "contrast, share",
            "adherence of two seconds, %",
        ],
        rows=rows,
        n=len(bench.asked),
        seeds=[SEED],
        notes="Medians. Cameras pan and things move, so that some change of layout is asked for.",
        out=options.out,
    )
    if options.pictures:
        for name, one in (found | {"a minute": minute}).items():
            alike = [clip for clip in one.clips if clip.shape[1:] == one.clips[0].shape[1:]]
            sheet = grid(alike, columns=1, width=144, moments=6)
            write_picture(options.pictures / f"craft-{name.replace(' ', '-')}.jpg", sheet)
    return 0


if __name__ == "__main__":
    sys.exit(main())
