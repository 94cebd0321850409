"""Batches over HTTP, through the official SDK, on a server that carries them on by itself."""

import base64
import io
import json
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types import Batch
from PIL import Image
from sqlalchemy import select

from pleinair.service.tables import ACTIVE, Video
from tests.api.conftest import Live

Told = dict[str, Any]
SMALL: Told = {"model": "sora-2", "seconds": "1", "size": "64x48", "fps": 4, "steps": 1}
ENDED = ("completed", "failed", "expired", "cancelled")


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(file, "PNG")
    return file.getvalue()


def line(custom_id: str, **body: object) -> Told:
    told = {"prompt": f"a lake, {custom_id}", **SMALL, **body}
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/videos", "body": told}


def send(client: OpenAI, *lines: Told, more: Told | None = None) -> Batch:
    text = "\n".join(json.dumps(row) for row in lines)
    file = client.files.create(file=("in.jsonl", text.encode()), purpose="batch")
    return client.batches.create(
        input_file_id=file.id, endpoint="/v1/videos", completion_window="24h", extra_body=more
    )


def queued(live: Live, batch_id: str) -> list[str]:
    """Ids of a batch's videos that have not ended."""
    waiting = select(Video.id).where(Video.batch_id == batch_id, Video.state.in_(ACTIVE))
    with live.services.database.read() as session:
        return list(session.scalars(waiting))


def end(live: Live, client: OpenAI, batch: Batch) -> Batch:
    """Play the workers until a batch has ended; the server ticks beside."""
    for _ in range(200):
        live.services.batches.tick()
        for video_id in queued(live, batch.id):
            live.finish(video_id)
        batch = client.batches.retrieve(batch.id)
        if batch.status in ENDED:
            return batch
    raise AssertionError(f"still {batch.status}")


def rows(client: OpenAI, file_id: str | None) -> dict[str, Told]:
    """Lines of a file by their ``custom_id``."""
    found = [json.loads(row) for row in client.files.content(file_id or "").text.splitlines()]
    told = {row["custom_id"]: row for row in found}
    assert len(told) == len(found)
    return told


def test_a_batch_comes_back_with_its_videos_and_its_refusals(
    live_server: Live, client: OpenAI, http: httpx.Client
) -> None:
    image = client.files.create(file=("x.png", picture()), purpose="vision")
    address = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"
    sent = send(
        client,
        line("plain", seed=None),
        line("by id", input_reference={"file_id": image.id}),
        line("by address", input_reference={"image_url": address}),
        line("broken", prompt="fail"),
        line("no model", model="gpt-6"),
        line("no file", input_reference={"file_id": "file-none"}),
        line("too large", size="33x48"),
        more={"metadata": {"for": "a film"}},
    )
    assert (sent.object, sent.status, sent.metadata) == ("batch", "validating", {"for": "a film"})
    done = end(live_server, client, sent)
    assert (done.status, done.errors) == ("completed", None)
    assert done.request_counts
    assert done.request_counts.model_dump() == {"total": 7, "completed": 3, "failed": 4}
    times = (done.created_at, done.in_progress_at, done.finalizing_at, done.completed_at)
    assert list(times) == sorted(time or 0 for time in times)
    assert (done.expires_at or 0) - done.created_at == 86_400
    assert not any((done.failed_at, done.expired_at, done.cancelling_at, done.cancelled_at))

    output = rows(client, done.output_file_id)
    assert set(output) == {"plain", "by id", "by address", "broken"}
    for row in output.values():
        assert (row["error"], row["response"]["status_code"]) == (None, 200)
        body = row["response"]["body"]
        assert body == http.get(f"/videos/{body['id']}").json()
    statuses = {name: row["response"]["body"]["status"] for name, row in output.items()}
    assert statuses.pop("broken") == "failed"
    assert set(statuses.values()) == {"completed"}
    video_id = output["by id"]["response"]["body"]["id"]
    assert http.get(f"/videos/{video_id}/content").content[4:8] == b"ftyp"

    refused = rows(client, done.error_file_id)
    assert {name: row["response"]["status_code"] for name, row in refused.items()} == {
        "no model": 400,
        "no file": 404,
        "too large": 400,
    }
    error = refused["too large"]["response"]["body"]["error"]
    assert (error["param"], error["code"]) == ("size", "invalid_value")


def test_what_the_api_would_refuse_by_its_form_fails_the_batch(
    live_server: Live, client: OpenAI
) -> None:
    sent = send(client, line("a"), line("b", seconds="long"), {**line("c"), "url": "/v1/images"})
    failed = end(live_server, client, sent)
    assert (failed.status, failed.output_file_id) == ("failed", None)
    assert failed.failed_at
    assert failed.errors
    assert failed.errors.object == "list"
    assert [(error.line, error.param) for error in failed.errors.data or []] == [
        (2, "seconds"),
        (3, "url"),
    ]


def test_a_batch_can_be_cancelled(live_server: Live, client: OpenAI) -> None:
    sent = send(client, line("a"), line("b"))
    while len(queued(live_server, sent.id)) < 2:
        live_server.services.batches.tick()
    assert client.batches.cancel(sent.id).status == "cancelling"
    done = end(live_server, client, sent)
    assert done.status == "cancelled"
    assert done.cancelling_at
    assert done.cancelled_at
    for row in rows(client, done.output_file_id).values():
        body = row["response"]["body"]
        assert (body["status"], body["error"]["code"]) == ("failed", "cancelled")
    assert not queued(live_server, sent.id)
    assert client.batches.cancel(sent.id).status == "cancelled"


def test_the_files_of_a_batch_expire_when_told_to(live_server: Live, client: OpenAI) -> None:
    more = {"output_expires_after": {"anchor": "created_at", "seconds": 3600}}
    done = end(live_server, client, send(client, line("a"), more=more))
    file = client.files.retrieve(done.output_file_id or "")
    assert file.purpose == "batch_output"
    assert (file.expires_at or 0) - file.created_at == 3600


def test_batches_are_listed_in_pages(client: OpenAI) -> None:
    sent = [send(client, line("a")).id for _ in range(3)]
    page = client.batches.list(limit=2)
    assert [batch.id for batch in page.data] == sent[:0:-1]
    assert page.has_more
    assert [batch.id for batch in client.batches.list(limit=2)] == sent[::-1]


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("endpoint", {"endpoint": "/v1/embeddings"}),
        ("completion_window", {"completion_window": "1h"}),
        ("input_file_id", {"input_file_id": None}),
        ("metadata", {"metadata": {str(i): "x" for i in range(17)}}),
        ("metadata.x", {"metadata": {"x": "x" * 513}}),
        ("output_expires_after.seconds", {"output_expires_after": {"seconds": 60}}),
    ],
)
def test_a_wrong_batch_is_refused_by_the_name_of_its_field(
    http: httpx.Client, field: str, changed: Told
) -> None:
    body = {"input_file_id": "file-1", "endpoint": "/v1/videos", "completion_window": "24h"}
    if "output_expires_after" in changed:
        changed["output_expires_after"]["anchor"] = "created_at"
    answer = http.post("/batches", json={**body, **changed})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == field


def test_what_is_not_there_is_not_found(client: OpenAI) -> None:
    for ask in (client.batches.retrieve, client.batches.cancel):
        with pytest.raises(openai.NotFoundError):
            ask("batch_none")
    with pytest.raises(openai.NotFoundError):
        client.batches.create(
            input_file_id="file-none", endpoint="/v1/videos", completion_window="24h"
        )
    picture_file = client.files.create(file=("x.png", picture()), purpose="vision")
    with pytest.raises(openai.BadRequestError, match="purpose batch"):
        client.batches.create(
            input_file_id=picture_file.id, endpoint="/v1/videos", completion_window="24h"
        )
