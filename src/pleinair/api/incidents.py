"""Incidents: keys that seem to be in other hands, for the administrators."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from pleinair.api.body import body_of, documented
from pleinair.api.identity import Acting
from pleinair.api.services import Use
from pleinair.api.shapes import REFUSALS, Strict, seconds
from pleinair.service.programme_tables import Incident

router = APIRouter(prefix="/admin/v1", tags=["incidents"], responses=REFUSALS)


class CloseIncident(Strict):
    """What an incident was."""

    verdict: Annotated[
        str,
        Field(
            description="`leak`, or `honest`, which gives a limited key its limits back and "
            "releases videos. A stopped key stays stopped.",
            json_schema_extra={"enum": ["leak", "honest"]},
        ),
    ]
    words: Annotated[str, Field(description="For the owner, up to 500 characters.")] = ""


class IncidentObject(BaseModel):
    """An incident as the API tells of it."""

    id: str
    object: Literal["incident"] = "incident"
    key_id: str
    member_id: str | None
    kind: str
    state: str
    score: float
    evidence: dict[str, Any]
    began_at: int
    created_at: int
    updated_at: int
    closed_at: int | None
    closed_by: str | None
    verdict: str | None
    words: str


class IncidentList(BaseModel):
    """Incidents, the newest first."""

    object: Literal["list"] = "list"
    data: list[IncidentObject]


@router.get("/incidents", name="incidents.list")
def list_incidents(
    use: Use,
    state: Annotated[str | None, Query(description="limited, stopped or closed.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> IncidentList:
    """Incidents, the newest first."""
    return IncidentList(data=[_told(incident) for incident in use.incidents.list(state, limit)])


@router.get("/incidents/{incident_id}", name="incidents.get")
def retrieve(incident_id: str, use: Use) -> IncidentObject:
    """One incident, with its evidence."""
    return _told(use.incidents.get(incident_id))


@router.post(
    "/incidents/{incident_id}/close",
    name="incidents.close",
    openapi_extra=documented(CloseIncident, files=False),
)
def close(
    incident_id: str,
    body: Annotated[CloseIncident, Depends(body_of(CloseIncident))],
    actor: Acting,
    use: Use,
) -> IncidentObject:
    """Say what an incident was; honest gives back what can be given back."""
    return _told(use.incidents.close(actor, incident_id, body.verdict, body.words))


def _told(incident: Incident) -> IncidentObject:
    return IncidentObject(
        id=incident.id,
        key_id=incident.key_id,
        member_id=incident.member_id,
        kind=incident.kind,
        state=incident.state,
        score=round(incident.score, 1),
        evidence=incident.evidence,
        began_at=int(incident.began_at),
        created_at=int(incident.created_at),
        updated_at=int(incident.updated_at),
        closed_at=seconds(incident.closed_at),
        closed_by=incident.closed_by,
        verdict=incident.verdict,
        words=incident.words,
    )
