"""The studio on the server's own process: its pages, its files, and what they may load."""

from fastapi import FastAPI, Request, Response
from nicegui import Client, ui
from nicegui import app as nicegui_app
from starlette.datastructures import MutableHeaders
from starlette.routing import Match, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pleinair.studio import account, board, boards, console, create, entry, library, review, video
from pleinair.studio.pages import Pages
from pleinair.studio.parts import Tag, link
from pleinair.studio.shell import STATIC, bare
from pleinair.studio.visitor import stranger

NOUNS = (create, boards, board, library, video, account, review, console, entry)
HEAD = """
<link rel="stylesheet" href="/_studio/studio.css">
<script src="/_studio/studio.js"></script>
"""
OTHERS = (
    *("/v1", "/access", "/admin", "/media", "/health", "/ready", "/metrics"),
    *("/shared", "/gallery", "/letter", "/transparency", "/transparency.json"),
)
"""Paths that are not the studio's: what is not found under them is told as the API tells it."""
POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""NiceGUI compiles its templates in the browser, which takes eval; nothing comes from elsewhere."""


def install(app: FastAPI) -> None:
    """Show the studio at ``/`` of a server; one in a process, as NiceGUI has one app.

    Args:
        app: as `pleinair.api.app.create_app` made it.
    """
    nicegui_app.add_static_files("/_studio", STATIC)
    ui.add_head_html(HEAD, shared=True)
    for noun in NOUNS:
        noun.install(Pages(app))
    ui.run_with(
        app,
        title="Pleinair",
        tailwind=False,
        dark=None,
        show_welcome_message=False,
        favicon=STATIC / "icon.svg",
        binding_refresh_interval=None,
        reconnect_timeout=30.0,
    )
    _nothing(app)
    mounted = app.routes.pop()
    assert isinstance(mounted, Mount)  # the line above put it there
    app.router.routes.append(Rest(Policy(mounted.app)))


def _nothing(app: FastAPI) -> None:
    """What is said where there is no page, and where one cannot be shown."""

    @nicegui_app.exception_handler(404)
    async def unknown(request: Request, error: Exception) -> Response:
        found = stranger(app, request)
        t = found.tongue
        with Client(ui.page(""), request=request) as client:
            with bare(found, t("There is no such page")):
                link(t("Back to the studio"), "/")
            return client.build_response(request, 404)

    @nicegui_app.on_page_exception
    def failed(error: Exception) -> None:
        found = stranger(app, ui.context.client.request)
        t = found.tongue
        with bare(found, t("This page could not be shown")):
            Tag("p", t("It is a fault of the server; its log has more."))
            link(t("Back to the studio"), "/")


class Rest(Mount):
    """Everything that is no route of the API."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__("", app)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Leave the API's own paths alone."""
        path = scope["path"]
        if any(path == other or path.startswith(f"{other}/") for other in OTHERS):
            return Match.NONE, {}
        return super().matches(scope)


class Policy:
    """ASGI middleware: every page says what it may load, which is this server's alone."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""

        async def reply(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["content-security-policy"] = POLICY
                headers["referrer-policy"] = "same-origin"
            await send(message)

        await self.app(scope, receive, reply if scope["type"] == "http" else send)
