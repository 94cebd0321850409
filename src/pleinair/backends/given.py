"""What a request begins from: its pictures and clips in hand, one reading for every model."""

import re
from dataclasses import dataclass, field
from fractions import Fraction

from pleinair.backends.base import Materials
from pleinair.errors import InputError, ModelError
from pleinair.media.codec import Video
from pleinair.media.frames import Frames, Picture, at_rate, count_at_rate
from pleinair.request import Given, VideoRequest


@dataclass(frozen=True)
class Beginning:
    """A request's materials, sorted by what they are for.

    Attributes:
        pictures: what is to be seen at which second of the video (of the new part, when a clip
            is extended).
        edit: clip to be drawn anew, or None; of a retake, the part that is.
        strength: how much of it may change, 0–1.
        extend: clip to be continued, or None; of a retake, what comes before the new part.
        before: clip that comes after the new part, or None; of a retake, its rest.
        prompt: the prompt without the names of its characters.
        notes: sentences on what was done with them, for the record.
    """

    pictures: dict[float, Picture] = field(default_factory=dict)
    edit: Video | None = None
    strength: float = 1.0
    extend: Video | None = None
    before: Video | None = None
    prompt: str = ""
    notes: tuple[str, ...] = ()

    @property
    def first(self) -> Picture | None:
        """The picture that the new part begins from, if there is one: a clip's last, or a frame."""
        return self.extend.frames[-1] if self.extend else self.pictures.get(0.0)


def begin(request: VideoRequest, materials: Materials | None) -> Beginning:
    """Find what a request names.

    No model here knows one person from another. So, where nothing else says how the video begins
    (a frame or a clip), the middle frame of the first character's clip opens it,
    and that of the second character's clip, if there is one, closes it. Further characters have
    no effect. All names are taken out of the prompt that the model reads.

    Raises:
        ModelError: a material is missing.
        InputError: a retake is not within its clip.
    """
    found = [(item, _find(item, materials or {})) for item in request.given]
    pictures = {item.at: clip.frames[0] for item, clip in found if item.role == "frame"}
    edits = [(item.strength, clip) for item, clip in found if item.role == "edit"]
    strength, edit = edits[0] if edits else (1.0, None)
    extend = next((clip for item, clip in found if item.role == "extend"), None)
    before = next((clip for item, clip in found if item.role == "before"), None)
    for item, clip in found:
        if item.role == "retake":
            extend, edit, before = _parts(clip, item.at, request)
            strength = item.strength
    characters = [(item, clip) for item, clip in found if item.role == "character"]
    notes = []
    if extend and pictures.pop(0.0, None) is not None:
        notes.append("the picture at 0 s has no effect: there the clip goes on")
    if before and pictures.pop(float(request.seconds), None) is not None:
        notes.append("the picture at the end has no effect: there the clip begins")
    if characters and not (pictures or edit or extend or before):
        for at, how, (item, clip) in zip(
            (0.0, request.seconds), ("opens", "closes"), characters, strict=False
        ):
            pictures[at] = clip.frames[len(clip.frames) // 2]
            notes.append(f"a frame of {item.name or 'a character'} {how} the video")
    if characters:
        notes.append("the model knows no identities: names were left out of the prompt")
    return Beginning(
        pictures,
        edit,
        strength,
        extend,
        before,
        _without(request.prompt, [item.name for item, _ in characters]),
        tuple(notes),
    )


def ends_of(request: VideoRequest, beginning: Beginning) -> tuple[Frames | None, Frames | None]:
    """Frames of the clips before and after the new part, at the rate asked for."""
    first, last = (
        None if clip is None else at_rate(clip.frames, clip.fps, request.fps)
        for clip in (beginning.extend, beginning.before)
    )
    return first, last


def kept(request: VideoRequest, beginning: Beginning) -> tuple[int, int]:
    """How many delivered frames are those of the clips before and after the new part."""
    first, last = (
        0 if clip is None else count_at_rate(len(clip.frames), clip.fps, request.fps)
        for clip in (beginning.extend, beginning.before)
    )
    return first, last


def kept_notes(request: VideoRequest, beginning: Beginning) -> list[str]:
    """What is kept of the clips that were given, for the record."""
    counts = zip(("first", "last"), kept(request, beginning), strict=True)
    said = "the {} {:,} frames are those of the clip that was given"
    return [said.format(which, count) for which, count in counts if count]


def _find(item: Given, materials: Materials) -> Video:
    if item.sha256 not in materials:
        raise ModelError(f"{item.role} {item.sha256[:12]}… is missing: it was not handed over")
    return materials[item.sha256]


def _parts(
    clip: Video, at: float, request: VideoRequest
) -> tuple[Video | None, Video, Video | None]:
    """A clip before, in and after the part that is drawn anew, at the rate asked for."""
    frames = at_rate(clip.frames, clip.fps, request.fps)
    # A part that ends with the clip may be rounded to a frame more than there are.
    start = min(round(at * request.fps), max(0, len(frames) - request.frames))
    if abs(start - at * request.fps) > 1.5:
        part = f"{at:g} to {at + request.seconds:g} seconds"
        length = len(frames) / request.fps
        raise InputError("span", part, f"a part of the clip, which has {length:g} seconds")
    end, rate = start + request.frames, Fraction(request.fps)
    if not start and end >= len(frames):
        raise InputError("span", "the whole clip", "a part of it; an edit draws all of it anew")
    first = Video(frames[:start], rate) if start else None
    last = Video(frames[end:], rate) if end < len(frames) else None
    return first, Video(frames[start:end], rate), last


def _without(prompt: str, names: list[str]) -> str:
    for name in filter(None, map(str.strip, names)):
        prompt = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", " ", prompt, flags=re.IGNORECASE)
    return prompt
