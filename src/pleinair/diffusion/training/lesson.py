"""Giving a lesson, and work that goes on in a modest process beside it."""

import multiprocessing
import os
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pleinair.diffusion.training.report import Report
from pleinair.diffusion.training.state import Learner


def teach(
    out: Path,
    stage: str,
    learner: Learner,
    loss: Callable[[Learner], Tensor],
    show: Callable[[Path], None] | None = None,
) -> None:
    """Steps, checkpoints and pictures until the lesson is over.

    Args:
        out: folder of the run; a lesson that was stopped there goes on.
        stage: its name.
        learner: who learns.
        loss: of the learner's next step.
        show: writes a picture of what was learnt to a path.
    """
    checkpoint = out / f"{stage}.pt"
    if checkpoint.exists():
        learner.load(checkpoint)
    with Report(out, stage) as report:
        while not learner.done:
            began = time.monotonic()
            value = loss(learner)
            rate = learner.rate
            norm = learner.learn(value)
            learner.spend(time.monotonic() - began)
            figures = {"loss": value.item(), "norm": norm, "rate": rate}
            report.step(learner.step, learner.total, **figures, seconds=learner.seconds)
            if show and (learner.step % learner.lesson.show == 0 or learner.done):
                show(out / "sheets" / f"{stage}-{learner.step:06d}.png")
            if learner.step % learner.lesson.save == 0 or learner.done:
                learner.save(checkpoint)


def beside(work: Callable[..., None], *arguments: Any) -> BaseProcess:  # noqa: ANN401
    """Start work in a second, modest process that ends with this one at the latest."""
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_modestly, args=(work, *arguments), daemon=True)
    process.start()
    return process


def _modestly(work: Callable[..., None], *arguments: Any) -> None:  # noqa: ANN401
    os.nice(10)
    torch.set_num_threads(1)
    work(*arguments)
