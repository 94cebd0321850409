"""How a page comes to be: who opens it is known before anything is drawn."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, TypeAlias

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from nicegui import ui

from pleinair.studio.client import RefusedError
from pleinair.studio.parts import Tag, link
from pleinair.studio.shell import bare
from pleinair.studio.visitor import StrangerError, Visitor, stranger, visitor

Build: TypeAlias = Callable[..., Awaitable[Response | None]]


class Pages:
    """Makes pages of the studio for one server."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app

    def page(self, path: str, *, public: bool = False) -> Callable[[Build], Build]:
        """A page that is built anew for each visit, for whoever may see it.

        Args:
            path: of the page.
            public: nobody is asked who they are.
        """

        def made(build: Build) -> Build:
            @wraps(build)
            async def shown(request: Request, **parameters: Any) -> Response | None:  # noqa: ANN401
                try:
                    found = (
                        stranger(self.app, request) if public else await visitor(self.app, request)
                    )
                    return await build(found, **parameters)
                except StrangerError:
                    return RedirectResponse(f"/sign-in?next={request.url.path}", 303)
                except RefusedError as error:
                    _refuse(stranger(self.app, request), error)
                    return None

            del shown.__wrapped__
            ui.page(path)(shown)
            return build

        return made


def _refuse(found: Visitor, error: RefusedError) -> None:
    with bare(found, found.tongue("This page is closed to you")):
        Tag("p", str(error))
        link(found.tongue("Back"), "/")
