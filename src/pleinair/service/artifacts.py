"""The files of a finished video: written on this machine, then put into the storage."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pleinair.backends.base import Generation, Progress
from pleinair.media.codec import write_video
from pleinair.media.digest import digest
from pleinair.media.frames import Frames
from pleinair.media.mark import Marking
from pleinair.media.provenance import Origin, Signer
from pleinair.media.sheet import spritesheet, thumbnail, write_picture
from pleinair.service.queue import Claim
from pleinair.service.storage import Storage
from pleinair.service.tables import Artifact

FILES = {
    "video": ("video.mp4", "video/mp4"),
    "thumbnail": ("thumbnail.webp", "image/webp"),
    "spritesheet": ("spritesheet.jpg", "image/jpeg"),
}
"""Variants of each variation, with their names and types."""


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
) -> list[Artifact]:
    """Write the files of every variation and put them below the claim's prefix.

    Args:
        generation: the clips.
        claim: whose they are.
        storage: where they go.
        progress: told of the stages ``write`` and ``upload``; what it raises ends the work.
        patience: told how many bytes go out next, during which there is nothing to tell.
        marking: what is put into the frames.
        signer: signs each file once it is written; None leaves them unsigned.
        sources: the files that the request was given, by their SHA-256.

    Raises:
        MediaError: a file cannot be written or signed.
        StorageError: a file cannot be stored.
    """
    with tempfile.TemporaryDirectory(prefix="pleinair-") as scratch:
        made, files = [], []
        for variant, number, path in _write(generation, claim, Path(scratch), progress, marking):
            if signer:
                signer.sign(path, Origin(generation.metadata.request, number, sources or {}))
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
        return made


def _write(
    generation: Generation, claim: Claim, folder: Path, progress: Progress, marking: Marking
) -> Iterator[tuple[str, int, Path]]:
    """(variant, number, path) of each file, once it is written."""
    total = sum(map(len, generation.clips))
    done = 0

    def each() -> None:
        nonlocal done
        done += 1
        progress(done, total, "write")

    progress(0, total, "write")
    for number, clip in enumerate(generation.clips):
        for variant, (name, _) in FILES.items():
            path = folder / str(number) / name
            if variant == "video":
                mark = marking.of(clip, name_of(claim.id, number), generation.kept)
                write_video(path, clip, generation.fps, each=each, mark=mark)
            else:
                write_picture(path, _still(variant, clip))
            yield variant, number, path


def name_of(video_id: str, number: int) -> str:
    """What the mark in a variation stands for."""
    return f"{video_id}/{number}"


def _still(variant: str, clip: Frames) -> Frames:
    if variant == "spritesheet":
        return spritesheet(clip)
    return clip[0] if len(clip) == 1 else thumbnail(clip)  # of a single picture, all of it
