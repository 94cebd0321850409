"""Where the parts of a model lie while it draws: all on the GPU, or there only while they work."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn

from pleinair.dit.transformer import Transformer
from pleinair.errors import InputError

OFFLOADS = ("none", "parts", "blocks")
"""What waits outside the device: nothing, the parts that do not work, or all blocks but one."""


@contextmanager
def visiting(part: nn.Module, device: torch.device) -> Iterator[None]:
    """Within this block a part of a model is on a device; its weights at home stay as they are.

    So nothing is copied back, and an error on the way leaves everything where it was.
    """
    tables: list[Any] = [
        table for module in _modules(part) for table in (module._parameters, module._buffers)
    ]
    homes = [(table, dict(table)) for table in tables]
    moved: dict[int, Tensor] = {}  # a weight that two modules share is moved once
    try:
        for table, values in homes:
            for name, value in values.items():
                if value is not None and value.device != device:
                    if id(value) not in moved:
                        moved[id(value)] = _moved(value, device)
                    table[name] = moved[id(value)]
        yield
    finally:
        for table, values in homes:
            table.update(values)


class VisitingBlocks(nn.ModuleList):
    """Blocks of which each comes to a device for its turn only."""

    device: torch.device

    def __iter__(self) -> Iterator[nn.Module]:
        """The blocks, each on the device until the next is asked for."""
        for block in cast("list[nn.Module]", list(self._modules.values())):
            with visiting(block, self.device):
                yield block


def stream_blocks(transformer: Transformer, device: torch.device) -> None:
    """Have a transformer's blocks come to the device in turn, while all else of it visits there.

    Everything that goes through the blocks in order works as before, at the speed of the bus.
    """
    blocks = VisitingBlocks(transformer.blocks)
    blocks.device = device
    transformer.blocks = blocks


def best_offload(parts: list[int], free: int, work: int) -> str:
    """What must wait outside a GPU.

    Args:
        parts: bytes of each part.
        free: bytes that the GPU has.
        work: bytes that drawing takes besides the weights.
    """
    if sum(parts) + work <= free:
        return "none"
    return "parts" if max(parts) + work <= free else "blocks"


def check_offload(offload: str) -> None:
    """Raise InputError where there is no such choice."""
    if offload not in OFFLOADS:
        raise InputError("offload", offload, ", ".join(OFFLOADS))


def _modules(part: nn.Module) -> Iterator[nn.Module]:
    """A part and all within it but blocks that come by themselves."""
    yield part
    for child in part.children():
        if not isinstance(child, VisitingBlocks):
            yield from _modules(child)


def _moved(value: Tensor, device: torch.device) -> Tensor:
    there = value.detach().to(device, non_blocking=True)
    if isinstance(value, nn.Parameter):
        return nn.Parameter(there, requires_grad=False)
    return there
