"""Sharing, for members: ask, look how it stands, appeal, take back."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from pleinair.api.body import body_of, documented
from pleinair.api.identity import Caller
from pleinair.api.services import Services, Use, base_of
from pleinair.api.shapes import REFUSALS, Strict, seconds
from pleinair.review.shares import MOST_TITLE
from pleinair.review.states import APPROVED, POLICY
from pleinair.service.programme_tables import Share

router = APIRouter(prefix="/v1", tags=["shares"], responses=REFUSALS)


class AskShare(Strict):
    """How a video is to be shown."""

    title: Annotated[
        str, Field(description=f"Shown with it, up to {MOST_TITLE} characters; the prompt is not.")
    ] = ""


class AppealShare(Strict):
    """Why a refusal should not stand."""

    words: Annotated[str, Field(description="To the person who decides, 1 to 2,000 characters.")]


class ShareObject(BaseModel):
    """How it stands with a video that is to be public."""

    object: Literal["share"] = "share"
    id: str
    video_id: str
    state: Annotated[
        str,
        Field(description="asked, approved, refused, changes_asked, appealed or withdrawn."),
    ]
    title: str
    url: Annotated[str | None, Field(description="Its page, while it is public.")]
    asked_at: int
    due_at: Annotated[int, Field(description="By when the team promised to decide.")]
    decided_at: int | None
    by_policy: Annotated[bool, Field(description="Whether no person had to decide.")]
    reason: str | None
    words: str
    appealed_at: int | None
    appeal_words: str
    appeal_decided_at: int | None
    appeal_answer: str
    published_at: int | None
    withdrawn_at: int | None


class ShareList(BaseModel):
    """Shares, the newest first."""

    object: Literal["list"] = "list"
    data: list[ShareObject]


@router.post("/videos/{video_id}/share", openapi_extra=documented(AskShare, files=False))
def ask(
    video_id: str,
    body: Annotated[AskShare, Depends(body_of(AskShare))],
    owner: Caller,
    use: Use,
    request: Request,
) -> ShareObject:
    """Ask for a finished video to be public; the team decides, or the programme's policy."""
    return told(use, use.shares.ask(owner, video_id, body.title), request)


@router.get("/videos/{video_id}/share")
def retrieve(video_id: str, owner: Caller, use: Use, request: Request) -> ShareObject:
    """How it stands with a video."""
    return told(use, use.shares.get(owner, video_id), request)


@router.delete("/videos/{video_id}/share")
def withdraw(video_id: str, owner: Caller, use: Use, request: Request) -> ShareObject:
    """Take a video back, or the wish to share it; its public address is dead at once."""
    return told(use, use.shares.withdraw(owner, video_id), request)


@router.post("/videos/{video_id}/share/appeal", openapi_extra=documented(AppealShare, files=False))
def appeal(
    video_id: str,
    body: Annotated[AppealShare, Depends(body_of(AppealShare))],
    owner: Caller,
    use: Use,
    request: Request,
) -> ShareObject:
    """Ask for the decision of another person after a refusal, once."""
    return told(use, use.shares.appeal(owner, video_id, body.words), request)


@router.get("/shares")
def list_shares(
    owner: Caller, use: Use, request: Request, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> ShareList:
    """All that was ever asked to be shared, the newest first."""
    found = use.shares.list(owner, limit)
    return ShareList(data=[told(use, share, request) for share in found])


def told(use: Services, share: Share, request: Request) -> ShareObject:
    """A share as its owner is told of it; who of the team decided stays inside."""
    public = share.state == APPROVED
    return ShareObject(
        id=share.id,
        video_id=share.video_id,
        state=share.state,
        title=share.title,
        url=f"{base_of(use, request)}/shared/{share.id}" if public else None,
        asked_at=int(share.asked_at),
        due_at=int(share.due_at),
        decided_at=seconds(share.decided_at),
        by_policy=share.decided_by == POLICY,
        reason=share.reason,
        words=share.words,
        appealed_at=seconds(share.appealed_at),
        appeal_words=share.appeal_words,
        appeal_decided_at=seconds(share.appeal_decided_at),
        appeal_answer=share.appeal_answer,
        published_at=seconds(share.published_at),
        withdrawn_at=seconds(share.withdrawn_at),
    )
