"""Hostile files, made from seeds: bombs, stumps, noise, lies, references, files that are two."""

import io
import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from pleinair.media.codec import write_video
from tests.conftest import moving_card

MARK = b"<script>alert('here')</script>"
PICTURES, CLIPS = ("PNG", "JPEG", "WEBP"), ("mp4", "mov", "webm")


@dataclass(frozen=True)
class Hostile:
    """One file and the sort of trouble that it is."""

    sort: str
    name: str
    data: bytes


def collection(seed: int, cuts: int, flips: int, address: str) -> Iterator[Hostile]:
    """Many hostile files.

    Args:
        seed: of the noise.
        cuts: stumps of each valid file.
        flips: noisy copies of each valid file.
        address: of a server that counts who calls, for files that refer to others.
    """
    yield from _bombs()
    yield from _lies()
    yield from _references(address)
    yield from _others()
    yield from _twos()
    rng = random.Random(seed)
    for kind in PICTURES + CLIPS:
        whole = valid(kind)
        for i in range(cuts):
            yield Hostile("cut short", f"{kind} {i}", whole[: len(whole) * i // cuts])
        for i in range(flips):
            noisy = bytearray(whole)
            for _ in range(rng.choice((1, 4, 16, 64))):
                noisy[rng.randrange(len(noisy))] ^= 1 << rng.randrange(8)
            yield Hostile("noise", f"{kind} {i}", bytes(noisy))


@cache
def valid(kind: str) -> bytes:
    """A small good file of one of `PICTURES` or `CLIPS`."""
    if kind in PICTURES:
        return picture(Image.fromarray(moving_card(1, 64, 48)[0]), kind)
    if kind == "mov":
        return valid("mp4").replace(b"ftypisom", b"ftypqt  ", 1)
    return clip(12, 64, 48, kind=kind)


def picture(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """A picture's file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@cache
def clip(frames: int, width: int, height: int, fps: int = 12, kind: str = "mp4") -> bytes:
    """A clip's file; a long one repeats itself."""
    some = moving_card(min(frames, 12), min(width, 64), min(height, 64))
    some = np.resize(some, (len(some), height, width, 3))  # a large one too, after a fashion
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"clip.{kind}"
        write_video(path, np.resize(some, (frames, *some.shape[1:])), fps)
        return path.read_bytes()


def png(
    width: int, height: int, rows: bytes, *more: bytes, depth: int = 8, colour: int = 0
) -> bytes:
    """A PNG of that header over packed rows, with more chunks before them."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = (chunk(b"IHDR", header), *more, chunk(b"IDAT", rows), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def chunk(name: bytes, data: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def box(name: bytes, *content: bytes) -> bytes:
    """One box of an MP4."""
    data = b"".join(content)
    return struct.pack(">I", 8 + len(data)) + name + data


def _zeros(count: int) -> bytes:
    packer = zlib.compressobj(9)
    piece = bytes(1_000_000)
    packed = b"".join(packer.compress(piece) for _ in range(count // len(piece) + 1))
    return packed + packer.flush()


def _bombs() -> Iterator[Hostile]:
    rows = _zeros(135_000_000)
    for name, data in {
        "PNG of 30,000×30,000 in 130 kB": png(30_000, 30_000, rows, depth=1),
        "PNG of 4,096×4,096 at 64 bits a pixel": png(4096, 4096, rows, depth=16, colour=6),
        "PNG with 135 MB of text": png(
            16, 16, zlib.compress(bytes(17 * 16)), chunk(b"zTXt", b"Comment\0\0" + rows)
        ),
        "PNG with 135 MB of colour profile": png(
            16, 16, zlib.compress(bytes(17 * 16)), chunk(b"iCCP", b"icc\0\0" + rows)
        ),
        "MP4 of 4,000 frames": clip(4_000, 32, 32, 30),
        "MP4 of 200 seconds": clip(200, 32, 32, 1),
        "MP4 of 4,096×4,096": clip(2, 4096, 4096),
        "MP4 of 4,098×64": clip(2, 4098, 64),
    }.items():
        yield Hostile("bomb", name, data)


def _lies() -> Iterator[Hostile]:
    jpeg, webp, mp4 = valid("JPEG"), valid("WEBP"), valid("mp4")
    frame = jpeg.index(b"\xff\xc0") + 5
    huge = struct.pack(">HH", 65535, 65535)
    entry = mp4.index(b"avc1", mp4.index(b"stsd")) + 28
    samples = mp4.index(b"stsz") + 12
    times = mp4.index(b"stts") + 12
    length = mp4.index(b"mvhd") + 16
    canvas = b"VP8X" + struct.pack("<I", 10) + bytes(4) + b"\xff\x3f\0" * 2
    for name, data in {
        "PNG that says 65,535×65,535": png(65535, 65535, zlib.compress(bytes(99))),
        "PNG that says 2,147,483,647×1": png(2**31 - 1, 1, zlib.compress(bytes(99))),
        "PNG that says 0×0": png(0, 0, b""),
        "PNG of an unknown depth": png(64, 48, zlib.compress(bytes(9999)), depth=7),
        "PNG of a chunk that never ends": valid("PNG")[:33] + b"\x7f\xff\xff\xffIDAT" + bytes(99),
        "JPEG that says 65,535×65,535": jpeg[:frame] + huge + jpeg[frame + 4 :],
        "WebP that says 16,384×16,384": b"RIFF"
        + struct.pack("<I", len(webp) + 10)
        + b"WEBP"
        + canvas
        + webp[12:],
        "MP4 that says 65,535×65,535": mp4[:entry] + huge + mp4[entry + 4 :],
        "MP4 that says 1,000,000 frames": _put(mp4, samples, 1_000_000),
        "MP4 that says 4,294,967,295 frames": _put(mp4, samples, 2**32 - 1),
        "MP4 that says its one frame comes 1,000,000 times": _put(mp4, times, 1_000_000),
        "MP4 whose frames last 1,000,000,000 ticks": _put(mp4, times + 4, 1_000_000_000),
        "MP4 that says 49 days": _put(mp4, length + 4, 2**32 - 2),
        "MP4 of no ticks a second": _put(mp4, length, 0),
        "MP4 of a box in itself": box(b"ftyp", b"isom", bytes(4))
        + box(b"moov", b"\0\0\0\1moov") * 9,
        "MP4 of 20,000 boxes in each other": box(b"ftyp", b"isom", bytes(4)) + _nested(20_000),
    }.items():
        yield Hostile("lie", name, data)


def _put(data: bytes, at: int, number: int) -> bytes:
    return data[:at] + struct.pack(">I", number) + data[at + 4 :]


def _nested(depth: int) -> bytes:
    return b"".join(struct.pack(">I", 8 * (depth - i)) + b"moov" for i in range(depth))


def _references(address: str) -> Iterator[Hostile]:
    playlist = f"#EXTM3U\n#EXTINF:1,\n{address}/one.ts\n#EXTINF:1,\nfile:///etc/passwd\n".encode()
    start = box(b"ftyp", b"qt  ", bytes(4))
    away = box(b"rdrf", bytes(4), b"url ", struct.pack(">I", len(address)), address.encode())
    mp4 = valid("mp4")
    here = mp4.index(b"url \0\0\0\1")
    for name, data in {
        "HLS": playlist,
        "HLS behind an MP4's first box": start + playlist,
        "HLS behind a Matroska's first bytes": b"\x1a\x45\xdf\xa3" + playlist,
        "DASH": f"<MPD><BaseURL>{address}/</BaseURL></MPD>".encode(),
        "concat": f"ffconcat version 1.0\nfile {address}/a\nfile /etc/passwd\n".encode(),
        "metadata": b";FFMETADATA1\ntitle=x\n",
        "SDP": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n",
        "SVG": f'<svg xmlns="w3.org/2000/svg"><image href="{address}/x"/></svg>'.encode(),
        "MOV that refers to another": start + box(b"moov", box(b"rmra", box(b"rmda", away))),
        "MP4 whose data are elsewhere": mp4[: here + 7] + b"\0" + mp4[here + 8 :],
    }.items():
        yield Hostile("reference", name, data)


def _others() -> Iterator[Hostile]:
    image = Image.fromarray(moving_card(1, 64, 48)[0])
    for name, data in {
        "nothing": b"",
        "one byte": b"\x89",
        "text": b"a film about a lake",
        "GIF": picture(image, "GIF"),
        "BMP": picture(image, "BMP"),
        "TIFF": picture(image, "TIFF"),
        "HTML": b"<!doctype html>" + MARK,
        "ZIP": b"PK\x03\x04" + bytes(60),
        "PDF": b"%PDF-1.7\n" + bytes(60),
        "a program": b"\x7fELF" + bytes(60),
        "PostScript": b"%!PS\n(/etc/passwd) (r) file\n",
        "AVIF": box(b"ftyp", b"avif", bytes(4)) + bytes(99),
        "only a PNG's name": b"\x89PNG\r\n\x1a\n",
        "only a JPEG's name": b"\xff\xd8\xff",
        "only a WebP's name": b"RIFF\0\0\0\0WEBP",
        "only an MP4's name": box(b"ftyp", b"isom"),
        "only a Matroska's name": b"\x1a\x45\xdf\xa3",
    }.items():
        yield Hostile("another kind", name, data)


def _twos() -> Iterator[Hostile]:
    for kind in PICTURES + CLIPS:
        yield Hostile("two in one", f"{kind} and HTML", valid(kind) + MARK)
        yield Hostile("two in one", f"{kind} and ZIP", valid(kind) + b"PK\x03\x04" + MARK)
    jpeg, whole = valid("JPEG"), valid("PNG")
    remark = b"\xff\xfe" + struct.pack(">H", 2 + len(MARK)) + MARK
    yield Hostile("two in one", "JPEG with a remark", jpeg[:2] + remark + jpeg[2:])
    text = chunk(b"tEXt", b"Comment\0" + MARK)
    yield Hostile("two in one", "PNG with text", whole[:33] + text + whole[33:])
    yield Hostile("two in one", "MP4 with a free box", valid("mp4") + box(b"free", MARK))
