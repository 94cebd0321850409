"""How far a video is, by the share of time that each of its stages took last time."""

import time
from collections.abc import Mapping

MAKE = "make"
"""What the model calls by other names: ``denoise``, ``draw``."""

FIRST_SHARES: Mapping[str, float] = {
    "load": 1,
    MAKE: 60,
    "decode": 10,
    "deliver": 10,
    "write": 16,
    "upload": 2,
}
"""Stages in their order, and what each takes of the whole as long as nothing was measured."""


class Stages:
    """The stages of one video, from 0 to 99; it never goes back.

    Args:
        shares: seconds that each stage took of a video before.
    """

    def __init__(self, shares: Mapping[str, float] = FIRST_SHARES) -> None:
        self.progress = 0
        self.spent = dict.fromkeys(FIRST_SHARES, 0.0)
        self._shares = shares
        self._whole = sum(shares.values())
        self._stage = "load"
        self._since = time.monotonic()

    def reach(self, stage: str, done: int, total: int) -> int:
        """Say that of a stage so much is done, and get the progress of the whole."""
        stage = stage if stage in self.spent else MAKE
        self._clock(stage)
        before = 0.0
        for name in FIRST_SHARES:
            if name == stage:
                break
            before += self._shares.get(name, 0.0)
        part = self._shares.get(stage, 0.0) * min(1.0, done / total if total else 1.0)
        reached = int(99 * (before + part) / self._whole) if self._whole else 0
        self.progress = max(self.progress, min(99, reached))
        return self.progress

    def finish(self) -> dict[str, float]:
        """Seconds that each stage took, now that the last has ended."""
        self._clock(self._stage)
        return self.spent

    def _clock(self, stage: str) -> None:
        time_now = time.monotonic()
        self.spent[self._stage] += time_now - self._since
        self._stage, self._since = stage, time_now
