"""Whether this server made a file: by the mark in it and by how it looks."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from pleinair.access.authority import TEAM
from pleinair.api.body import Upload, body_of, documented
from pleinair.api.identity import Acting
from pleinair.api.services import Use
from pleinair.api.shapes import REFUSALS, Strict
from pleinair.media.glimpse import read_glimpse
from pleinair.service.intake import clean

router = APIRouter(prefix="/v1", tags=["origins"], responses=REFUSALS)


class FindOrigin(Strict):
    """A clip or a picture whose origin is asked for."""

    file: Upload


class OriginObject(BaseModel):
    """A video that it seems to come from; `owner` is for the team alone."""

    object: Literal["origin"] = "origin"
    video_id: str
    number: int
    owner: str | None
    certainty: Literal["certain", "likely", "possible"]
    evidence: list[Literal["watermark", "perceptual"]]
    distance: float | None


class OriginList(BaseModel):
    """Videos, the surest first; `watermark`, whether one was seen, is for the team alone."""

    object: Literal["list"] = "list"
    data: list[OriginObject]
    watermark: bool | None


_FORM = documented(FindOrigin)
del _FORM["requestBody"]["content"]["application/json"]  # a file cannot be sent in it


@router.post("/origins", openapi_extra=_FORM)
def find_origin(
    body: Annotated[FindOrigin, Depends(body_of(FindOrigin))], actor: Acting, use: Use
) -> OriginList:
    """Extra: the videos that a clip or a picture comes from.

    Administrators and reviewers look among all videos, everybody else among their own.
    """
    team = actor.role in TEAM
    with clean(body.file.read(), kind=None, field="file") as upload:
        frames = read_glimpse(upload.path)
    found = use.origins.find(frames, None if team else actor.id)
    data = [
        OriginObject(
            video_id=item.video_id,
            number=item.number,
            owner=item.owner if team else None,
            certainty=item.certainty,
            evidence=list(item.evidence),
            distance=item.distance,
        )
        for item in found.sightings
    ]
    return OriginList(data=data, watermark=found.reading.found if team else None)
