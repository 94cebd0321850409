"""``pleinair doctor``: what this machine offers, and whether everything can work here."""

import platform
import sys
from pathlib import Path

import typer

import pleinair
from pleinair.backends.base import MODELS
from pleinair.settings import Settings


def doctor() -> None:
    """Say what this machine offers; the exit code is 2 when something needed is missing."""
    import av
    import torch

    from pleinair.media.codec import FORMATS

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
    for name, value in rows.items():
        print(f"{name:10} {value}")
    if missing or not all(path.is_file() for path in weights):
        raise typer.Exit(2)


def found(path: Path) -> str:
    """Size of a file in words, or that it is missing."""
    return f"{path.stat().st_size / 1e6:.1f} MB" if path.is_file() else "missing"


def _bf16() -> str:
    """Whether the processor multiplies bfloat16 itself; without it bf16 is slower than fp32."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text() if info.is_file() else ""
    fast = [name for name in ("amx_bf16", "avx512_bf16", "bf16") if f" {name}" in flags]
    return f"has {fast[0]}" if fast else "no native"
