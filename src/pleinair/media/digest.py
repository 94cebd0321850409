"""The digest by which files are known: of their bytes, whatever they are called."""

import hashlib
from pathlib import Path


def digest(data: bytes | Path) -> str:
    """SHA-256 of some bytes or of a file's, in hexadecimal digits."""
    if isinstance(data, bytes):
        return hashlib.sha256(data).hexdigest()
    with data.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
