"""Memory: what there is, what a video should need, and what it did need.

One number stands for a video: the most that its worker's process held while making it, models and
all, on the machine or on the GPU, whichever was more. What a video should need is learnt from
those that were made: a base for the process and a rate for each pixel of all frames.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression, quantiles
from types import ModuleType

import psutil
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pleinair.backends.base import MODELS
from pleinair.errors import InputError
from pleinair.request import KEPT, VideoRequest
from pleinair.service.db import now
from pleinair.service.tables import COMPLETED, RUNNING, Material, Video, Worker

_SEEN = 60.0  # seconds after which a silent worker is not counted
_RECENT = 50  # measured videos from which the need is known
_ENOUGH = 8  # of them before a rate is drawn from them,
_SPREAD = 20_000_000  # and pixels between the smallest and the largest: less drowns in the rest
_FRAME = 3.0  # bytes that a pixel takes at least: red, green, blue
_MARGIN = 1.1


@dataclass(frozen=True)
class Need:
    """Bytes that videos of a model need: a base, and a rate for each pixel.

    Before any was measured, more than the embedded model takes with its libraries: 0.4 GB and
    2.5 to 5 bytes a pixel on a processor.
    """

    base: float = 800e6
    rate: float = 6.0

    def of(self, pixels: float) -> int:
        """Bytes for that many pixels of all frames."""
        return round(self.base + self.rate * pixels)


def estimate(session: Session, request: VideoRequest) -> int:
    """Bytes that a video should need, from those of its model that were made last."""
    side = [Video.request[name].as_integer() for name in ("width", "height")]
    frame, whole = (
        side[0] * side[1],
        Video.cost * side[0] * side[1] * Video.request["fps"].as_integer(),
    )
    streams = _streams(request)
    recent = (
        select(Video.peak, frame if streams else whole)
        .where(
            Video.state == COMPLETED,
            Video.backend == request.model,
            Video.kind == "create",  # the others are measured with clips that others gave
            Video.peak > 0,
        )
        .order_by(Video.completed_at.desc())
        .limit(_RECENT)
    )
    measured = [(float(pixels), int(peak)) for peak, pixels in session.execute(recent)]
    if streams:
        return learn(measured, Need(*streams)).of(request.width * request.height)
    return learn(measured).of(_pixels(session, request))


def learn(measured: list[tuple[float, int]], first: Need = Need()) -> Need:
    """What videos need, from (pixels, bytes at the peak) of some: more than nearly all took.

    Args:
        measured: videos of one model.
        first: what is assumed as long as they tell too little.
    """
    if not measured:
        return first
    rate = first.rate
    sizes, peaks = zip(*measured, strict=True)
    if len(measured) >= _ENOUGH and max(sizes) - min(sizes) >= _SPREAD:
        rate = max(_FRAME, linear_regression(sizes, peaks).slope)
    rest = [peak - rate * size for size, peak in measured]
    most = quantiles(rest, n=20, method="inclusive")[-1] if len(rest) > 1 else rest[0]
    return Need(max(most, 0.0) * _MARGIN, rate * _MARGIN)


def _streams(request: VideoRequest) -> tuple[float, float] | None:
    """Bytes of the process and of each pixel of a frame, with a model that holds no whole clip."""
    entry = MODELS.get(request.model)
    return entry.memory if entry else None


def largest(session: Session) -> int | None:
    """Bytes of the worker that has the most, of those seen in the last minute; None if none was."""
    seen = select(func.max(Worker.memory)).where(Worker.seen_at > now() - _SEEN)
    return session.scalars(seen).one()


def check(session: Session, request: VideoRequest) -> int:
    """Bytes that a video should need; raises InputError when no worker has as many."""
    most, needed = largest(session), estimate(session, request)
    if most is not None and needed > most:
        raise InputError(
            "size",
            f"{request.width}x{request.height}, {request.frames} frames",
            f"what fits {most / 1e9:.1f} GB, the most that a worker has here; "
            f"this needs about {needed / 1e9:.1f} GB",
        )
    return needed


def capacity(gigabytes: float = 0.0) -> int:
    """Bytes that a worker here may ever hold: the machine's, a container's, or its own limit."""
    _, total = _gpu() or (sys.maxsize, sys.maxsize)
    limits = [psutil.virtual_memory().total, total, *(limit for limit, _ in _groups())]
    return min(limits + _own(gigabytes))


def available(gigabytes: float = 0.0, promised: int = 0) -> int:
    """Bytes that this process may grow to now, what it holds already included.

    Args:
        gigabytes: its own limit; 0 is none.
        promised: what others are about to take, see `promised`.
    """
    mine = psutil.Process().memory_info().rss
    free, _ = _gpu() or (sys.maxsize, sys.maxsize)
    rooms = [psutil.virtual_memory().available, *(limit - used for limit, used in _groups())]
    return min([mine + max(0, min(rooms) - promised), free, *_own(gigabytes)])


def promised(session: Session, host: str, me: str) -> int:
    """Bytes that videos of other workers on this machine should need, and do not hold yet."""
    running = (
        select(Worker.pid, Video.memory)
        .join(Video, Video.worker == Worker.id)
        .where(Video.state == RUNNING, Worker.host == host, Worker.id != me)
    )
    total = 0
    for pid, needed in session.execute(running):
        try:
            total += max(0, needed - psutil.Process(pid).memory_info().rss)
        except psutil.Error:  # it is gone, and holds nothing
            continue
    return total


class Peak:
    """The most that this process held since the peak was made."""

    def __init__(self) -> None:
        self._sampled = 0
        try:
            Path("/proc/self/clear_refs").write_text("5")  # the kernel's own mark starts anew
            self._marked = True
        except OSError:
            self._marked = False
        if torch := _torch_on_gpu():
            torch.cuda.reset_peak_memory_stats()
        self.look()

    def look(self) -> None:
        """Take a sample, from time to time: it counts only where the kernel keeps no mark."""
        if not self._marked:
            self._sampled = max(self._sampled, psutil.Process().memory_info().rss)

    def read(self) -> int:
        """Bytes at the peak, on the machine or on the GPU, whichever is more."""
        self.look()
        held = _high_water() if self._marked else self._sampled
        if torch := _torch_on_gpu():
            held = max(held, torch.cuda.max_memory_reserved())
        return held


def limit_process(gigabytes: float) -> None:
    """Have this process refused more memory than that, so that it meets a MemoryError.

    It is the limit of private data: what the libraries only reserve does not count. Without it,
    the kernel would kill the process. 0 sets no limit.
    """
    if not gigabytes:
        return
    import resource  # not on every system

    most = int(gigabytes * 1e9)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _pixels(session: Session, request: VideoRequest) -> float:
    """Pixels of all frames in memory: those delivered, and of the clips that they begin from."""
    pixels = float(request.width * request.height * request.frames * request.variations)
    for item in request.given:
        clip = session.get(Material, item.sha256)
        if clip is None:
            continue
        pixels += clip.width * clip.height * clip.frames
        if item.role in KEPT:  # stands beside each variation, at its size and rate
            beside = clip.frames / max(clip.fps, 1.0) * request.fps
            pixels += request.width * request.height * beside * request.variations
    return pixels


def _own(gigabytes: float) -> list[int]:
    return [int(gigabytes * 1e9)] if gigabytes else []


def _torch_on_gpu() -> ModuleType | None:
    """Torch, if this process works with it on a GPU; it is never loaded from here."""
    torch = sys.modules.get("torch")
    return torch if torch and torch.cuda.is_available() and torch.cuda.is_initialized() else None


def _gpu() -> tuple[int, int] | None:
    """Bytes of the GPU in use: what this process may grow to there, and all there is."""
    torch = _torch_on_gpu()
    if torch is None:
        return None
    free, total = torch.cuda.mem_get_info()
    return free + torch.cuda.memory_reserved(), total


def _high_water() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _groups(
    root: Path = Path("/sys/fs/cgroup"), of: Path = Path("/proc/self/cgroup")
) -> list[tuple[int, int]]:
    """(limit, used) in bytes of the control groups that this process is in, both versions."""
    try:
        lines = of.read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, kinds, path = line.split(":", 2)
        if kinds == "":
            folder, names = root, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in kinds.split(","):
            folder = root / "memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        # A container may see its own group as the root, or by the path that the host gives it.
        for group in {folder / path.lstrip("/"), folder}:
            if pair := _group(group, *names):
                found.append(pair)
    return found


def _group(folder: Path, limit: str, used: str, cached: str) -> tuple[int, int] | None:
    try:
        most, now_used = (folder / limit).read_text().strip(), int((folder / used).read_text())
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return None
    if most == "max" or int(most) > 1 << 60:
        return None
    return int(most), max(0, now_used - int(stat.get(cached, 0)))
