"""What a machine can run, and how long at least a clip takes: estimates, nothing is loaded."""

import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from pleinair.backends.weights import Weights
from pleinair.errors import MemoryFullError

WORK = 6.0
"""GB that drawing takes besides the weights; as much as `pleinair.backends.wan` keeps free."""

SCENE, PIXELS = 2.5, 0.75e6
"""Seconds that the scene of a landscape takes, and pixels that a core then draws and encodes in
one: 1280x720, a lake with clouds, by bench/landscapes.py."""


@dataclass(frozen=True)
class Machine:
    """Memory in GB (1e9 bytes), and products a second.

    Attributes:
        ram: of the machine, or of the container if that has less.
        vram: free on the GPU; None without one.
        half: whether the device multiplies bfloat16 itself, in which Wan then is run.
        speed: floating-point operations a second of a large matrix product, by bytes of a number:
            4 for float32, 2 for bfloat16.
    """

    ram: float
    vram: float | None = None
    half: bool = True
    speed: dict[int, float] = field(default_factory=dict)

    def bytes_of(self, weights: Weights) -> int:
        """Bytes in which a number of these weights is held and multiplied here."""
        if self.vram is not None:
            return 2
        return 2 if weights.native and self.half else 4

    def holds(self, weights: Weights) -> bool:
        """Whether there is room to read them; what is not known is let through."""
        if weights.network is None:
            return True
        whole = self.bytes_of(weights) * sum(weights.network.parts)
        # Wan's are read right into the GPU's memory where all of them find room there.
        direct = weights.native and self.vram is not None and whole + WORK <= self.vram
        return direct or whole <= self.ram


def check_room(weights: Weights, machine: Machine) -> None:
    """Raise MemoryFullError for weights that the machine's memory could never hold.

    Without this the system would end the whole process in the middle of loading them.
    """
    if not machine.holds(weights):
        raise MemoryFullError(
            f"the weights of {weights.id} cannot be held here: {fit(weights, machine)}; "
            "`pleinair doctor` says which can"
        )


def fit(weights: Weights, machine: Machine) -> str:
    """How a model's weights find room, beginning with ``fits`` or ``does not fit``.

    Weights of eight bits change nothing here: they are read in full before they are made so.
    """
    network = weights.network
    if network is None:
        return "not known"
    bytes_each = machine.bytes_of(weights)
    whole, largest = (round(bytes_each * n, 1) for n in (sum(network.parts), max(network.parts)))
    if machine.vram is None:
        return _told(whole + WORK, machine.ram, "RAM", "")
    if not machine.holds(weights):
        return _told(whole, machine.ram, "RAM", "")
    if whole + WORK <= machine.vram:
        return _told(whole + WORK, machine.vram, "VRAM", "")
    if largest + WORK <= machine.vram:
        return _told(largest + WORK, machine.vram, "VRAM", ", a part at a time")
    piece = "block" if weights.native else "layer"
    return _told(WORK, machine.vram, "VRAM", f", a {piece} at a time")


def _told(needed: float, there: float, kind: str, how: str) -> str:
    verdict = "fits" if needed <= there else "does not fit"
    return f"{verdict}{how}: {needed:.0f} of {there:.0f} GB {kind}"


def operations(weights: Weights, seconds: float, width: int, height: int) -> float:
    """Floating-point operations that drawing a clip takes; without reading and decoding.

    For n tokens a step costs 2·n for each weight, and 4·n²·width in each layer for attention.
    """
    network = weights.network
    if network is None:
        return 0.0
    latents = (weights.frames(seconds) - 1) // network.temporal + 1
    tokens = latents * (width // network.token) * (height // network.token)
    step = 2 * network.drawing * 1e9 * tokens + 4 * network.layers * network.width * tokens**2
    return network.steps * network.evaluations * step


def clip_of(weights: Weights) -> tuple[float, int, int]:
    """The clip that is estimated: (seconds, width, height), the longest at the smallest size."""
    return (weights.longest, *min(weights.sizes, key=lambda size: size[0] * size[1]))


def least_seconds(weights: Weights, machine: Machine) -> float | None:
    """Seconds that drawing `clip_of` takes if every product is as fast as the one measured."""
    speed = machine.speed.get(machine.bytes_of(weights))
    if weights.network is None or not speed:
        return None
    return operations(weights, *clip_of(weights)) / speed


def landscape_seconds(pixels: float, cores: int) -> float:
    """About how many seconds a landscape of so many pixels in all frames takes."""
    return SCENE + pixels / (PIXELS * cores)


def duration(seconds: float) -> str:
    """A length of time in words, to two figures."""
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{float(f'{seconds / size:.2g}'):g} {unit}"
    return f"{float(f'{seconds:.2g}'):g} s"


def machine_of(device: str) -> Machine:
    """This machine's memory and numbers; nothing is measured. ``device`` as in `measure`."""
    import torch

    from pleinair.dit.speed import natural_dtype

    vram = torch.cuda.mem_get_info(device)[0] / 1e9 if device != "cpu" else None
    return Machine(_ram() / 1e9, vram, natural_dtype(device) == torch.bfloat16)


def measure(device: str, side: int, repeats: int) -> Machine:
    """This machine, with the best of some products of square matrices.

    Args:
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        side: of the matrices.
        repeats: products for each format of numbers.
    """
    import torch

    machine, gpu, speed = machine_of(device), device != "cpu", {}
    for bytes_each, dtype in ((4, torch.float32), (2, torch.bfloat16)):
        if (bytes_each == 4 and gpu) or (bytes_each == 2 and not machine.half):
            continue  # nothing is run in these numbers here
        matrix = torch.ones(side, side, device=device, dtype=dtype)
        best = float("inf")
        for _ in range(1 + repeats):  # the first one makes ready
            started = time.perf_counter()
            matrix @ matrix
            if gpu:
                torch.cuda.synchronize(device)
            best = min(best, time.perf_counter() - started)
        speed[bytes_each] = 2 * side**3 / best
    return replace(machine, speed=speed)


def _ram() -> int:
    """Bytes of the machine's memory, or of the container's if that is less."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    told = limit.read_text().strip() if limit.is_file() else ""
    return min(there, int(told)) if told.isdecimal() else there
