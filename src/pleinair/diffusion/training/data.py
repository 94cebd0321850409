"""Clips and latents on disk, and which of them a step sees.

What a step sees is a pure function of the seed and the step, so that a run that was killed goes
on exactly as if it had not been.
"""

import os
import random
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pleinair.diffusion.training.recipes import Recipe
from pleinair.diffusion.worlds.captions import caption
from pleinair.diffusion.worlds.render import render
from pleinair.diffusion.worlds.scene import sample_scene
from pleinair.dit.windows import OVERLAP

Arrays = dict[str, npt.NDArray[np.generic]]


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write arrays to a file that appears whole or not at all."""
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    with unfinished.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # its stub mistakes ** for a flag
    unfinished.replace(path)


class Blocks:
    """Arrays in files of some tens or hundreds, made in any order by any number of processes.

    Args:
        folder: where the files are.
        size: arrays in a file.
        make: makes the arrays of some numbers; the same for the same numbers, always.
    """

    def __init__(self, folder: Path, size: int, make: Callable[[range], Arrays]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.size = size
        self._make = make
        self._open = lru_cache(maxsize=256)(np.load)
        self.patience: Callable[[], bool] = lambda: False

    def __getitem__(self, index: int) -> Tensor:
        """Array number `index`; waits for whoever makes it, and makes it if nobody does."""
        block = index // self.size
        while not self.has(block):
            if self.patience():
                time.sleep(0.5)
            else:
                self.fill(block)
        return torch.from_numpy(self._open(self._path(block))[str(index)])

    def has(self, block: int) -> bool:
        """Whether this block has been made."""
        return self._path(block).exists()

    def fill(self, block: int) -> None:
        """Make a block unless it is there; it appears whole or not at all."""
        if self.has(block):
            return
        arrays = self._make(range(block * self.size, (block + 1) * self.size))
        write_arrays(self._path(block), arrays)

    def _path(self, block: int) -> Path:
        return self.folder / f"{block * self.size:06d}.npz"


def size_of(recipe: Recipe, index: int) -> tuple[int, int]:
    """Width and height of clip number `index`."""
    return recipe.sizes[index % len(recipe.sizes)]


def rendered(recipe: Recipe, folder: Path, seed: int) -> Blocks:
    """The pool of clips, each uint8 (3, T, H, W)."""

    def make(indices: range) -> Arrays:
        return {str(i): to_bytes(draw(recipe, seed, [i])[0]).numpy() for i in indices}

    return Blocks(folder, recipe.block, make)


def draw(recipe: Recipe, seed: int, indices: list[int], device: str = "cpu") -> Tensor:
    """Render clips of one size, (B, 3, T, H, W) in [-1, 1]."""
    width, height = size_of(recipe, indices[0])
    scenes = [sample_scene(seed, i) for i in indices]
    return render(scenes, frames=recipe.length, width=width, height=height, device=device)


def of_one_size(recipe: Recipe, indices: range) -> list[list[int]]:
    """The clips in groups of one size, at most `recipe.together` in each."""
    groups: list[list[int]] = []
    for place in range(len(recipe.sizes)):
        alike = [i for i in indices if i % len(recipe.sizes) == place]
        groups += [alike[i : i + recipe.together] for i in range(0, len(alike), recipe.together)]
    return groups


def to_bytes(video: Tensor) -> Tensor:
    """[-1, 1] to uint8."""
    return ((video.clamp(-1, 1) + 1) * 127.5).round().byte()


def from_bytes(video: Tensor) -> Tensor:
    """Uint8 to [-1, 1]."""
    return video.float() / 127.5 - 1


def step_rng(seed: int, stage: str, step: int) -> tuple[random.Random, torch.Generator]:
    """Where everything random in one step comes from."""
    rng = random.Random(f"pleinair {stage} {seed} {step}")
    return rng, torch.Generator().manual_seed(rng.getrandbits(62))


def pick(
    recipe: Recipe, rng: random.Random, size: tuple[int, int], count: int, pool: int
) -> list[int]:
    """Numbers of `count` clips of one size among the first `pool`."""
    kinds = len(recipe.sizes)
    places = [place for place in range(kinds) if recipe.sizes[place] == size]
    rounds = max(1, pool // kinds)
    return [rng.randrange(rounds) * kinds + rng.choice(places) for _ in range(count)]


def frames_of_step(
    rng: random.Random, longest: int, progress: float, pictures: tuple[float, float]
) -> int:
    """Latent frames of a step's clips: mostly single pictures at first, mostly whole clips later.

    Pictures teach what things look like at a fifth of the price; motion is learned after, and
    sooner.
    """
    first, last = pictures
    if longest == 1 or rng.random() < first + (last - first) * progress:
        return 1
    return longest if rng.random() < 0.8 else rng.randint(min(2, longest), longest)


def start_of_step(rng: random.Random, recipe: Recipe, frames: int) -> int:
    """The latent frame of its clip that a step begins with; 0 unless enough are left to draw."""
    if frames <= OVERLAP or not recipe.later or rng.random() >= recipe.later_share:
        return 0
    return rng.randint(1, recipe.later)


def captions_of(seed: int, indices: list[int], rng: random.Random, dropped: float) -> list[str]:
    """A caption for each clip, in words drawn anew: three in four say everything, some nothing."""

    def words(index: int) -> str:
        detail = 1.0 if rng.random() < 0.5 else None  # None: everything in half of the cases
        return caption(sample_scene(seed, index), rng, detail=detail)

    return ["" if rng.random() < dropped else words(index) for index in indices]
