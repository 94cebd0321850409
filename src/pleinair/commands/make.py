"""``pleinair generate``: a sentence in, video files out."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from pleinair.backends.base import MODELS, Generation, check_model, open_backend
from pleinair.commands.console import notes, progress_bar
from pleinair.commands.given import read_given
from pleinair.request import MOST_SECONDS, Given, VideoRequest, draw_seed, parse_size
from pleinair.settings import ServiceSettings, Settings

if TYPE_CHECKING:
    from pleinair.media.provenance import Signer

_SIZE = f"{VideoRequest.width}x{VideoRequest.height}"


def generate(
    prompt: Annotated[str, typer.Argument(help="What to show, in English or French.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File; pleinair-SEED.mp4 if none."),
    ] = None,
    negative: Annotated[
        str, typer.Option(help="What to keep out; works where guidance does.")
    ] = VideoRequest.negative_prompt,
    image: Annotated[Path | None, typer.Option(help="Picture that the video opens with.")] = None,
    edit: Annotated[Path | None, typer.Option(help="Video to draw anew.")] = None,
    strength: Annotated[
        float, typer.Option(help="How much an edit may change: above 0, at most 1.")
    ] = Given.strength,
    extend: Annotated[
        Path | None, typer.Option(help="Video to go on with; the length is what is added.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Length, up to 60; 2 if none, for an edit the video's.")
    ] = None,
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT, even numbers from 32 to 4096.")] = _SIZE,
    fps: Annotated[
        int, typer.Option(help="Frames a second; the model's 8 are interpolated along the motion.")
    ] = VideoRequest.fps,
    seed: Annotated[int | None, typer.Option(help="Same seed, same video; drawn if none.")] = None,
    steps: Annotated[
        int | None,
        typer.Option(help="More steps, more detail, more time: 1–200; the model's own if none."),
    ] = VideoRequest.steps,
    guidance: Annotated[
        float | None,
        typer.Option(help="How strongly the prompt is followed: 0–20; the model's own if none."),
    ] = VideoRequest.guidance,
    complete: Annotated[
        bool, typer.Option("--complete", help="Choose by the seed what the prompt leaves unsaid.")
    ] = VideoRequest.complete,
    rewrite: Annotated[
        bool,
        typer.Option("--rewrite", help="Have PLEINAIR_REWRITE_URL say the prompt in more words."),
    ] = False,
    variations: Annotated[
        int, typer.Option(help="How many videos, with seeds SEED, SEED + 1, …")
    ] = VideoRequest.variations,
    format: Annotated[
        str | None, typer.Option(help="mp4, webm, gif or webp; by the file name if not given.")
    ] = None,
    model: Annotated[str, typer.Option(help="See `pleinair models`.")] = VideoRequest.model,
    thumbnail: Annotated[
        Path | None, typer.Option(help="Also write one frame here (png, jpg or webp).")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Also write a contact sheet here (png, jpg or webp).")
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:N.")] = None,
    threads: Annotated[int | None, typer.Option(help="Processor threads.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make a video from a description."""
    started = time.perf_counter()
    width, height = parse_size(size)
    given, materials = read_given(image=image, edit=edit, strength=strength, extend=extend)
    if seconds is None:
        clips = [materials[item.sha256] for item in given if item.role == "edit"]
        lengths = [float(len(clip.frames) / clip.fps) for clip in clips]
        seconds = min(MOST_SECONDS, *lengths) if lengths else VideoRequest.seconds
    request = VideoRequest(
        prompt=prompt,
        model=model,
        seconds=seconds,
        width=width,
        height=height,
        fps=fps,
        seed=draw_seed() if seed is None else seed,
        steps=steps,
        guidance=guidance,
        variations=variations,
        negative_prompt=negative,
        given=given,
        complete=complete,
    )
    check_model(model)
    MODELS[model].check(request)
    if rewrite:
        request = _rewritten(request)
    settings = Settings.read()
    settings = replace(settings, device=device or settings.device)
    settings = replace(settings, threads=settings.threads if threads is None else threads)
    output = output or Path(f"pleinair-{request.seed}.{format or 'mp4'}")
    _check_outputs(output, format, (thumbnail, sheet))
    signer = _signer(settings)
    named = [path for path in (image, edit, extend) if path]
    sources = {item.sha256: path for item, path in zip(given, named, strict=True)}

    with progress_bar(quiet=as_json) as progress:
        generation = open_backend(model, settings).generate(request, progress, materials=materials)
        encoding = time.perf_counter()
        files = _write(generation, settings, output, format, thumbnail, sheet, signer, sources)
        now = time.perf_counter()
    spent = {**generation.metadata.seconds, "write": now - encoding}
    generation = replace(generation, metadata=replace(generation.metadata, seconds=spent))
    if as_json:
        names = [str(file) for file in files]
        record = generation.metadata.as_dict()
        told = {"files": names, "signed": signer is not None, "total_seconds": now - started}
        print(json.dumps({**told, **record}))
    else:
        _tell(generation, files, now - started)


def _rewritten(request: VideoRequest) -> VideoRequest:
    """The request with its prompt in other words."""
    from pleinair.service.rewriting import Rewriter, need

    rewriter = need(Rewriter.of(ServiceSettings.read()))
    said = rewriter.rewrite(request.prompt, request.model)
    return replace(request, prompt=said, original=request.prompt)


def _check_outputs(output: Path, format: str | None, pictures: tuple[Path | None, ...]) -> None:
    """Refuse names that cannot be written before any time goes into the video."""
    from pleinair.media.codec import check_writable, format_of
    from pleinair.media.sheet import check_picture_name

    format_of(output, format)
    check_writable(output)
    for picture in pictures:
        if picture is not None:
            check_picture_name(picture)
            check_writable(picture)


def _write(
    generation: Generation,
    settings: Settings,
    output: Path,
    format: str | None,
    thumbnail: Path | None,
    sheet: Path | None,
    signer: "Signer | None",
    sources: Mapping[str, Path],
) -> list[Path]:
    """Write every file, each signed before it has its name."""
    from pleinair.media import sheet as stills
    from pleinair.media.codec import format_of, write_video
    from pleinair.media.manifest import TYPES
    from pleinair.media.mark import Marking
    from pleinair.media.provenance import Origin, deliver
    from pleinair.service.secret import marking_key

    marking = Marking.read(settings, marking_key(ServiceSettings.read()))
    request = generation.metadata.request
    files: list[Path] = []
    kind, fps = format_of(output, format), generation.fps
    for i, frames in enumerate(generation.clips):
        origin = Origin(request, i, sources)
        mark = marking.of(frames, f"{request.digest}/{i}", request.before(len(frames)))

        def keep(
            path: Path,
            write: Callable[[Path], None],
            type: str | None = None,
            origin: Origin = origin,
        ) -> None:
            path = _numbered(path, origin.number, len(generation.clips))
            files.extend(deliver(path, write, signer, origin, type))

        video = partial(write_video, frames=frames, fps=fps, format=kind, mark=mark)
        keep(output, video, TYPES[kind])
        if thumbnail is not None:
            picture = stills.thumbnail(frames)
            keep(thumbnail, partial(stills.write_picture, picture=picture))
        if sheet is not None:
            picture = stills.contact_sheet(frames, fps)
            keep(sheet, partial(stills.write_picture, picture=picture))
    return files


def _signer(settings: Settings) -> "Signer | None":
    """Who signs; a certificate that cannot be used is refused before the video is begun."""
    from pleinair.media.provenance import signer_of

    return signer_of(settings, ServiceSettings.read().home)


def _numbered(path: Path, i: int, count: int) -> Path:
    """``out.mp4`` for one variation, else ``out-1.mp4``, ``out-2.mp4`` and so on."""
    return path if count == 1 else path.with_name(f"{path.stem}-{i + 1}{path.suffix}")


def _tell(generation: Generation, files: list[Path], total: float) -> None:
    made = generation.metadata
    request = made.request
    enlarged = max(request.width / made.native_width, request.height / made.native_height)
    how = "enlarged" if enlarged > 1 else "scaled"
    frames = len(generation.frames)  # with those of a clip that was extended
    between = ", motion interpolated" if generation.fps != made.native_fps else ""
    for word, like in made.unknown.items():
        hint = f"; did you mean {like}?" if like else ""
        notes.print(f"[yellow]unknown word:[/] {word}{hint}", soft_wrap=True)
    if made.cut:
        notes.print(f"[yellow]too long:[/] the last {made.cut:,} words of the prompt were left out")
    for note in made.notes:
        notes.print(f"[yellow]note:[/] {note}", soft_wrap=True)
    if request.original:
        notes.print("[green]rewritten:[/]", Text(request.prompt), soft_wrap=True)
        notes.print("[green]from:[/]", Text(request.original), soft_wrap=True)
    for i, added in enumerate(made.completed):
        which = f" {i + 1}" if len(made.completed) > 1 else ""
        told = added or "nothing was left unsaid"
        notes.print(f"[green]completed{which}:[/] … {told}", soft_wrap=True)
    guidance = "built in" if made.guidance is None else f"{made.guidance:g}"
    print(
        f"model      {request.model}, {made.steps} steps, guidance {guidance}\n"
        f"seed       {request.seed}\n"
        f"drawn      {made.native_width}x{made.native_height}, "
        f"{made.native_fps} frames/s, {made.native_frames} frames\n"
        f"delivered  {request.width}x{request.height} ({how} {enlarged:.3g} times), "
        f"{generation.fps} frames/s{between}, {frames} frames, "
        f"{frames / generation.fps:.4g} s"
    )
    stages = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in made.seconds.items())
    print(f"time       {total:.1f} s ({stages})")
    for file in files:
        print(f"wrote      {file} ({_bytes(file.stat().st_size)})")


def _bytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"
