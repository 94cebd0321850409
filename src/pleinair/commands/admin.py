"""``pleinair admin``: the administrators' routes as commands, for whoever is at the machine.

The commands are made from the routes themselves, so that both can do the same: a route named
``switches.off`` is ``pleinair admin switches off``, what stands in its path is said after it, and
the fields of its body and its query are options. Each goes through the app inside this process,
with the same checks and the same record, in the name of the operator.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from pleinair.commands.console import notes
from pleinair.commands.serve import service_settings
from pleinair.errors import InputError, PleinairError, UnavailableError

if TYPE_CHECKING:
    from fastapi import FastAPI
    from fastapi.routing import APIRoute
    from pydantic.fields import FieldInfo

    from pleinair.settings import ServiceSettings

PREFIX = "/admin/v1"


def admin(context: typer.Context) -> None:
    """Run the access programme: members, reviews, switches, leaks, pay, record."""
    settings = service_settings()
    from pleinair.api.app import create_app
    from pleinair.service import log

    log.configure(level="ERROR")
    app = create_app(settings)
    app.state.services.database.migrate()
    parser = build(app)
    asked = vars(parser.parse_args(context.args))
    command: Command | None = asked.get("command")
    if asked.get("noun") == "init":
        first(settings, asked["name"], asked["email"], asked["programme"])
    elif command is None:
        parser.print_help()
    else:
        run(app, command, asked)


@dataclass(frozen=True)
class Command:
    """A route as a command.

    Attributes:
        method, path: of the route.
        inside: names of what stands in the path.
        query, body: names of its parameters, by where they go.
    """

    method: str
    path: str
    inside: Sequence[str]
    query: Sequence[str] = field(default_factory=tuple)
    body: Sequence[str] = field(default_factory=tuple)


class _Parser(argparse.ArgumentParser):
    """Mistakes are told as everywhere: one line."""

    def error(self, message: str) -> NoReturn:
        raise PleinairError(f"{message}; see {self.prog} --help")


def build(app: "FastAPI") -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = _Parser(prog="pleinair admin", description=admin.__doc__)
    nouns = parser.add_subparsers(dest="noun", metavar="NOUN", parser_class=_Parser)
    begin = nouns.add_parser("init", help="Make the first administrator, and a first programme.")
    begin.add_argument("--name", default="Administrator", help="What they want to be called.")
    begin.add_argument("--email", required=True, help="Their address, to sign in with.")
    begin.add_argument("--programme", default="Early access", help="Name of the first programme.")
    groups: dict[str, Any] = {}
    for route in routes():
        noun, _, verb = route.name.partition(".")
        if noun not in groups:
            group = nouns.add_parser(noun, help=f"Work with {noun.replace('_', ' ')}.")
            groups[noun] = group.add_subparsers(
                dest="verb", metavar="VERB", required=True, parser_class=_Parser
            )
        _add(groups[noun], verb.replace(".", "-").replace("_", "-"), route)
    return parser


def routes() -> Iterator["APIRoute"]:
    """The administrators' routes, by their names."""
    from fastapi.routing import APIRoute

    from pleinair.api.app import PROGRAMME

    found = [
        route
        for noun in PROGRAMME
        for name in dir(noun)
        for route in getattr(getattr(noun, name), "routes", ())
        if isinstance(route, APIRoute) and route.path.startswith(PREFIX)
    ]
    yield from sorted({(route.name, id(route)): route for route in found}.values(), key=_name)


def run(app: "FastAPI", command: Command, asked: Mapping[str, Any]) -> None:
    """Call a route in the name of the operator and print what it answers."""
    given = {name: value for name, value in asked.items() if value is not None}
    path = command.path
    for name in command.inside:
        path = path.replace(f"{{{name}}}", given[name])
    query = {name: given[name] for name in command.query if name in given}
    body = {name: given[name] for name in command.body if name in given}
    status, kind, content = asyncio.run(_call(app, command.method, path, query, body))
    if status >= 400:
        told = json.loads(content)["error"]
        raise PleinairError(told["message"])
    if not kind.startswith("application/json"):
        _write(content, asked.get("output"))
    elif asked.get("json"):
        print(json.dumps(json.loads(content), indent=2, ensure_ascii=False))
    else:
        show(json.loads(content))


def first(settings: "ServiceSettings", name: str, email: str, programme: str) -> None:
    """Make the first administrator, with a password and a key that is shown once."""
    from pleinair.access import keys, members, programmes
    from pleinair.access.actor import AT_THE_MACHINE, SCOPES, Role
    from pleinair.api.services import Services

    use = Services.open(settings)
    if settings.keys:
        raise InputError(
            "keys",
            "PLEINAIR_KEYS",
            "no keys in the environment: members have keys of their own; take it out first",
        )
    if use.admission.has_members():
        raise PleinairError("there are members already; `pleinair admin invitations create`")
    password = _password()
    hashed = use.accounts.passwords.hash(password)
    with use.powers.act(AT_THE_MACHINE, "members.create", role="administrator") as act:
        made = programmes.add(act.session, name=programme)
        member = members.add(act.session, name, Role.ADMINISTRATOR, made.id, email, accepted=True)
        member.password = hashed
        _, secret = keys.add(act.session, member.id, "first key", list(SCOPES), None)
        act.subject = member.id
    print(f"member     {member.id}, administrator, signs in as {member.email}")
    print(f"programme  {made.id}, {made.name}: no limits yet, every video is reviewed")
    print(f"key        {secret}")
    notes.print("The key is shown this once. From now on this server takes members' keys alone.")


def show(told: Mapping[str, Any]) -> None:
    """Print an answer for a person: a list as a table, one thing as lines."""
    from rich.table import Table

    rows = told.get("data")
    if not isinstance(rows, list):
        for name, value in told.items():
            if name == "object":
                continue
            print(f"{name:<18} {_word(name, value)}")
        return
    if not rows:
        notes.print("nothing", style="dim")
        return
    names = [name for name in rows[0] if name != "object" and any(row.get(name) for row in rows)]
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in names:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_word(name, row.get(name)) for name in names))
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else 240, highlight=False).print(table)
    if told.get("has_more"):
        notes.print(f"there is more after {told.get('last_id')}", style="dim")


def _add(verbs: Any, verb: str, route: "APIRoute") -> None:  # noqa: ANN401
    """The command of one route."""
    from pleinair.api.body import BODIES

    method = next(iter((route.methods or set()) - {"HEAD"}), "")
    if not method:
        return  # HEAD alone: its GET is the command
    inside = [param.name for param in route.dependant.path_params]
    told = ((route.openapi_extra or {}).get("requestBody") or {}).get("content", {})
    reference = told.get("application/json", {}).get("schema", {}).get("$ref", "")
    body = BODIES[reference.rpartition("/")[2]].model_fields if reference else {}
    query = {param.alias: param.field_info for param in route.dependant.query_params}
    words = (route.endpoint.__doc__ or "").strip().partition("\n")[0]
    parser = verbs.add_parser(verb, help=words, description=words)
    for name in inside:
        parser.add_argument(name, metavar=name.upper())
    for name, info in {**query, **body}.items():
        _option(parser, name, info)
    parser.add_argument("--json", action="store_true", help="Print the answer as JSON.")
    if method == "GET":
        parser.add_argument("--output", type=Path, help="Where a file that is answered goes.")
    command = Command(method, route.path, inside, list(query), list(body))
    parser.set_defaults(command=command)


def _option(parser: argparse.ArgumentParser, name: str, info: "FieldInfo") -> None:
    """An option for a field; the route itself says which values it takes."""
    kind = str(info.annotation)
    settings: dict[str, Any] = {"help": info.description or "", "default": None}
    if "bool" in kind:
        settings["action"] = argparse.BooleanOptionalAction
    elif "list[" in kind:
        settings |= {"nargs": "+"}
    elif "int" in kind and "str" not in kind:
        settings |= {"type": _whole, "metavar": "N"}
    elif "float" in kind:
        settings |= {"type": _number, "metavar": "N"}
    else:
        settings["metavar"] = "TEXT"
    if info.is_required():
        settings["required"] = True
    settings["help"] = settings["help"].replace("%", "%%")
    parser.add_argument(f"--{name.replace('_', '-').strip('-')}", dest=name, **settings)


def _whole(text: str) -> int:
    return int(text)


def _number(text: str) -> float:
    return float(text)


async def _call(
    app: "FastAPI", method: str, path: str, query: Mapping[str, Any], body: Mapping[str, Any]
) -> tuple[int, str, bytes]:
    """Status, content type and content of a call inside this process."""
    import httpx

    from pleinair.access.actor import AT_THE_MACHINE
    from pleinair.api.identity import ALREADY

    async def as_operator(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        await app({**scope, ALREADY: AT_THE_MACHINE}, receive, send)

    transport = httpx.ASGITransport(app=as_operator)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        answer = await client.request(
            method, path, params=dict(query), json=dict(body) if method == "POST" else None
        )
    return answer.status_code, answer.headers.get("content-type", ""), answer.content


def _password() -> str:
    """A new password: asked for twice at a terminal, else the first line that comes in."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    import getpass

    password = getpass.getpass("Password (12 to 200 characters): ")
    if getpass.getpass("Once more: ") != password:
        raise PleinairError("the two passwords differ")
    return password


def _write(content: bytes, output: Path | None) -> None:
    if output is None:
        sys.stdout.buffer.write(content)
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        raise UnavailableError(f"{output} cannot be written: {error.strerror}") from error


def _word(name: str, value: Any) -> str:  # noqa: ANN401
    if value is None:
        return "–"
    if name.endswith(("_at", "until")) and isinstance(value, int):
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M UTC")
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _name(route: "APIRoute") -> str:
    return route.name
