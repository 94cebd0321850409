"""Promises 1 and 2: what was acknowledged is done once, and a stale worker writes nothing.

``bench/chaos.py`` runs the same at its full size and writes the figure.
"""

from pathlib import Path

import pytest

from tests.promises.chaos import Plan, run, settings_of

SEEDS = (1, 2, 3)
KILLS, PAUSES = 40, 4  # for each seed


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_nothing_is_lost_or_done_twice_whatever_is_killed(
    kind: str, seed: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres_url") if kind == "postgres" else ""
    outcome = run(Plan(settings_of(tmp_path, url), KILLS, PAUSES, seed))
    assert outcome.acknowledged >= 20
    assert outcome.harm == 0, outcome


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_without_the_fence_it_would_show(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres_url") if kind == "postgres" else ""
    settings = settings_of(tmp_path, url)
    plans = [Plan(settings, 0, 10, seed, fenced=False) for seed in (1, 2, 3, 4)]
    assert any(run(plan).harm > 0 for plan in plans)  # the first, nearly always
