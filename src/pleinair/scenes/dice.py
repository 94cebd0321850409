"""Choices of a seed: each by its name, so that one more choice changes no other."""

from collections.abc import Mapping
from random import Random


class Dice:
    """The choices that a seed makes.

    Args:
        seed: another seed, other choices.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def chance(self, name: str, odds: float = 0.5) -> bool:
        """Whether something happens that does so with these odds."""
        return self._number(name) < odds

    def side(self, name: str) -> int:
        """−1 or 1."""
        return 1 if self.chance(name) else -1

    def between(self, name: str, low: float, high: float) -> float:
        """A number of three digits, as a person would write it."""
        return float(f"{low + (high - low) * self._number(name):.3g}")

    def pick(self, name: str, odds: Mapping[str, float]) -> str:
        """One of some words, by their odds, which need not add up to one."""
        left = self._number(name) * sum(odds.values())
        for word, part in odds.items():
            left -= part
            if left < 0:
                return word
        return word

    def _number(self, name: str) -> float:
        return Random(f"{self._seed}/{name}").random()
