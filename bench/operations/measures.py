"""What is measured of clips, (T, H, W, 3) uint8, and what the classifier reads in them."""

from collections.abc import Sequence

import numpy as np
import torch

from pleinair.diffusion.training import measures
from pleinair.diffusion.training.classifier import ATTRIBUTES, Classifier, judge, truth
from pleinair.diffusion.training.evaluate import Case
from pleinair.diffusion.training.scores import scores
from pleinair.media.frames import Frames, to_tensor

FPS = 8
READ = 17  # frames that the classifier reads


def psnr(made: Frames, real: Frames) -> float:
    """Of pictures in bytes, in decibels."""
    error = np.square(made.astype(np.float64) - real).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def seam(clip: Frames, at: int) -> float:
    """The step into frame ``at``, as many times the median step of the half second around it."""
    steps = np.abs(np.diff(clip.astype(np.float64), axis=0)).mean((1, 2, 3))
    around = np.concatenate([steps[max(0, at - 5) : at - 1], steps[at : at + 4]])
    return float(steps[at - 1] / max(np.median(around), 1e-3))


def sharpness(clip: Frames) -> float:
    """Mean step of light between neighbouring pixels, of the full range."""
    return float(measures.sharpness(to_tensor(clip)[None])[0])


def layout(a: Frames, b: Frames) -> float:
    """Correlation of the mean pictures in light, 9 by 16 or so."""
    return float(np.corrcoef(coarse(a), coarse(b))[0, 1])


def coarse(clip: Frames) -> np.ndarray:
    """The mean picture in light, a cell for each 9 pixels or so, as a row."""
    light = torch.from_numpy(clip.astype(np.float32).mean((0, 3)))
    height, width = light.shape
    cells = (max(1, height // 9), max(1, width // 9))
    pooled = torch.nn.functional.adaptive_avg_pool2d(light[None, None], cells)
    flat: np.ndarray = pooled.flatten().numpy()
    return flat


def colours(clip: Frames, second: int) -> float:
    """Distance of the mean colour of a second to that of the first, of 255."""
    means = [
        part.astype(np.float64).mean((0, 1, 2)) for part in (clip[:FPS], clip[second * FPS :][:FPS])
    ]
    return float(np.linalg.norm(means[1] - means[0]) / np.sqrt(3))


def contrast(clip: Frames, second: int) -> float:
    """Spread of light of a second, as a share of that of the first."""
    spread = [part.astype(np.float64).std() for part in (clip[second * FPS :][:FPS], clip[:FPS])]
    return float(spread[0] / max(spread[1], 1e-6))


def pad(clip: Frames) -> Frames:
    """As many frames as the classifier reads."""
    missing = max(0, READ - len(clip))
    return np.concatenate([clip, np.repeat(clip[-1:], missing, 0)])[:READ]


def adherence(
    reader: Classifier,
    clips: Sequence[Frames],
    asked: Sequence[Case],
    names: Sequence[str] = tuple(ATTRIBUTES),
) -> float:
    """Mean share of what was asked for that is read in the clips, in percent."""
    found = scores(
        judge(reader, [_tensor(clip) for clip in clips])[0], truth([c.scene for c in asked])
    )
    return 100 * sum(found[name].right / found[name].total for name in names) / len(names)


def seen(reader: Classifier, clip: Frames) -> dict[str, str]:
    """What is read in a clip: for each of the attributes its value."""
    labels = judge(reader, [_tensor(clip)])[0]
    return {name: values[int(labels[name][0])] for name, values in ATTRIBUTES.items()}


def _tensor(clip: Frames) -> torch.Tensor:
    """uint8 (3, 17, H, W)."""
    return torch.from_numpy(pad(clip).transpose(3, 0, 1, 2).copy())
