"""``pleinair models``: list them, fetch open weights, look at them, remove them."""

import shutil
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pleinair.backends.base import MODELS
from pleinair.backends.catalogue import HUB, folder_of, weights_of
from pleinair.backends.estimate import WORK
from pleinair.backends.hub import Hub, Offer
from pleinair.backends.receipts import PULLED, check_folder, read_receipt, state
from pleinair.backends.weights import Weights, listed
from pleinair.commands.console import notes
from pleinair.commands.inspect import found
from pleinair.errors import InputError, ModelError
from pleinair.settings import Settings

app = typer.Typer(help="List the models; fetch, show and remove open weights.")

Model = Annotated[str, typer.Argument(help="Id of the model, or hf:owner/repository[@revision].")]


@app.callback(invoke_without_command=True)
def models(context: typer.Context) -> None:
    """List the models that `pleinair generate --model` takes; commands fetch open weights."""
    if context.invoked_subcommand is None:
        show_all()


@app.command("list")
def show_all() -> None:
    """List the models and whether their weights are here."""
    settings = Settings.read()
    table = Table("id", "what it is", "weights")
    for name, entry in MODELS.items():
        weights = found(settings.weights / entry.file) if entry.file else "none needed"
        if entry.weights:
            there = state(name, settings.model_folder)
            weights = there if there == PULLED else f"{there}, {entry.weights.gb:g} GB"
        table.add_row(name, entry.about, weights)
    for name in _others(settings):
        table.add_row(name, weights_of(name).about, state(name, settings.model_folder))
    Console().print(table)


@app.command()
def show(
    model: Model,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read every file and compare it with its receipt.")
    ] = False,
) -> None:
    """Show what a model draws and takes; of open weights the licence, and whether they are here."""
    if model in MODELS and MODELS[model].weights is None:
        _show_own(model)
        return
    settings = Settings.read()
    folder = folder_of(model, settings.model_folder)
    weights = weights_of(model, folder)
    receipt = read_receipt(folder)
    sizes = listed(weights.sizes) or "any"
    rows = {
        "model": f"{weights.id}: {weights.about}",
        "from": f"https://huggingface.co/{weights.repository}",
        "licence": _licence(weights) if receipt is None else receipt.licence,
        "draws": f"{sizes}; {weights.rule} ({weights.longest:g} s)",
        "takes": ", ".join(["prompt", *sorted(weights.abilities)]),
        "needs": {"frame": "a picture to begin from", "edit": "a clip"}.get(weights.needs, "–"),
        "runs by": "pleinair's own networks" if weights.native else "diffusers",
        "weights": f"{state(model, settings.model_folder)}, {folder}",
    }
    if receipt:
        rows["revision"] = receipt.revision
        rows["files"] = f"{len(receipt.files)}, {receipt.size / 1e9:.1f} GB"
    elif weights.gb:
        rows["download"] = f"about {weights.gb:g} GB"
    if network := weights.network:
        whole, part = (2 * n + WORK for n in (sum(network.parts), max(network.parts)))
        rows["memory"] = f"about {whole:.0f} GB on a GPU, {part:.0f} GB a part at a time"
    for name, value in rows.items():
        print(f"{name:9} {value}")
    if verify:
        _verify(model, folder)


def _show_own(model: str) -> None:
    """A model of this house, which comes with it."""
    entry = MODELS[model]
    rows = {
        "model": f"{model}: {entry.about}",
        "draws": f"any size; up to {entry.longest:g} s",
        "takes": ", ".join(["prompt", *sorted(entry.abilities)]),
        "learnt": "from rendered scenes" if entry.file else "from nothing",
    }
    if entry.stand_in:
        rows["the rest"] = f"{entry.stand_in} makes it, where this model is not asked for by name"
    if entry.memory:
        base, rate = entry.memory
        rows["memory"] = f"about {(base + rate * 1280 * 720) / 1e9:.1f} GB at 1280x720"
    for name, value in rows.items():
        print(f"{name:9} {value}")


def _verify(model: str, folder: Path) -> None:
    """Compare every file with the receipt; raises ModelError, which names those that differ."""
    receipt = check_folder(model, folder)
    if damaged := receipt.damaged(folder):
        raise ModelError(
            f"damaged: {', '.join(damaged)}; `pleinair models pull {model} --verify` fetches again"
        )
    print(f"{'verified':9} {len(receipt.files)} files are what came from {receipt.repository}")


@app.command()
def pull(
    model: Model,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Agree to the licence without being asked.")
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Reach for nothing: say whether it is here.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read what is here again; fetch what is damaged.")
    ] = False,
) -> None:
    """Fetch open weights from the Hub; a download that was cut off goes on."""
    settings = Settings.read()
    folder = folder_of(model, settings.model_folder)
    weights = weights_of(model)
    if offline and state(model, settings.model_folder) == PULLED:
        if verify:
            _verify(model, folder)
        notes.print(f"{model} is here: {folder}", soft_wrap=True)
        return
    hub = Hub(offline=offline)
    if verify and (before := read_receipt(folder)):
        for name in before.damaged(folder):
            notes.print(f"{name} is damaged and is fetched again", soft_wrap=True)
            (folder / name).unlink(missing_ok=True)
    offer = hub.look(weights)
    _agree(model, offer, accept_licence)
    receipt = hub.pull(weights, offer, folder, lambda text: notes.print(text, soft_wrap=True))
    print(f"pulled {model}: {len(receipt.files)} files, {receipt.size / 1e9:.1f} GB, {folder}")


@app.command()
def rm(
    model: Model,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove open weights from this machine."""
    folder = folder_of(model, Settings.read().model_folder)
    if not folder.is_dir():
        raise ModelError(f"{model} is not here: there is no {folder}")
    if not yes:
        typer.confirm(f"Remove {folder}?", abort=True)
    shutil.rmtree(folder)
    print(f"removed {folder}")


def _agree(model: str, offer: Offer, accepted: bool) -> None:
    """Show the licence; raises InputError when it must be agreed to and is not."""
    licence = offer.licence
    notes.print(f"{model} comes under {licence.id}: {licence.link}", soft_wrap=True)
    if not licence.accept or accepted:
        return
    try:
        answer = typer.prompt("Do you agree to these terms? yes or no", default="no", err=True)
    except typer.Abort:  # nobody is there to ask
        answer = ""
    if answer.strip().lower() != "yes":
        raise InputError("licence", answer, "yes, or --accept-licence")


def _licence(weights: Weights) -> str:
    licence = weights.licence
    asked = ", to be agreed to" if licence.accept else ""
    return f"{licence.id}{asked}: {licence.link}"


def _others(settings: Settings) -> list[str]:
    """Ids of what was pulled by the name of its repository."""
    start = HUB.replace(":", "--")
    names = []
    for folder in sorted(settings.model_folder.glob(f"{start}*--*")):
        receipt = read_receipt(folder)
        if receipt and receipt.model.startswith(HUB):
            names.append(receipt.model)
    return names
