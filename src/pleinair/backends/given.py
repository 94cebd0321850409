"""What a request begins from: its pictures and clips in hand, one reading for every model."""

import re
from dataclasses import dataclass, field

from pleinair.backends.base import Materials
from pleinair.errors import ModelError
from pleinair.media.codec import Video
from pleinair.media.frames import Picture
from pleinair.request import Given, VideoRequest


@dataclass(frozen=True)
class Beginning:
    """A request's materials, sorted by what they are for.

    Attributes:
        pictures: what is to be seen at which second of the video (of the new part, when a clip
            is extended).
        edit: clip to be drawn anew, or None.
        strength: how much an edit may change, 0–1.
        extend: clip to be continued, or None.
        prompt: the prompt without the names of its characters.
        notes: sentences on what was done with them, for the record.
    """

    pictures: dict[float, Picture] = field(default_factory=dict)
    edit: Video | None = None
    strength: float = 1.0
    extend: Video | None = None
    prompt: str = ""
    notes: tuple[str, ...] = ()

    @property
    def first(self) -> Picture | None:
        """The picture that the new part begins from, if there is one: a clip's last, or a frame."""
        return self.extend.frames[-1] if self.extend else self.pictures.get(0.0)


def begin(request: VideoRequest, materials: Materials | None) -> Beginning:
    """Find what a request names.

    No model here knows one person from another. So, where nothing else says how the video begins
    (a frame, an edit or an extension), the middle frame of the first character's clip opens it,
    and that of the second character's clip, if there is one, closes it. Further characters have
    no effect. All names are taken out of the prompt that the model reads.

    Raises:
        ModelError: a material is missing.
    """
    found = [(item, _find(item, materials or {})) for item in request.given]
    pictures = {item.at: clip.frames[0] for item, clip in found if item.role == "frame"}
    edits = [(item.strength, clip) for item, clip in found if item.role == "edit"]
    strength, edit = edits[0] if edits else (1.0, None)
    extend = next((clip for item, clip in found if item.role == "extend"), None)
    characters = [(item, clip) for item, clip in found if item.role == "character"]
    notes = []
    if extend and pictures.pop(0.0, None) is not None:
        notes.append("the picture at 0 s has no effect: there the clip goes on")
    if characters and not (pictures or edit or extend):
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
        _without(request.prompt, [item.name for item, _ in characters]),
        tuple(notes),
    )


def _find(item: Given, materials: Materials) -> Video:
    if item.sha256 not in materials:
        raise ModelError(f"{item.role} {item.sha256[:12]}… is missing: it was not handed over")
    return materials[item.sha256]


def _without(prompt: str, names: list[str]) -> str:
    for name in filter(None, map(str.strip, names)):
        prompt = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", " ", prompt, flags=re.IGNORECASE)
    return prompt
