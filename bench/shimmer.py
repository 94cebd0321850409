"""How still `pleinair-2` is: frames against supersampled ones, and flicker along true motion.

A frame of one ray a pixel is held against the mean of 16 rays a pixel. Flicker is what remains
between a frame and the one before after the picture was moved along the renderer's own motion,
where both see the same place; that of a supersampled film stands beside it.
"""

import argparse
import math
import sys
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.figures import Cell, write_figure
from pleinair.light.frame import Frame
from pleinair.light.renderer import Renderer, flow
from pleinair.scenes.draft import draft
from pleinair.scenes.scene import Scene

PROMPTS = (
    "mountains by day with scattered clouds, the camera moves forward",
    "a lake among mountains at golden hour, the camera moves forward",
    "the sea by day, the camera moves forward",
    "desert dunes at golden hour, the camera pans left",
    "a wooded valley by day, the camera moves forward",
    "a canyon at noon, drone shot",
)
SIZE, FINER, FPS = (480, 270), 4, 24


def renderers(scene: Scene) -> tuple[Renderer, Renderer]:
    """One of the size itself, one of four times as many pixels each way."""
    width, height = SIZE
    return (
        Renderer(scene, width=width, height=height, fps=FPS, frames=96),
        Renderer(scene, width=width * FINER, height=height * FINER, fps=FPS, frames=96),
    )


def toned(light: Tensor, exposure: float) -> Tensor:
    """(3, H, W) from 0 to 1."""
    x = light * 2**exposure
    x = x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14)
    return x.clamp(0, 1) ** (1 / 2.2)


def averaged(light: Tensor) -> Tensor:
    """The mean over each pixel's rays."""
    return F.avg_pool2d(light[None], FINER)[0]


def flicker(before: Tensor, after: Tensor, frame: Frame, motion: Tensor, later: Tensor) -> float:
    """Root mean square of what differs along the motion, in steps of 255."""
    height, width = before.shape[1:]
    x = torch.arange(width) + 0.5 + motion[0]
    y = (torch.arange(height) + 0.5)[:, None] + motion[1]
    grid = torch.stack((x / width * 2 - 1, y / height * 2 - 1), -1)[None]
    moved = F.grid_sample(after[None], grid, mode="bicubic", align_corners=False)[0]
    depth = F.grid_sample(later[None, None], grid, mode="nearest", align_corners=False)[0, 0]
    inside = (grid[0].abs() < 0.98).all(-1)
    same = inside & (depth.isfinite() == frame.depth.isfinite())
    near = frame.depth.isfinite() & ((depth - frame.depth).abs() > 0.1 * frame.depth)
    gap = (moved - before).square().mean(0)[same & ~near]
    return float(gap.mean().sqrt() * 255)


def measured(prompt: str, seed: int) -> list[Cell]:
    """One row of the figure."""
    scene = draft(prompt, seed).scene
    scene = replace(scene, film=replace(scene.film, grain=0.0))
    plain, fine = renderers(scene)
    first, second = plain.frame(48), plain.frame(49)
    exposure = plain.exposure.at(2.0)
    means = [averaged(fine.frame(number).light) for number in (48, 49)]
    a, b = (toned(frame.light, exposure) for frame in (first, second))
    fine_a, fine_b = (toned(mean, exposure) for mean in means)
    psnr = -10 * math.log10(float((a - fine_a).square().mean()))
    motion = flow(first, second.view)
    ours = flicker(a, b, first, motion, second.depth)
    reference = flicker(fine_a, fine_b, first, motion, second.depth)
    return [prompt, psnr, ours, reference]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=len(PROMPTS), help="how many scenes")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of figures")
    options = parser.parse_args(arguments)
    with torch.inference_mode():
        rows = [measured(prompt, options.seed) for prompt in PROMPTS[: options.repeats]]
    write_figure(
        "landscapes-shimmer",
        title="One ray a pixel against sixteen",
        columns=["scene", "PSNR, dB", "flicker, of 255", "flicker of 16 rays a pixel"],
        rows=rows,
        n=len(rows),
        seeds=[options.seed],
        notes=f"{SIZE[0]}×{SIZE[1]}, tone-mapped, without lens and grain. Flicker is what differs "
        "from frame to frame along the true motion of the ground; moving water and clouds count "
        "as flicker here. Goal: 34 dB.",
        out=options.out,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
