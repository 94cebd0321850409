"""Clips that are drawn on their way into a file: the same bits however the work was divided."""

import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from pleinair.media import sheet
from pleinair.media.clip import Drawn
from pleinair.media.codec import read_video, write_video
from pleinair.media.frames import Frames, Picture
from pleinair.media.glimpse import glimpse
from pleinair.media.mark import Marking
from pleinair.media.segments import LENGTH, missing, path_of, write_segments
from tests.conftest import moving_card

COUNT = 2 * LENGTH + 5
CARD = moving_card(COUNT, 64, 48)


class Painter:
    """Draws frames of the card and counts how often it drew each."""

    def __init__(self, card: Frames = CARD) -> None:
        self.card = card
        self.drawn: Counter[int] = Counter()
        self._lock = threading.Lock()

    def __call__(self, number: int) -> Picture:
        with self._lock:
            self.drawn[number] += 1
        picture: Picture = self.card[number]
        return picture

    def clip(self, threads: int = 2) -> Drawn:
        return Drawn(self, *self.card.shape[:3], threads=threads)


def test_a_drawn_clip_reads_as_an_array_does() -> None:
    clip = Painter().clip()
    assert (clip.shape, len(clip)) == (CARD.shape, COUNT)
    assert all(map(np.array_equal, clip, CARD))
    assert np.array_equal(clip[-1], CARD[-1])
    assert np.array_equal(np.asarray(clip[3:7]), CARD[3:7])
    with pytest.raises(IndexError):
        clip[COUNT]


def test_a_drawn_clip_is_drawn_once_and_makes_the_file_of_its_array(tmp_path: Path) -> None:
    painter = Painter()
    write_video(tmp_path / "drawn.mp4", painter.clip(), 24)
    write_video(tmp_path / "array.mp4", CARD, 24)
    assert (tmp_path / "drawn.mp4").read_bytes() == (tmp_path / "array.mp4").read_bytes()
    assert painter.drawn == dict.fromkeys(range(COUNT), 1)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("kind", ["webm", "gif", "webp"])
def test_other_formats_come_from_drawn_clips_too(tmp_path: Path, kind: str) -> None:
    painter = Painter(CARD[:9])
    write_video(tmp_path / f"drawn.{kind}", painter.clip(), 24)
    write_video(tmp_path / f"array.{kind}", CARD[:9], 24)
    drawn, array = ((tmp_path / f"{name}.{kind}").read_bytes() for name in ("drawn", "array"))
    assert len(drawn) == len(array)  # VP9 in WebM has random ids
    assert painter.drawn == dict.fromkeys(range(9), 1)


def test_parts_made_in_any_order_join_into_the_same_file(tmp_path: Path) -> None:
    write_video(tmp_path / "whole.mp4", Painter().clip(), 24)
    (tmp_path / "work").mkdir()
    for number in (2, 0, 1):
        assert list(write_segments(tmp_path / "work", Painter().clip(), [number], 24)) == [number]
    idle = Painter()
    write_video(tmp_path / "joined.mp4", idle.clip(), 24, work=tmp_path / "work")
    assert not idle.drawn
    assert (tmp_path / "joined.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()


def test_what_was_cut_off_twice_goes_on_where_it_was(tmp_path: Path) -> None:
    write_video(tmp_path / "whole.mp4", CARD, 24)
    work = tmp_path / "work"
    work.mkdir()
    drawn: Counter[int] = Counter()
    for cut in (LENGTH + 7, LENGTH + 9, None):
        painter, done = Painter(), 0

        def each(count: int, picture: Picture | None, cut: int | None = cut) -> None:
            nonlocal done
            done += count
            if done == cut:
                raise KeyboardInterrupt

        try:
            write_video(tmp_path / "film.mp4", painter.clip(), 24, each=each, work=work)
        except KeyboardInterrupt:
            assert not (tmp_path / "film.mp4").exists()
            assert 0 not in missing(work, COUNT)
        drawn += painter.drawn
    assert done == COUNT
    assert max(drawn[i] for i in range(LENGTH)) == 1
    assert (tmp_path / "film.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()


def test_every_segment_decodes_by_itself_to_its_part_of_the_whole(tmp_path: Path) -> None:
    write_video(tmp_path / "whole.mp4", CARD, 24, work=tmp_path)
    whole = read_video(tmp_path / "whole.mp4")
    assert whole.fps == 24
    parts = [read_video(path_of(tmp_path, i)).frames for i in range(3)]
    assert np.array_equal(np.concatenate(parts), whole.frames)


def test_pictures_of_a_drawn_clip_are_those_of_its_array(tmp_path: Path) -> None:
    card = moving_card(60, 480, 270)
    clip = Painter(card).clip()
    stills = write_video(tmp_path / "a.mp4", clip, 24)
    pairs = [
        (sheet.thumbnail(stills), sheet.thumbnail(card)),
        (sheet.spritesheet(stills), sheet.spritesheet(card)),
        (sheet.contact_sheet(stills, 24), sheet.contact_sheet(card, 24)),
        (glimpse(stills), glimpse(card)),
    ]
    for mine, theirs in pairs:
        assert mine.shape == theirs.shape
        assert np.abs(mine.astype(int) - theirs).mean() < 2


def test_the_mark_of_a_drawn_clip_is_that_of_its_array(tmp_path: Path) -> None:
    card = moving_card(7, 240, 180)
    painter = Painter(card)
    clip = painter.clip()
    mark = Marking(b"key").of(clip, "a")
    array_mark = Marking(b"key").of(card, "a")
    assert mark is not None
    assert array_mark is not None
    for i in range(7):
        assert np.array_equal(mark(i, card[i]), array_mark(i, card[i]))
    write_video(tmp_path / "a.mp4", clip, 24, mark=mark)
    assert painter.drawn == dict.fromkeys(range(7), 1)  # those that decided the mark are kept


def test_an_error_while_drawing_is_the_writers(tmp_path: Path) -> None:
    def fails(number: int) -> Picture:
        if number == 5:
            raise MemoryError("full")
        picture: Picture = CARD[number]
        return picture

    with pytest.raises(MemoryError, match="full"):
        write_video(tmp_path / "a.mp4", Drawn(fails, *CARD.shape[:3], threads=2), 24)
    assert not list(tmp_path.iterdir())
