"""``pleinair train`` and ``pleinair evaluate``: where the weights come from."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from pleinair.errors import InputError
from pleinair.media.encoder import check_writable
from pleinair.settings import Settings


def train(
    recipe: Annotated[
        str, typer.Option(help="laptop (two cores, two hours), onward or gpu.")
    ] = "laptop",
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run, which is resumed; runs/RECIPE if none.")
    ] = None,
    stage: Annotated[
        list[str] | None,
        typer.Option(
            help="Only this: render, autoencoder, latents, reading, diffusion or sharpening."
        ),
    ] = None,
    autoencoder_minutes: Annotated[
        float | None, typer.Option(help="Time for the autoencoder; by the recipe if none.")
    ] = None,
    reading_minutes: Annotated[
        float | None, typer.Option(help="Time for reading; by the recipe if none.")
    ] = None,
    diffusion_minutes: Annotated[
        float | None, typer.Option(help="Time for diffusion; by the recipe if none.")
    ] = None,
    sharpening_minutes: Annotated[
        float | None, typer.Option(help="Time for sharpening; by the recipe if none.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides clips, weights and every step.")] = 0,
    threads: Annotated[int | None, typer.Option(help="Processor threads.")] = None,
    start: Annotated[
        Path | None, typer.Option(help="Go on from this model: the recipe onward is made for it.")
    ] = None,
    export: Annotated[
        Path | None, typer.Option(help="Do not train: write what the run has as a model here.")
    ] = None,
) -> None:
    """Train from nothing, or go on where a run stopped, even if it was killed."""
    asked = {
        "autoencoder": autoencoder_minutes,
        "reading": reading_minutes,
        "diffusion": diffusion_minutes,
        "sharpening": sharpening_minutes,
    }
    minutes = {name: value for name, value in asked.items() if value is not None}
    for name, value in minutes.items():
        if not 0 < value < 100_000:
            raise InputError(f"{name}-minutes", value, "numbers above 0")
    settings = Settings.read()
    settings = replace(settings, threads=settings.threads if threads is None else threads)
    from pleinair.diffusion.training import loop
    from pleinair.diffusion.training.export import export as write_model

    out = out or Path("runs") / recipe
    if export is not None:
        write_model(out, recipe, export, seed=seed)
        return
    loop.run(
        recipe,
        out,
        stages=tuple(stage) if stage else None,
        minutes=minutes,
        threads=settings.threads,
        seed=seed,
        start=start,
    )
    if (out / "diffusion-done.pt").exists():
        write_model(out, recipe, out / "pleinair-1.safetensors", seed=seed)


def distill(
    weights: Annotated[
        Path | None, typer.Option(help="The teacher; the model that ships with it if none.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the run, which is resumed.")] = Path(
        "runs/few"
    ),
    start: Annotated[
        Path | None, typer.Option(help="Few-step weights of an earlier teacher, to begin with.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Time for the student; by its lesson if none.")
    ] = None,
    threads: Annotated[int | None, typer.Option(help="Processor threads.")] = None,
) -> None:
    """Teach a model to draw in 1 to 4 steps without guidance, or go on where that stopped."""
    if minutes is not None and not 0 < minutes < 100_000:
        raise InputError("minutes", minutes, "numbers above 0")
    settings = Settings.read()
    weights = weights or settings.weights / "pleinair-1.safetensors"
    from pleinair.diffusion.training.distill import Distillation
    from pleinair.diffusion.training.distill import distill as teach

    plan = Distillation(start=start)
    threads = threads or settings.threads
    print(teach(weights, out, distillation=plan, minutes=minutes, threads=threads))


def evaluate(
    count: Annotated[int, typer.Option(help="How many clips to judge.")] = 512,
    out: Annotated[Path, typer.Option(help="Folder for figures and sheets.")] = Path("figures"),
    seed: Annotated[int, typer.Option(help="Seed of prompts and clips.")] = 7,
    weights: Annotated[Path | None, typer.Option(help="Other weights than those shipped.")] = None,
    batch: Annotated[int, typer.Option(help="Clips made at a time.")] = 8,
    steps: Annotated[int, typer.Option(help="Of the sampler.")] = 12,
    guidance: Annotated[float, typer.Option(help="How strongly the prompt is followed.")] = 3.0,
    few: Annotated[
        bool, typer.Option(help="Judge the few-step weights, without guidance.")
    ] = False,
) -> None:
    """Measure what the model draws against what it was asked for."""
    for name, value in (("count", count), ("batch", batch)):
        if not 1 <= value <= 100_000:
            raise InputError(name, value, "whole numbers from 1 to 100000")
    check_writable(out / "evaluation.json")
    from pleinair.diffusion.training import evaluate as evaluation

    evaluation.run(
        count=count,
        out=out,
        seed=seed,
        weights=weights,
        batch=batch,
        steps=steps,
        guidance=None if few else guidance,
    )
