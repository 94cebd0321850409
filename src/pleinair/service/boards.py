"""Storyboards as callers see them: cards that become one video.

A board is a draft until it is rendered, which ends as completed, failed or cancelled;
`pleinair.service.renderer` carries it on, card by card. Rendered again, it goes on after the last
finished card where that card and those before it are as they were, and begins anew otherwise.
"""

import secrets
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from pleinair.errors import ConflictError, InputError, NotFoundError, PleinairError
from pleinair.request import parse_size
from pleinair.service.board_tables import Board
from pleinair.service.db import Database, now
from pleinair.service.page import Page, page
from pleinair.service.renderer import (
    RENDERING,
    Cards,
    Renderer,
    TakenError,
    discard,
    made_from,
)
from pleinair.service.tables import ACTIVE, CANCELLED, COMPLETED, Artifact, Video
from pleinair.service.videos import Videos, end

DRAFT = "draft"
CLIP = "clip"
MOST_TITLE = 120
MOST_CARDS = 20
"""Cards that a board may have while it is written; a rendered one has fewer."""

EVERY = 1.0
"""Seconds between two ticks."""

_DRAWN_FROM = ("size", "model", "seed", "cards")
log = structlog.get_logger()


class Boards:
    """The storyboards of a server; every call is on behalf of an owner, who sees only their own.

    Args:
        database: where they are.
        videos: where their videos are queued.
        cards: reads cards.
    """

    def __init__(self, database: Database, videos: Videos, cards: Cards) -> None:
        self.database = database
        self.cards = cards
        self.renderer = Renderer(database, videos, cards)

    def create(self, owner: str, **values: Any) -> Board:  # noqa: ANN401
        """Keep a new board; it need not be finished.

        Args:
            owner: whose it is.
            values: ``title``, ``size``, ``cards``, and ``model`` and ``seed`` or None.

        Raises:
            InputError: a value is not allowed.
        """
        values = _checked(values)
        with self.database.write() as session:
            time = session.scalars(select(now())).one()
            board = Board(
                id=f"board_{secrets.token_hex(16)}",
                owner=owner,
                state=DRAFT,
                links=[],
                renders=0,
                created_at=time,
                updated_at=time,
                **{"model": None, "seed": None, **values},
            )
            session.add(board)
        return board

    def get(self, owner: str, board_id: str) -> Board:
        """One board; raises NotFoundError."""
        with self.database.read() as session:
            return _owned(session, owner, board_id)

    def list(self, owner: str, after: str | None = None, limit: int = 20) -> Page[Board]:
        """Boards, the newest first; raises InputError for an ``after`` that is none of them."""
        with self.database.read() as session:
            return page(session, Board, owner, after, limit)

    def update(self, owner: str, board_id: str, **values: Any) -> Board:  # noqa: ANN401
        """Change what is said; a list of cards takes the place of the one before.

        Raises:
            NotFoundError: there is no such board.
            ConflictError: it is being rendered.
            InputError: a value is not allowed.
        """
        values = _checked(values)
        with self.database.write() as session:
            board = _at_rest(session, owner, board_id)
            if any(values.get(name, old) != old for name, old in _drawn_from(board).items()):
                board.state, board.card = DRAFT, None
                board.error_code = board.error_message = None
            for name, value in values.items():
                setattr(board, name, value)
            board.updated_at = session.scalars(select(now())).one()
        return board

    def delete(self, owner: str, board_id: str) -> None:
        """Forget a board and what is half made of it; a finished video stays.

        Raises:
            NotFoundError: there is no such board.
        """
        with self.database.write() as session:
            board = _owned(session, owner, board_id, lock=True)
            _stop(session, board)
            discard(session, board.id, keep=None)
            session.execute(delete(Board).where(Board.id == board.id))

    def render(self, owner: str, board_id: str, key_id: str | None = None) -> Board:
        """Begin to make the video.

        Args:
            owner: whose board it is.
            board_id: which.
            key_id: of the key that asks, if one does; its videos count as the key's.

        Raises:
            NotFoundError: there is no such board.
            ConflictError: it is being rendered, or was changed at this moment.
            InputError: a card is not finished or not allowed; the error names it.
            ModelError: there is no such model.
        """
        board = self.get(owner, board_id)
        _check_rest(board)
        self.cards.check(owner, board)
        with self.database.write() as session:
            held = _at_rest(session, owner, board_id)
            if _drawn_from(held) != _drawn_from(board):
                raise ConflictError(f"storyboard {board_id} was changed at this moment; try again")
            held.links = _kept(session, held) or _begun(held)
            last = held.links[-1]["video_id"] if held.links else None
            discard(session, held.id, keep=last)
            held.state, held.card, held.making, held.video_id = (
                RENDERING,
                len(held.links),
                None,
                last,
            )
            held.error_code = held.error_message = None
            held.renders += 1
            held.key_id = key_id
            held.updated_at = session.scalars(select(now())).one()
        return held

    def cancel(self, owner: str, board_id: str) -> Board:
        """End a rendering; the cards that are finished stay, and rendering goes on after them.

        Raises:
            NotFoundError: there is no such board.
            ConflictError: it is not being rendered.
        """
        with self.database.write() as session:
            board = _owned(session, owner, board_id, lock=True)
            if board.state != RENDERING:
                raise ConflictError(f"storyboard {board_id} is {board.state}, not being rendered")
            _stop(session, board)
            board.state, board.making = CANCELLED, None
            board.video_id = board.links[-1]["video_id"] if board.links else None
            board.updated_at = session.scalars(select(now())).one()
        return board

    def progress(self, boards: Sequence[Board]) -> Mapping[str, int]:
        """How far each board is, 0–100, by the seconds that are drawn."""
        ids = [board.making for board in boards if board.making]
        making = select(Video.id, Video.progress).where(Video.id.in_(ids))
        with self.database.read() as session:
            steps: dict[str, int] = dict(session.execute(making).all()) if ids else {}
        return {board.id: _progress(board, steps.get(board.making or "", 0)) for board in boards}

    def run(self, stop: threading.Event) -> None:
        """Carry all boards on until told to stop."""
        while not stop.wait(EVERY):
            self.tick()

    def tick(self) -> None:
        """Carry every board on by what is due; what fails is logged and tried the next time."""
        due = select(Board).where(Board.state == RENDERING).order_by(Board.updated_at, Board.id)
        try:
            with self.database.read() as session:
                boards = session.scalars(due).all()
        except PleinairError as error:
            log.error("storyboards cannot be seen", reason=str(error))
            return
        for board in boards:
            try:
                self.renderer.advance(board)
            except TakenError:
                continue
            except PleinairError as error:
                log.error("a storyboard cannot go on", board=board.id, reason=str(error))
            except Exception as error:
                log.error("a storyboard cannot go on", board=board.id, exc_info=error)


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    title, cards = values.get("title", "x").strip(), values.get("cards", ())
    if not 1 <= len(title) <= MOST_TITLE or not title.isprintable():
        raise InputError("title", values["title"], f"1 to {MOST_TITLE} printable characters")
    if len(cards) > MOST_CARDS:
        raise InputError("cards", f"{len(cards)} cards", f"at most {MOST_CARDS}")
    if "size" in values:
        parse_size(values["size"])
    return values | ({"title": title} if "title" in values else {})


def _owned(session: Session, owner: str, board_id: str, *, lock: bool = False) -> Board:
    query = select(Board).where(Board.id == board_id, Board.owner == owner)
    board = session.scalars(query.with_for_update() if lock else query).first()
    if board is None:
        raise NotFoundError(f"No storyboard has the id {board_id!r}.")
    return board


def _at_rest(session: Session, owner: str, board_id: str) -> Board:
    board = _owned(session, owner, board_id, lock=True)
    _check_rest(board)
    return board


def _check_rest(board: Board) -> None:
    if board.state == RENDERING:
        raise ConflictError(f"storyboard {board.id} is being rendered; cancel that first")


def _drawn_from(board: Board) -> dict[str, Any]:
    return {name: getattr(board, name) for name in _DRAWN_FROM}


def _begun(board: Board) -> list[dict[str, Any]]:
    """What is there before anything is drawn: the clip, if it begins with one."""
    first = board.cards[0]
    if first["kind"] != CLIP:
        return []
    return [{"digest": made_from(board, 0), "video_id": first["video_id"]}]


def _kept(session: Session, board: Board) -> list[dict[str, Any]]:
    """The finished cards after which it can go on; none, if it must begin anew."""
    links = board.links
    if not 0 < len(links) < len(board.cards):
        return []
    if [link["digest"] for link in links] != [made_from(board, i) for i in range(len(links))]:
        return []
    there = (
        select(Video.id)
        .join(Artifact, Artifact.video_id == Video.id)
        .where(Video.id == links[-1]["video_id"], Video.owner == board.owner)
        .where(Video.state == COMPLETED, Video.deleted_at.is_(None), Video.expires_at > now())
    )
    return links if session.scalars(there.limit(1)).first() else []


def _stop(session: Session, board: Board) -> None:
    """End the video that is being made for a board, if one is."""
    video = session.get(Video, board.making) if board.making else None
    if video is not None and video.state in ACTIVE:
        end(session, video, CANCELLED, "The storyboard of this video was cancelled.")


def _progress(board: Board, step: int) -> int:
    if board.state == COMPLETED:
        return 100
    drawn = [0.0 if card["kind"] == CLIP else card["seconds"] or 0.0 for card in board.cards]
    if board.card is None or not sum(drawn):
        return 0
    now_drawn = drawn[board.card] * step / 100 if board.card < len(drawn) else 0.0
    return min(99, int(100 * (sum(drawn[: board.card]) + now_drawn) / sum(drawn)))
