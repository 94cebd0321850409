"""The Batch API, for creates of videos."""

from typing import Annotated, Any, Literal, TypeAlias, cast

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from pleinair.api.body import body_of, documented
from pleinair.api.files import ExpiresAfter
from pleinair.api.identity import Caller
from pleinair.api.services import Services, Use
from pleinair.api.shapes import REFUSALS, Strict
from pleinair.service.batches import Counts
from pleinair.service.tables import Batch

router = APIRouter(prefix="/v1", tags=["batches"], responses=REFUSALS)
BatchStatus: TypeAlias = Literal[
    "validating",
    "failed",
    "in_progress",
    "finalizing",
    "completed",
    "expired",
    "cancelling",
    "cancelled",
]
Key = Annotated[str, Field(max_length=64)]
Value = Annotated[str, Field(max_length=512)]


class CreateBatch(Strict):
    """A file of creates, to be worked through when there is time."""

    input_file_id: str
    endpoint: Literal["/v1/videos"]
    completion_window: Literal["24h"]
    metadata: Annotated[dict[Key, Value] | None, Field(max_length=16)] = None
    output_expires_after: ExpiresAfter | None = None


class BatchMistake(BaseModel):
    """What is wrong with a line of the input file."""

    code: str
    message: str
    line: int | None
    param: str | None


class BatchMistakes(BaseModel):
    """Why a batch failed."""

    object: Literal["list"] = "list"
    data: list[BatchMistake]


class BatchCounts(BaseModel):
    """How far a batch is."""

    total: int
    completed: int
    failed: int


class BatchObject(BaseModel):
    """A batch as the API tells of it."""

    id: str
    object: Literal["batch"] = "batch"
    endpoint: str
    errors: BatchMistakes | None
    input_file_id: str
    completion_window: str
    status: BatchStatus
    output_file_id: str | None
    error_file_id: str | None
    created_at: int
    in_progress_at: int | None
    expires_at: int
    finalizing_at: int | None
    completed_at: int | None
    failed_at: int | None
    expired_at: int | None
    cancelling_at: int | None
    cancelled_at: int | None
    request_counts: BatchCounts
    metadata: dict[str, str] | None


class BatchList(BaseModel):
    """One page of batches."""

    object: Literal["list"] = "list"
    data: list[BatchObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


@router.post("/batches", openapi_extra=documented(CreateBatch, files=False))
def create_batch(
    body: Annotated[CreateBatch, Depends(body_of(CreateBatch))], owner: Caller, use: Use
) -> BatchObject:
    """Begin a batch; each line of its file is a create, with a body in JSON."""
    keep = body.output_expires_after
    batch = use.batches.create(
        owner,
        body.input_file_id,
        notes=body.metadata,
        keep_output=None if keep is None else keep.seconds,
    )
    return _one(use, batch)


@router.get("/batches")
def list_batches(
    owner: Caller,
    use: Use,
    after: str | None = None,
    limit: Annotated[int, Query(ge=0, le=100)] = 20,
) -> BatchList:
    """Batches, the newest first."""
    found = use.batches.list(owner, after, limit)
    counts = use.batches.counts(found.items)
    return BatchList(
        data=[_told(batch, counts[batch.id]) for batch in found.items],
        first_id=found.first_id,
        last_id=found.last_id,
        has_more=found.has_more,
    )


@router.get("/batches/{batch_id}")
def retrieve_batch(batch_id: str, owner: Caller, use: Use) -> BatchObject:
    """One batch."""
    return _one(use, use.batches.get(owner, batch_id))


@router.post("/batches/{batch_id}/cancel")
def cancel_batch(batch_id: str, owner: Caller, use: Use) -> BatchObject:
    """End a batch early; what has been finished by then stays."""
    return _one(use, use.batches.cancel(owner, batch_id))


def _one(use: Services, batch: Batch) -> BatchObject:
    return _told(batch, use.batches.counts([batch])[batch.id])


def _told(batch: Batch, counts: Counts) -> BatchObject:
    times: dict[str, Any] = {
        name: None if time is None else int(time)
        for name in BatchObject.model_fields
        if name.endswith("_at")
        for time in [getattr(batch, name)]
    }
    return BatchObject(
        id=batch.id,
        endpoint=batch.endpoint,
        errors=BatchMistakes(**batch.errors) if batch.errors else None,
        input_file_id=batch.input_file_id,
        completion_window=batch.completion_window,
        status=cast("BatchStatus", batch.state),
        output_file_id=batch.output_file_id,
        error_file_id=batch.error_file_id,
        request_counts=BatchCounts(
            total=batch.total, completed=counts.completed, failed=counts.failed
        ),
        metadata=batch.notes or None,
        **times,
    )
