"""Random scenes over everything that a document may say, ends of ranges included: for tests."""

import math
from collections.abc import Iterator
from random import Random
from typing import Any, TypeVar

from pleinair.scenes.field import Choice, One, Part, Parts, Range, Rule
from pleinair.scenes.scene import Scene

P = TypeVar("P", bound=Part)


def sample_scene(seed: int, index: int = 0) -> Scene:
    """A valid scene, the same for the same numbers.

    Most values are drawn from their whole range, evenly or by order of magnitude; some are an end
    of it, or the default.
    """
    return _sample(Scene, Random(f"scene/{seed}/{index}"))


def _sample(part: type[P], draw: Random) -> P:
    return part(**dict(_fields(part, draw)))


def _fields(part: type[Part], draw: Random) -> Iterator[tuple[str, Any]]:
    for item, rule in part.rules():
        if isinstance(rule, One) or draw.random() > 0.2:  # else the default
            yield item.name, _value(rule, draw)


def _value(rule: Rule, draw: Random) -> object:
    match rule:
        case One():
            return _sample(rule.part, draw)
        case Parts():
            return tuple(_sample(rule.part, draw) for _ in range(draw.randint(0, rule.most)))
        case Choice():
            return draw.choice(rule.words)
        case Range(whole=True):
            return draw.randint(int(rule.low), int(rule.high))
    return _number(rule, draw)


def _number(rule: Range, draw: Random) -> float:
    kind = draw.random()
    if kind < 0.2:
        return draw.choice([rule.low, rule.high])
    if kind < 0.6 and 0 < 100 * rule.low < rule.high:
        return min(rule.low * math.exp(draw.random() * math.log(rule.high / rule.low)), rule.high)
    return draw.uniform(rule.low, rule.high)
