"""What a backup says of itself, in its ``manifest.json``.

    manifest.json       what this is, and the SHA-256 of each list
    tables/NAME.jsonl   one row a line, bytes in base64
    files.jsonl         key, size and SHA-256 of each stored file
    media/KEY           the stored files
    secret              only if it was asked for

The digests tell damage. They do not tell forgery: who can write the folder can write them too.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pleinair.errors import InputError, StorageError

FORMAT = 1


@dataclass(frozen=True)
class Listing:
    """A file of lines in a backup: how many they are, and their SHA-256."""

    lines: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself.

    Attributes:
        format: of the folder.
        version: of Pleinair.
        revision: of the tables.
        taken_at: the moment of which the rows are, by the database's clock.
        secret: tells whether another secret is the same one, and nothing about it.
        bytes: of all stored files.
        lists: the files of lines by their names.
        gone: keys of files that were deleted or expired while the backup was taken.
        damaged: keys of files that rows name and that are lost or not what they were.
    """

    format: int
    version: str
    revision: str
    taken_at: float
    secret: str
    bytes: int
    lists: Mapping[str, Listing]
    gone: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """The manifest of a backup.

        Raises:
            InputError: the folder is no backup.
            StorageError: the manifest is damaged, or of a newer kind.
        """
        path = folder / "manifest.json"
        if not path.is_file():
            raise InputError("folder", str(folder), "folders that `pleinair backup` wrote")
        try:
            said = json.loads(path.read_bytes())
            if said["format"] != FORMAT:
                raise StorageError(
                    f"the backup has format {said['format']}, this version reads {FORMAT}: "
                    f"restore it with Pleinair {said['version']}"
                )
            lists = {name: Listing(**listing) for name, listing in said.pop("lists").items()}
            gone, damaged = tuple(said.pop("gone")), tuple(said.pop("damaged"))
            return cls(**said, lists=lists, gone=gone, damaged=damaged)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise StorageError(f"{path} is damaged") from error


def mark(secret: bytes) -> str:
    """A mark of a secret that tells it from others and is too short to guess it by."""
    return hmac.digest(secret, b"backup", "sha256").hex()[:8]
