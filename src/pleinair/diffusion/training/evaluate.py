"""Evaluation: asks the model for scenes it never saw and reads in its clips what became of them.

Nothing is downloaded: scenes come from a series of their own, their prompts say all that is in
them, the classifier reads generated clips, renders of the same scenes are the ceiling and prompts
dealt out to the wrong clips the floor. A killed run goes on where it stopped.
"""

import argparse
import hashlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from pleinair.diffusion.training.classifier import (
    SHIPPED,
    Classifier,
    each,
    judge,
    load_classifier,
    truth,
)
from pleinair.diffusion.training.data import to_bytes
from pleinair.diffusion.training.findings import Evidence, Reading, Setting, publish
from pleinair.diffusion.training.recipes import SIZES
from pleinair.diffusion.worlds.captions import complete_caption
from pleinair.diffusion.worlds.render import render
from pleinair.diffusion.worlds.scene import Scene, sample_scene
from pleinair.errors import InputError, PleinairError
from pleinair.media.frames import Frames
from pleinair.media.sheet import grid, write_picture

if TYPE_CHECKING:
    from pleinair.dit.clips import Clips

Report = Callable[[str], None]

# Scenes of evaluation come from series that start here; training draws from small numbers.
SERIES = 880_000


class Generator(Protocol):
    """The part of the pipeline that evaluation uses."""

    def generate(
        self,
        prompt: str,
        *,
        width: int,
        height: int,
        seed: int,
        steps: int,
        guidance: float | None,
    ) -> "Clips":
        """One clip of 17 frames in [-1, 1]: ``.video`` is (1, 3, 17, H, W)."""


@dataclass(frozen=True)
class Case:
    """One thing asked of the model: a prompt that says all of a scene, a size and a seed."""

    scene: Scene
    language: str
    width: int
    height: int
    seed: int

    @property
    def prompt(self) -> str:
        """All that is in the scene, in words."""
        return complete_caption(self.scene, self.language)


def cases(count: int, seed: int, *, held_out: bool) -> list[Case]:
    """``count`` cases, English and French in turn, over the native sizes."""
    return [
        Case(
            sample_scene(SERIES + seed, i, held_out=held_out),
            ("en", "fr")[i % 2],
            *SIZES[i % len(SIZES)],
            seed=10_000 * (seed % 10_000) + i,
        )
        for i in range(count)
    ]


def run(
    *,
    count: int,
    out: Path,
    seed: int,
    weights: Path | None,
    batch: int = 8,
    steps: int = Setting.steps,
    guidance: float | None = Setting.guidance,
    classifier: Path = SHIPPED,
    work: Path = Path("runs/evaluate"),
    pictures: Path = Path("docs/pictures"),
    training: int = 3000,
    threads: int | None = None,
    report: Report = print,
) -> None:
    """Evaluate a model and write ``out``/evaluate-*.json and ``pictures``/evaluation.png.

    Args:
        count: clips of known combinations; a quarter as many of held-out ones come on top.
        weights: the model's file, or None for the one shipped.
        batch: clips generated between two savings.
        classifier: its file.
        work: folder for generated clips; a run with the same weights and setting goes on there.
        training: clips of the training series that the nearest is looked for among.

    Raises:
        InputError: the count is too small to say anything.
        ModelError: the weights or the classifier cannot be used.
    """
    if count < 8:
        raise InputError("count", count, "whole numbers from 8")
    from pleinair.diffusion.model.pipeline import Pipeline

    if threads is not None:
        torch.set_num_threads(threads)
    setting = Setting(seed, steps, guidance)
    reader = load_classifier(classifier)
    pipeline = Pipeline.load(weights)
    name = _digest(weights or SHIPPED.with_name("pleinair-1.safetensors"), repr(setting))
    asked = cases(count, seed, held_out=False), cases(count // 4, seed, held_out=True)
    made = [
        generate(part, pipeline, setting, work / name / kind, batch=batch, report=report)
        for part, kind in zip(asked, ("known", "held-out"), strict=True)
    ]
    near = training_features(
        reader, training, work / f"training-{_digest(classifier, '')}", report=report
    )

    def reconstruct(video: Tensor) -> Tensor:
        again: Tensor = pipeline.autoencoder.decode(pipeline.autoencoder.encode(video))
        return again

    report("reading clips and renders of the same scenes")
    evidence = gather(asked, made, reader, reconstruct, near)
    publish(evidence, setting, out)
    picture(asked[0], made[0], evidence.real, pictures / "evaluation.png")


def _digest(path: Path, more: str) -> str:
    data = path.read_bytes() if path.is_file() else b""
    return hashlib.sha256(data + more.encode()).hexdigest()[:12]


def generate(
    asked: Sequence[Case],
    generator: Generator,
    setting: Setting,
    folder: Path,
    *,
    batch: int = 8,
    report: Report = print,
) -> list[Tensor]:
    """Clips for the cases, each uint8 (3, 17, H, W); what ``folder`` holds is not made again."""
    folder.mkdir(parents=True, exist_ok=True)
    clips: list[Tensor] = []
    for start in range(0, len(asked), batch):
        part = asked[start : start + batch]
        path = folder / f"{start:05}-{start + len(part):05}.safetensors"
        if not path.is_file():
            fresh = {
                str(i): to_bytes(
                    generator.generate(
                        case.prompt,
                        width=case.width,
                        height=case.height,
                        seed=case.seed,
                        steps=setting.steps,
                        guidance=setting.guidance,
                    ).video[0]
                )
                for i, case in enumerate(part)
            }
            _save(fresh, path)
            report(f"generated {start + len(part):,} of {len(asked):,} ({folder.name})")
        saved = load_file(path)
        clips += [saved[str(i)] for i in range(len(part))]
    return clips


def _save(tensors: dict[str, Tensor], path: Path) -> None:
    """Write all or nothing, so that a killed run leaves no half of a file."""
    scratch = path.with_suffix(".partial")
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, scratch)
    scratch.replace(path)


def draw(asked: Sequence[Case], batch: int = 8) -> list[Tensor]:
    """Renders of the cases' scenes, each uint8 (3, 17, H, W)."""
    clips: dict[int, Tensor] = {}
    for size in set(SIZES):
        chosen = [i for i, case in enumerate(asked) if (case.width, case.height) == size]
        for start in range(0, len(chosen), batch):
            part = chosen[start : start + batch]
            video = render([asked[i].scene for i in part], width=size[0], height=size[1])
            clips.update(zip(part, to_bytes(video), strict=True))
    return [clips[i] for i in range(len(asked))]


def training_features(
    classifier: Classifier, count: int, folder: Path, *, seed: int = 0, report: Report = print
) -> Tensor:
    """Features (count, D) of what training saw: renders of the first scenes of its series."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for start in range(0, count, 200):
        stop = min(start + 200, count)
        path = folder / f"{start:05}-{stop:05}.safetensors"
        if not path.is_file():
            seen = [
                Case(sample_scene(seed, i), "en", *SIZES[i % len(SIZES)], seed=0)
                for i in range(start, stop)
            ]
            _save({"features": judge(classifier, draw(seen))[1]}, path)
            report(f"read {stop:,} of {count:,} clips of the training series")
        rows.append(load_file(path)["features"])
    return torch.cat(rows)


def gather(
    asked: tuple[Sequence[Case], Sequence[Case]],
    made: Sequence[Sequence[Tensor]],
    reader: Classifier,
    reconstruct: Callable[[Tensor], Tensor],
    training: Tensor,
) -> Evidence:
    """Everything that the figures are made of.

    Args:
        asked: cases of known and of held-out combinations.
        made: their clips, as ``generate`` returns them.
        reconstruct: the autoencoder there and back, (B, 3, T, H, W).
        training: features of training clips.
    """
    known, held_out = asked
    real = draw(known)
    soft = each(real, lambda video: to_bytes(reconstruct(video)))

    def reading(clips: Sequence[Tensor]) -> Reading:
        return Reading(*judge(reader, clips))

    return Evidence(
        scenes=[case.scene for case in known],
        french=torch.tensor([case.language == "fr" for case in known]),
        asked=truth([case.scene for case in known]),
        asked_held_out=truth([case.scene for case in held_out]),
        made=list(made[0]),
        real=real,
        soft=soft,
        seen=reading(made[0]),
        seen_real=reading(real),
        seen_soft=reading(soft),
        seen_others=reading(draw(_others(known))),
        seen_held_out=reading(made[1]),
        seen_held_out_real=reading(draw(held_out)),
        training=training,
    )


def _others(known: Sequence[Case]) -> list[Case]:
    """As many cases of other scenes, for the distance between two sets of real clips."""
    return cases(len(known), 1_000_000 + known[0].seed, held_out=False)


def picture(
    asked: Sequence[Case], made: Sequence[Tensor], real: Sequence[Tensor], path: Path
) -> None:
    """A sheet of twelve clips: three moments of each, and of the render of its scene below."""
    wide = [i for i, case in enumerate(asked) if case.width > case.height][:12]
    clips, captions = [], []
    for start in range(0, len(wide), 3):
        row = wide[start : start + 3]
        clips += [frames(made[i]) for i in row] + [frames(real[i]) for i in row]
        captions += [""] * len(row) + [asked[i].prompt for i in row]
    write_picture(path, grid(clips, captions, columns=3, width=144, moments=3))


def showcase(
    prompts: Sequence[str],
    path: Path,
    *,
    weights: Path | None = None,
    seed: int = 1,
    report: Report = print,
) -> None:
    """A sheet of what the model makes of some prompts, three moments of each; no seed is chosen."""
    from pleinair.diffusion.model.pipeline import Pipeline

    pipeline = Pipeline.load(weights)
    setting = Setting(seed)
    clips = []
    for i, prompt in enumerate(prompts):
        made = pipeline.generate(
            prompt,
            width=144,
            height=80,
            seed=seed + i,
            steps=setting.steps,
            guidance=setting.guidance,
        )
        clips.append(frames(to_bytes(made.video[0])))
        report(f"{i + 1} of {len(prompts)}: {prompt}")
    write_picture(path, grid(clips, prompts, columns=2, width=216, moments=3))


def frames(clip: Tensor) -> Frames:
    """uint8 (3, T, H, W) as (T, H, W, 3)."""
    picture: Frames = clip.permute(1, 2, 3, 0).numpy()
    return picture


def main(arguments: list[str] | None = None) -> int:
    """A sheet of some prompts: ``python -m`` with this module, ``PROMPTS PICTURE``."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("prompts", type=Path, help="file with one prompt a line")
    parser.add_argument("picture", type=Path, help="file to write, such as showcase.png")
    parser.add_argument("--weights", type=Path, help="other weights than those shipped")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first prompt")
    options = parser.parse_args(arguments)
    try:
        prompts = options.prompts.read_text().splitlines()
        showcase(prompts, options.picture, weights=options.weights, seed=options.seed)
    except (PleinairError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
