"""Where a model runs, and what happens when there is no room for what it was asked for."""

from collections.abc import Callable
from typing import TypeVar

import torch

from pleinair.backends.base import Backend, memory_full
from pleinair.errors import InputError, MemoryFullError
from pleinair.request import VideoRequest

T = TypeVar("T")
_ALL = torch.get_num_threads()  # as long as nobody has set them

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


def use_threads(count: int | None) -> None:
    """Work with so many threads, or all; landscapes that were drawn here before took one each."""
    torch.set_num_threads(count or _ALL)


def within_memory(request: VideoRequest, device: str, work: Callable[[], T]) -> T:
    """What ``work`` makes; a full memory is told as such and leaves the model usable.

    Raises:
        MemoryFullError: there is not enough memory.
    """
    return _within(device, work, lambda reason: memory_full(request, reason))


def load_within_memory(model: str, device: str, load: Callable[[], Backend]) -> Backend:
    """What ``load`` makes; weights that memory cannot hold are told as such, and let go.

    Raises:
        MemoryFullError: there is not enough memory.
    """

    def full(reason: str) -> MemoryFullError:
        return MemoryFullError(
            f"there is not enough memory for the weights of {model}; "
            "`pleinair doctor` says what it takes"
        )

    return _within(device, load, full)


def _within(device: str, work: Callable[[], T], full: Callable[[str], MemoryFullError]) -> T:
    try:
        return work()
    except (MemoryError, RuntimeError) as error:
        reason = str(error)
        told = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not told and not any(words in reason for words in _FULL):
            raise
    # Out here the error is gone, and with it all that it held on to.
    if device != "cpu":
        torch.cuda.empty_cache()
    raise full(reason)
