"""Teaching the classifier: renders in, with all that a generated clip does to a picture."""

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pleinair.training.classifier import (
    ATTRIBUTES,
    UNKNOWN,
    Classifier,
    ClassifierConfig,
    Labels,
    save_classifier,
    to_bytes,
    to_video,
    truth,
)
from pleinair.worlds.render import render
from pleinair.worlds.scene import CAMERAS, Scene, sample_scene

SIZES = ((144, 80), (80, 144), (112, 112))
# Series of scenes that nothing is trained on.
HELD_OUT_SEED = 990_000

Clips = tuple[Tensor, list[Scene]]  # uint8 (N, 3, T, H, W) of one size, and the scene of each


@dataclass(frozen=True)
class Lesson:
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


def rendered(
    count: int, *, seed: int, held_out: bool | None = False, batch: int = 16
) -> list[Clips]:
    """Renders of ``count`` scenes of a series, spread evenly over the native sizes."""
    groups = []
    for turn, (width, height) in enumerate(SIZES):
        scenes = [sample_scene(seed, i, held_out=held_out) for i in range(turn, count, len(SIZES))]
        pieces = [scenes[i : i + batch] for i in range(0, len(scenes), batch)]
        clips = [to_bytes(render(piece, width=width, height=height)) for piece in pieces]
        if clips:
            groups.append((torch.cat(clips), scenes))
    return groups


def train(
    groups: Sequence[Clips],
    out: Path,
    *,
    lesson: Lesson,
    config: ClassifierConfig | None = None,
    report: Callable[[str], None] = print,
) -> Classifier:
    """Teach a classifier on clips and write it to ``out``.

    Args:
        groups: one entry a size; clips of some sizes may come twice, as rendered and as they leave
            the autoencoder, so that its softness does not change what is read.
        report: gets a line now and then.
    """
    torch.manual_seed(lesson.seed)
    classifier = Classifier(config or ClassifierConfig())
    optimisers = _optimisers(classifier, lesson)
    start, seen, smooth = time.monotonic(), 0, math.nan
    for step, (clips, scenes) in enumerate(_batches(groups, lesson.batch, lesson.seed)):
        progress = seen / lesson.views
        if progress >= 1:
            break
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = group["initial_lr"] * _schedule(progress, lesson.warmup)
        video, labels = spoil(to_video(clips), truth(scenes))
        with torch.autocast("cpu", torch.bfloat16):
            scores = classifier(video)
        loss = _loss(scores, labels)
        classifier.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        for optimiser in optimisers:
            optimiser.step()
        seen += len(scenes)
        smooth = loss.item() if math.isnan(smooth) else smooth + 0.02 * (loss.item() - smooth)
        if step % 100 == 0:
            rate = seen / (time.monotonic() - start)
            left = (lesson.views - seen) / rate / 60
            report(f"{seen:,} clips, {rate:.0f} a second, {left:.0f} min left, loss {smooth:.3f}")
    about: dict[str, object] = {
        "clips": sum(len(scenes) for _, scenes in groups),
        "lesson": asdict(lesson),
        "loss": smooth,
    }
    save_classifier(classifier, out, about)
    classifier.eval()
    return classifier


def _optimisers(classifier: Classifier, lesson: Lesson) -> list[torch.optim.Optimizer]:
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in classifier.named_parameters():
        hidden = parameter.ndim == 2 and not name.startswith("answers")
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


def _batches(groups: Sequence[Clips], size: int, seed: int) -> Iterator[Clips]:
    """Endless batches, each of one group; every clip once before any comes again."""
    rng = random.Random(seed)
    while True:
        plan: list[tuple[int, list[int]]] = []
        for which, (_, scenes) in enumerate(groups):
            order = list(range(len(scenes)))
            rng.shuffle(order)
            starts = range(0, max(1, len(order) - size + 1), size)
            plan += [(which, order[i : i + size]) for i in starts]
        rng.shuffle(plan)
        for which, chosen in plan:
            clips, scenes = groups[which]
            yield clips[chosen], [scenes[i] for i in chosen]


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
    parts = [_soften(part) for part in video.chunk(4)]
    video = torch.cat(parts)
    clips = len(video)
    contrast = 1 + 0.06 * torch.randn(clips, 1, 1, 1, 1).clamp(-2, 2)
    shift = 0.03 * torch.randn(clips, 3, 1, 1, 1).clamp(-2, 2)
    video = video * contrast + shift
    video = video + torch.randn(video.shape[-3:]) * (0.03 * torch.rand(clips, 1, 1, 1, 1))
    if torch.rand(()) < 0.5:
        return video.flip(-1), mirrored(labels)
    return video, labels


def _soften(video: Tensor) -> Tensor:
    draw = torch.rand(3).tolist()
    height, width = video.shape[-2:]
    flat = video.flatten(1, 2)
    if draw[0] < 0.4:
        shrink = 1 / (1.3 + 1.7 * draw[1])
        small = (int(height * shrink), int(width * shrink))
        flat = F.interpolate(flat, small, mode="bilinear", antialias=True)
        flat = F.interpolate(flat, (height, width), mode="bilinear")
    elif draw[0] < 0.6:
        blurred = F.avg_pool2d(flat, 3, 1, 1, count_include_pad=False)
        flat = flat.lerp(blurred, 0.5 + 0.5 * draw[1])
    video = flat.view(video.shape)
    if draw[2] < 0.3:  # smeared in time
        smeared = F.avg_pool3d(video, (3, 1, 1), 1, (1, 0, 0), count_include_pad=False)
        video = video.lerp(smeared, draw[1])
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
