"""Fields of a scene's parts: each carries its range and unit, and every part checks itself by them."""

import math
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any

from pleinair.errors import InputError

MOST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Range:
    """What a number may be.

    Attributes:
        low, high: both allowed.
        whole: whether only whole numbers are.
        unit: what it is counted in, as in "m" or "°".
        why: what the number does, for the reference in the docs.
    """

    low: float
    high: float
    whole: bool = False
    unit: str = ""
    why: str = ""

    def check(self, name: str, value: object) -> None:
        """Raise InputError unless ``value`` is a number of this range."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        whole = isinstance(value, int)
        if number and (whole or not self.whole) and math.isfinite(value):  # type: ignore[arg-type]
            if self.low <= value <= self.high:  # type: ignore[operator]
                return
        kind = "whole numbers" if self.whole else "numbers"
        unit = f" {self.unit}" if self.unit else ""
        raise InputError(name, value, f"{kind} from {self.low:g} to {self.high:g}{unit}")


@dataclass(frozen=True)
class Choice:
    """One of some words."""

    words: tuple[str, ...]
    why: str = ""

    def check(self, name: str, value: object) -> None:
        """Raise InputError unless ``value`` is one of the words."""
        if value not in self.words or not isinstance(value, str):
            raise InputError(name, value, ", ".join(self.words))


@dataclass(frozen=True)
class Parts:
    """Up to ``most`` parts of one class."""

    part: type["Part"]
    most: int
    why: str = ""

    def check(self, name: str, value: object) -> None:
        """Raise InputError unless ``value`` is a tuple of such parts."""
        kind = isinstance(value, tuple) and all(isinstance(item, self.part) for item in value)
        if not kind or len(value) > self.most:  # type: ignore[arg-type]
            raise InputError(name, value, f"up to {self.most} of {self.part.__name__}")


def number(default: float, low: float, high: float, unit: str = "", why: str = "") -> Any:
    """A field that is a number from ``low`` to ``high``."""
    return field(default=default, metadata={"rule": Range(low, high, unit=unit, why=why)})


def whole(default: int, low: int, high: int, unit: str = "", why: str = "") -> Any:
    """A field that is a whole number from ``low`` to ``high``."""
    rule = Range(low, high, whole=True, unit=unit, why=why)
    return field(default=default, metadata={"rule": rule})


def choice(default: str, words: tuple[str, ...], why: str = "") -> Any:
    """A field that is one of some words."""
    return field(default=default, metadata={"rule": Choice(words, why)})


def parts(part: type["Part"], most: int, why: str = "") -> Any:
    """A field that is a tuple of up to ``most`` parts."""
    return field(default=(), metadata={"rule": Parts(part, most, why)})


@dataclass(frozen=True)
class Part:
    """A part of a scene: frozen, and checked by the rules of its fields when it is made.

    Raises:
        InputError: a value is not allowed; the error names part and field, as in
            ``camera.lens_mm``.
    """

    def __post_init__(self) -> None:
        """Check every field, and let no whole number stand where a real one is meant."""
        for item in fields(self):
            rule = item.metadata.get("rule")
            if rule is None:
                continue
            value = getattr(self, item.name)
            rule.check(f"{self.label()}.{item.name}", value)
            if isinstance(rule, Range) and not rule.whole:
                object.__setattr__(self, item.name, float(value) + 0.0)  # -0.0 becomes 0.0

    @classmethod
    def label(cls) -> str:
        """Its name in the document and in errors."""
        return cls.__name__.lower()

    @classmethod
    def rules(cls) -> Iterator[tuple[Field[Any], Range | Choice | Parts]]:
        """Its fields with their rules, in order."""
        for item in fields(cls):
            if item.metadata.get("rule") is not None:
                yield item, item.metadata["rule"]


def default_of(item: Field[Any]) -> Any:
    """The value that a field has where nothing is said."""
    if item.default_factory is not MISSING:
        return item.default_factory()
    return item.default
