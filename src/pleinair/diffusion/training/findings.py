"""Findings: what evaluation gathered, and the figures it publishes."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pleinair.diffusion.training import measures
from pleinair.diffusion.training.classifier import Labels, each
from pleinair.diffusion.training.data import from_bytes
from pleinair.diffusion.training.scores import (
    Score,
    pick,
    scores,
    table,
    things_table,
    values_table,
)
from pleinair.diffusion.worlds.scene import LOOKS, Scene
from pleinair.figures import Cell, write_figure

# Camera -> which part of ``picture_motion`` it sets, and its sign.
_MOVES = {
    "pan left": (0, 1),
    "pan right": (0, -1),
    "tilt up": (1, 1),
    "tilt down": (1, -1),
    "zoom in": (2, 1),
    "zoom out": (2, -1),
}


@dataclass(frozen=True)
class Setting:
    """What decides the clips besides the weights.

    Attributes:
        seed: series of scenes and of noise.
        steps, guidance: of the sampler; no guidance is that of the few-step weights.
    """

    seed: int = 0
    steps: int = 12
    guidance: float | None = 3.0

    @property
    def told(self) -> str:
        """In words."""
        guidance = "built in" if self.guidance is None else f"{self.guidance:g}"
        return f"{self.steps} steps, guidance {guidance}"


@dataclass(frozen=True)
class Reading:
    """What the classifier read in some clips: labels, and the features (N, D) it read them from."""

    labels: Labels
    features: Tensor


@dataclass(frozen=True)
class Evidence:
    """What the figures are made of; clips are uint8 (3, 17, H, W), in the order of the scenes.

    Attributes:
        scenes, asked: what was asked for; ``french`` (N,) tells in which language.
        made, real, soft: generated clips, renders of their scenes, those through the autoencoder.
        seen, seen_real, seen_soft: what was read in them.
        seen_others: what was read in renders of as many other scenes.
        asked_held_out, seen_held_out, seen_held_out_real: the same for held-out combinations.
        training: features (M, D) of clips that training saw.
    """

    scenes: list[Scene]
    french: Tensor
    asked: Labels
    asked_held_out: Labels
    made: list[Tensor]
    real: list[Tensor]
    soft: list[Tensor]
    seen: Reading
    seen_real: Reading
    seen_soft: Reading
    seen_others: Reading
    seen_held_out: Reading
    seen_held_out_real: Reading
    training: Tensor


def publish(found: Evidence, setting: Setting, out: Path) -> None:
    """Write ``out``/evaluate-attributes, -languages, -looks, -things, -values and -quality.json."""
    about = (
        f"{setting.told}. Read by a classifier taught on "
        "renders; its accuracy on renders of the same scenes is the ceiling. Wilson intervals."
    )

    def write(
        name: str, title: str, columns: list[str], rows: list[list[Cell]], notes: str
    ) -> None:
        write_figure(
            f"evaluate-{name}",
            title=title,
            columns=columns,
            rows=rows,
            n=len(found.scenes),
            seeds=[setting.seed],
            notes=notes,
            out=out,
        )

    all_round = _all_round(found)
    write(
        "attributes",
        "What was asked for and is in the clip",
        ["asked for", *all_round],
        table(all_round, ["generated"]),
        f"{about} The floor gives each clip the prompt of another.",
    )
    languages = _languages(found)
    write(
        "languages",
        "English, French, and combinations that training never showed",
        ["asked for", *languages],
        table(languages, list(languages)[:3]),
        f"{about} {len(found.asked_held_out['place'])} clips of held-out combinations.",
    )
    looks = _looks(found)
    write(
        "looks",
        "By look: ink and black and white hide some of what was asked for",
        ["asked for", *looks],
        table(looks, []),
        about,
    )
    seen, asked, real = found.seen.labels, found.asked, found.seen_real.labels
    write(
        "things",
        "Things asked for that are in the clip",
        ["thing", "asked", "there", "ceiling", "there when not asked"],
        things_table(seen, asked, real),
        about,
    )
    write(
        "values",
        "Every value of every attribute",
        ["attribute", "value", "asked", "read", "ceiling", "most often read instead"],
        values_table(seen, asked, real),
        about,
    )
    write(
        "quality",
        "How near generated clips are to renders",
        ["measure", "generated", "to compare", "which is"],
        [*_distances(found), *_motion(found), *_picture(found)],
        f"{setting.told}. The Fréchet distance is on the "
        "classifier's features: only its own floor tells what is small.",
    )


def _all_round(found: Evidence) -> dict[str, dict[str, Score]]:
    others = torch.arange(len(found.scenes)).roll(1)
    return {
        "generated": scores(found.seen.labels, found.asked),
        "ceiling: renders": scores(found.seen_real.labels, found.asked),
        "renders through the autoencoder": scores(found.seen_soft.labels, found.asked),
        "floor: wrong prompts": scores(found.seen.labels, pick(found.asked, others)),
    }


def _languages(found: Evidence) -> dict[str, dict[str, Score]]:
    french, seen, asked = found.french, found.seen.labels, found.asked
    return {
        "English": scores(pick(seen, ~french), pick(asked, ~french)),
        "French": scores(pick(seen, french), pick(asked, french)),
        "held-out combinations": scores(found.seen_held_out.labels, found.asked_held_out),
        "their ceiling": scores(found.seen_held_out_real.labels, found.asked_held_out),
    }


def _looks(found: Evidence) -> dict[str, dict[str, Score]]:
    columns = {}
    for i, look in enumerate(LOOKS):
        chosen = found.asked["look"] == i
        asked = pick(found.asked, chosen)
        columns[look] = scores(pick(found.seen.labels, chosen), asked)
        columns[f"{look}, ceiling"] = scores(pick(found.seen_real.labels, chosen), asked)
    return columns


def _distances(found: Evidence) -> list[list[Cell]]:
    real = found.seen_others.features
    made, floor, soft = (
        measures.frechet(reading.features, real)
        for reading in (found.seen, found.seen_real, found.seen_soft)
    )
    to_training, real_to_training = (
        _median(measures.nearest(reading.features, found.training)[0])
        for reading in (found.seen, found.seen_real)
    )
    return [
        ["Fréchet distance to renders of other scenes", made, floor, "renders of the same scenes"],
        ["the same, of renders through the autoencoder", soft, floor, "renders of the same scenes"],
        [
            f"distance to the nearest of {len(found.training):,} training clips, median",
            to_training,
            real_to_training,
            "renders of the same scenes",
        ],
    ]


def _motion(found: Evidence) -> list[list[Cell]]:
    """Direction and speed of the camera, measured in the picture without the classifier."""
    made, real = (
        torch.stack(each(clips, measures.picture_motion)) for clips in (found.made, found.real)
    )
    moving = [i for i, scene in enumerate(found.scenes) if scene.camera in _MOVES]
    static = [i for i, scene in enumerate(found.scenes) if scene.camera == "static"]
    moves = torch.tensor([_MOVES[found.scenes[i].camera] for i in moving]).view(-1, 2)
    along_made, along_real = (
        motion[moving].gather(1, moves[:, :1])[:, 0] * moves[:, 1] for motion in (made, real)
    )
    right, ceiling = (
        Score(int((along > 0).sum()), len(moving)) for along in (along_made, along_real)
    )
    drift, real_drift = (_median(motion[static].abs().amax(-1)) for motion in (made, real))
    ratio = _median((along_made / along_real)[along_real.abs() > 0.02])
    return [
        ["camera moves the way asked: pan, tilt, zoom", str(right), str(ceiling), "renders"],
        ["speed of the camera, of the render's, median", ratio, 1.0, "as fast"],
        ["drift of a static camera, short sides a second", drift, real_drift, "renders"],
    ]


def _picture(found: Evidence) -> list[list[Cell]]:
    flicker, sharpness = (
        [
            _median(torch.stack(each(clips, measure)))
            for clips in (found.made, found.real, found.soft)
        ]
        for measure in (measures.flicker, measures.sharpness)
    )
    both = zip(found.soft, found.real, strict=True)
    pairs = [(from_bytes(soft)[None], from_bytes(real)[None]) for soft, real in both]
    decibels = torch.cat([measures.psnr(a, b) for a, b in pairs]).mean().item()
    likeness = torch.cat([measures.ssim(a, b) for a, b in pairs]).mean().item()
    return [
        ["flicker, median", flicker[0], flicker[1], "renders"],
        ["flicker of renders through the autoencoder", flicker[2], flicker[1], "renders"],
        ["sharpness, median", sharpness[0], sharpness[1], "renders"],
        ["sharpness of renders through the autoencoder", sharpness[2], sharpness[1], "renders"],
        ["autoencoder, PSNR in decibels on held-out renders", decibels, None, "–"],
        ["autoencoder, SSIM on held-out renders", likeness, None, "–"],
    ]


def _median(values: Tensor) -> float | None:
    return values.median().item() if len(values) else None
