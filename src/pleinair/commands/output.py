"""What ``pleinair generate`` writes and says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from pleinair.backends.base import MODELS, Generation, Metadata, Progress
from pleinair.commands.console import notes
from pleinair.errors import InputError
from pleinair.settings import ServiceSettings, Settings

if TYPE_CHECKING:
    from pleinair.media.clip import Clip, Mark
    from pleinair.media.frames import Picture
    from pleinair.media.provenance import Origin, Signer
    from pleinair.media.segments import Each
    from pleinair.media.stills import Seen

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
        progress: Progress,
    ) -> list[Path]:
        """Write every file, each signed before it has its name; raises MediaError.

        Args:
            generation: the videos.
            settings: say how frames are marked.
            signer: None leaves the files unsigned.
            sources: the files that the request names, by their digest.
            progress: told how many frames are written; what it raises ends the work.
        """
        from pleinair.backends.origin import origin_of
        from pleinair.media.mark import Marking
        from pleinair.service.secret import marking_key

        marking = Marking.read(settings, marking_key(ServiceSettings.read()))
        request = generation.metadata.request
        stage = "draw" if generation.is_drawn else "write"
        total, done = sum(map(len, generation.clips)), 0
        files: list[Path] = []

        def each(count: int, _: object) -> None:
            nonlocal done
            done += count
            progress(done, total, stage)

        for i, clip in enumerate(generation.clips):
            mark = marking.of(clip, f"{request.digest}/{i}", generation.kept)
            origin, count = origin_of(request, i, sources), len(generation.clips)
            files += self._write(_Made(clip, generation.fps, mark, origin, signer, count), each)
        return files

    def _write(self, made: "_Made", each: "Each") -> list[Path]:
        """The files of one variation."""
        from pleinair.media.codec import format_of, write_video
        from pleinair.media.manifest import TYPES
        from pleinair.media.sheet import contact_sheet, thumbnail

        clip, mark = made.clip, made.mark
        seen: Seen = clip
        files: list[Path] = []
        if self.still:
            picture = clip[0] if mark is None else mark(0, clip[0])
            files += made.picture(self.output, picture)
        else:
            kind = format_of(self.output, self.format)

            def write(path: Path) -> None:
                nonlocal seen
                seen = write_video(path, clip, made.fps, format=kind, each=each, mark=mark)

            files += made.deliver(self.output, write, TYPES[kind])
        if self.thumbnail is not None:
            files += made.picture(self.thumbnail, thumbnail(seen))
        if self.sheet is not None:
            files += made.picture(self.sheet, contact_sheet(seen, made.fps))
        return files


@dataclass(frozen=True)
class _Made:
    """One variation on its way into files; ``count`` is of all."""

    clip: "Clip"
    fps: int
    mark: "Mark | None"
    origin: "Origin"
    signer: "Signer | None"
    count: int

    def deliver(
        self, path: Path, write: Callable[[Path], None], type: str | None = None
    ) -> list[Path]:
        """A file, signed before it has its name."""
        from pleinair.media.provenance import deliver

        path = _numbered(path, self.origin.number, self.count)
        return deliver(path, write, self.signer, self.origin, type)

    def picture(self, path: Path, picture: "Picture") -> list[Path]:
        """A picture among them."""
        from pleinair.media.sheet import write_picture

        return self.deliver(path, partial(write_picture, picture=picture))


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
    print(f"model      {request.model}{_drawing(made)}")
    print(f"seed       {request.seed}")
    drawn = f"{made.native_width}x{made.native_height}, {made.native_fps} frames/s"
    if generation.is_drawn:
        print(f"drawn      {made.native_width}x{made.native_height}, {_length(generation)}")
    else:
        print(f"drawn      {drawn}, {made.native_frames} frames")
        print(
            f"delivered  {request.width}x{request.height} ({how} {enlarged:.3g} times), "
            f"{_length(generation)}"
        )
    stages = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in made.seconds.items())
    print(f"time       {total:.1f} s ({stages})")
    for file in files:
        print(f"wrote      {file} ({_bytes(file.stat().st_size)})")


def _drawing(made: Metadata) -> str:
    """How a model that takes steps was used."""
    if not MODELS[made.request.model].sampled:
        return ""
    guidance = "built in" if made.guidance is None else f"{made.guidance:g}"
    return f", {made.steps} steps, guidance {guidance}"


def _length(generation: Generation) -> str:
    frames, fps = len(generation.clips[0]), generation.fps  # with those of clips that were given
    if frames == 1:
        return "one picture"
    between = "" if fps == generation.metadata.native_fps else ", motion interpolated"
    return f"{fps} frames/s{between}, {frames} frames, {frames / fps:.4g} s"


def _numbered(path: Path, i: int, count: int) -> Path:
    """``out.mp4`` for one variation, else ``out-1.mp4``, ``out-2.mp4`` and so on."""
    return path if count == 1 else path.with_name(f"{path.stem}-{i + 1}{path.suffix}")


def _bytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"
