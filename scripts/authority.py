"""Write the table of authority into docs/programme.md; with ``--check``, only say if it differs."""

import argparse
import re
import sys
from pathlib import Path

from pleinair.access.actor import SCOPES, Role
from pleinair.access.authority import RULES, Rule

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "programme.md"
_BLOCK = re.compile(r"(<!-- authority -->\n).*?(<!-- /authority -->)", re.S)
_LETTERS = {
    Role.ADMINISTRATOR: "A",
    Role.REVIEWER: "R",
    Role.TESTER: "T",
    Role.RED_TEAMER: "X",
    Role.CREATIVE_PARTNER: "C",
    Role.DEVELOPER: "D",
}


def table() -> str:
    """Every act, who may, with which scope, by which routes."""
    lines = ["| Act | Who | Scope of a key | Routes |", "| --- | --- | --- | --- |"]
    for rule in RULES:
        routes = "<br>".join(f"`{route.replace(':path', '')}`" for route in rule.routes)
        scope = f"`{rule.scope}`" if rule.scope else "–"
        lines.append(f"| `{rule.act}`{_marks(rule)} | {_who(rule)} | {scope} | {routes} |")
    lines += ["", "| Scope | Good for |", "| --- | --- |"]
    lines += [f"| `{name}` | {words} |" for name, words in SCOPES.items()]
    return "\n".join(lines)


def _who(rule: Rule) -> str:
    if rule.public:
        return "anybody"
    return " ".join(letter for role, letter in _LETTERS.items() if role in rule.who)


def _marks(rule: Rule) -> str:
    return (" ●" if rule.power else "") + (" ○" if rule.always and not rule.public else "")


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
        print(f"{DOCUMENT} differs; run python scripts/authority.py", file=sys.stderr)
        return 1
    DOCUMENT.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
