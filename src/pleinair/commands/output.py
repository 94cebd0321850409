"""What ``pleinair generate`` writes and says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from pleinair.backends.base import Generation
from pleinair.commands.console import notes
from pleinair.errors import InputError
from pleinair.settings import ServiceSettings, Settings

if TYPE_CHECKING:
    from pleinair.media.provenance import Signer

_STILLS = (".png", ".jpg", ".jpeg")  # not .webp, which is a moving picture unless told otherwise


def is_still(output: Path | None, *, asked: bool) -> bool:
    """Whether a single picture is made: it is asked for, or the file's name says so."""
    return asked or (output is not None and output.suffix.lower() in _STILLS)


@dataclass(frozen=True)
class Outputs:
    """Files to write.

    Attributes:
        output: the video, or the picture if it is a still.
        format: of the video; by its name if None.
        thumbnail, sheet: further pictures, if they are wanted.
        still: whether a single picture is made.
    """

    output: Path
    format: str | None = None
    thumbnail: Path | None = None
    sheet: Path | None = None
    still: bool = False

    def check(self) -> None:
        """Refuse names that cannot be written before any time goes into the video.

        Raises:
            InputError: a name or the format is not allowed.
            MediaError: a file could not be written.
        """
        from pleinair.media.codec import format_of
        from pleinair.media.encoder import check_writable
        from pleinair.media.sheet import check_picture_name

        if self.still:
            if self.format is not None:
                raise InputError("format", self.format, "none: the name of a still says it")
            check_picture_name(self.output)
        else:
            format_of(self.output, self.format)
        check_writable(self.output)
        for picture in (self.thumbnail, self.sheet):
            if picture is not None:
                check_picture_name(picture)
                check_writable(picture)

    def write(
        self,
        generation: Generation,
        settings: Settings,
        signer: "Signer | None",
        sources: Mapping[str, Path],
    ) -> list[Path]:
        """Write every file, each signed before it has its name; raises MediaError.

        Args:
            generation: the videos.
            settings: say how frames are marked.
            signer: None leaves the files unsigned.
            sources: the files that the request names, by their digest.
        """
        from pleinair.media import sheet as stills
        from pleinair.media.codec import format_of, write_video
        from pleinair.media.manifest import TYPES
        from pleinair.media.mark import Marking
        from pleinair.media.provenance import Origin, deliver
        from pleinair.service.secret import marking_key

        marking = Marking.read(settings, marking_key(ServiceSettings.read()))
        request = generation.metadata.request
        files: list[Path] = []
        for i, frames in enumerate(generation.clips):
            origin = Origin(request, i, sources)
            mark = marking.of(frames, f"{request.digest}/{i}", generation.kept)

            def keep(
                path: Path,
                write: Callable[[Path], None],
                type: str | None = None,
                origin: Origin = origin,
            ) -> None:
                path = _numbered(path, origin.number, len(generation.clips))
                files.extend(deliver(path, write, signer, origin, type))

            if self.still:
                picture = frames[0] if mark is None else mark(0, frames[0])
                keep(self.output, partial(stills.write_picture, picture=picture))
            else:
                kind, fps = format_of(self.output, self.format), generation.fps
                video = partial(write_video, frames=frames, fps=fps, format=kind, mark=mark)
                keep(self.output, video, TYPES[kind])
            if self.thumbnail is not None:
                picture = stills.thumbnail(frames)
                keep(self.thumbnail, partial(stills.write_picture, picture=picture))
            if self.sheet is not None:
                picture = stills.contact_sheet(frames, generation.fps)
                keep(self.sheet, partial(stills.write_picture, picture=picture))
        return files


def tell(generation: Generation, files: list[Path], total: float) -> None:
    """Say what was made, in how many seconds."""
    made = generation.metadata
    request = made.request
    enlarged = max(request.width / made.native_width, request.height / made.native_height)
    how = "enlarged" if enlarged > 1 else "scaled"
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
        f"{_length(generation)}"
    )
    stages = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in made.seconds.items())
    print(f"time       {total:.1f} s ({stages})")
    for file in files:
        print(f"wrote      {file} ({_bytes(file.stat().st_size)})")


def _length(generation: Generation) -> str:
    frames, fps = len(generation.frames), generation.fps  # with those of clips that were given
    if frames == 1:
        return "one picture"
    between = "" if fps == generation.metadata.native_fps else ", motion interpolated"
    return f"{fps} frames/s{between}, {frames} frames, {frames / fps:.4g} s"


def _numbered(path: Path, i: int, count: int) -> Path:
    """``out.mp4`` for one variation, else ``out-1.mp4``, ``out-2.mp4`` and so on."""
    return path if count == 1 else path.with_name(f"{path.stem}-{i + 1}{path.suffix}")


def _bytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"
