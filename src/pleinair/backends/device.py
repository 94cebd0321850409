"""Where a model runs, and what happens when there is no room for what it was asked for."""

from collections.abc import Callable

import torch

from pleinair.backends.base import Generation, memory_full
from pleinair.errors import InputError
from pleinair.request import VideoRequest

# How torch and its oneDNN say that memory is full in errors that have no class of their own.
_FULL = (
    "not enough memory",
    "can't allocate memory",
    "bad_alloc",
    "out of memory",
    "could not create a primitive",
)


def device_of(name: str) -> str:
    """The device of that name in the settings; raises InputError when there is none."""
    gpu = torch.cuda.is_available()
    if name == "auto":
        return "cuda" if gpu else "cpu"
    if name.startswith("cuda") and not gpu:
        raise InputError("device", name, "cpu: torch finds no GPU on this machine")
    return name


def within_memory(
    request: VideoRequest, device: str, generate: Callable[[], Generation]
) -> Generation:
    """What ``generate`` makes; a full memory is told as such and leaves the model usable.

    Raises:
        MemoryFullError: there is not enough memory.
    """
    try:
        return generate()
    except (MemoryError, RuntimeError) as error:
        reason = str(error)
        full = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not full and not any(words in reason for words in _FULL):
            raise
    # Out here the error is gone, and with it all that it held on to.
    if device != "cpu":
        torch.cuda.empty_cache()
    raise memory_full(request, reason)
