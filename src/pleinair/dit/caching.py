"""Steps that are nearly those before them: what the blocks add is kept and added again.

Each class is a `pleinair.dit.transformer.Walk` with the memory of one branch of guidance in one
window; `pleinair.dit.guiding` makes new ones for the next.
"""

from dataclasses import replace
from typing import cast

from torch import Tensor, nn

from pleinair.dit.transformer import Block, Text, in_turn, modulate


class FirstBlock:
    """Runs the first block at each step, and the others only where it does something new.

    Where what the first block adds differs from what it added at the last whole step by less than
    the threshold, what the others added then is added again: the first-block cache of ParaAttention
    (github.com/chengzeyi/ParaAttention).

    Args:
        threshold: relative change, mean over mean, under which the others are skipped.
        most: steps skipped in a row.
    """

    def __init__(self, threshold: float, most: int = 3) -> None:
        self.threshold, self.most = threshold, most
        self.skipped = 0
        self.first: Tensor | None = None
        self.others: Tensor | None = None

    def __call__(
        self, blocks: nn.ModuleList, x: Tensor, level: Tensor, turns: Tensor, text: Text
    ) -> Tensor:
        """Tokens (B, F, S, D) through the blocks."""
        h = in_turn(blocks[:1], x, level, turns, replace(text, keys=text.keys[:1]))
        first = h - x
        if self.others is not None and self._is_alike(first):
            self.skipped += 1
            return h + self.others
        out = in_turn(blocks[1:], h, level, turns, replace(text, keys=text.keys[1:]))
        self.first, self.others, self.skipped = first, out - h, 0
        return out

    def _is_alike(self, first: Tensor) -> bool:
        if self.first is None or self.skipped >= self.most:
            return False
        return change(first, self.first) < self.threshold


class TeaCache:
    """Skips all blocks until what enters them has changed enough since the last whole step.

    What enters is watched after the first block's norm and modulation, and its changes from step
    to step are added up: Liu et al., Timestep Embedding Tells, arXiv 2411.19108. The polynomial
    that they fit to each model is left out here: changes count as they are.

    Args:
        threshold: sum of relative changes under which all blocks are skipped.
        most: steps skipped in a row.
    """

    def __init__(self, threshold: float, most: int = 3) -> None:
        self.threshold, self.most = threshold, most
        self.skipped, self.changed = 0, 0.0
        self.entered: Tensor | None = None
        self.added: Tensor | None = None

    def __call__(
        self, blocks: nn.ModuleList, x: Tensor, level: Tensor, turns: Tensor, text: Text
    ) -> Tensor:
        """Tokens (B, F, S, D) through the blocks."""
        first = cast("Block", blocks[0])
        shift, scale = (first.modulation[:, None, :2] + level[:, :, :2]).unsqueeze(3).unbind(2)
        enters = modulate(first.norm1, x, shift, scale)
        if self.entered is not None:
            self.changed += change(enters, self.entered)
        self.entered = enters
        fresh = self.changed < self.threshold and self.skipped < self.most
        if self.added is not None and fresh:
            self.skipped += 1
            return x + self.added
        out = in_turn(blocks, x, level, turns, text)
        self.added, self.skipped, self.changed = out - x, 0, 0.0
        return out


CACHES = {"first-block": FirstBlock, "teacache": TeaCache}


def change(now: Tensor, before: Tensor) -> float:
    """How much a tensor changed, its mean distance over its mean size."""
    return float((now - before).abs().mean() / before.abs().mean().clamp_min(1e-12))
