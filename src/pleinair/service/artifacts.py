"""The files of a finished video: written on this machine, then put into the storage."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pleinair.backends.base import Generation, Preview, Progress
from pleinair.backends.origin import origin_of
from pleinair.media.clip import Clip, Drawn
from pleinair.media.codec import write_video
from pleinair.media.digest import digest
from pleinair.media.frames import Picture
from pleinair.media.mark import Marking
from pleinair.media.provenance import Signer
from pleinair.media.sheet import spritesheet, thumbnail, write_picture
from pleinair.media.stills import Seen
from pleinair.service.checkpoint import Checkpoint
from pleinair.service.queue import Claim
from pleinair.service.storage import Storage
from pleinair.service.tables import Artifact

FILES = {
    "video": ("video.mp4", "video/mp4"),
    "thumbnail": ("thumbnail.webp", "image/webp"),
    "spritesheet": ("spritesheet.jpg", "image/jpeg"),
}
"""Variants of each variation, with their names and types."""


@dataclass(frozen=True)
class Kept:
    """What is in the storage.

    Attributes:
        files: the row of each file.
        seen: each variation as it may be looked at: the clip, or a small copy of it.
    """

    files: list[Artifact]
    seen: list[Seen]


def keep(
    generation: Generation,
    claim: Claim,
    storage: Storage,
    progress: Progress,
    patience: Callable[[int], None],
    marking: Marking,
    *,
    signer: Signer | None = None,
    sources: Mapping[str, Path] | None = None,
    preview: Preview | None = None,
) -> Kept:
    """Write the files of every variation and put them below the claim's prefix.

    A clip that is drawn is drawn here, on its way into its file. Its finished segments are kept
    as they come, so that another attempt begins where this one ends.

    Args:
        generation: the clips.
        claim: whose they are.
        storage: where they go.
        progress: told of the stages ``write``, or ``draw`` of a clip that is drawn, and
            ``upload``; what it raises ends the work.
        patience: told how many bytes go out next, during which there is nothing to tell.
        marking: what is put into the frames.
        signer: signs each file once it is written; None leaves them unsigned.
        sources: the files that the request was given, by their SHA-256.
        preview: offered each frame of a clip that is drawn.

    Raises:
        MediaError: a file cannot be written or signed.
        StorageError: a file cannot be stored.
    """
    with tempfile.TemporaryDirectory(prefix="pleinair-") as scratch:
        made, files, request = [], [], generation.metadata.request
        writing = _Writing(generation, claim, storage, Path(scratch), progress, marking, preview)
        for variant, number, path in writing.write():
            if signer:
                signer.sign(path, origin_of(request, number, sources))
            files.append((variant, number, path))
        for done, (variant, number, path) in enumerate(files):
            size = path.stat().st_size
            progress(done, len(files), "upload")
            patience(size)
            name, content_type = FILES[variant]
            key = f"{claim.prefix}/{number}/{name}"
            storage.put(key, path, content_type)
            made.append(
                Artifact(
                    video_id=claim.id,
                    variant=variant,
                    number=number,
                    key=key,
                    content_type=content_type,
                    size=size,
                    sha256=digest(path),
                )
            )
        progress(len(files), len(files), "upload")
        return Kept(made, writing.seen)


@dataclass
class _Writing:
    """The files of one video on their way to this machine's disk."""

    generation: Generation
    claim: Claim
    storage: Storage
    folder: Path
    progress: Progress
    marking: Marking
    preview: Preview | None
    seen: list[Seen] = field(default_factory=list)
    done: int = 0

    def write(self) -> Iterator[tuple[str, int, Path]]:
        """(variant, number, path) of each file, once it is written."""
        for number, clip in enumerate(self.generation.clips):
            self._each(0, None, clip)
            for variant, (name, _) in FILES.items():
                path = self.folder / str(number) / name
                if variant == "video":
                    self.seen.append(self._video(path, clip, number))
                else:
                    write_picture(path, _still(variant, clip, self.seen[number]))
                yield variant, number, path

    def _video(self, path: Path, clip: Clip, number: int) -> Seen:
        mark = self.marking.of(clip, name_of(self.claim.id, number), self.generation.kept)
        fps = self.generation.fps
        if not isinstance(clip, Drawn):
            each = partial(self._each, clip=clip)
            return write_video(path, clip, fps, each=each, mark=mark)
        work = self.folder / str(number) / "segments"
        checkpoint = Checkpoint(self.storage, self.claim, number, work)
        checkpoint.fetch()

        def drawn(count: int, picture: Picture | None) -> None:
            checkpoint.keep()
            self._each(count, picture, clip)

        return write_video(path, clip, fps, each=drawn, mark=mark, work=work)

    def _each(self, count: int, picture: Picture | None, clip: Clip) -> None:
        self.done += count
        total = sum(map(len, self.generation.clips))
        self.progress(self.done, total, "draw" if isinstance(clip, Drawn) else "write")
        if self.preview and picture is not None and isinstance(clip, Drawn):
            self.preview(lambda: picture[None])


def name_of(video_id: str, number: int) -> str:
    """What the mark in a variation stands for."""
    return f"{video_id}/{number}"


def _still(variant: str, clip: Clip, seen: Seen) -> Picture:
    if variant == "spritesheet":
        return spritesheet(seen)
    return clip[0] if len(clip) == 1 else thumbnail(seen)  # of a single picture, all of it
