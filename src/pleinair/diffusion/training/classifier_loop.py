"""Teaching the classifier: renders in, with all that a generated clip does to a picture."""

import argparse
import json
import math
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import torch
import torch.nn.functional as F
from safetensors import safe_open
from torch import Tensor, nn

from pleinair.diffusion.training.classifier import (
    ATTRIBUTES,
    SHIPPED,
    UNKNOWN,
    Classifier,
    ClassifierConfig,
    Labels,
    judge,
    save_classifier,
    truth,
)
from pleinair.diffusion.training.data import Arrays, Blocks, from_bytes, rendered, size_of, to_bytes
from pleinair.diffusion.training.evaluate import cases, draw
from pleinair.diffusion.training.recipes import recipe_named
from pleinair.diffusion.training.scores import scores, table
from pleinair.diffusion.worlds.scene import CAMERAS, Scene, sample_scene
from pleinair.errors import PleinairError


class Pool(Protocol):
    """Clips by their number, each uint8 (3, 17, H, W)."""

    def __getitem__(self, index: int) -> Tensor:
        """Clip number ``index``."""


@dataclass(frozen=True)
class Softened:
    """A pool of ``count`` clips followed by some of them as they leave the autoencoder.

    Its softness must not change what is read.
    """

    sharp: Pool
    soft: Pool
    count: int

    def __getitem__(self, index: int) -> Tensor:
        """A clip as rendered, or from ``count`` on as it leaves the autoencoder."""
        return self.sharp[index] if index < self.count else self.soft[index - self.count]


def soften(pool: Pool, folder: Path, reconstruct: Callable[[Tensor], Tensor]) -> Blocks:
    """The clips of a pool after an autoencoder, (B, 3, T, H, W) there and back; kept in files."""

    @torch.no_grad()
    def make(indices: range) -> Arrays:
        clips = {i: reconstruct(from_bytes(pool[i])[None])[0] for i in indices}
        return {str(i): to_bytes(clip).numpy() for i, clip in clips.items()}

    return Blocks(folder, 50, make)


@dataclass(frozen=True)
class ClassifierLesson:
    """How the classifier is taught.

    Attributes:
        views: clips seen, counting repeats: 40,000 take about a quarter of an hour on one core. The
            learning rate falls to 0 at the end.
        batch: clips a step, all of one size.
        rate, matrix_rate: highest learning rates, of AdamW and of Muon (Jordan et al. 2024), which
            takes the convolutions and hidden layers.
    """

    views: int = 40_000
    batch: int = 16
    rate: float = 3e-3
    matrix_rate: float = 0.02
    decay: float = 0.05
    warmup: float = 0.04
    seed: int = 0


def train(
    pool: Pool,
    scenes: Sequence[Scene],
    sizes: Sequence[tuple[int, int]],
    out: Path,
    *,
    lesson: ClassifierLesson,
    config: ClassifierConfig | None = None,
    start: Path | None = None,
    report: Callable[[str], None] = print,
) -> Classifier:
    """Teach a classifier on clips and write it to ``out``.

    Args:
        pool: the clips; ``scenes`` and ``sizes`` hold the scene and size of each.
        start: a classifier to begin with, as far as its parts fit.
        report: gets a line now and then.
    """
    torch.manual_seed(lesson.seed)
    classifier = Classifier(config or ClassifierConfig())
    kept = keep_what_fits(classifier, start) if start else None
    optimisers = _optimisers(classifier, lesson)
    rng = random.Random(lesson.seed)
    began, seen, smooth = time.monotonic(), 0, math.nan
    for step, batch in enumerate(_batches(sizes, lesson.batch, rng)):
        if seen >= lesson.views:
            break
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = group["initial_lr"] * _schedule(seen / lesson.views, lesson.warmup)
        video = from_bytes(torch.stack([pool[i] for i in batch]))
        video, labels = spoil(video, truth([scenes[i] for i in batch]))
        with torch.autocast("cpu", torch.bfloat16):
            loss = _loss(classifier(video), labels)
        classifier.zero_grad(set_to_none=True)
        loss.backward()
        for optimiser in optimisers:
            optimiser.step()
        seen += len(batch)
        smooth = loss.item() if math.isnan(smooth) else smooth + 0.02 * (loss.item() - smooth)
        if step % 100 == 0:
            rate = seen / (time.monotonic() - began)
            left = (lesson.views - seen) / rate / 60
            report(f"{seen:,} clips, {rate:.0f} a second, {left:.0f} min left, loss {smooth:.3f}")
    about: dict[str, object] = {"clips": len(scenes), "lesson": asdict(lesson), "loss": smooth}
    if kept is not None:
        about["began with"] = kept
    save_classifier(classifier, out, about)
    classifier.eval()
    return classifier


def keep_what_fits(classifier: Classifier, path: Path) -> dict[str, object]:
    """Copy every part of an older classifier that has its place in this one; how it was taught."""
    with safe_open(path, "pt") as file:
        older = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        about: dict[str, object] = json.loads(file.metadata()["about"])
    own = classifier.state_dict()
    fits = {name: value for name, value in older.items() if value.shape == _shape(own.get(name))}
    classifier.load_state_dict(own | fits)
    return about


def _shape(tensor: Tensor | None) -> torch.Size | None:
    return None if tensor is None else tensor.shape


def _optimisers(classifier: Classifier, lesson: ClassifierLesson) -> list[torch.optim.Optimizer]:
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in classifier.named_parameters():
        hidden = parameter.ndim == 2 and not name.startswith("answers")  # convolutions too
        (matrices if hidden else others).append(parameter)
    groups = [{"params": matrices, "initial_lr": lesson.matrix_rate}]
    other_groups = [{"params": others, "initial_lr": lesson.rate}]
    return [
        torch.optim.Muon(groups, lr=lesson.matrix_rate, weight_decay=lesson.decay),
        torch.optim.AdamW(other_groups, lr=lesson.rate, weight_decay=lesson.decay),
    ]


def _schedule(progress: float, warmup: float) -> float:
    if progress < warmup:
        return (progress + 0.002) / (warmup + 0.002)
    return 0.5 + 0.5 * math.cos(math.pi * (progress - warmup) / (1 - warmup))


def _batches(
    sizes: Sequence[tuple[int, int]], count: int, rng: random.Random
) -> Iterator[list[int]]:
    """Endless batches, each of clips of one size; every clip once before any comes again."""
    alike: dict[tuple[int, int], list[int]] = {}
    for i, size in enumerate(sizes):
        alike.setdefault(size, []).append(i)
    while True:
        plan = []
        for indices in alike.values():
            rng.shuffle(indices)
            plan += [indices[i : i + count] for i in range(0, len(indices), count)]
        rng.shuffle(plan)
        yield from plan


def _loss(scores: dict[str, Tensor], labels: Labels) -> Tensor:
    """Cross-entropy of every answer; what is not there is not asked about."""
    there = labels["things"].float()
    loss = F.binary_cross_entropy_with_logits(scores["things"].float(), there) * there.shape[1]
    for name in ATTRIBUTES:
        loss = loss + F.cross_entropy(scores[name].float(), labels[name])
    for name in ("number", "colour", "direction"):
        flat = scores[name].float().flatten(0, 1)
        asked = F.cross_entropy(flat, labels[name].flatten(), ignore_index=UNKNOWN, reduction="sum")
        loss = loss + asked / max(1, int((labels[name] != UNKNOWN).sum()))
    return loss


def spoil(video: Tensor, labels: Labels) -> tuple[Tensor, Labels]:
    """The batch as a generator might make it: softer, noisier, lighter or darker; or mirrored.

    Each quarter of the batch (B, 3, T, H, W) is spoiled in a way of its own. A mirrored clip pans
    and drifts the other way, so its labels change too.
    """
    video = torch.cat([_soften(part) for part in video.chunk(4)])
    clips = len(video)
    contrast = 1 + 0.06 * torch.randn(clips, 1, 1, 1, 1).clamp(-2, 2)
    shift = 0.03 * torch.randn(clips, 3, 1, 1, 1).clamp(-2, 2)
    noise = torch.randn(video.shape[-3:]) * (0.03 * torch.rand(clips, 1, 1, 1, 1))
    video = video.mul_(contrast).add_(shift).add_(noise)
    if torch.rand(()) < 0.5:
        return video.flip(-1), mirrored(labels)
    return video, labels


def _soften(video: Tensor) -> Tensor:
    blur, strength, smear = torch.rand(3).tolist()
    height, width = video.shape[-2:]
    flat = video.flatten(1, 2)
    if blur < 0.35:
        shrink = 1 / (1.3 + 1.7 * strength)
        small = (int(height * shrink), int(width * shrink))
        flat = F.interpolate(flat, small, mode="bilinear", antialias=True)
        flat = F.interpolate(flat, (height, width), mode="bilinear")
    elif blur < 0.5:
        blurred = F.avg_pool2d(flat, 3, 1, 1, count_include_pad=False)
        flat = flat.lerp(blurred, 0.5 + 0.5 * strength)
    video = flat.view(video.shape)
    if smear < 0.25:  # in time
        before, after = video[:, :, :-2], video[:, :, 2:]
        video[:, :, 1:-1] = video[:, :, 1:-1].lerp((before + after) / 2, 0.6 * strength)
    return video


_OTHER_CAMERA = torch.tensor(
    [
        CAMERAS.index({"pan left": "pan right", "pan right": "pan left"}.get(name, name))
        for name in CAMERAS
    ]
)


def mirrored(labels: Labels) -> Labels:
    """The labels of the same clips seen in a mirror."""
    direction = labels["direction"]
    return labels | {
        "camera": _OTHER_CAMERA[labels["camera"]],
        "direction": torch.where(direction == UNKNOWN, direction, 1 - direction),
    }


def main(arguments: list[str] | None = None) -> int:
    """Teach the classifier on a run's clips: ``python -m`` with this module."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--recipe", default="laptop", help="recipe whose clips these are")
    parser.add_argument("--clips", type=Path, default=Path("runs/laptop/clips"))
    parser.add_argument("--count", type=int, default=12_000, help="clips; those missing are drawn")
    parser.add_argument("--views", type=int, default=ClassifierLesson.views)
    parser.add_argument("--seed", type=int, default=0, help="series of the clips' scenes")
    parser.add_argument("--weights", type=Path, help="model whose autoencoder softens some clips")
    parser.add_argument("--soft", type=Path, default=Path("runs/laptop/soft"), help="their folder")
    parser.add_argument("--soft-count", type=int, default=2_000, help="how many, with --weights")
    parser.add_argument("--check", type=int, default=500, help="new renders to read at the end")
    parser.add_argument("--start", type=Path, help="classifier to begin with")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    try:
        recipe = recipe_named(options.recipe)
        pool: Pool = rendered(recipe, options.clips, options.seed)
        indices = list(range(options.count))
        if options.weights:
            soft = soften(pool, options.soft, _autoencoder(options.weights))
            pool = Softened(pool, soft, options.count)
            indices += range(options.soft_count)
        classifier = train(
            pool,
            [sample_scene(options.seed, i) for i in indices],
            [size_of(recipe, i) for i in indices],
            options.out,
            lesson=ClassifierLesson(views=options.views),
            start=options.start,
            report=lambda line: print(line, flush=True),
        )
    except PleinairError as error:
        print(error, file=sys.stderr)
        return 2
    asked = cases(options.check, seed=options.seed + 1, held_out=False)
    seen, _ = judge(classifier, draw(asked))
    found = scores(seen, truth([case.scene for case in asked]))
    for title, shown in table({"renders": found}, ["renders"]):
        print(f"{shown}  {title}")
    return 0


def _autoencoder(weights: Path) -> Callable[[Tensor], Tensor]:
    from pleinair.diffusion.model.pipeline import Pipeline

    autoencoder = Pipeline.load(weights).autoencoder

    def reconstruct(video: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return autoencoder.decode(autoencoder.encode(video)).float()

    return reconstruct


if __name__ == "__main__":
    sys.exit(main())
