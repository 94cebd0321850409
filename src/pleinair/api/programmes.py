"""Programmes, for administrators."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from pleinair.access.programmes import FIELDS, REVIEWS, STATES
from pleinair.api.body import body_of, documented
from pleinair.api.identity import Acting
from pleinair.api.services import Use
from pleinair.api.shapes import REFUSALS, Strict
from pleinair.service.programme_tables import Programme

router = APIRouter(prefix="/admin/v1", tags=["programmes"], responses=REFUSALS)
_MICRO = "in millionths of the currency"


class UpdateProgramme(Strict):
    """What of a programme is said or changed; what is left out stays."""

    name: Annotated[str | None, Field(description="1 to 80 characters.")] = None
    state: Annotated[str | None, Field(description=", ".join(STATES))] = None
    terms: Annotated[
        str | None, Field(description="What members accept; new terms must be accepted anew.")
    ] = None
    rate: Annotated[int | None, Field(description="Creates a minute, of one member.")] = None
    concurrent: Annotated[
        int | None, Field(description="Videos that wait or are made, of one member.")
    ] = None
    seconds_each: Annotated[
        int | None, Field(description="Video-seconds in a period, of one member.")
    ] = None
    seconds_all: Annotated[
        int | None, Field(description="Video-seconds in a period, of all members.")
    ] = None
    spend_each: Annotated[
        int | None, Field(description=f"Cost in a period, of one member, {_MICRO}.")
    ] = None
    spend_all: Annotated[
        int | None, Field(description=f"Cost in a period, of all members, {_MICRO}.")
    ] = None
    no_limit: list[str] = Field(
        default_factory=list, description="Names of limits, such as rate, that are taken away."
    )
    period_hours: Annotated[float | None, Field(description="Length of the period.")] = None
    price: Annotated[int | None, Field(description=f"Of a video-second, {_MICRO}.")] = None
    currency: Annotated[str | None, Field(description="Three letters such as EUR.")] = None
    review: Annotated[
        str | None, Field(description=f"Which videos a person reviews: {', '.join(REVIEWS)}.")
    ] = None
    new_videos: Annotated[
        int | None, Field(description="Approved videos until a member is not new any more.")
    ] = None
    review_hours: Annotated[float | None, Field(description="In which one decides.")] = None
    appeal_days: Annotated[float | None, Field(description="In which one may appeal.")] = None
    own_download: Annotated[
        bool | None, Field(description="Whether owners may download before approval.")
    ] = None
    pay_share: Annotated[
        int | None, Field(description=f"For an approved shared video, {_MICRO}.")
    ] = None
    pay_report: Annotated[
        int | None, Field(description=f"For an accepted red-team report, {_MICRO}.")
    ] = None
    pay_hour: Annotated[int | None, Field(description=f"For an hour of feedback, {_MICRO}.")] = None

    def values(self) -> dict[str, Any]:
        """What was said, by the names of the columns."""
        said = self.model_dump(exclude_none=True, exclude={"no_limit"})
        return said | dict.fromkeys(self.no_limit)


class CreateProgramme(UpdateProgramme):
    """A programme to begin; only its name must be said."""

    name: Annotated[str, Field(description="1 to 80 characters.")]


class ProgrammeObject(BaseModel):
    """A programme."""

    object: Literal["programme"] = "programme"
    id: str
    name: str
    state: str
    terms: str
    terms_version: int
    rate: int | None
    concurrent: int | None
    seconds_each: int | None
    seconds_all: int | None
    spend_each: int | None
    spend_all: int | None
    period_hours: float
    price: int
    currency: str
    review: str
    new_videos: int
    review_hours: float
    appeal_days: float
    own_download: bool
    pay_share: int
    pay_report: int
    pay_hour: int
    created_at: int
    updated_at: int


class ProgrammeList(BaseModel):
    """Programmes, the oldest first."""

    object: Literal["list"] = "list"
    data: list[ProgrammeObject]


@router.get("/programmes", name="programmes.list")
def list_programmes(use: Use) -> ProgrammeList:
    """All programmes."""
    return ProgrammeList(data=[_told(programme) for programme in use.programmes.list()])


@router.get("/programmes/{programme_id}", name="programmes.get")
def get_programme(programme_id: str, use: Use) -> ProgrammeObject:
    """One programme."""
    return _told(use.programmes.get(programme_id))


@router.post(
    "/programmes",
    name="programmes.create",
    openapi_extra=documented(CreateProgramme, files=False),
)
def create_programme(
    body: Annotated[CreateProgramme, Depends(body_of(CreateProgramme))], actor: Acting, use: Use
) -> ProgrammeObject:
    """Begin a programme."""
    return _told(use.programmes.create(actor, body.values()))


@router.post(
    "/programmes/{programme_id}",
    name="programmes.update",
    openapi_extra=documented(UpdateProgramme, files=False),
)
def update_programme(
    programme_id: str,
    body: Annotated[UpdateProgramme, Depends(body_of(UpdateProgramme))],
    actor: Acting,
    use: Use,
) -> ProgrammeObject:
    """Change a programme."""
    return _told(use.programmes.update(actor, programme_id, body.values()))


def _told(programme: Programme) -> ProgrammeObject:
    values = {name: getattr(programme, name) for name in FIELDS}
    return ProgrammeObject(
        id=programme.id,
        terms_version=programme.terms_version,
        created_at=int(programme.created_at),
        updated_at=int(programme.updated_at),
        **values,
    )
