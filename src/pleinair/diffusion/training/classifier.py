"""The classifier: reads from a clip what is in it, to judge clips that the model made.

It is taught on renders alone, whose truth is known, so it needs no download and no annotation.
What it cannot read on held-out renders is the ceiling of every accuracy it reports.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from pleinair.diffusion.training.data import from_bytes
from pleinair.diffusion.training.measures import gradients, luma
from pleinair.diffusion.worlds.scene import (
    CAMERAS,
    COLOURS,
    DIRECTIONS,
    HOURS,
    KINDS,
    LOOKS,
    PLACES,
    THINGS,
    WEATHERS,
    Scene,
)
from pleinair.errors import ModelError

SHIPPED = Path(__file__).parent.parent / "weights" / "classifier.safetensors"

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "place": PLACES,
    "hour": HOURS,
    "weather": WEATHERS,
    "camera": CAMERAS,
    "look": LOOKS,
}
NUMBERED = tuple(kind for kind in THINGS if KINDS[kind].most > 1)
COLOURED = tuple(kind for kind in THINGS if KINDS[kind].coloured)
MOVING = tuple(kind for kind in THINGS if KINDS[kind].moving)
MOST = max(kind.most for kind in KINDS.values())

# What is read of a clip: name -> shape of its scores. ``things`` scores each kind for being there.
HEADS: dict[str, tuple[int, ...]] = {
    **{name: (len(values),) for name, values in ATTRIBUTES.items()},
    "things": (len(THINGS),),
    "number": (len(NUMBERED), MOST),
    "colour": (len(COLOURED), len(COLOURS)),
    "direction": (len(MOVING), len(DIRECTIONS)),
}
UNKNOWN = -1
WINDOWS = 2

Labels = dict[str, Tensor]

_SIZES = [math.prod(shape) for shape in HEADS.values()]
ANSWERS = sum(_SIZES)


def by_head(answers: Tensor) -> dict[str, Tensor]:
    """Answers (B, ANSWERS) as scores: name of HEADS -> (B, *its shape)."""
    parts = answers.split(_SIZES, -1)
    return {
        name: part.unflatten(-1, shape)
        for (name, shape), part in zip(HEADS.items(), parts, strict=True)
    }


def truth(scenes: Sequence[Scene], device: torch.device | str = "cpu") -> Labels:
    """The labels of scenes, by the names of HEADS.

    Attributes are (B,) indices, ``things`` is (B, 12) of 0 and 1; ``number`` (B, 4; less one),
    ``colour`` (B, 2) and ``direction`` (B, 3) are indices or UNKNOWN where there is nothing to say.
    """
    labels = {
        name: torch.tensor([values.index(getattr(scene, name)) for scene in scenes])
        for name, values in ATTRIBUTES.items()
    }
    rows: dict[str, list[list[int]]] = {"things": [], "number": [], "colour": [], "direction": []}
    for scene in scenes:
        there = {kind: scene.has(kind) for kind in THINGS}
        rows["things"].append([int(there[kind] is not None) for kind in THINGS])
        rows["number"].append([t.count - 1 if (t := there[k]) else UNKNOWN for k in NUMBERED])
        rows["colour"].append(
            [_place(COLOURS, t.colour if (t := there[k]) else None) for k in COLOURED]
        )
        rows["direction"].append(
            [_place(DIRECTIONS, t.direction if (t := there[k]) else None) for k in MOVING]
        )
    labels |= {name: torch.tensor(row) for name, row in rows.items()}
    return {name: label.to(device) for name, label in labels.items()}


def _place(values: tuple[str, ...], value: str | None) -> int:
    return UNKNOWN if value is None else values.index(value)


def read(scores: dict[str, Tensor]) -> Labels:
    """The likeliest labels: as ``truth`` gives them, with no UNKNOWN among them."""
    labels = {name: score.argmax(-1) for name, score in scores.items() if name != "things"}
    for i, kind in enumerate(NUMBERED):
        labels["number"][:, i] = scores["number"][:, i, : KINDS[kind].most].argmax(-1)
    labels["things"] = (scores["things"] > 0).long()
    return labels


@dataclass(frozen=True)
class ClassifierConfig:
    """Size of the classifier.

    Attributes:
        widths: channels at 1/2, 1/4, 1/8 and 1/16 of the picture's size.
        detectors, described: maps of where small things are, at 1/8, and what is told of the place
            that each finds.
        window: features of each half of the clip.
        features: features of the clip, which every answer is read from.
    """

    widths: tuple[int, int, int, int] = (32, 48, 96, 160)
    detectors: int = 32
    described: int = 16
    window: int = 160
    features: int = 192


class Classifier(nn.Module):
    """Sees a clip of 17 frames of any native size as two windows in time.

    Each window is one picture (its middle frame; brightness at its start, its end and at most) and
    coarse maps of the motion in it; convolutions read each window, a linear layer joins them.
    """

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.config = config
        a, b, c, d = config.widths
        self.near = nn.Sequential(_Conv(6, a, stride=2), _Conv(a, b, stride=2), _Residual(b))
        self.middle = nn.Sequential(_Conv(b, c, stride=2), _Residual(c))
        self.motion = _Conv(18, c // 2)
        self.far = nn.Sequential(_Conv(c + c // 2, d, stride=2), _Residual(d), _Residual(d))
        self.where = nn.Conv2d(c + c // 2, config.detectors, 1)
        self.what = nn.Conv2d(c + c // 2, config.described, 1)
        small = config.detectors * (config.described + 2)
        self.window = nn.Linear(d * 9 + d + small, config.window)
        self.clip = nn.Linear(config.window * WINDOWS, config.features)
        self.answers = nn.Linear(config.features, ANSWERS)

    def features(self, video: Tensor) -> Tensor:
        """Features (B, D) of clips (B, 3, 17, H, W) in [-1, 1]: what answers are read from."""
        clips = video.shape[0]
        picture, motion = windows(video)  # (B*2, 6, H, W), (B*2, 18, H/8, W/8)
        x = self.near(picture.contiguous(memory_format=torch.channels_last))  # (B*2, b, H/4, W/4)
        x = torch.cat((self.middle(x), self.motion(motion)), 1)  # (B*2, c + c/2, H/8, W/8)
        small = self._small_things(x)  # (B*2, detectors * (described + 2))
        x = self.far(x)  # (B*2, d, H/16, W/16)
        places = F.adaptive_avg_pool2d(x, 3).flatten(1)  # (B*2, d*9)
        x = torch.cat((places, x.amax((2, 3)), small), 1)
        x = F.silu(self.window(x))  # (B*2, window)
        return F.silu(self.clip(x.reshape(clips, -1)))  # (B, D)

    def _small_things(self, x: Tensor) -> Tensor:
        """How sure each detector is, how much it finds, and what is at the place it looks at."""
        where = self.where(x).flatten(2)  # (N, detectors, h*w)
        what = self.what(x).flatten(2)  # (N, described, h*w)
        found = (where.softmax(-1) @ what.mT).flatten(1)
        return torch.cat((where.amax(-1), where.sigmoid().sum(-1) / 4, found), 1)

    def forward(self, video: Tensor) -> dict[str, Tensor]:
        """Scores of clips (B, 3, 17, H, W) in [-1, 1]: name of HEADS -> (B, *its shape)."""
        return self.scores(self.features(video))

    def scores(self, features: Tensor) -> dict[str, Tensor]:
        """Scores read from features (B, D)."""
        return by_head(self.answers(features))


def windows(video: Tensor) -> tuple[Tensor, Tensor]:
    """The pictures (B*2, 6, H, W) and motion maps (B*2, 18, H/8, W/8) of a clip's two windows.

    Windows share the clip's middle frame. The pictures' channels: three colours of the window's
    middle frame, brightness of its first frame, of its last, and the largest (lightning, shooting
    stars).
    """
    light = luma(video)  # (B, 17, H, W)
    brightest = light.unfold(1, 9, 8).amax(-1)  # (B, 2, H, W)
    parts = (*video[:, :, 4::8].unbind(1), light[:, :-1:8], light[:, 8::8], brightest)
    picture = torch.stack(parts, 2).flatten(0, 1)
    flows = torch.cat([_flow(light, scale) for scale in (2, 4)], 1)  # (B*2, 16, H/8, W/8)
    height, width = flows.shape[-2:]
    across = torch.linspace(-1, 1, width, device=video.device).expand(len(flows), 1, height, -1)
    down = torch.linspace(-1, 1, height, device=video.device)[:, None]
    down = down.expand(len(flows), 1, -1, width)
    return picture, torch.cat((flows, across, down), 1)


def _flow(light: Tensor, scale: int) -> Tensor:
    """Motion seen at 1/scale of the size, in the first and the last four steps of each window.

    Gradients are gathered over blocks of space and time (Lucas and Kanade 1981).

    Returns:
        (B*2, 8, H/8, W/8): x, y and how well each is known, of the first steps and of the last.
    """
    gx, gy, gt = gradients(F.avg_pool2d(light, scale))  # (B, 16, h - 2, w - 2)
    products = torch.stack((gx * gx, gx * gy, gy * gy, gx * gt, gy * gt), 2)
    products = products.reshape(-1, 4, *products.shape[2:]).mean(1)  # (B*4, 5, h - 2, w - 2)
    block = 8 // scale
    products = F.pad(products, (1, 1, 1, 1))
    xx, xy, yy, xt, yt = F.avg_pool2d(products, 2 * block, block, block // 2).unbind(1)
    xx, yy = xx + 1e-5, yy + 1e-5
    area = xx * yy - xy * xy
    right, down = (xy * yt - yy * xt) / area, (xy * xt - xx * yt) / area
    known = (xx.log() / 4 + 2, yy.log() / 4 + 2)
    flow = torch.stack((right.tanh(), down.tanh(), *known), 1)  # (B*4, 4, H/8, W/8)
    return flow.reshape(-1, 8, *flow.shape[2:])


class _Conv(nn.Module):
    """Convolution of 3 × 3, norm and SiLU; its weight is a matrix, as Muon wants it."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.weight = nn.Parameter(torch.randn(after, before * 9) / (before * 9) ** 0.5)
        self.norm = nn.BatchNorm2d(after)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight.view(len(self.weight), -1, 3, 3)
        return F.silu(self.norm(F.conv2d(x, weight, stride=self.stride, padding=1)), inplace=True)


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = _Conv(width, width)

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.inner(x)
        return x + change


@torch.inference_mode()
def each(
    clips: Sequence[Tensor], function: Callable[[Tensor], Tensor], batch: int = 16
) -> list[Tensor]:
    """What ``function`` makes of each clip, in order; it gets batches of one size in [-1, 1].

    Args:
        clips: uint8, each (3, T, H, W) of any size.
        function: (B, 3, T, H, W) to (B, …).
    """
    results: dict[int, Tensor] = {}
    for shape in {clip.shape for clip in clips}:
        chosen = [i for i, clip in enumerate(clips) if clip.shape == shape]
        for start in range(0, len(chosen), batch):
            part = chosen[start : start + batch]
            rows = function(from_bytes(torch.stack([clips[i] for i in part])))
            results.update(zip(part, rows, strict=True))
    return [results[i] for i in range(len(clips))]


def judge(classifier: Classifier, clips: Sequence[Tensor]) -> tuple[Labels, Tensor]:
    """What the classifier reads in uint8 clips (3, 17, H, W) of any sizes; features (N, D)."""
    features = torch.stack(each(clips, classifier.features))
    with torch.inference_mode():
        return read(classifier.scores(features)), features


def save_classifier(classifier: Classifier, path: Path, about: dict[str, object]) -> None:
    """Write half-precision weights with their configuration and ``about`` (how it was taught)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: value.half().contiguous() if value.is_floating_point() else value
        for name, value in classifier.state_dict().items()
    }
    metadata = {"config": json.dumps(asdict(classifier.config)), "about": json.dumps(about)}
    save_file(tensors, path, metadata)


def load_classifier(path: Path = SHIPPED) -> Classifier:
    """Read a classifier, ready to judge; raises ModelError when the file is not one."""
    try:
        with safe_open(path, "pt") as file:
            config = json.loads(file.metadata()["config"])
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        classifier = Classifier(ClassifierConfig(**{**config, "widths": tuple(config["widths"])}))
        classifier.load_state_dict(state)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"{path} is not a classifier that fits this code: {reason}") from error
    return classifier.eval()
