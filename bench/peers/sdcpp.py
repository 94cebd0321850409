"""Wan's layout in stable-diffusion.cpp, for a row of ``bench/speed.py``: needs its Python package.

It draws from files of whole models alone. So our random weights are written as Wan's own file, an
autoencoder beside them, and UMT5-XXL with random weights of four bits, of which nothing is timed.
"""

import importlib
import importlib.util
import itertools
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    import numpy as np
    from torch import Tensor

PACKAGES = ("stable_diffusion_cpp", "gguf")
T5 = {"vocabulary": 256_384, "dim": 4096, "hidden": 10_240, "heads": 64, "layers": 24}


def is_there() -> bool:
    """Whether what it needs is installed."""
    return all(importlib.util.find_spec(name) for name in PACKAGES)


def step_seconds(
    weights: "Mapping[str, Tensor]", size: tuple[int, ...], steps: int, scale: float
) -> list[float]:
    """Seconds that each guided step takes, without the first one.

    Args:
        weights: of the transformer, in Wan's own layout; they are taken in float16.
        size: of the latents: channels, frames, rows, columns.
        steps: how many are measured.
        scale: of guidance.
    """
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        files = write_files(weights, Path(folder))
        here, there = spawn.Pipe(duplex=False)
        child = spawn.Process(target=_draw, args=(there, files, size, steps + 1, scale))
        child.start()
        there.close()
        try:
            times = [here.recv() for _ in range(steps + 1)]
        finally:
            child.kill()  # decoding would take minutes more
            child.join()
    return [after - before for before, after in itertools.pairwise(times)]


def _draw(
    told: "Connection",
    files: dict[str, str],
    size: tuple[int, ...],
    steps: int,
    scale: float,
) -> None:
    """Draw in a process of its own, and tell the time after each step."""
    package: Any = importlib.import_module(PACKAGES[0])
    _channels, frames, rows, columns = size
    model = package.StableDiffusion(**files, n_threads=os.cpu_count())
    model.generate_video(
        prompt="a lake",
        negative_prompt="dull",
        width=8 * columns,
        height=8 * rows,
        video_frames=1 + 4 * (frames - 1),
        sample_method="euler",
        sample_steps=steps,
        cfg_scale=scale,
        seed=7,
        progress_callback=lambda done, total, seconds: told.send(time.perf_counter()),
    )


def write_files(weights: "Mapping[str, Tensor]", folder: Path) -> dict[str, str]:
    """Files of a whole model around this transformer, by the names of the arguments that take them.

    Args:
        weights: of the transformer.
        folder: 7 GB are written into it.
    """
    import torch
    from safetensors.torch import save_file

    from pleinair.wan.autoencoder import WAN21, WanAutoencoder

    half = {name: value.half().contiguous() for name, value in weights.items()}
    save_file(half, folder / "wan.safetensors")
    vae = WanAutoencoder(WAN21)
    save_file(
        {name: value.contiguous() for name, value in vae.state_dict().items()},
        folder / "vae.safetensors",
    )
    del half, vae
    torch.manual_seed(0)
    _write_text_encoder(folder / "umt5.gguf")
    return {
        "diffusion_model_path": str(folder / "wan.safetensors"),
        "vae_path": str(folder / "vae.safetensors"),
        "t5xxl_path": str(folder / "umt5.gguf"),
    }


def _write_text_encoder(path: Path) -> None:
    import numpy as np

    gguf: Any = importlib.import_module(PACKAGES[1])

    writer = gguf.GGUFWriter(path, "t5encoder")
    for name, shape in _text_shapes():
        if len(shape) == 1 or "relative" in name:
            writer.add_tensor(name, np.full(shape, 0.1, np.float32))
        else:
            kind = gguf.GGMLQuantizationType.Q4_0
            writer.add_tensor(name, _quarter(shape), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _text_shapes() -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of the weights of UMT5-XXL's encoder."""
    dim, hidden = T5["dim"], T5["hidden"]
    yield "shared.weight", (T5["vocabulary"], dim)
    for i in range(T5["layers"]):
        block = f"encoder.block.{i}.layer"
        for part in "qkvo":
            yield f"{block}.0.SelfAttention.{part}.weight", (dim, dim)
        yield f"{block}.0.SelfAttention.relative_attention_bias.weight", (32, T5["heads"])
        yield f"{block}.0.layer_norm.weight", (dim,)
        yield f"{block}.1.DenseReluDense.wi_0.weight", (hidden, dim)
        yield f"{block}.1.DenseReluDense.wi_1.weight", (hidden, dim)
        yield f"{block}.1.DenseReluDense.wo.weight", (dim, hidden)
        yield f"{block}.1.layer_norm.weight", (dim,)
    yield "encoder.final_layer_norm.weight", (dim,)


def _quarter(shape: tuple[int, ...]) -> "np.ndarray[Any, Any]":
    """Random weights of four bits: for each 32 of them a scale in float16 and 16 bytes."""
    import numpy as np

    rows, columns = shape
    blocks = np.random.default_rng(0).integers(0, 256, (rows, columns // 32, 18), np.uint8)
    blocks[..., :2] = np.frombuffer(np.float16(0.004).tobytes(), np.uint8)
    return blocks.reshape(rows, -1)
