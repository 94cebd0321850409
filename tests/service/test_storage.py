"""One suite for both stores: a folder, and a bucket of a server in this process."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from moto.server import ThreadedMotoServer

from pleinair.errors import AccessError, InputError, NotFoundError, StorageError
from pleinair.service.storage import Storage

SECRET = b"a secret of the server"
LONG = bytes(range(256)) * 40_000  # 10 MB: more than one part of an upload


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    for name, value in {
        "AWS_ENDPOINT_URL": s3,
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "key",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    httpx.put(f"{s3}/films").raise_for_status()
    return f"s3://films/{abs(hash(request.node.name))}"


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return Storage(str(tmp_path / "media"), SECRET)
    return Storage(request.getfixturevalue("bucket"), SECRET)


@pytest.mark.parametrize("data", [b"", b"some bytes", LONG], ids=["empty", "short", "long"])
@pytest.mark.parametrize("from_file", [False, True])
def test_what_is_put_is_there_whole(
    storage: Storage, tmp_path: Path, data: bytes, from_file: bool
) -> None:
    (tmp_path / "file").write_bytes(data)
    storage.put("videos/v/1/0.mp4", tmp_path / "file" if from_file else data, "video/mp4")
    assert storage.get("videos/v/1/0.mp4") == data
    assert storage.size("videos/v/1/0.mp4") == len(data)
    storage.download("videos/v/1/0.mp4", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == data


def test_a_second_put_takes_the_place_of_the_first(storage: Storage) -> None:
    storage.put("a", b"first and longer")
    storage.put("a", b"second")
    assert storage.get("a") == b"second"


@pytest.mark.parametrize(
    ("start", "end"), [(0, None), (5, 9), (0, 1), (9_000_000, None), (10_239_999, 99_999_999)]
)
def test_a_part_is_streamed_in_pieces(storage: Storage, start: int, end: int | None) -> None:
    storage.put("long", LONG)
    pieces = list(storage.stream("long", start, end, chunk=100_000))
    assert b"".join(pieces) == LONG[start:end]
    assert len(pieces) > 1 or len(LONG[start:end]) < 100_000 or _is_remote(storage)


def _is_remote(storage: Storage) -> bool:
    return storage._root is None  # the network decides on how the pieces are cut


@pytest.mark.parametrize(("start", "end"), [(3, 3), (7, 2), (10_240_000, None), (11_000_000, None)])
def test_an_empty_part_is_no_error(storage: Storage, start: int, end: int | None) -> None:
    storage.put("long", LONG)
    assert list(storage.stream("long", start, end)) == []


def test_what_is_not_there_is_known_before_the_first_piece(
    storage: Storage, tmp_path: Path
) -> None:
    for ask in (
        lambda: storage.get("absent"),
        lambda: storage.size("absent"),
        lambda: storage.stream("absent"),
        lambda: storage.download("absent", tmp_path / "file"),
        lambda: storage.copy("absent", "b"),
    ):
        with pytest.raises(NotFoundError, match="absent"):
            ask()


def test_a_copy_stands_alone(storage: Storage) -> None:
    storage.put("a/b", b"same")
    storage.copy("a/b", "c/d/e")
    storage.delete("a/b")
    assert storage.get("c/d/e") == b"same"


def test_only_what_is_below_a_prefix_is_listed(storage: Storage) -> None:
    keys = ["a/b/1", "a/b/2", "a/bc/3", "a/b.d/4", "d"]
    for key in keys:
        storage.put(key, b"x")
    assert sorted(storage.list("a/b")) == sorted(storage.list("a/b/")) == keys[:2]
    assert sorted(storage.list()) == sorted(keys)
    assert list(storage.list("d")) == list(storage.list("e")) == []


def test_only_what_is_below_a_prefix_is_deleted(storage: Storage) -> None:
    keys = ["a/b/1", "a/b/c/2", "a/bc/3", "d"]
    for key in keys:
        storage.put(key, b"x")
    storage.delete("a/b/")
    storage.delete("d")
    storage.delete("never/there")
    assert list(storage.list()) == ["a/bc/3"]


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "a/../b", "..", "a/./b", "a//b", "a/", "a b", "ä", "a\n", "a#1", "a\\b"],
)
def test_what_is_no_key_is_refused(storage: Storage, key: str) -> None:
    for ask in (
        lambda: storage.get(key),
        lambda: storage.put(key, b""),
        lambda: storage.stream(key),
        lambda: storage.copy("a", key),
        lambda: storage.link(key, 1, "", content_type="", filename=""),
        lambda: storage.check_link(key, {}),
    ):
        with pytest.raises(InputError, match="key"):
            ask()
    if key not in ("a/", ""):
        with pytest.raises(InputError, match="key"):
            list(storage.list(key))
    if key != "a/":
        with pytest.raises(InputError, match="key"):
            storage.delete(key)


def test_readers_never_see_half_a_file(storage: Storage) -> None:
    storage.put("file", bytes(3_000_000))
    done = threading.Event()

    def write() -> None:
        for i in range(1, 12):
            storage.put("file", bytes([i]) * 3_000_000)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        data = storage.get("file")
        assert len(data) == 3_000_000
        assert len(set(data[::1000])) == 1
    writer.join()


def test_a_storage_that_works_answers(storage: Storage) -> None:
    storage.ping()


def test_a_bucket_that_is_not_there_is_told(bucket: str) -> None:
    with pytest.raises(StorageError):
        Storage("s3://no-such-bucket/x", SECRET).ping()


def test_a_storage_of_another_kind_is_refused() -> None:
    with pytest.raises(InputError, match="storage"):
        Storage("gs://bucket", SECRET)


def test_a_folder_that_cannot_be_made_is_told_without_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError) as caught:
        Storage(str(tmp_path / "file" / "media"), SECRET)
    assert str(tmp_path) not in str(caught.value)


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path / "media"), SECRET)
    (tmp_path / "media").rmdir()
    with pytest.raises(StorageError, match="folder"):
        storage.ping()


def test_nobody_else_may_look_into_the_folder(tmp_path: Path) -> None:
    Storage(str(tmp_path / "media"), SECRET)
    assert (tmp_path / "media").stat().st_mode & 0o077 == 0


def test_a_failed_put_leaves_nothing(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path / "media"), SECRET)
    storage.put("a", b"x")
    with pytest.raises(StorageError):
        storage.put("a/b", b"y")  # a is a file
    assert list(storage.list()) == ["a"]


def test_a_put_is_on_the_disk_before_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[str] = set()
    fsync = os.fsync

    def note(handle: int) -> None:
        synced.add(str(Path(f"/proc/self/fd/{handle}").readlink()))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", note)
    root = tmp_path / "media"
    Storage(str(root), SECRET).put("a/b", b"x")
    assert synced == {str(root / "a" / "b"), str(root / "a"), str(root)}


def test_deleting_takes_what_a_killed_writer_left_and_empty_folders(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path / "media"), SECRET)
    storage.put("videos/v/1/0.mp4", b"x")
    (tmp_path / "media/videos/v/1/0.mp4#1").write_bytes(b"half")
    assert list(storage.list("videos")) == ["videos/v/1/0.mp4"]
    storage.delete("videos/v")
    assert list((tmp_path / "media").iterdir()) == []


def _link(storage: Storage, seconds: float = 60) -> tuple[str, dict[str, str]]:
    url = storage.link(
        "videos/v/0.mp4", seconds, "http://here/", content_type="video/mp4", filename="é v.mp4"
    )
    parts = urlsplit(url)
    assert url.startswith("http://here/media/videos/v/0.mp4?")
    return parts.path.removeprefix("/media/"), dict(parse_qsl(parts.query))


def test_a_link_is_good_for_what_it_says(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path), SECRET)
    key, query = _link(storage)
    storage.check_link(key, query)
    assert (query["content_type"], query["filename"]) == ("video/mp4", "é v.mp4")
    storage.check_link(key, {**query, "utm_source": "mail"})  # nothing reads it


def test_a_link_that_was_changed_anywhere_is_refused(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path), SECRET)
    key, query = _link(storage)
    assert set(query) == {"expires", "content_type", "filename", "signature"}
    for name, value in query.items():
        last = chr(ord(value[-1]) ^ 1)  # one bit of one character
        for other in (value[:-1] + last, value[:-1], value + last, "", "é", "\ud800"):
            with pytest.raises(AccessError, match="changed"):
                storage.check_link(key, {**query, name: other})
        with pytest.raises(AccessError, match="changed"):
            storage.check_link(key, {k: v for k, v in query.items() if k != name})
    with pytest.raises(AccessError, match="changed"):
        storage.check_link("videos/v/1.mp4", query)
    with pytest.raises(AccessError, match="changed"):
        Storage(str(tmp_path), b"the secret of another").check_link(key, query)


def test_a_link_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = Storage(str(tmp_path), SECRET)
    key, query = _link(storage, 60)
    for later in (59, 60):
        monkeypatch.setattr(time, "time", lambda t=int(query["expires"]) - 60 + later: t)
        if later == 59:
            storage.check_link(key, query)
        else:
            with pytest.raises(AccessError, match="expired"):
                storage.check_link(key, query)


def test_a_link_to_a_bucket_gives_the_file_and_nothing_else(bucket: str) -> None:
    """The server here checks neither signatures nor times: that they are in the link is all."""
    storage = Storage(bucket, SECRET)
    storage.put("a/b.mp4", b"moving", "video/mp4")
    url = storage.link("a/b.mp4", 60, "http://unused", content_type="", filename="")
    found = httpx.get(url)
    assert (found.content, found.headers["content-type"]) == (b"moving", "video/mp4")
    query = dict(parse_qsl(urlsplit(url).query))
    assert query["X-Amz-Expires"] == "60"
    assert {"X-Amz-Signature", "X-Amz-Credential", "X-Amz-Date"} <= set(query)
