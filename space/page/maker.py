"""One video from its prompt to its end."""

import time
from collections.abc import Iterator

from page.limits import Limits
from page.server import Clip, Server
from page.settings import Settings
from page.troubles import Gate, Trouble

_SILENCE = 60.0  # seconds without an answer after which a video is given up
_PASSING = frozenset({"unreachable", "server", "busy"})


class Maker:
    """Has videos made, within the limits of the page.

    Args:
        settings: of the page.
        server: that makes them.
    """

    def __init__(self, settings: Settings, server: Server) -> None:
        self.limits = Limits(settings)
        self.gate = Gate(server.probe)
        self._settings = settings
        self._server = server

    def make(
        self, prompt: str, size: str, seconds: int, visitor: str, session: str
    ) -> Iterator[Clip | None]:
        """Yields how far it is: None before the server has answered, the finished video last.

        Whoever stops taking from it has the video cancelled.

        Raises:
            Trouble: there will be no video.
        """
        if not prompt:
            raise Trouble("empty")
        if len(prompt) > self._settings.characters:
            raise Trouble("long")
        place = self.limits.enter(visitor, session)
        clip: Clip | None = None
        try:
            yield None
            clip = self._create(prompt, size, seconds)
            self.limits.count(place)
            heard = time.monotonic()
            while clip.status in ("queued", "in_progress"):
                yield clip
                if place.stopped.wait(clip.again):
                    raise Trouble("stopped")
                if time.monotonic() - place.begun > self._settings.patience:
                    raise Trouble("late")
                try:
                    clip = self._server.look(clip.id)
                    heard = time.monotonic()
                except Trouble as trouble:
                    lasting = time.monotonic() - heard > _SILENCE
                    if lasting or trouble.kind not in _PASSING:
                        raise
            if clip.status != "completed":
                raise Trouble("failed", clip.failure)
            yield clip
        finally:
            self.limits.leave(place)
            if clip is not None and clip.status in ("queued", "in_progress"):
                self._server.cancel(clip.id)

    def _create(self, prompt: str, size: str, seconds: int) -> Clip:
        closed = self.gate.closed()
        if closed:
            raise closed
        try:
            clip = self._server.create(prompt, size, seconds)
        except Trouble as trouble:
            self.gate.note(trouble)
            raise
        self.gate.note(None)
        return clip
