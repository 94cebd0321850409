"""The open weights that this project knows: where they are, under what licence, and their rules.

Nothing here loads a model or reaches the network. Sizes of downloads are worked out from numbers
of weights and the formats they are published in; the rules are those that the makers give.
"""

import json
import re
from dataclasses import replace
from pathlib import Path

from pleinair.backends.weights import Licence, Network, Weights
from pleinair.errors import ModelError
from pleinair.wan.presets import PRESETS

HUB = "hf:"
"""How the id of a model begins that is named by its repository, ``hf:owner/repository``."""

_HUB_ID = re.compile(r"hf:(?!.*(\.\.|--))\w[\w.-]*/\w[\w.-]*(@\w[\w.-]*)?", re.ASCII)


def _hub(repository: str, id: str, file: str = "", *, accept: bool = False) -> Licence:
    place = f"https://huggingface.co/{repository}"
    return Licence(id, f"{place}/blob/main/{file}" if file else place, accept)


_APACHE = Licence("apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0")
_UMT5, _T5, _CLIP, _VAE21, _VAE22 = 5.7, 4.8, 0.6, 0.13, 0.7  # billions of weights


def _wan(id: str, about: str, gb: float) -> Weights:
    """One of Wan's models, which `pleinair.backends.wan` runs; its rules are in its preset."""
    preset = PRESETS[id]
    sizes = preset.transformer
    # Self- and cross-attention have four matrices each; keys and values of a picture two more.
    matrices = (8 if sizes.image is None else 10) * sizes.dim**2 + 2 * sizes.dim * sizes.hidden
    drawing = round(sizes.layers * matrices / 1e9, 2)
    vae = _VAE22 if preset.autoencoder == "wan2.2" else _VAE21
    clip = () if sizes.image is None else (_CLIP,)
    network = Network(
        drawing,
        (_UMT5, *(drawing for _ in preset.guidance), vae, *clip),
        sizes.layers,
        sizes.dim,
        token=32 if preset.autoencoder == "wan2.2" else 16,
        steps=preset.steps,
    )
    pictured = preset.picture_needed
    return Weights(
        id=id,
        about=f"Wan {id[3:6]}, {about}",
        repository=preset.repositories[1],
        licence=_APACHE,
        gb=gb,
        pipeline="WanImageToVideoPipeline" if pictured else "WanPipeline",
        sizes=preset.sizes,
        fps=preset.fps,
        step=4,
        most_frames=preset.frames,
        abilities=preset.abilities,
        needs="frame" if pictured else "",
        network=network,
        native=True,
    )


CATALOGUE: dict[str, Weights] = {
    weights.id: weights
    for weights in (
        _wan("wan2.1-t2v-1.3b", "1.3 billion weights: text to video, 480p", 29),
        _wan("wan2.1-t2v-14b", "14 billion weights: text to video, 480p and 720p", 80),
        _wan("wan2.1-i2v-14b-480p", "16 billion weights: picture to video, 480p", 91),
        _wan("wan2.1-i2v-14b-720p", "16 billion weights: picture to video, 720p", 91),
        _wan("wan2.2-ti2v-5b", "5 billion weights: text or picture to video, 704p", 34),
        _wan("wan2.2-t2v-a14b", "two of 14 billion weights: text to video, 480p and 720p", 126),
        _wan("wan2.2-i2v-a14b", "two of 14 billion weights: picture to video, 480p and 720p", 126),
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
            network=Network(1.9, (_T5, 1.9, 0.4), 28, 2048, token=32, temporal=8),
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
            sizes=((960, 544), (544, 960), (1280, 720), (720, 1280)),
            fps=24,
            step=4,
            most_frames=129,
            abilities=frozenset(),
            network=Network(12.8, (7.6, 12.8, 0.25), 60, 3072, evaluations=1),
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
            network=Network(1.7, (_T5, 1.7, 0.2), 30, 1920),
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
            network=Network(5.6, (_T5, 5.6, 0.2), 42, 3072),
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
            network=Network(10.0, (_T5, 10.0, 0.46), 48, 3072, temporal=6, steps=64),
        ),
    )
}


def is_hub_id(model: str) -> bool:
    """Whether it reads ``hf:owner/repository`` or ``hf:owner/repository@revision``."""
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

    A repository says nothing about sizes and rates, so it has those of the catalogue's model of
    that repository, or of the first that a pipeline of the same family runs; without one, it draws
    any size, 16 frames a second.

    Raises:
        ModelError: there is no such model.
    """
    if model in CATALOGUE:
        return CATALOGUE[model]
    if not is_hub_id(model):
        raise ModelError(f"there are no open weights called {model[:60]!r}")
    repository, _, revision = model.removeprefix(HUB).partition("@")
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
        needs=_needs(pipeline),
        closes=pipeline.startswith("WanImageToVideo"),
        revision=revision or "main",
    )
    same = [known for known in CATALOGUE.values() if known.repository == repository]
    family = [
        known
        for known in CATALOGUE.values()
        if pipeline.startswith(known.pipeline.removesuffix("Pipeline"))
    ]
    for known in (same + family)[:1]:
        rules = {name: getattr(known, name) for name in ("sizes", "fps", "step", "most_frames")}
        made = replace(made, network=known.network if same else None, **rules)
    return made


def pipeline_in(folder: Path | None) -> str:
    """Name of the pipeline's class in ``model_index.json``, or nothing."""
    try:
        index = json.loads(((folder or Path()) / "model_index.json").read_text())
        return str(index.get("_class_name", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def _needs(pipeline: str) -> str:
    """What a pipeline cannot begin without, by its name."""
    if "ImageToVideo" in pipeline:
        return "frame"
    return "edit" if "VideoToVideo" in pipeline else ""


def _abilities(pipeline: str) -> frozenset[str]:
    """What a pipeline can begin from, by its name alone; it has the last word when it runs."""
    begins = {"frame": {"frame", "extend", "character"}, "edit": {"edit"}}
    able = begins.get(_needs(pipeline), set())
    return frozenset(able if pipeline.startswith("HunyuanVideo") else {*able, "negative_prompt"})
