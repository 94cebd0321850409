"""Files over HTTP, through the official SDK."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest
from openai import OpenAI

from pleinair.settings import ServiceSettings, digest_of_key
from tests.api.conftest import Live

KEYS = {"ann": "key of ann", "bob": "key of bob"}


@pytest.fixture
def server_settings(tmp_path: Path) -> ServiceSettings:
    """Two users, so that one may look for the other's files."""
    keys = {user: digest_of_key(key) for user, key in KEYS.items()}
    return ServiceSettings(home=tmp_path, models=("test-card",), keys=keys)


def client_of(live: Live, user: str) -> OpenAI:
    return OpenAI(base_url=live.url, api_key=KEYS[user], max_retries=0)


@pytest.fixture
def ann(live_server: Live) -> Iterator[OpenAI]:
    with client_of(live_server, "ann") as client:
        yield client


@pytest.fixture
def plain(live_server: Live) -> Iterator[httpx.Client]:
    """Ann without the SDK."""
    headers = {"authorization": f"Bearer {KEYS['ann']}"}
    with httpx.Client(base_url=live_server.url, headers=headers) as client:
        yield client


def test_a_file_comes_back_as_it_went(ann: OpenAI) -> None:
    made = ann.files.create(file=("été.bin", b"\x00\xff" * 5000), purpose="user_data")
    assert (made.object, made.status, made.bytes) == ("file", "processed", 10_000)
    assert (made.filename, made.purpose, made.expires_at) == ("été.bin", "user_data", None)
    assert ann.files.retrieve(made.id) == made
    assert ann.files.content(made.id).read() == b"\x00\xff" * 5000


def test_a_file_says_when_it_expires(ann: OpenAI, plain: httpx.Client) -> None:
    made = ann.files.create(
        file=b"x", purpose="vision", expires_after={"anchor": "created_at", "seconds": 7200}
    )
    batch = ann.files.create(file=b"x", purpose="batch")
    assert (made.expires_at or 0) - made.created_at == 7200
    assert (batch.expires_at or 0) - batch.created_at == 2_592_000
    form = {"purpose": "vision", "expires_after": '{"anchor": "created_at", "seconds": 7200}'}
    told = plain.post("/files", data=form, files={"file": b"x"}).json()
    assert told["expires_at"] - told["created_at"] == 7200


def test_a_file_of_json_is_kept_as_a_file(ann: OpenAI, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"a": 1}')
    made = ann.files.create(file=tmp_path / "x.json", purpose="user_data")
    assert ann.files.content(made.id).text == '{"a": 1}'


def test_a_part_of_a_file_can_be_had(ann: OpenAI, plain: httpx.Client) -> None:
    made = ann.files.create(file=("à;b'.txt", b"0123456789"), purpose="user_data")
    found = plain.get(f"/files/{made.id}/content", headers={"range": "bytes=2-4"})
    assert (found.status_code, found.content) == (206, b"234")
    assert found.headers["content-type"] == "application/octet-stream"
    assert found.headers["content-disposition"] == 'inline; filename="__b_.txt"'


def test_lists_are_in_pages_of_one_purpose(ann: OpenAI) -> None:
    made = [ann.files.create(file=b"x", purpose="user_data").id for _ in range(5)]
    ann.files.create(file=b"x", purpose="vision")
    first = ann.files.list(purpose="user_data", limit=2, order="asc")
    assert [file.id for file in first.data] == made[:2]
    assert first.has_more
    assert [file.id for file in first] == made  # the SDK turns the pages
    assert [file.id for file in ann.files.list(purpose="user_data")] == made[::-1]


def test_a_deleted_file_is_gone(ann: OpenAI) -> None:
    made = ann.files.create(file=b"x", purpose="user_data")
    gone = ann.files.delete(made.id)
    assert (gone.id, gone.object, gone.deleted) == (made.id, "file", True)
    for ask in (ann.files.retrieve, ann.files.content, ann.files.delete):
        with pytest.raises(openai.NotFoundError):
            ask(made.id)
    assert not ann.files.list().data


def test_nobody_sees_the_files_of_another(ann: OpenAI, live_server: Live) -> None:
    made = ann.files.create(file=b"x", purpose="user_data")
    with client_of(live_server, "bob") as bob:
        for ask in (bob.files.retrieve, bob.files.content, bob.files.delete):
            with pytest.raises(openai.NotFoundError):
                ask(made.id)
        assert not bob.files.list().data
        with pytest.raises(openai.BadRequestError, match="after"):
            bob.files.list(after=made.id)
    assert ann.files.retrieve(made.id) == made


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("purpose", {"purpose": "batch_output"}),
        ("purpose", {}),
        ("file", {"purpose": "vision", "file": None}),
        ("file", {"purpose": "vision", "file": "text"}),
        ("expires_after.seconds", {"purpose": "vision", "expires_after[seconds]": "60"}),
        ("expires_after.anchor", {"purpose": "vision", "expires_after[anchor]": "now"}),
    ],
)
def test_a_wrong_upload_is_refused_by_the_name_of_its_field(
    plain: httpx.Client, field: str, fields: dict[str, str | None]
) -> None:
    after = {"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}
    form = {name: value for name, value in {**after, **fields}.items() if value is not None}
    uploads = {} if "file" in fields else {"file": b"x"}
    answer = plain.post("/files", data=form, files=uploads or {"other": b""})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == field


@pytest.mark.parametrize("query", ["limit=-1", "limit=10001", "order=up", "after=file-none"])
def test_a_wrong_list_is_refused(plain: httpx.Client, query: str) -> None:
    answer = plain.get(f"/files?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == query.partition("=")[0]
