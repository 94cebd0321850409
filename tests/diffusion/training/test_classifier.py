import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pleinair.diffusion.training import classifier as c
from pleinair.diffusion.training import classifier_loop as loop
from pleinair.diffusion.training.data import from_bytes
from pleinair.diffusion.worlds.scene import (
    CAMERAS,
    COLOURS,
    DIRECTIONS,
    PLACES,
    THINGS,
    Scene,
    Thing,
)
from pleinair.errors import ModelError

TINY = c.ClassifierConfig(widths=(8, 8, 12, 16), detectors=4, described=4, window=16, features=24)
SCENE = Scene(
    "sea",
    "day",
    "clear",
    "pan left",
    "photo",
    (Thing("sailboat", 3, "red", "right"), Thing("lighthouse")),
    seed=1,
)


def noise(count: int, height: int = 80, width: int = 144) -> torch.Tensor:
    size = (count, 3, 17, height, width)
    return torch.randint(0, 256, size, dtype=torch.uint8, generator=torch.manual_seed(0))


def test_truth_says_what_is_there_and_nothing_else() -> None:
    labels = c.truth([SCENE])
    assert PLACES[int(labels["place"])] == "sea"
    assert CAMERAS[int(labels["camera"])] == "pan left"
    kinds = [kind for kind, there in zip(THINGS, labels["things"][0], strict=True) if there]
    assert kinds == ["sailboat", "lighthouse"]
    assert labels["number"][0].tolist() == [2, c.UNKNOWN, c.UNKNOWN, c.UNKNOWN]
    assert labels["colour"][0].tolist() == [COLOURS.index("red"), c.UNKNOWN]
    assert labels["direction"][0].tolist() == [DIRECTIONS.index("right"), c.UNKNOWN, c.UNKNOWN]


def test_a_mirror_turns_pans_and_drifts_round_and_nothing_else() -> None:
    labels = c.truth([SCENE, replace(SCENE, camera="tilt up")])
    turned = loop.mirrored(labels)
    assert [CAMERAS[i] for i in turned["camera"]] == ["pan right", "tilt up"]
    assert turned["direction"][0].tolist() == [0, c.UNKNOWN, c.UNKNOWN]
    twice = loop.mirrored(turned)
    assert all(torch.equal(twice[name], labels[name]) for name in labels)


@pytest.mark.parametrize(("height", "width"), [(80, 144), (144, 80), (112, 112)])
def test_reads_every_native_size(height: int, width: int) -> None:
    reader = c.Classifier(TINY).eval()
    labels, features = c.judge(reader, list(noise(2, height, width)))
    assert features.shape == (2, 24)
    truth = c.truth([SCENE, SCENE])
    assert {name: label.shape for name, label in labels.items()} == {
        name: label.shape for name, label in truth.items()
    }


def test_number_never_exceeds_what_a_kind_may_have() -> None:
    scores = {name: torch.zeros(1, *shape) for name, shape in c.HEADS.items()}
    scores["number"][..., -1] = 1
    labels = c.read(scores)
    assert (labels["number"][0] + 1).tolist() == [1, 1, 5, 5]


def test_clips_of_mixed_sizes_come_back_in_order() -> None:
    clips = [clip for size in ((80, 144), (112, 112)) for clip in noise(3, *size)]
    order = [clips[i] for i in (0, 3, 1, 4, 2, 5)]
    means = c.each(order, lambda video: video.flatten(1).mean(1), batch=2)
    expected = [from_bytes(clip).mean().item() for clip in order]
    assert [mean.item() for mean in means] == pytest.approx(expected, abs=1e-6)


def test_windows_see_a_flash_between_their_frames() -> None:
    video = torch.zeros(1, 3, 17, 80, 144)
    video[:, :, 5] = 1
    pictures, motion = c.windows(video)
    assert pictures.shape == (2, 6, 80, 144)
    assert motion.shape == (2, 18, 10, 18)
    assert pictures[:, 5].amax((1, 2)).tolist() == pytest.approx([1, 0])


def test_saved_and_loaded_it_reads_the_same(tmp_path: Path) -> None:
    path = tmp_path / "classifier.safetensors"
    reader = c.Classifier(TINY).half().float().eval()
    c.save_classifier(reader, path, {"seen": 0})
    clips = list(noise(1))
    assert torch.equal(c.judge(c.load_classifier(path), clips)[1], c.judge(reader, clips)[1])


def test_a_smaller_one_passes_on_what_fits(tmp_path: Path) -> None:
    path = tmp_path / "classifier.safetensors"
    older = c.Classifier(replace(TINY, window=8)).half().float()
    c.save_classifier(older, path, {"clips": 5})
    newer = c.Classifier(TINY)
    own = newer.window.weight.clone()
    assert loop.keep_what_fits(newer, path) == {"clips": 5}
    kept, own_again = newer.state_dict(), older.state_dict()
    assert torch.equal(kept["far.0.weight"], own_again["far.0.weight"])
    assert torch.equal(newer.window.weight, own)


def test_a_file_that_is_no_classifier_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.safetensors"
    for content in (b"", b"not a model at all"):
        path.write_bytes(content)
        with pytest.raises(ModelError, match="is not a classifier") as caught:
            c.load_classifier(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(ModelError):
        c.load_classifier(tmp_path / "none.safetensors")


def test_batches_show_every_clip_once_before_any_again_and_mix_no_sizes() -> None:
    sizes = [(144, 80)] * 9 + [(112, 112)] * 4
    batches = loop._batches(sizes, 4, random.Random(0))
    epoch = [next(batches) for _ in range(4)]
    assert sorted(i for batch in epoch for i in batch) == list(range(13))
    assert all(len({sizes[i] for i in batch}) == 1 for batch in epoch)


def test_softened_clips_follow_the_rendered_ones(tmp_path: Path) -> None:
    clips = list(noise(50, 16, 16))
    soft = loop.soften(clips, tmp_path, lambda video: video * 0)
    pool = loop.Softened(clips, soft, 50)
    assert torch.equal(pool[7], clips[7])
    assert (pool[57].float() - 127.5).abs().max() <= 0.5
    assert [path.name for path in tmp_path.iterdir()] == ["000000.npz"]


def test_it_learns_to_tell_two_cameras_apart(tmp_path: Path) -> None:
    picture = torch.nn.functional.interpolate(noise(1)[:, :, 0, :12, :24].float(), (96, 192))
    clips, scenes = [], []
    for i in range(16):
        way = (-1, 1)[i % 2]
        start = 50 + 3 * (i // 2)
        views = [picture[0, :, 10:58, start + way * 2 * t :][..., :64] for t in range(17)]
        clips.append(torch.stack(views, 1).byte())
        scenes.append(replace(SCENE, camera=("pan left", "pan right")[way > 0]))
    reader = loop.train(
        clips,
        scenes,
        [(64, 48)] * 16,
        tmp_path / "reader.safetensors",
        lesson=loop.ClassifierLesson(views=480, batch=8),
        config=TINY,
        report=lambda line: None,
    )
    labels, _ = c.judge(reader, clips)
    assert (labels["camera"] == c.truth(scenes)["camera"]).float().mean() > 0.9
