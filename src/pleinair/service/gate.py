"""The gate: where an access programme has its say about videos, in their own transactions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from sqlalchemy.orm import Session

from pleinair.service.limits import Allowance
from pleinair.service.tables import Video

if TYPE_CHECKING:
    from pleinair.service.videos import Draft


class Gate(Protocol):
    """What an access programme has to say about videos; without one, nothing."""

    def enter(self, session: Session, draft: "Draft", video: Video) -> Allowance | None:
        """Say under what a video is queued and hold what it costs; raises what stands against.

        Returns:
            What is left of the creates of this minute, None to leave that to the settings.
        """

    def leave(self, session: Session, video: Video) -> None:
        """Raise WithheldError unless the owner may have the files of a finished video."""


class Open:
    """The gate of a server without a programme."""

    def enter(self, session: Session, draft: "Draft", video: Video) -> Allowance | None:
        """Nothing stands against it."""
        return None

    def leave(self, session: Session, video: Video) -> None:
        """Nothing stands against it."""


class Gates:
    """Several gates, one behind the other: all must let a video through."""

    def __init__(self, gates: Sequence[Gate]) -> None:
        self.gates = gates

    def enter(self, session: Session, draft: "Draft", video: Video) -> Allowance | None:
        """Ask each in turn; the first that tells of an allowance is believed."""
        told = [gate.enter(session, draft, video) for gate in self.gates]
        return next((allowance for allowance in told if allowance is not None), None)

    def leave(self, session: Session, video: Video) -> None:
        """Ask each in turn."""
        for gate in self.gates:
            gate.leave(session, video)
