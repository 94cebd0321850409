"""Cards of storyboards, checked before anything is made and read as the routes read bodies."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pleinair.api.errors import UNEXPECTED, answer_of
from pleinair.api.inputs import (
    MOST_EXTENDED,
    MOST_EXTENSIONS,
    clip_of,
    draft_of_create,
    draft_of_extension,
    model_of,
    picture_of,
)
from pleinair.api.services import Services
from pleinair.api.shapes import (
    CreateVideo,
    ExtendVideo,
    Keyframe,
    PictureReference,
    VideoReference,
)
from pleinair.backends.assigning import assigned
from pleinair.backends.base import MODELS
from pleinair.errors import ConflictError, InputError, NotFoundError, PleinairError
from pleinair.request import MOST_SECONDS, Given, VideoRequest, parse_size
from pleinair.service.board_tables import Board
from pleinair.service.boards import CLIP
from pleinair.service.videos import Draft

MOST_ADDED = 20.0
PICTURE = "picture"
FPS = 24


class Cards:
    """The `Cards` of a server's boards.

    Args:
        services: gives the services of the server, which are there once a board is rendered.
    """

    def __init__(self, services: Callable[[], Services]) -> None:
        self.services = services

    def check(self, owner: str, board: Board) -> None:
        """Raise unless every card can be made as far as that can be known before.

        Raises:
            InputError: a card is not allowed; the error names it, such as ``cards.2.seconds``.
            ModelError: there is no such model.
        """
        use, cards = self.services(), board.cards
        if not cards or (len(cards) == 1 and cards[0]["kind"] == CLIP):
            raise InputError("cards", f"{len(cards)} cards", "at least one that is drawn")
        frame = dict(zip(("width", "height"), parse_size(board.size), strict=True)) | {"fps": FPS}
        length, extended, asked = 0.0, 0, board.model
        for number, card in enumerate(cards):
            if card["kind"] == CLIP:
                clip, source = self._clip(owner, number, card)
                length, asked = clip, asked or source.model
                extended = use.videos.chain(owner, source.id, "extend")
                frame = {name: source.request[name] for name in frame}
                continue
            if number and (extended := extended + 1) > MOST_EXTENSIONS:
                allowed = f"a video extended up to {MOST_EXTENSIONS} times"
                raise InputError(f"cards.{number}", f"extension {extended}", allowed)
            _, backend = model_of(use, asked)
            length += self._drawn(owner, number, card, {**frame, "model": backend}, length)

    def draft(self, owner: str, board: Board, before: str | None) -> Draft:
        """The video of the present card: a create, or what comes after the video before it."""
        assert board.card is not None  # of a board that is being rendered
        use, card = self.services(), board.cards[board.card]
        common = {"prompt": card["prompt"], "seconds": card["seconds"]}
        common |= {"model": board.model, "seed": board.seed}
        has_picture = card["kind"] == PICTURE
        if before is None:
            opening = PictureReference(file_id=card["file_id"]) if has_picture else None
            common["model"] = _model_of_all(use, board)
            body = CreateVideo(size=board.size, input_reference=opening, fps=FPS, **common)
            return draft_of_create(use, owner, body)
        arrival = [Keyframe(at=card["seconds"], file_id=card["file_id"])] if has_picture else []
        longer = ExtendVideo(video=VideoReference(id=before), keyframes=arrival, **common)
        return draft_of_extension(use, owner, longer)

    def refuse(self, error: PleinairError | None) -> tuple[str, str]:
        """Code and message of the answer to an error; None is one of ours."""
        if error is None:
            return str(UNEXPECTED.code), "The server had an error with this card."
        return str(answer_of(error).code), str(error)

    def _clip(self, owner: str, number: int, card: Mapping[str, Any]) -> tuple[float, Any]:
        """Seconds of the clip that begins a board, and its video."""
        if number:
            raise InputError(
                f"cards.{number}.kind", CLIP, "text, picture: a clip can only begin a board"
            )
        field, video_id = f"cards.{number}.video_id", card["video_id"]
        with _found(field, video_id, "the id of one of your finished videos"):
            clip, source = clip_of(self.services(), owner, VideoReference(id=video_id or ""))
        return clip.frames / clip.fps, source

    def _drawn(
        self, owner: str, number: int, card: Mapping[str, Any], frame: dict[str, Any], before: float
    ) -> float:
        """Seconds of a card that is drawn."""
        seconds, most = card["seconds"], MOST_ADDED if number else MOST_SECONDS
        if seconds is None or not 0 < seconds <= most:
            allowed = f"above 0 and at most {most:g} seconds"
            raise InputError(f"cards.{number}.seconds", seconds, allowed)
        try:
            request = VideoRequest(card["prompt"], seconds=seconds, seed=0, **frame)
            MODELS[request.model].check(request)
        except InputError as error:
            inside = error.field in ("prompt", "seconds")
            field = f"cards.{number}.{error.field}" if inside else error.field
            raise InputError(field, error.got, error.allowed) from error
        drawn = request.frames / request.fps
        if before + drawn > MOST_EXTENDED:
            allowed = f"at most {MOST_EXTENDED:g} seconds in all; before this card are {before:g}"
            raise InputError(f"cards.{number}.seconds", seconds, allowed)
        if card["kind"] == PICTURE:
            field, file_id = f"cards.{number}.file_id", card["file_id"]
            with _found(field, file_id, "the id of a picture that you uploaded"):
                reference = PictureReference(file_id=file_id or "")
                picture_of(self.services(), owner, reference, field)
        return drawn


def _model_of_all(use: Services, board: Board) -> str | None:
    """One model for all cards: those after the first go on from a clip, which not every one can."""
    if board.model or len(board.cards) == 1:
        return board.model
    _, backend = model_of(use, None)
    behind = VideoRequest("x", backend, seed=0, given=(Given("extend", "0" * 64),))
    made = assigned(behind, offered=use.settings.models)
    return made.model if made.handover else None


@contextmanager
def _found(field: str, got: object, allowed: str) -> Iterator[None]:
    """Name the field in which something stands that is not there."""
    try:
        yield
    except (NotFoundError, ConflictError) as error:
        raise InputError(field, got, allowed) from error
