"""A thousand kills and fifty pauses for each seed, on SQLite and on PostgreSQL: promises 1 and 2.

The test in ``tests/promises/test_01_jobs.py`` runs the same code at a smaller size. The last rows
have the fence taken out, to show what the count would see.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from pleinair.figures import Cell, write_figure

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.postgres import postgres_server
from tests.promises.chaos import Outcome, Plan, run, settings_of

KILLS, PAUSES = 1000, 50
UNFENCED_PAUSES = 40
COLUMNS = [
    "database",
    "SIGKILLs",
    "SIGSTOPs past the lease",
    "acknowledged",
    "lost",
    "charged twice",
    "delivered twice",
    "stale writes",
    "broken files",
]


def row(name: str, outcomes: list[Outcome]) -> list[Cell]:
    """One row of the figure: sums over the seeds."""
    counted = [
        "kills",
        "pauses",
        "acknowledged",
        "lost",
        "charged_twice",
        "delivered_twice",
        "stale",
        "broken",
    ]
    return [name, *(sum(getattr(outcome, key) for outcome in outcomes) for key in counted)]


@contextmanager
def database(kind: str, seed: int) -> Iterator[tuple[Path, str]]:
    """An empty folder and an empty database of that kind."""
    with tempfile.TemporaryDirectory() as home:
        if kind == "SQLite":
            yield Path(home), ""
            return
        with postgres_server() as url:
            name = f"chaos_{seed}"
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            yield Path(home), url.replace("/postgres?", f"/{name}?")


def chaos(kind: str, seed: int, kills: int, pauses: int, *, fenced: bool = True) -> Outcome:
    """One run on an empty database; its outcome is printed as it comes."""
    with database(kind, seed) as (home, url):
        outcome = run(Plan(settings_of(home, url), kills, pauses, seed, fenced))
    print(kind, seed, outcome, file=sys.stderr)
    return outcome


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="seeds on each database")
    parser.add_argument("--kills", type=int, default=KILLS, help="SIGKILLs for each seed")
    parser.add_argument("--pauses", type=int, default=PAUSES, help="SIGSTOPs for each seed")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of figures")
    options = parser.parse_args(arguments)
    seeds = range(1, options.repeats + 1)
    kinds = ("SQLite", "PostgreSQL")
    runs = {k: [chaos(k, s, options.kills, options.pauses) for s in seeds] for k in kinds}
    without = {k: [chaos(k, 1, 0, UNFENCED_PAUSES, fenced=False)] for k in kinds}
    rows = [row(kind, outcomes) for kind, outcomes in runs.items()]
    rows += [row(f"{kind}, the fence taken out", outcomes) for kind, outcomes in without.items()]
    write_figure(
        "promise-01",
        title="Workers, servers and housekeepers killed and paused at random moments",
        columns=COLUMNS,
        rows=rows,
        n=sum(outcome.kills for outcomes in runs.values() for outcome in outcomes),
        seeds=list(seeds),
        notes="With 0 in N kills, the rate is below 3/N with 95 % confidence. Killing a process "
        "does not test a power cut: the kernel still writes what was handed to it.",
        out=options.out,
    )
    harm = sum(outcome.harm for outcomes in runs.values() for outcome in outcomes)
    return 1 if harm else 0


if __name__ == "__main__":
    sys.exit(main())
