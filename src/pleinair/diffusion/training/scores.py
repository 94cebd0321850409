"""Scores: what was read in clips against what was asked for, as rows of the published tables."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pleinair.diffusion.training.classifier import (
    ATTRIBUTES,
    COLOURED,
    MOVING,
    NUMBERED,
    UNKNOWN,
    Labels,
)
from pleinair.diffusion.training.measures import wilson
from pleinair.diffusion.worlds.scene import THINGS
from pleinair.figures import Cell

# What each row of the tables is called, in their order.
ROWS = {
    **{name: name for name in ATTRIBUTES},
    "present": "things asked for are there",
    "absent": "things not asked for are not there",
    "number": "number of things",
    "colour": "colour of things",
    "direction": "direction of things",
    "attributes": "place, hour, weather, camera and look at once",
    "everything": "everything asked for at once",
}


# What is told of things, and of which kinds.
TOLD = {"number": NUMBERED, "colour": COLOURED, "direction": MOVING}


@dataclass(frozen=True)
class Score:
    """How many of the answers asked about were right."""

    right: int
    total: int

    def __str__(self) -> str:
        """The share with its interval of 95 %, such as ``97.2 % (95.4–98.3)``."""
        if not self.total:
            return "–"
        low, high = wilson(self.right, self.total)
        return f"{self.right / self.total:.1%} ({100 * low:.1f}–{100 * high:.1f})".replace(
            "%", " %"
        )

    @property
    def short(self) -> str:
        """The share alone."""
        return f"{self.right / self.total:.1%}".replace("%", " %") if self.total else "–"


def scores(seen: Labels, asked: Labels) -> dict[str, Score]:
    """Scores by the names of ROWS.

    Number, colour and direction count only where the thing was asked for and had one to tell, and
    are wrong when it is not there. Everything at once leaves out things that nobody asked for.
    """
    right = {name: seen[name] == asked[name] for name in ATTRIBUTES}
    about = {name: torch.ones_like(ok) for name, ok in right.items()}
    wanted = asked["things"] == 1
    right |= {"present": seen["things"] == 1, "absent": seen["things"] == 0}
    about |= {"present": wanted, "absent": ~wanted}
    for name, kinds in TOLD.items():
        there = seen["things"][:, [THINGS.index(kind) for kind in kinds]] == 1
        right[name], about[name] = there & (seen[name] == asked[name]), asked[name] != UNKNOWN
    right["attributes"] = torch.stack([right[name] for name in ATTRIBUTES]).all(0)
    parts = [(right[name] | ~about[name]).all(-1) for name in ("present", *TOLD)]
    right["everything"] = torch.stack([right["attributes"], *parts]).all(0)
    for name in ("attributes", "everything"):
        about[name] = torch.ones_like(right[name])
    return {
        name: Score(int((right[name] & about[name]).sum()), int(about[name].sum())) for name in ROWS
    }


def pick(labels: Labels, chosen: Tensor) -> Labels:
    """The labels of some clips: ``chosen`` holds indices or is a mask (B,)."""
    return {name: label[chosen] for name, label in labels.items()}


def table(columns: Mapping[str, dict[str, Score]], whole: Sequence[str]) -> list[list[Cell]]:
    """Rows of a table; the columns named in ``whole`` show their interval."""
    return [
        [title, *(str(s[row]) if name in whole else s[row].short for name, s in columns.items())]
        for row, title in ROWS.items()
    ]


def things_table(seen: Labels, asked: Labels, rendered: Labels) -> list[list[Cell]]:
    """For each kind: times asked, how often it is there then, ceiling, how often there unasked."""
    rows: list[list[Cell]] = []
    for i, kind in enumerate(THINGS):
        wanted = asked["things"][:, i] == 1
        there, real = (labels["things"][:, i] == 1 for labels in (seen, rendered))
        total = int(wanted.sum())
        recall, ceiling = (Score(int((x & wanted).sum()), total) for x in (there, real))
        false = Score(int((there & ~wanted).sum()), int((~wanted).sum()))
        rows.append([kind, total, str(recall), ceiling.short, false.short])
    return rows


def values_table(seen: Labels, asked: Labels, rendered: Labels) -> list[list[Cell]]:
    """For each value of each attribute: times asked, how often read, ceiling, commonest mistake."""
    rows: list[list[Cell]] = []
    for name, values in ATTRIBUTES.items():
        for i, value in enumerate(values):
            wanted = asked[name] == i
            total = int(wanted.sum())
            right, ceiling = (
                Score(int((labels[name][wanted] == i).sum()), total) for labels in (seen, rendered)
            )
            wrong = Counter(seen[name][wanted & (seen[name] != i)].tolist())
            mistake = values[wrong.most_common(1)[0][0]] if wrong else None
            rows.append([name, value, total, str(right), ceiling.short, mistake])
    return rows
