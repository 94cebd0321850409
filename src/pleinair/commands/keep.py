"""``pleinair backup`` and ``pleinair restore``: a whole server in one folder, and back."""

from pathlib import Path
from typing import Annotated

import typer

from pleinair.commands.console import notes
from pleinair.commands.serve import service_settings


def backup(
    folder: Annotated[Path, typer.Argument(help="Where to; must not be there yet.")],
    with_secret: Annotated[
        bool,
        typer.Option("--with-secret", help="Also keep the secret that signs links and webhooks."),
    ] = False,
) -> None:
    """Back up database and storage while the server runs; exit code 1 if files were lost before."""
    settings = service_settings()
    from pleinair.service.backup import take
    from pleinair.service.db import Database
    from pleinair.service.secret import server_secret
    from pleinair.service.storage import Storage

    secret = server_secret(settings)
    database = Database(settings.database_url)
    storage = Storage(settings.storage_url, secret)
    made = take(database, storage, folder, secret=secret, with_secret=with_secret)
    rows = sum(item.lines for name, item in made.lists.items() if name.startswith("tables/"))
    files = made.lists["files.jsonl"].lines
    print(f"wrote      {folder}: {rows:,} rows, {files:,} files, {made.bytes / 1e6:.1f} MB")
    if made.gone:
        print(f"left out   {len(made.gone):,} files that were deleted or expired meanwhile")
    for key in made.damaged:
        notes.print(f"[yellow]damaged:[/] {key} is lost or not what it was", soft_wrap=True)
    if made.damaged:
        raise typer.Exit(1)


def restore(
    folder: Annotated[Path, typer.Argument(help="A backup.")],
    force: Annotated[
        bool, typer.Option("--force", help="Empty the database and the storage first.")
    ] = False,
) -> None:
    """Restore a backup into the database and storage of the settings; stop the server first."""
    settings = service_settings()
    from pleinair.service import restore as restoring
    from pleinair.service.db import Database
    from pleinair.service.manifest import mark
    from pleinair.service.secret import server_secret
    from pleinair.service.storage import Storage

    database = Database(settings.database_url)
    storage = Storage(settings.storage_url, b"no links are made here")
    made = restoring.restore(folder, database, storage, force=force)
    if not settings.secret:
        restoring.restore_secret(folder, settings.home, force=force)
    print(f"restored   {folder}, made by Pleinair {made.version}")
    if mark(server_secret(settings)) != made.secret:
        notes.print(
            "[yellow]another secret:[/] links given before this no longer work, and webhook "
            "endpoints sign with secrets that their receivers do not know yet",
            soft_wrap=True,
        )
