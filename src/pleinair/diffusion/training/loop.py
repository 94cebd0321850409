"""A training run: render clips, learn to compress them, compress them, read, make them.

Everything is kept under one folder, and a run that was stopped, even killed, goes on from its
last checkpoint when it is started again.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from pleinair.diffusion.model.autoencoder import SPATIAL, TEMPORAL, Autoencoder
from pleinair.diffusion.model.checkpoint import load_model
from pleinair.diffusion.model.text import TextConfig, TextEncoder, batch
from pleinair.diffusion.model.vocabulary import Vocabulary
from pleinair.diffusion.training import data, losses
from pleinair.diffusion.training.lesson import beside, teach
from pleinair.diffusion.training.reading import Reader, captions_of_step, reading_loss
from pleinair.diffusion.training.recipes import Lesson, Recipe, recipe_named
from pleinair.diffusion.training.report import Report, save_sheet
from pleinair.diffusion.training.sharpening import Sharpening, between
from pleinair.diffusion.training.state import Learner, write_whole
from pleinair.diffusion.worlds.captions import vocabulary_words
from pleinair.dit.sampler import adams, guided, schedule
from pleinair.dit.transformer import Transformer
from pleinair.errors import TrainingError

STAGES = ("render", "autoencoder", "latents", "reading", "diffusion", "sharpening")
PROMPTS = (
    "a red sailboat on a calm sea at sunset, clear sky",
    "two yellow balloons over a green meadow by day",
    "a lighthouse on the coast at night, pan right",
    "mountains in fog at dawn, pines",
    "une ville sous la pluie au crépuscule",
    "a desert at golden hour, zoom in",
)


class Video(nn.Module):
    """The text encoder and the transformer, which learn together."""

    def __init__(self, recipe: Recipe, vocabulary: Vocabulary) -> None:
        super().__init__()
        config = recipe.transformer
        self.vocabulary = vocabulary
        self.text = TextEncoder(
            TextConfig(len(vocabulary), dim=config.text, layers=recipe.text_layers)
        )
        self.transformer = Transformer(config)

    def forward(self, latents: Tensor, sigma: Tensor, prompts: list[str]) -> Tensor:
        """Velocity (B, C, F, h, w) of noisy latents at the levels (B, F), for B prompts."""
        ids = batch([self.vocabulary.encode(prompt) for prompt in prompts])
        context, mask = self.text(ids.to(latents.device))
        velocity: Tensor = self.transformer(latents, sigma, context, mask)
        return velocity


class Run:
    """One recipe, one folder, one seed."""

    def __init__(self, recipe: Recipe, out: Path, seed: int) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self.recipe, self.out, self.seed = recipe, out, seed
        self.device = torch.device(recipe.device)
        self.clips = data.rendered(recipe, out / "clips", seed)

    def begin(self, weights: Path) -> None:
        """Take the networks of a model as what the stages before diffusion have left.

        Raises:
            ModelError: the file is not one that this version reads.
            TrainingError: the model is of other sizes or words than the recipe.
        """
        model = load_model(weights)
        if (
            model.transformer.config != self.recipe.transformer
            or model.autoencoder.config != self.recipe.autoencoder
            or model.vocabulary.to_list() != Vocabulary(vocabulary_words()).to_list()
        ):
            raise TrainingError(f"start: {weights} is a model of other sizes or words")
        for stage, network in (
            ("autoencoder", model.autoencoder),
            ("reading", model.text),
            ("start", model.transformer),
        ):
            write_whole(self.out / f"{stage}-done.pt", network.state_dict())

    # Stage 1: clips.

    def render(self, part: int = 0, parts: int = 1) -> None:
        """Render every block of the pool, or one part of many of them."""
        self._fill("render", self.clips, part, parts)

    # Stage 2: the autoencoder.

    def autoencoder(self, minutes: float | None = None) -> None:
        """Teach the autoencoder with crops and whole clips."""
        torch.manual_seed(self.seed)
        network = Autoencoder(self.recipe.autoencoder).to(self.device)
        matrices = [
            w for w in network.parameters() if w.ndim == 4 and len(w) >= 32 and w[0].numel() >= 64
        ]
        learner = Learner(
            network, self.recipe.first, matrices=matrices, budget=minutes and 60 * minutes
        )

        def loss(learner: Learner) -> Tensor:
            _, generator = data.step_rng(self.seed, "autoencoder", learner.step)
            pool = min(self.recipe.clips, self.recipe.block + self.recipe.growth * learner.step)
            seen = self._pictures(learner.step, self.recipe.first, pool).to(self.device)
            with self._mixed():
                latents = network.encode(seen)
                made = network.decode(losses.blurred(latents, generator))
            return losses.autoencoder_loss(seen, made.float(), latents.float())

        def show(path: Path) -> None:
            save_sheet(path, self._decoded(network))

        teach(self.out, "autoencoder", learner, loss, show)
        network.load_state_dict(learner.average)
        with torch.no_grad(), self._mixed():
            sample = [
                network.encode(self._clips([i]).to(self.device))
                for i in range(min(200, self.recipe.clips))
            ]
        network.normalise(torch.cat([latents.float().flatten(2) for latents in sample], 2))
        write_whole(self.out / "autoencoder-done.pt", network.state_dict())

    @torch.no_grad()
    def _decoded(self, network: Autoencoder) -> list[Tensor]:
        """A clip of each size, and what the autoencoder makes of it."""
        rows = []
        for index in range(len(self.recipe.sizes)):
            clip = self._clips([index]).to(self.device)
            with self._mixed():
                rows += [clip[0], network.decode(network.encode(clip))[0].float()]
        return rows

    def _pictures(self, step: int, lesson: Lesson, pool: int) -> Tensor:
        """What is seen in a step of the first clips: mostly crops, sometimes whole frames."""
        recipe = self.recipe
        rng, _ = data.step_rng(self.seed, "pictures", step)
        whole = rng.random() < 0.15
        count = max(1, lesson.batch // 2) if whole else lesson.batch
        clips = self._clips(data.pick(recipe, rng, rng.choice(recipe.sizes), count, pool))
        start = rng.randrange(recipe.frames - recipe.crop_frames + 1)
        clips = clips[:, :, start : start + recipe.crop_frames]
        if whole:
            return clips
        side, (height, width) = recipe.crop, clips.shape[3:]
        corners = [
            (rng.randrange(height - side + 1), rng.randrange(width - side + 1)) for _ in clips
        ]
        return torch.stack(
            [
                clip[:, :, y : y + side, x : x + side]
                for clip, (y, x) in zip(clips, corners, strict=True)
            ]
        )

    def _clips(self, indices: list[int]) -> Tensor:
        if self.recipe.live:
            return data.draw(self.recipe, self.seed, indices, self.recipe.device)
        return data.from_bytes(torch.stack([self.clips[index] for index in indices]))

    # Stage 3: latents.

    def latents(self, part: int = 0, parts: int = 1) -> None:
        """Compress every block of the pool, or one part of many of them."""
        self._fill("latents", self._latents(), part, parts)

    def _trained_autoencoder(self) -> Autoencoder:
        network = Autoencoder(self.recipe.autoencoder)
        network.load_state_dict(self._done("autoencoder"))
        return network.to(self.device).eval().requires_grad_(False)

    def _done(self, stage: str) -> dict[str, Tensor]:
        """The weights that a stage has left."""
        path = self.out / f"{stage}-done.pt"
        if not path.exists():
            raise TrainingError(f"{path}: missing; run the stage '{stage}' first")
        weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
        return weights

    def _latents(self) -> data.Blocks:
        network = self._trained_autoencoder()

        def make(indices: range) -> data.Arrays:
            arrays: data.Arrays = {}
            for alike in data.of_one_size(self.recipe, indices):
                with torch.no_grad(), self._mixed():
                    latents = network.encode(self._clips(alike).to(self.device)).half().cpu()
                arrays |= {str(i): each.numpy() for i, each in zip(alike, latents, strict=True)}
            return arrays

        return data.Blocks(self.out / "latents", self.recipe.block, make)

    # Stage 4: reading.

    def reading(self, minutes: float | None = None) -> None:
        """Teach the text encoder what captions say."""
        torch.manual_seed(self.seed)
        video = Video(self.recipe, Vocabulary(vocabulary_words()))
        reader = Reader(video.text, video.vocabulary, self.recipe.transformer.text).to(self.device)
        learner = Learner(reader, self.recipe.reading, budget=minutes and 60 * minutes)

        def loss(learner: Learner) -> Tensor:
            captions, labels = captions_of_step(self.seed, learner.step, self.recipe.reading.batch)
            with self._mixed():
                scores = reader(captions)
            return reading_loss({name: score.float() for name, score in scores.items()}, labels)

        teach(self.out, "reading", learner, loss)
        reader.load_state_dict(learner.average)
        write_whole(self.out / "reading-done.pt", reader.text.state_dict())

    # Stage 5: diffusion.

    def diffusion(self, minutes: float | None = None) -> None:
        """Teach the text encoder and the transformer with captioned latents."""
        recipe, seed = self.recipe, self.seed
        autoencoder = self._trained_autoencoder()
        stored = self._latents()
        torch.manual_seed(seed)
        network = Video(recipe, Vocabulary(vocabulary_words())).to(self.device)
        network.text.load_state_dict(self._done("reading"))
        if (self.out / "start-done.pt").exists():
            network.transformer.load_state_dict(self._done("start"))
        matrices = [
            weight for weight in network.transformer.blocks.parameters() if weight.ndim == 2
        ]
        learner = Learner(
            network, recipe.second, matrices=matrices, budget=minutes and 60 * minutes
        )
        longest = 1 + recipe.frames // TEMPORAL

        def loss(learner: Learner) -> Tensor:
            rng, generator = data.step_rng(seed, "diffusion", learner.step)
            frames = data.frames_of_step(rng, longest, learner.progress, recipe.pictures)
            start = data.start_of_step(rng, recipe, frames)
            width, height = size = rng.choice(recipe.sizes)
            count = max(1, recipe.second.batch // (frames * width * height // SPATIAL**2))
            indices = data.pick(recipe, rng, size, count, recipe.clips)
            # Later frames never change earlier latents: a prefix is the latents of a shorter clip.
            clean = torch.stack([stored[index][:, start : start + frames] for index in indices])
            clean = clean.to(self.device).float()
            sigma, given = losses.noise_levels(
                count, frames, recipe.shift, generator, later=start > 0
            )
            noise = torch.randn(clean.shape, generator=generator).to(self.device)
            sigma, given = sigma.to(self.device), given.to(self.device)
            noisy = torch.lerp(clean, noise, sigma[:, None, :, None, None])
            captions = data.captions_of(seed, indices, rng, recipe.dropped)
            with self._mixed():
                velocity = network(noisy, sigma, captions)
            return losses.velocity_loss(velocity.float(), clean, noise, given)

        def show(path: Path) -> None:
            with self._averaged(learner):
                save_sheet(path, self._samples(network, autoencoder, longest))

        teach(self.out, "diffusion", learner, loss, show)
        network.load_state_dict(learner.average)
        write_whole(self.out / "diffusion-done.pt", network.state_dict())

    # Stage 6: a sharper decoder.

    def sharpening(self, minutes: float | None = None) -> None:
        """Teach the decoder what a critic misses in its pictures; the encoder stays."""
        autoencoder = self._trained_autoencoder()
        torch.manual_seed(self.seed)
        network = Sharpening(autoencoder, self.recipe.sharpness).to(self.device)
        network.requires_grad_(True)
        learner = Learner(network, self.recipe.third, budget=minutes and 60 * minutes)

        def loss(learner: Learner) -> Tensor:
            _, generator = data.step_rng(self.seed, "sharpening", learner.step)
            seen = self._pictures(learner.step, self.recipe.third, self.recipe.clips)
            seen = seen.to(self.device)
            with self._mixed():
                with torch.no_grad():
                    latents = autoencoder.encode(seen)
                made = autoencoder.decode(losses.blurred(latents, generator))
            return network.loss(seen, made.float(), latents.float())

        def show(path: Path) -> None:
            with self._averaged(learner):
                save_sheet(path, self._decoded(autoencoder))

        teach(self.out, "sharpening", learner, loss, show)
        network.load_state_dict(learner.average)
        before = self._trained_autoencoder().to(self.device).state_dict()
        weights = between(before, autoencoder.state_dict(), self.recipe.sharpened)
        write_whole(self.out / "sharpening-done.pt", weights)

    @torch.no_grad()
    def _samples(self, network: Video, autoencoder: Autoencoder, frames: int) -> list[Tensor]:
        """A clip (3, T, H, W) for each of PROMPTS."""
        width, height = self.recipe.sizes[0]
        shape = (self.recipe.transformer.channels, frames, height // SPATIAL, width // SPATIAL)
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn((len(PROMPTS), *shape), generator=generator).to(self.device)
        velocity = guided(
            lambda latents, sigma: network(latents, sigma, list(PROMPTS)).float(),
            lambda latents, sigma: network(latents, sigma, [""] * len(PROMPTS)).float(),
            3.0,
        )
        with self._mixed():
            latents = adams(velocity, noise, schedule(16, shift=self.recipe.shift))
            return list(autoencoder.decode(latents).float())

    # What the stages share.

    def _fill(self, stage: str, blocks: data.Blocks, part: int, parts: int) -> None:
        """Make every block of the pool, or one part of many of them."""
        numbers = range(part, -(-self.recipe.clips // self.recipe.block), parts)
        with Report(self.out, stage) as report:
            for done, block in enumerate(numbers):
                blocks.fill(block)
                report.step(done + 1, len(numbers))

    @contextlib.contextmanager
    def _averaged(self, learner: Learner) -> Iterator[None]:
        """The network with its averaged weights, for a while."""
        weights = {name: value.clone() for name, value in learner.network.state_dict().items()}
        learner.network.load_state_dict(learner.average)
        try:
            yield
        finally:
            learner.network.load_state_dict(weights)

    def _mixed(self) -> torch.autocast:
        """Products in bfloat16, the rest in float32."""
        return torch.autocast(self.device.type, torch.bfloat16)


def run(
    recipe: str,
    out: Path,
    *,
    stages: tuple[str, ...] | None = None,
    minutes: dict[str, float] | None = None,
    threads: int | None = None,
    seed: int = 0,
    start: Path | None = None,
) -> None:
    """Train a model, or go on training it.

    Args:
        recipe: a name in `pleinair.diffusion.training.recipes.RECIPES`.
        out: the folder of the run.
        stages: some of STAGES, in their order; None for all. Where the autoencoder follows,
            rendering goes on in a second process beside it.
        minutes: time to spend on a stage that learns, which then decides its number of steps;
            without it the recipe does, and a run that was killed ends bit for bit where it would.
        threads: of the process that learns; None for torch's choice.
        seed: decides the clips, the weights and every step.
        start: a model from which diffusion goes on; then nothing before latents is learnt again.

    Raises:
        ModelError: ``start`` is not a model that can be read.
        TrainingError: for an unknown recipe or stage, or a stage before what it needs.
    """
    if stages is None:
        stages = STAGES if start is None else ("latents", "diffusion", "sharpening")
    minutes = minutes or {}
    for name in (*stages, *minutes):
        if name not in STAGES:
            raise TrainingError(f"stage: got {name!r}; allowed: {', '.join(STAGES)}")
    if threads:
        torch.set_num_threads(threads)
    job = Run(recipe_named(recipe), out, seed)
    if start is not None:
        job.begin(start)
    if job.recipe.live:
        stages = tuple(stage for stage in stages if stage != "render")
    with contextlib.ExitStack() as at_end:
        if "render" in stages:
            renderer = beside(_stage, recipe, out, seed, "render")
            at_end.callback(renderer.join)
            job.clips.patience = renderer.is_alive
            if "autoencoder" not in stages:
                renderer.join()
        if "autoencoder" in stages:
            job.autoencoder(minutes.get("autoencoder"))
        if "latents" in stages:
            job.latents()
        if "reading" in stages:
            job.reading(minutes.get("reading"))
        if "diffusion" in stages:
            job.diffusion(minutes.get("diffusion"))
        if "sharpening" in stages:
            job.sharpening(minutes.get("sharpening"))


def _stage(recipe: str, out: Path, seed: int, stage: str) -> None:
    getattr(Run(recipe_named(recipe), out, seed), stage)()
