"""What a person asks for: one frozen request, checked once, then carried wherever it is needed."""

import hashlib
import json
import math
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeGuard

from pleinair.errors import InputError
from pleinair.scenes.scene import Scene
from pleinair.settings import DEFAULT_MODEL

MOST_CHARACTERS = 32_000
MOST_SECONDS = 60.0
SIDES = (32, 4096)
MOST_SEED = 2**32 - 1
MOST_PIXELS = 1_500_000_000
"""Pixels of all frames of all variations, which most models hold in memory at three bytes each."""


ROLES = ("frame", "edit", "extend", "before", "retake", "character")
"""What a given picture or clip is for; see `Given`."""

KEPT = ("extend", "before", "retake")
"""Roles of clips that are delivered as they are, beside what is new."""

MOST_GIVEN = 16
_LONGEST = 3600.0  # seconds of a clip of which a part is drawn anew
_TOGETHER = ({"edit"}, {"extend"}, {"before"}, {"extend", "before"}, {"retake"})


def draw_seed() -> int:
    """A fresh seed, for a request that names none."""
    return secrets.randbelow(MOST_SEED + 1)


@dataclass(frozen=True)
class Given:
    """A picture or clip that a video begins from, named by its content.

    Attributes:
        role: ``frame`` is a picture to be seen at a time, ``edit`` a clip to be drawn anew,
            ``extend`` a clip to be continued, ``before`` a clip before which something is drawn
            (with one to extend, what connects the two), ``retake`` a clip of which a part is drawn
            anew, ``character`` a clip of somebody in the prompt.
        sha256: digest of the file's bytes, 64 hexadecimal digits.
        at: seconds at which a frame is seen, 0–60, or from which on a retake draws.
        strength: how much an edit or a retake may change, above 0 and at most 1, where nothing
            is kept.
        name: of a character, as it stands in the prompt.

    Raises:
        InputError: a value is not allowed; the error names the field.
    """

    role: str
    sha256: str
    at: float = 0.0
    strength: float = 0.88
    name: str = ""

    def __post_init__(self) -> None:
        """Check every field."""
        if self.role not in ROLES:
            raise InputError("given", self.role, ", ".join(ROLES))
        if not re.fullmatch(r"[0-9a-f]{64}", str(self.sha256)):
            raise InputError("given", self.sha256, "64 hexadecimal digits")
        _check_number("at", self.at, 0, _LONGEST if self.role == "retake" else MOST_SECONDS)
        _check_number("strength", self.strength, 0, 1, above=True)
        if len(self.name) > 80:
            raise InputError("name", self.name, "up to 80 characters")


@dataclass(frozen=True)
class VideoRequest:
    """One video to make, in one or more variations.

    Attributes:
        prompt: what to show, 1–32,000 characters; it may be empty where a scene is given.
        model: id of the model.
        seconds: length of the video, above 0 and at most 60.
        width, height: delivered size, 32–4096 pixels each and even: H.264 stores colour for
            pairs of pixels.
        fps: delivered frames a second, 1–60.
        seed: 0–4294967295; variation i is what seed + i alone would give.
        steps: evaluations of the model for each window, 1–200; None for as many as the model
            does best with.
        guidance: how strongly the prompt is followed, 0–20; 1 is no guidance; None for what the
            model does best with.
        variations: how many videos, 1–16.
        negative_prompt: what to keep out, 0–32,000 characters; it works where guidance does.
        given: pictures and clips that it begins from, at most 16. With a clip to extend, to
            begin before or to retake, ``seconds`` is the length of what is drawn, and the times of
            frames are counted in it.
        loop: whether the last frame leads into the first.
        complete: whether what the prompt leaves unsaid is chosen by the seed and added to it; not
            where the video begins from something, which may say it already.
        original: what the prompt was rewritten from, or empty if it is as a person wrote it.
        scene: what to draw, in place of what the prompt would be composed into; its seed is the
            request's.
        handover: why this model makes it and not the one that would have, in a sentence; empty
            where there is nothing to say. See `pleinair.backends.base.assigned`.

    Raises:
        InputError: a value is not allowed; the error names the field.
    """

    prompt: str
    model: str = DEFAULT_MODEL
    seconds: float = 4.0
    width: int = 960
    height: int = 540
    fps: int = 24
    seed: int = field(default_factory=draw_seed)
    steps: int | None = None
    guidance: float | None = None
    variations: int = 1
    negative_prompt: str = ""
    given: tuple[Given, ...] = ()
    loop: bool = False
    complete: bool = False
    original: str = ""
    scene: Scene | None = None
    handover: str = ""

    def __post_init__(self) -> None:
        """Check every field; nothing behind this door checks again."""
        if self.scene is None or self.prompt != "":
            _check_prompt("prompt", self.prompt)
        if self.negative_prompt != "":
            _check_prompt("negative_prompt", self.negative_prompt)
        if self.original != "":
            _check_prompt("original", self.original)
        self._check_given()
        _check_number("seconds", self.seconds, 0, MOST_SECONDS, above=True)
        if self.guidance is not None:
            _check_number("guidance", self.guidance, 0, 20)
        _check_whole("fps", self.fps, 1, 60)
        _check_whole("seed", self.seed, 0, MOST_SEED)
        if self.steps is not None:
            _check_whole("steps", self.steps, 1, 200)
        _check_whole("variations", self.variations, 1, 16)
        for side in (self.width, self.height):
            if not _is_whole(side) or side % 2 or not SIDES[0] <= side <= SIDES[1]:
                allowed = f"even whole numbers of pixels from {SIDES[0]} to {SIDES[1]}"
                raise InputError("size", f"{self.width}x{self.height}", allowed)
        if self.loop and self.frames == 1:
            raise InputError("loop", self.loop, "false for a single picture")
        pixels = self.width * self.height * self.frames * self.variations
        if pixels > MOST_PIXELS:
            asked = f"{self.width}x{self.height}, {self.frames:,} frames, {self.variations} times"
            raise InputError(
                "size", asked, f"at most {MOST_PIXELS:,} pixels in all, not {pixels:,}"
            )

    def _check_given(self) -> None:
        """Frames lie within the video; clips are of roles that go together."""
        if len(self.given) > MOST_GIVEN:
            raise InputError("given", self.given, f"at most {MOST_GIVEN} pictures and clips")
        clips = [item.role for item in self.given if item.role not in ("frame", "character")]
        if clips and (len(clips) > len(set(clips)) or set(clips) not in _TOGETHER):
            allowed = "one clip to edit, extend, begin before or retake; or two to connect"
            raise InputError("given", ", ".join(clips), allowed)
        _check_flag("loop", self.loop)
        if self.loop and clips:
            raise InputError("loop", self.loop, "false for what begins from a clip")
        _check_flag("complete", self.complete)
        if self.complete and self.scene is not None:
            raise InputError("complete", True, "false with a scene, which says everything")
        if self.scene is not None and not isinstance(self.scene, Scene):
            raise InputError("scene", self.scene, "a Scene; see pleinair.scenes.document")
        if self.complete and self.given:
            raise InputError("complete", True, "false with a picture, clip or character")
        for item in self.given:
            if item.role == "frame" and item.at > self.seconds:
                allowed = f"times within the video, 0 to {self.seconds:g} seconds"
                raise InputError("at", item.at, allowed)

    @property
    def frames(self) -> int:
        """Number of delivered frames, at least one."""
        return max(1, round(self.seconds * self.fps))

    @property
    def digest(self) -> str:
        """SHA-256 of the request in canonical JSON: equal requests have equal digests anywhere."""
        return digest_of(self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, from which `from_dict` makes an equal request.

        What came later is left out where it says nothing, so that digests stay what they were.
        """
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        later = {name: values.pop(name) for name in ("loop", "complete", "original", "handover")}
        scene = values.pop("scene")
        return values | {
            "seconds": float(self.seconds),
            "guidance": None if self.guidance is None else float(self.guidance),
            "given": [asdict(item) for item in self.given],
            **{name: value for name, value in later.items() if value},
            **({} if scene is None else {"scene": scene.as_dict()}),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "VideoRequest":
        """The request that `as_dict` told of; raises InputError when a value is not allowed."""
        given = tuple(Given(**item) for item in record.get("given", ()))
        scene = record.get("scene")
        read = None if scene is None else Scene.from_dict(scene, "scene")
        return cls(**{**record, "given": given, "scene": read})


def digest_of(record: object) -> str:
    """SHA-256 of plain values in canonical JSON."""
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def parse_size(text: str) -> tuple[int, int]:
    """``(width, height)`` from text such as ``1280x720``; raises InputError when it is not so."""
    match = re.fullmatch(r"\s*(\d{1,6})\s*[x×X]\s*(\d{1,6})\s*", text)
    if match is None:
        raise InputError("size", text, "WIDTHxHEIGHT, such as 1280x720")
    return int(match[1]), int(match[2])


def _check_prompt(name: str, prompt: object) -> None:
    if not isinstance(prompt, str) or not prompt.strip() or len(prompt) > MOST_CHARACTERS:
        allowed = f"a description of 1 to {MOST_CHARACTERS:,} characters"
        raise InputError(name, prompt, allowed)
    if any("\ud800" <= c <= "\udfff" or c == "\0" for c in prompt):
        raise InputError(name, prompt, "text in Unicode, without NUL")


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise InputError(name, value, "true or false")


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
