"""Settings of the machine, from environment variables that begin with ``PLEINAIR_``."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pleinair.errors import InputError

SHIPPED_WEIGHTS = Path(__file__).parent / "weights"
_KNOWN = ("PLEINAIR_DEVICE", "PLEINAIR_THREADS", "PLEINAIR_WEIGHTS")


@dataclass(frozen=True)
class Settings:
    """Where and with what models run.

    Attributes:
        weights: folder that holds the weights (``PLEINAIR_WEIGHTS``).
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N`` (``PLEINAIR_DEVICE``); auto takes a GPU
            if there is one.
        threads: processor threads, or None for torch's own choice (``PLEINAIR_THREADS``).

    Raises:
        InputError: a value is not allowed.
    """

    weights: Path = SHIPPED_WEIGHTS
    device: str = "auto"
    threads: int | None = None

    def __post_init__(self) -> None:
        """Check the values, wherever they came from."""
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", self.device):
            raise InputError("device", self.device, "auto, cpu, cuda or cuda:N")
        if self.threads is not None and not 1 <= self.threads <= 1024:
            raise InputError("threads", self.threads, "whole numbers from 1 to 1024")

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Read the environment; a ``PLEINAIR_`` variable that nobody reads is refused as a typo."""
        environment = os.environ if environment is None else environment
        found = {name: value for name, value in environment.items() if name.startswith("PLEINAIR_")}
        for name in found:
            if name not in _KNOWN:
                raise InputError("environment", name, ", ".join(_KNOWN))
        threads = found.get("PLEINAIR_THREADS")
        if threads is not None and not threads.isdecimal():
            raise InputError("PLEINAIR_THREADS", threads, "whole numbers from 1 to 1024")
        return cls(
            weights=Path(found.get("PLEINAIR_WEIGHTS", SHIPPED_WEIGHTS)),
            device=found.get("PLEINAIR_DEVICE", "auto"),
            threads=int(threads) if threads else None,
        )
