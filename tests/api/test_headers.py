"""What every response carries and every request is held to."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from pleinair.api.headers import Frame
from pleinair.api.metrics import Metrics


class Counted(Metrics):
    """Keeps what it is told; it has no database."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, int]] = []

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        assert seconds >= 0
        self.seen.append((method, route, status))


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def client(counted: Counted) -> Iterator[TestClient]:
    app = FastAPI()

    @app.post("/size/{name}")
    async def size(name: str, request: Request) -> dict[str, int]:
        request.state.user = "ann"
        return {"size": len(await request.body())}

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("cannot be told")

    @app.get("/half")
    def half() -> StreamingResponse:
        def parts() -> Iterator[bytes]:
            yield b"x"
            raise RuntimeError("half-way")

        return StreamingResponse(parts())

    app.add_middleware(Frame, metrics=counted, most=1000)
    with TestClient(app) as client:
        yield client


def test_every_response_has_an_id_a_version_and_a_time(client: TestClient) -> None:
    answers = [client.post("/size/a"), client.get("/nowhere"), client.get("/nowhere")]
    ids = {answer.headers["x-request-id"] for answer in answers}
    assert len(ids) == 3
    for answer in answers:
        assert answer.headers["x-request-id"].startswith("req_")
        assert answer.headers["openai-version"] == "2020-10-01"
        assert int(answer.headers["openai-processing-ms"]) >= 0
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_user_is_told_once_known(client: TestClient) -> None:
    assert client.post("/size/a").headers["openai-organization"] == "ann"
    assert "openai-organization" not in client.get("/nowhere").headers


def test_a_body_past_the_limit_is_refused_in_the_envelope(client: TestClient) -> None:
    assert client.post("/size/a", content=b"x" * 1000).json() == {"size": 1000}
    answer = client.post("/size/a", content=b"x" * 1001)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "body_too_large"
    assert answer.headers["x-request-id"]


def test_a_body_that_never_says_its_length_is_counted(client: TestClient) -> None:
    answer = client.post("/size/a", content=iter([b"x" * 600, b"x" * 600]))
    assert answer.status_code == 413


def test_metrics_know_routes_and_not_ids(client: TestClient, counted: Counted) -> None:
    client.post("/size/video_1")
    client.get("/nowhere/video_2")
    client.post("/size/a", content=b"x" * 2000)
    assert counted.seen == [
        ("POST", "/size/{name}", 200),
        ("GET", "other", 404),
        ("POST", "/size/{name}", 413),
    ]


def test_the_log_has_neither_query_nor_key(client: TestClient) -> None:
    with structlog.testing.capture_logs() as lines:
        client.post(
            "/size/a?token=secret",
            headers={"authorization": "Bearer sk-secret", "x-client-request-id": "mine-1"},
        )
        client.get("/nowhere", headers={"x-client-request-id": "a" * 600})
    assert "secret" not in str(lines)
    assert [line["client_request_id"] for line in lines] == ["mine-1", None]
    assert (lines[0]["path"], lines[0]["status"], lines[0]["user"]) == ("/size/a", 200, "ann")


def test_what_nobody_expected_tells_nothing_of_the_inside(
    client: TestClient, counted: Counted
) -> None:
    with structlog.testing.capture_logs() as lines:
        answer = client.get("/broken")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "server_error"
    assert "cannot be told" not in answer.text
    assert answer.headers["x-request-id"] == lines[0]["request_id"]
    assert counted.seen == [("GET", "/broken", 500)]


def test_a_response_that_breaks_half_way_does_not_look_whole(client: TestClient) -> None:
    with structlog.testing.capture_logs(), pytest.raises(RuntimeError, match="half-way"):
        client.get("/half")


def test_a_response_that_had_begun_ends_where_the_body_got_too_large(counted: Counted) -> None:
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await receive()

    async def receive() -> Message:
        return {"type": "http.request", "body": b"x" * 20}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/", "headers": []}
    asyncio.run(Frame(app, counted, most=10)(scope, receive, send))
    assert [message["type"] for message in sent] == ["http.response.start"]
    assert counted.seen == [("POST", "other", 200)]
