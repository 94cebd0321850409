"""``pleinair drill``: what a server is made for, played against one that really runs."""

import random
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from pleinair.errors import InputError, UnavailableError
from pleinair.figures import Cell, write_figure

app = typer.Typer(help="Play a bad day against a server that really runs.", no_args_is_help=True)
_MOST = {"members": (1, 5000), "strangers": (1, 5000), "workers": (0, 16)}
_AFTER = 6.0  # seconds that members go on after the last stranger has come
COLUMNS = (
    "seed",
    "requests of strangers until the stop",
    "seconds until the stop",
    "creates of strangers taken",
    "videos made since",
    "of these readable after",
    "strangers refused after",
    "requests of members",
    "members disturbed (401, 403, 429)",
    "other keys limited",
    "other keys stopped",
    "requests without an answer",
)


@app.callback()
def drill() -> None:
    """Play a bad day against a server that really runs."""


@app.command()
def leak(
    members: Annotated[int, typer.Option(help="Members at work.")] = 300,
    strangers: Annotated[int, typer.Option(help="Strangers who use one member's key.")] = 500,
    seeds: Annotated[str, typer.Option(help="One story for each, such as 1,2,3.")] = "1,2,3,4,5",
    seconds_before: Annotated[
        float, typer.Option(help="Seconds of work before the key is published.")
    ] = 25.0,
    rate: Annotated[float, typer.Option(help="Requests of members a second.")] = 40.0,
    strangers_rate: Annotated[float, typer.Option(help="Strangers that come a second.")] = 20.0,
    workers: Annotated[int, typer.Option(help="Workers of the server.")] = 1,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the figure drill-leak.json; none if not given.")
    ] = None,
) -> None:
    """A key of one member is published and used by strangers, while all others work.

    It starts a server of its own with members in an empty database, speaks to it from many
    addresses of this machine, and measures how long strangers get in, and who else is disturbed.
    Exit code 1 if a key was not stopped, or another one was.
    """
    for name, value in (("members", members), ("strangers", strangers), ("workers", workers)):
        low, high = _MOST[name]
        if not low <= value <= high:
            raise InputError(name, value, f"whole numbers from {low} to {high}")
    for name, number in (("rate", rate), ("strangers-rate", strangers_rate)):
        if not 0 < number <= 10_000:
            raise InputError(name, number, "numbers above 0")
    if not 0 <= seconds_before <= 3600:
        raise InputError("seconds-before", seconds_before, "numbers from 0 to 3600")
    if not sys.platform.startswith("linux"):
        raise UnavailableError("the drill speaks from 127.0.0.0/8, which only Linux has as a whole")
    from rich.console import Console

    from pleinair.commands.console import notes
    from pleinair.commands.serve import service_settings

    service_settings()  # says what to install if the server's libraries are not there
    rows: list[list[Cell]] = []
    for seed in _seeds(seeds):
        notes.print(f"seed {seed}: {members} members, then {strangers} strangers", style="dim")
        rows.append(
            _story(
                seed,
                members=members,
                strangers=strangers,
                before=seconds_before,
                rate=rate,
                strangers_rate=strangers_rate,
                workers=workers,
            )
        )
    Console().print(_table(rows))
    if out is not None:
        path = write_figure(
            "drill-leak",
            title="One key published, 'pleinair drill leak'",
            columns=COLUMNS,
            rows=rows,
            n=len(rows),
            seeds=_seeds(seeds),
            notes=f"{members} members at {rate:g} requests a second in all, {strangers} strangers, "
            f"{strangers_rate:g} of them a second; a real server, real HTTP, many addresses, the "
            f"test card. All keys are new: {seconds_before:g} s of work is all the history that "
            "there is, so that what a typical key does decides. Videos made since include the "
            "owner's. Server and load share the machine. Goal: 60 requests, no other key stopped.",
            out=out,
        )
        print(f"wrote      {path}")
    if any(row[2] is None or row[COLUMNS.index("other keys stopped")] for row in rows):
        raise typer.Exit(1)


def _story(
    seed: int,
    *,
    members: int,
    strangers: int,
    before: float,
    rate: float,
    strangers_rate: float,
    workers: int,
) -> list[Cell]:
    """Play it once, and return one row of `COLUMNS`."""
    import asyncio

    from pleinair.commands.drill_people import Crowd
    from pleinair.commands.drill_server import aftermath, people, serving, settings_of

    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="pleinair-drill-") as folder:
        settings = settings_of(Path(folder))
        holders = people(settings, members, rng)

        async def play(url: str) -> Any:  # noqa: ANN401  # the tally, of a module not loaded yet
            crowd = Crowd(url, holders, strangers, rng, rate)
            await crowd.play(before, strangers_rate, _AFTER)
            return crowd.tally

        with serving(Path(folder), workers) as url:
            tally = asyncio.run(play(url))
        after = aftermath(settings, holders[0], tally.began)
    seconds = None if tally.stopped is None else round(tally.stopped - tally.began, 2)
    return [
        seed,
        tally.accepted,
        seconds,
        tally.creates,
        after.made,
        after.readable,
        tally.refused,
        tally.served,
        tally.disturbed.total(),
        after.limited,
        after.stopped,
        tally.failed,
    ]


def _table(rows: list[list[Cell]]) -> Any:  # noqa: ANN401  # rich is loaded only when it runs
    """The rows, each story a column, because there are more things to tell than stories."""
    from rich.table import Table

    from pleinair.figures import show

    table = Table(title="One key published", show_header=False)
    for index, name in enumerate(COLUMNS):
        table.add_row(name, *(show(row[index]) for row in rows))
    return table


def _seeds(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts) or len(parts) > 100:
        raise InputError("seeds", text, "whole numbers such as 1,2,3")
    return [int(part) for part in parts]
