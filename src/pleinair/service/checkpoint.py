"""Finished segments of a video that is being made, kept in the storage until it has ended.

A worker that is killed takes its own disk with it. What it had finished is here, so that the next
one, on whatever machine, goes on where it was and starts nothing over.
"""

from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import structlog

from pleinair.errors import NotFoundError, StorageError
from pleinair.service.queue import Claim
from pleinair.service.storage import Storage

_SUFFIXES = (".npz", ".mp4")  # in this order: the second says that both are there
log = structlog.get_logger()


class Checkpoint:
    """The segments of one variation.

    They are found again by what makes them what they are: the request, and the version of Pleinair.

    Args:
        storage: where they are kept.
        claim: whose they are.
        number: of the variation.
        folder: where they are on this machine.
    """

    def __init__(self, storage: Storage, claim: Claim, number: int, folder: Path) -> None:
        made_by = f"{claim.request.digest[:32]}-{version('pleinair')}"
        self.storage = storage
        self.prefix = f"{prefix_of(claim.id)}/{made_by}/{number}"
        self.folder = folder
        self._kept: set[str] = set()

    def fetch(self) -> None:
        """Bring what earlier attempts finished to this machine; what cannot be had is made anew."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            there = {key.rpartition("/")[2] for key in self.storage.list(self.prefix)}
            for name in sorted(there):
                path = self.folder / name
                if path.suffix != ".mp4" or path.with_suffix(".npz").name not in there:
                    continue
                for part in (path.with_suffix(suffix) for suffix in _SUFFIXES):
                    scratch = part.with_suffix(".part")
                    self.storage.download(f"{self.prefix}/{part.name}", scratch)
                    scratch.replace(part)
                self._kept.add(name)
        except (StorageError, NotFoundError) as error:
            log.warning("a video begins anew", key=self.prefix, reason=str(error))

    def keep(self) -> None:
        """Keep the segments that are new; one that cannot be kept now is tried again later."""
        for path in sorted(self.folder.glob("[0-9]*.mp4")):
            if path.name in self._kept:
                continue
            try:
                for part in (path.with_suffix(suffix) for suffix in _SUFFIXES):
                    self.storage.put(f"{self.prefix}/{part.name}", part)
            except StorageError as error:
                log.warning("a segment is not kept", key=self.prefix, reason=str(error))
                return
            self._kept.add(path.name)


def prefix_of(video_id: str) -> str:
    """Where the segments of a video are kept, beside the files of its attempts."""
    return f"videos/{video_id}/segments"


def forget(storage: Storage, video_id: str) -> None:
    """Delete the segments of a finished video; what is left goes with its files one day."""
    with suppress(StorageError):
        storage.delete(prefix_of(video_id))
