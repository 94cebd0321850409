"""A training run becomes the one file that people load."""

import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from pleinair.diffusion.model.autoencoder import Autoencoder
from pleinair.diffusion.model.checkpoint import save_model
from pleinair.diffusion.model.vocabulary import Vocabulary
from pleinair.diffusion.training.loop import Video
from pleinair.diffusion.training.recipes import recipe_named
from pleinair.diffusion.worlds.captions import vocabulary_words
from pleinair.errors import TrainingError


def export(run: Path, recipe: str, path: Path, *, seed: int = 0) -> None:
    """Write the averaged weights of a run as a model.

    A run that still learns, or was stopped, gives what it has; the model then says so.

    Args:
        run: its folder.
        recipe: the recipe's name.
        path: the model's file.
        seed: the run's, for the record.

    Raises:
        TrainingError: there is no autoencoder or no transformer yet, or they do not fit.
    """
    chosen = recipe_named(recipe)
    autoencoder = Autoencoder(chosen.autoencoder)
    network = Video(chosen, Vocabulary(vocabulary_words()))
    finished = (run / "diffusion-done.pt").exists()
    try:
        sharpened = (run / "sharpening-done.pt").exists()
        stage = "sharpening" if sharpened else "autoencoder"
        autoencoder.load_state_dict(_read(run / f"{stage}-done.pt"))
        weights = _read(run / ("diffusion-done.pt" if finished else "diffusion.pt"))
        network.load_state_dict(weights if finished else weights["average"])
    except (RuntimeError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise TrainingError(f"{run}: not a run of the recipe {recipe!r} ({reason})") from error
    about = {
        "recipe": recipe,
        "seed": seed,
        "shift": chosen.shift,
        "finished": finished,
        "autoencoder": _plan(run / "autoencoder.pt"),
        "reading": _plan(run / "reading.pt"),
        "diffusion": _plan(run / "diffusion.pt"),
        "sharpening": _plan(run / "sharpening.pt"),
        "commit": _commit(),
        "date": datetime.now(UTC).date().isoformat(),
    }
    save_model(path, autoencoder, network.text, network.transformer, network.vocabulary, about)


def _read(path: Path) -> Mapping[str, Any]:
    if not path.exists():
        raise TrainingError(f"{path}: missing; that stage has not come so far")
    try:
        content: Mapping[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a broken file
        raise TrainingError(f"{path}: corrupt ({str(error).splitlines()[0]})") from error
    return content


def _plan(checkpoint: Path) -> dict[str, float]:
    """How far a stage came, as far as its checkpoint is still there to tell."""
    if not checkpoint.exists():
        return {}
    plan = _read(checkpoint)["plan"]
    return {
        "step": plan["step"],
        "of": plan["total"],
        "minutes": round(plan["seconds"] / 60, 1),
    }


def _commit() -> str:
    """The commit of this code, where it lies in a repository."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
