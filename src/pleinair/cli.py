"""The ``pleinair`` command: one line for every mistake, exit code 2, never a traceback.

Nothing here imports torch, so that help and refusals come at once; each command imports what it
needs when it runs.
"""

import sys

import typer

from pleinair.commands import (
    admin,
    check,
    drill,
    find,
    inspect,
    keep,
    learn,
    make,
    models,
    scene,
    serve,
    worlds,
)
from pleinair.errors import PleinairError

app = typer.Typer(
    help="Text in, video out: an open model, its training and its data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("generate")(make.generate)
app.command("scene")(scene.scene)
app.command("verify")(check.verify)
app.command("render")(worlds.render)
app.command("serve")(serve.serve)
app.command("worker")(serve.worker)
app.command("train")(learn.train)
app.command("distill")(learn.distill)
app.command("evaluate")(learn.evaluate)
app.command("backup")(keep.backup)
app.command("restore")(keep.restore)
app.command(
    "admin",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)(admin.admin)
app.add_typer(drill.app, name="drill")
app.command("find")(find.find)
app.add_typer(models.app, name="models")
app.command("doctor")(inspect.doctor)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; leaves by SystemExit."""
    try:
        code = app(arguments, standalone_mode=False)
    except PleinairError as error:
        _fail(str(error))
    except typer.Abort:
        _fail("stopped")
    except Exception as error:
        # Mistakes in options are of a class that typer keeps private; they format themselves.
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        _fail(message())
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str) -> None:
    if message:  # without a command there is only the help, printed already
        print(f"pleinair: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)
