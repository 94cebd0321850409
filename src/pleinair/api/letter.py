"""The open letter: read, signed and confirmed on pages, by anybody.

A link in a mail only leads to a page with a button: programs that look at mail follow links, and
must neither sign nor withdraw for anybody.
"""

import math
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from pleinair.access.signatures import Wish
from pleinair.api.identity import check_origin, client_of
from pleinair.api.pages import Reader, Reading, page
from pleinair.api.public import nothing
from pleinair.api.services import Services, Use, base_of
from pleinair.api.shapes import REFUSALS
from pleinair.errors import BusyError, InputError, NotFoundError
from pleinair.service.mail import ADDRESS

router = APIRouter(tags=["letter"], responses=REFUSALS)
HTML: dict[str, Any] = {"content": {"text/html": {}}}
PAGE: dict[str, Any] = {
    "response_class": Response,
    "responses": {200: HTML, **dict.fromkeys((400, 404, 409, 429), HTML)},
}
MOST_BYTES = 16_384
MOST_NAME, MOST_EMAIL, MOST_WHO = 80, 254, 120
NO_PAGE = "There is no such page."
USED = "It was used before, or is too old. If you have confirmed, your signature is counted."
NONE = "There is no signature of this address, so nothing to withdraw."
SENT = (
    "A mail is on its way to the address that you gave. Your signature counts once you have opened "
    "the link in it and pressed the button there, within 48 hours."
)
BUSY = "Too many want to sign at this moment. Please try again in an hour."
CLOSED = "This server sends no mail, so the letter can be read but not signed here."
EMPTY = {"name": "", "email": "", "who": "", "shown": ""}
_FORM = {
    "type": "object",
    "required": ["name", "email"],
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": MOST_NAME},
        "email": {"type": "string", "maxLength": MOST_EMAIL},
        "who": {"type": "string", "maxLength": MOST_WHO},
        "shown": {"type": "string", "description": "Anything: the name is shown."},
    },
}
_TYPED: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/x-www-form-urlencoded": {"schema": _FORM}},
    }
}
_HIDDEN = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of text, also of what stands beside a name."""


@router.get("/letter", **PAGE)
def read(request: Request, use: Use, reader: Reading, after: str | None = None) -> HTMLResponse:
    """The open letter, who has signed, and a form to sign it; `after` is where More leads."""
    return _letter(request, use, reader, after)


@router.post("/letter/sign", openapi_extra=_TYPED, **PAGE)
async def sign(request: Request, use: Use, reader: Reading) -> HTMLResponse:
    """Ask to sign: a mail goes to the address, whatever is known of it."""
    if use.signatures.letter is None:
        return nothing(reader, NO_PAGE)
    check_origin(request)
    typed = await _typed(request)
    return await run_in_threadpool(_sign, request, use, reader, typed)


@router.get("/letter/confirm/{token}", **PAGE)
def before_confirm(token: str, use: Use, reader: Reading) -> HTMLResponse:
    """A page with the button that confirms; looking at it does nothing."""
    return _with_token(use, reader, lambda: _ask_confirm(use, reader, token))


@router.post("/letter/confirm/{token}", **PAGE)
def confirm(token: str, request: Request, use: Use, reader: Reading) -> HTMLResponse:
    """Count a signature, once."""
    return _with_token(use, reader, lambda: _confirmed(use, reader, token), posted=request)


@router.get("/letter/withdraw/{token}", **PAGE)
def before_withdraw(token: str, use: Use, reader: Reading) -> HTMLResponse:
    """A page with the button that withdraws; looking at it does nothing."""
    return _with_token(use, reader, lambda: _ask_withdraw(use, reader, token), NONE)


@router.post("/letter/withdraw/{token}", **PAGE)
def withdraw(token: str, request: Request, use: Use, reader: Reading) -> HTMLResponse:
    """Take a signature away."""
    return _with_token(use, reader, lambda: _withdrawn(use, reader, token), NONE, posted=request)


def _letter(
    request: Request,
    use: Services,
    reader: Reader,
    after: str | None = None,
    *,
    typed: Mapping[str, str] = EMPTY,
    errors: Mapping[str, str] | None = None,
) -> HTMLResponse:
    letter = use.signatures.letter
    if letter is None:
        return nothing(reader, NO_PAGE)
    try:
        found = use.signatures.names(after)
    except InputError:  # a place that no page gave
        return nothing(reader, NO_PAGE)
    count = use.signatures.count()
    values = {
        "letter": letter,
        "url": f"{base_of(use, request)}/letter",
        "open": bool(use.settings.mail),
        "typed": typed,
        "errors": errors or {},
        "count": count,
        "number": reader.tongue.number(count),
        "names": found.items,
        "paged": after is not None,
        "more": f"/letter?after={found.following}" if found.following else None,
    }
    return page("letter.html", values, reader, status=400 if errors else 200, forms=True)


def _sign(
    request: Request, use: Services, reader: Reader, typed: Mapping[str, str]
) -> HTMLResponse:
    if not use.settings.mail:
        return _said(reader, "Sign the letter", CLOSED, status=409)
    errors = _mistakes(typed)
    if errors:
        return _letter(request, use, reader, typed=typed, errors=errors)
    network = client_of(request, use.settings.proxies).network
    wish = Wish(typed["name"], typed["email"], typed["who"], shown=bool(typed["shown"]))
    try:
        use.signatures.sign(wish, network, reader.tongue.code)
    except BusyError as busy:
        answer = _said(reader, "Later, please", BUSY, status=429)
        answer.headers["retry-after"] = str(max(1, math.ceil(busy.retry_after)))
        return answer
    return _said(reader, "Look into your mail", SENT)


async def _typed(request: Request) -> dict[str, str]:
    """The fields of the form as they were meant: one line each, without marks that are not seen.

    Raises:
        InputError: there is more than any browser would send.
    """
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise InputError("body", f"more than {MOST_BYTES:,} bytes", f"up to {MOST_BYTES:,}")
    fields = dict(parse_qsl(body.decode("utf-8", "replace")))
    return {name: _line(fields.get(name, "")) for name in EMPTY}


def _line(text: str) -> str:
    seen = (" " if c.isspace() else c for c in text if c.isspace() or not _is_hidden(c))
    return " ".join("".join(seen).split())


def _is_hidden(character: str) -> bool:
    return character in _HIDDEN or unicodedata.category(character) in ("Cc", "Cs")


def _mistakes(typed: Mapping[str, str]) -> dict[str, str]:
    """What is wrong, by field."""
    checks = {
        "name": (1 <= len(typed["name"]) <= MOST_NAME, "1 to 80 characters, please."),
        "email": (
            len(typed["email"]) <= MOST_EMAIL and ADDRESS.fullmatch(typed["email"]) is not None,
            "An address such as ann@example.org, please.",
        ),
        "who": (len(typed["who"]) <= MOST_WHO, "Up to 120 characters, please."),
    }
    return {name: words for name, (fine, words) in checks.items() if not fine}


def _with_token(
    use: Services,
    reader: Reader,
    answer: Callable[[], HTMLResponse],
    dead: str = USED,
    *,
    posted: Request | None = None,
) -> HTMLResponse:
    """The page of a link from a mail, or that it leads to nothing."""
    if use.signatures.letter is None:
        return nothing(reader, NO_PAGE)
    if posted is not None:
        check_origin(posted)
    try:
        return answer()
    except NotFoundError:
        return _said(reader, "This link does nothing", dead, status=404)


def _ask_confirm(use: Services, reader: Reader, token: str) -> HTMLResponse:
    found, t = use.signatures.look(token), reader.tongue
    shown = (
        "Your name is shown in public."
        if found.shown
        else "Your name is not shown; your signature is counted."
    )
    lines = [t("You sign as {name}.", name=_named(found.name, found.who)), t(shown)]
    return _said(reader, "Confirm your signature", *lines, button="Sign")


def _confirmed(use: Services, reader: Reader, token: str) -> HTMLResponse:
    if use.signatures.confirm(token):
        return _said(reader, "Thank you", "Your signature is counted.")
    return _said(reader, "Thank you", "This address has signed before; it counts once.")


def _ask_withdraw(use: Services, reader: Reader, token: str) -> HTMLResponse:
    found = use.signatures.standing(token)
    words = "You signed as {name}. Nothing of it is kept when you withdraw."
    line = reader.tongue(words, name=_named(found.name, found.who))
    return _said(reader, "Withdraw your signature", line, button="Withdraw")


def _withdrawn(use: Services, reader: Reader, token: str) -> HTMLResponse:
    use.signatures.withdraw(token)
    return _said(reader, "Withdrawn", "Your signature is withdrawn.")


def _said(
    reader: Reader, title: str, *lines: str, status: int = 200, button: str | None = None
) -> HTMLResponse:
    values = {
        "title": title,
        "lines": [reader.tongue.known(line) for line in lines],
        "button": button,
    }
    return page("letter_said.html", values, reader, status=status, forms=bool(button), private=True)


def _named(name: str, who: str) -> str:
    return f"{name}, {who}" if who else name
