"""The browser that tests drive: where it is, and how it is started so that it asks nobody."""

import os
import shutil
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)
NONE = (
    "no Chromium was found: `make .venv/ready-browser` installs one, "
    "or CHROMIUM names the one to take"
)


def chromium() -> str:
    """The executable: of ``CHROMIUM``, of the system, or of Playwright.

    Raises:
        FileNotFoundError: there is none, and how to have one.
    """
    if named := os.environ.get("CHROMIUM"):
        if found := shutil.which(named):
            return found
        raise FileNotFoundError(f"CHROMIUM is {named!r}, which cannot be started")
    of_system = (shutil.which(name, path=f"{os.environ['PATH']}:/usr/bin") for name in NAMES)
    found = next(filter(None, of_system), None)
    if found:
        return found
    kept = os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright"
    downloaded = sorted(Path(kept).glob("chromium-*/chrome-linux*/chrome"))
    if downloaded:
        return str(downloaded[-1])
    raise FileNotFoundError(NONE)


def arguments(*more: str) -> list[str]:
    """What it is started with."""
    return [*ARGUMENTS, *more]


if __name__ == "__main__":
    try:
        print(chromium())
    except FileNotFoundError as error:
        sys.exit(str(error))
