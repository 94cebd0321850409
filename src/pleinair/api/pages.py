"""Pages for people without an account: Jinja templates, no scripts, nothing from elsewhere."""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_FOLDER = Path(__file__).parent / "templates"
_STYLE = (_FOLDER / "style.css").read_text()
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_TEMPLATES = Environment(
    loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_TEMPLATES.globals["style"] = Markup(_STYLE)


def page(
    template: str, values: Mapping[str, object], *, status: int = 200, framed: bool = False
) -> HTMLResponse:
    """A page under a policy that lets it load nothing but this server's pictures and videos.

    Args:
        template: name of its file.
        values: what it shows.
        status: of the response.
        framed: whether pages of others may show it inside theirs.
    """
    policy = {
        "default-src": "'none'",
        "img-src": "'self'",
        "media-src": "'self'",
        "style-src": f"'sha256-{_DIGEST}'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "*" if framed else "'none'",
    }
    headers = {
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "cache-control": "no-cache",
        "referrer-policy": "strict-origin-when-cross-origin",
    }
    return HTMLResponse(_TEMPLATES.get_template(template).render(values), status, headers)
