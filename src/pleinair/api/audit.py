"""The record of acts of power, for administrators to read and to check."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from pleinair.api.services import Use
from pleinair.api.shapes import REFUSALS
from pleinair.service import audit
from pleinair.service.programme_tables import Record

router = APIRouter(prefix="/admin/v1", tags=["audit"], responses=REFUSALS)
MOST_FINDINGS = 100


class RecordObject(BaseModel):
    """One act of power, or the try of one."""

    object: Literal["audit.record"] = "audit.record"
    number: int
    at: int
    actor: str
    role: str
    via: str
    act: str
    subject: str
    outcome: Annotated[str, Field(description="done, or why not.")]
    details: dict[str, Any]
    digest: str


class RecordList(BaseModel):
    """Records, the newest first; more come ``after`` the last one if there are more."""

    object: Literal["list"] = "list"
    data: list[RecordObject]
    last_id: int | None
    has_more: bool


class FindingObject(BaseModel):
    """Something in the record that is not as it was written."""

    object: Literal["audit.finding"] = "audit.finding"
    number: Annotated[int, Field(description="Of the record; 0 is the anchor itself.")]
    words: str


class Verification(BaseModel):
    """What came of reading all of it."""

    object: Literal["audit.verification"] = "audit.verification"
    whole: Annotated[bool, Field(description="All is as it was written.")]
    records: int
    anchored: Annotated[int, Field(description="Heads that are kept outside the database.")]
    found: int
    findings: Annotated[list[FindingObject], Field(description=f"The first {MOST_FINDINGS}.")]


@router.get("/audit", name="audit.list")
def list_records(
    use: Use,
    actor: Annotated[str | None, Query(description="Only acts of this member.")] = None,
    subject: Annotated[str | None, Query(description="Only acts on this id.")] = None,
    act: Annotated[str | None, Query(description="Only this act, such as keys.stop.")] = None,
    after: Annotated[
        int | None, Query(description="Number of the last record of the page before.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="At most.")] = 100,
) -> RecordList:
    """The record of acts of power, the newest first."""
    found = audit.read(
        use.database, actor=actor, subject=subject, act=act, before=after, limit=limit + 1
    )
    shown = found[:limit]
    return RecordList(
        data=[_told(record) for record in shown],
        last_id=shown[-1].number if shown else None,
        has_more=len(found) > limit,
    )


@router.get("/audit/verify", name="audit.verify")
def verify(use: Use) -> Verification:
    """Read all of the record and say what is not as it was written."""
    anchor = use.powers.anchor
    heads = anchor.heads()
    findings = [*anchor.torn(), *audit.verify(use.database, heads)]
    return Verification(
        whole=not findings,
        records=audit.count(use.database),
        anchored=len(heads),
        found=len(findings),
        findings=[
            FindingObject(number=one.number, words=one.words) for one in findings[:MOST_FINDINGS]
        ],
    )


def _told(record: Record) -> RecordObject:
    return RecordObject(
        number=record.number,
        at=int(record.at),
        actor=record.actor,
        role=record.role,
        via=record.via,
        act=record.act,
        subject=record.subject,
        outcome=record.outcome,
        details=record.details,
        digest=record.digest,
    )
