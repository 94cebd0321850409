"""The reviewers' desk: what waits, what it is, and what is decided about it."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from pleinair.api.body import body_of, documented
from pleinair.api.cases import FlagObject, ReviewList, ReviewObject, flag_object, review_object
from pleinair.api.content import serve_artifact, told_of
from pleinair.api.errors import answer_of
from pleinair.api.identity import Acting
from pleinair.api.services import Use
from pleinair.api.shapes import REFUSALS, Strict, seconds
from pleinair.errors import InputError, PleinairError
from pleinair.review.desk import VIEWS, WAITS
from pleinair.review.held import HeldVideo
from pleinair.review.states import REASONS

router = APIRouter(prefix="/admin/v1", tags=["reviews"], responses=REFUSALS)
CONTENT = told_of("video/mp4", "image/webp", "image/jpeg")
MOST_AT_ONCE = 100
Variant = Literal["video", "thumbnail", "spritesheet"]
Index = Annotated[int, Query(ge=0, le=15, description="Which of the variations.")]
Decision = Annotated[str, Field(description="approve, refuse or changes.")]
Reason = Annotated[
    str | None, Field(description=f"Unless it is approved, one of: {', '.join(REASONS)}.")
]
Words = Annotated[str, Field(description="To the owner, up to 2,000 characters.")]


class DecideReview(Strict):
    """What becomes of a video that is to be shared."""

    decision: Decision
    reason: Reason = None
    words: Words = ""


class DecideReviews(DecideReview):
    """One decision about several videos; each is judged on its own."""

    share_ids: Annotated[list[str], Field(description=f"Up to {MOST_AT_ONCE} of them.")]


class DecideAppeal(Strict):
    """What becomes of an appeal, for good."""

    decision: Annotated[str, Field(description="approve or refuse.")]
    words: Annotated[str, Field(description="The answer to the owner, 1 to 2,000 characters.")]


class WithdrawReview(Strict):
    """Why a public video is taken back."""

    words: Annotated[str, Field(description="Told to the owner, 1 to 2,000 characters.")]


class ClearHeld(Strict):
    """What was seen."""

    words: Annotated[str, Field(description="For the record, up to 2,000 characters.")] = ""


class DecidedObject(BaseModel):
    """What came of one of several decisions."""

    share_id: str
    done: bool
    state: str | None
    code: str | None
    message: str | None


class DecidedList(BaseModel):
    """What came of each, in the order of asking."""

    object: Literal["list"] = "list"
    data: list[DecidedObject]


class HeldObject(BaseModel):
    """A video that nobody gets before a person has looked."""

    object: Literal["held_video"] = "held_video"
    video_id: str
    owner: str
    prompt: str
    status: str
    created_at: int
    quarantined_at: int | None
    flags: list[FlagObject]


class HeldList(BaseModel):
    """Held videos, those that wait longest first."""

    object: Literal["list"] = "list"
    data: list[HeldObject]


class HeldCleared(BaseModel):
    """A video that was let go."""

    object: Literal["held_video.cleared"] = "held_video.cleared"
    video_id: str


@router.get("/reviews", name="reviews.list")
def list_reviews(
    actor: Acting,
    use: Use,
    state: Annotated[str, Query(description=f"One of: {', '.join(VIEWS)}.")] = WAITS,
    programme_id: str | None = None,
    owner: Annotated[str | None, Query(description="Of one member alone.")] = None,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ReviewList:
    """Videos that are to be shared, the soonest due first; decided ones the last first."""
    found = use.desk.list(state, programme_id, after, limit, owner=owner)
    return ReviewList(data=[review_object(case, actor) for case in found])


@router.get("/reviews/{share_id}", name="reviews.get")
def retrieve(share_id: str, actor: Acting, use: Use) -> ReviewObject:
    """One of them."""
    return review_object(use.desk.get(share_id), actor)


@router.get("/reviews/{share_id}/content", name="reviews.content", **CONTENT)
def content(
    share_id: str,
    request: Request,
    actor: Acting,
    use: Use,
    variant: Variant = "video",
    index: Index = 0,
) -> Response:
    """The file of a video that is to be shared, or its thumbnail or spritesheet."""
    found = use.desk.artifact(actor, share_id, variant, index)
    return serve_artifact(use.storage, found, request.headers)


@router.post(
    "/reviews/{share_id}/decision",
    name="reviews.decide",
    openapi_extra=documented(DecideReview, files=False),
)
def decide(
    share_id: str,
    body: Annotated[DecideReview, Depends(body_of(DecideReview))],
    actor: Acting,
    use: Use,
) -> ReviewObject:
    """Approve, refuse, or ask for changes; the owner is told."""
    use.reviews.decide(actor, share_id, body.decision, body.reason, body.words)
    return review_object(use.desk.get(share_id), actor)


@router.post(
    "/reviews/decisions",
    name="reviews.decide_many",
    openapi_extra=documented(DecideReviews, files=False),
)
def decide_many(
    body: Annotated[DecideReviews, Depends(body_of(DecideReviews))], actor: Acting, use: Use
) -> DecidedList:
    """Decide alike about several; each is judged on its own, and what fails stops no other."""
    if not 1 <= len(body.share_ids) <= MOST_AT_ONCE:
        raise InputError("share_ids", f"{len(body.share_ids)} ids", f"1 to {MOST_AT_ONCE} ids")
    answers = []
    for share_id in body.share_ids:
        answer = DecidedObject(share_id=share_id, done=False, state=None, code=None, message=None)
        try:
            share = use.reviews.decide(actor, share_id, body.decision, body.reason, body.words)
            answer.done, answer.state = True, share.state
        except InputError:
            raise  # it is about what was asked, not about one of them
        except PleinairError as error:
            answer.code, answer.message = answer_of(error).code, str(error)
        answers.append(answer)
    return DecidedList(data=answers)


@router.post(
    "/reviews/{share_id}/appeal",
    name="reviews.appeal",
    openapi_extra=documented(DecideAppeal, files=False),
)
def appeal(
    share_id: str,
    body: Annotated[DecideAppeal, Depends(body_of(DecideAppeal))],
    actor: Acting,
    use: Use,
) -> ReviewObject:
    """Decide an appeal, for good; not by whoever refused."""
    use.reviews.appeal(actor, share_id, body.decision, body.words)
    return review_object(use.desk.get(share_id), actor)


@router.post(
    "/reviews/{share_id}/withdraw",
    name="reviews.withdraw",
    openapi_extra=documented(WithdrawReview, files=False),
)
def withdraw(
    share_id: str,
    body: Annotated[WithdrawReview, Depends(body_of(WithdrawReview))],
    actor: Acting,
    use: Use,
) -> ReviewObject:
    """Take a public video back; its address is dead at once."""
    use.reviews.withdraw(actor, share_id, body.words)
    return review_object(use.desk.get(share_id), actor)


@router.get("/held", name="held.list")
def list_held(use: Use, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> HeldList:
    """Videos that checks hold or that are in quarantine, those that wait longest first."""
    return HeldList(data=[_held(item) for item in use.held.list(limit)])


@router.get("/held/{video_id}/content", name="held.content", **CONTENT)
def held_content(
    video_id: str,
    request: Request,
    actor: Acting,
    use: Use,
    variant: Variant = "video",
    index: Index = 0,
) -> Response:
    """The file of a held video, or its thumbnail or spritesheet."""
    found = use.held.artifact(actor, video_id, variant, index)
    return serve_artifact(use.storage, found, request.headers)


@router.post(
    "/held/{video_id}/clear", name="held.clear", openapi_extra=documented(ClearHeld, files=False)
)
def clear(
    video_id: str,
    body: Annotated[ClearHeld, Depends(body_of(ClearHeld))],
    actor: Acting,
    use: Use,
) -> HeldCleared:
    """Let a held video go to its owner."""
    use.held.clear(actor, video_id, body.words)
    return HeldCleared(video_id=video_id)


def _held(item: HeldVideo) -> HeldObject:
    video = item.video
    return HeldObject(
        video_id=video.id,
        owner=video.owner,
        prompt=video.prompt,
        status=video.state,
        created_at=int(video.created_at),
        quarantined_at=seconds(video.quarantined_at),
        flags=[flag_object(flag) for flag in item.flags],
    )
