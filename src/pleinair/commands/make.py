"""``pleinair generate``: a sentence in, video files out."""

import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pleinair.backends.assigning import assigned
from pleinair.backends.base import open_backend
from pleinair.backends.inputs import Inputs, read_inputs
from pleinair.commands.board import draw, plan, read_board
from pleinair.commands.console import progress_bar
from pleinair.commands.given import parse_keyframes, parse_span
from pleinair.commands.output import Outputs, is_still, tell
from pleinair.errors import InputError
from pleinair.request import Given, VideoRequest, draw_seed, parse_size
from pleinair.scenes.document import read_scene
from pleinair.settings import ServiceSettings, Settings

if TYPE_CHECKING:
    from pleinair.media.provenance import Signer

_SIZE = f"{VideoRequest.width}x{VideoRequest.height}"


def generate(
    prompt: Annotated[
        str | None,
        typer.Argument(help="What to show, in English or French.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File; pleinair-SEED.mp4 if none; .png is a still."),
    ] = None,
    negative: Annotated[
        str, typer.Option(help="What to keep out; works where guidance does.")
    ] = VideoRequest.negative_prompt,
    image: Annotated[Path | None, typer.Option(help="Picture that the video opens with.")] = None,
    keyframe: Annotated[
        list[str] | None,
        typer.Option(help="SECONDS=PICTURE or end=PICTURE: to be seen then; may come often."),
    ] = None,
    edit: Annotated[
        Path | None, typer.Option("--edit", "--video", help="Video to draw anew.")
    ] = None,
    strength: Annotated[
        float, typer.Option(help="How much an edit or a retake may change: above 0, at most 1.")
    ] = Given.strength,
    extend: Annotated[
        Path | None, typer.Option(help="Video to go on with; the length is what is added.")
    ] = None,
    before: Annotated[
        Path | None,
        typer.Option(help="Video before which to begin; with --extend, what connects the two."),
    ] = None,
    retake: Annotated[
        Path | None, typer.Option(help="Video of which the --span is drawn anew.")
    ] = None,
    span: Annotated[
        str | None, typer.Option(help="START-END of a retake in seconds, such as 1.0-2.5.")
    ] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Let the end lead into the start.")] = False,
    still: Annotated[bool, typer.Option("--still", help="Make one picture.")] = False,
    scene: Annotated[
        Path | None,
        typer.Option(help="Scene to draw, TOML or JSON; see `pleinair scene`."),
    ] = None,
    storyboard: Annotated[
        Path | None,
        typer.Option(help="TOML with cards that become one video, instead of a prompt."),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            help=f"Length, up to 60; {VideoRequest.seconds:g} if none, for an edit the video's."
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(help=f"WIDTHxHEIGHT, even numbers from 32 to 4096; {_SIZE} if none."),
    ] = None,
    fps: Annotated[int, typer.Option(help="Frames a second; 1 to 60.")] = VideoRequest.fps,
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
    model: Annotated[
        str | None,
        typer.Option(
            help=f"See `pleinair models`; {VideoRequest.model} if none, "
            f"or another for what that cannot do yet."
        ),
    ] = None,
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
    still = is_still(output, asked=still)
    inputs = Inputs(
        image=image,
        edit=edit,
        extend=extend,
        before=before,
        retake=retake,
        span=parse_span(span),
        keyframes=parse_keyframes(keyframe or ()),
        strength=strength,
        still=still,
    )
    board = None if storyboard is None else read_board(storyboard)
    if board is not None:
        _check_alone(
            inputs,
            prompt=prompt,
            loop=loop,
            complete=complete,
            rewrite=rewrite,
            seconds=seconds,
            variations=variations,
            scene=scene,
        )
        if board.size is not None and size is not None:
            raise InputError("size", size, "none: the storyboard says it")
    width, height = (board and board.size) or parse_size(_SIZE if size is None else size)
    found = read_inputs(inputs, seconds, fps)
    drawn = None if scene is None else read_scene(scene)
    if drawn is not None:
        seed = drawn.seed if seed is None else seed
    request = VideoRequest(
        prompt=board.cards[0].prompt if board else prompt or "",
        model=model or VideoRequest.model,
        seconds=found.seconds,
        width=width,
        height=height,
        fps=fps,
        seed=draw_seed() if seed is None else seed,
        steps=steps,
        guidance=guidance,
        variations=variations,
        negative_prompt=negative,
        given=found.given,
        loop=loop,
        complete=complete,
        scene=drawn,
    )
    planned = plan(board, request, by_name=model is not None) if board else []
    request = planned[0][0] if board else assigned(request, by_name=model is not None)
    if rewrite:
        request = _rewritten(request)
    settings = Settings.read()
    settings = replace(settings, device=device or settings.device)
    settings = replace(settings, threads=settings.threads if threads is None else threads)
    name = f"pleinair-{request.seed}.{'png' if still else format or 'mp4'}"
    outputs = Outputs(output or Path(name), format, thumbnail, sheet, still)
    outputs.check()
    signer = _signer(settings)

    with progress_bar(quiet=as_json) as progress, tempfile.TemporaryDirectory() as folder:
        backend, sources = open_backend(request.model, settings), found.sources
        if board:
            generation, sources = draw(planned, backend, Path(folder), signer, progress)
        else:
            generation = backend.generate(request, progress, materials=found.materials)
        writing = time.perf_counter()
        files = outputs.write(generation, settings, signer, sources, progress)
        now = time.perf_counter()
    stage = "draw" if generation.is_drawn else "write"
    spent = {**generation.metadata.seconds, stage: now - writing}
    generation = replace(generation, metadata=replace(generation.metadata, seconds=spent))
    if as_json:
        names = [str(file) for file in files]
        told = {"files": names, "signed": signer is not None, "total_seconds": now - started}
        title = {"storyboard": board.title} if board else {}
        print(json.dumps({**told, **title, **generation.metadata.as_dict()}))
    else:
        if board:
            print(f"storyboard {board.title}, {len(board.cards)} cards")
        tell(generation, files, now - started)


def _check_alone(
    inputs: Inputs,
    *,
    prompt: str | None,
    loop: bool,
    complete: bool,
    rewrite: bool,
    seconds: float | None,
    variations: int,
    scene: Path | None,
) -> None:
    """Refuse what a storyboard says itself, or cannot do."""
    if prompt is not None:
        raise InputError("prompt", prompt, "none: the storyboard says it")
    if seconds is not None:
        raise InputError("seconds", seconds, "none: the storyboard says it")
    if variations != 1:
        raise InputError("variations", variations, "1 with a storyboard")
    for name in ("image", "edit", "extend", "before", "retake", "keyframes", "still"):
        if getattr(inputs, name):
            raise InputError("storyboard", f"with {name}", "a storyboard alone")
    others = {"loop": loop, "complete": complete, "rewrite": rewrite, "scene": scene is not None}
    for name, asked in others.items():
        if asked:
            raise InputError("storyboard", f"with {name}", "a storyboard alone")


def _rewritten(request: VideoRequest) -> VideoRequest:
    """The request with its prompt in other words."""
    from pleinair.service.rewriting import Rewriter, need

    rewriter = need(Rewriter.of(ServiceSettings.read()))
    said = rewriter.rewrite(request.prompt, request.model)
    return replace(request, prompt=said, original=request.prompt)


def _signer(settings: Settings) -> "Signer | None":
    """Who signs; a certificate that cannot be used is refused before the video is begun."""
    from pleinair.media.provenance import signer_of

    return signer_of(settings, ServiceSettings.read().home)
