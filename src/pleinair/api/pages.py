"""Pages for people without an account: Jinja templates, no scripts, nothing from elsewhere."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pleinair.api.services import Use
from pleinair.api.tongues import ENGLISH, TONGUES, Tongue, tongue_of

_FOLDER = Path(__file__).parent / "templates"
_STYLE = (_FOLDER / "style.css").read_text()
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_TEMPLATES = Environment(
    loader=FileSystemLoader(_FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals["style"] = Markup(_STYLE)


@dataclass(frozen=True)
class Reader:
    """Who reads a page.

    Attributes:
        tongue: the language that they want.
        chosen: whether they said so in the address, which links then say too.
        letter: whether there is an open letter to lead them to.
        here: path of this page, to read it in another language.
    """

    tongue: Tongue = ENGLISH
    chosen: bool = False
    letter: bool = False
    here: str = "/gallery"

    def link(self, path: str) -> str:
        """A path of this server, in the language that was chosen."""
        if not self.chosen:
            return path
        return f"{path}{'&' if '?' in path else '?'}lang={self.tongue.code}"

    def others(self) -> list[Tongue]:
        """The languages that this page could be in."""
        return [tongue for tongue in TONGUES.values() if tongue != self.tongue]


def reader_of(
    request: Request,
    use: Use,
    lang: Annotated[
        str | None, Query(description="en or fr; what Accept-Language says if left out.")
    ] = None,
) -> Reader:
    """Who sent a request for a page."""
    tongue = tongue_of(lang, request.headers.get("accept-language", ""))
    here = request.url.path if request.method == "GET" else "/letter"
    letter = use.signatures.letter is not None
    return Reader(tongue, lang == tongue.code, letter, here)


Reading = Annotated[Reader, Depends(reader_of)]


def page(
    template: str,
    values: Mapping[str, object],
    reader: Reader | None = None,
    *,
    status: int = 200,
    framed: bool = False,
    forms: bool = False,
    private: bool = False,
) -> HTMLResponse:
    """A page under a policy that lets it load nothing but this server's pictures and videos.

    Args:
        template: name of its file.
        values: what it shows.
        reader: who reads it, and in which language.
        status: of the response.
        framed: whether pages of others may show it inside theirs.
        forms: whether it has a form, which can be sent to this server alone.
        private: its address is for one person, and must reach nobody else.
    """
    reader = reader or Reader()
    policy = {
        "default-src": "'none'",
        "img-src": "'self'",
        "media-src": "'self'",
        "style-src": f"'sha256-{_DIGEST}'",
        "base-uri": "'none'",
        "form-action": "'self'" if forms else "'none'",
        "frame-ancestors": "*" if framed else "'none'",
    }
    headers = {
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "cache-control": "no-store" if private else "no-cache",
        # Not no-referrer: with it a form would come from nowhere, and be refused.
        "referrer-policy": "same-origin" if private else "strict-origin-when-cross-origin",
        "content-language": reader.tongue.code,
        "vary": "accept-language",
    }
    if private:
        headers["x-robots-tag"] = "noindex"
    told = {"t": reader.tongue, "reader": reader, "link": reader.link, **values}
    return HTMLResponse(_TEMPLATES.get_template(template).render(told), status, headers)
