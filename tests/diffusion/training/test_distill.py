import json
import random
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch

from pleinair.diffusion.model.autoencoder import Autoencoder
from pleinair.diffusion.model.checkpoint import load_model, save_model
from pleinair.diffusion.model.few import load_few
from pleinair.diffusion.model.pipeline import Pipeline
from pleinair.diffusion.model.vocabulary import Vocabulary
from pleinair.diffusion.training import distill, trajectories
from pleinair.diffusion.training.distill import Distillation, Run, leap, leap_loss, student_of
from pleinair.diffusion.training.loop import Video
from pleinair.diffusion.training.recipes import Lesson, recipe_named
from pleinair.diffusion.training.trajectories import STEPS, Teacher, Trajectories
from pleinair.diffusion.worlds.captions import vocabulary_words
from pleinair.dit.transformer import Transformer

pytestmark = pytest.mark.filterwarnings(
    "ignore:Mismatch dtype"
)  # as in training: norms are float32
TINY = recipe_named("tiny")
SIZES = ((48, 32), (32, 48))
LESSON = Lesson(steps=4, batch=0, rate=1e-2, warmup=1, save=2)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny teacher, whose velocities are not all zero."""
    monkeypatch.setattr(trajectories, "TOKENS", 90)
    torch.manual_seed(0)
    network = Video(TINY, Vocabulary(vocabulary_words()))
    torch.nn.init.normal_(network.transformer.head.head.weight, std=0.1)
    path = tmp_path / "tiny.safetensors"
    parts = Autoencoder(TINY.autoencoder), network.text, network.transformer, network.vocabulary
    save_model(path, *parts, {"shift": 2.0})
    return path


def test_the_teacher_goes_from_noise_to_a_clip_and_is_held_to_what_is_given(weights: Path) -> None:
    teacher = Teacher(load_model(weights), sizes=SIZES)
    made = [teacher.trajectories(0, number) for number in range(8)]
    for ways in made:
        levels, count, _, frames, _, _ = ways.latents.shape
        assert (levels, len(ways.levels), len(ways.captions)) == (STEPS + 1, STEPS + 1, count)
        assert ways.levels[0] == 1
        assert ways.levels[-1] == 0
        assert (ways.levels.diff() < 0).all()
        assert ways.held.shape == (frames,)
        still = ways.latents[:, :, :, ways.held]
        assert torch.equal(still, still[:1].expand_as(still))
        assert not ways.held.all()
    assert any(ways.held.any() for ways in made)
    again = teacher.trajectories(0, 3)
    assert torch.equal(again.latents, made[3].latents)
    assert again.captions == made[3].captions


def test_trajectories_are_read_as_they_were_written(weights: Path) -> None:
    made = Teacher(load_model(weights), sizes=SIZES).trajectories(0, 0)
    read = Trajectories.of(made.arrays())
    assert read.captions == made.captions
    assert torch.equal(read.latents, made.latents.half())
    assert torch.equal(read.held, made.held)


def test_a_student_begins_as_its_teacher(weights: Path) -> None:
    teacher = load_model(weights).transformer
    student = student_of(teacher)
    latents, context = torch.randn(1, 8, 2, 2, 3), torch.randn(1, 4, 256)
    sigma = torch.full((1, 2), 0.8)
    made = student(latents, sigma, context, until=sigma / 2)
    torch.testing.assert_close(made, teacher(latents, sigma, context))


def test_the_loss_is_nothing_for_who_leaps_as_the_teacher_walked(weights: Path) -> None:
    model = load_model(weights)
    ways = Teacher(model, sizes=SIZES).trajectories(0, 1)
    straight = ways.latents[:1] - ways.latents[-1:]  # on a straight way the velocity is one
    levels = ways.levels.view(-1, 1, 1, 1, 1, 1)
    line = Trajectories(
        ways.latents[-1:] + levels * straight, ways.levels, ways.held, ways.captions
    )

    class Perfect(torch.nn.Module):
        def forward(self, *_: object, **__: object) -> torch.Tensor:
            return straight[0]

    perfect = cast("Transformer", Perfect())
    assert leap_loss(perfect, model, line, random.Random(0)) < 1e-6
    assert leap_loss(student_of(model.transformer), model, line, random.Random(0)) > 1e-2


def test_leaps_stay_on_the_way_and_are_of_every_length() -> None:
    rng = random.Random(0)
    found = [leap(rng) for _ in range(500)]
    assert all(0 <= start < end <= STEPS for start, end in found)
    assert {end - start for start, end in found} == {1, 2, 3, 4, 6, 12}


def test_a_run_that_was_stopped_goes_on_and_gives_a_file_that_draws(weights: Path) -> None:
    plan = Distillation(files=2, first=1, lesson=LESSON, sizes=SIZES)
    out = weights.parent / "few"
    run = Run(plan, weights, out)
    run.record()
    before = {path: path.stat().st_mtime_ns for path in run.recorded()}
    assert len(before) == 2
    path = run.learn()
    run.record()
    assert {p: p.stat().st_mtime_ns for p in run.recorded()} == before
    steps = [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()]
    assert steps[2:6] == [1, 2, 3, 4]
    few, about = load_few(path, load_model(weights).transformer)
    assert (about["steps"], about["trajectories"], about["guidance"]) == (4, 2, 3.0)
    assert (
        few.state_dict()["span_embedding.2.weight"].abs().max() > 0
    )  # the student has learnt to look at it
    assert Run(plan, weights, out).learn() == path  # there is nothing left to learn
    path.replace(weights.with_name(path.name))
    clips = Pipeline.load(weights).generate(
        "a lake", seconds=1, width=48, height=32, seed=1, steps=2, guidance=None
    )
    assert clips.video.shape == (1, 3, 9, 32, 48)


def test_the_teacher_is_recorded_beside_the_student(weights: Path) -> None:
    plan = Distillation(files=1, first=1, lesson=LESSON, sizes=SIZES)
    path = distill.distill(weights, weights.parent / "few", distillation=plan)
    assert path.name == "tiny-few.safetensors"
    assert path.is_file()


def test_a_student_begins_with_what_an_earlier_one_has_learnt(weights: Path) -> None:
    plan = Distillation(files=1, first=1, lesson=LESSON, sizes=SIZES)
    first = Run(plan, weights, weights.parent / "first")
    first.record()
    earlier = first.learn()
    still = replace(LESSON, steps=1, rate=1e-9, matrix_rate=1e-9)
    second = Run(replace(plan, lesson=still, start=earlier), weights, weights.parent / "second")
    second.record()
    teacher = load_model(weights).transformer
    one, other = (load_few(path, teacher)[0].state_dict() for path in (earlier, second.learn()))
    for name, value in one.items():
        torch.testing.assert_close(other[name], value, rtol=0.02, atol=2e-3)
    assert not torch.allclose(one["span_embedding.2.weight"], torch.tensor(0.0))
