"""Open weights: their terms and rules, and the sizes from which memory and time are estimated."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pleinair.errors import InputError
from pleinair.request import VideoRequest

WIDEST = 2.0
"""How far the shape of a video may be from a native one: at most half of it is cropped away."""

_NEEDED = {"frame": ("frame", "extend", "character"), "edit": ("edit",)}
_ASKED = {
    "frame": "a picture at 0 seconds: this model begins from one",
    "edit": "a clip to edit: this model begins from one",
}


@dataclass(frozen=True)
class Licence:
    """Terms of some weights.

    Attributes:
        id: its name on the Hub.
        link: where it can be read.
        accept: whether a person must agree before the weights are fetched.
    """

    id: str
    link: str
    accept: bool = False


@dataclass(frozen=True)
class Network:
    """Sizes of a model, in billions of weights.

    Attributes:
        drawing: of the transformer that works in one step.
        parts: of each part: text encoders, transformers, autoencoder.
        layers, width: of the transformer.
        token: pixels of one side of what a token covers.
        temporal: frames that one latent frame covers.
        steps: that the makers say.
        evaluations: of the transformer in a step; 2 with guidance.
    """

    drawing: float
    parts: tuple[float, ...]
    layers: int
    width: int
    token: int = 16
    temporal: int = 4
    steps: int = 50
    evaluations: int = 2


@dataclass(frozen=True)
class Weights:
    """One set of open weights.

    Attributes:
        id: name of the model here.
        about: what it is, in one line.
        repository: ``owner/name`` on the Hub, in the layout of diffusers.
        licence: its terms.
        gb: size of the download, in GB (1e9 bytes); 0 if not known before.
        pipeline: name of the diffusers class that runs it.
        sizes: native (width, height) pairs; any, if there are none.
        fps: native frames a second.
        step: a video has a multiple of so many frames and one more.
        most_frames: frames of the longest video.
        abilities: what it can begin from or be told, as in `pleinair.backends.base.Entry`.
        needs: role without which it draws nothing, ``frame`` or ``edit``; empty for none.
        closes: whether it takes a picture for the last moment too.
        network: its sizes; None if they are not known before it is loaded.
        native: whether this project's own networks run it, and not diffusers.
        revision: branch, tag or commit on the Hub.
    """

    id: str
    about: str
    repository: str
    licence: Licence
    gb: float
    pipeline: str
    sizes: tuple[tuple[int, int], ...]
    fps: int
    step: int
    most_frames: int
    abilities: frozenset[str] = frozenset({"negative_prompt"})
    needs: str = ""
    closes: bool = False
    network: Network | None = None
    native: bool = False
    revision: str = "main"

    @property
    def longest(self) -> float:
        """Seconds of the longest video, rounded down to hundredths."""
        return math.floor((self.most_frames - 1) / self.fps * 100) / 100

    @property
    def rule(self) -> str:
        """Which numbers of frames it draws, in words."""
        return f"{self.step}·n+1 frames, at most {self.most_frames}, {self.fps} a second"

    def frames(self, seconds: float) -> int:
        """The least native number of frames that lasts so many seconds."""
        return self.step * max(1, math.ceil(round(seconds * self.fps, 6) / self.step)) + 1

    def native_size(self, width: int, height: int) -> tuple[int, int]:
        """The native size to draw for a delivered one.

        That of the nearest shape; where several have it, the smallest that needs no enlarging,
        or else the largest.
        """
        least = min(_apart(size, (width, height)) for size in self.sizes)
        alike = [size for size in self.sizes if _apart(size, (width, height)) < least + 0.05]
        alike.sort(key=math.prod)
        return next((s for s in alike if s[0] >= width and s[1] >= height), alike[-1])

    def check(self, request: VideoRequest) -> None:
        """Raise InputError when the model cannot draw a video of that shape or beginning."""
        asked = (request.width, request.height)
        if self.sizes and min(_apart(size, asked) for size in self.sizes) > math.log(WIDEST):
            allowed = f"shapes within {WIDEST:g} times that of {listed(self.sizes)}"
            raise InputError("size", f"{asked[0]}x{asked[1]}", allowed)
        for item in request.given:
            if item.role == "frame" and not self.shows(item.at, request.seconds):
                also = f" and {request.seconds:g}" if self.closes else ""
                raise InputError("at", item.at, f"0{also} seconds with this model")
        needed = _NEEDED.get(self.needs, ())
        if needed and not any(item.role in needed and item.at == 0 for item in request.given):
            raise InputError("given", "nothing", _ASKED[self.needs])

    def shows(self, at: float, seconds: float) -> bool:
        """Whether a picture can be seen at that moment of a video so long."""
        return at == 0 or (self.closes and at >= seconds)


def listed(sizes: Sequence[tuple[int, int]]) -> str:
    """Sizes in words, such as ``832x480, 480x832``."""
    return ", ".join(f"{width}x{height}" for width, height in sizes)


def _apart(one: tuple[int, int], other: tuple[int, int]) -> float:
    """How far two shapes are apart: the logarithm of the ratio of their aspects."""
    return abs(math.log(one[0] / one[1] * other[1] / other[0]))
