"""Errors on the wire."""

import json
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from pleinair import errors
from pleinair.api.errors import ANSWERS, answer_of, install, respond
from pleinair.errors import BusyError, InputError, ModelError, PleinairError, QuotaError

CLASSES = [kind for kind in vars(errors).values() if isinstance(kind, type)]


def made(kind: type[PleinairError]) -> PleinairError:
    if issubclass(kind, InputError):
        return kind("seconds", 99, "at most 60")
    waits = issubclass(kind, BusyError | QuotaError)
    return kind("the queue is full", 2.5) if waits else kind("why")


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_has_an_envelope_with_all_four_fields(kind: type[PleinairError]) -> None:
    answer = respond(made(kind))
    body = json.loads(bytes(answer.body))
    assert list(body) == ["error"]
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert body["error"]["message"] == str(made(kind))
    assert 400 <= answer.status_code < 600


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("InputError", 400, "invalid_value"),
        ("ModelError", 400, "model_not_found"),
        ("AccessError", 401, "invalid_api_key"),
        ("NotFoundError", 404, "not_found"),
        ("ConflictError", 409, "conflict"),
        ("ReusedKeyError", 422, "idempotency_key_reused"),
        ("BusyError", 429, "rate_limit_exceeded"),
        ("StorageError", 503, "storage_unavailable"),
        ("UnavailableError", 503, "unavailable"),
        ("TrainingError", 500, "server_error"),
    ],
)
def test_the_class_decides_status_and_code(name: str, status: int, code: str) -> None:
    answer = answer_of(made(getattr(errors, name)))
    assert (answer.status, answer.code) == (status, code)


def test_a_subclass_is_answered_as_the_nearest_above_it() -> None:
    class Narrower(errors.NotFoundError):
        """One of its kind."""

    assert answer_of(Narrower("why")) is ANSWERS[errors.NotFoundError]


def test_only_what_names_a_field_has_a_param() -> None:
    def param(error: PleinairError) -> object:
        return json.loads(bytes(respond(error).body))["error"]["param"]

    assert param(InputError("size", "1x1", "more")) == "size"
    assert param(ModelError("no such model")) == "model"
    assert param(errors.NotFoundError("no such video")) is None


def test_headers_tell_the_sdk_whether_and_when_to_try_again() -> None:
    busy = respond(BusyError("full", 2.5)).headers
    assert (busy["retry-after"], busy["retry-after-ms"]) == ("3", "2500")
    assert respond(BusyError("full", 0)).headers["retry-after"] == "1"
    assert respond(errors.ConflictError("no")).headers["x-should-retry"] == "false"
    assert respond(errors.UnavailableError("gone")).headers["retry-after"] == "1"
    assert "retry-after" not in respond(errors.NotFoundError("no")).headers


@pytest.fixture
def client() -> TestClient:
    app = FastAPI()
    install(app)

    @app.get("/number")
    def number(value: int) -> dict[str, Any]:
        return {"value": 1 // value}

    @app.delete("/number")
    def nothing() -> None: ...

    @app.patch("/{name}")
    def other(name: str) -> None: ...

    return TestClient(app)


def test_a_wrong_query_is_told_in_the_envelope(client: TestClient) -> None:
    answer = client.get("/number?value=x")
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "value"


def test_an_unknown_address_and_method_are_told_in_the_envelope(client: TestClient) -> None:
    unknown, wrong = client.get("/nowhere/at/all"), client.post("/number")
    assert unknown.status_code == 404
    assert unknown.json()["error"]["message"] == "Unknown request URL: GET /nowhere/at/all."
    assert wrong.status_code == 405
    assert wrong.headers.get_list("allow") == ["GET, DELETE"]
