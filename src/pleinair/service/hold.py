"""A claimed video in a worker's hands: the lease is kept, progress told, the end noticed.

The step loop reports each step (`Hold.step`); a thread beside it renews the lease, but only while
steps come: a worker that hangs, in a driver or on a disk, loses its video to another.
"""

import io
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

import structlog
from PIL import Image

from pleinair.errors import UnavailableError
from pleinair.media.frames import Frames, resize_picture
from pleinair.service.memory import Peak
from pleinair.service.queue import Claim, LostError, Queue
from pleinair.service.stages import Stages
from pleinair.settings import ServiceSettings

WRITE_EVERY = 0.5  # seconds between two writes of the progress
SHOW_EVERY = 1.0  # seconds between two pictures
SHOW_SHARE = 20  # and a picture may take one part in so many of the time
SHOW_SIDE = 320  # pixels
SLOWEST = 50_000  # bytes a second at which a file may go out
_TICK = 0.1
_LAST = 0.5  # seconds after the grace in which the step loop may end by itself
log = structlog.get_logger()


class StopError(Exception):
    """The worker was told to stop, and its grace is over."""


@dataclass(frozen=True)
class Watch:
    """What a hold tells its worker.

    Attributes:
        stop: set when the worker shall stop.
        pulse: called from time to time while the video is made.
        stalled: called when no step came for twice the time after which the lease is let go.
        late: called when the step loop did not end in time after a stop; the video is back in
            the queue by then.
    """

    stop: threading.Event
    pulse: Callable[[], None]
    stalled: Callable[[], None]
    late: Callable[[], None]


class Hold:
    """Entered with a claim, left when the video has ended, one way or another.

    Args:
        queue: where it came from.
        claim: what is held.
        settings: times of lease, stall and grace.
        watch: what to tell the worker.
        shares: of the stages, see `Stages`.
    """

    def __init__(
        self,
        queue: Queue,
        claim: Claim,
        settings: ServiceSettings,
        watch: Watch,
        shares: Mapping[str, float],
    ) -> None:
        self.queue = queue
        self.claim = claim
        self.settings = settings
        self.stages = Stages(shares)
        self.peak = Peak()
        self._watch = watch
        self._stage = "load"
        self._silent = 0.0  # seconds since a step, counted while this process ran
        self._patience = settings.stall
        self._stopped_at: float | None = None
        self._lost = False
        self._written = (0, "load")
        self._written_at = time.monotonic()
        self._shown = 0
        self._show_at = time.monotonic() + SHOW_EVERY
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def __enter__(self) -> "Hold":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def step(self, done: int, total: int, stage: str) -> None:
        """Report a step; the model calls this before the first and after each.

        Raises:
            LostError: the video was cancelled, or is another's by now.
            StopError: the worker shall stop.
        """
        self._silent = 0.0
        self._patience = self.settings.stall
        self._stage = stage
        self.stages.reach(stage, done, total)
        if self._stop_due():
            raise StopError(self.claim.id)
        if self._lost or not self._still_mine():
            raise LostError(self.claim.id)

    def look(self, draw: Callable[[], Frames]) -> None:
        """Show how far the video is, if somebody could have missed it and it costs little."""
        started = time.monotonic()
        if started < self._show_at:
            return
        with suppress(UnavailableError):  # a picture may be missed
            frames = draw()
            self._shown += 1
            self.queue.show(self.claim, _jpeg(frames), self._shown)
        ended = time.monotonic()
        self._show_at = ended + max(SHOW_EVERY, SHOW_SHARE * (ended - started))

    def expect(self, size: int) -> None:
        """Be patient: the next step comes once so many bytes have gone out."""
        self._patience = max(self.settings.stall, size / SLOWEST)

    def _still_mine(self) -> bool:
        """Ask the queue; telling it the progress is an answer too, when there is news."""
        try:
            if not self._news_due():
                return self.queue.holds(self.claim)
            self._note_written()
            return self.queue.beat(self.claim, *self._written)
        except UnavailableError as error:  # the fence will tell in the end
            log.warning("progress is not told", video=self.claim.id, reason=str(error))
            return True

    def _news_due(self) -> bool:
        """Whether there is progress to tell, and the last was told long enough ago."""
        news = (self.stages.progress, self._stage)
        return news != self._written and time.monotonic() - self._written_at >= WRITE_EVERY

    def _note_written(self) -> None:
        self._written = (self.stages.progress, self._stage)
        self._written_at = time.monotonic()

    def _stop_due(self) -> bool:
        """Whether the worker was told to stop, and its grace is over."""
        if self._stopped_at is None and self._watch.stop.is_set():
            self._stopped_at = time.monotonic()
        return self._since_stop() >= self.settings.grace

    def _since_stop(self) -> float:
        return -1.0 if self._stopped_at is None else time.monotonic() - self._stopped_at

    def _keep(self) -> None:
        """The thread beside the step loop."""
        every = self.settings.lease / 3
        then = renewed = time.monotonic()
        while not self._over.wait(min(_TICK, every / 2)):
            time_now = time.monotonic()
            # A process that was paused was not silent in that time.
            self._silent += min(time_now - then, 1.0)
            then = time_now
            self.peak.look()
            if self._silent > 2 * self._patience:
                log.error("no step came for too long", video=self.claim.id, stage=self._stage)
                self._watch.stalled()
                return
            if self._stop_due() and self._since_stop() > self.settings.grace + _LAST:
                self._let_go()
                return
            if time_now - renewed >= every or self._news_due():
                renewed = time_now
                self._renew()

    def _renew(self) -> None:
        """Renew the lease, while steps come."""
        try:
            self._watch.pulse()
            if self._silent <= self._patience:
                self._note_written()
                self._lost = not self.queue.beat(self.claim, *self._written)
        except Exception as error:  # the lease may run out, this thread must not
            log.warning("the lease is not renewed", video=self.claim.id, reason=str(error))

    def _let_go(self) -> None:
        """Give the video back for a step loop that does not come to an end."""
        try:
            self.queue.release(self.claim)
        except Exception as error:  # its lease will run out
            log.warning("the video is not given back", video=self.claim.id, reason=str(error))
        self._watch.late()


def _jpeg(frames: Frames) -> bytes:
    """The middle frame, small."""
    picture = frames[len(frames) // 2]
    height, width, _ = picture.shape
    scale = min(1.0, SHOW_SIDE / max(height, width))
    if scale < 1:
        picture = resize_picture(
            picture, max(1, round(width * scale)), max(1, round(height * scale))
        )
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
