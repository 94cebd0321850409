"""What carries a storyboard on, from one card to the next.

Its row says all that is known of it. A card's video is queued in the transaction that notes it in
the row, and each step holds the row and looks again whether it is still due. So a server may be
killed between any two steps, any number may work on one board, and no card is made twice.

While a board is made its videos are parts: lists leave them out, and of those that are finished
only the last is kept. The video of the last card is a part no more.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from pleinair.errors import (
    BusyError,
    MemoryFullError,
    PleinairError,
    StorageError,
    SwitchedOffError,
    UnavailableError,
)
from pleinair.request import digest_of
from pleinair.service.board_tables import Board
from pleinair.service.db import Database, now
from pleinair.service.tables import ACTIVE, CANCELLED, COMPLETED, FAILED, Artifact, Video
from pleinair.service.videos import Draft, Videos

RENDERING = "rendering"
DELETED = "video_deleted"
NOT_YET = (BusyError, SwitchedOffError, UnavailableError, StorageError, MemoryFullError)
"""Errors after which a board waits: for its owner's time to come, or for a part of the server."""

log = structlog.get_logger()


class TakenError(Exception):
    """The step is no longer due: another server did it, or the board was cancelled."""


class Cards(Protocol):
    """How the API reads the cards of a board."""

    def check(self, owner: str, board: Board) -> None:
        """Raise what is wrong with a board, by the name of the card and field."""
        ...

    def draft(self, owner: str, board: Board, before: str | None) -> Draft:
        """The video of the board's present card, which goes on from the video ``before``."""
        ...

    def refuse(self, error: PleinairError | None) -> tuple[str, str]:
        """Code and message of an error; None is one of ours."""
        ...


class Renderer:
    """Carries boards on.

    Args:
        database: where they are.
        videos: where their videos are queued.
        cards: reads their cards.
    """

    def __init__(self, database: Database, videos: Videos, cards: Cards) -> None:
        self.database = database
        self.videos = videos
        self.cards = cards

    def advance(self, board: Board) -> None:
        """Do what is due for a board that is being rendered.

        Raises:
            TakenError: another server was faster.
            PleinairError: it cannot be done now; nothing is half done.
        """
        if board.making is None:
            self._queue(board)
            return
        with self.database.read() as session:
            video = session.get(Video, board.making)
        if video is None or video.deleted_at is not None:
            self._end(board, FAILED, DELETED, "The video of this card was deleted.")
        elif video.state == COMPLETED:
            self._link(board)
        elif video.state == CANCELLED and video.error_code == CANCELLED:
            self._end(board, CANCELLED)
        elif video.state not in ACTIVE:
            reason = video.error_code or "server_error", video.error_message or "It failed."
            self._end(board, FAILED, *reason)

    def _queue(self, board: Board) -> None:
        """Queue the video of the present card, or end the board with why that is refused."""

        def note(session: Session, video: Video) -> None:
            held = _hold(session, board)
            held.making = held.video_id = video.id

        before = board.links[-1]["video_id"] if board.links else None
        try:
            draft = self.cards.draft(board.owner, board, before)
            draft = replace(draft, board_id=board.id, key_id=board.key_id)
            self.videos.create(board.owner, draft, on_create=note)
            return
        except TakenError:
            raise
        except NOT_YET as error:
            log.debug("a storyboard waits", board=board.id, card=board.card, reason=str(error))
            return
        except PleinairError as error:
            refusal = self.cards.refuse(error)
        except Exception as error:
            log.error("a card failed", board=board.id, card=board.card, exc_info=error)
            refusal = self.cards.refuse(None)
        self._end(board, FAILED, *refusal)

    def _link(self, board: Board) -> None:
        """Note that the present card is finished, and go to the next, or to the end."""
        with self.database.write() as session:
            held = _hold(session, board)
            made, number = held.making, len(held.links)
            held.links = [*held.links, {"digest": made_from(held, number), "video_id": made}]
            held.making = None
            discard(session, held.id, keep=made)
            if len(held.links) < len(held.cards):
                held.card = len(held.links)
                return
            held.state, held.card = COMPLETED, None
            session.execute(update(Video).where(Video.id == made).values(board_id=None))

    def _end(
        self, board: Board, state: str, code: str | None = None, message: str | None = None
    ) -> None:
        with self.database.write() as session:
            held = _hold(session, board)
            held.state, held.making = state, None
            held.video_id = held.links[-1]["video_id"] if held.links else None
            held.error_code, held.error_message = code, message


def made_from(board: Board, number: int) -> str:
    """Digest of what a card is made from, beside the cards before it."""
    common: dict[str, Any] = {"size": board.size, "model": board.model, "seed": board.seed}
    return digest_of([common, board.cards[number]])


def discard(session: Session, board_id: str, *, keep: str | None) -> None:
    """Delete the parts of a board for good, but for one."""
    parts = [Video.board_id == board_id, Video.deleted_at.is_(None), Video.state.not_in(ACTIVE)]
    if keep is not None:
        parts.append(Video.id != keep)
    ids: Sequence[str] = session.scalars(select(Video.id).where(*parts)).all()
    session.execute(delete(Artifact).where(Artifact.video_id.in_(ids)))
    session.execute(update(Video).where(Video.id.in_(ids)).values(deleted_at=now()))


def _hold(session: Session, board: Board) -> Board:
    """The row of a board, nobody else's until the end of the transaction.

    Raises:
        TakenError: it is at another step by now.
    """
    same = (
        select(Board)
        .where(
            Board.id == board.id,
            Board.state == RENDERING,
            Board.renders == board.renders,
            Board.card == board.card,
            Board.making.is_not_distinct_from(board.making),
        )
        .with_for_update()
    )
    held = session.scalars(same).first()
    if held is None:
        raise TakenError
    held.updated_at = session.scalars(select(now())).one()
    return held
