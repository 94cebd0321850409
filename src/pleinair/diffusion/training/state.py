"""Weights, their average, and what the optimisers remember; kept so that a kill loses little."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pleinair.diffusion.training.recipes import Lesson
from pleinair.errors import TrainingError


class Learner:
    """A network that learns a lesson: one of these is all that a checkpoint holds.

    Args:
        network: what learns.
        lesson: how.
        matrices: weights for Muon, of linear layers and convolutions; all others go to AdamW.
        budget: seconds to spend, which then decide the number of steps; None for lesson.steps.
    """

    def __init__(
        self,
        network: nn.Module,
        lesson: Lesson,
        *,
        matrices: Iterable[nn.Parameter] = (),
        budget: float | None = None,
    ) -> None:
        self.network = network
        self.lesson = lesson
        self.budget = budget
        self.step = 0
        self.total = lesson.steps
        self.seconds = 0.0
        self.average = {name: value.clone() for name, value in network.state_dict().items()}
        chosen = list(matrices)
        kept = {id(weight) for weight in chosen}
        self._matrices = [(weight, as_matrix(weight)) for weight in chosen]
        others = [weight for weight in network.parameters() if id(weight) not in kept]
        self.optimisers: list[tuple[torch.optim.Optimizer, float]] = [
            (torch.optim.AdamW(others, lr=lesson.rate, betas=(0.9, 0.95)), lesson.rate)
        ]
        if chosen:
            muon = torch.optim.Muon(
                [matrix for _, matrix in self._matrices], lr=lesson.matrix_rate, weight_decay=0.0
            )
            self.optimisers.append((muon, lesson.matrix_rate))

    @property
    def done(self) -> bool:
        """Whether the lesson is over."""
        return self.step >= self.total

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        return self.step / self.total

    @property
    def rate(self) -> float:
        """Share of the peak learning rate: a rise, a plateau, a straight way down."""
        rise = (self.step + 1) / self.lesson.warmup
        fall = (self.total - self.step) / (self.total * self.lesson.decay)
        return min(1.0, rise, fall)

    def learn(self, loss: Tensor) -> float:
        """Take one step down the loss; returns the norm of the gradient."""
        self.network.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        for weight, matrix in self._matrices:
            matrix.grad = weight.grad if weight.grad is None else _flat(weight.grad)
        for optimiser, peak in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = peak * self.rate
            optimiser.step()
        self.step += 1
        keep = min(self.lesson.ema, (1 + self.step) / (10 + self.step))
        for name, value in self.network.state_dict().items():
            self.average[name].lerp_(value, 1 - keep)
        return float(norm)

    def spend(self, seconds: float) -> None:
        """Note the time of a step; with a budget, plan as many steps as it will pay for.

        The plan is settled when the rate begins to fall, and is part of the checkpoint.
        """
        self.seconds += seconds
        falling = self.step > self.total * (1 - self.lesson.decay)
        if self.budget is not None and self.step >= 8 and not falling:
            self.total = max(self.step + 1, round(self.budget / self.seconds * self.step))

    def save(self, path: Path) -> None:
        """Write everything to a file that appears whole or not at all."""
        content = {
            "network": self.network.state_dict(),
            "average": self.average,
            "optimisers": [optimiser.state_dict() for optimiser, _ in self.optimisers],
            "plan": {"step": self.step, "total": self.total, "seconds": self.seconds},
        }
        write_whole(path, content)

    def load(self, path: Path) -> None:
        """Go on from a file that `save` wrote.

        Raises:
            TrainingError: it is not such a file, or of another recipe.
        """
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
            self.network.load_state_dict(content["network"])
            for name, value in content["average"].items():
                self.average[name].copy_(value)
            for (optimiser, _), state in zip(self.optimisers, content["optimisers"], strict=True):
                optimiser.load_state_dict(state)
            plan = content["plan"]
        except Exception as error:
            raise TrainingError(f"{path}: not a checkpoint of this recipe ({error})") from error
        self.step, self.total, self.seconds = plan["step"], plan["total"], plan["seconds"]


def as_matrix(weight: nn.Parameter) -> nn.Parameter:
    """The same memory as a matrix with a row for each output, as Muon wants it.

    Args:
        weight: of a linear layer, or of a convolution in channels-last memory.
    """
    matrix = _flat(weight.data)
    if matrix.data_ptr() != weight.data_ptr():
        raise TrainingError("a convolution that Muon trains must be in channels-last memory")
    return nn.Parameter(matrix)


def _flat(weight: Tensor) -> Tensor:
    return weight.permute(0, 2, 3, 1).flatten(1) if weight.ndim == 4 else weight


def write_whole(path: Path, content: Any) -> None:  # noqa: ANN401  # whatever torch.save takes
    """torch.save to a file that appears whole or not at all, even if the power fails."""
    unfinished = path.with_suffix(".tmp")
    with unfinished.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
