"""What the operator says, in variables and secrets of the Space."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

GALLERIES = ("auto", "session", "key")
NUMBERS = ("hourly", "places", "characters", "patience", "proxies")


@dataclass(frozen=True)
class Settings:
    """How the page behaves.

    Attributes:
        base_url: of the server's API, ending in ``/v1``; from ``OPENAI_BASE_URL``.
        key: of the server's API; from the secret ``OPENAI_API_KEY``. It is in no ``repr``.
        model: that makes the videos; what the server takes by itself, if empty.
        title: of the page.
        gallery: ``auto``, ``session`` or ``key``; see `page.gallery`.
        hourly: videos that one visitor may have made in an hour.
        places: videos that wait or are being made at once, of all visitors together.
        characters: of the longest prompt.
        patience: seconds after which a video is given up.
        proxies: reverse proxies with public addresses between a visitor and the page.
    """

    base_url: str
    key: str = field(repr=False)
    model: str = ""
    title: str = "Pleinair"
    gallery: str = "auto"
    hourly: int = 6
    places: int = 20
    characters: int = 1000
    patience: int = 1800
    proxies: int = 0

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the environment; exits with a sentence if something is missing or not allowed."""
        names = {name: f"PAGE_{name.upper()}" for name in cls.__dataclass_fields__}
        names |= {"base_url": "OPENAI_BASE_URL", "key": "OPENAI_API_KEY"}
        given: dict[str, Any] = {}
        for name, variable in names.items():
            text = environment.get(variable, "").strip()
            if not text and name in ("base_url", "key"):
                raise SystemExit(f"{variable} is not set: see README.md.")
            if text and name in NUMBERS and not text.isdecimal():
                raise SystemExit(f"{variable} is {text!r}; it may be a whole number.")
            if text:
                given[name] = int(text) if name in NUMBERS else text
        if given.get("gallery", GALLERIES[0]) not in GALLERIES:
            allowed = ", ".join(GALLERIES)
            raise SystemExit(f"PAGE_GALLERY is {given['gallery']!r}; it may be {allowed}.")
        if "SPACE_ID" in environment:  # set in every Space, and there is a proxy before each
            given.setdefault("proxies", 1)
        given["base_url"] = given["base_url"].rstrip("/")
        return cls(**given)
