"""What a server knows again, and for whom."""

from collections.abc import Callable

import numpy as np
import pytest

from pleinair.backends.base import Generation, Metadata
from pleinair.media.frames import Frames
from pleinair.media.glimpse import glimpse
from pleinair.media.mark import Marking
from pleinair.service import origins as module
from pleinair.service.artifacts import name_of
from pleinair.service.db import Database
from pleinair.service.origins import Origins
from pleinair.service.queue import Made, Queue
from pleinair.service.tables import Video
from pleinair.service.videos import Videos
from tests.conftest import moving_card

SECRET = b"secret of this test"


@pytest.fixture
def finish(ask: Callable[..., Video], queue: Queue) -> Callable[[str, int], tuple[str, Frames]]:
    """Makes a finished video of a clip: its id and its frames, marked."""

    def make(owner: str, seed: int) -> tuple[str, Frames]:
        ask(owner)
        claim = queue.claim("w", ["test-card"])
        assert claim is not None
        clip = moving_card(8, 640, 360, seed=seed)
        marking = Marking(SECRET)
        generation = Generation((clip,), 24, Metadata(claim.request, 640, 360, 24, 8))
        queue.complete(claim, Made([], origins=module.of(generation.clips, claim, marking)))
        mark = marking.of(clip, name_of(claim.id, 0))
        assert mark is not None
        return claim.id, np.stack([mark(i, frame) for i, frame in enumerate(clip)])

    return make


def test_a_video_is_found_by_its_mark_and_by_its_looks(
    database: Database, finish: Callable[[str, int], tuple[str, Frames]]
) -> None:
    origins = Origins(database, SECRET)
    wanted, marked = finish("ann", 1)
    finish("ann", 2)
    first = origins.find(glimpse(marked)).sightings[0]
    assert (first.video_id, first.certainty) == (wanted, "certain")
    assert first.evidence == ("watermark", "perceptual")
    plain = origins.find(glimpse(moving_card(8, 640, 360, seed=1)[:, :, ::-1])).sightings[0]
    assert (plain.video_id, plain.evidence) == (wanted, ("perceptual",))


def test_what_was_not_made_here_is_not_found(
    database: Database, finish: Callable[[str, int], tuple[str, Frames]]
) -> None:
    finish("ann", 1)
    found = Origins(database, SECRET).find(glimpse(moving_card(8, 640, 360, seed=9)))
    assert not found.reading.found
    assert not found.sightings


def test_nobody_finds_what_is_another_s_or_deleted(
    database: Database, videos: Videos, finish: Callable[[str, int], tuple[str, Frames]]
) -> None:
    origins = Origins(database, SECRET)
    video_id, marked = finish("ann", 1)
    seen = glimpse(marked)
    assert not origins.find(seen, "bob").sightings
    assert origins.find(seen, "ann").sightings
    videos.delete("ann", video_id)
    assert not origins.find(seen).sightings
