"""Storyboards: cards that become one video. None of it is in OpenAI's API."""

from typing import Annotated, Any, Literal, TypeAlias, cast

from fastapi import APIRouter, Depends, Query
from pydantic import AfterValidator, BaseModel, Field

from pleinair.api.body import body_of, documented
from pleinair.api.identity import Acting, Caller
from pleinair.api.services import Services, Use
from pleinair.api.shapes import REFUSALS, Strict, VideoError
from pleinair.request import MOST_CHARACTERS, MOST_SEED
from pleinair.service.board_tables import Board

router = APIRouter(prefix="/v1", tags=["storyboards"], responses=REFUSALS)
State: TypeAlias = Literal["draft", "rendering", "completed", "failed", "cancelled"]
Kind: TypeAlias = Literal["text", "picture", "clip"]


def _text(value: str) -> str:
    if any("\ud800" <= c <= "\udfff" or c == "\0" for c in value):
        raise ValueError("text in Unicode, without NUL")  # pydantic's way
    return value


Text: TypeAlias = Annotated[str, AfterValidator(_text)]
Name: TypeAlias = Annotated[Text, Field(max_length=255)]
Size = Annotated[Name, Field(description="WIDTHxHEIGHT, such as 1280x720.")]
Model = Annotated[Name | None, Field(description="The default, or that of the clip, if null.")]
Seed = Annotated[int | None, Field(ge=0, le=MOST_SEED, description="Drawn if null.")]


class Card(Strict):
    """A card: a text, a picture to begin with or to arrive at, or a clip that begins the board."""

    kind: Kind
    prompt: Annotated[Text, Field(max_length=MOST_CHARACTERS)] = ""
    seconds: Annotated[
        float | None,
        Field(ge=0, le=600, allow_inf_nan=False, description="Length of what it draws."),
    ] = None
    file_id: Annotated[Name | None, Field(description="Of the picture.")] = None
    video_id: Annotated[Name | None, Field(description="Of the clip, a finished video.")] = None


class CreateStoryboard(Strict):
    """A storyboard to keep; it need not be finished."""

    title: Annotated[Text, Field(description="1 to 120 characters.")]
    size: Size = "720x1280"
    model: Model = None
    seed: Seed = None
    cards: list[Card] = Field(default_factory=list, description="In their order; at most 20.")


class UpdateStoryboard(Strict):
    """What of a storyboard is changed; what is left out stays, cards are replaced as a whole."""

    title: Annotated[Text | None, Field(description="1 to 120 characters.")] = None
    size: Annotated[Size | None, Field(description="WIDTHxHEIGHT, such as 1280x720.")] = None
    model: Model = None
    seed: Seed = None
    cards: list[Card] | None = None


class BoardObject(BaseModel):
    """A storyboard as the API tells of it."""

    id: str
    object: Literal["storyboard"] = "storyboard"
    title: str
    size: str
    model: str | None
    seed: int | None
    cards: list[Card]
    state: State
    card: Annotated[
        int | None, Field(description="Index of the card that is made, or at which it ended.")
    ]
    progress: Annotated[int, Field(description="Of the whole, 0 to 100.")]
    video_id: Annotated[
        str | None, Field(description="The video at work, or all that is finished.")
    ]
    error: VideoError | None
    created_at: int
    updated_at: int


class BoardList(BaseModel):
    """One page of storyboards."""

    object: Literal["list"] = "list"
    data: list[BoardObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


class BoardDeleted(BaseModel):
    """A storyboard that is gone."""

    id: str
    object: Literal["storyboard.deleted"] = "storyboard.deleted"
    deleted: bool = True


@router.post("/storyboards", openapi_extra=documented(CreateStoryboard, files=False))
def create_storyboard(
    body: Annotated[CreateStoryboard, Depends(body_of(CreateStoryboard))], owner: Caller, use: Use
) -> BoardObject:
    """Keep a storyboard; it is checked when it is rendered."""
    return _told(use, use.boards.create(owner, **body.model_dump()))


@router.get("/storyboards")
def list_storyboards(
    owner: Caller,
    use: Use,
    after: str | None = None,
    limit: Annotated[int, Query(ge=0, le=100)] = 20,
) -> BoardList:
    """Storyboards, the newest first."""
    found = use.boards.list(owner, after, limit)
    progress = use.boards.progress(found.items)
    return BoardList(
        data=[_object(board, progress[board.id]) for board in found.items],
        first_id=found.first_id,
        last_id=found.last_id,
        has_more=found.has_more,
    )


@router.get("/storyboards/{storyboard_id}")
def retrieve_storyboard(storyboard_id: str, owner: Caller, use: Use) -> BoardObject:
    """One storyboard."""
    return _told(use, use.boards.get(owner, storyboard_id))


@router.post(
    "/storyboards/{storyboard_id}", openapi_extra=documented(UpdateStoryboard, files=False)
)
def update_storyboard(
    storyboard_id: str,
    body: Annotated[UpdateStoryboard, Depends(body_of(UpdateStoryboard, nulls=True))],
    owner: Caller,
    use: Use,
) -> BoardObject:
    """Change a storyboard that is not being rendered."""
    said = body.model_dump(include=body.model_fields_set)
    kept = {
        name: value
        for name, value in said.items()
        if value is not None or name in ("model", "seed")
    }
    return _told(use, use.boards.update(owner, storyboard_id, **kept))


@router.delete("/storyboards/{storyboard_id}")
def delete_storyboard(storyboard_id: str, owner: Caller, use: Use) -> BoardDeleted:
    """Forget a storyboard; its finished video stays."""
    use.boards.delete(owner, storyboard_id)
    return BoardDeleted(id=storyboard_id)


@router.post("/storyboards/{storyboard_id}/render")
def render_storyboard(storyboard_id: str, actor: Acting, use: Use) -> BoardObject:
    """Make the video of a storyboard, or go on after the last finished card."""
    return _told(use, use.boards.render(actor.id, storyboard_id, actor.key_id))


@router.post("/storyboards/{storyboard_id}/cancel")
def cancel_storyboard(storyboard_id: str, owner: Caller, use: Use) -> BoardObject:
    """End a rendering; the cards that are finished stay."""
    return _told(use, use.boards.cancel(owner, storyboard_id))


def _told(use: Services, board: Board) -> BoardObject:
    return _object(board, use.boards.progress([board])[board.id])


def _object(board: Board, progress: int) -> BoardObject:
    error = None
    if board.error_code:
        error = VideoError(code=board.error_code, message=board.error_message or "It failed.")
    same: dict[str, Any] = {
        name: getattr(board, name)
        for name in ("id", "title", "size", "model", "seed", "card", "video_id")
    }
    return BoardObject(
        **same,
        cards=[Card(**card) for card in board.cards],
        state=cast("State", board.state),
        progress=progress,
        error=error,
        created_at=int(board.created_at),
        updated_at=int(board.updated_at),
    )
