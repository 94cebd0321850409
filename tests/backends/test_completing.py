from dataclasses import replace

import numpy as np
import pytest

from pleinair.backends.base import Backend, Generation, Materials, Metadata, Preview, Progress
from pleinair.backends.completing import Completing
from pleinair.diffusion.worlds.completion import complete
from pleinair.request import VideoRequest

ASKED = VideoRequest("a lake", seed=7, seconds=1, width=64, height=48, complete=True)


class Seer:
    """Keeps what it was asked for; its clips are as light as the seed."""

    id = "seer"
    sizes: tuple[tuple[int, int], ...] = ((64, 48),)
    fps = 8

    def __init__(self) -> None:
        self.asked: list[VideoRequest] = []

    def generate(
        self,
        request: VideoRequest,
        progress: Progress | None = None,
        *,
        materials: Materials | None = None,
        preview: Preview | None = None,
    ) -> Generation:
        self.asked.append(request)
        if progress:
            progress(1, 2, "draw")
            progress(2, 2, "draw")
        made = Metadata(request, 64, 48, 8, 8, steps=4, cut=request.seed, seconds={"draw": 1.0})
        clips = tuple(
            np.full((8, 48, 64, 3), request.seed % 100 + i, np.uint8)
            for i in range(request.variations)
        )
        return Generation(clips, 8, made)


@pytest.fixture
def seer() -> Seer:
    return Seer()


def test_the_model_reads_the_completed_prompt_and_the_record_keeps_both(seer: Seer) -> None:
    backend: Backend = Completing(seer)
    made = backend.generate(ASKED)
    assert [one.prompt for one in seer.asked] == [complete("a lake", 7).prompt]
    assert made.metadata.request == ASKED
    assert made.metadata.completed == (complete("a lake", 7).added,)
    assert made.metadata.as_dict()["completed"]


def test_each_variation_is_what_its_seed_alone_would_give(seer: Seer) -> None:
    told: list[tuple[int, int]] = []
    three = Completing(seer).generate(
        replace(ASKED, variations=3), lambda done, total, _: told.append((done, total))
    )
    alone = Completing(seer).generate(replace(ASKED, seed=9))
    assert len(set(three.metadata.completed)) == 3
    assert three.metadata.completed[2] == alone.metadata.completed[0]
    assert np.array_equal(np.asarray(three.clips[2]), np.asarray(alone.clips[0]))
    assert told == [(1, 6), (2, 6), (3, 6), (4, 6), (5, 6), (6, 6)]
    assert three.metadata.seconds == {"draw": 3.0}


def test_nothing_changes_where_it_is_not_asked_for(seer: Seer) -> None:
    plain = replace(ASKED, complete=False, variations=2)
    made = Completing(seer).generate(plain)
    assert seer.asked == [plain]
    assert made.metadata.completed == ()
    assert len(made.clips) == 2


def test_a_seed_at_the_end_of_its_range_goes_on_from_zero(seer: Seer) -> None:
    Completing(seer).generate(replace(ASKED, seed=2**32 - 1, variations=2))
    assert [one.seed for one in seer.asked] == [2**32 - 1, 0]
