"""How near Wan's networks here are to those of diffusers, with the same random weights.

Each is built small by diffusers, written to disk and read here, so that the layouts are measured
too. A row is the relative error in float32, the worst of all seeds: ``figures/wan-parity.json``.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pleinair.figures import Cell, write_figure

sys.path.insert(0, str(Path(__file__).parent.parent))

if TYPE_CHECKING:
    from torch import Tensor

REAL = {"num_attention_heads": 12, "attention_head_dim": 128, "ffn_dim": 8960}  # of 1.3B
SCHEDULES = ((4, 8.0), (20, 12.0), (50, 5.0))
STEP = 437  # of a thousand: the noise level at which the transformers are compared

Row = tuple[str, str, float]


def transformers(folder: Path) -> Iterator[Row]:
    """Each kind of transformer, and a block of the real size."""
    from tests.wan import tiny

    kinds: tuple[tuple[str, Callable[..., Any], dict[str, Any]], ...] = (
        ("text to video", tiny.transformer, {}),
        ("picture to video, with an image encoder", tiny.pictured, {}),
        ("picture to video, channels alone", tiny.transformer, {"in_channels": 36}),
        ("a level for each frame (2.2 5B)", tiny.transformer, {"in_channels": 48}),
        ("one block of the size of 1.3B", tiny.transformer, {**REAL, "num_layers": 1}),
    )
    for i, (name, build, sizes) in enumerate(kinds):
        theirs = build(**sizes)
        if "ffn_dim" in sizes:
            tiny.shake(theirs, 0.03)
        yield "transformer", name, _one_transformer(theirs, folder / f"{i}", "frame" in name)


def _one_transformer(theirs: Any, folder: Path, for_frames: bool) -> float:  # noqa: ANN401
    import torch

    from pleinair.wan.layouts import load_transformer
    from tests.wan import tiny

    theirs.save_pretrained(folder)
    ours, config = load_transformer(folder), theirs.config
    latents = torch.randn(1, config.in_channels, 3, 8, 8)
    context, picture = torch.zeros(1, 512, 32), None
    context[:, :9] = torch.randn(1, 9, 32)
    if config.image_dim is not None:
        picture = torch.randn(1, 5, config.image_dim)
    steps = torch.tensor([STEP])
    if for_frames:  # 16 tokens in each
        steps = torch.tensor([[0, STEP, STEP]]).repeat_interleave(16, 1)
    sigma = torch.tensor([[0.0, STEP, STEP] if for_frames else [STEP]]).double() / 1000
    with torch.no_grad():
        expected = theirs(latents, steps, context, picture, return_dict=False)[0]
        made = ours(latents, sigma, ours.read(context, None, picture))
    return tiny.apart(made, expected)


def schedulers(folder: Path) -> Iterator[Row]:
    """Both samplers over a velocity that bends."""
    import torch

    from pleinair.wan.schedulers import SAMPLERS
    from tests.wan import tiny

    mix, noise = torch.randn(4, 4) / 2, torch.randn(1, 4, 3, 4, 4)

    def velocity(latents: "Tensor", sigma: "Tensor") -> "Tensor":
        mixed = torch.einsum("dc,bcfhw->bdfhw", mix, latents).tanh()
        return mixed * (1 + sigma.float()[:, None, :, None, None])

    for steps, shift in SCHEDULES:
        for name, (sample, schedule) in SAMPLERS.items():
            if name == "unipc":
                theirs = tiny.scheduler(shift)
            else:
                theirs = tiny.diffusers.FlowMatchEulerDiscreteScheduler(shift=shift)
            theirs.set_timesteps(steps)
            expected = noise
            for t in theirs.timesteps:
                asked = velocity(expected, (t / 1000).expand(1, 3))
                expected = theirs.step(asked, t, expected, return_dict=False)[0]
            made = sample(velocity, noise, schedule(steps, shift=shift))
            yield f"scheduler {name}", f"{steps} steps, shift {shift:g}", tiny.apart(made, expected)


def autoencoders(folder: Path) -> Iterator[Row]:
    """Both autoencoders, both ways."""
    import torch

    from pleinair.wan.autoencoder_layouts import load_autoencoder
    from tests.wan import tiny

    for name, theirs in (("2.1", tiny.autoencoder()), ("2.2", tiny.autoencoder_22())):
        theirs.save_pretrained(folder / name)
        ours, video = load_autoencoder(folder / name), torch.rand(1, 3, 9, 64, 64) * 2 - 1
        config = theirs.config
        mean, std = (
            torch.tensor(values).view(1, -1, 1, 1, 1)
            for values in (config.latents_mean, config.latents_std)
        )
        with torch.no_grad():
            expected = (theirs.encode(video).latent_dist.mode() - mean) / std
            yield "autoencoder", f"{name}, encode", tiny.apart(ours.encode(video), expected)
            expected = theirs.decode(expected * std + mean, return_dict=False)[0]
            made = ours.decode(ours.encode(video))
        yield "autoencoder", f"{name}, decode", tiny.apart(made, expected)


def pipelines(folder: Path) -> Iterator[Row]:
    """Whole clips from a prompt, and from a prompt and a picture."""
    from pleinair.wan.pipeline import WanPipeline
    from tests.wan import clips, tiny

    for i, kind in enumerate(clips.KINDS):
        theirs, preset, size = clips.parts(kind)
        pictured = kind.startswith("picture")
        expected = clips.expected(theirs, size, preset.guidance, pictured)
        ours = WanPipeline.load(
            tiny.save(theirs, folder / f"{i}"), preset, speed=clips.EXACT, offload="parts"
        )
        made = clips.draw(ours, size, picture=clips.picture(size) if pictured else None)
        yield "whole clip", kind, tiny.apart(made.video[0], expected)


def layouts(folder: Path) -> Iterator[Row]:
    """From diffusers' layout to Wan's own in several files, and back: what came of the weights."""
    from safetensors.torch import load_file

    from pleinair.wan.layouts import FILE, load_transformer, save_transformer
    from tests.wan import tiny

    kinds = {"text to video": tiny.transformer(), "with a picture": tiny.pictured()}
    for name, theirs in kinds.items():
        start, own, back = (folder / f"{name}-{part}" for part in ("start", "own", "back"))
        theirs.save_pretrained(start)
        save_transformer(load_transformer(start), own, "original", shard=9_000)
        save_transformer(load_transformer(own), back, "diffusers")
        before, after = (load_file(place / f"{FILE}.safetensors") for place in (start, back))
        if before.keys() != after.keys():
            raise SystemExit(f"{name}: other names came back")
        errors = [float((value - after[key]).abs().max()) for key, value in before.items()]
        yield "layouts, there and back", name, max(errors)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="seeds of the random weights")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of figures")
    options = parser.parse_args(arguments)

    import torch

    worst: dict[tuple[str, str], float] = {}
    for seed in range(options.repeats):
        for part in (transformers, schedulers, autoencoders, pipelines, layouts):
            torch.manual_seed(seed)
            with tempfile.TemporaryDirectory() as folder:
                for name, configuration, error in part(Path(folder)):
                    key = name, configuration
                    worst[key] = max(error, worst.get(key, 0.0))
    rows: list[list[Cell]] = [[*key, error] for key, error in worst.items()]
    write_figure(
        "wan-parity",
        title="Wan's networks here against those of diffusers, with the same random weights",
        columns=["part", "configuration", "relative error"],
        rows=rows,
        n=options.repeats,
        seeds=list(range(options.repeats)),
        notes="float32 on the processor; small networks; the norm of the difference over that of "
        "what diffusers gives, the worst of all seeds; of layouts the largest difference.",
        out=options.out,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
