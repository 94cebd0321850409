"""The Files API: pictures to begin from, inputs of batches and what comes out of them."""

import re
import shutil
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Literal, TypeAlias

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from pleinair.api.body import Upload, body_of, documented
from pleinair.api.content import serve, told_of
from pleinair.api.identity import Caller
from pleinair.api.services import Use
from pleinair.api.shapes import REFUSALS, Strict
from pleinair.service.files import KEEP
from pleinair.service.tables import File

router = APIRouter(prefix="/v1", tags=["files"], responses=REFUSALS)
MOST_LISTED = 10_000
CONTENT = told_of("application/octet-stream")
Purpose: TypeAlias = Literal["assistants", "batch", "fine-tune", "vision", "user_data", "evals"]


class ExpiresAfter(Strict):
    """When a file expires."""

    anchor: Literal["created_at"]
    seconds: Annotated[int, Field(ge=KEEP[0], le=KEEP[1])]


class CreateFile(Strict):
    """A file to be kept."""

    file: Upload
    purpose: Purpose
    expires_after: ExpiresAfter | None = None


class FileObject(BaseModel):
    """A file as the API tells of it."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    expires_at: int | None
    filename: str
    purpose: str
    status: Literal["processed"] = "processed"
    status_details: None = None


class FileList(BaseModel):
    """One page of files."""

    object: Literal["list"] = "list"
    data: list[FileObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


class FileDeleted(BaseModel):
    """A file that is gone."""

    id: str
    object: Literal["file"] = "file"
    deleted: bool = True


_FORM = documented(CreateFile)
del _FORM["requestBody"]["content"]["application/json"]  # a file cannot be sent in it


@router.post("/files", openapi_extra=_FORM)
def create_file(
    body: Annotated[CreateFile, Depends(body_of(CreateFile))], owner: Caller, use: Use
) -> FileObject:
    """Keep a file; those for batches expire after 30 days, others when told to."""
    keep = body.expires_after
    body.file.file.seek(0)
    with NamedTemporaryFile() as copy:
        shutil.copyfileobj(body.file.file, copy)
        copy.flush()
        file = use.files.create(
            owner,
            body.file.filename,
            Path(copy.name),
            body.purpose,
            None if keep is None else keep.seconds,
        )
    return _told(file)


@router.get("/files")
def list_files(
    owner: Caller,
    use: Use,
    after: str | None = None,
    limit: Annotated[int, Query(ge=0, le=MOST_LISTED)] = MOST_LISTED,
    order: Literal["asc", "desc"] = "desc",
    purpose: str | None = None,
) -> FileList:
    """Files by age, the newest first unless told otherwise."""
    found = use.files.list(owner, after, limit, order, purpose)
    return FileList(
        data=[_told(file) for file in found.items],
        first_id=found.first_id,
        last_id=found.last_id,
        has_more=found.has_more,
    )


@router.get("/files/{file_id}")
def retrieve_file(file_id: str, owner: Caller, use: Use) -> FileObject:
    """One file."""
    return _told(use.files.get(owner, file_id))


@router.delete("/files/{file_id}")
def delete_file(file_id: str, owner: Caller, use: Use) -> FileDeleted:
    """Forget a file for good."""
    use.files.delete(owner, file_id)
    return FileDeleted(id=file_id)


@router.head("/files/{file_id}/content", **CONTENT)
@router.get("/files/{file_id}/content", **CONTENT)
def file_content(request: Request, file_id: str, owner: Caller, use: Use) -> Response:
    """The bytes of a file as they came in; its type is not guessed."""
    file = use.files.get(owner, file_id)
    return serve(
        use.storage,
        file.key,
        file.size,
        "application/octet-stream",
        re.sub(r"[^A-Za-z0-9._ -]", "_", file.filename),
        request.headers,
        tag=f'"{file.sha256}"',
        head=request.method == "HEAD",
    )


def _told(file: File) -> FileObject:
    return FileObject(
        id=file.id,
        bytes=file.size,
        created_at=int(file.created_at),
        expires_at=None if file.expires_at is None else int(file.expires_at),
        filename=file.filename,
        purpose=file.purpose,
    )
