"""Where each type of file holds a manifest, and what of the file C2PA leaves unsigned.

A store is unwrapped as strictly as the C2PA library wraps it, so that in a file of Pleinair a
length, a checksum or a name that was changed shows. See section 11.3 and appendix A of the C2PA
technical specification 2.2.
"""

import hashlib
import os
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

CONTAINER, OUTSIDE = "pleinair.container", "pleinair.outside"

_CHUNK = 1 << 20

_C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")  # says that a box of MP4 holds C2PA
_MP4 = bytes(4) + b"manifest\0" + bytes(8)
_UNHASHED = (b"ftyp", b"free", b"skip")
_GIF = b"\x21\xff\x0bC2PA_GIF\x01\x00\x00"
_LABEL = b"\x00\x38\x9b\x71\x13pleinair.generation\0"
# A GIF may have the length of a block between any two bytes.
_OURS = re.compile(b".?".join(re.escape(_LABEL[i : i + 1]) for i in range(len(_LABEL))), re.DOTALL)


def store_in(path: Path, type: str) -> bytes:
    """The manifest store in a file of that media type; empty if none is there as it should be."""
    try:
        with path.open("rb") as file:
            return _in_mp4(file) if type == "video/mp4" else _IN[type](file.read())
    except (KeyError, IndexError, ValueError, struct.error):
        return b""


def holds_ours(path: Path) -> bool:
    """Whether bytes of a manifest of Pleinair's are in a file, readable or not."""
    kept = b""
    with path.open("rb") as file:
        while more := file.read(_CHUNK):
            if _OURS.search(kept + more):
                return True
            kept = more[-2 * len(_LABEL) :]
    return False


def outside(path: Path) -> str:
    """SHA-256 of the boxes of an MP4 that C2PA does not hash: its file type, and free space.

    Empty if the file is no MP4.
    """
    kept = hashlib.sha256()
    try:
        with path.open("rb") as file:
            for name, start, end in _boxes_of_mp4(file):
                if name in _UNHASHED:
                    file.seek(start)
                    kept.update(file.read(end - start))
    except (ValueError, struct.error):
        return ""
    return kept.hexdigest()


def _boxes_of_mp4(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """(name, start, end) of the outermost boxes, which fill the file."""
    at, whole = 0, file.seek(0, os.SEEK_END)
    while at < whole:
        file.seek(at)
        size, name = struct.unpack(">I4s", file.read(8))
        if size == 1:
            (size,) = struct.unpack(">Q", file.read(8))
        size = size or whole - at
        if not 8 <= size <= whole - at:
            raise ValueError("a box is longer than the file")
        yield name, at, at + size
        at += size


def _in_mp4(file: BinaryIO) -> bytes:
    found = []
    for name, start, end in _boxes_of_mp4(file):
        file.seek(start + 8)
        if name == b"uuid" and file.read(len(_C2PA)) == _C2PA:
            found.append(file.read(end - file.tell()))
    (held,) = found
    return _after(_MP4, held)


def _in_png(data: bytes) -> bytes:
    at, found = 8, []
    while at < len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        if name == b"caBX":
            (checksum,) = struct.unpack_from(">I", data, at + 8 + size)
            found.append(data[at + 8 : at + 8 + size])
            if checksum != zlib.crc32(name + found[-1]):
                raise ValueError("the checksum is of something else")
        at += size + 12
    (store,) = found
    return store


def _in_jpeg(data: bytes) -> bytes:
    at, parts = 2, []
    while data[at : at + 2] != b"\xff\xda":  # the picture itself
        marker, size = struct.unpack_from(">HH", data, at)
        if marker == 0xFFEB:
            parts.append(data[at + 4 : at + 2 + size])
        elif not 0xFFC0 <= marker <= 0xFFFE:
            raise ValueError("a segment is longer than it says")
        at += 2 + size
    head = parts[0][8:16]  # length and name of the store, said again in every segment
    numbered = [b"JP\x02\x11" + struct.pack(">I", i) + head for i in range(1, len(parts) + 1)]
    return head + b"".join(map(_after, numbered, parts))


def _in_gif(data: bytes) -> bytes:
    at, store = data.find(_GIF), b""
    if at < 0:
        raise ValueError("there is no block of that name")
    at += len(_GIF)
    while size := data[at]:
        store += data[at + 1 : at + 1 + size]
        at += 1 + size
        if size < 255 and data[at]:
            raise ValueError("only the last part is shorter")
    return store


def _in_webp(data: bytes) -> bytes:
    at, found = 12, []
    while at < len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        if name == b"C2PA":
            found.append(data[at + 8 : at + 8 + size])
            if data[at + 8 + size : at + 8 + size + size % 2] != bytes(size % 2):
                raise ValueError("the padding is no zero")
        at += 8 + size + size % 2
    (store,) = found
    return store


def _after(head: bytes, data: bytes) -> bytes:
    if not data.startswith(head):
        raise ValueError("a header is not as it should be")
    return data[len(head) :]


_IN = {
    "image/png": _in_png,
    "image/jpeg": _in_jpeg,
    "image/gif": _in_gif,
    "image/webp": _in_webp,
}
