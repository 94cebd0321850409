"""Promises 1 and 2: what was acknowledged is done once, and a stale worker writes nothing."""

from pathlib import Path

import pytest

from pleinair.figures import write_figure
from tests.promises.chaos import Outcome, Plan, run, settings_of

SEEDS = (1, 2, 3, 4, 5)
KILLS, PAUSES = 200, 10  # for each seed; a thousand and fifty over all five


def measure(kind: str, url: str, home: Path, seed: int, kills: int, pauses: int) -> Outcome:
    """One run of chaos on an empty database."""
    settings = settings_of(home / f"{kind}-{seed}", url if kind == "postgres" else "")
    return run(Plan(settings, kills, pauses, seed))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_nothing_is_lost_or_done_twice_whatever_is_killed(
    kind: str, seed: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres_url") if kind == "postgres" else ""
    outcome = measure(kind, url, tmp_path, seed, KILLS, PAUSES)
    assert outcome.acknowledged > 20
    assert outcome.harm == 0, outcome


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_without_the_fence_it_would_show(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres_url") if kind == "postgres" else ""
    settings = settings_of(tmp_path, url)
    assert run(Plan(settings, 0, 40, 1, fenced=False)).harm > 0


def publish(rows: dict[str, list[Outcome]], out: Path) -> None:
    """Write the figure from outcomes by database."""
    write_figure(
        "promise-01",
        title="Workers, servers and housekeepers killed and paused at random moments",
        columns=[
            "database",
            "SIGKILLs",
            "SIGSTOPs past the lease",
            "acknowledged",
            "lost",
            "charged twice",
            "delivered twice",
            "stale writes",
            "broken files",
        ],
        rows=[
            [
                name,
                sum(o.kills for o in outcomes),
                sum(o.pauses for o in outcomes),
                sum(o.acknowledged for o in outcomes),
                sum(o.lost for o in outcomes),
                sum(o.charged_twice for o in outcomes),
                sum(o.delivered_twice for o in outcomes),
                sum(o.stale for o in outcomes),
                sum(o.broken for o in outcomes),
            ]
            for name, outcomes in rows.items()
        ],
        n=sum(o.kills for outcomes in rows.values() for o in outcomes),
        seeds=SEEDS,
        notes="Killing a process does not test a power cut: the kernel still writes. "
        "A row with the fence taken out shows what the test would see.",
        out=out,
    )
