"""A share as reviewers see it: the video, its maker, what checks found, who decided what."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from pleinair.access.actor import Actor
from pleinair.api.shapes import seconds
from pleinair.review.desk import Case
from pleinair.service.programme_tables import Flag


class FlagObject(BaseModel):
    """What a check found."""

    id: str
    source: str
    label: str
    detail: str
    hold: bool
    created_at: int
    cleared_at: int | None
    cleared_by: str | None


class RefusalObject(BaseModel):
    """Another video of the same maker that was refused once."""

    share_id: str
    state: Annotated[str, Field(description="What became of it.")]
    title: str
    prompt: str
    reason: str | None
    words: str
    decided_at: int | None
    appealed_at: int | None


class MakerObject(BaseModel):
    """Who made a video, and how their earlier wishes to share went."""

    id: str
    name: str
    role: str
    joined_at: int
    asked: Annotated[int, Field(description="Shares that were ever asked, this one included.")]
    approved: Annotated[int, Field(description="That were ever public.")]
    refused: Annotated[int, Field(description="That were ever refused, also if an appeal was won.")]
    refusals: Annotated[list[RefusalObject], Field(description="The newest others, at most five.")]


class ReviewObject(BaseModel):
    """A share with what a reviewer wants to know."""

    object: Literal["review"] = "review"
    id: str
    state: str
    video_id: str
    title: str
    prompt: str
    model: str
    size: str
    seconds: str
    variations: int
    owner: str
    owner_name: str
    owner_role: str
    programme_id: str
    asked_at: int
    due_at: int
    overdue: bool
    flags: list[FlagObject]
    history: Annotated[
        dict[str, int], Field(description="How many shares of this member are in which state.")
    ]
    maker: MakerObject
    earlier_prompts: Annotated[
        list[str], Field(description="Of the videos that this one goes on from, in their order.")
    ]
    may_decide: Annotated[
        bool, Field(description="Whether it waits for a decision that the caller may take.")
    ]
    decided_at: int | None
    decided_by: str | None
    decided_by_name: str | None
    reason: str | None
    words: str
    appealed_at: int | None
    appeal_words: str
    appeal_decided_at: int | None
    appeal_decided_by: str | None
    appeal_decided_by_name: str | None
    appeal_answer: str
    published_at: int | None
    withdrawn_at: int | None
    withdrawn_by: str | None


class ReviewList(BaseModel):
    """Shares, the soonest due first."""

    object: Literal["list"] = "list"
    data: list[ReviewObject]


def review_object(case: Case, actor: Actor) -> ReviewObject:
    """A case as the API tells of it to somebody of the team."""
    share, video = case.share, case.video
    return ReviewObject(
        id=share.id,
        state=share.state,
        video_id=share.video_id,
        title=share.title,
        prompt=video.prompt,
        model=video.model,
        size=video.size,
        seconds=video.seconds,
        variations=video.request.get("variations", 1),
        owner=share.owner,
        owner_name=case.member.name,
        owner_role=case.member.role,
        programme_id=share.programme_id,
        asked_at=int(share.asked_at),
        due_at=int(share.due_at),
        overdue=case.overdue,
        flags=[flag_object(flag) for flag in case.flags],
        history=dict(case.history),
        maker=_maker(case),
        earlier_prompts=list(case.prompts),
        may_decide=case.is_for(actor),
        decided_at=seconds(share.decided_at),
        decided_by=share.decided_by,
        decided_by_name=case.names.get(share.decided_by or ""),
        reason=share.reason,
        words=share.words,
        appealed_at=seconds(share.appealed_at),
        appeal_words=share.appeal_words,
        appeal_decided_at=seconds(share.appeal_decided_at),
        appeal_decided_by=share.appeal_decided_by,
        appeal_decided_by_name=case.names.get(share.appeal_decided_by or ""),
        appeal_answer=share.appeal_answer,
        published_at=seconds(share.published_at),
        withdrawn_at=seconds(share.withdrawn_at),
        withdrawn_by=share.withdrawn_by,
    )


def _maker(case: Case) -> MakerObject:
    return MakerObject(
        id=case.member.id,
        name=case.member.name,
        role=case.member.role,
        joined_at=int(case.member.created_at),
        asked=sum(case.history.values()),
        approved=case.approved,
        refused=case.refused,
        refusals=[
            RefusalObject(
                share_id=one.share.id,
                state=one.share.state,
                title=one.share.title,
                prompt=one.prompt,
                reason=one.share.reason,
                words=one.share.words,
                decided_at=seconds(one.share.decided_at),
                appealed_at=seconds(one.share.appealed_at),
            )
            for one in case.refusals
        ],
    )


def flag_object(flag: Flag) -> FlagObject:
    """A flag as the API tells of it."""
    return FlagObject(
        id=flag.id,
        source=flag.source,
        label=flag.label,
        detail=flag.detail,
        hold=flag.hold,
        created_at=int(flag.created_at),
        cleared_at=seconds(flag.cleared_at),
        cleared_by=flag.cleared_by,
    )
