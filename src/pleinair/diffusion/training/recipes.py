"""Recipes: everything that decides a training run, in one frozen value."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from pleinair.diffusion.model.autoencoder import TEMPORAL, AutoencoderConfig
from pleinair.dit.transformer import TransformerConfig
from pleinair.errors import TrainingError

# Clip i has size i modulo their number: the first shape is three fifths of all clips.
SIZES = ((144, 80), (144, 80), (144, 80), (80, 144), (112, 112))


@dataclass(frozen=True)
class Lesson:
    """How long and how fast one network learns.

    Attributes:
        steps: number of steps, where no minutes are asked for.
        batch: clips in a step of the autoencoder, captions in one of the text encoder, tokens in
            one of the transformer.
        rate: peak learning rate of AdamW.
        matrix_rate: peak learning rate of Muon (Jordan et al., 2024), for inner matrices.
        warmup: steps of rising rate.
        decay: last share of the steps, in which the rate falls to nothing.
        ema: most that the averaged weights keep of themselves at a step.
        save, show: steps between checkpoints and between pictures.
    """

    steps: int
    batch: int
    rate: float
    matrix_rate: float = 0.01
    warmup: int = 50
    decay: float = 0.35
    ema: float = 0.995
    save: int = 100
    show: int = 200


@dataclass(frozen=True)
class Recipe:
    """One training run.

    Attributes:
        clips: clips in the pool.
        frames: frames of a clip, 1 + 4k.
        later: latent frames that clips of the pool are longer, so that what a step sees may also
            begin after the start of a clip, as every window of a long video but the first does.
        later_share: share of the clips of several frames that begin later.
        pictures: share of steps that see single pictures, at the start and at the end of the
            second lesson.
        sizes: width and height; clip i has size ``sizes[i % len(sizes)]``.
        block: clips in one file.
        live: render clips on the device when they are needed and keep only their latents.
        together: clips rendered live and compressed at once; one is fastest on a CPU.
        growth: clips that join the autoencoder's pool at each step, while the rest are rendered.
        crop, crop_frames: what the autoencoder sees of a clip in most steps.
        autoencoder, transformer, text_layers: sizes of the networks.
        first, reading, second, third: the lessons of autoencoder, text encoder and transformer,
            and of the decoder that is sharpened at the end.
        sharpness: strength of the critic in that; see `pleinair.diffusion.training.sharpening`.
        sharpened: how far the decoder goes from what it was to what that made of it, in [0, 1].
        shift: how much training prefers high noise; see `pleinair.dit.sampler.schedule`.
        dropped: share of captions replaced by the empty one, for guidance.
        device: "cpu", "cuda".
    """

    clips: int
    first: Lesson
    reading: Lesson
    second: Lesson
    third: Lesson
    sharpness: float = 0.5
    sharpened: float = 0.75
    frames: int = 17
    later: int = 0
    later_share: float = 0.0
    pictures: tuple[float, float] = (0.85, 0.25)
    sizes: tuple[tuple[int, int], ...] = SIZES
    block: int = 100
    live: bool = False
    together: int = 1
    growth: int = 8
    crop: int = 80
    crop_frames: int = 9
    autoencoder: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    text_layers: int = 2
    shift: float = 2.0
    dropped: float = 0.1
    device: str = "cpu"

    @property
    def length(self) -> int:
        """Frames of a clip in the pool."""
        return self.frames + TEMPORAL * self.later


def laptop() -> Recipe:
    """Two CPU cores for about 100 minutes; the model that ships with the package began with it."""
    return Recipe(
        clips=12_000,
        first=Lesson(steps=2_400, batch=8, rate=2e-3),
        reading=Lesson(steps=1_500, batch=96, rate=1e-3, decay=0.4),
        second=Lesson(steps=2_400, batch=5_600, rate=1e-3, warmup=60),
        third=Lesson(steps=3_000, batch=8, rate=2e-4, decay=0.5),
    )


def onward() -> Recipe:
    """A second sitting on two CPU cores, from the weights of the first: motion and long videos."""
    return replace(
        laptop(),
        clips=8_000,
        live=True,
        later=3,
        later_share=0.35,
        pictures=(0.2, 0.1),
        second=Lesson(steps=1_400, batch=5_600, rate=6e-4, matrix_rate=6e-3, warmup=40, decay=0.6),
    )


def gpu() -> Recipe:
    """One large GPU for about half an hour; it has not been run yet.

    Rendering is part of it: 200,000 clips become 3 GB of latents before the second lesson.
    """
    small = laptop()
    return replace(
        small,
        clips=200_000,
        block=1_000,
        live=True,
        together=100,
        first=Lesson(steps=6_000, batch=48, rate=2e-3, warmup=200, save=500, show=1_000),
        second=Lesson(
            steps=12_000,
            batch=57_600,
            rate=1e-3,
            warmup=200,
            ema=0.999,
            save=500,
            show=1_000,
        ),
        third=Lesson(steps=6_000, batch=48, rate=2e-4, decay=0.5, save=500, show=1_000),
        transformer=TransformerConfig(dim=512, layers=10, heads=8, hidden=2048),
        device="cuda",
    )


def tiny() -> Recipe:
    """Seconds on one core: for tests."""
    return Recipe(
        clips=10,
        block=5,
        frames=5,
        sizes=((48, 32), (32, 48)),
        crop=32,
        crop_frames=5,
        autoencoder=AutoencoderConfig(channels=8, quarter=8, eighth=8, group=8, latent=8, half=8),
        transformer=TransformerConfig(channels=8, dim=32, layers=2, heads=2, hidden=64),
        text_layers=1,
        first=Lesson(steps=6, batch=2, rate=1e-3, warmup=2, save=2, show=5),
        reading=Lesson(steps=6, batch=4, rate=1e-3, warmup=2, save=2),
        second=Lesson(steps=6, batch=24, rate=1e-3, warmup=2, save=2, show=5),
        third=Lesson(steps=6, batch=2, rate=1e-3, warmup=2, save=2, show=5),
    )


RECIPES: dict[str, Callable[[], Recipe]] = {
    "laptop": laptop,
    "onward": onward,
    "gpu": gpu,
    "tiny": tiny,
}


def recipe_named(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        TrainingError: there is none.
    """
    if name not in RECIPES:
        raise TrainingError(f"recipe: got {name!r}; allowed: {', '.join(RECIPES)}")
    return RECIPES[name]()
