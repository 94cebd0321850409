from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from pleinair.diffusion.model.checkpoint import Model, save_model
from pleinair.diffusion.model.pipeline import Pipeline, latent_frames
from pleinair.diffusion.model.vocabulary import MAX_WORDS
from pleinair.dit.clips import Clips
from pleinair.dit.speed import Speed, hasten, natural_dtype
from pleinair.errors import InputError, ModelError

ASKED: dict[str, Any] = {"width": 48, "height": 32, "seed": 5, "steps": 3, "guidance": 3.0}
NUMBERS = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])


@pytest.fixture
def pipeline(model: Model) -> Pipeline:
    return Pipeline(model)


def _draw(pipeline: Pipeline, prompt: str = "a red boat", **changes: object) -> Clips:
    return pipeline.generate(prompt, **ASKED | changes)


def _watch(pipeline: Pipeline) -> list[tuple[Tensor, Tensor]]:
    """Latents and levels of every evaluation to come."""
    seen: list[tuple[Tensor, Tensor]] = []
    pipeline.transformer.register_forward_pre_hook(
        lambda _, inputs: seen.append((inputs[0].clone(), inputs[1].clone()))
    )
    return seen


@pytest.mark.parametrize(
    ("seconds", "latents"),
    [(0.001, 1), (0.1, 1), (0.25, 2), (0.5, 2), (1, 3), (2, 5), (2.2, 6), (3, 7), (60, 121)],
)
def test_latent_frames_cover_the_seconds_and_no_more(seconds: float, latents: int) -> None:
    assert latent_frames(seconds) == latents
    frames = 4 * (latents - 1) + 1
    assert 0 <= frames - max(1, round(8 * seconds)) <= 3


@pytest.mark.parametrize(("seconds", "frames"), [(0.1, 1), (0.5, 5), (2, 17), (2.2, 21), (5, 41)])
def test_videos_have_the_frames_that_were_asked_for(
    pipeline: Pipeline, seconds: float, frames: int
) -> None:
    clips = _draw(pipeline, seconds=seconds)
    assert clips.video.shape == (1, 3, frames, 32, 48)
    assert clips.video.dtype == torch.float32
    assert clips.video.abs().amax() <= 1
    assert list(clips.timings) == ["text", "denoise", "decode"]


@NUMBERS
def test_the_same_seed_gives_the_same_video(model: Model, dtype: torch.dtype) -> None:
    pipeline = Pipeline(model, dtype)
    video = _draw(pipeline).video
    torch.manual_seed(77)
    assert torch.equal(_draw(pipeline).video, video)
    assert not torch.equal(_draw(pipeline, seed=6).video, video)


@NUMBERS
def test_a_variation_is_what_its_seed_alone_gives(model: Model, dtype: torch.dtype) -> None:
    pipeline = Pipeline(model, dtype)
    three = _draw(pipeline, variations=3, seconds=3).video
    for i, video in enumerate(three):
        assert torch.equal(_draw(pipeline, seed=5 + i, seconds=3).video[0], video)
    assert not torch.equal(three[0], three[1])


@NUMBERS
def test_a_longer_clip_begins_with_the_shorter_one(model: Model, dtype: torch.dtype) -> None:
    pipeline = Pipeline(model, dtype)
    short, longer = _draw(pipeline).video, _draw(pipeline, seconds=6).video
    assert torch.equal(longer[:, :, :17], short)
    pieces = [longer[:, :, i : i + 12] for i in (17, 29)]
    assert not torch.equal(*pieces)


def test_each_window_is_given_the_end_of_the_one_before(pipeline: Pipeline) -> None:
    seen = _watch(pipeline)
    _draw(pipeline, seconds=4, guidance=1)  # 9 latent frames: 5, 3 more, 1 more
    assert [latents.shape[2] for latents, _ in seen] == [5] * 3 + [5] * 3 + [3] * 3
    for latents, levels in seen[3:]:
        assert not levels[:, :2].any()
        assert (levels[:, 2:] > 0).all()
        assert torch.isfinite(latents).all()
    for (before, _), (after, _) in pairwise(seen[3:6]):
        assert torch.equal(before[:, :, :2], after[:, :, :2])


@torch.no_grad()
def test_given_latents_are_kept(pipeline: Pipeline) -> None:
    first, last = torch.randn(2, 8, 2, 3)
    seen = _watch(pipeline)
    video = _draw(pipeline, given={0: first, 4: last}).video
    for latents, levels in seen:
        assert torch.equal(latents[0, :, 0], first)
        assert torch.equal(latents[0, :, 4], last)
        assert not levels[:, [0, 4]].any()
    picture = pipeline.autoencoder.decode(first[None, :, None]).clamp(-1, 1)
    torch.testing.assert_close(video[:, :, :1], picture)
    assert not torch.equal(_draw(pipeline).video[:, :, 1:5], video[:, :, 1:5])


@torch.no_grad()
def test_frames_are_encoded_and_come_back_where_they_are_given(pipeline: Pipeline) -> None:
    frames = torch.rand(3, 7, 32, 48) * 2 - 1
    latents = pipeline.encode(frames)
    assert latents.shape == (8, 3, 2, 3)
    padded = torch.cat([frames, frames[:, -1:].expand(-1, 2, -1, -1)], 1)
    torch.testing.assert_close(latents, pipeline.autoencoder.encode(padded[None])[0])
    torch.testing.assert_close(pipeline.encode(frames[:, :1]), latents[:, :1])
    video = _draw(pipeline, given={0: latents[:, 0]}).video
    alone = pipeline.autoencoder.decode(latents[None, :, :1]).clamp(-1, 1)
    torch.testing.assert_close(video[:, :, :1], alone)


@NUMBERS
def test_a_source_redrawn_at_full_strength_is_no_source(model: Model, dtype: torch.dtype) -> None:
    pipeline = Pipeline(model, dtype)
    source = torch.randn(8, 6, 2, 3)
    redrawn = _draw(pipeline, seconds=2.5, source=source, strength=1.0)
    assert torch.equal(redrawn.video, _draw(pipeline, seconds=2.5).video)


@torch.no_grad()
def test_the_weaker_a_redrawing_the_nearer_it_stays(pipeline: Pipeline) -> None:
    source = torch.randn(8, 6, 2, 3)
    clip = pipeline.autoencoder.decode(source[None]).clamp(-1, 1)
    far = [
        float((_draw(pipeline, seconds=2.5, source=source, strength=s).video - clip).abs().mean())
        for s in (0.02, 0.4, 0.8)
    ]
    assert far == sorted(far)
    assert far[0] < far[2] / 10


def test_a_redrawing_takes_the_steps_below_its_strength(pipeline: Pipeline) -> None:
    seen = _watch(pipeline)
    told: list[tuple[int, int, str]] = []
    _draw(
        pipeline,
        seconds=3,
        guidance=1,
        source=torch.randn(8, 7, 2, 3),
        strength=0.85,
        progress=lambda *what: told.append(what),
    )  # of the levels 1, 0.8 and 0.5 the last two are left, after its own
    assert [float(levels.max()) for _, levels in seen] == pytest.approx([0.85, 0.8, 0.5] * 2)
    assert told[:-1] == [(i, 6, "denoise") for i in range(7)]
    assert not seen[3][1][:, :2].any()  # the second window is given the end of the first


def test_what_a_negative_prompt_names_is_led_away_from(pipeline: Pipeline) -> None:
    plain = _draw(pipeline).video
    assert torch.equal(_draw(pipeline, negative_prompt="").video, plain)
    assert not torch.equal(_draw(pipeline, negative_prompt="a lake at night").video, plain)
    same = _draw(pipeline, negative_prompt="a red boat").video  # nothing to be led away from
    torch.testing.assert_close(same, _draw(pipeline, guidance=1).video)


def test_without_guidance_a_negative_prompt_has_no_effect(pipeline: Pipeline) -> None:
    plain = _draw(pipeline, guidance=1).video
    assert torch.equal(_draw(pipeline, guidance=1, negative_prompt="night").video, plain)


def test_a_look_is_decoded_only_when_it_is_asked_for(pipeline: Pipeline) -> None:
    decoded: list[int] = []
    decode = pipeline.autoencoder.decoder.register_forward_pre_hook(
        lambda _, inputs: decoded.append(inputs[0].shape[2])
    )
    offers: list[int] = []
    video = _draw(pipeline, seconds=4, preview=lambda _: offers.append(len(decoded))).video
    assert offers == [0] * 9  # three windows of three steps, and nothing was decoded
    decode.remove()
    looks: list[Tensor] = []
    seen = _draw(pipeline, seconds=4, preview=lambda look: looks.append(look())).video
    assert torch.equal(seen, video)
    assert [look.shape for look in looks] == [(3, 5, 32, 48)] * 9
    assert not any(look.requires_grad for look in looks)
    assert not torch.equal(looks[0], looks[2])


def test_a_look_shows_what_is_given_as_it_is(pipeline: Pipeline) -> None:
    frames = torch.rand(3, 5, 32, 48) * 2 - 1
    latents = pipeline.encode(frames)
    looks: list[Tensor] = []
    clips = _draw(
        pipeline,
        seconds=0.5,
        given=dict(enumerate(latents.unbind(1))),
        preview=lambda look: looks.append(look()),
    )
    torch.testing.assert_close(looks[0], clips.video[0])


def test_a_window_that_is_given_whole_comes_back(pipeline: Pipeline) -> None:
    clean = torch.randn(8, 2, 3)
    assert torch.equal(
        _draw(pipeline, seconds=0.1, given={0: clean}).video,
        _draw(pipeline, seconds=0.1, seed=9, given={0: clean}).video,
    )


def test_the_prompt_and_its_strength_matter(pipeline: Pipeline) -> None:
    videos = [
        _draw(pipeline, "a lake at night").video,
        _draw(pipeline).video,
        _draw(pipeline, guidance=1).video,
        _draw(pipeline, guidance=6).video,
    ]
    for one, other in pairwise(videos):
        assert not torch.equal(one, other)
    nothing = _draw(pipeline, "a lake", guidance=0).video
    torch.testing.assert_close(nothing, _draw(pipeline, "", guidance=0).video)


def test_guidance_of_one_and_levels_outside_the_interval_cost_half(pipeline: Pipeline) -> None:
    seen = _watch(pipeline)
    plain = _draw(pipeline, guidance=1).video
    outside = _draw(pipeline, interval=(2, 3)).video
    assert [len(latents) for latents, _ in seen] == [1] * 6
    assert torch.equal(plain, outside)
    seen.clear()
    _draw(pipeline, interval=(0, 0.9))
    assert [len(latents) for latents, _ in seen] == [1, 2, 2]


def test_words_that_say_nothing_are_told(pipeline: Pipeline) -> None:
    clips = _draw(pipeline, "a red dragon")
    assert (clips.unknown, clips.cut) == (("dragon",), 0)
    clips = _draw(pipeline, "lake " * (MAX_WORDS + 3))
    assert (clips.unknown, clips.cut) == ((), 3)


def test_progress_is_told_from_the_start(pipeline: Pipeline) -> None:
    told: list[tuple[int, int, str]] = []
    _draw(pipeline, variations=2, seconds=3, progress=lambda *what: told.append(what))
    assert told == [
        *((i, 12, "denoise") for i in range(13)),
        (0, 2, "decode"),
        (1, 2, "decode"),
    ]


@pytest.mark.parametrize("after", [0, 2])
def test_progress_may_stop_the_work(pipeline: Pipeline, after: int) -> None:
    seen = _watch(pipeline)

    def stop(done: int, _total: int, _stage: str) -> None:
        if done == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _draw(pipeline, progress=stop)
    assert len(seen) == after
    assert torch.equal(_draw(pipeline).video, _draw(pipeline).video)


def test_half_precision_draws_the_same_picture(model: Model) -> None:
    exact = _draw(Pipeline(model)).video
    half = _draw(Pipeline(model, torch.bfloat16)).video
    assert (exact - half).abs().mean() < 0.02


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"width": 50}, "size"),
        ({"given": {5: torch.zeros(8, 2, 3)}}, "given"),
        ({"given": {-1: torch.zeros(8, 2, 3)}}, "given"),
        ({"given": {0: torch.zeros(8, 3, 2)}}, "given"),
        ({"source": torch.zeros(8, 4, 2, 3)}, "source"),
        ({"source": torch.zeros(8, 5, 2, 3), "strength": 0.0}, "strength"),
    ],
)
def test_what_does_not_fit_is_refused(
    pipeline: Pipeline, changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(InputError, match=named):
        _draw(pipeline, **changes)


def test_a_file_draws_like_the_model_it_was_made_from(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    parts = (model.autoencoder, model.text, model.transformer, model.vocabulary, model.about)
    save_model(path, *parts)
    loaded = Pipeline.load(path, dtype=torch.float32)
    assert (_draw(loaded).video - _draw(Pipeline(model)).video).abs().mean() < 0.01
    assert Pipeline.load(path).dtype == natural_dtype("cpu")
    with pytest.raises(ModelError, match="none"):
        Pipeline.load(tmp_path / "none")


def test_a_pipeline_takes_its_speed(model: Model) -> None:
    asked: dict[str, Any] = {"width": 48, "height": 32, "seed": 5, "steps": 4, "guidance": 3.0}
    plain = Pipeline(model).generate("a red boat", **asked).video
    exact = Speed(dtype="float32")
    hasten(model.transformer, exact)
    video = Pipeline(model, speed=exact).generate("a red boat", **asked).video
    torch.testing.assert_close(video, plain, atol=1e-4, rtol=1e-4)
    runs: list[int] = []
    model.transformer.blocks[-1].register_forward_pre_hook(
        lambda _, inputs: runs.append(len(inputs[0]))
    )
    rough = Speed(dtype="float32", every=2)
    pipeline = Pipeline(model, speed=rough)
    near = pipeline.generate("a red boat", **asked).video
    assert runs == [2, 1, 2, 1]
    assert 0 < (near - plain).abs().mean() < 0.05
