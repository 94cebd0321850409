"""Figures of the promises: written only where FIGURES_OUT names a folder for them."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from pleinair.figures import Cell, write_figure


def publish(
    name: str,
    title: str,
    row: Mapping[str, Cell],
    *,
    n: int,
    seeds: Sequence[int] = (),
    notes: str = "",
) -> None:
    """Write one row of results as ``FIGURES_OUT``/name.json."""
    publish_table(name, title, [row], n=n, seeds=seeds, notes=notes)


def publish_table(
    name: str,
    title: str,
    rows: Sequence[Mapping[str, Cell]],
    *,
    n: int,
    seeds: Sequence[int] = (),
    notes: str = "",
) -> None:
    """Write rows of results, which all have the same columns."""
    folder = os.environ.get("FIGURES_OUT")
    if not folder:
        return
    write_figure(
        name,
        title=title,
        columns=list(rows[0]),
        rows=[list(row.values()) for row in rows],
        n=n,
        seeds=seeds,
        notes=notes,
        out=Path(folder),
    )
