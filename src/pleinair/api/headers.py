"""What every response carries, and what every request is held to: one layer around the routes."""

import re
import secrets
import time
from collections.abc import Mapping
from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pleinair.api.errors import UNEXPECTED, Answer, envelope
from pleinair.api.metrics import Metrics

VERSION = "2020-10-01"
MOST_BYTES = 540 * 2**20
TOO_LARGE = Answer(413, "invalid_request_error", "body_too_large")
_PLAIN = re.compile(r"[\x20-\x7e]{1,512}")
log = structlog.get_logger()


class _TooLargeError(Exception):
    """A body went past the limit."""


class Frame:
    """ASGI middleware: request id, time taken, size limit, a line in the log, a metric.

    Args:
        app: what it is around.
        metrics: told of every request.
        most: bytes of the largest body.
        marks: more headers of every response.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        most: int = MOST_BYTES,
        marks: Mapping[str, str] | None = None,
    ) -> None:
        self.app = app
        self.metrics = metrics
        self.most = most
        self.marks = marks or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = f"req_{secrets.token_hex(16)}"
        status, begun, got = 500, False, 0
        scope.setdefault("state", {})["request_id"] = request_id

        async def reply(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
                headers = MutableHeaders(scope=message)
                headers.update(self.marks)
                headers["x-request-id"] = request_id
                headers["openai-version"] = VERSION
                headers["openai-processing-ms"] = str(round(1000 * (time.perf_counter() - started)))
                headers["x-content-type-options"] = "nosniff"
                if user := scope["state"].get("user"):
                    headers["openai-organization"] = user
            await send(message)

        async def limited() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > self.most:
                raise _TooLargeError
            return message

        try:
            await self.app(scope, limited, reply)
        except _TooLargeError:
            message = f"The body is larger than {self.most:,} bytes."
            if not begun:
                await _answer(message, TOO_LARGE, scope, receive, reply)
        except ClientDisconnect:
            status = 499  # nobody is there to be told
        except Exception as error:
            log.error("unexpected error", path=scope["path"], request_id=request_id, exc_info=error)
            if begun:
                raise  # what was begun must not look whole
            message = "The server had an error while processing your request."
            await _answer(message, UNEXPECTED, scope, receive, reply)
        finally:
            spent = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", "other")
            self.metrics.observe(scope["method"], route, status, spent)
            _tell(scope, request_id, status, spent)


async def _answer(message: str, answer: Answer, *channel: Any) -> None:  # noqa: ANN401
    """Answer with an error, in the place of the routes; the channel is that of the request."""
    await JSONResponse(envelope(message, answer), answer.status)(*channel)


def _tell(scope: Scope, request_id: str, status: int, spent: float) -> None:
    """One line in the log; neither query nor headers, which may hold secrets."""
    asked = Headers(scope=scope).get("x-client-request-id", "")
    log.info(
        "request",
        method=scope["method"],
        path=scope["path"],
        status=status,
        ms=round(1000 * spent, 1),
        request_id=request_id,
        client_request_id=asked if _PLAIN.fullmatch(asked) else None,
        user=scope["state"].get("user"),
        retry=Headers(scope=scope).get("x-stainless-retry-count", "0"),
    )
