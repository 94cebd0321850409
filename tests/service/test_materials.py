import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import update

from pleinair.errors import InputError, ModelError, NotFoundError
from pleinair.media.codec import read_video
from pleinair.media.digest import digest
from pleinair.request import Given
from pleinair.service.db import Database
from pleinair.service.materials import Materials
from pleinair.service.queue import Queue
from pleinair.service.storage import Storage
from pleinair.service.tables import Artifact, Character, Material, Video
from pleinair.service.videos import Draft, Videos
from tests.promises.hostile import clip, valid
from tests.service.conftest import SMALL


@pytest.fixture
def materials(database: Database, storage: Storage) -> Materials:
    return Materials(database, storage)


def _age(materials: Materials, by: float = 1000.0) -> None:
    with materials.database.write() as session:
        session.execute(update(Material).values(used_at=Material.used_at - by))


def _artifact(materials: Materials, data: bytes) -> Artifact:
    materials.storage.put("videos/v/1/0.mp4", data)
    return Artifact(
        video_id="v",
        variant="video",
        number=0,
        key="videos/v/1/0.mp4",
        content_type="video/mp4",
        size=len(data),
        sha256=digest(data),
    )


def test_what_is_taken_is_kept_clean_under_its_content(materials: Materials) -> None:
    made = materials.take(valid("WEBP"), kind="image", field="picture")
    data = materials.storage.get(made.key)
    assert (made.kind, made.width, made.height, made.frames) == ("image", 64, 48, 1)
    assert (made.sha256, made.size) == (digest(data), len(data))
    assert made.key.startswith(f"materials/{made.sha256}")
    assert data.startswith(b"\x89PNG")
    assert materials.find(made.sha256) is not None
    assert materials.find("0" * 64) is None


def test_what_is_refused_is_not_kept(materials: Materials) -> None:
    with pytest.raises(InputError, match=r"^picture: "):
        materials.take(b"GIF89a", kind="image", field="picture")
    assert list(materials.storage.list()) == []


def test_the_same_content_is_kept_once(materials: Materials) -> None:
    first = materials.take(valid("mp4"), kind="video", field="video")
    _age(materials)
    second = materials.take(valid("mov"), kind=None, field="video")  # the same pictures
    assert (second.sha256, second.key) == (first.sha256, first.key)
    assert second.used_at >= first.used_at
    assert list(materials.storage.list("materials")) == [first.key]


def test_the_same_content_at_the_same_moment_is_kept_once(
    materials: Materials, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(2)
    put = materials.storage.put

    def put_together(key: str, data: bytes | Path, content_type: str = "") -> None:
        put(key, data)
        together.wait(60)  # both have looked, and found nothing

    monkeypatch.setattr(materials.storage, "put", put_together)
    with ThreadPoolExecutor(2) as pool:
        taken = list(
            pool.map(lambda _: materials.take(valid("PNG"), kind=None, field="p"), range(2))
        )
    assert len({made.key for made in taken}) == 1
    assert list(materials.storage.list()) == [taken[0].key]


def test_a_finished_video_is_adopted_as_it_is(materials: Materials) -> None:
    data = clip(24, 64, 48, 12)
    made = materials.adopt(_artifact(materials, data))
    assert (made.kind, made.width, made.height, made.frames) == ("video", 64, 48, 24)
    assert (made.fps, made.sha256) == (12, digest(data))
    materials.storage.delete("videos/v")
    assert materials.storage.get(made.key) == data
    assert materials.adopt(_artifact(materials, data)).key == made.key


def test_a_video_whose_file_is_gone_is_not_adopted(materials: Materials) -> None:
    artifact = _artifact(materials, valid("mp4"))
    materials.storage.delete("videos/v")
    with pytest.raises(NotFoundError):
        materials.adopt(artifact)


def test_a_worker_gets_all_that_a_request_names(materials: Materials, tmp_path: Path) -> None:
    picture = materials.take(valid("PNG"), kind="image", field="picture")
    film = materials.take(valid("webm"), kind="video", field="video")
    request = replace(
        SMALL,
        given=(
            Given("frame", picture.sha256),
            Given("frame", picture.sha256, at=0.5),
            Given("edit", film.sha256),
        ),
    )
    loaded = materials.load(request)
    assert set(loaded) == {picture.sha256, film.sha256}
    assert loaded[picture.sha256].frames.shape == (1, 48, 64, 3)
    assert loaded[film.sha256].fps == 12
    (tmp_path / "film.mp4").write_bytes(materials.storage.get(film.key))
    there = read_video(tmp_path / "film.mp4").frames
    assert np.array_equal(loaded[film.sha256].frames, there)
    assert materials.load(SMALL) == {}


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda materials, made: materials.storage.delete(made.key), "no longer kept"),
        (lambda materials, made: materials.storage.put(made.key, valid("JPEG")), "damaged"),
        (lambda materials, made: materials.tidy(-1), "no longer kept"),
    ],
)
def test_a_material_that_is_gone_or_damaged_is_told(
    materials: Materials, harm: Callable[[Materials, Material], object], told: str
) -> None:
    made = materials.take(valid("PNG"), kind="image", field="picture")
    harm(materials, made)
    with pytest.raises(ModelError, match=told):
        materials.load(replace(SMALL, given=(Given("frame", made.sha256),)))


def test_only_what_nothing_needs_is_tidied(
    materials: Materials, videos: Videos, queue: Queue
) -> None:
    made = {
        name: materials.take(clip(2, 32 + 2 * i, 32), kind="video", field="video")
        for i, name in enumerate(("fresh", "queued", "running", "done", "character", "unused"))
    }

    def ask(name: str) -> Video:
        request = replace(SMALL, given=(Given("edit", made[name].sha256),))
        return videos.create("ann", Draft("edit", "test-card", request, 1.0)).video

    for name in ("running", "done"):
        ask(name)
        claim = queue.claim("w", ["test-card"])
        assert claim is not None
        if name == "done":
            queue.fail(claim, "unlucky", "it did not work")
    ask("queued")
    with materials.database.write() as session:
        sha256 = made["character"].sha256
        session.add(Character(id="c", owner="ann", name="Ada", sha256=sha256, created_at=1.0))
    _age(materials)
    materials.take(clip(2, 32, 32), kind="video", field="video")
    assert (materials.tidy(900), materials.tidy(900)) == (2, 0)
    left = {name for name in made if materials.find(made[name].sha256)}
    assert left == {"fresh", "queued", "running", "character"}
    assert set(materials.storage.list()) == {made[name].key for name in left}


def test_what_is_kept_again_has_nothing_of_what_was_tidied_away(materials: Materials) -> None:
    first = materials.take(valid("PNG"), kind="image", field="picture")
    _age(materials)
    materials.tidy(1)
    again = materials.take(valid("PNG"), kind="image", field="picture")
    assert again.sha256 == first.sha256
    assert again.key != first.key  # a tidying that is late deletes nothing of today
