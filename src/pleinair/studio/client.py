"""The API as the person at a page: the same routes, the same table of authority, the same errors.

The studio has no way of its own to the services. What it can do, any program can do.
"""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, TypeAlias

import httpx
from fastapi import FastAPI, Request

from pleinair.api.events import Sight, Watchers
from pleinair.api.identity import COOKIE
from pleinair.errors import PleinairError

Json: TypeAlias = dict[str, Any]
PASSED_ON = ("user-agent", "accept-language", "x-forwarded-for")
"""What the browser said of itself, so that a key's or member's use is judged by where it is."""


class RefusedError(PleinairError):
    """The API said no.

    Attributes:
        status: of the response.
        code: of the error, or empty.
        param: the field that is wrong, or None.
        after: seconds after which to ask again, or None.
    """

    def __init__(
        self, message: str, status: int, code: str, param: str | None, after: float | None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.after = after


class Client:
    """Calls the routes of this process for whoever opened a page.

    Args:
        app: the server.
        request: that opened the page; its cookie says who it is.
    """

    def __init__(self, app: FastAPI, request: Request) -> None:
        self.app = app
        peer = (request.client.host, 0) if request.client else ("127.0.0.1", 0)
        token = request.cookies.get(COOKIE)
        said = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app, client=peer, raise_app_exceptions=False),
            base_url=str(request.base_url),
            headers=said,
            cookies={COOKIE: token} if token else None,
            timeout=None,
        )

    async def get(self, path: str, **query: object) -> Json:
        """What a route tells; queries that are None or empty are left out."""
        asked = {name: _text(value) for name, value in query.items() if value not in (None, "")}
        return await self._ask("GET", path, params=asked)

    async def post(self, path: str, body: Mapping[str, object] | None = None) -> Json:
        """What a route answers to a body of JSON; fields that are None are left out."""
        told = {name: value for name, value in (body or {}).items() if value is not None}
        return await self._ask("POST", path, json=told)

    async def put(self, path: str, body: Mapping[str, object]) -> Json:
        """What a route answers to a body of JSON in which None means that there is nothing."""
        return await self._ask("POST", path, json=dict(body))

    async def send(self, path: str, fields: Mapping[str, object], **files: Any) -> Json:  # noqa: ANN401
        """What a route answers to a form with files, each ``(name, bytes, type)``."""
        told = {
            name: json.dumps(value) if isinstance(value, dict | list) else str(value)
            for name, value in fields.items()
            if value is not None
        }
        return await self._ask("POST", path, data=told, files=files)

    async def delete(self, path: str) -> Json:
        """What a route answers to a deletion."""
        return await self._ask("DELETE", path)

    async def content(self, path: str) -> bytes:
        """The bytes of a file."""
        response = await self._http.get(path)
        if response.is_error:
            raise _refused(response)
        return response.content

    async def watch(self, video_id: str) -> AsyncIterator[Sight | None]:
        """Sights of one of one's own videos as it changes, until it has ended."""
        await self.get(f"/v1/videos/{video_id}")  # which is theirs, or this raises
        watchers: Watchers = self.app.state.watchers
        async for sight in watchers.watch(video_id):
            yield sight

    async def _ask(self, method: str, path: str, **what: Any) -> Json:  # noqa: ANN401
        response = await self._http.request(method, path, **what)
        if response.is_error:
            raise _refused(response)
        found: Json = response.json()
        return found


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refused(response: httpx.Response) -> RefusedError:
    try:
        error = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        error = {"message": f"The server answered {response.status_code}."}
    after = response.headers.get("retry-after", "")
    return RefusedError(
        error["message"],
        response.status_code,
        error.get("code") or "",
        error.get("param"),
        float(after) if after.isdecimal() else None,
    )
