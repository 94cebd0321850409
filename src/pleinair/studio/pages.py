"""How a page comes to be: who opens it is known before anything is drawn."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from nicegui import ui

from pleinair.settings import ServiceSettings
from pleinair.studio.client import RefusedError
from pleinair.studio.parts import Tag, link
from pleinair.studio.shell import bare
from pleinair.studio.visitor import StrangerError, Visitor, stranger, visitor

PATIENCE = 30.0
"""Seconds that a page may take; a server under load is slow, and not broken."""
Build: TypeAlias = Callable[..., Awaitable[Response | None]]


class Pages:
    """Makes pages of the studio for one server."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self.settings: ServiceSettings = app.state.services.settings

    def page(self, path: str, *, public: bool = False) -> Callable[[Build], Build]:
        """A page that is built anew for each visit, for whoever may see it.

        Args:
            path: of the page.
            public: nobody is asked who they are.
        """

        def made(build: Build) -> Build:
            async def shown(request: Request, **parameters: Any) -> Response | None:  # noqa: ANN401
                try:
                    known = stranger(self.app, request)
                    found = known if public else await visitor(self.app, request)
                    return await build(found, **parameters)
                except StrangerError:
                    return RedirectResponse(f"/sign-in?next={quote(request.url.path)}", 303)
                except RefusedError as error:
                    _refuse(stranger(self.app, request), error)
                    return None

            # FastAPI reads there what the page takes: the build's own parameters.
            of_build = list(inspect.signature(build).parameters.values())[1:]
            of_shown = next(iter(inspect.signature(shown).parameters.values()))
            vars(shown)["__signature__"] = inspect.Signature([of_shown, *of_build])
            ui.page(path, response_timeout=PATIENCE)(shown)
            return build

        return made


def _refuse(found: Visitor, error: RefusedError) -> None:
    with bare(found, found.tongue("This page is closed to you")):
        Tag("p", str(error))
        link(found.tongue("Back"), "/")
