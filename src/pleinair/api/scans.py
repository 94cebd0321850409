"""Where secret scanners tell of keys that they found in public; see `pleinair.access.scans`."""

from typing import Annotated

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from pleinair.access.scans import MOST_BYTES
from pleinair.api.services import Use
from pleinair.api.shapes import REFUSALS
from pleinair.errors import InputError

router = APIRouter(prefix="/access/v1", tags=["scans"], responses=REFUSALS)


class FindingObject(BaseModel):
    """What came of one token."""

    token_hash: Annotated[str, Field(description="SHA-256 of the token, hexadecimal.")]
    token_type: str
    label: Annotated[str, Field(description="true_positive for a key of this server.")]


@router.post("/scans")
async def take(
    request: Request,
    use: Use,
    identifier: Annotated[str, Header(alias="Github-Public-Key-Identifier")] = "",
    signature: Annotated[str, Header(alias="Github-Public-Key-Signature")] = "",
) -> list[FindingObject]:
    """Stop keys that were found in public.

    The body is that of GitHub's secret scanning: a JSON list of objects with `token`, `type`, `url`
    and `source`. It must be signed by a scanner that this server knows, and is taken once.
    """
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise InputError("body", f"more than {MOST_BYTES:,} bytes", f"up to {MOST_BYTES:,}")
    findings = await run_in_threadpool(use.scans.take, bytes(body), identifier, signature)
    return [FindingObject(**vars(finding)) for finding in findings]
