"""``pleinair train`` and ``pleinair evaluate``: where the weights come from."""

from pathlib import Path
from typing import Annotated

import typer

from pleinair.errors import InputError
from pleinair.media.codec import check_writable


def train(
    recipe: Annotated[str, typer.Option(help="laptop (two cores, two hours) or gpu.")] = "laptop",
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run, which is resumed; runs/RECIPE if none.")
    ] = None,
    stage: Annotated[str | None, typer.Option(help="Only this stage of the recipe.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Stop, resumable, after so long.")] = None,
) -> None:
    """Train from nothing, or resume where a run stopped."""
    if minutes is not None and not 0 < minutes < 100_000:
        raise InputError("minutes", minutes, "numbers above 0")
    out = out or Path("runs") / recipe
    from pleinair.training import loop

    loop.run(recipe, out, stage=stage, minutes=minutes)


def evaluate(
    count: Annotated[int, typer.Option(help="How many clips to judge.")] = 512,
    out: Annotated[Path, typer.Option(help="Folder for figures and sheets.")] = Path("figures"),
    seed: Annotated[int, typer.Option(help="Seed of prompts and clips.")] = 7,
    weights: Annotated[Path | None, typer.Option(help="Other weights than those shipped.")] = None,
    batch: Annotated[int, typer.Option(help="Clips made at a time.")] = 8,
) -> None:
    """Measure what the model draws against what it was asked for."""
    for name, value in (("count", count), ("batch", batch)):
        if not 1 <= value <= 100_000:
            raise InputError(name, value, "whole numbers from 1 to 100000")
    check_writable(out / "evaluation.json")
    from pleinair.training import evaluate as evaluation

    evaluation.run(count=count, out=out, seed=seed, weights=weights, batch=batch)
