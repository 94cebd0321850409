"""``pleinair find``: whether this server made a file, and which video it is."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pleinair.commands.serve import service_settings


def find(
    file: Annotated[Path, typer.Argument(help="A clip or a picture.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Find the videos of this server that a file comes from; exit code 1 if there are none."""
    settings = service_settings()  # says what to install if the server's libraries are not there
    from pleinair.media.glimpse import luma, read_glimpse
    from pleinair.media.mark import PUBLIC
    from pleinair.media.watermark import Watermark
    from pleinair.service.db import Database
    from pleinair.service.origins import Origins
    from pleinair.service.secret import server_secret

    frames = read_glimpse(file)
    database = Database(settings.database_url)
    database.migrate()
    found = Origins(database, server_secret(settings)).find(frames)
    public = not found.reading.found and Watermark(PUBLIC).read(luma(frames)).found
    if as_json:
        videos = [asdict(item) for item in found.sightings]
        mark = {**asdict(found.reading), "found": found.reading.found}
        print(json.dumps({"watermark": mark, "public_watermark": public, "videos": videos}))
    else:
        if found.reading.found:
            print(f"mark       of this server, score {found.reading.score:.1f}")
        elif public:
            print("mark       of a Pleinair without a secret of its own")
        else:
            print("mark       none")
        for item in found.sightings:
            looks = "" if item.distance is None else f", {item.distance:.0f} of 256 bits differ"
            evidence = " and ".join(item.evidence)
            print(f"{item.certainty:10} {item.video_id} ({item.owner}) by {evidence}{looks}")
    if not (found.reading.found or public or found.sightings):
        raise typer.Exit(1)
