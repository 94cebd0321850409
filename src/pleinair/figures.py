"""Figures: every number that the README shows, with what it takes to believe it.

Measurements write ``figures/NAME.json``; the README is filled from those files, so a number
in the text can always be followed to the machine, the commit and the seeds it came from.
The format is described in ``figures/README.md``.
"""

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from pleinair.errors import InputError

Cell: TypeAlias = str | int | float | bool | None

_BLOCK = re.compile(
    r"(?P<begin><!-- figures:(?P<name>[\w./-]+) -->\n).*?(?P<end><!-- /figures -->)", re.DOTALL
)


@dataclass(frozen=True)
class Measured:
    """How a figure was measured: ``n`` samples, from these seeds, there and then."""

    machine: str
    commit: str
    n: int
    seeds: list[int]
    date: str


@dataclass(frozen=True)
class Figure:
    """One table of results; each row has one cell for each column."""

    title: str
    columns: list[str]
    rows: list[list[Cell]]
    measured: Measured
    notes: str = ""


def write_figure(
    name: str,
    *,
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    n: int,
    seeds: Sequence[int],
    notes: str = "",
    out: Path = Path("figures"),
) -> Path:
    """Write ``out/name.json`` with this machine, commit and date, and return its path.

    Args:
        n: number of samples behind the figures.
        seeds: every seed that was used.
        notes: what a reader must know to read the table right, such as what the interval is.

    Raises:
        InputError: a row has another number of cells than there are columns.
    """
    for row in rows:
        if len(row) != len(columns):
            raise InputError("rows", list(row), f"{len(columns)} cells in each row")
    measured = Measured(
        machine=machine(),
        commit=commit(),
        n=n,
        seeds=list(seeds),
        date=datetime.now(UTC).date().isoformat(),
    )
    figure = Figure(title, list(columns), [list(row) for row in rows], measured, notes)
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{name}.json"
    path.write_text(json.dumps(asdict(figure), indent=1, ensure_ascii=False) + "\n")
    return path


def read_figure(path: Path) -> Figure:
    """Read a figure; raises InputError when the file is not one."""
    try:
        record: dict[str, Any] = json.loads(path.read_text())
        return Figure(**{**record, "measured": Measured(**record["measured"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            "figure", str(path), f"a file like figures/README.md says ({error})"
        ) from (error)


def markdown(figure: Figure) -> str:
    """The figure as a Markdown table with its title above and how it was measured below."""
    measured = figure.measured
    seeds = ", ".join(map(str, measured.seeds[:6])) + (", …" if len(measured.seeds) > 6 else "")
    drawn = f"seeds {seeds}; " if seeds else ""
    lines = [
        f"**{figure.title}**",
        "",
        "| " + " | ".join(figure.columns) + " |",
        "|" + " --- |" * len(figure.columns),
        *("| " + " | ".join(map(show, row)) + " |" for row in figure.rows),
        "",
        f"<sub>{figure.notes + ' ' if figure.notes else ''}N = {measured.n:,}; {drawn}"
        f"{measured.machine}; commit {measured.commit}; {measured.date}.</sub>",
    ]
    return "\n".join(lines)


def show(cell: Cell) -> str:
    """A cell as text: text as it is, whole numbers with separators, three figures otherwise."""
    match cell:
        case None:
            return "–"
        case bool():
            return "yes" if cell else "no"
        case int():
            return f"{cell:,}"
        case float():
            return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.3g}"
        case str():
            return cell.replace("|", "\\|")


def fill(text: str, folder: Path = Path("figures")) -> str:
    """Fill each block of a document from ``folder/NAME.json``.

    A block is ``<!-- figures:NAME -->`` … ``<!-- /figures -->``, each mark on a line of its own. A
    figure that has not been measured yet says so in its place.
    """

    def block(match: re.Match[str]) -> str:
        path = folder / f"{match['name']}.json"
        body = markdown(read_figure(path)) if path.is_file() else "*Not measured yet.*"
        return f"{match['begin']}\n{body}\n\n{match['end']}"

    return _BLOCK.sub(block, text)


def machine() -> str:
    """This machine in words: its GPU if torch is in use and has one, else its processor."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores of {_processor()}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return " ".join(line.split(":", 1)[1].split())
    return platform.processor() or platform.machine()


def commit() -> str:
    """Short hash of the commit in use, with ``+`` if files under src differ from it."""
    try:
        git = ["git", "describe", "--always", "--abbrev=9", "--exclude=*"]
        name = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
        status = ["git", "status", "--porcelain", "--", "src"]
        changed = subprocess.run(status, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return name + ("+" if changed.strip() else "")
