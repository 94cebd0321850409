"""Promise 16: nothing is public before a person says so, and nobody says so of their own."""

import asyncio
import os
import random
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from sqlalchemy import ColumnElement

from pleinair.review import gallery, reviews
from pleinair.service.tables import Video
from pleinair.settings import ServiceSettings
from tests.promises.figure import publish
from tests.promises.walks import Tally, Walk, world

SEED = 16
WALKS = int(os.environ.get("WALKS", 10_000 if os.environ.get("FIGURES_OUT") else 40))
AT_ONCE = 4 if WALKS >= 1000 else 1
"""Servers, each in a process of its own."""


def walk(folder: Path, walks: int, seed: int = SEED) -> Tally:
    """So many walks through one server."""
    settings = ServiceSettings(home=folder, models=("test-card",), rate=0)
    tally, rng = Tally(), random.Random(seed)

    async def all_of_them() -> None:
        async with world(settings) as made:
            for _ in range(walks):
                await Walk(made, rng, tally).run()

    asyncio.run(all_of_them())
    return tally


def walk_all(folder: Path) -> Tally:
    """All walks, shared out among several servers if they are many."""
    if AT_ONCE == 1:
        return walk(folder, WALKS)
    folders = [folder / str(number) for number in range(AT_ONCE)]
    seeds = range(SEED, SEED + AT_ONCE)
    with ProcessPoolExecutor(AT_ONCE, get_context("spawn")) as pool:
        tallies = pool.map(walk, folders, [WALKS // AT_ONCE] * AT_ONCE, seeds)
        return sum(tallies, Tally())


def test_nothing_is_public_before_somebody_else_says_so(tmp_path: Path) -> None:
    tally = walk_all(tmp_path)
    assert +tally.leaks == {}
    assert (tally.blind, tally.self_approved, tally.same_person) == (0, 0, 0)
    for act in ("approve", "refuse", "changes", "appeal", "withdraw", "ask"):
        assert tally.done[act] >= WALKS // 20, (act, tally.done)
    for act in ("appeal: approve", "appeal: refuse", "bulk approve", "team withdraws"):
        assert tally.done[act] > 0, (act, tally.done)
    assert tally.old > 5 * WALKS // 2
    approvals = sum(tally.done[act] for act in ("approve", "bulk approve", "appeal: approve"))
    publish(
        "promise-16",
        "Random walks through the states of shares, every form of address tried at every step",
        {
            "walks": WALKS,
            "acts": sum(tally.done.values()),
            "acts refused": tally.refused,
            "approvals": approvals,
            "attempts to read what is not public": tally.tries,
            "readable before approval": sum(
                count for form, count in tally.leaks.items() if not form.startswith("old ")
            ),
            "attempts right after withdrawal": tally.old,
            "readable after withdrawal": sum(
                count for form, count in tally.leaks.items() if form.startswith("old ")
            ),
            "self approvals": tally.self_approved,
            "appeals decided by who refused": tally.same_person,
        },
        n=WALKS,
        seeds=range(SEED, SEED + AT_ONCE),
    )


def test_without_the_question_to_the_database_it_would_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def always() -> ColumnElement[bool]:
        return Video.id.is_not(None)

    monkeypatch.setattr(gallery, "is_public", always)
    assert walk(tmp_path, 10).leaks.total() > 0


def test_without_the_look_at_who_decides_it_would_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviews, "check_person", lambda actor, share: None)
    tallies = (walk(tmp_path / str(seed), 8, seed) for seed in range(30))
    assert any(tally.self_approved + tally.same_person for tally in tallies)
