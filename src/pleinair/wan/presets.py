"""Wan's models: their sizes, and how their makers say they draw best. Nothing here needs torch."""

from dataclasses import dataclass

from pleinair.errors import ModelError

# Wan's published negative prompt (wan/configs/shared_config.py of Wan2.1 and Wan2.2): garish,
# still, blurred, subtitles, grey, worst quality, malformed limbs, crowded, walking backwards.
NEGATIVE = (
    "色调艳丽，过曝，静态，细节模糊不清，字幕，风格，作品，画作，画面，静止，整体发灰，最差质量，低质量，"
    "JPEG压缩残留，丑陋的，残缺的，多余的手指，画得不好的手部，画得不好的脸部，畸形的，毁容的，"
    "形态畸形的肢体，手指融合，静止不动的画面，杂乱的背景，三条腿，背景人很多，倒着走"
)
_SHAKING = "镜头晃动，"  # put before it for the image-to-video models of 2.1: a shaking camera

_SMALL = ((832, 480), (480, 832))
_LARGE = ((1280, 720), (720, 1280))
_TI2V = ((1280, 704), (704, 1280))


@dataclass(frozen=True)
class Sizes:
    """Sizes of one transformer, under the names of `pleinair.dit.transformer.TransformerConfig`.

    Attributes:
        channels, out_channels: numbers in one latent that goes in and that comes out.
        image: width of the image encoder's output; None for a model without one.
    """

    channels: int
    out_channels: int
    dim: int
    layers: int
    heads: int
    hidden: int
    image: int | None = None


@dataclass(frozen=True)
class Preset:
    """One of Wan's models. Guidance, shift, steps and negative prompt are Wan's published ones.

    Attributes:
        id: name of the model here.
        repository: on the Hugging Face hub, in Wan's own layout; that in diffusers' layout has the
            same name and ``-Diffusers``.
        transformer: sizes of the transformer, or of each of the two experts.
        autoencoder: ``wan2.1`` (8×8×4) or ``wan2.2`` (16×16×4).
        sizes: (width, height) pairs that it was trained for, the default first.
        fps: frames a second that it draws.
        frames: of its longest clip, 4k + 1.
        steps, shift: of the schedule; see `pleinair.wan.schedulers.levels`.
        guidance: of each expert, for high noise and for low; one number for a single transformer.
        boundary: noise level down to which the first expert draws; None for a single transformer.
        picture: how a picture is given: ``none``, ``channels`` beside the noisy latents (and
            through an image encoder, if the transformer has an entry for it), or ``held`` as the
            first latent frame.
        picture_needed: whether it draws only from a picture.
        negative_prompt: what guidance leads away from where nothing else is asked.
    """

    id: str
    repository: str
    transformer: Sizes
    autoencoder: str = "wan2.1"
    sizes: tuple[tuple[int, int], ...] = _SMALL
    fps: int = 16
    frames: int = 81
    steps: int = 50
    shift: float = 5.0
    guidance: tuple[float, ...] = (5.0,)
    boundary: float | None = None
    picture: str = "none"
    picture_needed: bool = False
    negative_prompt: str = NEGATIVE

    @property
    def repositories(self) -> tuple[str, str]:
        """On the Hugging Face hub: in Wan's own layout, and in that of diffusers."""
        return self.repository, f"{self.repository}-Diffusers"

    @property
    def abilities(self) -> frozenset[str]:
        """What of a request it can use besides the prompt."""
        pictured = () if self.picture == "none" else ("character", "extend", "frame")
        return frozenset({"negative_prompt", *pictured})


_SMALL_T2V = Sizes(16, 16, dim=1536, layers=30, heads=12, hidden=8960)
_T2V = Sizes(16, 16, dim=5120, layers=40, heads=40, hidden=13824)
_I2V = Sizes(36, 16, dim=5120, layers=40, heads=40, hidden=13824)
_I2V_CLIP = Sizes(36, 16, dim=5120, layers=40, heads=40, hidden=13824, image=1280)
_TEXT_IMAGE = Sizes(48, 48, dim=3072, layers=30, heads=24, hidden=14336)

PRESETS = {
    preset.id: preset
    for preset in (
        Preset(
            "wan2.1-t2v-1.3b",
            "Wan-AI/Wan2.1-T2V-1.3B",
            _SMALL_T2V,
            shift=8.0,
            guidance=(6.0,),
        ),
        Preset("wan2.1-t2v-14b", "Wan-AI/Wan2.1-T2V-14B", _T2V, sizes=_LARGE + _SMALL),
        Preset(
            "wan2.1-i2v-14b-480p",
            "Wan-AI/Wan2.1-I2V-14B-480P",
            _I2V_CLIP,
            steps=40,
            shift=3.0,
            picture="channels",
            picture_needed=True,
            negative_prompt=_SHAKING + NEGATIVE,
        ),
        Preset(
            "wan2.1-i2v-14b-720p",
            "Wan-AI/Wan2.1-I2V-14B-720P",
            _I2V_CLIP,
            sizes=_LARGE,
            steps=40,
            picture="channels",
            picture_needed=True,
            negative_prompt=_SHAKING + NEGATIVE,
        ),
        Preset(
            "wan2.2-ti2v-5b",
            "Wan-AI/Wan2.2-TI2V-5B",
            _TEXT_IMAGE,
            autoencoder="wan2.2",
            sizes=_TI2V,
            fps=24,
            frames=121,
            picture="held",
        ),
        Preset(
            "wan2.2-t2v-a14b",
            "Wan-AI/Wan2.2-T2V-A14B",
            _T2V,
            sizes=_LARGE + _SMALL,
            steps=40,
            shift=12.0,
            guidance=(4.0, 3.0),
            boundary=0.875,
        ),
        Preset(
            "wan2.2-i2v-a14b",
            "Wan-AI/Wan2.2-I2V-A14B",
            _I2V,
            sizes=_LARGE + _SMALL,
            steps=40,
            guidance=(3.5, 3.5),
            boundary=0.9,
            picture="channels",
            picture_needed=True,
        ),
    )
}


def preset_of(model: str) -> Preset:
    """The preset of that id; raises ModelError, naming those there are."""
    if model not in PRESETS:
        raise ModelError(f"there is no Wan model {model[:60]!r}; there are: {', '.join(PRESETS)}")
    return PRESETS[model]
