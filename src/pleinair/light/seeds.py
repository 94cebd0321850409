"""Random numbers that depend on the scene's seed and a name, and on nothing else."""

import hashlib

import torch


def generator(seed: int, *names: str | int) -> torch.Generator:
    """A generator on the CPU for one purpose: the same numbers in every process, on every device.

    Args:
        seed: of the scene.
        names: what the numbers are for, such as ``"stars"``; another name, other numbers.
    """
    text = "/".join(str(part) for part in (seed, *names))
    digest = hashlib.sha256(text.encode()).digest()
    made = torch.Generator()
    made.manual_seed(int.from_bytes(digest[:7], "big"))
    return made
