"""``pleinair render``: a look at the worlds that the model learns from."""

import json
import random
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pleinair.commands.console import progress_bar
from pleinair.errors import InputError
from pleinair.request import parse_size

if TYPE_CHECKING:
    from pleinair.diffusion.worlds.scene import Scene

_FPS = 8
_MOST_LOOKED_AT = 200_000  # scenes drawn in search of some that pass the filters


def render(
    count: Annotated[int, typer.Option(help="How many scenes, 1–1000.")] = 12,
    seed: Annotated[int, typer.Option(help="Which endless series of scenes.")] = 0,
    index: Annotated[int, typer.Option(help="Number of the first scene looked at.")] = 0,
    place: Annotated[str | None, typer.Option(help="Only this place, such as sea.")] = None,
    hour: Annotated[str | None, typer.Option(help="Only this hour, such as dusk.")] = None,
    weather: Annotated[str | None, typer.Option(help="Only this weather, such as fog.")] = None,
    camera: Annotated[str | None, typer.Option(help="Only this camera, such as rise.")] = None,
    look: Annotated[str | None, typer.Option(help="Only this look, such as ink.")] = None,
    thing: Annotated[str | None, typer.Option(help="Only with this, such as balloon.")] = None,
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Combinations that training never sees.")
    ] = False,
    language: Annotated[str | None, typer.Option(help="Captions: en or fr; both if none.")] = None,
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT of a clip.")] = "144x80",
    frames: Annotated[int, typer.Option(help="Frames of a clip, 1–81, at 8 a second.")] = 17,
    out: Annotated[
        Path | None, typer.Option(help="Folder for clips (mp4) and scenes.jsonl with their truth.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Picture of all with captions; out/scenes.png if no --out.")
    ] = None,
) -> None:
    """Render scenes with their captions, as clips or as one picture."""
    width, height = parse_size(size)
    _check("count", count, 1, 1000)
    _check("frames", frames, 1, 81)
    _check("size", min(width, height), 16, 1024)
    _check("size", max(width, height), 16, 1024)
    if language not in (None, "en", "fr"):
        raise InputError("language", language, "en, fr")
    if out is None and sheet is None:
        sheet = Path("out/scenes.png")
    wanted = {"place": place, "hour": hour, "weather": weather, "camera": camera, "look": look}
    scenes = _find(count, seed, index, wanted, thing, held_out)

    from pleinair.diffusion.worlds import captions
    from pleinair.diffusion.worlds import render as renderer
    from pleinair.media.codec import write_video
    from pleinair.media.encoder import check_writable
    from pleinair.media.frames import to_frames
    from pleinair.media.sheet import check_picture_name, grid, write_picture

    if sheet is not None:
        check_picture_name(sheet)
    for path in (sheet, out and out / "scenes.jsonl"):
        if path is not None:
            check_writable(path)
    texts = [captions.caption(s, random.Random(s.seed), language=language) for s in scenes]
    clips = []
    with progress_bar() as progress:
        for i, scene in enumerate(scenes):
            progress(i, count, "render")
            video = renderer.render([scene], frames=frames, width=width, height=height)
            clips.append(to_frames(video[0]))
            if out is not None:
                write_video(out / f"{i:04d}.mp4", clips[-1], _FPS)
    if out is not None:
        records = (
            {"file": f"{i:04d}.mp4", "caption": text, "scene": asdict(scene)}
            for i, (scene, text) in enumerate(zip(scenes, texts, strict=True))
        )
        lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        (out / "scenes.jsonl").write_text("".join(lines))
        print(f"wrote {count} clips and scenes.jsonl to {out}")
    if sheet is not None:
        write_picture(sheet, grid(clips, texts, width=2 * width))
        print(f"wrote {sheet}")


def _find(
    count: int,
    seed: int,
    index: int,
    wanted: dict[str, str | None],
    thing: str | None,
    held_out: bool,
) -> "list[Scene]":
    from pleinair.diffusion.worlds import scene as worlds

    words = {
        "place": worlds.PLACES,
        "hour": worlds.HOURS,
        "weather": worlds.WEATHERS,
        "camera": worlds.CAMERAS,
        "look": worlds.LOOKS,
    }
    for name, value in wanted.items():
        if value is not None and value not in words[name]:
            raise InputError(name, value, ", ".join(words[name]))
    if thing is not None and thing not in worlds.THINGS:
        raise InputError("thing", thing, ", ".join(worlds.THINGS))
    found = []
    for number in range(index, index + _MOST_LOOKED_AT):
        scene = worlds.sample_scene(seed, number, held_out=held_out)
        if thing is not None and scene.has(thing) is None:
            continue
        if all(value in (None, getattr(scene, name)) for name, value in wanted.items()):
            found.append(scene)
            if len(found) == count:
                return found
    asked = ", ".join(value for value in (*wanted.values(), thing) if value)
    seen = f"{len(found)} of {_MOST_LOOKED_AT:,} scenes are so"
    raise InputError("filters", asked, f"combinations that occur {count}-fold; {seen}")


def _check(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InputError(name, value, f"whole numbers from {low} to {high}")
