"""The landscapes behind the public door: scenes in, clips that are drawn as they are read out."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import pleinair
from pleinair.backends import landscapes, ranges
from pleinair.backends.base import open_backend
from pleinair.backends.landscapes import Landscapes
from pleinair.errors import ModelError
from pleinair.media.clip import Drawn
from pleinair.media.codec import write_video
from pleinair.media.frames import Picture
from pleinair.media.segments import LENGTH, missing
from pleinair.request import VideoRequest
from pleinair.scenes.document import to_json
from pleinair.scenes.scene import Scene, Sky
from pleinair.settings import Settings
from tests.painter import Painter

SMALL = VideoRequest("a lake at dusk", seconds=0.25, width=64, height=36, seed=3)


def test_a_prompt_becomes_a_scene_and_a_clip_that_is_drawn_when_read(
    painter: list[Painter],
) -> None:
    steps: list[tuple[int, int, str]] = []
    made = Landscapes(Settings()).generate(
        replace(SMALL, prompt="a lake at dusk with a zeppelin"), lambda *step: steps.append(step)
    )
    assert steps == [(0, 1, "scene"), (1, 1, "scene")]
    assert len(painter) == 1
    [clip] = made.clips
    assert isinstance(clip, Drawn)
    assert clip.shape == (6, 36, 64, 3)
    assert made.frames.shape == (6, 36, 64, 3)
    assert np.array_equal(clip[5], made.frames[5])
    found = made.metadata
    assert (found.native_width, found.native_height, found.native_fps) == (64, 36, 24)
    assert found.scenes[0].land.place == "lake"
    assert found.scenes[0].seed == 3
    assert {"land.place"} <= {reading.field for reading in found.said}
    assert "zeppelin" in str([*found.unknown, *found.notes])
    record = found.as_dict()
    assert Scene.from_dict(record["scenes"][0]) == found.scenes[0]


@pytest.mark.usefixtures("painter")
def test_each_variation_is_what_its_seed_alone_would_give() -> None:
    backend = Landscapes(Settings())
    both = backend.generate(replace(SMALL, variations=2))
    second = backend.generate(replace(SMALL, seed=4))
    assert both.metadata.scenes[1] == second.metadata.scenes[0]
    assert np.array_equal(np.asarray(both.clips[1]), second.frames)
    assert not np.array_equal(both.frames, second.frames)


@pytest.mark.usefixtures("painter")
def test_a_scene_that_is_given_is_drawn_as_it_is() -> None:
    scene = Scene(seed=8, sky=Sky(sun_elevation_deg=12))
    made = pleinair.generate(scene=scene, width=64, height=36, seconds=0.1)
    assert made.metadata.scenes == (scene,)
    assert made.metadata.request.seed == 8
    other = pleinair.generate("x", scene=scene, seed=9, width=64, height=36, seconds=0.1)
    assert other.metadata.scenes == (replace(scene, seed=9),)


@pytest.mark.usefixtures("painter")
def test_a_scene_in_python_is_that_of_the_video_with_its_seed() -> None:
    draft = pleinair.scene("a lake at dusk", seed=3, aspect=64 / 36, seconds=0.25)
    made = Landscapes(Settings()).generate(SMALL)
    assert to_json(made.metadata.scenes[0]) == to_json(draft.scene)


def test_the_scene_that_was_drawn_last_stays_warm(painter: list[Painter]) -> None:
    backend = Landscapes(Settings())
    for _ in range(2):
        np.asarray(backend.generate(SMALL).clips[0])
    assert len(painter) == 1
    backend.generate(replace(SMALL, seed=4))
    assert len(painter) == 2


class _Here:
    """Makes ranges in this process, some of which are lost."""

    def __init__(self, count: int) -> None:
        assert count == 3

    def submit(self, part: ranges.Range) -> "Future[dict[str, bytes]]":
        future: Future[dict[str, bytes]] = Future()
        future.set_result(part.make())
        return future

    def close(self) -> None:
        """Nothing is under way."""


def test_a_clip_made_in_ranges_is_the_same_file(
    painter: list[Painter], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = replace(SMALL, seconds=2.5 * LENGTH / 24)
    whole = Landscapes(Settings()).generate(request).clips[0]
    write_video(tmp_path / "whole.mp4", whole, 24)
    monkeypatch.setattr(ranges, "executor", _Here)
    spread = Landscapes(Settings(parallel="ranges:3")).generate(request).clips[0]
    done = 0

    def each(count: int, picture: Picture | None) -> None:
        nonlocal done
        done += count

    write_video(tmp_path / "spread.mp4", spread, 24, each=each)
    assert done == request.frames
    assert (tmp_path / "spread.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()


def test_real_processes_draw_the_same_file_and_end_with_the_clip(tmp_path: Path) -> None:
    request = replace(SMALL, prompt="drawn", model="test-card", seconds=3.2 * LENGTH / 24)
    for name, parallel in (("whole", "off"), ("spread", "ranges:2")):
        clip = open_backend("test-card", Settings(parallel=parallel)).generate(request).clips[0]
        write_video(tmp_path / f"{name}.mp4", clip, 24)
    assert (tmp_path / "spread.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()


def test_a_range_whose_process_dies_is_made_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    class Child:
        def __init__(self) -> None:
            self.number = len(asked)

        def ask(self, part: ranges.Range) -> dict[str, bytes]:
            asked.append(part.number)
            if len(asked) < 3:
                raise EOFError
            return {".npz": b"stills", ".mp4": b"film"}

        def kill(self) -> None:
            """It is dead."""

    monkeypatch.setattr(ranges, "_Child", Child)
    parts = ranges.Ranges(SMALL, 0, Settings(parallel="ranges:2"))
    assert sum(parts(tmp_path, [0], None)) == SMALL.frames
    assert asked == [0, 0, 0]
    assert missing(tmp_path, SMALL.frames) == []

    def dies(self: object, part: ranges.Range) -> dict[str, bytes]:
        raise EOFError

    monkeypatch.setattr(Child, "ask", dies)
    with pytest.raises(ModelError, match="died 3 times"):
        sum(parts(tmp_path, [0], None))


@pytest.mark.parametrize("draw", [lambda clip: np.asarray(clip), lambda clip: clip[0]])
def test_memory_that_is_missing_while_drawing_is_told(
    monkeypatch: pytest.MonkeyPatch, draw: Callable[[Drawn], object]
) -> None:
    class Greedy(Painter):
        def draw(self, number: int) -> Picture:
            raise MemoryError("no room")

    monkeypatch.setattr(landscapes, "Renderer", Greedy)
    made = Landscapes(Settings()).generate(SMALL)
    with pytest.raises(pleinair.PleinairError, match="not enough memory for 64x36"):
        draw(made.clips[0])  # type: ignore[arg-type]


def test_the_real_renderer_draws_any_frame_by_itself() -> None:
    first = Landscapes(Settings()).generate(SMALL).clips[0][4]
    again = np.asarray(Landscapes(Settings()).generate(SMALL).clips[0])
    assert np.array_equal(first, again[4])
    assert not np.array_equal(again[0], again[5])
    assert again.std() > 5
