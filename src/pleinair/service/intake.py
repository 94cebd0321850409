"""What strangers send is told apart by its bytes, decoded in a child process, encoded anew.

Neither a file's name nor the type that came with it is believed, and none of its own bytes is kept.
A child that is killed, runs out of memory or of time, or falls to its file costs that file alone.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from stat import S_ISREG
from typing import Any

from pleinair.errors import InputError, UnavailableError
from pleinair.media.decode_child import CLEAN, UPLOAD, Bounds, Facts, Job

ALLOWED = {
    "image": "pictures as PNG, JPEG or WebP",
    "video": "clips as MP4, MOV, WebM or Matroska",
}
BOUNDS = Bounds()
_CHILD = "pleinair.media.decode_child"
_AT_ONCE = threading.BoundedSemaphore(max(2, os.cpu_count() or 2))  # children of this process
_STILL = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis")


@dataclass(frozen=True)
class Clean:
    """A clean file, as long as its `clean` block lasts: PNG, or MP4 of at most 30 frames a second.

    Attributes:
        path: where it is.
        kind: ``image`` or ``video``.
        facts: its size, frames and rate.
    """

    path: Path
    kind: str
    facts: Facts


@contextmanager
def clean(
    data: bytes | Path, *, kind: str | None, field: str, bounds: Bounds = BOUNDS
) -> Iterator[Clean]:
    """Decode an upload and encode it anew.

    Args:
        data: its bytes, or where they are.
        kind: ``image`` or ``video``, or None where both will do.
        field: name of the field that it came in, for errors.
        bounds: the most that it may be.

    Raises:
        InputError: it is of no kind that is allowed, too large, or cannot be decoded.
        UnavailableError: this machine cannot start the child or hold its files.
    """
    job = _sniff(data, kind, field, bounds)
    with tempfile.TemporaryDirectory(prefix="pleinair-intake-") as name:
        folder = Path(name)
        try:
            _place(data, folder / UPLOAD)
            seconds = bounds.image_time if job.kind == "image" else bounds.video_time
            with _AT_ONCE:
                answer = _run(json.dumps(asdict(job)), folder, 2 * seconds)
            facts = _facts(answer, job, field, folder / CLEAN[job.kind])
        except OSError as error:
            raise UnavailableError(f"uploads cannot be decoded now: {error.strerror}") from error
        yield Clean(folder / CLEAN[job.kind], job.kind, facts)


@cache
def isolation() -> str:
    """What keeps a decoding child from doing harm on this host, in words."""
    limits = "limits of memory, time, open files and written bytes"
    with tempfile.TemporaryDirectory(prefix="pleinair-intake-") as name:
        try:
            shut = json.loads(_run("probe", Path(name), BOUNDS.image_time))
        except (OSError, ValueError):
            return "the child cannot be started"
    return ", ".join([limits, *shut])


def _sniff(data: bytes | Path, kind: str | None, field: str, bounds: Bounds) -> Job:
    """What kind of file it claims to be by its first bytes, if that is allowed and not too long."""
    if isinstance(data, bytes):
        head, size = data[:16], len(data)
    else:
        with data.open("rb") as file:
            head, size = file.read(16), data.stat().st_size
    found, format = _kind(head)
    allowed = ALLOWED[kind] if kind else ", ".join(ALLOWED.values())
    if found is None:
        raise InputError(field, f"{size:,} bytes of another kind", allowed)
    if kind not in (None, found):
        raise InputError(field, ALLOWED[found], allowed)
    most = bounds.image_bytes if found == "image" else bounds.video_bytes
    if size > most:
        raise InputError(field, f"{size:,} bytes", f"at most {most:,} bytes")
    return Job(found, format, bounds)


def _kind(head: bytes) -> tuple[str | None, str]:
    """Kind and format; `Job` says what a format is."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image", "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "image", "JPEG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image", "WEBP"
    if head[4:8] == b"ftyp" and head[8:12] not in _STILL:
        return "video", "mov"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "video", "matroska"
    return None, ""


def _place(data: bytes | Path, path: Path) -> None:
    if isinstance(data, bytes):
        path.write_bytes(data)
    else:
        shutil.copyfile(data, path)


def _run(argument: str, folder: Path, seconds: float) -> bytes:
    """Run a child with nothing but its folder, and return the little that it says."""
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(
            [sys.executable, "-I", "-m", _CHILD, argument],
            cwd=folder,
            env={},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as child:
            try:
                child.wait(seconds)
            except subprocess.TimeoutExpired:
                pass
            finally:  # it and whatever it may have started
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
        said.seek(0)
        return said.read(4096)


def _facts(answer: bytes, job: Job, field: str, path: Path) -> Facts:
    """What the child says, believed as far as it can be true."""
    broken = InputError(field, "a file that cannot be decoded", f"whole {ALLOWED[job.kind]}")
    try:
        record: dict[str, Any] = json.loads(answer)
        refused = set(record) == {"got", "allowed"}
        facts = Facts(0, 0, 0, 0.0) if refused else Facts(**record)
        size = path.lstat().st_size if S_ISREG(path.lstat().st_mode) else 0
    except FileNotFoundError:
        size = 0
    except (ValueError, TypeError, RecursionError):
        raise broken from None
    if refused:
        raise InputError(field, str(record["got"])[:80], str(record["allowed"])[:200])
    bounds = job.bounds
    fits = (
        0 < size <= bounds.video_bytes
        and [type(value) for value in asdict(facts).values()] == [int, int, int, float]
        and min(facts.width, facts.height, facts.frames) >= 1
        and max(facts.width, facts.height) <= bounds.most_side
        and facts.width * facts.height * facts.frames <= max(bounds.pixels, bounds.most_side**2)
        and (facts.frames == 1 if job.kind == "image" else 1 <= facts.fps <= bounds.fps)
    )
    if not fits:
        raise broken
    return facts
