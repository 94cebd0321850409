"""What was found of each operation: rows of a table, and a contact sheet."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from pleinair.diffusion.training.measures import wilson
from pleinair.figures import Cell
from pleinair.media.frames import Frames
from pleinair.media.sheet import grid, write_picture

COLUMNS = ["operation", "measure", "median", "tenth to ninetieth percentile"]
SHARES = "Of a share: the share, and its interval of 95 % (Wilson)."
SHOWN = 3  # cases on a contact sheet


@dataclass
class Found:
    """What was measured of one operation.

    Attributes:
        values: one for each case, by what they are called in the table. Those of a share, which
            has the word in its name, are 0 or 1.
        clips: the first few cases, delivered.
    """

    values: dict[str, list[float]] = field(default_factory=dict)
    clips: list[Frames] = field(default_factory=list)

    def add(self, values: Mapping[str, float], clip: Frames | None = None) -> None:
        """Take in one case."""
        for name, value in values.items():
            self.values.setdefault(name, []).append(value)
        if clip is not None and len(self.clips) < SHOWN:
            self.clips.append(clip)


def options_of(about: str | None, arguments: list[str] | None) -> argparse.Namespace:
    """What the command line of such a bench says: ``count``, ``pictures`` and ``out``."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--count", "--repeats", type=int, default=100, help="cases of each")
    parser.add_argument("--pictures", type=Path, default=None, help="folder of contact sheets")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of figures")
    return parser.parse_args(arguments)


def gather(parts: Sequence[Callable[[], dict[str, Found]]]) -> dict[str, Found]:
    """What all parts found; the rows of each are told once it is done."""
    found: dict[str, Found] = {}
    for part in parts:
        new = part()
        found |= new
        print(*rows_of(new), sep="\n", file=sys.stderr, flush=True)
    return found


def rows_of(found: Mapping[str, Found]) -> list[list[Cell]]:
    """A row for each measure of each operation, by COLUMNS."""
    rows: list[list[Cell]] = []
    for operation, one in found.items():
        for measure, values in one.values.items():
            middle, spread = _middle(values, share="share" in measure)
            rows.append([operation, measure, show(middle), " to ".join(map(show, spread))])
    return rows


def _middle(values: list[float], *, share: bool) -> tuple[float, tuple[float, ...]]:
    """The median with its tenths, or a share with its interval; one value has neither."""
    if share:
        return sum(values) / len(values), wilson(round(sum(values)), len(values))
    tenths = quantiles(values, n=10) if len(values) > 1 else ()
    return median(values), (tenths[0], tenths[-1]) if tenths else ()


def show(value: float) -> str:
    """Three figures."""
    return f"{value:.3g}"


def write_sheets(found: Mapping[str, Found], names: Sequence[str], folder: Path) -> None:
    """A contact sheet ``craft-NAME.jpg`` of each operation named, six moments of each case."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        clips = found[name].clips
        alike = [clip for clip in clips if clip.shape[1:] == clips[0].shape[1:]]
        width = clips[0].shape[2]
        sheet = grid(alike, columns=1, width=width, moments=6 if width <= 144 else 2)
        write_picture(folder / f"craft-{name.replace(' ', '-')}.jpg", sheet)
