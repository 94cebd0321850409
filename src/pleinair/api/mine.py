"""What is one's own in a programme: quotas, statement, contributions, all of it, and the end."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from pleinair.access.contributions import MOST_MINUTES, MOST_WORDS
from pleinair.access.leaving import leave as go
from pleinair.access.money import show
from pleinair.access.quotas import Quota
from pleinair.api.body import body_of, documented
from pleinair.api.identity import Acting, Caller
from pleinair.api.pay import (
    ContributionList,
    ContributionObject,
    Format,
    Since,
    StatementObject,
    Until,
    contribution_object,
    statement_of,
)
from pleinair.api.services import Use
from pleinair.api.shapes import REFUSALS, Strict, seconds

router = APIRouter(prefix="/access/v1", tags=["account"], responses=REFUSALS)


class CreateContribution(Strict):
    """Work that is to be paid for."""

    kind: Annotated[str, Field(description="report, of a red teamer, or feedback, of any artist.")]
    title: Annotated[str, Field(description="1 to 120 characters.")]
    words: Annotated[str, Field(description=f"1 to {MOST_WORDS:,} characters.")]
    video_id: Annotated[
        str | None, Field(description="One of your videos, if it is about one.")
    ] = None
    minutes: Annotated[
        int, Field(description=f"That feedback took, 1 to {MOST_MINUTES}; 0 for a report.")
    ] = 0


class Leave(Strict):
    """The wish to leave, said twice."""

    confirm: Annotated[Literal["leave"], Field(description="leave: nothing can be undone.")]


class QuotaObject(BaseModel):
    """A limit and how it stands; amounts of a currency are decimal text."""

    name: str
    unit: Annotated[str, Field(description="videos, seconds or a currency.")]
    limit: Annotated[float | str | None, Field(description="null is no limit.")]
    used: float | str
    left: float | str | None
    renews_at: Annotated[int | None, Field(description="When some of what is used is free again.")]


class QuotaList(BaseModel):
    """What a programme grants its member."""

    object: Literal["list"] = "list"
    programme_id: str
    programme: str
    state: str
    period_hours: float
    price: Annotated[str, Field(description="Of a video-second.")]
    currency: str
    data: list[QuotaObject]


class Left(BaseModel):
    """Somebody who has left."""

    object: Literal["member.left"] = "member.left"
    id: str
    left_at: int


@router.get("/quotas")
def quotas(owner: Caller, use: Use) -> QuotaList:
    """What one's programme grants, what is used and left, and when it is renewed."""
    programme, found = use.quotas.told(owner)
    return QuotaList(
        programme_id=programme.id,
        programme=programme.name,
        state=programme.state,
        period_hours=programme.period_hours,
        price=show(programme.price),
        currency=programme.currency,
        data=[_quota(one) for one in found],
    )


@router.get(
    "/statement",
    response_model=StatementObject,
    responses={200: {"content": {"text/csv": {}, "text/html": {}}}},
)
def statement(
    owner: Caller, use: Use, since: Since = None, until: Until = None, format: Format = "json"
) -> Response | StatementObject:
    """What one earned, was paid, and what one's videos cost."""
    return statement_of(use.statements.of(owner, since, until), format)


@router.get("/contributions")
def list_contributions(
    owner: Caller, use: Use, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> ContributionList:
    """One's contributions, the newest first."""
    found = use.contributions.list(owner, limit=limit)
    return ContributionList(data=[contribution_object(one) for one in found])


@router.post("/contributions", openapi_extra=documented(CreateContribution, files=False))
def create_contribution(
    body: Annotated[CreateContribution, Depends(body_of(CreateContribution))],
    owner: Caller,
    use: Use,
) -> ContributionObject:
    """File a report or feedback; an administrator decides about it."""
    made = use.contributions.create(
        owner, body.kind, body.title, body.words, body.video_id, body.minutes
    )
    return contribution_object(made)


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/zip": {}}}},
)
def export(owner: Caller, use: Use) -> StreamingResponse:
    """All that is here of oneself, with files, as a zip archive."""
    archive = use.exports.make(owner)
    headers = {
        "content-length": str(archive.size),
        "content-disposition": f'attachment; filename="pleinair-{owner}.zip"',
        "cache-control": "no-store",
    }
    return StreamingResponse(archive.pieces(), media_type="application/zip", headers=headers)


@router.post("/leave", openapi_extra=documented(Leave, files=False))
def leave(body: Annotated[Leave, Depends(body_of(Leave))], actor: Acting, use: Use) -> Left:
    """Leave for good: access ends, videos are deleted, shares withdrawn, the name forgotten."""
    gone = go(use.powers, actor)
    return Left(id=gone.id, left_at=seconds(gone.left_at) or 0)


def _quota(quota: Quota) -> QuotaObject:
    def shown(amount: float | None) -> float | str | None:
        if amount is None or quota.unit in ("videos", "seconds"):
            return amount
        return show(round(amount))

    return QuotaObject(
        name=quota.name,
        unit=quota.unit,
        limit=shown(quota.limit),
        used=shown(quota.used) or 0.0,
        left=shown(quota.left),
        renews_at=seconds(quota.renews_at),
    )
