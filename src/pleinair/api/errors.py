"""Errors on the wire: each class of the tree has one HTTP status and one place in the envelope.

The envelope is OpenAI's: ``{"error": {"message", "type", "param", "code"}}``, all four there.
"""

import math
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from pleinair import errors
from pleinair.errors import InputError, PleinairError, SwitchedOffError


@dataclass(frozen=True)
class Answer:
    """How a class of errors is answered; ``retry`` tells the SDK, None leaves it to its way."""

    status: int
    type: str
    code: str | None
    retry: bool | None = None


ANSWERS: dict[type[PleinairError], Answer] = {
    errors.InputError: Answer(400, "invalid_request_error", "invalid_value"),
    errors.ModelError: Answer(400, "invalid_request_error", "model_not_found"),
    errors.MediaError: Answer(400, "invalid_request_error", "invalid_media"),
    errors.AccessError: Answer(401, "invalid_request_error", "invalid_api_key"),
    errors.StoppedKeyError: Answer(401, "invalid_request_error", "key_stopped", retry=False),
    errors.ForbiddenError: Answer(403, "invalid_request_error", "permission_denied"),
    errors.TermsError: Answer(403, "invalid_request_error", "terms_not_accepted"),
    errors.WithheldError: Answer(403, "invalid_request_error", "withheld"),
    errors.SwitchedOffError: Answer(403, "access_error", "switched_off", retry=False),
    errors.QuotaError: Answer(429, "insufficient_quota", "insufficient_quota", retry=False),
    errors.NotFoundError: Answer(404, "invalid_request_error", "not_found"),
    errors.ConflictError: Answer(409, "invalid_request_error", "conflict", retry=False),
    errors.ReusedKeyError: Answer(422, "idempotency_error", "idempotency_key_reused"),
    errors.BusyError: Answer(429, "requests", "rate_limit_exceeded"),
    errors.MemoryFullError: Answer(503, "server_error", "out_of_memory"),
    errors.StorageError: Answer(503, "server_error", "storage_unavailable"),
    errors.UnavailableError: Answer(503, "server_error", "unavailable"),
}
UNKNOWN_END = 300.0
"""Seconds after which it is worth another look when nobody said how long access is off."""
OFF_FOR_ALL = Answer(503, "server_error", "switched_off", retry=False)
UNEXPECTED = Answer(500, "server_error", "server_error")


def envelope(message: str, answer: Answer, param: str | None = None) -> dict[str, Any]:
    """The body of an error."""
    return {"error": {"message": message, "type": answer.type, "param": param, "code": answer.code}}


def answer_of(error: PleinairError) -> Answer:
    """How an error is answered: by its class, or the nearest above it."""
    if isinstance(error, SwitchedOffError) and error.everyone:
        return OFF_FOR_ALL
    return next((ANSWERS[kind] for kind in type(error).__mro__ if kind in ANSWERS), UNEXPECTED)


def param_of(error: PleinairError) -> str | None:
    """The field that an error is about."""
    if isinstance(error, errors.ModelError):
        return "model"
    return error.field if isinstance(error, InputError) else None


def respond(error: PleinairError) -> JSONResponse:
    """The whole response to an error of the tree."""
    answer = answer_of(error)
    headers = {}
    if answer.retry is not None:
        headers["x-should-retry"] = str(answer.retry).lower()
    wait = getattr(error, "retry_after", None)
    if isinstance(error, SwitchedOffError) and wait is None:
        wait = UNKNOWN_END
    if wait is not None:
        headers["retry-after"] = str(max(1, math.ceil(wait)))
        headers["retry-after-ms"] = str(max(1, round(wait * 1000)))
    elif answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["retry-after"] = "1"
    body = envelope(str(error), answer, param_of(error))
    return JSONResponse(body, answer.status, headers)


def install(app: FastAPI) -> None:
    """Make the app answer every error in the envelope; `Frame` answers what nobody expected."""

    @app.exception_handler(PleinairError)
    async def _ours(_: Request, error: PleinairError) -> JSONResponse:
        return respond(error)

    @app.exception_handler(RequestValidationError)
    async def _query(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        field = str(first["loc"][-1])
        return respond(InputError(field, first.get("input"), str(first["msg"])))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        told = {
            404: f"Unknown request URL: {request.method} {request.url.path}.",
            405: f"Not allowed method: {request.method} {request.url.path}.",
        }
        message = told.get(error.status_code, str(error.detail))
        answer = Answer(error.status_code, "invalid_request_error", None)
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = _methods(app, request.url.path) or headers.get("Allow", "")
        return JSONResponse(envelope(message, answer), error.status_code, headers)


def _methods(app: FastAPI, path: str) -> str:
    """All methods that an address takes; routing itself knows those of its first route only."""
    templates: dict[str, Any] = app.openapi()["paths"]
    matching = [place for place in templates if compile_path(place)[0].match(path)]
    exact = min(matching, key=lambda place: place.count("{"), default="")
    return ", ".join(method.upper() for method in templates.get(exact, ()))
