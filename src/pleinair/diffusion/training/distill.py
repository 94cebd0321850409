"""Few steps: a student learns to leap along the ways that its teacher takes step by step.

The teacher draws clips with guidance and all its points on the way are kept. The student, which
begins with the teacher's weights, is shown a point and asked for the way to a later one.
"""

import random
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pleinair.diffusion.model.checkpoint import Model, load_model
from pleinair.diffusion.model.few import few_of, load_few, save_few
from pleinair.diffusion.model.text import batch
from pleinair.diffusion.training.data import step_rng, write_arrays
from pleinair.diffusion.training.lesson import beside, teach
from pleinair.diffusion.training.recipes import SIZES, Lesson
from pleinair.diffusion.training.report import Report
from pleinair.diffusion.training.state import Learner
from pleinair.diffusion.training.trajectories import STEPS, Teacher, Trajectories
from pleinair.dit.transformer import Transformer
from pleinair.errors import TrainingError

LEAPS = {1: 1, 2: 2, 3: 6, 4: 3, 6: 2, 12: 1}
"""Teacher's steps in one leap, with how often the student practises it: four leaps make a clip."""


LESSON = Lesson(
    steps=900, batch=0, rate=3e-4, matrix_rate=2e-3, warmup=20, decay=0.5, ema=0.99, save=50
)


@dataclass(frozen=True)
class Distillation:
    """One distillation.

    Attributes:
        files: of trajectories that the teacher records.
        first: of them that there must be before the student begins.
        lesson: of the student; its batch is not used, as a file is one step.
        guidance: of the teacher, built into the student.
        sizes: width and height of clips.
        seed: decides prompts, noise and every step.
        start: few-step weights of an earlier teacher of the same sizes; the student begins with
            what they changed in theirs, added to its own.
    """

    files: int = 240
    first: int = 40
    lesson: Lesson = LESSON
    guidance: float = 3.0
    sizes: tuple[tuple[int, int], ...] = SIZES
    seed: int = 0
    start: Path | None = None


class Run:
    """A distillation under way, in a folder from which it goes on after a kill."""

    def __init__(self, distillation: Distillation, weights: Path, out: Path) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self.plan, self.weights, self.out = distillation, weights, out
        self.folder = out / "trajectories"
        self.folder.mkdir(exist_ok=True)

    def record(self) -> None:
        """Have the teacher record its ways."""
        teacher = Teacher(load_model(self.weights), self.plan.guidance, self.plan.sizes)
        with Report(self.out, "trajectories") as report:
            for number in range(self.plan.files):
                path = self._path(number)
                if not path.exists():
                    write_arrays(path, teacher.trajectories(self.plan.seed, number).arrays())
                report.step(number + 1, self.plan.files)

    def learn(self, minutes: float | None = None) -> Path:
        """Teach the student with what there is of the teacher's ways; its file."""
        model = load_model(self.weights)
        torch.manual_seed(self.plan.seed)
        student = student_of(model.transformer)
        if self.plan.start is not None:
            student.load_state_dict(load_few(self.plan.start, model.transformer)[0].state_dict())
        matrices = [weight for weight in student.blocks.parameters() if weight.ndim == 2]
        learner = Learner(
            student, self.plan.lesson, matrices=matrices, budget=minutes and 60 * minutes
        )

        def loss(learner: Learner) -> Tensor:
            rng, _ = step_rng(self.plan.seed, "student", learner.step)
            return leap_loss(student, model, self._ways(rng), rng)

        teach(self.out, "student", learner, loss)
        student.load_state_dict(learner.average)
        about = {
            "steps": learner.step,
            "minutes": round(learner.seconds / 60, 1),
            "trajectories": len(self.recorded()),
            "guidance": self.plan.guidance,
            "seed": self.plan.seed,
        }
        path = few_of(self.out / self.weights.name)
        save_few(path, model.transformer, student, about)
        return path

    def _ways(self, rng: random.Random) -> Trajectories:
        paths = self.recorded()
        if not paths:
            raise TrainingError(f"{self.folder}: no trajectories yet; record them first")
        with np.load(rng.choice(paths)) as arrays:
            return Trajectories.of(dict(arrays))

    def recorded(self) -> list[Path]:
        """Files of trajectories that there are."""
        return [path for n in range(self.plan.files) if (path := self._path(n)).exists()]

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.npz"


def distill(
    weights: Path,
    out: Path,
    *,
    distillation: Distillation | None = None,
    minutes: float | None = None,
    threads: int | None = None,
) -> Path:
    """Teach few steps, or go on teaching them; a second process records the teacher beside.

    Args:
        weights: the teacher's file.
        out: the folder of the run.
        distillation: its settings.
        minutes: time for the student; by its lesson if none.
        threads: of the student; None for torch's choice.

    Returns:
        The few-step weights, to be laid beside the teacher's.

    Raises:
        ModelError: the weights cannot be used.
    """
    if threads:
        torch.set_num_threads(threads)
    run = Run(distillation or Distillation(), weights, out)
    recorder = beside(run.record)
    while len(run.recorded()) < min(run.plan.first, run.plan.files) and recorder.is_alive():
        time.sleep(0.2)
    made = run.learn(minutes)
    recorder.terminate()
    recorder.join()
    return made


def student_of(teacher: Transformer) -> Transformer:
    """A flow map that begins as its teacher: the same weights, and nothing yet said of the span."""
    student = Transformer(replace(teacher.config, flow_map=True))
    student.load_state_dict(teacher.state_dict(), strict=False)
    return student


def leap_loss(student: Transformer, model: Model, ways: Trajectories, rng: random.Random) -> Tensor:
    """Squared error of the mean velocity over one leap of each clip, a scalar.

    The target is what the teacher did, guidance included: the difference of two points of its way
    over the difference of their levels. A flow map, Boffi et al., arXiv 2406.07507, learnt from
    whole trajectories as in Luhman and Luhman, arXiv 2101.02388.
    """
    count = ways.latents.shape[1]
    starts, ends = zip(*(leap(rng) for _ in range(count)), strict=True)
    each = torch.arange(count)
    here, there = (ways.latents[list(places), each].float() for places in (starts, ends))
    free = (~ways.held).float()
    sigma, until = (ways.levels[list(places)][:, None] * free for places in (starts, ends))
    width = ways.levels[list(ends)] - ways.levels[list(starts)]
    target = (there - here) / width[:, None, None, None, None]
    with torch.autocast("cpu", torch.bfloat16):
        with torch.no_grad():
            ids = batch([model.vocabulary.encode(caption) for caption in ways.captions])
            context, mask = model.text(ids)
        velocity = student(here, sigma, context, mask, until=until)
    error = (velocity.float() - target).square().mean((1, 3, 4))  # B F
    mean: Tensor = error[:, ~ways.held].mean()
    return mean


def leap(rng: random.Random) -> tuple[int, int]:
    """Where a leap starts and ends on a way of STEPS: mostly where leaps of its length do."""
    length = rng.choices(list(LEAPS), list(LEAPS.values()))[0]
    if rng.random() < 0.75:
        start = length * rng.randrange(STEPS // length)
    else:
        start = rng.randrange(STEPS - length + 1)
    return start, start + length
