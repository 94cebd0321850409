"""The studio on the server's own process: its pages, its files, and what they may load."""

from fastapi import FastAPI
from nicegui import app as nicegui_app
from nicegui import ui
from starlette.datastructures import MutableHeaders
from starlette.routing import Match, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pleinair.studio import account, create, entry, library, video
from pleinair.studio.pages import Pages
from pleinair.studio.shell import STATIC

NOUNS = (create, library, video, account, entry)
HEAD = """
<link rel="stylesheet" href="/_studio/studio.css">
<script src="/_studio/studio.js"></script>
"""
OTHERS = ("/v1", "/access", "/admin", "/shared", "/media", "/health", "/ready", "/metrics")
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
    mounted = app.routes.pop()
    assert isinstance(mounted, Mount)  # the line above put it there
    app.router.routes.append(Rest(Policy(mounted.app)))


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
