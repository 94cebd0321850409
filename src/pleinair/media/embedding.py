"""Where each type of file holds a manifest, and what of the file C2PA leaves unsigned.

A store is unwrapped as strictly as the C2PA library wraps it, so that in a file of Pleinair a
length, a checksum or a name that was changed shows. See section 11.3 and appendix A of the C2PA
technical specification 2.2.
"""

import hashlib
import mmap
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CONTAINER, OUTSIDE = "pleinair.container", "pleinair.outside"

_C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")  # says that a box of MP4 holds C2PA
_MP4 = _C2PA + bytes(4) + b"manifest\0" + bytes(8)
_UNHASHED = (b"ftyp", b"free", b"skip")
_GIF = b"\x21\xff\x0bC2PA_GIF\x01\x00\x00"
_LABEL = b"\x00\x38\x9b\x71\x13pleinair.generation\0"
# A GIF may have the length of a block between any two bytes.
_OURS = re.compile(b".?".join(re.escape(_LABEL[i : i + 1]) for i in range(len(_LABEL))), re.DOTALL)


def store_in(path: Path, type: str) -> bytes:
    """The manifest store in a file of that media type; empty if none is there as it should be."""
    try:
        with _mapped(path) as data:
            return _HOLDERS[type](data)
    except (KeyError, IndexError, ValueError, struct.error):
        return b""


def holds_ours(path: Path) -> bool:
    """Whether bytes of a manifest of Pleinair's are in a file, readable or not."""
    try:
        with _mapped(path) as data:
            return _OURS.search(data) is not None
    except ValueError:
        return False


def outside(path: Path) -> str:
    """SHA-256 of the boxes of an MP4 that C2PA does not hash: its file type, and free space.

    Empty if the file is no MP4.
    """
    kept = hashlib.sha256()
    try:
        with _mapped(path) as data:
            for name, start, end in _boxes_of_mp4(data):
                if name in _UNHASHED:
                    kept.update(data[start:end])
    except (ValueError, struct.error):
        return ""
    return kept.hexdigest()


@contextmanager
def _mapped(path: Path) -> Iterator[mmap.mmap]:
    """The bytes of a file, of which only those are read that are looked at.

    Raises:
        ValueError: there are none.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data


def _boxes_of_mp4(data: mmap.mmap) -> Iterator[tuple[bytes, int, int]]:
    """(name, start, end) of the outermost boxes, which fill the file."""
    at = 0
    while at < len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, at + 8)
        size = size or len(data) - at
        if not 8 <= size <= len(data) - at:
            raise ValueError("a box is longer than the file")
        yield name, at, at + size
        at += size


def _in_mp4(data: mmap.mmap) -> bytes:
    spans = [(start, end) for name, start, end in _boxes_of_mp4(data) if name == b"uuid"]
    ((start, end),) = [span for span in spans if data[span[0] + 8 : span[0] + 24] == _C2PA]
    return _after(_MP4, data[start + 8 : end])


def _in_png(data: mmap.mmap) -> bytes:
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


def _in_jpeg(data: mmap.mmap) -> bytes:
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


def _in_gif(data: mmap.mmap) -> bytes:
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


def _in_webp(data: mmap.mmap) -> bytes:
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


_HOLDERS = {
    "video/mp4": _in_mp4,
    "image/png": _in_png,
    "image/jpeg": _in_jpeg,
    "image/gif": _in_gif,
    "image/webp": _in_webp,
}
