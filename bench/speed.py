"""What each step of ``docs/speed.md`` gains and costs, against diffusers in the same run.

Wan's layout is drawn with random weights, the same tensors for both, in the size of its 1.3B model
and in that of the embedded one; the embedded model itself with its own. The reference is float32,
eager. Figures: ``bench-speed``, ``bench-speed-small`` and ``bench-speed-embedded``.
"""

import argparse
import gc
import itertools
import math
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from pleinair.figures import Cell, write_figure

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.peers import sdcpp

if TYPE_CHECKING:
    from torch import Tensor

    from pleinair.diffusion.model.pipeline import Pipeline
    from pleinair.dit.transformer import Transformer, TransformerConfig

SEED = 7
SCALE = 5.0
PLACES = 512  # of a text, as Wan pads it
SMALL_PLACES = 64  # as the embedded model pads its own
WORDS = 24
SIZE = (16, 5, 32, 32)  # latents of 17×256×256: channels, frames, rows, columns
SMALL = (32, 5, 5, 9)  # of the embedded model: 17×80×144
PROMPTS = (
    "two red hot-air balloons drift right over a snow field at dawn, the camera pans left",
    "a white sailing boat on a calm sea at sunset, in watercolour",
    "une barque rouge sur un lac, la nuit",
)


@dataclass(frozen=True)
class Drawn:
    """A clip: what came of each step, and the seconds that it took."""

    latents: "list[Tensor]"
    seconds: list[float]


def wan_config() -> "TransformerConfig":
    """Wan 2.1 1.3B."""
    from pleinair.dit.transformer import TransformerConfig

    sizes: dict[str, Any] = {"dim": 1536, "layers": 30, "heads": 12, "hidden": 8960, "text": 4096}
    return TransformerConfig(channels=16, patch=(1, 2, 2), pooled_text=False, **sizes)


def small_config() -> "TransformerConfig":
    """Wan's layout in the size of the embedded model."""
    sizes: dict[str, Any] = {"dim": 320, "layers": 8, "heads": 5, "hidden": 1280, "text": 256}
    return replace(wan_config(), channels=32, patch=(1, 1, 1), **sizes)


def ours(config: "TransformerConfig") -> "Transformer":
    """Our transformer with random weights."""
    import torch

    from pleinair.dit.transformer import Transformer

    torch.manual_seed(SEED)
    network = Transformer(config).eval().requires_grad_(False)
    torch.nn.init.normal_(network.head.head.weight, std=0.02)
    return network


def theirs(config: "TransformerConfig", weights: "dict[str, Tensor]") -> Any:  # noqa: ANN401
    """The transformer of diffusers, on the same tensors and not a copy."""
    import diffusers
    import torch

    made: Any = diffusers.WanTransformer3DModel
    with torch.device("meta"):
        network = made(
            patch_size=config.patch,
            num_attention_heads=config.heads,
            attention_head_dim=config.dim // config.heads,
            in_channels=config.channels,
            out_channels=config.channels,
            text_dim=config.text,
            freq_dim=config.frequencies,
            ffn_dim=config.hidden,
            num_layers=config.layers,
            eps=config.eps,
        )
    rope = type(network.rope)(config.dim // config.heads, config.patch, 1024)
    network.rope = rope  # its tables are no weights
    network.load_state_dict({renamed(k): v for k, v in weights.items()}, assign=True)
    return network.eval()


def renamed(name: str) -> str:
    """The name in diffusers of a weight of Wan."""
    for old, new in {
        "self_attn.": "attn1.",
        "cross_attn.": "attn2.",
        ".q.": ".to_q.",
        ".k.": ".to_k.",
        ".v.": ".to_v.",
        ".o.": ".to_out.0.",
        ".norm3.": ".norm2.",
        "ffn.0.": "ffn.net.0.proj.",
        "ffn.2.": "ffn.net.2.",
        "text_embedding.0.": "condition_embedder.text_embedder.linear_1.",
        "text_embedding.2.": "condition_embedder.text_embedder.linear_2.",
        "time_embedding.0.": "condition_embedder.time_embedder.linear_1.",
        "time_embedding.2.": "condition_embedder.time_embedder.linear_2.",
        "time_projection.1.": "condition_embedder.time_proj.",
        "head.head.": "proj_out.",
        "head.modulation": "scale_shift_table",
        "modulation": "scale_shift_table",
    }.items():
        name = name.replace(old, new)
    return name


def given(
    config: "TransformerConfig", size: tuple[int, ...], places: int
) -> "tuple[Tensor, Tensor]":
    """Noise (1, C, F, h, w) and two texts (2, places, text) that zeros fill up, as Wan's do."""
    import torch

    torch.manual_seed(SEED + 1)
    texts = torch.zeros(2, places, config.text)
    texts[0, :WORDS] = torch.randn(WORDS, config.text) * 0.2
    texts[1, : WORDS // 2] = torch.randn(WORDS // 2, config.text) * 0.2
    return torch.randn(1, *size), texts


def draw(velocity: "Callable[[Tensor, Tensor], Tensor]", noise: "Tensor", steps: int) -> Drawn:
    """Euler steps over noise, each one timed; the schedule has as many whatever is drawn of it."""
    import torch

    from pleinair.dit.sampler import schedule

    levels, drawn = schedule(steps, shift=1.0).tolist(), Drawn([], [])
    latents = noise
    with torch.no_grad():
        for a, b in itertools.pairwise(levels):
            start = time.perf_counter()
            latents = latents + (b - a) * velocity(latents, torch.full((1, noise.shape[2]), a))
            drawn.seconds.append(time.perf_counter() - start)
            drawn.latents.append(latents)
    return drawn


def by_diffusers(network: Any, texts: "Tensor") -> "Callable[[Tensor, Tensor], Tensor]":  # noqa: ANN401
    """Guidance as the pipeline of diffusers takes it: one way after the other."""
    dtype = network.patch_embedding.weight.dtype

    def velocity(latents: "Tensor", sigma: "Tensor") -> "Tensor":
        time = sigma[:, 0] * 1000
        ways = [
            network(latents.to(dtype), time, text[None].to(dtype), return_dict=False)[0].float()
            for text in texts
        ]
        guided: Tensor = ways[1] + SCALE * (ways[0] - ways[1])
        return guided

    return velocity


def by_ours(network: "Transformer", texts: "Tensor", speed: Any) -> Any:  # noqa: ANN401
    """Guidance as our pipeline takes it, with what the speed leaves out."""
    import torch

    from pleinair.dit.guiding import Guided
    from pleinair.dit.speed import fold

    with torch.no_grad():
        return Guided(network, network.read(*fold(texts)), speed.guide(SCALE))


def bench_wan(
    config: "TransformerConfig",
    size: tuple[int, ...],
    steps: int,
    out: Path,
    *,
    figure: str = "bench-speed",
    title: str = "Wan 2.1 1.3B's layout",
    places: int = PLACES,
    compiled: bool = True,
    peer: bool = False,
) -> None:
    """Write the figure of that name; ``peer`` asks for stable-diffusion.cpp too."""
    import torch

    from pleinair.dit.speed import PRESETS, hasten

    noise, texts = given(config, size, places)
    rows: list[list[Cell]] = []
    network = ours(config)
    weights = network.state_dict()
    known: dict[str, Drawn] = {}

    def row(variant: str, velocity: Any, count: int = steps, *, warm: bool = False) -> None:  # noqa: ANN401
        if warm:
            draw(velocity, noise, 1)
        drawn = draw(velocity, noise, count) if count == steps else _first(velocity, noise, steps)
        first = known.setdefault("reference", drawn)
        last = len(drawn.latents) - 1
        per, whole = median(drawn.seconds), sum(drawn.seconds) / len(drawn.seconds)
        base = sum(first.seconds) / steps
        quality = decibels(drawn.latents[last], first.latents[last])
        rows.append([variant, per, whole, f"{base / whole:.2f}×", quality, _peak()])
        print(rows[-1], file=sys.stderr, flush=True)

    plain = theirs(config, weights)
    row("diffusers, fp32, eager", by_diffusers(plain, texts))
    del plain
    exact = replace(PRESETS["exact"], dtype="float32")
    row("ours, exact, fp32, first step", by_ours(hasten(network, exact), texts, exact), 1)
    weights = dict(weights.items())
    del network
    gc.collect()
    half = {name: value.bfloat16() for name, value in weights.items()}
    other = theirs(config, half)
    for name, part in other.named_parameters():
        if any(word in name for word in other._keep_in_fp32_modules):
            part.data = part.data.float()
    row("diffusers, bf16, eager", by_diffusers(other, texts), warm=True)
    if compiled:
        other.compile_repeated_blocks()
        row("diffusers, bf16, compiled", by_diffusers(other, texts), warm=True)
    del other, half
    if peer and sdcpp.is_there():
        print("stable-diffusion.cpp", file=sys.stderr)
        seconds = sdcpp.step_seconds(weights, size, steps, SCALE)
        gc.collect()
        per, whole = median(seconds), sum(seconds) / len(seconds)
        speed_of_it = f"{sum(known['reference'].seconds) / steps / whole:.2f}×"
        rows.append(["stable-diffusion.cpp, fp16", per, whole, speed_of_it, None, _peak()])
    torch.compiler.reset()
    gc.collect()
    short = replace(PRESETS["exact"], dtype="bfloat16")
    if compiled:
        fast = replace(short, compile="on")
        row(
            "ours, exact, bf16, compiled",
            by_ours(hasten(_filled(config, weights), fast), texts, fast),
            warm=True,
        )
        torch.compiler.reset()
        gc.collect()
    network = _filled(config, weights)
    del weights
    hasten(network, short)
    gc.collect()
    for preset in PRESETS:
        speed = replace(PRESETS[preset], dtype="bfloat16")
        row(f"ours, {preset}, bf16", by_ours(network, texts, speed), warm=preset == "exact")
    _channels, frames, h, w = size
    write_figure(
        figure,
        title=f"{title}, latents {frames}×{h}×{w}, guidance {SCALE:g}",
        columns=[
            "variant",
            "s a step, median",
            "s a step, mean",
            "speed against fp32 diffusers",
            "PSNR of latents to it, dB",
            "peak memory so far, MB",
        ],
        rows=rows,
        n=steps,
        seeds=[SEED],
        notes="Random weights, the same tensors for all. Few steps leave little to skip. "
        f"{config.layers} blocks; two texts of {WORDS} and {WORDS // 2} of {places} places. "
        "Speed by the mean, as some steps are skipped. After a warm-up, which compiles.",
        out=out,
    )


def _first(velocity: Any, noise: "Tensor", steps: int) -> Drawn:  # noqa: ANN401
    """The first step of that many alone."""
    import torch

    from pleinair.dit.sampler import schedule

    a, b = schedule(steps, shift=1.0).tolist()[:2]
    start = time.perf_counter()
    with torch.no_grad():
        latents = noise + (b - a) * velocity(noise, torch.full((1, noise.shape[2]), a))
    return Drawn([latents], [time.perf_counter() - start])


def _filled(config: "TransformerConfig", weights: "dict[str, Tensor]") -> "Transformer":
    import torch

    from pleinair.dit.transformer import Transformer

    with torch.device("meta"):
        network = Transformer(config)
    network.load_state_dict(weights, assign=True)
    return network.eval().requires_grad_(False)


def variants() -> "dict[str, Pipeline]":
    """The embedded model in each way, the first of which is the reference."""
    from pleinair.backends.base import MODELS
    from pleinair.diffusion.model.pipeline import Pipeline
    from pleinair.dit.speed import PRESETS, Speed
    from pleinair.settings import Settings

    weights = Settings.read({}).weights / MODELS["pleinair-1"].file
    exact = PRESETS["exact"]
    speeds: dict[str, Speed] = {
        "fp32, eager, nothing fused": replace(exact, fuse=False, dtype="float32"),
        "exact, fp32": replace(exact, dtype="float32"),
        "exact": exact,
        "exact, guidance one after the other": replace(exact, guidance="sequential"),
        "guidance above noise level 0.5": replace(exact, guided=0.5),
        "guidance every 2nd step below 0.7": replace(exact, every=2, calm=0.7),
        "first-block cache 0.25 below 0.7": replace(
            exact, cache="first-block", threshold=0.25, calm=0.7
        ),
        "first-block cache 0.25 anywhere": replace(exact, cache="first-block", threshold=0.25),
        "TeaCache 0.2 below 0.7": replace(exact, cache="teacache", threshold=0.2, calm=0.7),
        "balanced": PRESETS["balanced"],
        "fast": PRESETS["fast"],
    }
    return {name: Pipeline.load(weights, speed=speed) for name, speed in speeds.items()}


def bench_embedded(repeats: int, steps: int, out: Path, size: tuple[int, int] = (144, 80)) -> None:
    """Write ``bench-speed-embedded.json``."""
    from pleinair.backends.embedded import GUIDANCE

    made: dict[str, list[Tensor]] = {}
    times: dict[str, list[float]] = {}
    decode: list[float] = []
    ways = variants()
    for turn in range(repeats + 1):  # the first one warms up
        for name, pipeline in ways.items():
            for i, prompt in enumerate(PROMPTS if turn else PROMPTS[:1]):
                asked: dict[str, Any] = {"width": size[0], "height": size[1], "seed": SEED + i}
                clips = pipeline.generate(prompt, steps=steps, guidance=GUIDANCE, **asked)
                if turn:
                    times.setdefault(name, []).append(clips.timings["denoise"] / steps)
                    decode.append(clips.timings["decode"])
                if turn == 1:
                    made.setdefault(name, []).append(clips.video)
    names = list(ways)
    base = median(times[names[0]])
    rows: list[list[Cell]] = []
    for name in names:
        pairs = list(zip(made[name], made[names[0]], strict=True))
        near = [decibels(a, b, peak=2.0) for a, b in pairs]
        alike = [similarity(a, b) for a, b in pairs]
        per = median(times[name])
        worst = None if None in near else min(n for n in near if n is not None)
        rows.append([name, per, f"{base / per:.2f}×", worst, min(alike)])
    write_figure(
        "bench-speed-embedded",
        title=f"The embedded model, 2 s at {size[0]}×{size[1]}, {steps} steps",
        columns=["variant", "s a step", "speed", "PSNR, dB, least", "SSIM, least"],
        rows=rows,
        n=repeats * len(PROMPTS),
        seeds=[SEED + i for i in range(len(PROMPTS))],
        notes="Real weights and prompts; decoded frames against the first row, the least near of "
        f"{len(PROMPTS)} clips. Decoding a clip takes {median(decode):.2f} s more. Medians.",
        out=out,
    )


def decibels(made: "Tensor", truth: "Tensor", peak: float | None = None) -> float | None:
    """Peak signal to noise ratio; the peak is the range of the truth if not given; None: equal."""
    error = float((made - truth).double().square().mean())
    peak = peak or float(truth.max() - truth.min())
    return None if error == 0 else 10 * math.log10(peak**2 / error)


def similarity(made: "Tensor", truth: "Tensor") -> float:
    """Mean SSIM of videos (1, 3, T, H, W) in [-1, 1], over windows of 7×7.

    Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity, 2004.
    """
    import torch.nn.functional as F

    a, b = (video[0].transpose(0, 1).double() / 2 + 0.5 for video in (made, truth))

    def mean(x: "Tensor") -> "Tensor":
        return F.avg_pool2d(x, 7, 1)

    ma, mb = mean(a), mean(b)
    va, vb, both = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    c1, c2 = 0.01**2, 0.03**2
    top, bottom = (2 * ma * mb + c1) * (2 * both + c2), (ma**2 + mb**2 + c1) * (va + vb + c2)
    return float((top / bottom).mean())


def _peak() -> int:
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="rounds of the embedded model")
    parser.add_argument("--steps", type=int, default=4, help="steps of Wan's layout")
    parser.add_argument("--layers", type=int, default=30, help="its blocks")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of figures")
    parser.add_argument("--only", choices=("wan", "embedded"), help="one half of the bench")
    options = parser.parse_args(arguments)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the backend sets it, before torch
    if options.only != "wan":
        bench_embedded(options.repeats, 12, options.out)
        bench_wan(
            small_config(),
            SMALL,
            12,
            options.out,
            figure="bench-speed-small",
            title="Wan's layout in the size of the embedded model",
            places=SMALL_PLACES,
        )
    if options.only != "embedded":
        config = replace(wan_config(), layers=options.layers)
        bench_wan(config, SIZE, options.steps, options.out, peer=options.layers == 30)
    return 0


if __name__ == "__main__":
    sys.exit(main())
