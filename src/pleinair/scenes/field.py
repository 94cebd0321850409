"""Fields of a scene's parts: each carries its range and unit, and every part checks itself."""

from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from difflib import get_close_matches
from typing import Any, Self, TypeVar

from pleinair.errors import InputError

MOST_SEED = 2**32 - 1

P = TypeVar("P", bound="Part")


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

    @property
    def allowed(self) -> str:
        """In words."""
        kind = "whole numbers" if self.whole else "numbers"
        return f"{kind} from {self.span}"

    @property
    def span(self) -> str:
        """Low, high and unit."""
        return f"{self.low:.10g} to {self.high:.10g} {self.unit}".rstrip()

    def check(self, name: str, value: object) -> None:
        """Raise InputError unless ``value`` is a number of this range."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or (self.whole and not isinstance(value, int)):
            raise InputError(name, shown(value), self.allowed)
        if not self.low <= value <= self.high:  # type: ignore[operator]  # NaN is not either
            raise InputError(name, shown(value), self.allowed)

    def read(self, name: str, value: object) -> object:
        """The value of a document, checked."""
        self.check(name, value)
        return value


@dataclass(frozen=True)
class Choice:
    """One of some words."""

    words: tuple[str, ...]
    why: str = ""

    @property
    def allowed(self) -> str:
        """In words."""
        return ", ".join(self.words)

    def check(self, name: str, value: object) -> None:
        """Raise InputError unless ``value`` is one of the words."""
        if not isinstance(value, str) or value not in self.words:
            raise InputError(name, shown(value), self.allowed)

    def read(self, name: str, value: object) -> object:
        """The value of a document, checked."""
        self.check(name, value)
        return value


@dataclass(frozen=True)
class One:
    """One part of a class."""

    part: type["Part"]
    why: str = ""

    def check(self, name: str, value: object) -> None:
        """Raise InputError unless ``value`` is such a part."""
        if not isinstance(value, self.part):
            raise InputError(name, shown(value), f"a {self.part.__name__}")

    def read(self, name: str, value: object) -> object:
        """The part that a table of a document says."""
        return self.part.from_dict(value, name)


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
            raise InputError(name, shown(value), f"up to {self.most} of {self.part.__name__}")

    def read(self, name: str, value: object) -> object:
        """The parts that a list of tables of a document says."""
        if not isinstance(value, list | tuple) or len(value) > self.most:
            raise InputError(name, shown(value), f"a list of up to {self.most} tables")
        return tuple(self.part.from_dict(item, f"{name}[{i}]") for i, item in enumerate(value))


Rule = Range | Choice | One | Parts


def number(default: float, low: float, high: float, unit: str = "", why: str = "") -> float:
    """A field that is a number from ``low`` to ``high``."""
    rule = Range(low, high, unit=unit, why=why)
    return field(default=float(default), metadata={"rule": rule})


def whole(default: int, low: int, high: int, unit: str = "", why: str = "") -> int:
    """A field that is a whole number from ``low`` to ``high``."""
    rule = Range(low, high, whole=True, unit=unit, why=why)
    return field(default=default, metadata={"rule": rule})


def choice(default: str, words: tuple[str, ...], why: str = "") -> str:
    """A field that is one of some words."""
    return field(default=default, metadata={"rule": Choice(words, why)})


def one(part: type[P], why: str = "") -> dict[str, Rule]:
    """Metadata of a field that is a part."""
    return {"rule": One(part, why)}


def parts(part: type[P], most: int, why: str = "") -> tuple[P, ...]:
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
        for item, rule in self.rules():
            value = getattr(self, item.name)
            rule.check(f"{self.label()}.{item.name}", value)
            if isinstance(rule, Range) and not rule.whole:
                object.__setattr__(self, item.name, float(value) + 0.0)  # -0.0 becomes 0.0

    @classmethod
    def label(cls) -> str:
        """Its name in the document and in errors."""
        return cls.__name__.lower()

    @classmethod
    def rules(cls) -> Iterator[tuple[Field[Any], Rule]]:
        """Its fields with their rules, in order."""
        for item in fields(cls):
            if item.metadata.get("rule") is not None:
                yield item, item.metadata["rule"]

    def as_dict(self) -> dict[str, Any]:
        """Plain values: numbers, words, dicts and lists, as a document holds them."""
        return {item.name: _plain(getattr(self, item.name)) for item, _ in self.rules()}

    @classmethod
    def from_dict(cls, values: object, name: str = "") -> Self:
        """The part that plain values say; what is missing takes its default.

        Args:
            values: as `as_dict` gives them.
            name: of this part in the document, for errors.

        Raises:
            InputError: no such field, or a value that it cannot have; named in full, as in
                ``camera.moves[2].kind``.
        """
        if not isinstance(values, Mapping):
            raise InputError(name or cls.label(), shown(values), "a table of fields")
        inside = f"{name}." if name else ""
        rules = {item.name: rule for item, rule in cls.rules()}
        for key, value in values.items():
            if key not in rules:
                near = get_close_matches(str(key)[:80], rules, 1, cutoff=0)[0]
                allowed = f"no field of this name; the nearest is {inside}{near}"
                raise InputError(f"{inside}{str(key)[:80]}", shown(value), allowed)
        return cls(**{key: rules[key].read(f"{inside}{key}", values[key]) for key in values})


def _plain(value: object) -> object:
    if isinstance(value, Part):
        return value.as_dict()
    return [part.as_dict() for part in value] if isinstance(value, tuple) else value


class Words(str):
    """What came, described: an error shows it without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


def shown(value: object) -> object:
    """A value as an error may show it: what is nested or endless is named by its kind alone."""
    if isinstance(value, Mapping):
        return Words("a table")
    if isinstance(value, list | tuple):
        return Words(f"a list of {len(value):,}")
    if isinstance(value, int) and abs(value) >= 10**40:
        return Words(f"a number of about {value.bit_length() * 3 // 10:,} digits")
    return value
