"""What workers deliver is signed, and says what it was made from, through the API."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from pleinair.media.certificate import operators_root
from pleinair.media.codec import read_video
from pleinair.media.manifest import COMPOSITE, GENERATED, Report, verify
from pleinair.media.provenance import Signer
from pleinair.service import backup
from pleinair.service.tables import COMPLETED, FAILED
from pleinair.service.worker import Worker
from pleinair.settings import ServiceSettings, Settings
from tests.api.conftest import Live
from tests.api.conftest import live_server as live_server
from tests.api.conftest import server_settings as server_settings

ASKED: dict[str, object] = {
    "model": "test-card",
    "prompt": "a secret lake",
    "seconds": "1",
    "size": "64x48",
    "seed": 3,
}


@pytest.fixture
def http(live_server: Live) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=live_server.url) as client:
        yield client


def made(live: Live, http: httpx.Client, path: str, body: Mapping[str, object]) -> str:
    answer = http.post(path, json=body)
    assert answer.is_success, answer.text
    video_id: str = answer.json()["id"]
    assert live.finish(video_id).state == COMPLETED
    return video_id


def checked(live: Live, http: httpx.Client, video_id: str, folder: Path, variant: str) -> Report:
    """What the file says that a client gets."""
    path = folder / f"{video_id}-{variant}"
    path.write_bytes(http.get(f"/videos/{video_id}/content", params={"variant": variant}).content)
    if variant == "video":
        assert len(read_video(path).frames) > 1
    return verify(path, operators_root(Settings(), live.settings.home))


def test_what_is_downloaded_is_signed(
    live_server: Live, http: httpx.Client, tmp_path: Path
) -> None:
    video_id = made(live_server, http, "/videos", ASKED)
    row = live_server.video(video_id)
    assert row.made is not None
    assert row.made["signed"] is True
    for variant in ("video", "thumbnail", "spritesheet"):
        found = checked(live_server, http, video_id, tmp_path, variant)
        assert (found.standing, found.model, found.seed) == ("valid", "test-card", 3)
        assert (found.request, found.source_type) == (row.made["digest"], GENERATED)


def test_extensions_and_remixes_chain(
    live_server: Live, http: httpx.Client, tmp_path: Path
) -> None:
    first = made(live_server, http, "/videos", ASKED)
    longer = {"prompt": "on it goes", "video": {"id": first}, "seconds": "1"}
    second = made(live_server, http, "/videos/extensions", longer)
    third = made(live_server, http, f"/videos/{second}/remix", {"prompt": "at night"})
    found = checked(live_server, http, third, tmp_path, "video")
    assert (found.standing, found.source_type) == ("valid", GENERATED)
    roles = []
    while found.sources:
        (source,) = found.sources
        roles.append((source.title.split()[0], source.standing))
        assert source.made is not None
        found = source.made
    assert roles == [("edit", "valid"), ("extend", "valid")]
    assert found.request == (live_server.video(first).made or {})["digest"]


def test_a_clip_from_outside_makes_a_composite(
    live_server: Live, http: httpx.Client, tmp_path: Path
) -> None:
    first = made(live_server, http, "/videos", ASKED)
    clip = http.get(f"/videos/{first}/content").content
    sent = {"prompt": "at night"}
    answer = http.post("/videos/edits", data=sent, files={"video": ("a.mp4", clip, "video/mp4")})
    assert answer.is_success, answer.text
    video_id = answer.json()["id"]
    assert live_server.finish(video_id).state == COMPLETED
    found = checked(live_server, http, video_id, tmp_path, "video")
    assert (found.standing, found.source_type) == ("valid", COMPOSITE)
    assert [source.standing for source in found.sources] == ["none"]  # it was encoded anew


def test_what_cannot_be_signed_fails_and_nothing_is_stored(
    live_server: Live, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Signer) -> None:
        raise OSError("the key is away")

    monkeypatch.setattr(Signer, "_signer", refuse)
    video_id = http.post("/videos", json=ASKED).json()["id"]
    row = live_server.finish(video_id)
    assert (row.state, row.error_code) == (FAILED, "media_error")
    assert row.error_message == "cannot sign video.mp4: the key is away"
    assert list(live_server.services.storage.list("videos")) == []


def test_a_server_without_provenance_signs_nothing(
    live_server: Live, http: httpx.Client, tmp_path: Path
) -> None:
    use = live_server.services
    video_id = http.post("/videos", json=ASKED).json()["id"]
    off = replace(Settings(), provenance="off")
    worker = Worker(off, live_server.settings, database=use.database, storage=use.storage)
    assert worker.run_one()
    assert (live_server.video(video_id).made or {})["signed"] is False
    assert checked(live_server, http, video_id, tmp_path, "video").standing == "none"


def test_no_backup_holds_the_key(
    live_server: Live, http: httpx.Client, server_settings: ServiceSettings, tmp_path: Path
) -> None:
    made(live_server, http, "/videos", ASKED)
    key = server_settings.home / "certificate" / "key.pem"
    secret = key.read_bytes().splitlines()[1]
    use = live_server.services
    backup.take(use.database, use.storage, tmp_path / "kept", secret=b"x" * 16, with_secret=True)
    kept = b"".join(path.read_bytes() for path in (tmp_path / "kept").rglob("*") if path.is_file())
    assert secret not in kept
