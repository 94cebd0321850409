"""Open weights that this project knows: where they are, under what licence, and their rules.

Nothing here loads a model or reaches the network. Sizes of downloads are rounded, and the rules
are those that the makers of each model give for it.
"""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pleinair.errors import InputError, ModelError
from pleinair.request import VideoRequest

HUB = "hf:"
"""How the id of a model begins that is named by its repository, ``hf:owner/repository``."""

WIDEST = 2.0
"""How far the shape of a video may be from a native one: at most half of it is cropped away."""

_HUB_ID = re.compile(r"hf:(?!.*\.\.)\w[\w.-]*/\w[\w.-]*", re.ASCII)


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
        """Raise InputError when the model cannot draw a video of that shape."""
        asked = (request.width, request.height)
        if self.sizes and min(_apart(size, asked) for size in self.sizes) > math.log(WIDEST):
            allowed = f"shapes within {WIDEST:g} times that of {listed(self.sizes)}"
            raise InputError("size", f"{asked[0]}x{asked[1]}", allowed)


def listed(sizes: Sequence[tuple[int, int]]) -> str:
    """Sizes in words, such as ``832x480, 480x832``."""
    return ", ".join(f"{width}x{height}" for width, height in sizes)


def _apart(one: tuple[int, int], other: tuple[int, int]) -> float:
    """How far two shapes are apart: the logarithm of the ratio of their aspects."""
    return abs(math.log(one[0] / one[1] * other[1] / other[0]))


def _hub(repository: str, id: str, file: str = "", *, accept: bool = False) -> Licence:
    place = f"https://huggingface.co/{repository}"
    return Licence(id, f"{place}/blob/main/{file}" if file else place, accept)


_APACHE = Licence("apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0")
_480 = ((832, 480), (480, 832))
_720 = ((1280, 720), (720, 1280))

CATALOGUE: dict[str, Weights] = {
    weights.id: weights
    for weights in (
        Weights(
            id="wan2.1-t2v-1.3b",
            about="Wan 2.1, 1.3 billion weights: text to video, 480p",
            repository="Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
            licence=_APACHE,
            gb=29,
            pipeline="WanPipeline",
            sizes=_480,
            fps=16,
            step=4,
            most_frames=81,
        ),
        Weights(
            id="wan2.1-t2v-14b",
            about="Wan 2.1, 14 billion weights: text to video, 480p and 720p",
            repository="Wan-AI/Wan2.1-T2V-14B-Diffusers",
            licence=_APACHE,
            gb=80,
            pipeline="WanPipeline",
            sizes=_480 + _720,
            fps=16,
            step=4,
            most_frames=81,
        ),
        Weights(
            id="wan2.2-ti2v-5b",
            about="Wan 2.2, 5 billion weights: text to video, 704p",
            repository="Wan-AI/Wan2.2-TI2V-5B-Diffusers",
            licence=_APACHE,
            gb=34,
            pipeline="WanPipeline",
            sizes=((1280, 704), (704, 1280)),
            fps=24,
            step=4,
            most_frames=121,
        ),
        Weights(
            id="wan2.2-t2v-a14b",
            about="Wan 2.2, two experts of 14 billion weights: text to video, 480p and 720p",
            repository="Wan-AI/Wan2.2-T2V-A14B-Diffusers",
            licence=_APACHE,
            gb=126,
            pipeline="WanPipeline",
            sizes=_480 + _720,
            fps=16,
            step=4,
            most_frames=81,
        ),
        Weights(
            id="ltx-video",
            about="LTX-Video, 2 billion weights: text to video, fast",
            repository="Lightricks/LTX-Video",
            licence=_hub(
                "Lightricks/LTX-Video", "other", "ltx-video-2b-v0.9.license.txt", accept=True
            ),
            gb=28,
            pipeline="LTXPipeline",
            sizes=((704, 480), (480, 704)),
            fps=24,
            step=8,
            most_frames=257,
        ),
        Weights(
            id="hunyuan-video",
            about="HunyuanVideo, 13 billion weights: text to video, 544p and 720p",
            repository="hunyuanvideo-community/HunyuanVideo",
            licence=_hub(
                "tencent/HunyuanVideo", "tencent-hunyuan-community", "LICENSE", accept=True
            ),
            gb=42,
            pipeline="HunyuanVideoPipeline",
            sizes=((960, 544), (544, 960), *_720),
            fps=24,
            step=4,
            most_frames=129,
            abilities=frozenset(),
        ),
        Weights(
            id="cogvideox-2b",
            about="CogVideoX, 2 billion weights: text to video, 480p",
            repository="zai-org/CogVideoX-2b",
            licence=_APACHE,
            gb=14,
            pipeline="CogVideoXPipeline",
            sizes=((720, 480),),
            fps=8,
            step=8,
            most_frames=49,
        ),
        Weights(
            id="cogvideox-5b",
            about="CogVideoX, 5 billion weights: text to video, 480p",
            repository="zai-org/CogVideoX-5b",
            licence=_hub("zai-org/CogVideoX-5b", "other", "LICENSE", accept=True),
            gb=21,
            pipeline="CogVideoXPipeline",
            sizes=((720, 480),),
            fps=8,
            step=8,
            most_frames=49,
        ),
        Weights(
            id="mochi-1",
            about="Mochi 1, 10 billion weights: text to video, 480p",
            repository="genmo/mochi-1-preview",
            licence=_APACHE,
            gb=60,
            pipeline="MochiPipeline",
            sizes=((848, 480),),
            fps=30,
            step=6,
            most_frames=163,
        ),
    )
}


def is_hub_id(model: str) -> bool:
    """Whether it reads ``hf:owner/repository``."""
    return _HUB_ID.fullmatch(model) is not None


def folder_of(model: str, home: Path) -> Path:
    """Where the weights of a model lie or would lie, always right inside ``home``.

    Raises:
        ModelError: no model of the catalogue is called so, and it is no ``hf:`` id.
    """
    if model not in CATALOGUE and not is_hub_id(model):
        known = ", ".join(CATALOGUE)
        raise ModelError(
            f"{model[:60]!r} has no weights to fetch; there are: {known}, hf:owner/repository"
        )
    return home / model.replace(":", "--").replace("/", "--")


def weights_of(model: str, folder: Path | None = None) -> Weights:
    """The line of the catalogue; for an ``hf:`` id, one made by what its folder holds.

    A repository says nothing about sizes and rates, so it has those of the catalogue's first
    model that is run by a pipeline of the same family; without one, it draws any size, 16 frames
    a second.

    Raises:
        ModelError: there is no such model.
    """
    if model in CATALOGUE:
        return CATALOGUE[model]
    if not is_hub_id(model):
        raise ModelError(f"there are no open weights called {model[:60]!r}")
    repository = model.removeprefix(HUB)
    pipeline = pipeline_in(folder)
    made = Weights(
        id=model,
        about=f"{repository} from the Hub",
        repository=repository,
        licence=_hub(repository, "unknown", accept=True),
        gb=0,
        pipeline=pipeline,
        sizes=(),
        fps=16,
        step=4,
        most_frames=81,
        abilities=_abilities(pipeline),
    )
    for known in CATALOGUE.values():
        if pipeline.startswith(known.pipeline.removesuffix("Pipeline")):
            rules = {name: getattr(known, name) for name in ("sizes", "fps", "step", "most_frames")}
            return replace(made, **rules)
    return made


def pipeline_in(folder: Path | None) -> str:
    """Name of the pipeline's class in ``model_index.json``, or nothing."""
    try:
        index = json.loads(((folder or Path()) / "model_index.json").read_text())
        return str(index.get("_class_name", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def _abilities(pipeline: str) -> frozenset[str]:
    """What a pipeline can begin from, by its name alone; it has the last word when it runs."""
    if "ImageToVideo" in pipeline:
        return frozenset({"frame", "extend", "character", "negative_prompt"})
    if "VideoToVideo" in pipeline:
        return frozenset({"edit", "negative_prompt"})
    if pipeline.startswith("HunyuanVideo"):
        return frozenset()
    return frozenset({"negative_prompt"})
