"""``pleinair scene``: the scene of a prompt as a file, to be read, changed and drawn."""

from pathlib import Path
from typing import Annotated

import typer

from pleinair.commands.console import notes
from pleinair.errors import MediaError
from pleinair.request import MOST_SECONDS, VideoRequest, draw_seed, parse_size
from pleinair.scenes.document import to_toml, write_scene
from pleinair.scenes.draft import draft, explain

_SIZE = f"{VideoRequest.width}x{VideoRequest.height}"


def scene(
    prompt: Annotated[
        str,
        typer.Argument(help="What to show, in English or French; all is composed if empty."),
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File, .toml or .json; printed as TOML if none."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same scene; drawn if none.")] = None,
    size: Annotated[str, typer.Option(help="Of the video that it is composed for.")] = _SIZE,
    seconds: Annotated[
        float, typer.Option(help="Length of the video, over which the camera moves.")
    ] = VideoRequest.seconds,
    explaining: Annotated[
        bool, typer.Option("--explain", help="Say what the prompt decided, and what the seed did.")
    ] = False,
) -> None:
    """Compose the scene that a prompt would be drawn from; `generate --scene` draws it."""
    width, height = parse_size(size)
    checked = VideoRequest(
        prompt or "a scene",
        seconds=min(seconds, MOST_SECONDS),
        width=width,
        height=height,
        seed=draw_seed() if seed is None else seed,
    )
    made = draft(prompt, checked.seed, aspect=width / height, seconds=seconds)
    for word in made.unknown:
        notes.print(f"[yellow]unknown word:[/] {word}", soft_wrap=True)
    for note in made.notes:
        notes.print(f"[yellow]note:[/] {note}", soft_wrap=True)
    if explaining:
        print(explain(made))
    if output is not None:
        try:
            write_scene(made.scene, output)
        except OSError as error:
            raise MediaError(f"cannot write {output}: {error.strerror or error}") from error
        print(f"wrote      {output}")
    elif not explaining:
        print(to_toml(made.scene), end="")
