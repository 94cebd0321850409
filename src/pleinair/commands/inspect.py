"""``pleinair doctor``: what this machine offers, and whether everything can work here."""

import platform
import sys
from pathlib import Path

import typer

import pleinair
from pleinair.backends.base import MODELS
from pleinair.backends.catalogue import CATALOGUE
from pleinair.backends.estimate import (
    clip_of,
    duration,
    fit,
    landscape_seconds,
    least_seconds,
    measure,
)
from pleinair.backends.receipts import state
from pleinair.request import VideoRequest
from pleinair.settings import Settings, processors


def doctor() -> None:
    """Say what this machine offers; the exit code is 2 when something needed is missing."""
    import av
    import torch

    from pleinair.media.encoder import FORMATS

    settings = Settings.read()
    weights = [settings.weights / entry.file for entry in MODELS.values() if entry.file]
    missing = [form.codec for form in FORMATS.values() if form.codec not in av.codecs_available]
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    rows = {
        "pleinair": f"{pleinair.__version__}, {Path(pleinair.__file__).parent}",
        "Python": f"{platform.python_version()}, {sys.platform}",
        "torch": f"{torch.__version__}, {settings.threads or torch.get_num_threads()} threads",
        "processor": f"{_bf16()} bfloat16 arithmetic",
        "GPU": gpu,
        "device": settings.device,
        "PyAV": f"{av.__version__}, FFmpeg's libavcodec {av.library_versions['libavcodec'][0]}",
        "encoders": f"missing: {', '.join(missing)}" if missing else ", ".join(FORMATS),
        "weights": "; ".join(f"{path}: {found(path)}" for path in weights),
    }
    rows["landscapes"] = _landscapes(settings)
    for name, value in rows.items():
        print(f"{name:10} {value}")
    _open_weights(settings)
    if missing or not all(path.is_file() for path in weights):
        raise typer.Exit(2)


def _landscapes(settings: Settings) -> str:
    """About what a video of the defaults takes."""
    asked = VideoRequest("a landscape")
    base, rate = MODELS[asked.model].memory or (0.0, 0.0)
    pixels = asked.width * asked.height
    seconds = landscape_seconds(pixels * asked.frames, settings.threads or processors())
    return (
        f"{asked.model}: about {duration(seconds)} and {(base + rate * pixels) / 1e9:.1f} GB for "
        f"{asked.seconds:g} s of {asked.width}x{asked.height} on the processor"
    )


def _open_weights(settings: Settings) -> None:
    """What of the catalogue this machine can run, and how long a clip takes at least."""
    import torch

    from pleinair.backends.device import device_of

    device = device_of(settings.device)
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    machine = measure(device, *((1024, 5) if device == "cpu" else (8192, 20)))
    print(
        "\nopen weights: memory that they take, and seconds that their longest clip takes at least"
    )
    for name, weights in CATALOGUE.items():
        seconds, width, height = clip_of(weights)
        least = least_seconds(weights, machine)
        steps = weights.network.steps if weights.network else 0
        print(
            f"{name:20} {state(name, settings.model_folder):13} {fit(weights, machine)}; "
            f"{seconds:.3g} s of {width}x{height} in {steps} steps: "
            + (f"{duration(least)} or more" if least else "not known")
        )
    numbers = {4: "float32", 2: "bfloat16"}
    fast = ", ".join(f"{n / 1e12:.3g} TFLOP/s {numbers[b]}" for b, n in machine.speed.items())
    print(
        f"Estimates: operations of the transformer over the fastest matrix product seen here just "
        f"now ({fast}),\nwithout loading, reading the prompt and decoding; weights in the numbers "
        "they are run in, and 6 GB to work in."
    )


def found(path: Path) -> str:
    """Size of a file in words, or that it is missing."""
    return f"{path.stat().st_size / 1e6:.1f} MB" if path.is_file() else "missing"


def _bf16() -> str:
    """Whether the processor multiplies bfloat16 itself; without it bf16 is slower than fp32."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text() if info.is_file() else ""
    fast = [name for name in ("amx_bf16", "avx512_bf16", "bf16") if f" {name}" in flags]
    return f"has {fast[0]}" if fast else "no native"
