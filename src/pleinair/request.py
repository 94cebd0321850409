"""What a person asks for: one frozen request, checked once, then carried wherever it is needed."""

import hashlib
import json
import math
import re
import secrets
from dataclasses import asdict, dataclass, field
from typing import TypeGuard

from pleinair.errors import InputError

MOST_CHARACTERS = 32_000
MOST_SECONDS = 60.0
SIDES = (32, 4096)
MOST_SEED = 2**32 - 1
MOST_PIXELS = 1_500_000_000
"""Pixels of all frames of all variations, which are held in memory at three bytes each."""


def draw_seed() -> int:
    """A fresh seed, for a request that names none."""
    return secrets.randbelow(MOST_SEED + 1)


@dataclass(frozen=True)
class VideoRequest:
    """One video to make, in one or more variations.

    Attributes:
        prompt: what to show, 1–32,000 characters.
        model: id of the model.
        seconds: length of the video, above 0 and at most 60.
        width, height: delivered size, 32–4096 pixels each and even: H.264 stores colour for
            pairs of pixels.
        fps: delivered frames a second, 1–60.
        seed: 0–4294967295; variation i is what seed + i alone would give.
        steps: evaluations of the model for each window, 1–200.
        guidance: how strongly the prompt is followed, 0–20; 1 is no guidance.
        variations: how many videos, 1–16.

    Raises:
        InputError: a value is not allowed; the error names the field.
    """

    prompt: str
    model: str = "pleinair-1"
    seconds: float = 2.0
    width: int = 640
    height: int = 360
    fps: int = 24
    seed: int = field(default_factory=draw_seed)
    steps: int = 12
    guidance: float = 3.0
    variations: int = 1

    def __post_init__(self) -> None:
        """Check every field; nothing behind this door checks again."""
        _check_prompt(self.prompt)
        _check_number("seconds", self.seconds, 0, MOST_SECONDS, above=True)
        _check_number("guidance", self.guidance, 0, 20)
        _check_whole("fps", self.fps, 1, 60)
        _check_whole("seed", self.seed, 0, MOST_SEED)
        _check_whole("steps", self.steps, 1, 200)
        _check_whole("variations", self.variations, 1, 16)
        for side in (self.width, self.height):
            if not _is_whole(side) or side % 2 or not SIDES[0] <= side <= SIDES[1]:
                allowed = f"even whole numbers of pixels from {SIDES[0]} to {SIDES[1]}"
                raise InputError("size", f"{self.width}x{self.height}", allowed)
        pixels = self.width * self.height * self.frames * self.variations
        if pixels > MOST_PIXELS:
            asked = f"{self.width}x{self.height}, {self.frames:,} frames, {self.variations} times"
            raise InputError(
                "size", asked, f"at most {MOST_PIXELS:,} pixels in all, not {pixels:,}"
            )

    @property
    def frames(self) -> int:
        """Number of delivered frames, at least one."""
        return max(1, round(self.seconds * self.fps))

    @property
    def digest(self) -> str:
        """SHA-256 of the request in canonical JSON: equal requests have equal digests anywhere."""
        record = asdict(self) | {
            "seconds": float(self.seconds),
            "guidance": float(self.guidance),
        }
        text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()


def parse_size(text: str) -> tuple[int, int]:
    """``(width, height)`` from text such as ``1280x720``; raises InputError when it is not so."""
    match = re.fullmatch(r"\s*(\d{1,6})\s*[x×X]\s*(\d{1,6})\s*", text)
    if match is None:
        raise InputError("size", text, "WIDTHxHEIGHT, such as 1280x720")
    return int(match[1]), int(match[2])


def _check_prompt(prompt: object) -> None:
    if not isinstance(prompt, str) or not prompt.strip() or len(prompt) > MOST_CHARACTERS:
        allowed = f"a description of 1 to {MOST_CHARACTERS:,} characters"
        raise InputError("prompt", prompt, allowed)
    if any("\ud800" <= character <= "\udfff" for character in prompt):
        raise InputError("prompt", prompt, "text in Unicode")


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_whole(name: str, value: object, low: int, high: int) -> None:
    if not _is_whole(value) or not low <= value <= high:
        raise InputError(name, value, f"whole numbers from {low} to {high}")


def _check_number(
    name: str, value: object, low: float, high: float, *, above: bool = False
) -> None:
    number = value if _is_whole(value) or isinstance(value, float) else math.nan
    if low < number <= high or (number == low and not above):
        return  # a NaN compares false and is refused below
    between = f"above {low:g} and at most {high:g}" if above else f"from {low:g} to {high:g}"
    raise InputError(name, value, f"numbers {between}")
