"""Write the table of settings into docs/operate.md; with ``--check``, only say if it differs."""

import argparse
import re
import sys
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path

from pleinair.settings import SHIPPED_WEIGHTS, ServiceSettings, Settings, variables

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "operate.md"
_BLOCK = re.compile(r"(<!-- settings -->\n).*?(<!-- /settings -->)", re.S)


def table() -> str:
    """Every variable with its default and its meaning, as the classes themselves say them."""
    named = {name: variable for variable, name in variables().items()}
    lines = ["| Variable | Default | Meaning |", "| --- | --- | --- |"]
    for part in (Settings, ServiceSettings):
        meanings = _meanings(part.__doc__ or "")
        for item in fields(part):
            made = item.default_factory
            default = item.default if made is MISSING else made()
            lines.append(f"| `{named[item.name]}` | {_shown(default)} | {meanings[item.name]} |")
    return "\n".join(lines)


def _meanings(doc: str) -> dict[str, str]:
    """The attributes of a docstring in Google's form."""
    section = doc.partition("Attributes:\n")[2].partition("\n\n")[0]
    items = re.split(r"\n(?= {8}\w+:)", "\n" + section.rstrip())
    pairs = (item.strip().partition(":") for item in items if item.strip())
    return {name: " ".join(said.replace("``", "`").split()) for name, _, said in pairs}


def _shown(default: object) -> str:
    if default == SHIPPED_WEIGHTS:
        return "those in the package"
    if isinstance(default, Path):
        return f"`{default}`".replace(str(Path.home()), "~")
    if isinstance(default, Mapping):
        default = ",".join(f"{name}={value}" for name, value in default.items())
    if isinstance(default, tuple):
        default = ",".join(default)
    if isinstance(default, float):
        default = f"{default:g}"
    return "" if default in ("", None) else f"`{default}`"


def main(arguments: list[str] | None = None) -> int:
    """Write the table; the exit code is 1 when ``--check`` finds another one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail if it differs")
    options = parser.parse_args(arguments)
    old = DOCUMENT.read_text()
    new = _BLOCK.sub(lambda found: f"{found[1]}\n{table()}\n\n{found[2]}", old)
    if new == old:
        return 0
    if options.check:
        print(
            f"{DOCUMENT.name} is not as the settings are: run scripts/settings.py", file=sys.stderr
        )
        return 1
    DOCUMENT.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
