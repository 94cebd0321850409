import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from pleinair.backends import base, testcard
from pleinair.errors import InputError, MemoryFullError, ModelError
from pleinair.media.codec import Video
from pleinair.media.frames import Frames, resize_picture
from pleinair.request import Given, VideoRequest
from pleinair.settings import Settings
from tests.conftest import moving_card

REQUEST = VideoRequest(
    "a card", model="test-card", seed=4, width=96, height=64, seconds=0.5, steps=3
)
CLIP = "c" * 64
CLIPS = {CLIP: Video(moving_card(12, 64, 48), Fraction(24))}


@pytest.fixture
def card() -> base.Backend:
    return base.open_backend("test-card", Settings())


def _draw(card: base.Backend, **changes: object) -> Frames:
    request = replace(REQUEST, **changes)  # type: ignore[arg-type]
    return card.generate(request, materials=CLIPS).frames


def test_it_moves_and_shows_the_time(card: base.Backend) -> None:
    frames = _draw(card, width=320, height=180)
    assert frames.shape == (12, 180, 320, 3)
    assert not np.array_equal(frames[0, 0], frames[8, 0])  # bars
    clock = frames[:, 70:110, 100:220]
    assert not np.array_equal(clock[0] == 255, clock[1] == 255)  # digits, brighter than any bar


def test_the_same_request_gives_the_same_card_and_another_does_not(card: base.Backend) -> None:
    frames = _draw(card)
    assert np.array_equal(_draw(card), frames)
    for change in ({"seed": 5}, {"prompt": "a lake"}, {"negative_prompt": "red"}):
        assert not np.array_equal(_draw(card, **change)[:, 0], frames[:, 0])
    two = card.generate(replace(REQUEST, variations=2))
    assert np.array_equal(two.clips[1], _draw(card, seed=5))


def test_steps_and_looks_are_told_like_those_of_a_model(card: base.Backend) -> None:
    told: list[tuple[int, int, str]] = []
    looks: list[Frames] = []
    card.generate(
        replace(REQUEST, variations=2, width=640, height=360),
        lambda *what: told.append(what),
        preview=lambda look: looks.append(look()),
    )
    assert told == [(i, 6, "draw") for i in range(7)]
    assert [look.shape for look in looks] == [(1, 90, 160, 3)] * 6


def test_an_extension_is_the_clip_and_then_the_card(card: base.Backend) -> None:
    stitched = _draw(card, given=(Given("extend", CLIP),))
    assert len(stitched) == 12 + 12
    scaled = np.stack([resize_picture(frame, 96, 64) for frame in CLIPS[CLIP].frames])
    assert np.array_equal(stitched[:12], scaled)
    assert np.array_equal(stitched[12:], _draw(card))


def test_the_card_stands_before_and_between_clips_and_in_a_part_of_one(card: base.Backend) -> None:
    scaled = np.stack([resize_picture(frame, 96, 64) for frame in CLIPS[CLIP].frames])
    new = _draw(card)
    before = _draw(card, given=(Given("before", CLIP),))
    assert np.array_equal(before, np.concatenate([new, scaled]))
    both = _draw(card, given=(Given("before", CLIP), Given("extend", CLIP)))
    assert np.array_equal(both, np.concatenate([scaled, new, scaled]))
    retaken = _draw(card, given=(Given("retake", CLIP, at=0.125),), seconds=0.25)
    assert len(retaken) == 12
    assert np.array_equal(retaken[:3], scaled[:3])
    assert np.array_equal(retaken[9:], scaled[9:])
    assert (retaken[3:9] != scaled[3:9]).any((1, 2, 3)).all()
    with pytest.raises(InputError, match="span"):
        _draw(card, given=(Given("retake", CLIP, at=0.375),), seconds=0.25)


def test_the_bars_of_a_loop_come_back(card: base.Backend) -> None:
    turned = _draw(card, seconds=1, loop=True)[:, 0].astype(int)  # the top row: bars alone
    steps = np.abs(np.diff(np.concatenate([turned, turned[:1]]), axis=0)).mean((1, 2))
    assert 0 < steps[-1] <= steps[:-1].max()
    plain = _draw(card, seconds=1)[:, 0].astype(int)
    assert np.abs(plain[-1] - plain[0]).mean() > 2 * steps.max()


def test_an_edit_is_the_clip_tinted_the_more_the_stronger(card: base.Backend) -> None:
    scaled = np.stack([resize_picture(frame, 96, 64) for frame in CLIPS[CLIP].frames])
    weak, strong = (
        np.abs(_draw(card, given=(Given("edit", CLIP, strength=s),)).astype(int) - scaled).mean()
        for s in (0.1, 0.9)
    )
    assert 0 < weak < strong / 4


def test_a_picture_stands_in_its_frame(card: base.Backend) -> None:
    frames = _draw(card, given=(Given("frame", CLIP), Given("frame", CLIP, at=0.5)))
    picture = resize_picture(CLIPS[CLIP].frames[0], 96, 64)
    assert np.array_equal(frames[0], picture)
    assert np.array_equal(frames[-1], picture)
    assert np.array_equal(frames[1:-1], _draw(card)[1:-1])


def test_a_missing_clip_is_told(card: base.Backend) -> None:
    with pytest.raises(ModelError, match="aaaaaaaaaaaa…"):
        _draw(card, given=(Given("edit", "a" * 64),))


def test_trouble_comes_in_the_middle_and_the_next_video_is_fine(card: base.Backend) -> None:
    for prompt, error in (("please fail", ModelError), ("memory", MemoryFullError)):
        told: list[int] = []
        request = replace(REQUEST, prompt=prompt)
        with pytest.raises(error):
            card.generate(request, lambda done, _total, _stage: told.append(done))  # noqa: B023
        assert told == [0, 1]
    assert len(_draw(card)) == 12


def test_waiting_is_asked_for_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("pleinair.backends.testcard.time.sleep", waited.append)
    card = testcard.TestCard(delay=2)
    card.generate(replace(REQUEST, prompt="slow 250 then stall 3.5"))
    assert waited == [2.25, 2.25, 3.5, 2.25]


def test_a_crash_is_a_kill() -> None:
    code = """
from pleinair.backends.testcard import TestCard
from pleinair.request import VideoRequest
TestCard().generate(VideoRequest("crash", steps=1, seconds=0.1, width=32, height=32))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9


def test_it_draws_writes_and_shows_without_torch() -> None:
    code = """
import sys, tempfile, pathlib
from pleinair.backends.base import open_backend
from pleinair.media import codec, sheet
from pleinair.request import VideoRequest
from pleinair.settings import Settings
request = VideoRequest("a card", seconds=0.1, width=64, height=48, steps=1)
made = open_backend("test-card", Settings()).generate(request, preview=lambda look: look())
with tempfile.TemporaryDirectory() as folder:
    codec.write_video(pathlib.Path(folder, "a.mp4"), made.frames, made.fps)
    sheet.write_picture(pathlib.Path(folder, "a.jpg"), sheet.spritesheet(made.frames))
    sheet.write_picture(pathlib.Path(folder, "a.webp"), sheet.thumbnail(made.frames))
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
